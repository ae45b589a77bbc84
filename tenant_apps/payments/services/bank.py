"""Bank statements: imported once, matched with reasons, the rest assigned by hand under four eyes.

A line credits by itself only when it carries our reference, or comes from an account the client has paid from before
with the expected amount, and the payer is the client. Everything else waits for two people: one assigns, another
approves. A line credits one deposit and a deposit is credited once, so importing again credits nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils.translation import pgettext, pgettext_lazy

from kernel import audit, clock
from kernel.actors import Actor
from kernel.errors import Invalid, NotFound
from kernel.ids import short_id
from kernel.live import publish as live
from kernel.money import Money
from tenant_apps.clients.models import Client

from ..adapters.bank_wire import reader
from ..adapters.bank_wire.statement import Line, NotAStatement, Statement
from ..errors import StatementRefused, WrongState
from ..models import (
    BankLine,
    BankStatement,
    Deposit,
    DepositState,
    LineState,
    PartState,
    ProviderAccount,
    WithdrawalPart,
)
from ..permissions_list import BANK_APPROVE, BANK_IMPORT
from ..ports import DepositStatus, PaymentState, RefundState, RefundStatus
from .checks import same_name
from .deposits import deposit_apply
from .eyes import others_required
from .parts import part_apply

_REFERENCE = re.compile(r"(?=([DW][0-9A-Z]{8}))")
WAITING = (DepositState.CREATED, DepositState.PENDING, DepositState.FAILED, DepositState.EXPIRED)


@dataclass(frozen=True, slots=True)
class Match:
    """What a line seems to be. `sure` matches credit by themselves; others are suggestions."""

    line: Line
    deposit: Deposit | None
    part: WithdrawalPart | None
    client: Client | None
    reasons: tuple[str, ...]
    sure: bool
    known: bool = False  # imported before


def references_in(*texts: str) -> list[str]:
    """Our references in a payment's text, however banks broke or dashed it."""
    found: list[str] = []
    for text in texts:
        plain = re.sub(r"[^0-9A-Z]", "", text.upper())
        found += [reference for reference in _REFERENCE.findall(plain) if reference not in found]
    return found


def statement_read(data: bytes) -> list[Statement]:
    try:
        return reader.read(data)
    except NotAStatement as error:
        raise StatementRefused(
            pgettext_lazy("payments error", "This file was refused: %(why)s."), field="file", why=str(error)
        ) from error


def statement_preview(account: ProviderAccount, statement: Statement) -> list[Match]:
    """How each line would be matched, without storing anything."""
    keys = [line.key for line in statement.lines]
    known = set(BankLine.objects.filter(line_key__in=keys).values_list("line_key", flat=True))
    return [_match(account, line, known=line.key in known) for line in statement.lines]


def _match(account: ProviderAccount, line: Line, *, known: bool = False) -> Match:
    references = references_in(line.end_to_end, line.remittance)
    if line.returned:
        return _returned(account, line, references, known)
    if line.amount.minor < 0:
        part = _part(account, references, -line.amount, PartState.SENDING)
        return Match(line, None, part, None, ("reference", "amount") if part else (), part is not None, known)
    deposit = (
        Deposit.objects.filter(reference__in=references, provider_account__kind="bank_wire")
        .select_related("client")
        .first()
    )
    if deposit is not None:
        return _by_reference(account, line, deposit, known)
    return _by_account(account, line, known)


def _by_reference(account: ProviderAccount, line: Line, deposit: Deposit, known: bool) -> Match:
    reasons = ["reference"]
    if deposit.state not in WAITING:
        return Match(line, None, None, deposit.client, (*reasons, "taken"), False, known)
    if deposit.currency != line.amount.currency:
        return Match(line, deposit, None, deposit.client, (*reasons, "currency"), False, known)
    reasons.append("amount" if deposit.amount == line.amount else "amount_differs")
    own = same_name(line.counterparty, deposit.client.name)
    reasons.append("name" if own else "other_name")
    if deposit.provider_account_id != account.pk:  # credited as announced, it would stand in another account's books
        return Match(line, None, None, deposit.client, (*reasons, "other_account"), False, known)
    return Match(line, deposit, None, deposit.client, tuple(reasons), own, known)


def _by_account(account: ProviderAccount, line: Line, known: bool) -> Match:
    """No reference: an account the client has paid from before, and one open deposit of that very amount."""
    before = None
    if line.counterparty_iban:
        before = (
            BankLine.objects.filter(
                counterparty_iban=line.counterparty_iban, deposit__isnull=False, deposit__state=DepositState.CREDITED
            )
            .select_related("deposit__client")
            .order_by("-booked_on")
            .first()
        )
    if before is None or before.deposit is None:
        return Match(line, None, None, None, ("none",), False, known)
    client = before.deposit.client
    waiting = list(
        Deposit.objects.filter(
            client=client, provider_account=account, state__in=[DepositState.CREATED, DepositState.PENDING],
            currency=line.amount.currency, amount_minor=line.amount.minor,
        )[:2]
    )  # fmt: skip
    own = same_name(line.counterparty, client.name)
    if len(waiting) == 1 and own:
        return Match(line, waiting[0], None, client, ("iban", "amount", "name"), True, known)
    return Match(line, None, None, client, ("iban", "name" if own else "other_name"), False, known)


def _returned(account: ProviderAccount, line: Line, references: list[str], known: bool) -> Match:
    """A wire of ours that came back whole. One that came back for less, and what the bank corrects, waits for people."""
    part = None
    if line.amount.minor > 0:
        part = _part(account, references, line.amount, PartState.PAID, PartState.SENDING)
    client = part.withdrawal.client if part else None
    reasons = ("returned", "reference", "amount") if part else ("returned",)
    return Match(line, None, part, client, reasons, part is not None, known)


def _part(account: ProviderAccount, references: list[str], amount: Money, *states: PartState) -> WithdrawalPart | None:
    """The wire of ours with this reference and amount."""
    return (
        WithdrawalPart.objects.select_related("withdrawal__client")
        .filter(
            withdrawal__reference__in=references,
            provider_account=account,
            deposit=None,
            state__in=states,
            amount_minor=amount.minor,
            currency=amount.currency,
        )
        .order_by("created_at", "id")
        .first()
    )


@dataclass(frozen=True, slots=True)
class Imported:
    statements: list[BankStatement]
    lines: int
    credited: int
    known: int


def statement_import(*, actor: Actor, account: ProviderAccount, name: str, data: bytes) -> Imported:
    """Store a file's statements and credit what is sure, in one transaction. Raises StatementRefused.

    The same file again, or the same line in another file, changes nothing.
    """
    actor.require(BANK_IMPORT)
    statements = statement_read(data)
    _is_ours(account, statements)
    digest = hashlib.sha256(data).hexdigest()
    stored, counts = [], [0, 0, 0]
    with transaction.atomic():
        for statement in statements:
            row, made = BankStatement.objects.get_or_create(
                sha256=digest,
                statement_id=statement.id[:60],
                defaults={
                    "provider_account": account,
                    "name": name[:200],
                    "iban": statement.iban[:34],
                    "currency": statement.currency,
                    "opening_minor": statement.opening.minor,
                    "closing_minor": statement.closing.minor,
                    "period_from": statement.period_from,
                    "period_to": statement.period_to,
                    "imported_by": actor.label[:160],
                },
            )
            stored.append(row)
            if not made:
                counts[2] += len(statement.lines)
                continue
            for position, match in enumerate(statement_preview(account, statement)):
                _keep(row, position, match, counts, actor)
            audit.record(actor=actor, action="payments.statement_imported", obj=row, after={"lines": counts[0]})
        live.publish("money", {"statement": str(stored[0].pk)})
    return Imported(stored, *counts)


def _is_ours(account: ProviderAccount, statements: Iterable[Statement]) -> None:
    own = "".join(account.settings.get("iban", "").split()).upper()
    for statement in statements:
        if statement.iban.upper() != own:
            raise StatementRefused(
                pgettext_lazy("payments error", "This statement is of another account: %(iban)s."),
                field="file",
                iban=statement.iban,
            )


def _keep(row: BankStatement, position: int, match: Match, counts: list[int], actor: Actor) -> None:
    """One line; what is sure is credited, or marked as sent, at once. A deposit taken by an earlier line is not taken twice."""
    if match.known:
        counts[2] += 1
        return
    line, state = match.line, LineState.UNMATCHED
    if match.part:
        state = LineState.MATCHED
    elif line.amount.minor < 0:
        state = LineState.OUTGOING
    stored = BankLine.objects.create(
        statement=row,
        position=position,
        line_key=line.key,
        booked_on=line.booked_on,
        amount_minor=line.amount.minor,
        currency=line.amount.currency,
        counterparty=line.counterparty[:140],
        counterparty_iban=line.counterparty_iban[:34],
        remittance=line.remittance[:500],
        end_to_end=line.end_to_end[:60],
        state=state,
        reasons=list(match.reasons),
        client=match.client,
    )
    counts[0] += 1
    if match.part:
        part_apply(part_id=match.part.pk, status=_told_of_wire(line), actor=actor)
    elif match.sure and match.deposit and _credit(stored, match.deposit, actor):
        counts[1] += 1


def _told_of_wire(line: Line) -> RefundStatus:
    """What a line says of a wire of ours: it left, or it came back."""
    if line.amount.minor < 0:
        return RefundStatus(state=RefundState.SUCCEEDED, reference=line.key[:120], amount=-line.amount)
    words = " ".join([pgettext("payments", "Returned by the bank."), line.return_reason]).strip()
    return RefundStatus(
        state=RefundState.FAILED, reference=line.key[:120], amount=line.amount, failure_text=words[:300]
    )


def _credit(line: BankLine, deposit: Deposit, actor: Actor) -> bool:
    status = DepositStatus(
        state=PaymentState.PAID,
        provider_reference=deposit.provider_reference or deposit.reference,
        payment_reference=line.line_key[:120],
        amount=line.amount,
        method="wire",
        source=f"{line.counterparty_iban[:2]} •••• {line.counterparty_iban[-4:]}" if line.counterparty_iban else "",
    )
    if deposit_apply(deposit_id=deposit.pk, status=status, actor=actor) != "credited":
        BankLine.objects.filter(pk=line.pk).update(reasons=[*line.reasons, "taken"])
        return False
    BankLine.objects.filter(pk=line.pk).update(
        state=LineState.MATCHED if line.state == LineState.UNMATCHED else LineState.ASSIGNED,
        deposit=deposit,
        client_id=deposit.client_id,
    )
    return True


# --- by hand ----------------------------------------------------------------------------------------------------------


def _locked(line_id: UUID, *states: LineState) -> BankLine:
    line = BankLine.objects.select_for_update(of=("self",)).select_related("statement__provider_account").filter(
        pk=line_id
    ).first()  # fmt: skip
    if line is None:
        raise NotFound
    if line.state not in states:
        raise WrongState
    return line


def line_propose(*, actor: Actor, line_id: UUID, client_number: int, note: str = "") -> BankLine:
    """First pair of eyes: this payment is that client's. Raises Invalid for an unknown client."""
    actor.require(BANK_IMPORT)
    client = Client.objects.filter(number=client_number).first()
    if client is None:
        raise Invalid(pgettext_lazy("payments error", "There is no client with this number."), field="client")
    with transaction.atomic():
        line = _locked(line_id, LineState.UNMATCHED)
        line.client, line.state, line.note = client, LineState.PROPOSED, note[:300]
        line.proposer_id, line.proposer_label = actor.id, actor.label[:160]
        _done(line, "payments.line_proposed", actor, note)
    return line


def line_ignore(*, actor: Actor, line_id: UUID, note: str) -> BankLine:
    """Not a client's payment: fees, interest, own transfers. The note says what it is."""
    actor.require(BANK_IMPORT)
    if not note.strip():
        raise Invalid(pgettext_lazy("payments error", "Say what this payment is."), field="note")
    with transaction.atomic():
        line = _locked(line_id, LineState.UNMATCHED)
        line.state, line.note = LineState.IGNORED, note[:300]
        _done(line, "payments.line_ignored", actor, note)
    return line


def line_back(*, actor: Actor, line_id: UUID) -> BankLine:
    """Refuse a proposed assignment, or take up an ignored line again."""
    actor.require(BANK_IMPORT)
    with transaction.atomic():
        line = _locked(line_id, LineState.PROPOSED, LineState.IGNORED)
        line.state, line.proposer_id, line.proposer_label = LineState.UNMATCHED, "", ""
        _done(line, "payments.line_reopened", actor, "")
    return line


def line_approve(*, actor: Actor, line_id: UUID) -> BankLine:
    """Second pair of eyes: credit the client, on an open deposit of that amount or on a new one. Raises SamePerson."""
    actor.require(BANK_APPROVE)
    with transaction.atomic():
        line = _locked(line_id, LineState.PROPOSED)
        assert line.client is not None
        signs = others_required(actor, line.proposer_id, client=line.client)
        deposit = (
            Deposit.objects.filter(
                client=line.client,
                provider_account=line.statement.provider_account,
                currency=line.currency,
                amount_minor=line.amount_minor,
                state__in=WAITING,
            )
            .order_by("created_at")
            .first()
        ) or _deposit_for(line)
        line.approver_id = actor.id
        _done(line, "payments.line_approved", actor, line.note, likeness=signs)
        _credit(line, deposit, actor)
        line.refresh_from_db()
    return line


def _deposit_for(line: BankLine) -> Deposit:
    """A payment nobody announced."""
    assert line.client is not None
    reference = f"D{short_id(8).upper()}"
    return Deposit.objects.create(
        client=line.client,
        reference=reference,
        amount_minor=line.amount_minor,
        currency=line.currency,
        provider_account=line.statement.provider_account,
        method="wire",
        state=DepositState.PENDING,
        provider_reference=reference,
        pending_at=clock.now(),
        language=line.client.language,
    )


def _done(line: BankLine, action: str, actor: Actor, reason: str, *, likeness: frozenset[str] = frozenset()) -> None:
    line.updated_at = clock.now()
    line.save()
    audit.record(
        actor=actor,
        action=action,
        obj=line,
        label=f"{line.amount} {line.counterparty}",
        subject=line.client_id or "",
        reason=reason,
        after={"likeness": sorted(likeness)} if likeness else None,
    )
    live.publish("money", {"line": str(line.pk)})
