"""Freedom Pay's wire: form posts out, signed XML back, md5 signatures, amounts in major units.

`pg_sig` = md5 of "script name;values in the order of their names;secret" (freedompay.kz/docs-en/merchant-api/pay), the
script name being the last part of the address without its query; PayBox' PHP library makes it empty where the address
ends in a slash, others take the last part that is not empty. Ours ends in one, so both are accepted from Freedom Pay.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from kernel import http
from kernel.errors import OutcomeUnknown, Rejected, Unavailable
from kernel.money import Money

LARGEST = 1_000_000
# Decimals of the currencies taken. Freedom Pay's docs name KZT, KGS, UZS, USD and RUB; all are written with up to two.
DECIMALS = {"KZT": 2, "KGS": 2, "UZS": 2, "USD": 2, "RUB": 2}
NO_SUCH = frozenset({"340", "11068"})  # "transaction not found"; the second from public code
# Freedom Pay's general error, which is given for a wrong signature too. PayBox' own SDK says to ask for the status then.
UNCLEAR = frozenset({"9999", "1000", "600"})
_SALT = string.ascii_letters + string.digits


class Unreadable(ValueError):
    """Not XML, not the fields that were promised, or not signed with our key."""


def to_wire(amount: Money) -> str:
    """Major units with the currency's decimals: "25000.00"."""
    return f"{amount.amount:.{DECIMALS[amount.currency]}f}"


def from_wire(text: str, currency: str) -> Money:
    """Refuses more decimals than the currency has, and currencies we do not take, rather than guess what was paid."""
    if currency not in DECIMALS:
        raise Unreadable(f"currency {currency}")
    try:
        number = Decimal(text)
        if not number.is_finite() or number.adjusted() > 15:
            raise Unreadable("amount")
        return Money.of(number, currency)
    except (InvalidOperation, ValueError) as error:
        raise Unreadable("amount") from error


def salt() -> str:
    return "".join(secrets.choice(_SALT) for _ in range(16))


def sign(script: str, values: Sequence[str], secret: str) -> str:
    """`values` in order already."""
    return hashlib.md5(";".join([script, *values, secret]).encode(), usedforsecurity=False).hexdigest()


def sign_fields(script: str, fields: Mapping[str, str], secret: str) -> str:
    return sign(script, [fields[name] for name in sorted(fields) if name != "pg_sig"], secret)


def script_names(url: str) -> tuple[str, ...]:
    """What Freedom Pay may take for the script's name of an address of ours, the library's way first."""
    path = urlsplit(url).path
    return tuple(dict.fromkeys((path.rpartition("/")[2], path.rstrip("/").rpartition("/")[2])))


def signed_script(url: str, fields: Mapping[str, str], secret: str) -> str | None:
    """The script name under which the fields are signed with our key; None if under none."""
    given = fields.get("pg_sig", "").lower()
    if not secret or not given or not fields.get("pg_salt"):
        return None
    for script in script_names(url):
        if hmac.compare_digest(sign_fields(script, fields, secret), given):
            return script
    return None


def read_form(body: bytes) -> dict[str, str]:
    """The fields of a call. Raises Unreadable for what is no form, or has a field twice."""
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, strict_parsing=True)
    except ValueError as error:
        raise Unreadable("not a form") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Unreadable("a field is there twice")
    return fields


def answer_xml(script: str, status: str, description: str, *, salted: str, secret: str) -> bytes:
    """Our signed answer to a call."""
    fields = {"pg_description": description, "pg_salt": salted, "pg_status": status}
    fields["pg_sig"] = sign_fields(script, fields, secret)
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    return f'<?xml version="1.0" encoding="utf-8"?>\n<response>{inner}</response>\n'.encode()


@dataclass(frozen=True, slots=True)
class Reply:
    """A verified answer: plain fields, and the refunds listed in it."""

    fields: Mapping[str, str]
    refunds: tuple[Mapping[str, str], ...] = ()

    def __getitem__(self, name: str) -> str:
        try:
            return self.fields[name]
        except KeyError:
            raise Unreadable(f"{name} is missing") from None

    def get(self, name: str) -> str:
        return self.fields.get(name, "")


def _leaves(element: Element, path: str = "") -> Iterator[tuple[str, str]]:
    """Values with sortable places: nested elements stay where their parent stands."""
    for index, child in enumerate(element, start=1):
        if child.tag == "pg_sig":
            continue
        place = f"{path}{child.tag}{index:03d}"
        if len(child):
            yield from _leaves(child, place)
        else:
            yield place, child.text or ""


def read_reply(body: bytes, script: str, secret: str) -> Reply:
    """Raises Unreadable."""
    if len(body) > LARGEST:
        raise Unreadable("larger than 1 MB")
    try:
        root: Any = ElementTree.fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise Unreadable("not XML") from error
    expected = sign(script, [value for _, value in sorted(_leaves(root))], secret)
    if not secret or not hmac.compare_digest(expected, (root.findtext("pg_sig") or "").strip().lower()):
        raise Unreadable("not signed with our key")
    plain = {child.tag: (child.text or "").strip() for child in root if not len(child)}
    refunds = tuple(
        {child.tag: (child.text or "").strip() for child in item}
        for item in root.findall("pg_refund_payments/pg_refund_payment")
    )
    return Reply(plain, refunds)


def call(url: str, fields: Mapping[str, str], secret: str, *, writes: bool) -> Reply:
    """One signed call. A write is sent once; an answer that cannot be trusted leaves open what happened. Raises
    Rejected with the provider's `code`."""
    lost = OutcomeUnknown if writes else Unavailable
    script = url.rpartition("/")[2]
    whole = {**fields, "pg_salt": salt()}
    whole["pg_sig"] = sign_fields(script, whole, secret)
    response = http.request("POST", url, safe_to_repeat=not writes, data=whole)
    if response.status_code != 200:
        raise lost(provider="freedompay", status=response.status_code)
    try:
        reply = read_reply(response.content, script, secret)
    except Unreadable as error:
        raise lost(str(error), provider="freedompay") from error
    if reply.get("pg_status") == "error":
        code = reply.get("pg_error_code")
        words = reply.get("pg_error_description") or reply.get("pg_failure_description") or "Freedom Pay"
        raise (lost if code in UNCLEAR else Rejected)(words, provider="freedompay", code=code)
    return reply
