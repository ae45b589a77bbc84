"""Pages open for who may see them and do what their buttons say."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from kernel.tenancy import context
from tenant_apps.accounts.tests.support import browser, log_in, staff
from tenant_apps.campaigns import defaults, segments, series
from tenant_apps.campaigns.models import Enrolment, EnrolmentState, Segment, Series, Suppression
from tenant_apps.clients.models import Stage

from .support import MARKETING, client_make


@pytest.fixture
def office(tenant: Any) -> Any:
    defaults.ensure()
    return log_in(tenant, staff("owner"))


def _enrolment() -> Enrolment:
    client = client_make(stage=Stage.FUNDED)
    segments.segments_of_client_update(client_id=client.pk)
    series.enrol_on_entry(segment_id=Segment.objects.get(key="beginner").pk, client_id=client.pk)
    return Enrolment.objects.get(client=client)


def test_every_page_of_campaigns_opens(office: Any) -> None:
    row = _enrolment()
    segment, step = Segment.objects.get(key="at-risk"), row.series.steps.first()
    base = f"/campaigns/series/{row.series_id}"
    for path in (
        "/campaigns/segments/",
        "/campaigns/segments/new/",
        f"/campaigns/segments/{segment.pk}/",
        f"/campaigns/segments/{segment.pk}/edit/",
        "/campaigns/series/",
        "/campaigns/series/new/",
        f"{base}/",
        f"{base}/edit/",
        f"{base}/steps/new/",
        f"{base}/steps/{step.pk}/?language=ar",
        f"{base}/steps/{step.pk}/preview/?language=ar",
        "/campaigns/suppressions/",
        f"/clients/{row.client_id}/?tab=campaigns",
    ):
        assert office.get(path).status_code == 200, path


def test_builder_counts_while_one_clicks(office: Any) -> None:
    client_make(stage=Stage.FUNDED, active_days=3)
    client_make(stage=Stage.LEAD)
    form = {"n.0.op": "and", "n.0.0.fact": "stage", "n.0.0.test": "in", "n.0.0.value": "funded"}
    page = office.post("/campaigns/segments/build/", form)
    assert page.context["preview"].count == 1
    page = office.post("/campaigns/segments/build/", {**form, "act": "add", "at": "0"})
    assert [item.fact.key for item in page.context["node"].items] == ["stage", "stage"]
    page = office.post("/campaigns/segments/build/", {**form, "act": "remove", "at": "0.0"})
    assert page.context["node"].items == []


def test_segment_is_saved_from_the_builder(office: Any) -> None:
    form = {
        "name": "Germans", "tone": "info", "n.0.op": "and", "n.0.0.fact": "country", "n.0.0.test": "in",
        "n.0.0.value": ["DE", "AT"],
    }  # fmt: skip
    assert office.post("/campaigns/segments/new/", form).status_code == 302
    assert Segment.objects.get(name="Germans").definition == {
        "op": "and",
        "items": [{"fact": "country", "test": "in", "value": ["DE", "AT"]}],
    }
    assert office.post("/campaigns/segments/new/", form).status_code == 422  # the name is taken


def test_step_editor_keeps_other_languages_and_refuses_unknown_placeholders(office: Any) -> None:
    row = Series.objects.get(key="first-weeks")
    step = row.steps.first()
    path = f"/campaigns/series/{row.pk}/steps/{step.pk}/"
    form = {
        "language": "de", "after_days": "0", "subject": "Neu", "heading": "Hallo {first_name}",
        "b.0.kind": "text", "b.0.text": "Gut.",
    }  # fmt: skip
    assert office.post(path, form).status_code == 302
    step.refresh_from_db()
    assert step.content["de"]["blocks"] == [{"kind": "text", "text": "Gut."}]
    assert sorted(step.content) == ["ar", "de", "en", "es", "ru"]
    assert office.post(path, {**form, "heading": "{password}"}).status_code == 422


def test_unsubscribing_asks_first_and_then_stops_every_series(tenant: Any) -> None:
    defaults.ensure()
    row = _enrolment()
    address = series.unsubscribe_url(row)
    path = "/mail/unsubscribe/" + address.partition("/mail/unsubscribe/")[2]
    portal = browser(tenant, "portal")
    assert portal.get(path).status_code == 200
    assert not Suppression.objects.exists()
    assert portal.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert portal.post(path).status_code == 200
    assert Suppression.objects.get().email == row.client.email
    row.refresh_from_db()
    assert row.state == EnrolmentState.UNSUBSCRIBED
    assert portal.post("/mail/unsubscribe/forged.token/").status_code == 404
    assert series.enrol(series=row.series, client=client_make(email=f"X{row.client.email}")) is not None


def test_another_brokerages_link_is_not_ours(tenant: Any, other_tenant: Any) -> None:
    defaults.ensure()
    token = series.unsubscribe_url(_enrolment()).rstrip("/").rpartition("/")[2]
    with context.use(other_tenant):
        assert series.enrolment_of_token(token) is None


def test_a_sales_agent_sees_no_campaigns(tenant: Any) -> None:
    office = log_in(tenant, staff("sales"))
    assert office.get("/campaigns/segments/").status_code == 403
    assert office.post(f"/campaigns/series/{uuid4()}/start/").status_code == 403
    assert MARKETING.may("campaigns.view")


def test_list_of_segments_costs_the_same_for_one_and_for_many(office: Any, django_assert_max_num_queries: Any) -> None:
    for index in range(12):
        definition = {"op": "and", "items": [{"fact": "active_days", "test": "at_least", "value": index}]}
        segments.segment_save(segment=None, name=f"S{index}", definition=definition, actor=MARKETING)
    office.get("/campaigns/segments/")
    with django_assert_max_num_queries(22):
        office.get("/campaigns/segments/")
