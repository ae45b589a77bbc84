"""Typed reading of the environment. A wrong or missing value stops the start, with its name in the message."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

ROOT = Path(__file__).resolve().parents[2]


class SettingMissing(RuntimeError):
    """Raised at start when a required variable is absent or malformed."""


def text(name: str, default: str | None = None) -> str:
    """The variable, or the content of the file named by `<NAME>_FILE` (for mounted secrets)."""
    if file := os.environ.get(f"{name}_FILE"):
        return Path(file).read_text().strip()
    value = os.environ.get(name, "")
    if value:
        return value
    if default is None:
        raise SettingMissing(f"set {name} (or {name}_FILE)")
    return default


def prefixed(prefix: str) -> dict[str, str]:
    """All variables that begin so, by the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in os.environ.items() if name.startswith(prefix)}


def flag(name: str, *, default: bool = False) -> bool:
    value = os.environ.get(name, "").lower()
    if value in {"", None}:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise SettingMissing(f"{name} must be 1 or 0, not {value!r}")


def number(name: str, default: int) -> int:
    value = os.environ.get(name, "")
    try:
        return int(value) if value else default
    except ValueError as error:
        raise SettingMissing(f"{name} must be a whole number, not {value!r}") from error


def addresses(name: str) -> frozenset[str]:
    """`host:port`, separated by commas."""
    found = frozenset(part.strip().lower() for part in os.environ.get(name, "").split(",") if part.strip())
    for address in found:
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal():
            raise SettingMissing(f"{name} must hold addresses like mt5.internal:443, not {address!r}")
    return found


@dataclass(frozen=True)
class DatabaseUrl:
    user: str
    password: str
    host: str
    port: str
    name: str
    options: dict[str, str]


def database_url(name: str, default: str | None = None) -> DatabaseUrl:
    """`postgres://user:password@host:port/name?sslmode=require`."""
    value = text(name, default)
    parts = urlsplit(value)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise SettingMissing(f"{name} must look like postgres://user:password@host:port/name")
    return DatabaseUrl(
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        host=parts.hostname or "",
        port=str(parts.port or ""),
        name=unquote(parts.path.strip("/")),
        options=dict(parse_qsl(parts.query)),
    )


def django_database(url: DatabaseUrl, *, options: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "ENGINE": "kernel.tenancy.postgresql",
        "NAME": url.name,
        "USER": url.user,
        "PASSWORD": url.password,
        "HOST": url.host,
        "PORT": url.port,
        "OPTIONS": {**url.options, **(options or {})},
    }
