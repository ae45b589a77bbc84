"""What to do when a connection to a trading server cannot be made, in words for who fills in the form."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

from django.utils.translation import pgettext

from kernel import http
from kernel.errors import Unavailable

from .errors import PlatformRejected, Rejection


def advice(error: BaseException) -> str:
    """A sentence, or nothing where only the server's own words help."""
    for cause in _causes(error):
        if words := _refused(cause) if isinstance(cause, PlatformRejected) else _unreached(cause):
            return words
    return ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The innermost first: it says most."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__
    return reversed(found)


def _refused(error: PlatformRejected) -> str:
    match error.name:
        case Rejection.AUTHENTICATION_FAILED:
            return pgettext(
                "trading server",
                "Check the manager’s login and password. MT5 has a password of its own for its Web API.",
            )
        case Rejection.BLOCKED_ADDRESS:
            return pgettext(
                "trading server", "Ask the server’s administrator to put our address on the list of callers."
            )
        case Rejection.FORBIDDEN | Rejection.NO_PERMISSION:
            return pgettext("trading server", "Ask the server’s administrator for the manager’s missing rights.")
        case Rejection.WRONG_SERVER:
            return pgettext("trading server", "Check plant and environment.")
        case Rejection.SERVER_IDENTITY:
            return _identity()
    return ""


def _identity() -> str:
    return pgettext(
        "trading server",
        "The server does not prove to be the one you named. If no public authority signed its certificate, enter the"
        " authority that did; otherwise check host and port.",
    )


def _unreached(error: BaseException) -> str:
    match error:
        case http.BlockedAddress():
            return pgettext(
                "trading server",
                "This address lies in a private network. Whoever runs this installation has to allow it first.",
            )
        case ssl.SSLCertVerificationError():
            return _identity()
        case ssl.SSLError():
            return pgettext("trading server", "Something else answers there. Check the port and the connection type.")
        case ConnectionRefusedError():
            return pgettext("trading server", "Nothing answers on this port. Check host and port.")
        case TimeoutError():
            return pgettext(
                "trading server", "There is no answer. Check host and port, and whether a firewall lets us through."
            )
        case Unavailable() if isinstance(error.__cause__, socket.gaierror):
            return pgettext("trading server", "There is no server of this name. Check the host.")
    return ""
