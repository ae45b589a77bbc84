"""Where dLocal pays out to: per country the fields a bank asks for, what each must look like, and where it goes.

One table. `path` is the place in the request of Payouts v3 (docs.dlocal.com/docs/<country>-payouts-v3: `first_name`,
`document.id`, `bank_account.code` and `.account` are documented there, the account types in the answer to a wrong one);
formats are those of the country pages. In Argentina, Mexico and Peru the account number names the bank: its first three
digits are the code. For PIX the request names which of the beneficiary's data is the key, as Payouts v2 documents it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import pgettext_lazy

from kernel.errors import Rejected

from ...ports import DestinationField, PayoutMethod, PayoutOrder, Shape
from .banks import BRAZIL, CHILE, COLOMBIA
from .countries import LOCAL

BANK_TRANSFER, INSTANT = "BANK_TRANSFER", "INSTANT_PAYMENT"
_CHECKING = ("CHECKING", pgettext_lazy("payout field", "Current account"))
_SAVINGS = ("SAVINGS", pgettext_lazy("payout field", "Savings account"))
_VISTA = ("VISTA", pgettext_lazy("payout field", "Cuenta Vista or Cuenta RUT"))
_BY_NUMBER = 3  # digits of the bank at the head of CLABE, CCI and CBU
# Which of the beneficiary's data is the PIX key, and where in the request it stands.
_PIX_KEYS = {
    "document_id": (r"\d{11}|\d{14}", ("document", "id")),
    "email": (r"[^@\s]+@[^@\s]+\.[^@\s]+", ("email",)),
    "phone": (r"\+55\d{10,11}", ("phone",)),
    "bank_account": (r"[0-9a-fA-F-]{36}", ("bank_account", "account")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One field: how it is asked for, what it must match once spaces, dots and dashes are gone, and where it goes."""

    field: DestinationField
    path: tuple[str, ...] = ()
    pattern: str = r".+"
    plain: bool = True  # take out what people write between digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    code: str
    country: str
    icon: str
    label: Any
    hint: Any
    asked: tuple[Asked, ...]
    identity: tuple[str, ...]
    rail: str = BANK_TRANSFER
    bank_in: str = ""  # the field whose first digits are the bank's code
    document_type: str = ""  # where a country has one only, or its length tells

    @property
    def method(self) -> PayoutMethod:
        return PayoutMethod(
            code=self.code,
            icon=self.icon,
            label=self.label,
            hint=self.hint,
            fields=tuple(asked.field for asked in self.asked),
            identity=self.identity,
            currencies=frozenset({LOCAL[self.country], "USD"}),
            countries=frozenset({self.country}),
        )


def _document(label: Any, pattern: str, longest: int) -> Asked:
    field = DestinationField(name="document_id", label=label, shape=Shape.DOCUMENT, longest=longest)
    return Asked(field=field, path=("document", "id"), pattern=pattern)


def _account(name: str, label: Any, pattern: str, longest: int = 34) -> Asked:
    field = DestinationField(name=name, label=label, shape=Shape.ACCOUNT, longest=longest)
    return Asked(field=field, path=("bank_account", "account"), pattern=pattern)


def _kinds(*kinds: tuple[str, Any]) -> Asked:
    label = pgettext_lazy("payout field", "Kind of account")
    return Asked(field=DestinationField(name="account_type", label=label, choices=kinds), path=("bank_account", "type"))


def _bank(banks: Sequence[tuple[str, str]]) -> Asked:
    label = pgettext_lazy("payout field", "Bank")
    return Asked(field=DestinationField(name="bank_code", label=label, choices=banks), path=("bank_account", "code"))


def _papers(*kinds: str) -> Asked:
    names = {
        "CC": pgettext_lazy("payout field", "Cédula de ciudadanía"),
        "CE": pgettext_lazy("payout field", "Foreign resident's card (CE)"),
        "NIT": "NIT",
        "DNI": "DNI",
        "RUC": "RUC",
        "PASS": pgettext_lazy("payout field", "Passport"),
    }
    field = DestinationField(
        name="document_type",
        label=pgettext_lazy("payout field", "Kind of document"),
        choices=tuple((kind, names[kind]) for kind in kinds),
    )
    return Asked(field=field, path=("document", "type"))


_NUMBER = pgettext_lazy("payout field", "Account number")
_ID_NUMBER = pgettext_lazy("payout field", "Document number")
_BANK_LABEL = pgettext_lazy("payment method", "Bank account")
_WITHIN_A_DAY = pgettext_lazy("payment method hint", "To your own account. Usually within one working day.")

TABLE = (
    Destination(
        code="pix", country="BR", icon="smartphone", rail=INSTANT, identity=("pix_key",),
        label=pgettext_lazy("payment method", "PIX"),
        hint=pgettext_lazy("payment method hint", "To your PIX key. Usually within minutes."),
        asked=(
            Asked(
                field=DestinationField(
                    name="pix_kind", label=pgettext_lazy("payout field", "Kind of PIX key"),
                    choices=(
                        ("document_id", "CPF / CNPJ"),
                        ("email", pgettext_lazy("payout field", "E-mail address")),
                        ("phone", pgettext_lazy("payout field", "Phone number")),
                        ("bank_account", pgettext_lazy("payout field", "Random key")),
                    ),
                ),
            ),
            Asked(
                field=DestinationField(name="pix_key", label=pgettext_lazy("payout field", "PIX key")), plain=False
            ),
            _document("CPF / CNPJ", r"\d{11}|\d{14}", 18),
        ),
    ),
    Destination(
        code="bank_br", country="BR", icon="landmark", label=_BANK_LABEL, hint=_WITHIN_A_DAY,
        identity=("bank_code", "bank_branch", "bank_account"),
        asked=(
            _bank(BRAZIL),
            Asked(
                field=DestinationField(
                    name="bank_branch", label=pgettext_lazy("payout field", "Branch (agência)"), longest=8
                ),
                path=("bank_account", "branch"), pattern=r"\d{4}[0-9A-Z]{0,2}",
            ),
            _account("bank_account", _NUMBER, r"\d{4,13}[0-9X]?", 18),
            _kinds(_CHECKING, _SAVINGS),
            _document("CPF / CNPJ", r"\d{11}|\d{14}", 18),
        ),
    ),
    Destination(
        code="spei", country="MX", icon="landmark", bank_in="clabe", identity=("clabe",),
        label=pgettext_lazy("payment method", "SPEI"), hint=_WITHIN_A_DAY,
        asked=(_account("clabe", "CLABE", r"\d{18}", 24),),
    ),
    Destination(
        code="bank_co", country="CO", icon="landmark", label=_BANK_LABEL, hint=_WITHIN_A_DAY,
        identity=("bank_code", "bank_account"),
        asked=(
            _bank(COLOMBIA),
            _account("bank_account", _NUMBER, r"\d{8,16}", 20),
            _kinds(_SAVINGS, _CHECKING),
            _papers("CC", "CE", "NIT", "PASS"),
            _document(_ID_NUMBER, r"[0-9A-Z]{6,12}", 15),
        ),
    ),
    Destination(
        code="bank_pe", country="PE", icon="landmark", bank_in="cci", label=_BANK_LABEL, hint=_WITHIN_A_DAY,
        identity=("cci",),
        asked=(
            _account("cci", pgettext_lazy("payout field", "Interbank account code (CCI)"), r"\d{20}", 26),
            _kinds(_SAVINGS, _CHECKING),
            _papers("DNI", "CE", "RUC", "PASS"),
            _document(_ID_NUMBER, r"[0-9A-Z]{8,12}", 15),
        ),
    ),
    Destination(
        code="bank_cl", country="CL", icon="landmark", label=_BANK_LABEL, hint=_WITHIN_A_DAY, document_type="RUT",
        identity=("bank_code", "bank_account"),
        asked=(
            _bank(CHILE),
            _account("bank_account", _NUMBER, r"\d{4,20}", 24),
            _kinds(_CHECKING, _VISTA, _SAVINGS),
            _document("RUT", r"\d{7,8}[0-9K]", 12),
        ),
    ),
    Destination(
        code="bank_ar", country="AR", icon="landmark", bank_in="cbu", label=_BANK_LABEL, hint=_WITHIN_A_DAY,
        identity=("cbu",), document_type="CUIT",
        asked=(
            _account("cbu", "CBU / CVU", r"\d{22}", 28),
            _document("CUIT / CUIL", r"\d{11}", 14),
        ),
    ),
)  # fmt: skip
BY_CODE = {destination.code: destination for destination in TABLE}
METHODS = tuple(destination.method for destination in TABLE)


def beneficiary(destination: Destination, order: PayoutOrder) -> dict[str, Any]:
    """Who is paid and where, as dLocal wants it. Raises Rejected naming the field that does not fit."""
    first, _, last = order.payee.name.strip().partition(" ")
    built: dict[str, Any] = {"first_name": first, "last_name": last or first}
    for name in ("email", "phone"):
        if value := getattr(order.payee, name):
            built[name] = value
    if order.payee.street and order.payee.city:
        built["address"] = {"street": order.payee.street, "city": order.payee.city}
    for asked in destination.asked:
        value = _checked(asked, order.destination)
        if value and asked.path:
            _put(built, asked.path, value)
    if destination.rail == INSTANT:
        _put_pix_key(built, order.destination)
    if destination.bank_in:
        _put(built, ("bank_account", "code"), built["bank_account"]["account"][:_BY_NUMBER])
    if destination.document_type:
        _put(built, ("document", "type"), destination.document_type)
    if destination.country == "BR":
        _put(built, ("document", "type"), "CPF" if len(built["document"]["id"]) == 11 else "CNPJ")
    return built


def _checked(asked: Asked, given: Mapping[str, str]) -> str:
    value = str(given.get(asked.field.name, "")).strip()
    if asked.plain and not asked.field.choices:
        value = re.sub(r"[\s./-]", "", value).upper()
    choices = {choice for choice, _ in asked.field.choices}
    if not re.fullmatch(asked.pattern, value) or (choices and value not in choices):
        raise Rejected(
            pgettext_lazy("payments error", "dLocal cannot pay out there: check the destination (%(name)s)."),
            name=asked.field.name,
        )
    return value


def _put_pix_key(built: dict[str, Any], given: Mapping[str, str]) -> None:
    kind, key = given["pix_kind"], given["pix_key"].strip()
    pattern, path = _PIX_KEYS[kind]
    if kind in {"document_id", "phone"}:
        key = re.sub(r"[\s()./-]", "", key)
    if not re.fullmatch(pattern, key):
        raise Rejected(
            pgettext_lazy("payments error", "dLocal cannot pay out there: check the destination (%(name)s)."),
            name="pix_key",
        )
    _put(built, path, key)


def _put(built: dict[str, Any], path: tuple[str, ...], value: str) -> None:
    *outer, last = path
    for name in outer:
        built = built.setdefault(name, {})
    built[last] = value
