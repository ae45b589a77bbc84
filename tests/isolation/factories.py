"""One row of every model of a brokerage, all under one id.

Every model with a UUID key gets the same UUID, every model with a number key the same number. An address with an id in
it therefore needs no table of which model it means: called with another population's id it must answer 404, called with
its own it must not. A new model is covered without a line here, unless one of its constraints wants special values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.db import connections, models, transaction

from kernel import clock, files
from kernel.ids import uuid7
from kernel.tenancy import context, schemas

PICTURE = (240, 240)


@dataclass(frozen=True, slots=True)
class Population:
    """The rows of one seed. `uuid` and `number` are the keys of all of them."""

    seed: int
    rows: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def uuid(self) -> UUID:
        return UUID(f"018f0000-0000-7000-8000-{self.seed:012x}")

    @property
    def number(self) -> int:
        return 7_000_000 + self.seed

    def key(self, regex: str) -> object:
        """The id for an address whose parameter looks like `regex`."""
        return self.number if regex == "[0-9]+" else self.uuid


# A signed day of one currency, with a proof that differs.
FIGURES = [
    {
        "currency": "EUR", "opening": 500, "deposits": 100, "withdrawals": -20, "fees": -1, "fx": 0, "reversals": 0,
        "trading": 7, "corrections": 0, "other": 0, "closing": 586, "provider_fees": -3, "requirement": 586,
        "providers": 300, "bank": 200, "proofs": {"deposits": [90, 100], "ledger": [0, 0], "bank": [200, 200], "trading": [0, 0]},
        "unproved": ["trading"],
    }
]  # fmt: skip
# What a constraint or a view needs beyond the values made from the field's type.
Special = Callable[[Population], dict[str, Any]]
SPECIAL: dict[str, Special] = {
    "kernel.StoredFile": lambda p: {"content_type": "image/png", "pages": 1},
    "accounts.User": lambda p: {"realm": "staff", "active": True, "password": ""},
    "clients.LegalEntity": lambda p: {
        "name": f"Isolation {p.seed} Ltd", "licence": "CySEC 123/45", "countries": ["AE"] if p.seed % 2 == 0 else [],
        "is_default": p.seed % 2 == 1,
    },
    "clients.Client": lambda p: {"stage": "client", "email": f"client{p.seed}@example.com", "country": "DE"},
    "branding.BrandVersion": lambda p: {"tokens": {"name": "A brand"}},
    "automation.Rule": lambda p: {"number": p.seed},
    "automation.RuleVersion": lambda p: {"trigger": {"kind": "event", "event": "clients.registered"}, "actions": []},
    "campaigns.SeriesStep": lambda p: {"content": {"en": {"subject": "A mail", "blocks": []}}},
    "payments.ProviderAccount": lambda p: {"kind": "bank_wire"},
    "wallets.ProposedChange": lambda p: {"kind": "limits"},
    "reconciliation.PreparedClose": lambda p: {"day": clock.today() - timedelta(days=p.seed)},
    "reconciliation.DayClose": lambda p: {
        "day": clock.today() - timedelta(days=p.seed),
        "previous_sha256": f"{p.seed:064}",
        "figures": FIGURES,
    },
    # A client's: the house's are for whoever reads the books.
    "ledger.Account": lambda p: {"owner": f"client:{p.uuid}", "kind": "isolation", "currency": "EUR", "running": True,
                                 "overdraft": False},
    "trading.Comparison": lambda p: {
        "figures": [
            {
                "currency": "EUR", "platform": 600, "mirror": 586, "in_transit": 4, "difference": 10, "accounts": 3,
                "differing": 1, "missing": 1,
            }
        ],
    },
    "trading.BulkChange": lambda p: {"leverage": 30, "account_type": None, "accounts": 1, "changing": 1, "query": ""},
    "trading.BulkChangeRow": lambda p: {"before": "10", "after": "30", "command_id": None},
    "kyc.Case": lambda p: {"state": "submitted"},
    "wallets.Rate": lambda p: {"base": "EUR", "quote": "USD", "pair": "EUR/USD", "mid": 1, "source": "ecb"},
    "wallets.ManualRate": lambda p: {"base": "USD", "quote": "AED", "mid": 1},
    "wallets.Exchange": lambda p: {
        "give_currency": "EUR", "get_currency": "USD", "give_minor": 100, "get_minor": 90, "worth_minor": 91,
        "mid": 1, "applied": 1, "source": "ecb", "expires_at": clock.now() + timedelta(minutes=9), "transfer_id": None,
    },
    "wallets.ClientTransfer": lambda p: {
        "recipient_id": _second_client(p), "state": "waiting", "amount_minor": 5, "hold_id": p.uuid, "transfer_id": None,
    },
    "wallets.Adjustment": lambda p: {"amount_minor": 5, "transfer_id": None},
    "bonuses.PackChoice": lambda p: {
        "default": "offshore", "countries": {}, "state": "approved", "proposer_id": "one", "decider_id": "two",
        "decided_at": clock.now(),
    },
    "bonuses.SchemeVersion": lambda p: {
        "names": {"en": "A bonus"}, "terms": {}, "percent": 50, "equity_factor": 1, "countries": [], "tags": [],
        "account_types": [], "symbols": [], "days": 90, "offer_days": 7, "number": 1,
        "currencies": {"EUR": {"minimum": 1, "cap": 9, "client_cap": 9, "lots": "0.1"}},
    },
    "bonuses.Grant": lambda p: {
        "state": "offered", "amount_minor": 5, "credit_minor": 0, "paid_minor": 0, "currency": "EUR", "ending": "",
        "lots_per_unit": 1, "offered_until": clock.now() + timedelta(days=3), "lots_used": None,
    },
    "bonuses.CreditMove": lambda p: {"purpose": "burn", "amount_minor": -5, "before_transfer": None},
    "wallets.TransferPolicy": lambda p: {"minimum_minor": 1, "daily_minor": 2},
    "wallets.SourceState": lambda p: {"asked_at": clock.now(), "fetched_at": clock.now()},
}  # fmt: skip
# Written by functions of the database only; the ledger's own tests cover them, and no address carries their ids.
WRITTEN_BY_FUNCTIONS = {
    "ledger.Transfer", "ledger.Entry", "ledger.Hold", "ledger.Period", "ledger.Snapshot",
}  # fmt: skip
# A second population of the same brokerage shares these.
ONE_PER_BROKERAGE = {
    "branding.BrandVersion",
    "payments.DepositLimit",
    "payments.FundsThreshold",
    "payments.PayoutSettings",
    "payments.WithdrawalPolicy",
    "reconciliation.DeskSettings",
    "wallets.ExchangePolicy",
    "wallets.TransferPolicy",
}


def tenant_models() -> list[type[models.Model]]:
    """Models of tenant apps, each after those it refers to."""
    wanted = [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label not in settings.SHARED_APP_LABELS
        and model._meta.managed
        and not model._meta.proxy
        and model._meta.label not in WRITTEN_BY_FUNCTIONS
    ]
    ordered: list[type[models.Model]] = []

    def visit(model: type[models.Model], path: tuple[type[models.Model], ...] = ()) -> None:
        if model in ordered or model in path:
            return
        for relation in _relations(model):
            if relation.related_model in wanted and not (relation.null and _needs(relation.related_model, model)):
                visit(relation.related_model, (*path, model))
        ordered.append(model)

    for model in wanted:
        visit(model)
    return ordered


def populate(population: Population) -> Population:
    """Make the rows in the present tenant. Through the owner's alias, since some tables are append-only or closed."""
    schema = context.tenant().schema
    with transaction.atomic(using=schemas.OWNER), context.owner(schema):
        connections[schemas.OWNER].cursor().execute("SET CONSTRAINTS ALL DEFERRED")
        for model in tenant_models():
            existing = model._default_manager.using(schemas.OWNER).first()
            if existing is not None and model._meta.label in ONE_PER_BROKERAGE:
                population.rows[model._meta.label] = existing
                continue
            row = model(**dict(_values(model, population)))
            row.save(using=schemas.OWNER, force_insert=True)
            population.rows[model._meta.label] = row
    _store_bytes(population)
    return population


def _store_bytes(population: Population) -> None:
    """The stored file gets real, sealed bytes, so that a picture of it can really be asked for."""
    from io import BytesIO

    from PIL import Image

    from kernel import secrets

    out = BytesIO()
    Image.new("RGB", PICTURE, "white").save(out, format="PNG")
    row = population.rows["kernel.StoredFile"]
    files.store().put(f"{context.tenant().id}/{row.pk}", secrets.seal(out.getvalue(), "kernel.file", "bytes", row.pk))


def _second_client(population: Population) -> UUID:
    """Sender and recipient are two people, and a population has one client."""
    first = population.rows["clients.Client"]
    other = type(first)(**dict(_values(type(first), population)))
    other.pk, other.user_id = uuid7(), None
    other.number, other.email = population.number, f"recipient{population.seed}@example.com"
    other.save(using=schemas.OWNER, force_insert=True)
    return UUID(str(other.pk))


def _relations(model: type[models.Model]) -> Iterator[Any]:
    return (item for item in model._meta.local_fields if item.is_relation)


def _needs(model: type[models.Model], other: type[models.Model]) -> bool:
    """Two models may refer to each other, one of them only if it has something to refer to."""
    return any(not item.null and item.related_model is other for item in _relations(model))


def _values(model: type[models.Model], population: Population) -> Iterator[tuple[str, Any]]:
    special = SPECIAL.get(model._meta.label, lambda p: {})(population)
    for item in model._meta.local_fields:
        if item.name in special or item.attname in special:
            continue
        if item.primary_key or not _may_be_left_out(item):
            yield item.attname, _value(item, population)
    yield from special.items()


def _may_be_left_out(item: Any) -> bool:
    """Loose references and foreign keys are always filled, so that rows of a population hang together."""
    if item.is_relation or isinstance(item, models.UUIDField):
        return item.is_relation and item.related_model._meta.label in WRITTEN_BY_FUNCTIONS
    return item.null or item.has_default() or (item.blank and isinstance(item, models.CharField | models.TextField))


def _value(item: Any, population: Population) -> Any:
    if item.is_relation:
        target = population.rows.get(item.related_model._meta.label)
        return target.pk if target is not None else None
    for kind, make in _BY_TYPE:
        if isinstance(item, kind):
            return make(item, population)
    raise FieldDoesNotExist(f"{item}: say in factories.py what a {type(item).__name__} may hold")


def _text(item: Any, population: Population) -> str:
    if item.choices:
        return str(item.choices[0][0])
    known = {"currency": "EUR", "country": "DE", "language": "en", "time_zone": "UTC"}
    if item.name in known:
        return known[item.name]
    text = f"{item.name}{population.seed}"
    return text[-item.max_length :] if item.max_length else text


_BY_TYPE: list[tuple[Any, Callable[[Any, Population], Any]]] = [
    (models.UUIDField, lambda item, p: p.uuid),
    (models.AutoField, lambda item, p: p.number),
    (models.EmailField, lambda item, p: f"{item.name}{p.seed}@example.com"),
    (models.GenericIPAddressField, lambda item, p: "192.0.2.1"),
    (models.CharField, _text),
    (models.TextField, _text),
    (models.BooleanField, lambda item, p: False),
    (models.IntegerField, lambda item, p: p.number if item.primary_key else p.seed),
    (models.DecimalField, lambda item, p: p.seed),
    (models.DateTimeField, lambda item, p: clock.now()),
    (models.DateField, lambda item, p: clock.today()),
    (models.BinaryField, lambda item, p: b"sealed"),
    (models.JSONField, lambda item, p: {}),
]
