"""What nobody types and everybody can send: NUL bytes, half characters, ids that are none. Refused, never an error of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tenant_apps.clients.models import Client
from tenant_apps.leads.tests.support import browser, lead, log_in, staff

BODY = {"email": "n@example.com", "first_name": "Nul", "consent": True}


@pytest.mark.parametrize("change", [
    {"first_name": "N\0ul"}, {"utm_source": "a\0b"}, {"consent_text": "\ud800"}, {"language": "\0"}, {"country": "\0\0"},
    {"phone": "+4915\0112345678"}, {"email": "n\0@example.com"}, {"website": {"a\0": 1}}, {"t": ["\udfff"]},
])  # fmt: skip
def test_the_lead_api_refuses_what_cannot_be_stored(tenant: Any, change: dict[str, Any]) -> None:
    page = browser(tenant, "portal")
    answer = page.post(
        "/api/v1/leads", json.dumps(BODY | change), content_type="application/json", REMOTE_ADDR="10.9.0.1"
    )
    assert answer.status_code == 422
    assert answer.json()["code"] in {"unstorable", "invalid", "phone_invalid"}
    assert Client.objects.count() == 0


@pytest.mark.parametrize("address", ["/legal/%00/", "/legal/?q=%00", "/?utm_source=%00&%00=1", "/verify/%00/"])
def test_an_address_with_a_nul_byte_is_refused(tenant: Any, address: str) -> None:
    assert browser(tenant, "portal").get(address).status_code == 400


def test_a_cookie_with_a_nul_byte_is_refused(tenant: Any) -> None:
    assert browser(tenant, "portal").get("/login/", HTTP_COOKIE='sid="\\000"').status_code == 400


def test_a_folder_is_no_time_zone(tenant: Any) -> None:
    assert browser(tenant, "portal").get("/login/", HTTP_COOKIE="time_zone=Europe").status_code == 200


def test_forms_of_the_office_refuse_what_cannot_be_stored(tenant: Any) -> None:
    person = lead()
    page = log_in(tenant, staff("owner"))
    where = f"/clients/{person.pk}"
    texts = [(f"{where}/note/", "text"), (f"{where}/tags/", "tags"), (f"{where}/risk/", "reason")]
    for address, name in texts:
        answer = page.post(address, {name: "a\0b", "risk": "low"})
        assert answer.status_code in {400, 404, 422}, (address, answer.status_code)
    assert page.post("/leads/bulk/", {"selected": [str(person.pk)], "owner": "not-an-id"}).status_code == 422
    assert page.post("/leads/bulk/", {"selected": ["\0"], "act": "status"}).status_code == 422
    assert page.get(f"{where}/?before=²").status_code == 200
    assert page.get(f"{where}/?before=99999999999999999999999").status_code in {200, 422}
    assert page.get("/audit/?until=9999-12-31").status_code == 200
    assert page.get("/leads/?until=9999-12-31").status_code in {200, 422}
    person.refresh_from_db()
    assert (person.tags, person.risk) == ([], "normal")
