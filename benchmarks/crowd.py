"""A brokerage of any size, filled by the schema's owner in a few statements: clients, wallets, postings, payments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connections

from kernel.tenancy import context, schemas

EACH_TRANSFER = 25  # transfers per client, of two entries each: a wallet's and a clearing account's
CHUNK = 200_000  # transfers per statement
DAYS = 400  # the history's length

# Ids that rise with their number, as version 7 UUIDs do; `kind` keeps those of different tables apart.
_ID = "(lpad(to_hex({n}), 12, '0') || '7{kind}8000' || substr(md5(({n})::text), 1, 12))::uuid"
_CLIENT, _DEPOSIT, _WITHDRAWAL, _PART, _HOLD, _STEP, _MESSAGE = ("001", "002", "003", "004", "005", "006", "007")


def _id(kind: str, number: str) -> str:
    return _ID.format(kind=kind, n=number)


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many rows. `open_` withdrawals are the newest ones."""

    clients: int
    deposits: int
    withdrawals: int
    open_: int

    @property
    def transfers(self) -> int:
        return self.clients * EACH_TRANSFER

    @property
    def postings(self) -> int:
        return self.transfers * 2


SMALL = Crowd(clients=100, deposits=300, withdrawals=80, open_=45)
MIDDLE = Crowd(clients=10_000, deposits=30_000, withdrawals=8_000, open_=50)
LARGE = Crowd(clients=100_000, deposits=300_000, withdrawals=80_000, open_=500)

_CLIENTS = f"""
INSERT INTO clients_client (id, created_at, updated_at, number, stage, status, corporate, first_name, last_name, company,
    email, phone, country, language, time_zone, nationality, address, currency, kyc_state, kyc_level, risk, tags, source,
    ftd_currency, active_days, consents)
SELECT {_id(_CLIENT, "n")}, at, at, 1000 + n, 'funded', 'new', false, 'Client', 'Number ' || n, '',
    'client' || n || '@bench.example', '', 'DE', 'en', '', '', '{{}}', 'EUR', 'approved', 1, 'normal', '[]', '{{}}',
    '', 0, '{{}}'
  FROM (SELECT n, now() - (%(clients)s - n) * (interval '{DAYS} days' / %(clients)s) AS at
          FROM generate_series(1, %(clients)s) n) numbered
"""
_WALLETS = f"""
INSERT INTO ledger_account (id, owner, kind, currency, running, overdraft, balance, seq, created_at)
SELECT 1 + n, 'client:' || {_id(_CLIENT, "n")}, 'wallet', 'EUR', true, false,
       ({EACH_TRANSFER} / 5) * 200, {EACH_TRANSFER}, now() - interval '{DAYS} days'
  FROM generate_series(1, %(clients)s) n
"""
# Transfer n is the (n / clients)th of client n % clients: four times one euro comes, the fifth time two go.
_NUMBERED = f"""
    SELECT n, (n - 1) %% %(clients)s + 1 AS client, (n - 1) / %(clients)s + 1 AS seq,
           now() - (%(transfers)s - n) * (interval '{DAYS} days' / %(transfers)s) AS at
      FROM generate_series(%(first)s, %(last)s) n
"""
_TRANSFERS = f"""
INSERT INTO ledger_transfer (id, key, request_hash, kind, created_at, effective_at, data, actor)
SELECT n, 'bench:' || n, md5(n::text), CASE WHEN seq %% 5 = 0 THEN 'payments.withdrawal' ELSE 'payments.deposit' END,
       at, at, '{{"reference": "D-BENCH"}}', '{{"kind": "system", "label": "benchmark"}}'
  FROM ({_NUMBERED}) numbered
"""
_ENTRIES = f"""
INSERT INTO ledger_entry (id, transfer_id, account_id, amount, balance_after, seq, created_at)
SELECT 2 * n - side, n, CASE side WHEN 1 THEN 1 ELSE 1 + client END, CASE side WHEN 1 THEN -minor ELSE minor END,
       CASE side WHEN 0 THEN seq / 5 * 200 + seq %% 5 * 100 END, CASE side WHEN 0 THEN seq END, at
  FROM (SELECT *, CASE WHEN seq %% 5 = 0 THEN -200 ELSE 100 END AS minor FROM ({_NUMBERED}) numbered) valued,
       generate_series(0, 1) side
"""
_DEPOSITS = f"""
INSERT INTO payments_deposit (id, created_at, updated_at, reference, amount_minor, currency, fee_minor, received_minor,
    method, state, provider_reference, payment_reference, payment_url, instructions, source, source_country, failure,
    failure_text, attention, first, language, pending_at, credited_at, closed_at, client_id, provider_account_id,
    cost_minor, provider_fee_currency, provider_fee_minor, provider_fee_told, was_first)
SELECT {_id(_DEPOSIT, "n")}, at, at, 'D-' || n, 10000, 'EUR', 0, CASE WHEN state = 'credited' THEN 10000 END, 'card',
       state, 'pi_' || n, '', '', '{{}}', '', 'DE', CASE WHEN state = 'failed' THEN 'declined' ELSE '' END, '',
       CASE WHEN n %% 5000 = 0 THEN 'amount' ELSE '' END, false, 'en', at,
       CASE WHEN state = 'credited' THEN at + interval '1 minute' END,
       CASE WHEN state <> 'pending' THEN at + interval '1 minute' END,
       {_id(_CLIENT, "(n %% %(clients)s + 1)")}, %(provider)s, 0, '', 0, 0, false
  FROM (SELECT n, now() - (%(deposits)s - n) * (interval '{DAYS} days' / %(deposits)s) AS at,
               CASE WHEN n > %(deposits)s - %(open_)s THEN 'pending' WHEN n %% 20 = 0 THEN 'failed'
                    WHEN n %% 33 = 0 THEN 'expired' ELSE 'credited' END AS state
          FROM generate_series(1, %(deposits)s) n) numbered
"""
# The newest wait or are being sent, each with a hold on its client's wallet; the others were paid, refused or failed.
_OUT = f"""
    SELECT n, now() - (%(withdrawals)s - n) * (interval '{DAYS} days' / %(withdrawals)s) AS at,
           (n * 7) %% %(clients)s + 1 AS client,
           CASE WHEN n <= %(withdrawals)s - %(open_)s
                THEN (ARRAY['rejected', 'cancelled', 'failed', 'paid', 'paid', 'paid', 'paid', 'paid'])[n %% 8 + 1]
                ELSE (ARRAY['requested', 'checked', 'requested', 'checked', 'sending'])[n %% 5 + 1] END AS state
      FROM generate_series(1, %(withdrawals)s) n
"""
_WITHDRAWALS = f"""
INSERT INTO payments_withdrawal (id, created_at, updated_at, reference, amount_minor, paid_minor, currency, state, iban,
    holder, bank, method, checks, requested_by, proposer_id, proposer_label, approver_id, approver_label, hold_reason,
    reason, reason_text, due_at, closed_at, client_id)
SELECT {_id(_WITHDRAWAL, "n")}, at, at, 'W-' || n, 10, CASE state WHEN 'paid' THEN 10 ELSE 0 END, 'EUR', state,
       'DE89370400440532013000', '', '', 'wire', '[]', '', '', '', '', '', '', '', '', at + interval '1 day',
       CASE WHEN state NOT IN ('requested', 'checked', 'sending') THEN at + interval '5 hours' END,
       {_id(_CLIENT, "client")}
  FROM ({_OUT}) numbered
"""
_STEPS = f"""
INSERT INTO payments_approval_step (id, created_at, updated_at, position, who, decided_by_id, decided_by_label,
    decided_at, withdrawal_id)
SELECT {_id(_STEP, "n * 2 + position")}, at, at, position, '',
       CASE WHEN decided THEN 'staff-' || position ELSE '' END, CASE WHEN decided THEN 'Staff' ELSE '' END,
       CASE WHEN decided THEN at + interval '1 hour' END, {_id(_WITHDRAWAL, "n")}
  FROM (SELECT n, at, position, state NOT IN ('requested', 'checked') OR (state = 'checked' AND position = 0) AS decided
          FROM ({_OUT}) numbered, generate_series(0, 1) position) stepped
"""
_PARTS = f"""
INSERT INTO payments_withdrawal_part (id, created_at, updated_at, amount_minor, currency, state, hold_id,
    provider_reference, failure_text, sent_by, closed_at, provider_account_id, withdrawal_id)
SELECT {_id(_PART, "n")}, at, at, 10, 'EUR',
       CASE state WHEN 'paid' THEN 'paid' WHEN 'failed' THEN 'failed' WHEN 'sending' THEN 'sending'
                  WHEN 'requested' THEN 'planned' WHEN 'checked' THEN 'planned' ELSE 'dropped' END,
       {_id(_HOLD, "n")}::text, '', '', '', CASE WHEN state IN ('paid', 'failed') THEN at + interval '5 hours' END,
       %(provider)s, {_id(_WITHDRAWAL, "n")}
  FROM ({_OUT}) numbered
"""
_HOLDS = f"""
INSERT INTO ledger_hold (id, account_id, amount, captured, state, key, request_hash, data, actor, created_at, resolved_at)
SELECT {_id(_HOLD, "n")}, 1 + client, 10, CASE state WHEN 'paid' THEN 10 ELSE 0 END,
       CASE WHEN state IN ('requested', 'checked', 'sending') THEN 'open' WHEN state = 'paid' THEN 'captured'
            ELSE 'voided' END,
       'bench:' || n, '', '{{}}', '{{}}', at,
       CASE WHEN state NOT IN ('requested', 'checked', 'sending') THEN at + interval '5 hours' END
  FROM ({_OUT}) numbered
"""
_HELD = """
UPDATE ledger_account a SET held = h.held
  FROM (SELECT account_id, sum(amount) AS held FROM ledger_hold WHERE state = 'open' GROUP BY account_id) h
 WHERE a.id = h.account_id
"""
_MESSAGES = f"""
INSERT INTO kernel_inbox (id, source, event_key, headers, body, received_at, available_at, attempts, processed_at, outcome, about)
SELECT {_id(_MESSAGE, "n")}, 'payments.stripe:' || %(provider)s, 'evt_' || n, '{{}}',
       convert_to('{{"id": "evt_' || n || '", "data": {{"object": {{"id": "pi_' || n || '"}}}}}}', 'UTF8'),
       at, at, 1, at, 'done', {_id(_DEPOSIT, "n")}::text
  FROM (SELECT n, now() - (%(deposits)s - n) * (interval '{DAYS} days' / %(deposits)s) + interval '1 minute' AS at
          FROM generate_series(1, %(deposits)s) n) numbered
"""
_TABLES = (
    "clients_client", "ledger_account", "ledger_transfer", "ledger_entry", "ledger_hold", "payments_deposit",
    "payments_withdrawal", "payments_withdrawal_part", "payments_approval_step", "kernel_inbox",
)  # fmt: skip


def client_id_sql(number: int) -> str:
    return _id(_CLIENT, str(number))


def fill(ref: Any, crowd: Crowd) -> None:
    """Everything of the crowd into an empty brokerage that has one provider account. The ledger is sound afterwards."""
    from tenant_apps.payments.models import ProviderAccount

    with context.use(ref):
        provider = ProviderAccount.objects.get()
    values: dict[str, Any] = {
        "clients": crowd.clients, "deposits": crowd.deposits, "withdrawals": crowd.withdrawals, "open_": crowd.open_,
        "transfers": crowd.transfers, "provider": str(provider.pk),
    }  # fmt: skip
    with context.owner(ref.schema), connections[schemas.OWNER].cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
        cursor.execute(_CLIENTS, values)
        cursor.execute(
            "INSERT INTO ledger_account (id, owner, kind, currency, running, overdraft, created_at)"
            " VALUES (1, 'house', %s, 'EUR', false, true, now())",
            [f"clearing:{provider.pk}"],
        )
        cursor.execute(_WALLETS, values)
        for first in range(1, crowd.transfers + 1, CHUNK):
            place = {**values, "first": first, "last": min(first + CHUNK - 1, crowd.transfers)}
            cursor.execute(_TRANSFERS, place)
            cursor.execute(_ENTRIES, place)
        for statement in (_DEPOSITS, _WITHDRAWALS, _STEPS, _PARTS, _HOLDS, _MESSAGES):
            cursor.execute(statement, values)
        cursor.execute(_HELD)
        for table, highest in (
            ("account", 1 + crowd.clients),
            ("transfer", crowd.transfers),
            ("entry", crowd.postings),
        ):
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('ledger_{table}', 'id'), %s)", [highest])
        for table in _TABLES:
            cursor.execute(f"VACUUM ANALYZE {table}")
        cursor.execute("SET synchronous_commit = on")
