"""Encryption at rest: AES-256-GCM with a data key per tenant, wrapped by the platform's master key.

What is sealed is bound to its place: tenant, owner, field and row are the associated data, so a ciphertext moved to
another tenant, row or column does not open. Destroying a tenant's wrapped key destroys its secrets in all backups.

Format: version byte 1, 12-byte nonce, ciphertext with tag.
"""

from __future__ import annotations

import base64
import json
import os
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.utils.crypto import salted_hmac

from kernel import clock
from kernel.models import Credential
from kernel.tenancy import context
from kernel.tenancy.context import TenantRef

_VERSION = b"\x01"


def _master_key() -> bytes:
    return base64.b64decode(settings.MASTER_KEY)


def new_data_key(tenant_id: object) -> bytes:
    """A fresh data key, wrapped for storage in the register."""
    return _seal(_master_key(), os.urandom(32), f"tenant-key|{tenant_id}".encode())


@lru_cache(maxsize=2048)
def _data_key(tenant_id: str, wrapped: bytes) -> bytes:
    return _open(_master_key(), wrapped, f"tenant-key|{tenant_id}".encode())


def _key_of(tenant: TenantRef) -> bytes:
    return _data_key(str(tenant.id), tenant.data_key)


def _seal(key: bytes, plain: bytes, place: bytes) -> bytes:
    nonce = os.urandom(12)
    return _VERSION + nonce + AESGCM(key).encrypt(nonce, plain, place)


def _open(key: bytes, sealed: bytes, place: bytes) -> bytes:
    if sealed[:1] != _VERSION:
        raise ValueError("unknown version of sealed data")
    return AESGCM(key).decrypt(sealed[1:13], sealed[13:], place)


def _place(*parts: object) -> bytes:
    return "|".join([str(context.tenant().id), *map(str, parts)]).encode()


def seal(plain: bytes, *place: object) -> bytes:
    """Encrypt for the present tenant, bound to `place` (model, field, primary key)."""
    return _seal(_key_of(context.tenant()), plain, _place(*place))


def unseal(sealed: bytes | memoryview, *place: object) -> bytes:
    """Decrypt; raises cryptography's InvalidTag when tenant, place or content differ from when it was sealed."""
    return _open(_key_of(context.tenant()), bytes(sealed), _place(*place))


def platform_seal(plain: bytes, *place: object) -> bytes:
    """For the vendor's own secrets (operators' second factors), with the master key."""
    return _seal(_master_key(), plain, "|".join(["platform", *map(str, place)]).encode())


def platform_unseal(sealed: bytes, *place: object) -> bytes:
    return _open(_master_key(), bytes(sealed), "|".join(["platform", *map(str, place)]).encode())


def credential_set(*, owner: str, name: str, value: str) -> Credential:
    """Store or replace a secret; `hint` keeps its last four characters for the form."""
    row = Credential.objects.filter(owner=owner, name=name).first() or Credential(owner=owner, name=name)
    row.sealed = seal(value.encode(), "kernel.credential", owner, name, row.id)
    row.hint = f"…{value[-4:]}" if len(value) >= 12 else "…"
    row.updated_at = clock.now()
    row.save()
    return row


def credential_get(*, owner: str, name: str) -> str:
    """The secret, fetched at call time and never kept. Raises Credential.DoesNotExist."""
    row = Credential.objects.get(owner=owner, name=name)
    return unseal(row.sealed, "kernel.credential", owner, name, row.id).decode()


def credentials_of(owner: str) -> dict[str, str]:
    """All secrets of an owner by name: `stripe:018f…` → {"secret_key": …, "webhook_secret": …}."""
    rows = Credential.objects.filter(owner=owner)
    return {row.name: unseal(row.sealed, "kernel.credential", owner, row.name, row.id).decode() for row in rows}


def hints_of(owner: str) -> dict[str, str]:
    return dict(Credential.objects.filter(owner=owner).values_list("name", "hint"))


def sign(value: Any, *, purpose: str) -> str:
    """A signed text for links and pages, valid for this tenant (or the public scope) and this purpose only."""
    payload = base64.urlsafe_b64encode(
        json.dumps({"v": value, "t": int(clock.now().timestamp())}, separators=(",", ":")).encode()
    ).rstrip(b"=")
    return f"{payload.decode()}.{_signature(payload, purpose)}"


def _signature(payload: bytes, purpose: str) -> str:
    scope = context.scope()
    audience = str(scope.tenant.id) if scope.tenant else scope.kind
    digest = salted_hmac(f"rialto|{audience}|{purpose}", payload, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class BadSignature(ValueError):
    """Not signed by us for this tenant and purpose, or too old."""


def unsign(text: str, *, purpose: str, max_age: int) -> Any:
    """The signed value; `max_age` in seconds. Raises BadSignature."""
    from django.utils.crypto import constant_time_compare

    payload, _, signature = text.partition(".")
    if not constant_time_compare(signature, _signature(payload.encode(), purpose)):
        raise BadSignature("signature")
    data = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    if clock.now().timestamp() - data["t"] > max_age:
        raise BadSignature("age")
    return data["v"]
