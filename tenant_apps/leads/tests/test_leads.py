"""Leads: made once, distributed by rules, worked by agents, seen by those whom they concern."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kernel import clock
from kernel.actors import Reach
from kernel.errors import Forbidden, Invalid, NotFound
from kernel.models import AuditEntry, OutboxMessage
from tenant_apps.accounts.models import Team
from tenant_apps.clients import selectors, services
from tenant_apps.clients.errors import PhoneInvalid, StageRefused
from tenant_apps.clients.models import Client, Task, TimelineEntry
from tenant_apps.clients.queue import Queue
from tenant_apps.leads import services as leads
from tenant_apps.leads.defaults import pipeline_ensure
from tenant_apps.leads.distribution import Facts, decide
from tenant_apps.leads.errors import OwnerUnknown, StatusUnknown
from tenant_apps.leads.models import Assignment, Call, LeadRule, Method
from tenant_apps.leads.tests.support import SYSTEM, actor, lead, log_in, staff
from tenant_apps.notifications.models import Mail, Notification


@pytest.fixture
def desk(tenant: Any) -> Team:
    pipeline_ensure()
    return Team.objects.create(name="Desk")


def rule(name: str = "All", **values: Any) -> LeadRule:
    given = {
        "conditions": {}, "method": Method.ROUND_ROBIN, "team_id": None, "agents": {}, "cap_open": None,
        "cap_day": None, "active": True, **values,
    }  # fmt: skip
    return leads.rule_save(rule=None, name=name, actor=SYSTEM, **given)


def capture(n: int = 0, **values: Any) -> Client:
    given = {"email": f"person{n}@example.com", "first_name": "P", **values}
    return leads.lead_capture(**given).client


# --- making -------------------------------------------------------------------------------------------------------------


def test_numbers_count_up_and_phones_are_normalised(tenant: Any) -> None:
    first, second = lead(phone="0171 2345678", country="DE"), lead()
    assert second.number > first.number > services.FIRST_NUMBER
    assert first.phone == "+491712345678"
    assert lead(phone="+7 701 234 56 78").country == "KZ"


def test_a_wrong_phone_or_address_makes_nothing(tenant: Any) -> None:
    with pytest.raises(PhoneInvalid):
        lead(phone="+49 1")
    with pytest.raises(Invalid):
        lead(email="nonsense")
    assert Client.objects.count() == 0


def test_the_same_person_is_recognised_by_address_or_phone(tenant: Any) -> None:
    first = lead(email="ada@example.com", phone="+491712345678", source={"utm_source": "google"})
    by_mail = services.lead_create(actor=SYSTEM, email="ADA@example.com", first_name="X", source={"utm_source": "bing"})
    by_phone = services.lead_create(actor=SYSTEM, email="other@example.com", first_name="X", phone="+49 171 2345678")
    assert [(one.client.pk, one.created) for one in (by_mail, by_phone)] == [(first.pk, False)] * 2
    first.refresh_from_db()
    assert (first.first_name, first.source) == ("Ada", {"utm_source": "google"})
    assert TimelineEntry.objects.filter(client=first, kind="clients.lead_returned").count() == 2
    assert OutboxMessage.objects.filter(name="clients.lead_created").count() == 1


# --- distribution -------------------------------------------------------------------------------------------------------


def test_rules_are_asked_in_order_and_the_agent_is_told(desk: Team) -> None:
    german, other = staff("sales", team=desk), staff("sales", team=desk)
    rule("German", conditions={"languages": ["de"]}, agents={german.pk: 1})
    rule("Rest", agents={other.pk: 1})
    assert capture(1, language="de").owner_id == german.pk
    assert capture(2, language="en").owner_id == other.pk
    told = Notification.objects.get(user_id=german.pk)
    assert (told.kind, told.body) == ("leads.assigned", "P")
    assigned = OutboxMessage.objects.filter(name="clients.lead_assigned").values_list("payload__owner_id", flat=True)
    assert list(assigned.order_by("id")) == [str(german.pk), str(other.pk)]


def test_round_robin_takes_turns(desk: Team) -> None:
    people = [staff("sales", team=desk) for _ in range(3)]
    rule(team_id=desk.pk)
    owners = [capture(n).owner_id for n in range(6)]
    assert sorted(map(str, owners[:3])) == sorted(str(one.pk) for one in people)
    assert owners[3:] == owners[:3]


def test_weights_share_exactly(desk: Team) -> None:
    heavy, light = staff("sales"), staff("sales")
    rule(method=Method.WEIGHTED, agents={heavy.pk: 3, light.pk: 1})
    owners = [capture(n).owner_id for n in range(8)]
    assert (owners.count(heavy.pk), owners.count(light.pk)) == (6, 2)


def test_caps_pass_the_lead_on(desk: Team) -> None:
    first, second = staff("sales"), staff("sales")
    rule("Small", agents={first.pk: 1}, cap_day=1)
    rule("Rest", agents={second.pk: 1}, cap_open=1)
    assert [capture(n).owner_id for n in range(3)] == [first.pk, second.pk, None]
    decision = decide(Facts())
    assert decision.rule is None
    assert [(one.name, why) for one, why in decision.passed] == [("Small", "no_room"), ("Rest", "no_room")]


def test_the_least_loaded_comes_first(desk: Team) -> None:
    busy, idle = staff("sales"), staff("sales")
    lead(owner_id=busy.pk)
    rule(method=Method.LEAST_LOADED, agents={busy.pk: 1, idle.pk: 1})
    assert capture().owner_id == idle.pk


def test_a_returning_lead_keeps_its_agent(desk: Team) -> None:
    first, second = staff("sales"), staff("sales")
    old = lead(email="back@example.com", owner_id=first.pk)
    rule(agents={second.pk: 1})
    assert capture(email="back@example.com").owner_id == first.pk
    assert Notification.objects.get(user_id=first.pk).kind == "leads.returned"
    first.active = False
    first.save()
    assert capture(email="back@example.com").owner_id == second.pk
    assert Assignment.objects.get(client=old).user_id == second.pk


def test_of_a_team_who_speaks_the_language_comes_first(desk: Team) -> None:
    german, other = staff("sales", team=desk), staff("sales", team=desk)
    german.languages = ["de"]
    german.save()
    rule(team_id=desk.pk)
    assert [capture(n, language="de").owner_id for n in range(3)] == [german.pk] * 3
    assert {capture(n, language="ar").owner_id for n in (3, 4)} <= {german.pk, other.pk}


def test_asking_which_rule_writes_nothing(desk: Team) -> None:
    agent = staff("sales")
    made = rule(agents={agent.pk: 1}, conditions={"countries": ["de"]})
    assert decide(Facts(country="DE")).user == agent
    assert decide(Facts(country="FR")).passed == [(made, "countries")]
    assert made.agents.get().given == 0


# --- who sees and does what ------------------------------------------------------------------------------------------------


def test_an_agent_sees_own_a_manager_the_team_an_owner_all(desk: Team) -> None:
    agent, colleague = staff("sales", team=desk), staff("sales", team=desk)
    manager, owner = staff("desk_manager", team=desk), staff("owner")
    mine = lead(owner_id=agent.pk, team_id=desk.pk)
    theirs = lead(owner_id=colleague.pk, team_id=desk.pk)
    pool = lead()
    assert set(selectors.clients_visible(actor(agent))) == {mine}
    assert set(selectors.clients_visible(actor(manager))) == {mine, theirs}
    assert set(selectors.clients_visible(actor(owner))) == {mine, theirs, pool}
    with pytest.raises(NotFound):
        leads.status_set(client=theirs, status="contacted", actor=actor(agent))
    with pytest.raises(NotFound):
        selectors.client_get(actor(agent), theirs.pk)


def test_contacts_are_masked_for_agents_only(desk: Team) -> None:
    agent = staff("sales", team=desk)
    mine = lead(email="lina@example.com", phone="+491712345678", owner_id=agent.pk)
    seen: Any = selectors.show(actor(agent), [mine])[0]
    assert (seen.email_shown, seen.phone_shown) == ("l•••@example.com", "+491 •••• 78")
    seen = selectors.show(actor(staff("owner")), [mine])[0]
    assert (seen.email_shown, seen.phone_shown) == ("lina@example.com", "+491712345678")


def test_masked_contacts_never_reach_the_page(desk: Team, tenant: Any) -> None:
    agent = staff("sales", team=desk)
    mine = lead(email="lina.hidden@example.com", phone="+491712345678", owner_id=agent.pk)
    page = log_in(tenant, agent)
    tabs = ("overview", "profile", "documents", "devices")
    paths = [f"/clients/{mine.pk}/?tab={tab}" for tab in tabs] + ["/leads/", "/leads/board/", "/find/?q=lina", "/"]
    for path in paths:
        answer = page.get(path)
        assert answer.status_code == 200, path
        assert "lina.hidden" not in answer.content.decode(), path
        assert "1712345678" not in answer.content.decode(), path


def test_masked_contacts_are_found_by_the_whole_of_them_only(desk: Team) -> None:
    from tenant_apps.clients.queue import matching

    lead(email="lina@example.com", phone="+491712345678")
    masks = frozenset({"email", "phone"})
    found = [
        Client.objects.filter(matching(text, masks)).count()
        for text in ("lin@", "lina@example.com", "45678", "171234", "+491712345678", "lina", "ada")
    ]
    assert found == [0, 1, 0, 0, 1, 0, 1]


def test_dialling_hands_over_the_number_and_is_written_down(desk: Team, tenant: Any) -> None:
    agent = staff("sales", team=desk)
    mine = lead(phone="+491712345678", owner_id=agent.pk)
    office = log_in(tenant, agent)
    assert f'hx-post="/clients/{mine.pk}/dial/"' in office.get(f"/clients/{mine.pk}/").content.decode()
    assert office.post(f"/clients/{mine.pk}/dial/")["HX-Redirect"] == "tel:+491712345678"
    assert AuditEntry.objects.get(action="leads.dialled").actor_id == str(agent.pk)


def test_a_manager_gives_leads_to_the_team_only(desk: Team) -> None:
    manager, agent, stranger = staff("desk_manager", team=desk), staff("sales", team=desk), staff("sales")
    mine, outside = lead(owner_id=manager.pk, team_id=desk.pk), lead()
    assert leads.owner_assign(client_ids=[mine.pk, outside.pk], owner_id=agent.pk, actor=actor(manager)) == 1
    with pytest.raises(OwnerUnknown):
        leads.owner_assign(client_ids=[mine.pk], owner_id=stranger.pk, actor=actor(manager))
    with pytest.raises(Forbidden):
        leads.owner_assign(client_ids=[mine.pk], owner_id=agent.pk, actor=actor(agent))
    outside.refresh_from_db()
    assert outside.owner_id is None


# --- work ---------------------------------------------------------------------------------------------------------------


def test_calls_are_logged_and_move_a_new_lead(desk: Team) -> None:
    agent = staff("sales", team=desk)
    mine = lead(owner_id=agent.pk)
    leads.call_log(client=mine, outcome="no_answer", actor=actor(agent))
    assert Client.objects.get(pk=mine.pk).status == "attempted"
    leads.call_log(client=mine, outcome="reached", seconds=90, note="Call again", actor=actor(agent))
    mine.refresh_from_db()
    assert mine.status == "contacted"
    assert mine.last_contact_at is not None
    assert list(Call.objects.order_by("at").values_list("outcome", "seconds")) == [("no_answer", 0), ("reached", 90)]
    assert TimelineEntry.objects.filter(client=mine, kind="leads.call", text="Call again").count() == 1


def test_an_unknown_status_is_refused(desk: Team) -> None:
    mine = lead()
    with pytest.raises(StatusUnknown):
        leads.status_set(client=mine, status="nonsense", actor=SYSTEM)


def test_tasks_are_made_once_per_key_and_done_by_their_owner(desk: Team) -> None:
    agent, other = staff("sales"), staff("sales")
    mine = lead(owner_id=agent.pk)
    due = clock.now() + timedelta(days=2)
    made = [
        services.task_add(client=mine, title="Call", due_at=due, owner_id=agent.pk, dedupe_key="k", actor=SYSTEM)
        for _ in range(2)
    ]
    assert made[0].pk == made[1].pk
    with pytest.raises(NotFound):
        services.task_done(task=made[0], actor=actor(other))
    services.task_done(task=made[0], actor=actor(agent))
    services.task_done(task=made[0], actor=actor(agent))
    assert AuditEntry.objects.filter(action="clients.task_done").count() == 1


def test_stages_move_forward_only(desk: Team) -> None:
    mine = lead()
    assert services.stage_advance(client_id=mine.pk, to="verified", actor=SYSTEM)
    assert not services.stage_advance(client_id=mine.pk, to="registered", actor=SYSTEM)
    assert Client.objects.get(pk=mine.pk).stage == "verified"
    assert StageRefused.status == 409


def test_a_day_counts_once(desk: Team) -> None:
    mine = lead()
    today = clock.today()
    marks = [services.activity_mark(client_id=mine.pk, actor=SYSTEM, on=day) for day in (today, today)]
    marks.append(services.activity_mark(client_id=mine.pk, actor=SYSTEM, on=today + timedelta(days=1)))
    assert marks == [True, False, True]
    facts = OutboxMessage.objects.filter(name="clients.active_day").order_by("id")
    assert [one.payload["active_days"] for one in facts] == [1, 2]


def test_the_invitation_is_mailed_in_the_clients_language(desk: Team) -> None:
    agent = staff("sales")
    mine = lead(owner_id=agent.pk, language="en", email="guest@example.com")
    leads.invitation_send(client=mine, actor=actor(agent))
    mail = Mail.objects.get(client_id=mine.pk)
    assert mail.to == "guest@example.com"
    assert "/register/?invitation=" in mail.text


# --- lists --------------------------------------------------------------------------------------------------------------


def test_a_list_costs_the_same_number_of_queries_however_long(desk: Team, tenant: Any) -> None:
    owner = staff("owner")
    page = log_in(tenant, owner)
    counts = []
    for more in (3, 40):
        for _ in range(more):
            lead(owner_id=owner.pk)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert page.get("/leads/").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[0] <= 21  # the counters of the menu are one
    assert not any('COUNT(*) AS "__count" FROM "clients_client" WHERE' in one["sql"] for one in queries)


def test_a_refresh_answers_with_the_rows_only(desk: Team, tenant: Any) -> None:
    lead()
    page = log_in(tenant, staff("owner"))
    for path, target in (("/leads/", "rows"), ("/leads/board/", "board"), ("/tasks/", "tasks"), ("/", "dashboard")):
        answer = page.get(path, HTTP_HX_REQUEST="true", HTTP_HX_TARGET=f"div#{target}")
        assert "<html" not in answer.content.decode(), path


def test_every_page_of_a_list_shows_each_row_once(desk: Team, tenant: Any) -> None:
    page = log_in(tenant, staff("owner"))
    made = {str(lead().pk) for _ in range(12)}
    seen: list[str] = []
    path = "/leads/?size=5"
    while path:
        table = page.get(path).context["table"]
        seen += [str(row.pk) for row in table.page.rows]
        path = f"/leads/{table.page.next_query}" if len(table.page.rows) == 5 and table.page.next_query else ""
    assert sorted(seen) == sorted(made)


@pytest.mark.parametrize(
    ("query", "found"),
    [("q=ada", 1), ("q=ada+love", 1), ("q=grace%40", 1), ("q=45678", 1), ("country=de", 1), ("source=google", 1),
     ("owner=none", 2), ("status=contacted", 0), ("tag=vip", 1), ("since=2100-01-01", 0), ("owner=nonsense", 2)],
)  # fmt: skip
def test_filters(desk: Team, query: str, found: int) -> None:
    from django.http import QueryDict

    first = lead(phone="+491712345678", country="DE", source={"utm_source": "google"})
    lead(first_name="Grace", last_name="Hopper", email="grace@example.com")
    services.tags_set(client=first, tags=["VIP"], actor=SYSTEM)
    assert Queue.parse(QueryDict(query)).apply(Client.objects.all()).count() == found


def test_walking_through_a_queue(desk: Team, tenant: Any) -> None:
    oldest, middle, newest = lead(), lead(), lead()
    queue = Queue()
    rows = Client.objects.all()
    assert queue.neighbour(rows, middle) == oldest.pk
    assert queue.neighbour(rows, middle, previous=True) == newest.pk
    assert queue.neighbour(rows, oldest) is None
    page = log_in(tenant, staff("owner"))
    answer = page.get(f"/clients/{middle.pk}/?queue=list%3Dleads")
    assert f"/clients/{oldest.pk}/" in answer.context["next"]


def test_the_board_moves_a_card(desk: Team, tenant: Any) -> None:
    mine = lead()
    page = log_in(tenant, staff("owner"))
    answer = page.post("/leads/board/move/", {"card": str(mine.pk), "column": "interested", "position": "0"})
    assert answer.status_code == 204
    assert Client.objects.get(pk=mine.pk).status == "interested"


def test_another_brokerages_client_does_not_exist_here(desk: Team, tenant: Any, other_tenant: Any) -> None:
    from kernel.tenancy import context

    with context.use(other_tenant):
        foreign = lead(email="foreign@example.com")
    page = log_in(tenant, staff("owner"))
    assert page.get(f"/clients/{foreign.pk}/").status_code == 404
    assert page.post(f"/clients/{foreign.pk}/note/", {"text": "x"}).status_code == 404
    assert page.post("/leads/bulk/", {"selected": str(foreign.pk), "act": "assign", "owner": "none"}).status_code == 302
    with context.use(other_tenant):
        assert TimelineEntry.objects.filter(client_id=foreign.pk).count() == 1
    assert "foreign@" not in page.get("/leads/").content.decode()


def test_the_pages_and_quick_acts_of_an_agent(desk: Team, tenant: Any) -> None:
    agent = staff("sales", team=desk)
    mine = lead(owner_id=agent.pk, phone="+491712345678")
    page = log_in(tenant, agent)
    here = f"/clients/{mine.pk}/"
    for path in (
        "/",
        "/leads/",
        "/clients/",
        "/leads/board/",
        "/tasks/",
        "/leads/new/",
        f"{here}call/",
        f"{here}task/",
    ):
        assert page.get(path).status_code == 200, path
    assert page.post(f"{here}note/", {"text": "Likes gold"}).status_code == 302
    assert page.post(f"{here}task/", {"days": "2"}, HTTP_HX_REQUEST="true").status_code == 204
    assert page.post(f"{here}call/", {"outcome": "reached", "minutes": "5"}, HTTP_HX_REQUEST="true").status_code == 204
    assert page.post(f"{here}status/", {"status": "interested"}).status_code == 302
    assert page.post(f"{here}invite/").status_code == 302
    assert page.post(f"{here}assign/", {"owner": str(agent.pk)}).status_code == 403
    assert page.post(f"{here}tags/", {"tags": "gold, VIP"}).status_code == 302
    mine.refresh_from_db()
    assert (mine.status, mine.tags) == ("interested", ["gold", "vip"])
    task = Task.objects.get(client=mine)
    assert timedelta(days=1, hours=23) < task.due_at - clock.now() <= timedelta(days=2)
    assert "Likes gold" in page.get(f"{here}?part=tab&tab=overview").content.decode()


def test_rules_and_pipeline_are_the_owners_to_edit(desk: Team, tenant: Any) -> None:
    agent = staff("sales", team=desk)
    page = log_in(tenant, staff("owner"))
    form = {"name": "Germans", "countries": "de, at", "languages": ["de"], "method": "weighted", "active": "on",
            f"weight:{agent.pk}": "3"}  # fmt: skip
    assert page.post("/leads/rules/new/", form).status_code == 302
    made = LeadRule.objects.get()
    assert made.conditions == {"countries": ["DE", "AT"], "languages": ["de"]}
    assert list(made.agents.values_list("user_id", "weight")) == [(agent.pk, 3)]
    answer = page.post("/leads/rules/test/", {"country": "DE", "language": "de"})
    assert agent.name in answer.content.decode()
    for path in ("/leads/rules/", f"/leads/rules/{made.pk}/", "/leads/pipeline/", "/leads/pipeline/new/"):
        assert page.get(path).status_code == 200, path
    assert page.post("/leads/rules/new/", {"name": "Nobody", "method": "weighted"}).status_code == 422
    assert log_in(tenant, agent).get("/leads/rules/").status_code == 403
    assert actor(agent).reach("leads.work") is Reach.OWN
