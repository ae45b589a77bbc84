"""A committed brokerage with something on every page, the vendor's side of it, and whoever looks at the pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings

from kernel import auth, clock, secrets
from kernel.actors import Actor
from kernel.ids import uuid7
from kernel.sessions import SessionStore
from kernel.tenancy import context
from tests.isolation.world import CLIENT, Brokerage, build, session_of

VISITOR = "visitor"
STAFF = "staff"
NEWCOMER = "newcomer"
OPERATOR = "operator"
LONG = 3600  # seconds that a half-finished log-in lasts longer here: the looks at all pages take a while
HOME_SEAT = {"office": STAFF, "portal": CLIENT, "console": OPERATOR, "site": VISITOR}


@dataclass(slots=True)
class World:
    """`cookies`: session keys by seat. `values`: what is known by no rule: mailed tokens, ids of the vendor's rows."""

    brokerage: Brokerage
    cookies: dict[str, str] = field(default_factory=lambda: {VISITOR: ""})
    values: dict[str, str] = field(default_factory=dict)
    operators: list[UUID] = field(default_factory=list)

    def host(self, surface: str) -> str:
        vendor = {"site": settings.PLATFORM_DOMAIN, "console": f"console.{settings.PLATFORM_DOMAIN}"}
        return str(vendor.get(surface) or self.brokerage.host(surface))


def make(ref: Any) -> World:
    """Fill the brokerage `ref` and the public schema."""
    world = World(build(ref, 1))
    world.values["tenant"] = str(ref.id)
    world.cookies |= {STAFF: world.brokerage.cookies["owner"], CLIENT: world.brokerage.cookies[CLIENT]}
    with context.use(ref):
        _newcomer(world)
        _doors(world)
        _registration(world)
        _faces(world)
        _money(world)
        _funded(world)
        _draft(world)
        _payment_files(world)
        _cashier()
        _bulk(world)
        _desk(world)
        _dealing(world)
        _strategies(world)
    with context.public():
        _operators(world)
        _console(world)
        _sign_ups(world)
    return world


def unmake(world: World) -> None:
    """Take the vendor's rows away; the brokerage's own go with its schema."""
    from provisioning.models import ProvisioningRun
    from shared_apps.operators.models import BreakGlassEntry, Operator, OperatorSession
    from shared_apps.site.models import SignUp

    with context.public():
        BreakGlassEntry.objects.filter(operator_id__in=world.operators).delete()
        OperatorSession.objects.all().delete()
        Operator.objects.filter(pk__in=world.operators).delete()
        SignUp.objects.filter(email__endswith="@pages.example").delete()
        ProvisioningRun.objects.filter(requested_by__label="pages").delete()


def _session(**values: Any) -> str:
    """A visitor's session with something in it; its key."""
    store = SessionStore()
    for name, value in values.items():
        store[name] = value
    store.save()
    return str(store.session_key)


def _pending(account: auth.AbstractAccount) -> str:
    return _session(
        pending_account_id=str(account.pk), pending_at=clock.now().timestamp() + LONG, pending_epoch=account.auth_epoch
    )


# --- the brokerage


def _newcomer(world: World) -> None:
    """Clients who have registered and done nothing else; one of them has documents to accept."""
    from tenant_apps.accounts.models import Realm, User
    from tenant_apps.clients.models import Client

    for number, seat in enumerate((NEWCOMER, "asked"), start=90):
        user = User.objects.create(realm=Realm.CLIENT, email=f"{seat}@example.com", name="New Comer", active=True)
        row = Client.objects.create(
            number=number, user_id=user.pk, email=user.email, first_name="New", last_name="Comer", stage="registered",
            country="DE", language="en", currency="EUR",
        )  # fmt: skip
        world.cookies[seat] = session_of(user)
        if seat == NEWCOMER:
            _accept_all(row)
    _accept_all(Client.objects.get(pk=world.brokerage.own.uuid))


def _accept_all(client: Any) -> None:
    from tenant_apps.clients.models import Acceptance
    from tenant_apps.clients.selectors import documents_missing

    for document in documents_missing(client):
        Acceptance.objects.create(client=client, document=document, sha256=document.sha256)


def _doors(world: World) -> None:
    """Links as mails carry them, and accounts between password and second factor."""
    from tenant_apps.accounts.links import link_create
    from tenant_apps.accounts.models import Realm, User

    for surface, realm in (("office", Realm.STAFF), ("portal", Realm.CLIENT)):
        user = User.objects.create(realm=realm, email=f"door@{realm}.example", name="A Door", active=True)
        world.values[f"{surface}.reset"] = link_create(user=user, purpose="reset")
        world.values[f"{surface}.invite"] = link_create(user=user, purpose="invite")
        world.cookies[f"{surface}.enrols"] = _pending(user)
        known = User.objects.create(realm=realm, email=f"known@{realm}.example", name="A Door", active=True)
        auth.totp_set(known, "JBSWY3DPEHPK3PXP")
        known.save()
        world.cookies[f"{surface}.shows"] = _pending(known)


def _registration(world: World) -> None:
    """What links of mails lead to, and somebody between two pages of registration."""
    from tenant_apps.clients.models import LegalDocument

    world.values["unsubscribe"] = secrets.sign({"e": str(world.brokerage.own.uuid)}, purpose="campaigns.unsubscribe")
    world.values["legal.kind"] = LegalDocument.objects.values_list("kind", flat=True)[0]
    person = {"email": "r@example.com", "first_name": "R", "last_name": "R", "phone": "", "country": "DE"}
    world.cookies["registers"] = _session(registration={**person, "kind": "person", "documents": []})


def _faces(world: World) -> None:
    """What looks different by state once in each: on pages of its own, and as rows of every list."""
    from tenant_apps.kyc.models import Case
    from tenant_apps.payments.models import Deposit, Withdrawal

    for model, states in (
        (Deposit, [state for state in _states(Deposit) if state != "created"]),
        (Withdrawal, [state for state in _states(Withdrawal) if state != "requested"]),
        (Case, ["approved", "rejected"]),  # one open case per client, and the population's is open
    ):
        for number, state in enumerate(states):
            row = model.objects.get(pk=world.brokerage.own.uuid)
            row.pk, row.state = uuid7(), state
            if hasattr(row, "reference"):
                row.reference = f"FACE-{model.__name__[:1]}{number}"
            row.save(force_insert=True)
            world.values[f"{model.__name__.lower()}.{state}"] = str(row.pk)


def _cashier() -> None:
    """A provider that is held back, something under maintenance, a limit with an amount, and a withdrawal that waits."""
    from tenant_apps.payments.models import (
        DepositLimit,
        Maintenance,
        MethodRule,
        PayoutRule,
        ProviderAccount,
        Withdrawal,
    )

    account = ProviderAccount.objects.filter(kind="bank_wire")[0]
    ProviderAccount.objects.filter(pk=account.pk).update(failures=4, backed_off_at=clock.now())
    Maintenance.objects.update(ends_at=None, words="A new contract")
    DepositLimit.objects.update(day_minor=100_000, total_minor=None)
    MethodRule.objects.update(tags_any=["vip"], device="phone")
    PayoutRule.objects.update(tags_any=["vip"], kyc_level=1)
    Withdrawal.objects.filter(state="requested").update(hold_reason="reversal")


def _money(world: World) -> None:
    """Exchanges, transfers and adjustments in each of their states, lines in a wallet, and transfers switched on."""
    from tenant_apps.ledger.services import HOUSE, Leg, account_ensure, post
    from tenant_apps.wallets.models import Adjustment, ClientTransfer, Exchange, ExchangePolicy

    own, now = world.brokerage.own.uuid, clock.now()
    ExchangePolicy.objects.update(transfers_enabled=True, enabled=True)
    wallet = account_ensure(owner=f"client:{own}", kind="wallet", currency="EUR")
    house = account_ensure(owner=HOUSE, kind="fees", currency="EUR")
    for number in range(3):
        legs = [Leg(house, wallet.money(-1_234_50)), Leg(wallet, wallet.money(1_234_50))]
        post(
            kind="wallets.adjustment",
            legs=legs,
            key=f"pages{number}",
            actor=Actor(kind="system"),
            data={"reason": "goodwill"},
        )
    closed = {"transfer_id": 1, "closed_at": now, "hold_id": None}
    over = {"confirmed_at": now, "transfer_id": 1}
    faces: list[tuple[Any, str, dict[str, Any]]] = [
        (Exchange, "done", {"state": "done", **over}),
        (Exchange, "expired", {"expires_at": now - timedelta(minutes=1)}),
        (ClientTransfer, "done", {"state": "done", **closed}),
        (ClientTransfer, "rejected", {"state": "rejected", **closed, "transfer_id": None, "refusal": "Not plausible"}),
        (Adjustment, "approved", {"state": "approved", "transfer_id": 1, "decider_id": "other", "decided_at": now}),
        (Adjustment, "rejected", {"state": "rejected", "refusal": "No", "decided_at": now}),
    ]
    for number, (model, face, values) in enumerate(faces):
        row = model.objects.get(pk=own)
        row.pk, row.reference = uuid7(), f"WFACE{number}"
        if hasattr(row, "key"):
            row.key = face
        for name, value in values.items():
            setattr(row, name, value)
        row.save(force_insert=True)
        world.values[f"{model.__name__.lower()}.{face}"] = str(row.pk)


def _funded(world: World) -> None:
    """A verified client with money, who may do what others are only told about."""
    from tenant_apps.accounts.models import Realm, User
    from tenant_apps.clients.models import Client
    from tenant_apps.ledger.services import HOUSE, Leg, account_ensure, post

    user = User.objects.create(realm=Realm.CLIENT, email="funded@example.com", name="Fun Ded", active=True)
    row = Client.objects.create(
        number=95, user_id=user.pk, email=user.email, first_name="Fun", last_name="Ded", stage="funded", country="DE",
        language="en", currency="EUR", kyc_state="approved", kyc_level=1,
    )  # fmt: skip
    _accept_all(row)
    world.cookies["funded"] = session_of(user)
    for currency in ("EUR", "USD"):
        wallet = account_ensure(owner=f"client:{row.pk}", kind="wallet", currency=currency)
        house = account_ensure(owner=HOUSE, kind="fees", currency=currency)
        legs = [Leg(house, wallet.money(-5_000_00)), Leg(wallet, wallet.money(5_000_00))]
        post(kind="wallets.adjustment", legs=legs, key=f"funded {currency}", actor=Actor(kind="system"), data={})


def _draft(world: World) -> None:
    """A bank's statement that the owner has uploaded and not yet imported."""
    from kernel import files
    from sandbox.bank import camt
    from tenant_apps.accounts.models import User
    from tenant_apps.payments.models import ProviderAccount
    from tenant_apps.payments.office.bank import DRAFT

    iban = "DE89370400440532013000"
    account = ProviderAccount.objects.filter(kind="bank_wire")[0]
    account.settings = {"iban": iban}
    account.save()
    entry = camt.Entry(amount=Decimal(5), name="A Payer", reference="none of ours")
    data = camt.render(camt.Statement(iban=iban, currency="EUR", entries=[entry]))
    owner = User.objects.get(email="owner@staff.example")
    draft = files.save(data, kind=DRAFT, name="statement.xml", content_type="application/xml", subject=owner.pk)
    world.values["statement"] = f"?account={account.pk}&draft={draft.pk}"
    _statements(world, account, data)


def _statements(world: World, account: Any, data: bytes) -> None:
    """A statement that a colleague uploaded and that waits for the owner, and a discarded one."""
    from kernel.actors import system
    from tenant_apps.payments.models import BankStatement
    from tenant_apps.payments.services import bank

    uploader = system("A colleague")
    for name, state in (("waiting", "waiting"), ("discarded", "rejected")):
        (row,) = bank.statement_import(actor=uploader, account=account, name="s.xml", data=data).statements
        reason = "of another year" if state == "rejected" else ""
        BankStatement.objects.filter(pk=row.pk).update(state=state, reason=reason)
        world.values[f"sheet.{name}"] = str(row.pk)
        data += b"\n"


def _payment_files(world: World) -> None:
    """A payment file released with answers of each kind, and a cancelled one; a wire that waits for a file."""
    from tenant_apps.payments.models import OrderState, PayoutBatch, PayoutLine, WithdrawalPart

    own = world.brokerage.own.uuid

    def part() -> Any:
        row = WithdrawalPart.objects.get(pk=own)
        row.pk, row.state, row.deposit_id = uuid7(), "sending", None
        row.save(force_insert=True)
        return row

    part()
    for number, state in enumerate(("released", "cancelled")):
        batch = PayoutBatch.objects.get(pk=own)
        batch.pk, batch.state, batch.reference, batch.reason = uuid7(), state, f"PAGES{number}", "the wrong day"
        batch.releaser_label, batch.released_at = "A colleague", clock.now()
        batch.save(force_insert=True)
        for position, answer in enumerate(OrderState.values):
            PayoutLine.objects.create(
                batch=batch, part=part(), position=position, state=answer, live=state == "released",
                reason="AC04 account closed" if answer == OrderState.REFUSED else "",
            )  # fmt: skip
        world.values[f"batch.{state}"] = str(batch.pk)


def _bulk(world: World) -> None:
    """Bulk changes: the owner's own preview, a colleague's proposal, one that runs and one that is over."""
    from tenant_apps.accounts.models import User
    from tenant_apps.trading.models import BulkChange, BulkChangeRow, Obstacle
    from tenant_apps.wallets.models import ProposedChange

    own, owner = world.brokerage.own.uuid, User.objects.get(email="owner@staff.example")
    begun = {"started_at": clock.now(), "reason": "Quarterly review of leverage"}
    faces: dict[str, dict[str, Any]] = {
        "plan": {"proposer_id": str(owner.pk)},
        "waiting": {},
        "running": {"state": "running", **begun},
        "done": {
            "state": "done",
            "finished_at": clock.now(),
            "approver_label": "A colleague",
            "origin_id": own,
            **begun,
        },
    }
    for name, values in faces.items():
        change = BulkChange.objects.get(pk=own)
        change.pk, change.accounts, change.changing = uuid7(), 1, 1
        for key, value in values.items():
            setattr(change, key, value)
        change.save(force_insert=True)
        row = BulkChangeRow.objects.get(pk=world.brokerage.own.number)
        row.pk, row.change = None, change
        if name == "done":
            row.state, row.reason = "skipped", Obstacle.MONEY_MOVES
        row.save(force_insert=True)
        world.values[f"bulk.{name}"] = str(change.pk)
    ProposedChange.objects.create(
        kind="trading_bulk", object_id=world.values["bulk.waiting"], title="1:30 × 1", note="Quarterly review",
        proposer_id="colleague", proposer_label="A colleague", values={"reason": "Quarterly review"},
    )  # fmt: skip


def _desk(world: World) -> None:
    """A provider's report that the owner has uploaded: of a format that is known, and as if it were not."""
    from kernel import files
    from tenant_apps.accounts.models import User
    from tenant_apps.payments.models import ProviderAccount
    from tenant_apps.reconciliation.models import DayClose
    from tenant_apps.reconciliation.services.reports import FILE
    from tenant_apps.reconciliation.tests.support import stripe_file, stripe_line

    account = ProviderAccount.objects.all()[0]
    owner = User.objects.get(email="owner@staff.example")
    data = stripe_file(stripe_line(fee="0.40", intent="pi_1"), stripe_line("payout", "-5.00"), stripe_line(gross="x"))
    draft = files.save(data, kind=FILE, name="report.csv", content_type="text/csv", subject=owner.pk)
    world.values["report"] = f"?account={account.pk}&draft={draft.pk}"
    world.values["close.signed"] = DayClose.objects.get(pk=world.brokerage.own.uuid).day.isoformat()
    world.values["report.mapping"] = f"{world.values['report']}&format="


def _states(model: Any) -> list[str]:
    return [value for value, _ in model._meta.get_field("state").choices]


# --- the vendor


def _dealing(world: World) -> None:
    """Trades and positions of a live account that is short of margin, its curve, and what its server answered."""
    from kernel.models import Command
    from tenant_apps.trading.models import AccountType, Deal, EquityPoint, Position, TradingAccount

    now, account = clock.now(), TradingAccount.objects.get(pk=world.brokerage.own.uuid)
    AccountType.objects.update(margin_call=100, stop_out=50, stop_out_unit="percent")
    TradingAccount.objects.filter(pk=account.pk).update(live=True, state="open", margin_level=Decimal("62.5"))
    Deal.objects.update(
        kind="sell", entry="out", reason="stop_out", symbol="EURUSD", deleted_at=None, executed_at=now, stored_at=now
    )
    Position.objects.update(symbol="EURUSD", side="buy", notional_minor=12_345_600)
    world.values["symbol"] = "?symbol=EURUSD"
    EquityPoint.objects.create(account=account, at=now - timedelta(days=1), balance_minor=100_000, equity_minor=100_000)
    for state, milliseconds in (("succeeded", 80), ("failed", 12_000)):
        Command.objects.create(
            kind="trading.balance", aggregate=account.aggregate, state=state, sent_at=now, finished_at=now,
            latency_ms=milliseconds, error_code="" if state == "succeeded" else "no_money",
        )  # fmt: skip


def _strategies(world: World) -> None:
    """Strategies of another client in each of their states, one of them too few to judge; the population's own one waits."""
    from tenant_apps.copying.models import Strategy, StrategyStats
    from tenant_apps.trading.models import TradingAccount

    whole = {
        "judged": True, "standing": Decimal("3.2"), "growth": Decimal("0.321"), "growth_month": Decimal("-0.012"),
        "drawdown": Decimal("0.1"), "worst_day": Decimal("-0.03"), "sharpe": Decimal("1.4"), "win_rate": Decimal("0.6"),
        "profit_factor": Decimal("1.8"), "trades": 120, "age_days": 200, "capital_minor": 1_000_000, "capital_currency": "EUR",
        "months": [["2025-12", 0.1], ["2026-01", 0.2]], "curve": [["2025-12-30", 0.0], ["2025-12-31", 0.1], ["2026-01-02", 0.3]],
        "since": clock.now() - timedelta(days=200),
    }  # fmt: skip
    faces: dict[str, tuple[str, dict[str, Any]]] = {
        "listed": ("listed", whole),
        "few": ("listed", {"growth": Decimal("0.5"), "trades": 3}),
        "ended": ("ended", whole),
        "suspended": ("suspended", whole),
    }
    for number, (face, (state, figures)) in enumerate(faces.items()):
        account = TradingAccount.objects.get(pk=world.brokerage.foreign.uuid)
        account.pk, account.login, account.ledger_kind, account.dedupe_key = (
            uuid7(),
            900 + number,
            f"face{number}",
            face,
        )
        account.save(force_insert=True)
        row = Strategy.objects.create(
            account=account, name=f"Strategy {face}", description="Majors only, a few trades a week", state=state,
            released_at=clock.now(), consented_at=clock.now(), ended_at=clock.now() if state == "ended" else None,
            note="A complaint" if state == "suspended" else "", show_capital=True,
        )  # fmt: skip
        StrategyStats.objects.create(strategy=row, as_of=clock.now(), **figures)
        world.values[f"strategy.{face}"] = str(row.pk)
    wanted = {"name": "Another", "description": "Gold", "performance_fee": "10", "management_fee": "1",
              "volume_fee_minor": 0, "minimum_minor": 500, "show_capital": False}  # fmt: skip
    Strategy.objects.filter(pk=world.values["strategy.listed"]).update(wanted=wanted)


def _operators(world: World) -> None:
    from shared_apps.operators.models import Operator
    from shared_apps.operators.services import invitation_token

    for name in (OPERATOR, "invited", "enrols", "shows"):
        operator = Operator(role="owner", email=f"{name}@pages.example", name=name.title(), active=True)
        if name in (OPERATOR, "shows"):
            auth.totp_set(operator, "JBSWY3DPEHPK3PXP")
        operator.save()
        world.operators.append(operator.pk)
        if name == OPERATOR:
            world.cookies[OPERATOR] = session_of(operator)
            world.values["operator"] = str(operator.pk)
        elif name == "invited":
            world.values["console.invite"] = invitation_token(operator)
        else:
            world.cookies[f"console.{name}"] = _pending(operator)


def _console(world: World) -> None:
    """An entry into the brokerage, lines of the trail, and a set-up in each state."""
    from provisioning.models import RunState
    from shared_apps.operators.models import BreakGlassEntry, Operator

    operator = Operator.objects.get(pk=world.values["operator"])
    BreakGlassEntry.objects.create(
        tenant_id=world.brokerage.ref.id, operator=operator, reason="Looking into a deposit that is missing",
        ticket_hash="pages", ticket_until=clock.now(), until=clock.now() + timedelta(minutes=30), used_at=clock.now(),
    )  # fmt: skip
    for state in RunState.values:
        world.values[f"run.{state}"] = str(_run(state, world).pk)


def _run(state: str, world: World) -> Any:
    from provisioning.models import ProvisioningStep, RunState, StepState
    from provisioning.services import run_start

    run = run_start(
        request={
            "slug": f"pages-{state}", "name": f"Pages {state}", "preset": "gcc", "owner_email": "o@pages.example",
            "owner_name": "Owner", "owner_password": "!", "look": {"theme": "base", "colour": "#0f766e"},
        },
        actor=Actor(kind="operator", label="pages"),
    )  # fmt: skip
    now = clock.now()
    run.tenant_id = world.brokerage.ref.id
    run.state = state
    if state in (RunState.DONE, RunState.FAILED):
        run.finished_at = now + timedelta(seconds=3)
    if state in (RunState.FAILED, RunState.COMPENSATING):
        run.error, run.technical = "slug_taken", "IntegrityError: tenancy_tenant_slug"
    run.save()
    steps = list(run.steps.all())
    for number, step in enumerate(steps):
        reached = state == RunState.DONE or number < len(steps) // 2
        step.state = StepState.DONE if reached else StepState.TODO
        if number == len(steps) // 2 and state != RunState.DONE:
            step.state = StepState.RUNNING if state == RunState.RUNNING else StepState.FAILED
        step.started_at = step.finished_at = now
    ProvisioningStep.objects.bulk_update(steps, ["state", "started_at", "finished_at"])
    return run


def _sign_ups(world: World) -> None:
    """A visitor at each page of the sign-up."""
    from shared_apps.site.models import SignUp

    company = {"name": "Pages Capital", "slug": "pages-capital", "preset": "gcc", "languages": ["ar", "en"]}
    look = {"theme": "base", "colour": "#0f766e", "default_language": "ar"}
    far = {
        "begins": {},
        "verified": {"verified_at": clock.now()},
        "looks": {"verified_at": clock.now(), "data": company},
        "owns": {"verified_at": clock.now(), "data": company | look},
        "watches": {"verified_at": clock.now(), "data": company | look, "run_id": world.values["run.running"]},
        "fails": {"verified_at": clock.now(), "data": company | look, "run_id": world.values["run.failed"]},
        "arrives": {"verified_at": clock.now(), "data": company | look, "run_id": world.values["run.done"]},
    }
    for name, values in far.items():
        row = SignUp.objects.create(email=f"{name}@pages.example", **values)
        # Handed over: the first sight of the last page posts itself to the new office.
        world.cookies[name] = _session(sign_up=str(row.pk), handed_over=True)
