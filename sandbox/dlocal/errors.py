"""dLocal's refusals, and the checks of a request's fields that raise them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from sandbox._web import is_http_url
from sandbox.dlocal.markets import DECIMALS


class Refused(Exception):
    """Ends a request with an HTTP status and dLocal's error body."""

    def __init__(self, status: int, code: int | str, message: str, param: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"code": code, "message": message}
        if param:
            # Payins name the parameter, payouts the field.
            self.body["param" if isinstance(code, int) else "field"] = param


def missing(param: str) -> Refused:
    return Refused(400, 5001, f"Missing parameter: {param}", param)


def invalid(param: str) -> Refused:
    return Refused(400, 5001, f"Invalid parameter: {param}", param)


def text(values: dict[str, Any], name: str, longest: int = 100, *, needed: bool = True) -> str:
    value = values.get(name)
    if value is None and not needed:
        return ""
    if value is None or value == "":
        raise missing(name)
    if not isinstance(value, str) or len(value) > longest:
        raise invalid(name)
    return value


def amount(value: Any, currency: str) -> str:
    """The amount with the country reference's decimals; more decimals than the currency has are refused."""
    if value is None:
        raise missing("amount")
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise invalid("amount")
    given = Decimal(value)
    step = Decimal(1).scaleb(-DECIMALS[currency])
    if not given.is_finite() or not 0 < given < Decimal(10) ** 13 or given != given.quantize(step):
        raise invalid("amount")
    return f"{given.quantize(step):f}"


def number(written: str) -> int | float:
    """An amount as JSON carries it."""
    return float(written) if "." in written else int(written)


def address(values: dict[str, Any], name: str) -> str:
    """An absolute address; plain HTTP is for this machine only."""
    value = text(values, name, 500, needed=False)
    if not value:
        return ""
    host = urlsplit(value).hostname or "" if is_http_url(value) else ""
    local = host in {"127.0.0.1", "::1", "localhost"} or host.endswith(".localhost")
    if not host or (urlsplit(value).scheme != "https" and not local):
        raise invalid(name)
    return value
