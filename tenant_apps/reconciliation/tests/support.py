"""Providers' files as providers write them, and the books they are compared with."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from kernel import clock, files
from kernel.actors import Actor
from kernel.ids import short_id
from kernel.models import StoredFile
from kernel.money import Money
from tenant_apps.payments.models import Deposit, DepositState, ProviderAccount
from tenant_apps.payments.ports import DepositStatus, PaymentState
from tenant_apps.payments.services.deposits import deposit_apply
from tenant_apps.payments.tests.support import SYSTEM, make_account, make_client, staff
from tenant_apps.reconciliation.models import Report
from tenant_apps.reconciliation.reading.formats import format_get
from tenant_apps.reconciliation.reading.layout import Layout
from tenant_apps.reconciliation.services import reports

STRIPE_HEADER = (
    "balance_transaction_id", "created_utc", "currency", "gross", "fee", "net", "reporting_category", "source_id",
    "description", "charge_id", "payment_intent_id", "payment_metadata[deposit_id]",
)  # fmt: skip


def table(header: Sequence[str], rows: Sequence[Sequence[Any]], *, delimiter: str = ",") -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerows([header, *rows])
    return out.getvalue().encode()


def stripe_line(kind: str = "charge", gross: str = "100.00", *, fee: str = "0.00", currency: str = "eur", intent: str = "",
                own: str = "", at: datetime | None = None, txn: str = "") -> list[str]:  # fmt: skip
    moment = (at or clock.now()).strftime("%Y-%m-%d %H:%M:%S")
    return [
        txn or f"txn_{short_id(16)}", moment, currency, gross, fee, "", kind, f"ch_{short_id(10)}", "", "", intent, own,
    ]  # fmt: skip


def stripe_file(*lines: list[str]) -> bytes:
    return table(STRIPE_HEADER, lines)


def stored(data: bytes, actor: Actor, name: str = "report.csv") -> StoredFile:
    return files.save(data, kind=reports.FILE, name=name, content_type="text/csv", subject=actor.id)


def take_in(account: ProviderAccount, data: bytes, *, code: str = "stripe", layout: Layout | None = None) -> Report:
    """Upload and read in, as the office does it."""
    actor = staff()
    report = reports.report_take(
        actor=actor, account=account, stored=stored(data, actor), code=code if format_get(code) and not layout else "",
        layout=layout,
    )  # fmt: skip
    return reports.report_work(report_id=report.pk)


def credited(account: ProviderAccount, amount: str = "100.00", currency: str = "EUR", *, client: Any = None,
             status: Mapping[str, Any] | None = None, **values: Any) -> Deposit:  # fmt: skip
    """A deposit that the provider has told us of."""
    minor = Money.of(amount, currency).minor
    deposit = Deposit.objects.create(
        client=client or make_client(), reference=f"D{short_id(8).upper()}", amount_minor=minor, currency=currency,
        provider_account=account, method="card", state=DepositState.PENDING, provider_reference=f"cs_{short_id(12)}",
        payment_reference=f"pi_{short_id(12)}", pending_at=clock.now(), **values,
    )  # fmt: skip
    told = DepositStatus(
        provider_reference=deposit.provider_reference, payment_reference=deposit.payment_reference,
        **{"state": PaymentState.PAID, "amount": deposit.amount, **(status or {})},
    )  # fmt: skip
    deposit_apply(deposit_id=deposit.pk, status=told, actor=SYSTEM)
    deposit.refresh_from_db()
    return deposit


def stripe(**values: Any) -> ProviderAccount:
    return make_account("stripe", **values)


LONG_AGO = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
