"""The dashboard, search and the audit trail."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import pytest

from kernel import panels
from kernel.models import AuditEntry
from tenant_apps.leads.defaults import pipeline_ensure
from tenant_apps.leads.tests.support import lead, log_in, staff
from tenant_apps.office import selectors


@pytest.fixture(autouse=True)
def _pipeline(tenant: Any) -> None:
    pipeline_ensure()


@pytest.mark.parametrize("role", [
    "owner", "desk_manager", "sales", "retention", "compliance", "dealing", "finance", "support", "marketing", "auditor",
])  # fmt: skip
def test_every_role_has_a_start_page(tenant: Any, role: str) -> None:
    assert log_in(tenant, staff(role)).get("/").status_code == 200


def test_the_dashboard_shows_what_is_open_of_the_set_up_and_nothing_of_what_is_done(
    tenant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = log_in(tenant, staff("owner"))
    html = owner.get("/").content.decode()
    assert 'href="/trading/servers/new/"' in html
    assert "Without a trading server no account can be opened." in html
    assert "Accepted documents" not in html
    done = {"done": True, "href": "/done/", "text": "", "action": "Look"}
    all_done = [replace(one, context=lambda *_: done) if one.slot == "office.setup" else one for one in panels._panels]
    monkeypatch.setattr(panels, "_panels", all_done)
    html = owner.get("/").content.decode()
    assert "Without a trading server" not in html
    assert "/done/" not in html


def test_the_dashboard_counts_within_reach(tenant: Any) -> None:
    from tenant_apps.leads.tests.support import actor

    agent, owner = staff("sales"), staff("owner")
    lead(owner_id=agent.pk)
    lead()
    assert selectors.today_counts(actor(agent)) == {"leads": 1, "won": 0, "registered": 0, "ftd": 0, "pool": 0}
    assert selectors.today_counts(actor(owner)) == {"leads": 2, "won": 0, "registered": 0, "ftd": 0, "pool": 1}
    assert selectors.funnel(actor(owner)) == {"leads": 2, "registered": 0, "verified": 0, "funded": 0}


def test_a_lead_of_today_who_registered_is_named_beside_the_figure(tenant: Any) -> None:
    """The list of leads no longer has them; the figure says where they are."""
    from tenant_apps.clients.models import Client, Stage

    lead()
    Client.objects.filter(pk=lead().pk).update(stage=Stage.REGISTERED)
    html = log_in(tenant, staff("owner")).get("/").content.decode()
    assert "1 is a client by now" in html


def test_search_finds_what_one_may_see(tenant: Any) -> None:
    agent, owner = staff("sales"), staff("owner")
    mine, hidden = lead(first_name="Grace", owner_id=agent.pk), lead(first_name="Grace")
    found = log_in(tenant, owner).get("/find/?q=grace").content.decode()
    assert str(mine.pk) in found
    assert str(hidden.pk) in found
    found = log_in(tenant, agent).get("/find/?q=grace").content.decode()
    assert str(mine.pk) in found
    assert str(hidden.pk) not in found


def test_the_trail_is_filtered_verified_and_exported(tenant: Any) -> None:
    page = log_in(tenant, staff("auditor"))
    made = lead(first_name="=cmd()")
    lines = page.get("/audit/?action=clients.lead_created").context["entries"]
    assert [one.subject for one in lines] == [str(made.pk)]
    verdict = page.post("/audit/verify/")
    assert "The chain is whole" in verdict.content.decode()
    answer = page.get("/audit/export/?action=clients.lead_created")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))  # type: ignore[arg-type]
    assert [row["object_label"] for row in rows] == ["'=cmd() Lovelace"]
    assert AuditEntry.objects.filter(action="audit.exported").count() == 1


def test_the_trail_shows_masked_fields_masked_on_its_page_and_in_its_export(tenant: Any) -> None:
    from kernel import audit
    from kernel.actors import system
    from tenant_apps.accounts.models import Role
    from tenant_apps.accounts.tests.support import log_in, staff

    audit.record(actor=system("t"), action="clients.updated", after={"email": "lena@secret.example", "note": "seen"})
    reader = staff("auditor")
    browser = log_in(tenant, reader)
    assert "lena@secret.example" in browser.get("/audit/").content.decode()
    Role.objects.filter(code="auditor").update(masks=["email"])
    for address in ("/audit/", "/audit/export/"):
        answer = browser.get(address)
        body = answer.getvalue().decode()
        assert (answer.status_code, "lena@secret.example" in body, "seen" in body) == (200, False, True), address


def test_the_trail_tells_changes_in_words(tenant: Any) -> None:
    from kernel import audit
    from kernel.actors import system
    from tenant_apps.accounts.models import Team

    team = Team.objects.create(name="North Desk")
    audit.record(
        actor=system("t"), action="accounts.staff_changed",
        before={"second_factor": False, "team_id": None}, after={"second_factor": True, "team_id": str(team.pk)},
    )  # fmt: skip
    changes = (
        log_in(tenant, staff("auditor")).get("/audit/?action=accounts.staff_changed").context["entries"][0].changes
    )
    told = {(one.label, one.before, one.after) for one in changes}
    assert told == {("Second factor", "no", "yes"), ("Team", "–", "North Desk")}
