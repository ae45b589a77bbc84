"""What to do when a connection to a trading server cannot be made, in words for who fills in the form."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

from django.utils.translation import pgettext_lazy

from kernel import http
from kernel.errors import Unavailable

from .errors import PlatformRejected, Rejection

NO_FAILURE = {"last_error": "", "last_problem": ""}  # of a TradingServer that answers


def advice(error: BaseException, kind: str = "") -> str:
    """A sentence, or nothing where only the server's own words help. `kind` is the server's platform."""
    return advice_for(problem_of(error), kind)


def advice_for(problem: str, kind: str = "") -> str:
    """The sentence for a `problem_of`, in the active language."""
    if (kind, problem) in _WORDS_OF:
        return str(_WORDS_OF[kind, problem])
    return str(_WORDS.get(problem, ""))


def problem_of(error: BaseException) -> str:
    """What is wrong, as it is kept; nothing where only the server's own words help."""
    for cause in _causes(error):
        problem = _REFUSED.get(cause.name, "") if isinstance(cause, PlatformRejected) else _unreached(cause)
        if problem:
            return problem
    return ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The innermost first: it says most."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__
    return reversed(found)


def _unreached(error: BaseException) -> str:
    match error:
        case http.BlockedAddress():
            return "private"
        case ssl.SSLCertVerificationError():
            return "identity"
        case ssl.SSLError():
            return "not_tls"
        case ConnectionRefusedError():
            return "closed"
        case TimeoutError():
            return "silent"
        case Unavailable() if isinstance(error.__cause__, socket.gaierror):
            return "no_host"
    return ""


_REFUSED = {
    Rejection.AUTHENTICATION_FAILED: "password",
    Rejection.BLOCKED_ADDRESS: "not_listed",
    Rejection.FORBIDDEN: "rights",
    Rejection.NO_PERMISSION: "rights",
    Rejection.WRONG_SERVER: "plant",
    Rejection.SERVER_IDENTITY: "identity",
}
_WORDS_OF = {
    ("mt5", "password"): pgettext_lazy(
        "trading server", "Check the manager’s login and password. MT5 has a password of its own for its Web API."
    ),
}
_WORDS = {
    "password": pgettext_lazy("trading server", "Check the manager’s login and password."),
    "not_listed": pgettext_lazy(
        "trading server", "Ask the server’s administrator to put our address on the list of callers."
    ),
    "rights": pgettext_lazy("trading server", "Ask the server’s administrator for the manager’s missing rights."),
    "plant": pgettext_lazy("trading server", "Check plant and environment."),
    "identity": pgettext_lazy(
        "trading server",
        "The server does not prove to be the one you named. If no public authority signed its certificate, enter the"
        " authority that did; otherwise check host and port.",
    ),
    "private": pgettext_lazy(
        "trading server",
        "This address lies in a private network. Whoever runs this installation has to allow it first.",
    ),
    "not_tls": pgettext_lazy("trading server", "Something else answers there. Check the port and the connection type."),
    "closed": pgettext_lazy("trading server", "Nothing answers on this port. Check host and port."),
    "silent": pgettext_lazy(
        "trading server", "There is no answer. Check host and port, and whether a firewall lets us through."
    ),
    "no_host": pgettext_lazy("trading server", "There is no server of this name. Check the host."),
}
