"""Country by IP address, from a database file of address ranges (frontend dependency, CC0). No look-up leaves the house."""

from __future__ import annotations

import ipaddress
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

FILE = "node_modules/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb"


def _path() -> Path:
    configured = getattr(settings, "GEO_DATABASE", "")
    return Path(configured) if configured else Path(settings.ROOT) / "frontend" / FILE


@cache
def _reader(path: Path) -> Any:
    import maxminddb

    return maxminddb.open_database(str(path)) if path.is_file() else None


def country_of_ip(ip: str | None) -> str:
    """ISO country code, or empty: for private addresses, unknown ranges, and where the file is not there."""
    try:
        address = ipaddress.ip_address(ip or "")
    except ValueError:
        return ""
    reader = _reader(_path())
    if reader is None or not address.is_global:
        return ""
    found = reader.get(address) or {}
    return str(found.get("country_code", ""))[:2].upper()
