"""What a failed test of a connection advises, and what the form takes as an authority."""

from __future__ import annotations

import socket
import ssl

import pytest

from kernel import http
from kernel.errors import Unavailable
from tenant_apps.trading.errors import PlatformRejected, PlatformUnavailable, Rejection
from tenant_apps.trading.forms import Mt5ServerForm
from tenant_apps.trading.models import Platform
from tenant_apps.trading.probe_words import advice


def chain(*causes: BaseException) -> BaseException:
    """The first, caused by the second, and so on."""
    for error, cause in zip(causes, causes[1:], strict=False):
        error.__cause__ = cause
    return causes[0]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (chain(PlatformUnavailable("x"), OSError("x"), http.BlockedAddress(host="h")), "private network"),
        (
            chain(PlatformUnavailable("x"), OSError("x"), Unavailable(host="h"), socket.gaierror(-2, "x")),
            "of this name",
        ),
        (chain(PlatformUnavailable("x"), ssl.SSLCertVerificationError(1, "x")), "authority that did"),
        (chain(PlatformUnavailable("x"), ssl.SSLError(1, "x")), "connection type"),
        (chain(PlatformUnavailable("x"), ConnectionRefusedError()), "Nothing answers"),
        (chain(PlatformUnavailable("x"), TimeoutError()), "firewall"),
        (PlatformRejected("x", name=Rejection.AUTHENTICATION_FAILED), "password"),
        (PlatformRejected("x", name=Rejection.BLOCKED_ADDRESS), "list of callers"),
        (PlatformRejected("x", name=Rejection.WRONG_SERVER), "plant"),
        (PlatformRejected("x", name=Rejection.NO_PERMISSION), "rights"),
    ],
)
def test_every_usual_failure_says_what_to_do(error: BaseException, words: str) -> None:
    assert words in advice(error)


def test_only_mt5_has_a_password_of_its_own_for_its_web_api() -> None:
    refused = PlatformRejected("x", name=Rejection.AUTHENTICATION_FAILED)
    told = {kind: "MT5" in advice(refused, kind) for kind in Platform.values}
    assert told == {"mt5": True, "ctrader": False, "mt5_manager": False}


def test_what_only_the_server_can_explain_has_no_advice() -> None:
    assert advice(PlatformRejected("x", name=Rejection.OTHER)) == ""


def test_an_authority_that_is_no_certificate_is_refused() -> None:
    values = {"name": "one", "host": "h.example", "port": "443", "transport": "https", "manager": "1"}
    values |= {"password": "p", "quiet_period": "180"}
    form = Mt5ServerForm(values | {"authority": "nonsense"}, is_new=True)
    assert form.errors == {"authority": ["This is no certificate."]}
    assert Mt5ServerForm(values, is_new=True).is_valid()
