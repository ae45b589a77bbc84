"""The filter of the list of accounts as one value: parsed from a query string, applied to accounts, said in words.

The list and a bulk change of what it shows share it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils.http import urlencode
from django.utils.translation import pgettext

from kernel.ids import parse_uuid
from kernel.ui.formatting import country_text
from kernel.ui.forms import country_choices, normalise_digits
from tenant_apps.clients.entities import clients_of, live
from tenant_apps.clients.models import Client, LegalEntity
from tenant_apps.trading.models import AccountState, AccountType, TradingAccount, TradingServer

REALITIES = ("live", "demo")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFilter:
    """Empty text means "any". `type` and `entity` are ids, `server` a name, `country` a code in two letters."""

    q: str = ""
    state: str = ""
    real: str = ""
    server: str = ""
    type: str = ""
    currency: str = ""
    leverage: str = ""
    country: str = ""
    entity: str = ""
    tag: str = ""

    @classmethod
    def parse(cls, query: QueryDict | dict[str, str]) -> AccountFilter:
        """From a query string; unknown keys and unusable values are left out."""
        values = {one.name: str(query.get(one.name, "") or "").strip()[:120] for one in fields(cls)}
        values["leverage"] = normalise_digits(values["leverage"]).removeprefix("1:")
        usable = {
            "state": values["state"] in AccountState.values, "real": values["real"] in REALITIES,
            "type": parse_uuid(values["type"]) is not None, "entity": parse_uuid(values["entity"]) is not None,
            "leverage": values["leverage"].isdecimal() and len(values["leverage"]) < 6,
        }  # fmt: skip
        return cls(**{name: value for name, value in values.items() if usable.get(name, True)})

    @classmethod
    def parse_text(cls, text: str) -> AccountFilter:
        return cls.parse(QueryDict(text))

    def as_query(self) -> str:
        """The query string again, without what is empty."""
        return urlencode([(one.name, getattr(self, one.name)) for one in fields(self) if getattr(self, one.name)])

    def apply(self, rows: QuerySet[TradingAccount], *, masks: frozenset[str] = frozenset()) -> QuerySet[TradingAccount]:
        exact: dict[str, Any] = {
            "state": self.state, "server__name": self.server, "account_type": UUID(self.type) if self.type else "",
            "currency": self.currency.upper(), "leverage": self.leverage, "client__country": self.country.upper(),
        }  # fmt: skip
        rows = rows.filter(**{name: value for name, value in exact.items() if value})
        if self.real:
            rows = rows.filter(live=self.real == "live")
        if self.tag:
            rows = rows.filter(client__tags__contains=[self.tag.lower()])
        if self.entity:
            rows = rows.filter(client__in=_with_entity(self.entity))
        return rows.filter(_matching(self.q, masks)) if self.q else rows


def _with_entity(entity_id: str) -> Any:
    return Client.objects.filter(clients_of(entity_id)).values("pk")


def _matching(text: str, masks: frozenset[str]) -> Q:
    """By login, number, name or e-mail. Who sees addresses masked finds by a whole one only, or could guess it letter by
    letter."""
    if text.isdecimal() and len(text) < 18:
        return Q(login=int(text)) | Q(client__number=int(text))
    by_email = "client__email" if "email" in masks else "client__email__icontains"
    names = Q(client__first_name__icontains=text) | Q(client__last_name__icontains=text)
    return names | Q(**{by_email: text.lower()})


def filter_choices() -> dict[str, Any]:
    """What a list offers to choose from: three queries."""
    types = [(str(kind.pk), _type_words(kind)) for kind in AccountType.objects.order_by("order", "name", "currency")]
    entities = [(str(row.pk), row.name) for row in live()]
    currencies = sorted(set(AccountType.objects.values_list("currency", flat=True)))
    return {
        "states": AccountState.choices,
        "servers": [(name, name) for name in TradingServer.objects.order_by("name").values_list("name", flat=True)],
        "kinds": [("live", pgettext("trading account", "Live")), ("demo", pgettext("trading account", "Demo"))],
        "types": types,
        "currencies": [(code, code) for code in currencies],
        "countries": country_choices(),
        "entities": entities if len(entities) > 1 else [],
    }


def _type_words(kind: AccountType) -> str:
    return f"{kind.name} {kind.currency} \u2068{kind.group}\u2069"


def words(wanted: AccountFilter) -> list[tuple[Any, str]]:
    """What a filter asks for, as people say it: names, not ids."""
    kind = AccountType.objects.filter(pk=wanted.type).first() if wanted.type else None
    entity = LegalEntity.objects.filter(pk=wanted.entity).first() if wanted.entity else None
    real = {"live": pgettext("trading account", "Live"), "demo": pgettext("trading account", "Demo")}
    pairs: list[tuple[Any, str]] = [
        (pgettext("account filter", "Search"), wanted.q),
        (pgettext("trading account", "State"), str(dict(AccountState.choices).get(wanted.state, ""))),
        (pgettext("trading account", "Kind"), real.get(wanted.real, "")),
        (pgettext("trading account", "Server"), wanted.server),
        (pgettext("trading account", "Type"), _type_words(kind) if kind else wanted.type),
        (pgettext("account filter", "Currency"), wanted.currency.upper()),
        (pgettext("trading account", "Leverage"), wanted.leverage and f"1:{wanted.leverage}"),
        (pgettext("account filter", "Country"), country_text(wanted.country.upper()) if wanted.country else ""),
        (pgettext("client", "Legal entity"), entity.name if entity else wanted.entity),
        (pgettext("account filter", "Tag"), wanted.tag),
    ]
    return [(label, value) for label, value in pairs if value]
