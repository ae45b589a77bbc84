"""Outgoing HTTP: time-outs, retries of what is safe to repeat, and no way into private networks.

A name is resolved once and the connection goes to that very address (no second look-up to rebind); addresses that are
not global unicast are refused, mapped and NAT64 forms included; redirects are not followed. Hosts named in
`settings.OUTGOING_ALLOWED_HOSTS` (the demo's sandbox servers) are exempt; a name under `.localhost` is 127.0.0.1
(RFC 6761) and needs that exemption too.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx
from django.conf import settings

from kernel.errors import OutcomeUnknown, Unavailable
from kernel.logs import log

TIMEOUT = httpx.Timeout(connect=5.0, read=20.0, write=20.0, pool=5.0)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")  # RFC 8215


class BlockedAddress(Unavailable):
    """The host resolves to an address inside our own or another private network."""

    code = "blocked_address"


def resolve(host: str, port: int) -> str:
    """The address to connect to. Raises BlockedAddress, or Unavailable when the name does not resolve."""
    exempt = is_exempt(host, port)
    if exempt and (host == "localhost" or host.endswith(".localhost")):
        return "127.0.0.1"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unavailable(host=host) from error
    addresses = [str(entry[4][0]) for entry in found]
    if not exempt:
        for address in addresses:
            if not is_public(address):
                raise BlockedAddress(host=host)
    return addresses[0]


def is_exempt(host: str, port: int) -> bool:
    return f"{host}:{port}" in settings.OUTGOING_ALLOWED_HOSTS or any(
        host.endswith(suffix) for suffix in settings.OUTGOING_ALLOWED_SUFFIXES
    )


def is_public(address: str) -> bool:
    """Global unicast and nothing that hides a private IPv4 inside an IPv6 form."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip in _NAT64_LOCAL or ip.is_reserved:  # the latter holds ::a.b.c.d, IPv4 in its oldest disguise
            return False
    return ip.is_global and not ip.is_multicast


class _PinnedBackend(httpcore.NetworkBackend):
    """Connects to the address that `resolve` approved; TLS still verifies the host's name."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        return self._inner.connect_tcp(resolve(host, port), port, timeout, local_address, socket_options)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@cache
def _trust(verify: bool) -> ssl.SSLContext:
    """Once for a process: reading all the world's authorities takes longer than most calls do."""
    return httpx.create_ssl_context(verify=verify)


class _Transport(httpx.HTTPTransport):
    def __init__(self, verify: ssl.SSLContext | bool) -> None:
        context = verify if isinstance(verify, ssl.SSLContext) else _trust(verify)
        super().__init__(verify=context, retries=0)
        self._pool = httpcore.ConnectionPool(ssl_context=context, max_connections=20, network_backend=_PinnedBackend())


def client(*, timeout: httpx.Timeout | float = TIMEOUT, verify: ssl.SSLContext | bool = True) -> httpx.Client:
    """A client with the guard. Close it, or use it in a `with`."""
    return httpx.Client(
        transport=_Transport(verify),
        timeout=timeout,
        follow_redirects=False,
        headers={"User-Agent": "Rialto/1"},
    )


_lost: ContextVar[list[str] | None] = ContextVar("lost_writes", default=None)


@contextmanager
def lost_writes() -> Iterator[list[str]]:
    """The hosts of writes made within that got no answer, or a server's error: what a later attempt was told (refused, closed
    door) says nothing of them, so nobody may take it for proof that nothing was done."""
    found: list[str] = []
    token = _lost.set(found)
    try:
        yield found
    finally:
        _lost.reset(token)


def _note_lost(method: str, url: str) -> None:
    watched = _lost.get()
    if watched is not None and method.upper() not in {"GET", "HEAD"}:
        watched.append(_host(url))


def request(
    method: str,
    url: str,
    *,
    safe_to_repeat: bool,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    json: Any = None,
    data: Any = None,
    params: Any = None,
    timeout: httpx.Timeout | float = TIMEOUT,
    tries: int = 3,
) -> httpx.Response:
    """One call. Raises Unavailable when it surely did not arrive, OutcomeUnknown when it may have.

    `safe_to_repeat` calls (reads, or writes with an idempotency key) are tried again on connection errors and 502–504,
    with 0.2 s, 0.4 s … between; others are sent once. Any HTTP status else is the caller's to read.
    """
    if urlsplit(url).scheme not in {"https", "http"}:
        raise Unavailable(url=url)
    with client(timeout=timeout) as session:
        for attempt in range(1, tries + 1):
            last = attempt == tries or not safe_to_repeat
            try:
                response = session.request(
                    method,
                    url,
                    headers=dict(headers or {}),
                    content=content,
                    json=json,
                    data=data,
                    params=params,
                )
            except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
                if attempt == tries:
                    raise Unavailable(url=_host(url)) from error
            except httpx.TransportError as error:
                _note_lost(method, url)
                if last:
                    raise (Unavailable if safe_to_repeat else OutcomeUnknown)(url=_host(url)) from error
            else:
                again = response.status_code in {502, 503, 504} and not last
                if again or (response.status_code >= 500 and not safe_to_repeat):
                    _note_lost(method, url)
                if not again:
                    return response
            log.info("outgoing_retry", host=_host(url), attempt=attempt)
            time.sleep(0.2 * 2 ** (attempt - 1))
    raise Unavailable(url=_host(url))


def _host(url: str) -> str:
    return urlsplit(url).netloc
