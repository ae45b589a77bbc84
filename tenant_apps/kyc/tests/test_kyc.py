"""Identity checks: complete before submitted, decided once, by two where four eyes are demanded, seen by those who may."""

from __future__ import annotations

import io
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image

from kernel import clock
from kernel.actors import Actor, Reach, system
from kernel.errors import Forbidden, NotFound
from kernel.files import FileRefused
from kernel.models import AuditEntry, OutboxMessage
from kernel.tenancy import context
from tenant_apps.clients import services as clients
from tenant_apps.clients.models import Client, KycState, Stage
from tenant_apps.clients.tests.support import log_in, staff
from tenant_apps.kyc import selectors, services
from tenant_apps.kyc.errors import CaseMoved, Incomplete, ReasonNeeded, SecondOfficerNeeded, Undecided
from tenant_apps.kyc.forms import ProfileForm
from tenant_apps.kyc.models import Case, CaseState, Document, DocumentState

ANSWERS = {"experience": "under_1", "leverage": "30", "income": "salary", "pep": "no"}


def officer(name: str = "Lina") -> Actor:
    return Actor(kind="staff", id=str(uuid4()), label=name, grants={"kyc.view": Reach.ALL, "kyc.decide": Reach.ALL})


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (600, 400), (240, 240, 235)).save(out, format="JPEG")
    return out.getvalue()


@pytest.fixture
def client_row(tenant: Any, settings: Any, tmp_path: Any) -> Client:
    settings.FILES_ROOT = tmp_path
    return Client.objects.create(
        number=1,
        first_name="Layla",
        last_name="Al Mansoori",
        email="layla@example.com",
        language="ar",
        currency="USD",
        country="AE",
        stage=Stage.REGISTERED,
        birth_date=date(1990, 5, 1),
        address={"line1": "1 Corniche", "city": "Abu Dhabi"},
    )


@pytest.fixture
def me(client_row: Client) -> Actor:
    return Actor(kind="client", id=str(uuid4()), label=client_row.name, client_id=client_row.pk)


def upload(case: Case, me: Actor, kind: str = "passport", side: str = "front") -> Document:
    return services.document_upload(case=case, kind=kind, side=side, data=picture(), name="p.jpg", actor=me)


@pytest.fixture
def submitted(client_row: Client, me: Actor) -> Case:
    case = services.case_open(client=client_row, actor=me)
    upload(case, me)
    upload(case, me, "utility_bill")
    services.answers_save(case=case, answers=ANSWERS, actor=me)
    case.refresh_from_db()
    return services.case_submit(case=case, actor=me)


def accept_all(case: Case, actor: Actor) -> None:
    for document in selectors.documents_of(case):
        services.document_decide(document=document, accepted=True, actor=actor)


def events() -> list[str]:
    return list(OutboxMessage.objects.filter(name__startswith="kyc.").order_by("id").values_list("name", flat=True))


def test_nothing_missing_before_submission(client_row: Client, me: Actor) -> None:
    case = services.case_open(client=client_row, actor=me)
    assert services.case_open(client=client_row, actor=me) == case
    assert services.missing(case) == ["identity", "address", "questions"]
    with pytest.raises(Incomplete) as refused:
        services.case_submit(case=case, actor=me)
    assert refused.value.field == "identity"
    upload(case, me, "id_card")
    assert "identity" in services.missing(case), "an identity card has two sides"
    upload(case, me, "id_card", "back")
    assert "identity" not in services.missing(case)


def test_submission_tells_compliance(submitted: Case, client_row: Client) -> None:
    client_row.refresh_from_db()
    assert (submitted.state, client_row.kyc_state, events()) == ("submitted", KycState.SUBMITTED, ["kyc.submitted"])
    assert selectors.queue(officer()).count() == 1
    assert client_row.timeline.filter(kind="kyc.submitted").count() == 1


def test_a_newer_upload_takes_the_place_of_the_older(client_row: Client, me: Actor) -> None:
    case = services.case_open(client=client_row, actor=me)
    first, second = upload(case, me), upload(case, me)
    first.refresh_from_db()
    assert first.replaced
    assert [document.pk for document in selectors.documents_of(case)] == [second.pk]


def test_a_refused_file_changes_nothing(client_row: Client, me: Actor) -> None:
    case = services.case_open(client=client_row, actor=me)
    with pytest.raises(FileRefused):
        services.document_upload(case=case, kind="passport", side="front", data=b"MZ", name="p.exe", actor=me)
    assert not Document.objects.exists()


def test_approval_needs_every_document_accepted_and_verifies_the_client(submitted: Case, client_row: Client) -> None:
    lina = officer()
    with pytest.raises(Undecided):
        services.case_approve(case=submitted, actor=lina)
    accept_all(submitted, lina)
    services.case_approve(case=submitted, actor=lina)
    client_row.refresh_from_db()
    assert (client_row.kyc_state, client_row.kyc_level, client_row.stage) == (KycState.APPROVED, 1, Stage.VERIFIED)
    assert events() == ["kyc.submitted", "kyc.approved"]
    with pytest.raises(CaseMoved):
        services.case_approve(case=submitted, actor=lina)
    assert AuditEntry.objects.filter(action="kyc.case_approved", subject=str(client_row.pk)).count() == 1


def test_four_eyes_where_the_brokerage_demands_it(submitted: Case, tenant: Any) -> None:
    from dataclasses import replace

    strict = replace(tenant, settings=(*tenant.settings, ("kyc_four_eyes", True)))
    lina, omar = officer("Lina"), officer("Omar")
    with context.use(strict):
        accept_all(submitted, lina)
        case = services.case_approve(case=submitted, actor=lina)
        assert case.state == CaseState.PROPOSED
        with pytest.raises(SecondOfficerNeeded):
            services.case_approve(case=case, actor=lina)
        assert events() == ["kyc.submitted"]
        assert services.case_approve(case=case, actor=omar).state == CaseState.APPROVED


def test_high_risk_always_needs_two(submitted: Case, client_row: Client) -> None:
    Client.objects.filter(pk=client_row.pk).update(risk="high")
    lina = officer()
    accept_all(submitted, lina)
    case = Case.objects.select_related("client").get(pk=submitted.pk)
    assert services.case_approve(case=case, actor=lina).state == CaseState.PROPOSED


def test_lowering_the_risk_first_does_not_spare_the_second_officer(submitted: Case, client_row: Client) -> None:
    from tenant_apps.clients.services import risk_set

    lina = officer()
    for risk in ("high", "normal"):
        risk_set(client=client_row, risk=risk, reason="", actor=system("tests"))
    accept_all(submitted, lina)
    case = Case.objects.select_related("client").get(pk=submitted.pk)
    assert case.client.risk == "normal"
    assert services.case_approve(case=case, actor=lina).state == CaseState.PROPOSED


def test_asking_again_names_a_reason_and_lets_the_client_send_anew(
    submitted: Case, client_row: Client, me: Actor
) -> None:
    lina = officer()
    with pytest.raises(ReasonNeeded):
        services.case_ask_more(case=submitted, message=" ", actor=lina)
    passport = selectors.documents_of(submitted)[0]
    with pytest.raises(ReasonNeeded):
        services.document_decide(document=passport, accepted=False, refusal="because", actor=lina)
    services.document_decide(document=passport, accepted=False, refusal="unreadable", actor=lina)
    case = services.case_ask_more(case=submitted, message="", actor=lina)
    assert services.missing(case) == ["identity"]
    upload(case, me)
    again = services.case_submit(case=case, actor=me)
    assert (again.state, events()) == ("submitted", ["kyc.submitted", "kyc.more_needed", "kyc.submitted"])


def test_rejection_wants_a_reason_for_the_record(submitted: Case, client_row: Client) -> None:
    with pytest.raises(ReasonNeeded):
        services.case_reject(case=submitted, reason="no", actor=officer())
    services.case_reject(case=submitted, reason="Forged passport, see case note 12", actor=officer())
    client_row.refresh_from_db()
    assert client_row.kyc_state == KycState.REJECTED
    assert AuditEntry.objects.get(action="kyc.case_rejected").reason == "Forged passport, see case note 12"


def test_who_may_not_decide_does_not(submitted: Case) -> None:
    reader = Actor(kind="staff", id="x", grants={"kyc.view": Reach.ALL})
    for act in (
        lambda: services.case_approve(case=submitted, actor=reader),
        lambda: services.case_ask_more(case=submitted, message="more", actor=reader),
        lambda: services.case_reject(case=submitted, reason="long enough reason", actor=reader),
    ):
        with pytest.raises(Forbidden):
            act()
    submitted.refresh_from_db()
    assert submitted.state == CaseState.SUBMITTED


def test_documents_are_seen_by_their_client_and_those_whose_reach_includes_them(submitted: Case, me: Actor) -> None:
    document = selectors.documents_of(submitted)[0]
    assert selectors.document_for(me, document.pk) == document
    assert selectors.document_for(officer(), document.pk) == document
    stranger = Actor(kind="client", id="s", client_id=uuid4())
    agent = Actor(kind="staff", id=str(uuid4()), grants={"kyc.view": Reach.OWN})
    for actor in (stranger, agent):
        with pytest.raises(NotFound):
            selectors.document_for(actor, document.pk)


def test_a_submitted_case_is_out_of_the_clients_hands(submitted: Case, me: Actor) -> None:
    with pytest.raises(CaseMoved):
        upload(submitted, me)
    assert Document.objects.filter(state=DocumentState.UPLOADED).count() == 2


@pytest.mark.parametrize(("days_short", "valid"), [(0, True), (1, False)])
def test_eighteen_means_eighteen(tenant: Any, days_short: int, valid: bool) -> None:
    today = clock.today()
    born = today.replace(year=today.year - 18) + timedelta(days=days_short)
    data = {
        "first_name": "A", "last_name": "B", "birth_date": born.isoformat(), "nationality": "DE",
        "line1": "Weg 1", "city": "Bonn", "country": "DE",
    }  # fmt: skip
    assert ProfileForm(data).is_valid() is valid


def test_an_upload_under_way_does_not_reach_a_case_that_was_submitted_meanwhile(submitted: Case, me: Actor) -> None:
    stale = Case.objects.get(pk=submitted.pk)
    stale.state = CaseState.DRAFT  # as it was when the request began
    before = {document.pk for document in selectors.documents_of(submitted)}
    with pytest.raises(CaseMoved):
        upload(stale, me)
    with pytest.raises(CaseMoved):
        services.answers_save(case=stale, answers={"pep": "yes"}, actor=me)
    document = selectors.documents_of(submitted)[0]
    document.case = stale
    with pytest.raises(CaseMoved):
        services.document_remove(document=document, actor=me)
    submitted.refresh_from_db()
    assert {document.pk for document in selectors.documents_of(submitted)} == before
    assert submitted.answers == ANSWERS


def test_the_desk_offers_for_a_document_what_has_not_been_said_of_it(submitted: Case, tenant: Any) -> None:
    desk = log_in(tenant, staff("compliance"))
    page, first = f"/kyc/{submitted.pk}/", selectors.documents_of(submitted)[0]
    accept, refuse = f"/kyc/documents/{first.pk}/accept/", f"/kyc/documents/{first.pk}/refuse/"
    html = desk.get(page).content.decode()
    assert (accept in html, refuse in html) == (True, True)
    assert "Accept every document first" in desk.post(f"{page}approve/", follow=True).content.decode()
    html = desk.post(accept, follow=True).content.decode()
    assert (accept in html, refuse in html) == (False, True)
    html = desk.post(refuse, {"refusal": "unreadable"}, follow=True).content.decode()
    assert (accept in html, refuse in html) == (True, False)


ARABIC = {
    "first_name": "ليلى", "last_name": "العمري", "birth_date": "1990-05-01", "nationality": "AE", "line1": "1 Corniche",
    "city": "Abu Dhabi", "country": "AE",
}  # fmt: skip


def test_who_writes_in_letters_that_banks_cannot_is_asked_for_the_passports(client_row: Client, me: Actor) -> None:
    Client.objects.filter(pk=client_row.pk).update(first_name="ليلى", last_name="العمري")
    client_row.refresh_from_db()
    case = services.case_open(client=client_row, actor=me)
    assert "profile" in services.missing(case)
    assert "latin_name" in ProfileForm(initial=ProfileForm.initial_of(client_row)).fields
    assert set(ProfileForm(ARABIC).errors) == {"latin_name"}
    assert set(ProfileForm({**ARABIC, "latin_name": "ليلى"}).errors) == {"latin_name"}
    form = ProfileForm({**ARABIC, "latin_name": "ALOMARI<<LAYLA"})
    assert form.is_valid(), form.errors
    clients.client_update(client=client_row, actor=me, **form.changes())
    case.client.refresh_from_db()
    assert case.client.latin_name == "ALOMARI LAYLA"
    assert "profile" not in services.missing(case)


@pytest.mark.parametrize("first", ["Layla", "Юлия", "Núria"])
def test_nobody_else_is_asked_for_it(tenant: Any, first: str) -> None:
    form = ProfileForm({**ARABIC, "first_name": first, "last_name": "Vogt"})
    assert form.is_valid()
    assert "latin_name" not in form.changes()


def test_the_officer_sees_the_latin_spelling_beside_the_document(submitted: Case, tenant: Any) -> None:
    page = f"/kyc/{submitted.pk}/"
    desk = log_in(tenant, staff("compliance"))
    assert "AL MANSOORI LAYLA" not in desk.get(page).content.decode()
    Client.objects.filter(pk=submitted.client_id).update(latin_name="AL MANSOORI LAYLA")
    assert "AL MANSOORI LAYLA" in desk.get(page).content.decode()
