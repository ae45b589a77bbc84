"""What the logs keep of requests: where they went, never what opens something."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from kernel.logs import path_shown

ID = "01a1ff82-58fa-73ba-bda4-734aebbe8028"
TOKEN = "Ab-_0123456789Ab-_0123456789Ab-_0123456789"


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        (f"/password/reset/{TOKEN}/", "/password/reset/***/"),
        (f"/verify/{TOKEN}", "/verify/***"),
        (f"/register/?invitation={TOKEN}.{TOKEN}", "/register/?***"),
        (f"/live/?t={TOKEN}", "/live/?***"),
        ("/find/?q=layla@example.com", "/find/?***"),
        (f"/cashier/deposits/{ID}/", f"/cashier/deposits/{ID}/"),
        (f"/cashier/deposits/{ID}", f"/cashier/deposits/{ID}"),
        (f"/x/{ID}{TOKEN}/", "/x/***/"),
        ("/static/app-0123456789abcdef0123456789.js", "/static/app-0123456789abcdef0123456789.js"),
        ("/second-factor/", "/second-factor/"),
    ],
)
def test_a_target_is_kept_without_what_opens_something(target: str, kept: str) -> None:
    assert path_shown(target) == kept


@pytest.fixture
def access_lines() -> Iterator[list[str]]:
    """What the web server's own log would write."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("uvicorn.access")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel("INFO")
    yield lines
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_the_servers_own_lines_carry_no_token(access_lines: list[str]) -> None:
    logging.getLogger("uvicorn.access").info(
        '%s - "%s %s HTTP/%s" %d', "127.0.0.1:1", "GET", f"/verify/{TOKEN}/?next={TOKEN}", "1.1", 302
    )
    assert access_lines == ['127.0.0.1:1 - "GET /verify/***/?*** HTTP/1.1" 302']
