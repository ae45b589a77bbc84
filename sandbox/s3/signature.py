"""AWS Signature Version 4 as a server checks it, from the published description; no code of any AWS library."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

UNSIGNED = "UNSIGNED-PAYLOAD"
SKEW = timedelta(minutes=15)
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/, ]+)/(\d{8})/([^/, ]+)/s3/aws4_request, ?"
    r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True)
class Refused(Exception):
    """S3's own error code and status for a request that cannot be believed."""

    code: str
    status: int = 403


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it came in: `path` and `query` still percent-encoded, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def check(call: Call, secrets: Mapping[str, str], now: datetime) -> None:
    """Raises Refused unless the request was signed by one of the keys, lately, with this very body."""
    found = _AUTHORIZATION.fullmatch(call.headers.get("authorization", ""))
    if found is None:
        raise Refused("AccessDenied")
    access_key, day, region, signed, signature = found.groups()
    secret = secrets.get(access_key)
    if secret is None:
        raise Refused("InvalidAccessKeyId")
    names = signed.split(";")
    if not {"host", "x-amz-date", "x-amz-content-sha256"} <= set(names):
        raise Refused("AccessDenied")
    stamp = call.headers["x-amz-date"]
    _check_time(stamp, day, now)
    scope = f"{day}/{region}/s3/aws4_request"
    wanted = _signature(secret, scope, stamp, canonical(call, names))
    if not hmac.compare_digest(wanted, signature):
        raise Refused("SignatureDoesNotMatch")
    claimed = call.headers["x-amz-content-sha256"]
    if claimed != UNSIGNED and claimed != hashlib.sha256(call.body).hexdigest():
        raise Refused("XAmzContentSHA256Mismatch", 400)


def _check_time(stamp: str, day: str, now: datetime) -> None:
    try:
        at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise Refused("AccessDenied") from None
    if not stamp.startswith(day) or abs(now - at) > SKEW:
        raise Refused("RequestTimeTooSkewed")


def canonical(call: Call, names: list[str]) -> str:
    """The canonical request. A signed header that is missing counts as empty, so its signature cannot match."""
    headers = "".join(f"{name}:{' '.join(call.headers.get(name, '').split())}\n" for name in names)
    payload = call.headers["x-amz-content-sha256"]
    return "\n".join([call.method, call.path, _query(call.query), headers, ";".join(names), payload])


def _query(query: str) -> str:
    pairs = [part.partition("=") for part in query.split("&") if part]
    encoded = [(_encoded(name), _encoded(value)) for name, _, value in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))


def _encoded(text: str) -> str:
    return quote(unquote(text), safe="-_.~")


def _signature(secret: str, scope: str, stamp: str, request: str) -> str:
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return _hmac(key, "\n".join(["AWS4-HMAC-SHA256", stamp, scope, digest])).hex()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
