"""From the opened account to the last mail of the series, by events alone."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django.db import transaction

from kernel.events import publish
from kernel.money import Money
from kernel.tenancy import directory
from tenant_apps.campaigns import defaults, tasks
from tenant_apps.campaigns.models import Enrolment, EnrolmentState, SegmentMember, StepSent
from tenant_apps.clients import services as clients
from tenant_apps.clients.models import Stage, TimelineEntry
from tenant_apps.notifications.models import Mail
from tenant_apps.payments.events import DepositCredited
from tenant_apps.trading.events import AccountOpened

from .support import SYSTEM, MovedClock, client_make, deliver


def _opened(client: Any, account_id: UUID | None = None) -> None:
    fact = AccountOpened(
        account_id=account_id or uuid4(), client_id=client.pk, login=50012841, server_id=uuid4(), server_name="Nordwind-Live",
        currency="EUR", live=True,
    )  # fmt: skip
    with transaction.atomic():
        publish(fact, aggregate=f"client:{client.pk}")


def _fund(client: Any, moment: Any) -> None:
    with transaction.atomic():
        clients.ftd_set(client_id=client.pk, minor=50000, currency="EUR", at=moment, actor=SYSTEM)
        publish(
            DepositCredited(
                deposit_id=uuid4(), client_id=client.pk, amount=Money(50000, "EUR"), provider="stripe",
                method="klarna", first=True, trading_account_id=None,
            ),
            aggregate=f"client:{client.pk}",
        )  # fmt: skip


def test_opened_account_sends_the_welcome_mail_in_the_clients_language(tenant: Any, moved_clock: MovedClock) -> None:
    defaults.ensure()
    client = client_make(language="de", stage=Stage.VERIFIED)
    account_id = uuid4()
    _opened(client, account_id)
    deliver()
    mail = Mail.objects.get(client_id=client.pk)
    assert mail.subject == "Ihr Handelskonto \u206850012841\u2069 ist eröffnet"
    assert mail.language == "de"
    assert "Nordwind-Live" in mail.html
    page = directory.absolute_url(tenant, "portal", f"/accounts/{account_id}/password/")
    assert f'href="{page}"' in mail.html
    assert "Passwörter verschicken wir nie per E-Mail" in mail.text
    assert mail.headers == {}
    line = TimelineEntry.objects.get(client=client, kind="campaigns.mail")
    assert line.data["about"] == "account_opened"


def test_deposit_mail_names_amount_and_method(tenant: Any, moved_clock: MovedClock) -> None:
    client = client_make(language="de", stage=Stage.VERIFIED)
    _fund(client, moved_clock.at)
    deliver()
    mail = Mail.objects.get(client_id=client.pk)
    assert mail.subject == "\u2068500,00 €\u2069 sind eingegangen"
    assert "Klarna" in mail.text


def test_funded_client_gets_four_mails_over_two_weeks(tenant: Any, moved_clock: MovedClock) -> None:
    defaults.ensure()
    client = client_make(language="ar", stage=Stage.VERIFIED, time_zone="Asia/Dubai")
    _fund(client, moved_clock.at)
    deliver()
    inside = SegmentMember.objects.get(client=client, segment__key="beginner")
    assert inside.left_at is None
    enrolment = Enrolment.objects.get(client=client)
    subjects = []
    for days in (0, 3, 4, 7):
        moved_clock.move(days=days)
        assert tasks.series_due.run() == 1
        assert tasks.series_due.run() == 0
        subjects.append(Mail.objects.filter(dedupe_key__startswith="series:").latest("created_at").subject)
    assert [subject.replace("\u2068", "").replace("\u2069", "") for subject in subjects] == [
        "أسبوعك الأول مع Alpha Markets: ابدأ صغيراً",
        "كم ينبغي أن تخاطر في صفقة واحدة؟",
        "بعد أسبوع: ماذا تقول صفقاتك",
        "أسبوعان يا Lena: اجعلها عادة",
    ]
    enrolment.refresh_from_db()
    assert enrolment.state == EnrolmentState.FINISHED
    assert StepSent.objects.filter(enrolment=enrolment).count() == 4
    mail = Mail.objects.filter(dedupe_key__startswith="series:").latest("created_at")
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.headers["List-Unsubscribe"].strip("<>") in mail.text
