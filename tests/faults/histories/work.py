"""What the machines of the house do meanwhile: commands, relay, sweeps, comparisons, the close of the books."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

from django.db.models import F
from hypothesis import strategies as st
from hypothesis.stateful import rule

from kernel import clock, commands, files
from kernel.models import Command, InboxMessage, OutboxMessage
from kernel.money import Money
from kernel.relay import drain
from tenant_apps.ledger.services import period_close
from tenant_apps.payments import tasks
from tenant_apps.payments.models import Deposit
from tenant_apps.payments.tests.support import SYSTEM
from tenant_apps.reconciliation.models import Report, ReportState
from tenant_apps.reconciliation.services import reports
from tenant_apps.reconciliation.services.compare import account_compare
from tenant_apps.reconciliation.tests.support import STRIPE_HEADER
from tenant_apps.trading import compare

from .brokerage import KILL, Brokerage


class Work(Brokerage):
    @rule(
        kill=KILL,
        lost=st.sampled_from(["", "", "drop_after_commit", "drop_before_commit", "half_open"]),
        reset=st.sampled_from([0, 0, 0, 3]),
    )
    def carry_out(self, kill: int, lost: str, reset: int) -> None:
        """A worker takes the next command; answers may get lost on the way."""
        row = next(iter(commands.due()), None)
        if row is None:
            return
        if lost:
            self.world.admin("POST", "/faults", {"kind": lost, "path": "/api/trade/balance"})
        if reset:
            self.stripe.side.faults(api_reset_after_commit=reset)
        try:
            self.do(lambda: commands.run(row.pk), kill)
        finally:
            self.world.admin("DELETE", "/faults")
            self.stripe.side.faults()

    @rule(kill=KILL)
    def relay(self, kill: int) -> None:
        self.do(drain, kill)

    @rule()
    def time_passes(self) -> None:
        """An hour: leases and quiet periods are over, what was postponed is due."""
        past = clock.now() - timedelta(hours=1)
        open_ones = Command.objects.filter(state__in=commands.OPEN)
        open_ones.update(available_at=past)
        open_ones.filter(lease_until__isnull=False).update(lease_until=past)
        open_ones.filter(sent_at__isnull=False).update(sent_at=past)
        InboxMessage.objects.filter(processed_at=None, dead_at=None).update(available_at=past)
        OutboxMessage.objects.filter(delivered_at=None, dead_at=None).update(available_at=past)
        hour = timedelta(hours=1)
        Deposit.objects.update(created_at=F("created_at") - hour, asked_at=F("asked_at") - hour)

    @rule(kill=KILL)
    def sweep(self, kill: int) -> None:
        self.do(tasks.sweep.run, kill)

    @rule()
    def compare_with_the_server(self) -> None:
        compare.compare(self.world.server, since=clock.now() - timedelta(hours=2))

    @rule(kill=KILL)
    def books_are_closed(self, kill: int) -> None:
        """Every balance so far is written down, and nothing can be booked before it any more."""
        self.do(lambda: period_close(until=clock.now(), actor=SYSTEM), kill)

    @rule(kill=KILL)
    def report_comes(self, kill: int) -> None:
        """Stripe's balance report of everything so far, fees and all."""
        kept = files.save(
            self.stripe_report(), kind=reports.FILE, name="report.csv", content_type="text/csv",
            subject=self.officers[0].id,
        )  # fmt: skip
        account = self.stripe.account
        self.do(lambda: reports.report_take(actor=self.officers[0], account=account, stored=kept, code="stripe"), kill)

    @rule(kill=KILL)
    def reports_are_compared(self, kill: int) -> None:
        account = self.stripe.account
        for report in Report.objects.filter(provider_account=account, state=ReportState.WAITING):
            self.do(lambda report=report: reports.report_work(report_id=report.pk), kill)  # type: ignore[misc]
        self.do(lambda: account_compare(account_id=account.pk), kill)

    def stripe_report(self) -> bytes:
        about = {one["id"]: one for kind in ("charges", "refunds", "disputes") for one in self.stripe.listed(kind)}
        kinds = {"adjustment": "dispute"}
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(STRIPE_HEADER)
        for row in reversed(self.stripe.listed("balance_transactions")):
            what, currency = about[row["source"]], row["currency"].upper()
            at = datetime.fromtimestamp(row["created"], UTC).strftime("%Y-%m-%d %H:%M:%S")
            kind = kinds.get(row["type"], row["type"])
            if kind == "dispute" and row["amount"] > 0:
                kind = "dispute_reversal"
            amounts = [str(Money(row[name], currency).amount) for name in ("amount", "fee", "net")]
            writer.writerow([row["id"], at, row["currency"], *amounts, kind, what["id"], "",
                             what.get("charge", what["id"]), what["payment_intent"], ""])  # fmt: skip
        return out.getvalue().encode()
