"""Payment files: put together by one, released by another, taken by a bank, answered, booked and returned."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction

from kernel import clock
from kernel.errors import Forbidden, Invalid, NotFound
from kernel.ids import uuid7
from kernel.models import AuditEntry
from kernel.tests.dying import KILLED
from sandbox.tests.support import Sandbox
from tenant_apps.accounts.models import Realm, User
from tenant_apps.payments import selectors
from tenant_apps.payments.errors import BatchRefused, SamePerson, WrongState
from tenant_apps.payments.models import (
    BatchState,
    ChangeState,
    PayoutBatch,
    PayoutLine,
    ProposedChange,
    ProviderAccount,
    Withdrawal,
)
from tenant_apps.payments.permissions_list import APPROVE, BATCH_MAKE, BATCH_RELEASE, PROPOSE
from tenant_apps.payments.services import batches, changes, routing
from tenant_apps.payments.services.by_hand import part_refused_by_bank, part_sent_by_hand
from tenant_apps.wallets.selectors import wallet_of

from .crash_worker import crashed
from .support import eur, make_destination, staff
from .test_bank import OURS, THEIRS, account, balance, document, entry, imported, stands, wire_account, wired
from .test_exactly_once import in_threads
from .test_pages import ALL, officer, seen_on

__all__ = ["account"]  # the fixture


def made(account: ProviderAccount, *rows: Withdrawal, actor: Any = None, day: date | None = None) -> PayoutBatch:
    return batches.payout_batch_make(
        actor=actor or staff(BATCH_MAKE),
        account=account,
        currency="EUR",
        part_ids=[row.parts.get().pk for row in rows],
        execution_on=day or clock.today(),
    )


def released(account: ProviderAccount, *rows: Withdrawal) -> PayoutBatch:
    return batches.payout_batch_release(actor=staff(BATCH_RELEASE), batch_id=made(account, *rows).pk)


def file_of(batch: PayoutBatch) -> bytes:
    return batches.payout_batch_file(actor=staff(BATCH_MAKE), batch_id=batch.pk)[1]


def answered(batch: PayoutBatch, data: bytes) -> batches.Answered:
    return batches.payout_status_read(actor=staff(BATCH_MAKE), batch_id=batch.pk, data=data)


def agreed(*rows: Withdrawal) -> None:
    """A second person agrees to what the bank's answer proposed."""
    parts = [row.parts.get().pk for row in rows]
    for change in ProposedChange.objects.filter(kind="wire_refused", object_id__in=parts, state=ChangeState.WAITING):
        changes.change_approve(actor=staff(APPROVE), change_id=change.pk)


def report(batch: PayoutBatch, *transactions: str, whole: str = "PART", more: str = "") -> bytes:
    """A pain.002 of a few words; a transaction is `reference status [reason]`."""
    items = ""
    for words in transactions:
        reference, status, *reason = words.split()
        why = f"<StsRsnInf><Rsn><Cd>{reason[0]}</Cd></Rsn></StsRsnInf>" if reason else ""
        items += (
            f"<TxInfAndSts><OrgnlEndToEndId>{reference}</OrgnlEndToEndId><TxSts>{status}</TxSts>{why}</TxInfAndSts>"
        )
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt><OrgnlGrpInfAndSts>'
        f"<OrgnlMsgId>{batch.reference}</OrgnlMsgId>{more}<GrpSts>{whole}</GrpSts></OrgnlGrpInfAndSts><OrgnlPmtInfAndSts>"
        f"<OrgnlPmtInfId>x</OrgnlPmtInfId>{items}</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"
    ).encode()


def test_one_makes_it_and_another_releases_it(account: ProviderAccount) -> None:
    row = wired(account)
    both = staff(BATCH_MAKE, BATCH_RELEASE)
    batch = made(account, row, actor=both)
    assert (batch.state, batch.total, batch.count, batch.file) == ("made", eur("200"), 1, None)
    with pytest.raises(SamePerson):
        batches.payout_batch_release(actor=both, batch_id=batch.pk)
    with pytest.raises(Forbidden):
        batches.payout_batch_release(actor=staff(BATCH_MAKE), batch_id=batch.pk)
    with pytest.raises(Forbidden):
        made(account, row, actor=staff(BATCH_RELEASE))
    with pytest.raises(WrongState):
        file_of(batch)
    batch = batches.payout_batch_release(actor=staff(BATCH_RELEASE), batch_id=batch.pk)
    data = file_of(batch)
    assert f"<EndToEndId>{row.reference}</EndToEndId>".encode() in data
    assert b'<InstdAmt Ccy="EUR">200.00</InstdAmt>' in data
    with pytest.raises(WrongState):
        batches.payout_batch_release(actor=staff(BATCH_RELEASE), batch_id=batch.pk)
    acts = AuditEntry.objects.filter(object_id=str(batch.pk)).order_by("id").values_list("action", flat=True)
    assert list(acts) == ["payments.batch_made", "payments.batch_released", "payments.batch_downloaded"]


def test_every_download_is_the_same_bytes(account: ProviderAccount) -> None:
    batch = released(account, wired(account))
    first = file_of(batch)
    ProviderAccount.objects.filter(pk=account.pk).update(settings={"iban": THEIRS, "payment_file": "03"})
    Withdrawal.objects.update(holder="Somebody Else", iban="NL91ABNA0417164300")
    assert file_of(batch) == first


def test_nobody_releases_their_own_money(account: ProviderAccount) -> None:
    row = wired(account)
    user = User.objects.create(realm=Realm.STAFF, email=row.client.email, name="Somebody Else", active=True)
    batch = made(account, row)
    with pytest.raises(SamePerson):
        batches.payout_batch_release(actor=staff(BATCH_RELEASE, staff_id=user.pk), batch_id=batch.pk)
    assert PayoutBatch.objects.get().state == BatchState.MADE


def test_a_wire_is_in_one_live_file_and_nothing_else_happens_to_it(account: ProviderAccount) -> None:
    row = wired(account)
    batch = made(account, row)
    assert selectors.wires_to_send() == []
    with pytest.raises(BatchRefused):
        made(account, row)
    part = row.parts.get()
    with pytest.raises(WrongState):
        part_sent_by_hand(actor=staff(PROPOSE), part_id=part.pk, bank_reference="B1")
    with pytest.raises(WrongState):
        part_refused_by_bank(actor=staff(PROPOSE), part_id=part.pk, reason="x")
    with pytest.raises(IntegrityError), transaction.atomic():
        PayoutLine.objects.create(batch=batch, part=part, position=1)
    with pytest.raises(Invalid):
        batches.payout_batch_cancel(actor=staff(BATCH_MAKE), batch_id=batch.pk, reason=" ")
    batches.payout_batch_cancel(actor=staff(BATCH_MAKE), batch_id=batch.pk, reason="wrong day")
    with pytest.raises(WrongState):
        batches.payout_batch_release(actor=staff(BATCH_RELEASE), batch_id=batch.pk)
    (group,) = selectors.wires_to_send()
    assert (group.total, [one.pk for one in group.parts]) == (eur("200"), [part.pk])
    again = released(account, row)
    with pytest.raises(WrongState):
        batches.payout_batch_cancel(actor=staff(BATCH_MAKE), batch_id=again.pk, reason="too late")
    assert PayoutLine.objects.filter(live=True).count() == 1


def test_a_file_is_of_wires_that_are_to_be_sent_from_that_account(account: ProviderAccount) -> None:
    row = wired(account)
    other = wire_account()
    for wrong in (lambda: made(other, row), lambda: made(account), lambda: made(account, row, day=date.min),
                  lambda: made(account, row, day=clock.today() - timedelta(days=1)),
                  lambda: made(account, row, day=clock.today() + timedelta(days=61))):  # fmt: skip
        with pytest.raises(Invalid):
            wrong()
    with pytest.raises(BatchRefused):
        batches.payout_batch_make(
            actor=staff(BATCH_MAKE), account=account, currency="USD", part_ids=[row.parts.get().pk],
            execution_on=clock.today(),
        )  # fmt: skip
    with pytest.raises(BatchRefused):
        batches.payout_batch_make(
            actor=staff(BATCH_MAKE), account=account, currency="EUR", part_ids=[uuid7()], execution_on=clock.today()
        )
    Withdrawal.objects.filter(pk=row.pk).update(holder="لينا")
    with pytest.raises(BatchRefused, match=f"{row.reference}.*mark it as sent"):
        made(account, row)
    assert (PayoutBatch.objects.count(), PayoutLine.objects.count()) == (0, 0)


def test_the_execution_date_is_a_day_of_the_brokerage(
    account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the evening of UTC it is tomorrow in Almaty, where the bank takes no file for yesterday."""
    row, evening = wired(account), datetime.combine(clock.today() + timedelta(days=1), time(20), UTC)
    monkeypatch.setattr(routing, "brokerage_zone", lambda: ZoneInfo("Asia/Almaty"))
    with time_machine.travel(evening, tick=False):
        with pytest.raises(Invalid):
            made(account, row, day=evening.date())
        batch = made(account, row, day=evening.date() + timedelta(days=1))
    with time_machine.travel(evening + timedelta(days=1), tick=False), pytest.raises(Invalid):
        batches.payout_batch_release(actor=staff(BATCH_RELEASE), batch_id=batch.pk)


def test_a_wire_that_was_settled_meanwhile_stops_the_release(account: ProviderAccount) -> None:
    row = wired(account)
    batch = made(account, row)
    imported(account, document(entry("-200", row.reference), opening=Decimal(500), number=2))
    with pytest.raises(BatchRefused):
        batches.payout_batch_release(actor=staff(BATCH_RELEASE), batch_id=batch.pk)
    assert stands(row) == ("paid", "paid", eur("300"))


def test_what_the_bank_refuses_waits_for_a_second_person(account: ProviderAccount) -> None:
    good, bad, open_ = wired(account), wired(account), wired(account)
    batch = released(account, good, bad, open_)
    told = report(batch, f"{good.reference} ACSP", f"{bad.reference} RJCT AC04", f"{open_.reference} PDNG")
    done = answered(batch, told)
    assert (done.accepted, done.refused, done.booked) == (1, 1, 0)
    assert {stands(row)[:2] for row in (good, bad, open_)} == {("sending", "sending")}
    assert batches.refusals_waiting(batch) == {bad.parts.get().pk}
    change = ProposedChange.objects.get()
    assert (change.title, change.note, change.client) == (bad.reference, "Refused by the bank. AC04", bad.client)
    assert wallet_of(bad.client_id, "EUR").available == eur("300")
    agreed(bad)
    assert [stands(row)[:2] for row in (good, bad, open_)] == [
        ("sending", "sending"), ("failed", "failed"), ("sending", "sending"),
    ]  # fmt: skip
    assert (balance(bad.client), batches.refusals_waiting(batch)) == (eur("500"), set())
    assert bad.parts.get().failure_text == "Refused by the bank. AC04"
    lines = batch.lines.order_by("position").values_list("state", "reason")
    assert list(lines) == [("accepted", ""), ("refused", "AC04"), ("open", "")]
    again = answered(batch, told)
    assert (again.accepted, again.refused) == (0, 0)
    later = answered(batch, report(batch, f"{good.reference} RJCT AM04", f"{bad.reference} ACSP"))
    assert (later.accepted, later.refused) == (0, 1)  # accepted first and refused then; a refusal is final
    agreed(good)
    assert stands(good)[1] == stands(bad)[1] == "failed"


def test_whoever_read_the_answer_in_does_not_agree_to_it(account: ProviderAccount) -> None:
    """Reading answers in takes one right, and gives no other; who has both is one person still."""
    row = wired(account)
    batch = released(account, row)
    reader = staff(BATCH_MAKE, APPROVE)
    batches.payout_status_read(actor=reader, batch_id=batch.pk, data=report(batch, f"{row.reference} RJCT"))
    change = ProposedChange.objects.get()
    for actor, error in ((reader, SamePerson), (staff(BATCH_MAKE), Forbidden)):
        with pytest.raises(error):
            changes.change_approve(actor=actor, change_id=change.pk)
    assert stands(row)[1] == "sending"


def test_a_refusal_that_waits_already_is_left_and_one_taken_back_stays_for_people(account: ProviderAccount) -> None:
    by_hand, late = wired(account), wired(account)
    batch = released(account, by_hand, late)
    changes.change_propose(
        actor=staff(PROPOSE), kind="wire_refused", object_id=by_hand.parts.get().pk, title=by_hand.reference, values={},
        client=by_hand.client, note="told by telephone",
    )  # fmt: skip
    assert answered(batch, report(batch, whole="RJCT")).refused == 2
    notes = set(ProposedChange.objects.values_list("note", flat=True))
    assert notes == {"told by telephone", "Refused by the bank."}
    imported(account, document(entry("-200", late.reference), opening=Decimal(1000), number=3))
    change = ProposedChange.objects.get(object_id=late.parts.get().pk)
    with pytest.raises(WrongState):  # the bank has paid it after all: the statement counts
        changes.change_approve(actor=staff(APPROVE), change_id=change.pk)
    agreed(by_hand)
    assert (stands(late)[1], stands(by_hand)[1]) == ("paid", "failed")


def test_a_file_refused_whole_fails_every_wire(account: ProviderAccount) -> None:
    rows = [wired(account), wired(account)]
    batch = released(account, *rows)
    assert answered(batch, report(batch, whole="RJCT")).refused == 2
    agreed(*rows)
    assert [stands(row)[1] for row in rows] == ["failed", "failed"]


def test_a_refusal_of_what_a_statement_has_booked_moves_nothing(account: ProviderAccount) -> None:
    row = wired(account)
    batch = released(account, row)
    imported(account, document(entry("-200", row.reference), opening=Decimal(500), number=2))
    done = answered(batch, report(batch, f"{row.reference} RJCT AC04"))
    assert (done.refused, done.booked) == (0, 1)
    assert stands(row) == ("paid", "paid", eur("300"))


@pytest.mark.parametrize("how", ["another file", "a stranger", "another count", "not released", "nonsense"])
def test_an_answer_that_does_not_fit_changes_nothing(account: ProviderAccount, how: str) -> None:
    row = wired(account)
    batch = made(account, row) if how == "not released" else released(account, row)
    data = {
        "another file": report(batch, f"{row.reference} RJCT").replace(batch.reference.encode(), b"P00000000"),
        "a stranger": report(batch, f"{row.reference} RJCT", "W00000000 RJCT"),
        "another count": report(batch, f"{row.reference} RJCT", more="<OrgnlNbOfTxs>2</OrgnlNbOfTxs>"),
        "not released": report(batch, f"{row.reference} RJCT"),
        "nonsense": b"<Document/>",
    }[how]
    with pytest.raises(WrongState if how == "not released" else BatchRefused):
        answered(batch, data)
    assert stands(row) == ("sending", "sending", eur("500"))


def test_people_at_once_make_release_and_read_once(live_tenant: Any) -> None:
    live = wire_account()
    row = wired(live)
    done = in_threads(live_tenant, 3, lambda _: made(live, row).pk)
    assert sum(not isinstance(one, BatchRefused) for one in done) == 1
    batch = PayoutBatch.objects.get()
    done = in_threads(
        live_tenant, 3, lambda _: batches.payout_batch_release(actor=staff(BATCH_RELEASE), batch_id=batch.pk).pk
    )
    assert sum(not isinstance(one, WrongState) for one in done) == 1
    told = report(batch, f"{row.reference} RJCT AC04")
    done = in_threads(live_tenant, 3, lambda _: answered(batch, told).refused)
    assert sorted(done) == [0, 0, 1]
    agreed(row)
    assert stands(row) == ("failed", "failed", eur("500"))


@pytest.mark.slow
@pytest.mark.parametrize("point", ["pain001.build:after", "files.save:after", "services.batches._done:after"])
def test_killed_while_releasing_there_is_no_file_and_then_one(live_tenant: Any, point: str) -> None:
    live = wire_account()
    batch = made(live, wired(live))
    home = {"pain001": "tenant_apps.payments.adapters.bank_wire", "files": "kernel", "services": "tenant_apps.payments"}
    assert crashed("release", batch.pk, f"{home[point.partition('.')[0]]}.{point}") == KILLED
    batch.refresh_from_db()
    assert (batch.state, batch.file) == ("made", None)
    with pytest.raises(WrongState):
        file_of(batch)
    batch = batches.payout_batch_release(actor=staff(BATCH_RELEASE), batch_id=batch.pk)
    assert file_of(batch).count(b"<CdtTrfTxInf>") == 1


def test_the_database_refuses_the_same_person_too(account: ProviderAccount) -> None:
    batch = made(account, wired(account))
    with pytest.raises(IntegrityError), transaction.atomic():
        PayoutBatch.objects.filter(pk=batch.pk).update(releaser_id=batch.maker_id)
    with pytest.raises(NotFound):
        batches.payout_batch_release(actor=staff(BATCH_RELEASE), batch_id=uuid7())


# --- with a bank


@pytest.fixture(scope="module")
def at_bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    running = Sandbox("bank", tmp_path_factory.mktemp("bank"))
    yield running
    running.close()


@pytest.mark.enable_socket
@pytest.mark.parametrize(("version", "form"), [("09", "camt053"), ("03", "mt940-german")])
def test_from_the_release_to_the_statement_at_a_bank(
    account: ProviderAccount, at_bank: Sandbox, version: str, form: str
) -> None:
    """One is paid, one is refused, one is paid and comes back."""
    ours = {"09": OURS, "03": "DE75512108001245126199"}[version]
    account.settings |= {"iban": ours, "payment_file": version, "bic": "COBADEFFXXX"}
    account.save()
    url = f"/api/accounts/{ours}"
    at_bank.http.put(url, json={"currency": "EUR", "owner": "Nordwind"})
    rows = []
    for iban in (THEIRS, "NL91ABNA0417164300", "FR1420041010050500013M02606"):
        row = _funded_at(account, at_bank, url, iban, form)
        rows.append(row)
    paid, refused, back = rows
    at_bank.http.put(f"{url}/rejections/NL91ABNA0417164300", json={"reason": "AC04"})
    batch = released(account, *rows)
    answer = at_bank.http.post(f"{url}/payments", content=file_of(batch))
    done = answered(batch, answer.content)
    assert (done.accepted, done.refused) == (2, 1)
    assert answered(batch, at_bank.http.get(f"{url}/payments/{batch.reference}").content).refused == 0
    agreed(refused)
    at_bank.http.post(f"{url}/returns/{back.reference}", json={"reason": "AC06"})
    imported(account, at_bank.http.post(f"{url}/statements", json={"format": form}).content)
    assert stands(paid) == ("paid", "paid", eur("300"))
    assert stands(refused) == ("failed", "failed", eur("500"))
    assert stands(back) == ("failed", "failed", eur("500"))
    assert "AC06" in back.parts.get().failure_text
    twice = at_bank.http.post(f"{url}/payments", content=file_of(batch))
    assert b"AM05" in twice.content
    with pytest.raises(BatchRefused):
        answered(batch, twice.content.replace(batch.reference.encode(), b"P00000000"))


def _funded_at(account: ProviderAccount, bank: Sandbox, url: str, iban: str, form: str) -> Withdrawal:
    """A client pays 500 in at the bank and asks for 200 of them to `iban`."""
    from .test_bank import (
        APPROVE,
        PROPOSE,
        announced,
        client_actor,
        withdrawal_approve,
        withdrawal_check,
        withdrawal_request,
    )  # fmt: skip

    deposit = announced(account)
    told = {"amount": "500", "name": "Lena Vogt", "reference": deposit.reference, "iban": THEIRS}
    bank.http.post(f"{url}/transfers", json=told)
    imported(account, bank.http.post(f"{url}/statements", json={"format": form}).content)
    make_destination(deposit.client, iban)
    row = withdrawal_request(
        actor=client_actor(deposit.client), client=deposit.client, amount=eur("200"), iban=iban, holder="Lena Vogt"
    )
    withdrawal_check(actor=staff(PROPOSE), withdrawal_id=row.pk)
    withdrawal_approve(actor=staff(APPROVE), withdrawal_id=row.pk)
    return row


# --- pages

BATCHES = (*ALL, "payments.batch.view", "payments.batch.make", "payments.batch.release")


def test_the_pages_from_making_to_the_answer(account: ProviderAccount, tenant: Any) -> None:
    row = wired(account)
    maker, releaser = officer(tenant, *BATCHES), officer(tenant, *BATCHES)
    for language in ("en", "ar"):
        maker.cookies["language"] = language
        assert row.reference in maker.get("/payments/batches/").content.decode()
    maker.cookies["language"] = "en"
    form = {"account": account.pk, "currency": "EUR", "part": row.parts.get().pk, "execution_on": "nonsense"}
    assert maker.post("/payments/batches/make/", form)["Location"] == "/payments/batches/"
    sent = maker.post("/payments/batches/make/", {**form, "execution_on": clock.today().isoformat()})
    page = sent["Location"]
    batch = PayoutBatch.objects.get()
    assert page == f"/payments/batches/{batch.pk}/"
    assert f"{page}release/" not in maker.get(page).content.decode()
    about = maker.get(f"/payments/withdrawals/{row.pk}/").content.decode()
    assert page in about
    assert "/refused/" not in about  # while the file waits nobody decides about the wire alone
    maker.post(f"{page}release/", seen_on(releaser, page))
    assert maker.get(f"{page}file/")["Location"] == page
    assert f"{page}release/" in releaser.get(page).content.decode()
    releaser.post(f"{page}release/", seen_on(releaser, page))
    first, second = maker.get(f"{page}file/"), releaser.get(f"{page}file/")
    assert first.content == second.content
    assert first["Content-Disposition"] == f'attachment; filename="{batch.reference}.xml"'
    answer = SimpleUploadedFile("a.xml", report(batch, f"{row.reference} RJCT AC04"))
    assert maker.post(f"{page}status/", {})["Location"] == page
    maker.post(f"{page}status/", {"file": answer})
    assert stands(row)[1] == "sending"
    assert "refusal waits for a second person" in maker.get(page).content.decode()
    agreed(row)
    assert "refusal waits" not in maker.get(page).content.decode()
    assert stands(row)[1] == "failed"
    for language in ("en", "ar"):
        maker.cookies["language"] = language
        assert "AC04" in maker.get(page).content.decode()
        assert maker.get("/payments/batches/").status_code == 200


def test_cancelling_on_the_page(account: ProviderAccount, tenant: Any) -> None:
    batch = made(account, wired(account))
    web, page = officer(tenant, *BATCHES), f"/payments/batches/{batch.pk}/"
    for reason, state in (("", "made"), ("wrong day", "cancelled")):
        web.post(f"{page}cancel/", {"reason": reason})
        assert PayoutBatch.objects.get().state == state
    assert "wrong day" in web.get(page).content.decode()


@pytest.mark.parametrize(
    ("path", "code"), [("", "payments.batch.view"), ("make/", "payments.batch.make")],
)  # fmt: skip
def test_rights(tenant: Any, path: str, code: str) -> None:
    web = officer(tenant, *[one for one in BATCHES if one != code])
    answer = web.post(f"/payments/batches/{path}") if path else web.get("/payments/batches/")
    assert answer.status_code == 403


def test_the_desk_says_what_to_do_with_a_name_no_file_can_have(tenant: Any, account: ProviderAccount) -> None:
    good, bad = wired(account), wired(account)
    Withdrawal.objects.filter(pk=bad.pk).update(holder="لينا")
    html = officer(tenant, *BATCHES).get("/payments/batches/").content.decode()
    boxes = re.findall(r'name="part" value="([^"]+)"', html)
    assert boxes == [str(good.parts.get().pk)]
    assert html.count("mark it as sent") == 1
