"""Forms and API of landing pages: what becomes a lead, what is spam, what is told to whom."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from kernel.tenancy import directory
from shared_apps.tenants import services as tenants
from tenant_apps.clients.models import Client
from tenant_apps.leads.capture import form_token
from tenant_apps.leads.defaults import pipeline_ensure
from tenant_apps.leads.geo import country_of_ip
from tenant_apps.leads.tests.support import browser

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
FORM = {
    "first_name": "Lina", "last_name": "Haddad", "email": "lina@example.com", "phone": "+971501234567", "consent": "on",
    "utm_source": "google", "utm_campaign": "spring", "gclid": "abc", "partner": "ib-7", "landing": "https://l.example/",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _own_address(tenant: Any, request: Any) -> None:
    """Each test posts from an address of its own, so that their rate limits do not meet."""
    pipeline_ensure()


def _post(tenant: Any, data: dict[str, str], *, after: int = 30, ip: str = "10.1.1.1", path: str = "/welcome/") -> Any:
    with time_machine.travel(NOW, tick=False):
        token = form_token()
    with time_machine.travel(NOW + timedelta(seconds=after), tick=False):
        return browser(tenant, "portal").post(path, {**data, "t": token}, REMOTE_ADDR=ip)


def test_a_sent_form_becomes_a_lead_with_its_source(tenant: Any) -> None:
    answer = _post(tenant, FORM, ip="10.1.1.2")
    assert answer.status_code == 200
    assert "Thank you" in answer.content.decode()
    lead = Client.objects.get()
    assert (lead.name, lead.phone, lead.country, lead.stage) == ("Lina Haddad", "+971501234567", "AE", "lead")
    assert lead.source == {
        "utm_source": "google", "utm_campaign": "spring", "gclid": "abc", "partner": "ib-7",
        "landing": "https://l.example/",
    }  # fmt: skip
    assert lead.consents["contact"]["ip"] == "10.1.1.2"


def test_a_national_number_is_one_of_the_brokers_country(tenant: Any) -> None:
    tenants.tenant_settings_merge(tenant_id=tenant.id, changes={"country": "DE"})
    directory.forget()
    assert 'placeholder="01512 3456789"' in browser(tenant, "portal").get("/welcome/").content.decode()
    assert _post(tenant, FORM | {"phone": "0151 23456789"}, ip="10.1.1.3").status_code == 200
    other = FORM | {"phone": "0151 23456780", "email": "b@example.com", "first_name": "Bea"}
    assert _api(tenant, other, "10.1.1.4").status_code == 202
    found = Client.objects.order_by("number").values_list("phone", "country")
    assert list(found) == [("+4915123456789", "DE"), ("+4915123456780", "DE")]


@pytest.mark.parametrize(("change", "after"), [({"website": "http://spam"}, 30), ({}, 1)])
def test_spam_is_thanked_and_dropped(tenant: Any, change: dict[str, str], after: int) -> None:
    answer = _post(tenant, FORM | change, after=after, ip=f"10.1.2.{after}")
    assert "Thank you" in answer.content.decode()
    assert Client.objects.count() == 0


def test_a_form_open_for_days_is_shown_again(tenant: Any) -> None:
    answer = _post(tenant, FORM, after=100_000, ip="10.1.3.1")
    assert answer.status_code == 422
    assert Client.objects.count() == 0


def test_without_consent_nothing_is_kept(tenant: Any) -> None:
    assert _post(tenant, FORM | {"consent": ""}, ip="10.1.4.1").status_code == 422
    assert Client.objects.count() == 0


def test_the_embedded_form_may_stand_in_any_frame(tenant: Any) -> None:
    answer = browser(tenant, "portal").get("/embed/lead-form?utm_source=blog")
    assert answer.status_code == 200
    assert "frame-ancestors *" in answer["Content-Security-Policy"]
    assert 'name="utm_source" value="blog"' in answer.content.decode()
    arabic = browser(tenant, "portal").get("/embed/lead-form?language=ar").content.decode()
    assert 'lang="ar" dir="rtl"' in arabic
    other = browser(tenant, "portal").get("/welcome/")
    assert "frame-ancestors 'none'" in other["Content-Security-Policy"]
    assert "Thank you" in _post(tenant, FORM, path="/embed/lead-form", ip="10.1.5.1").content.decode()


def _api(tenant: Any, data: Any, ip: str) -> Any:
    body = data if isinstance(data, str) else json.dumps(data)
    return browser(tenant, "portal").post(
        "/api/v1/leads", body, content_type="application/json", REMOTE_ADDR=ip, HTTP_ORIGIN="https://l.example"
    )


def test_the_api_answers_new_known_and_spam_alike(tenant: Any) -> None:
    answers = [
        _api(tenant, FORM, "10.2.1.1"),
        _api(tenant, FORM, "10.2.1.1"),
        _api(tenant, FORM | {"website": "x"}, "10.2.1.1"),
    ]
    assert [(one.status_code, one.json()) for one in answers] == [(202, {"status": "accepted"})] * 3
    assert answers[0]["Access-Control-Allow-Origin"] == "*"
    assert Client.objects.count() == 1


@pytest.mark.parametrize(
    ("data", "status", "field"),
    [(FORM | {"email": "nonsense"}, 422, "email"), (FORM | {"phone": "12"}, 422, "phone"), ("{", 422, None),
     ("[]", 422, None), (FORM | {"consent": False}, 422, "consent"), ({"consent": 1, "email": "a@b.co"}, 422, "first_name")],
)  # fmt: skip
def test_the_api_names_the_field_that_is_wrong(tenant: Any, data: Any, status: int, field: str | None) -> None:
    answer = _api(tenant, data, f"10.3.{abs(hash(str(data))) % 200}.1")
    assert (answer.status_code, answer.json()["field"]) == (status, field)
    assert Client.objects.count() == 0


def test_one_address_may_not_flood(tenant: Any) -> None:
    import secrets

    ip = f"10.4.{secrets.randbelow(250)}.{secrets.randbelow(250)}"
    statuses = [_api(tenant, FORM, ip).status_code for _ in range(11)]
    assert statuses == [202] * 10 + [429]


def test_the_api_reads_post_only(tenant: Any) -> None:
    page = browser(tenant, "portal")
    assert page.get("/api/v1/leads").status_code == 405
    assert page.options("/api/v1/leads").status_code == 204


@pytest.mark.parametrize("ip", [None, "", "nonsense", "127.0.0.1", "10.0.0.1", "::1"])
def test_private_and_unusable_addresses_have_no_country(ip: str | None) -> None:
    assert country_of_ip(ip) == ""
