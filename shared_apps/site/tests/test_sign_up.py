"""Signing up: only with the mailbox, only so often, and from where one was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from kernel import clock
from kernel.errors import Invalid, TooMany
from kernel.tenancy import context
from shared_apps.site import services, slugs
from shared_apps.site.errors import CodeWrong, LinkUnusable, MailDisposable
from shared_apps.site.models import PlatformMail, SignUp
from shared_apps.tenants.errors import SlugRefused, SlugTaken

HOST = "localhost"


@pytest.fixture(autouse=True)
def _public(db: None) -> Iterator[None]:
    with context.public():
        yield


def begin(email: str = "greta@nordwind.example", language: str = "en") -> tuple[SignUp, str]:
    """A sign-up and its mailed code."""
    sign_up = services.sign_up_begin(email=email, language=language, ip="203.0.113.7")
    mail = PlatformMail.objects.filter(to=sign_up.email).latest("created_at")
    found = re.search(r"\d{6}", mail.subject)
    assert found is not None
    return sign_up, found[0]


def test_the_home_page_is_open_and_strict() -> None:
    answer = Client(HTTP_HOST=HOST).get("/")
    assert answer.status_code == 200
    assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]
    assert not re.search(r"\sstyle=|<script>|\son\w+=", answer.content.decode())


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("ar", "rtl")])
def test_the_pages_follow_the_language(language: str, direction: str) -> None:
    browser = Client(HTTP_HOST=HOST)
    browser.cookies["language"] = language
    for path in ("/", "/sign-up/"):
        assert f'<html lang="{language}" dir="{direction}"' in browser.get(path).content.decode()


def test_the_code_verifies_once() -> None:
    sign_up, code = begin()
    assert services.sign_up_verify(sign_up=sign_up, code=f" {code[:3]} {code[3:]} ").verified_at is not None
    with pytest.raises(CodeWrong):
        services.sign_up_verify(sign_up=sign_up, code=code)


def test_six_wrong_codes_end_it() -> None:
    sign_up, code = begin()
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    for _ in range(services.CODE_TRIES):
        with pytest.raises(CodeWrong):
            services.sign_up_verify(sign_up=sign_up, code=wrong)
    with pytest.raises(CodeWrong):
        services.sign_up_verify(sign_up=sign_up, code=code)
    sign_up.refresh_from_db()
    assert sign_up.verified_at is None


def test_a_code_is_good_for_half_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    sign_up, code = begin()
    later = clock.now() + timedelta(minutes=31)
    monkeypatch.setattr(clock, "now", lambda: later)
    with pytest.raises(CodeWrong):
        services.sign_up_verify(sign_up=sign_up, code=code)


def test_another_sign_ups_code_is_wrong() -> None:
    first, _ = begin()
    _, code = begin("other@nordwind.example")
    with pytest.raises(CodeWrong):
        services.sign_up_verify(sign_up=first, code=code)


def test_the_mailed_link_verifies_and_brings_back(monkeypatch: pytest.MonkeyPatch) -> None:
    sign_up, _ = begin()
    link = re.search(r"http://localhost:\d+(/sign-up/resume/\S+)", PlatformMail.objects.get().text)
    assert link is not None
    browser = Client(HTTP_HOST=HOST)
    assert browser.get(link[1]).headers["Location"] == "/sign-up/company/"
    assert browser.get("/sign-up/company/").status_code == 200
    later = clock.now() + timedelta(days=8)
    monkeypatch.setattr(clock, "now", lambda: later)
    with pytest.raises(LinkUnusable):
        services.sign_up_resume(token=services.resume_token(sign_up) + "x")


def test_the_mail_is_in_the_visitors_language() -> None:
    begin(language="ar")
    assert '<html lang="ar" dir="rtl"' in PlatformMail.objects.get().html


@pytest.mark.parametrize("email", ["x@mailinator.com", "x@sub.yopmail.com"])
def test_throw_away_addresses_are_refused(email: str) -> None:
    with pytest.raises(MailDisposable):
        begin(email)


def test_nonsense_is_refused() -> None:
    with pytest.raises(Invalid):
        begin("nobody")
    assert SignUp.objects.count() == 0


def test_robots_are_thanked_and_forgotten() -> None:
    answer = Client(HTTP_HOST=HOST).post("/sign-up/", {"email": "bot@spam.example", "website": "http://spam.example"})
    assert answer.status_code == 302
    assert (SignUp.objects.count(), PlatformMail.objects.count()) == (0, 0)


def test_too_many_codes_are_refused_at_the_field(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise TooMany(retry_after=30)

    monkeypatch.setattr("kernel.throttle.check", refuse)
    answer = Client(HTTP_HOST=HOST).post("/sign-up/", {"email": "greta@nordwind.example"})
    assert answer.status_code == 422
    assert "Too many attempts" in answer.content.decode()


@pytest.mark.parametrize("path", ["company/", "look/", "owner/", "progress/", "slug/?slug=x", "look/preview/"])
def test_nothing_goes_on_before_the_address_is_verified(path: str) -> None:
    browser = Client(HTTP_HOST=HOST)
    browser.post("/sign-up/", {"email": "greta@nordwind.example"})
    assert browser.get(f"/sign-up/{path}").headers["Location"] == "/sign-up/"


@pytest.mark.parametrize("slug", ["nordwind", "al-noor", "ipekyolu7", "abc"])
def test_addresses_that_can_be_had(slug: str) -> None:
    assert slugs.answer(slug).free


@pytest.mark.parametrize(
    "slug", ["ab", "9lives", "a--b", "abc-", "-abc", "Straße", "x" * 31, "a_b", "a b", "console", "api"]
)
def test_addresses_that_cannot_be(slug: str) -> None:
    with pytest.raises(SlugRefused):
        slugs.require(slug)


@pytest.mark.parametrize("slug", ["c0nsole", "adrnin", "0ffice", "al-pha", "a1pha", "\u0430lpha"])
def test_addresses_that_look_like_others(slug: str) -> None:
    with pytest.raises((SlugTaken, SlugRefused)):
        slugs.require(slug)


def test_a_taken_address_comes_with_free_ones() -> None:
    answer = slugs.answer("alpha", "Alpha Trading Ltd")
    assert not answer.free
    assert answer.suggestions == ("alpha-trading", "alpha-trading-fx", "alpha-markets")


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Nordwind Märkte GmbH", "nordwind-markte"),
        ("Öl & Gas AG", "ol-gas"),
        ("İpek Yolu FX", "ipek-yolu-fx"),
        ("النور", ""),
    ],
)
def test_an_address_from_a_name(name: str, slug: str) -> None:
    assert slugs.of_company(name) == slug
