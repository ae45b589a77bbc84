"""The end of finance's day: a provider's report against the books, the one mismatch put right by two people, the close."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from .cards import KZT, SECOND, Cards
from .seat import PATIENCE
from .wire import SLUG, Wire

SHORT = Decimal(100)  # what the provider's report tells less of the second payment
WORDS = {"payment": "Платёж", "refund": "Возврат", "payout": "Выплата клиенту"}
KINDS = {"платёж": "charge", "возврат": "refund", "выплата клиенту": "withdrawal"}


@dataclass
class Reckoning:
    """Two of finance, after the wires and the cards."""

    wire: Wire
    cards: Cards

    # --- the report

    def report(self) -> None:
        """A file nobody has seen before: its columns are named once, then all but one of its rows agree."""
        first = self.wire.first
        page = first.open("/reconciliation/reports/")
        page.locator("#report-account").select_option(label="Freedom Pay")
        page.locator("form:has(#report-account) [name=file]").set_input_files(self._written())
        first.submit("form:has(#report-account)")
        page.wait_for_url(re.compile("draft="))
        first.ready()
        for word, kind in KINDS.items():
            page.locator(f"fieldset div:has(> [name=w][value='{word}']) select").select_option(kind)
        first.inspect("report-columns")
        first.submit("form:has([name=decimal])")
        page.wait_for_url(re.compile("k=withdrawal"))
        first.ready()
        first.inspect("report-preview")
        page.locator("main form[method=post] button[type=submit]").click()
        page.wait_for_url(re.compile(r"/reconciliation/reports/[0-9a-f-]{36}/"))
        first.ready()
        first.inspect("report")
        assert self._lines() == {"differs": 1, "matched": 4}

    def _written(self) -> Path:
        """The provider's transactions as its cabinet would export them."""
        path = self.wire.folder / "freedompay.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, delimiter=";")
            table.writerow(["Дата", "Транзакция", "Заказ", "Тип", "Сумма", "Валюта"])
            for one in self.cards.at_provider():
                amount = abs(Decimal(str(one["amount"])))
                if one["kind"] == "payment" and amount == SECOND:
                    amount -= SHORT
                told = amount if one["kind"] == "payment" else -amount
                when = datetime.fromtimestamp(float(one["created"]), UTC)
                order = one["order_id"] if one["kind"] != "refund" else ""
                row = [f"{when:%Y-%m-%d %H:%M:%S}", one["id"], order, WORDS[one["kind"]], f"{told:.2f}", KZT]
                table.writerow(row)
        return path

    def _lines(self) -> dict[str, int]:
        found: dict[str, int] = self._inside(
            "from collections import Counter\nfrom tenant_apps.reconciliation.models import ReportLine\n"
            "answer = dict(Counter(ReportLine.objects.values_list('state', flat=True)))"
        )
        return found

    # --- the case

    def case(self) -> None:
        """Taken on with a note; a correcting entry by one, approved by the other; the case is closed."""
        first, second = self.wire.first, self.wire.second
        page = first.open("/reconciliation/cases/")
        first.inspect("cases")
        page.locator("#cases tbody a[href*='/reconciliation/cases/']", has_text=self._label()).first.click()
        page.wait_for_url(re.compile(r"/reconciliation/cases/[0-9a-f-]{36}/"))
        first.ready()
        page.locator("form[action$='/take/'] button").click()
        expect(page.locator("form[action$='/take/']")).to_have_count(0, timeout=PATIENCE)
        page.fill("form[action$='/note/'] [name=text]", "Банк удержал комиссию, подтверждено письмом.")
        page.locator("form[action$='/note/'] button").click()
        first.appears(page.locator("main", has_text="подтверждено письмом"))
        form = page.locator("form[action$='/propose/']")
        form.locator("[name=source]").select_option("write_off")
        form.locator("[name=target]").select_option("clearing")
        form.locator("[name=reason]").fill("Удержано провайдером")
        first.inspect("case")
        form.locator("button[type=submit]").click()
        first.appears(page.locator("main", has_text="Удержано провайдером"))
        expect(page.locator("form[action$='/approve/']")).to_have_count(0)
        other = second.open(re.sub(r"^https?://[^/]+", "", page.url))
        second.inspect("case-to-approve")
        other.locator("form[action$='/approve/'] button").click()
        other.locator("dialog[open] button:not([data-dialog-close])").last.click()
        expect(other.locator("form[action$='/approve/']")).to_have_count(0, timeout=PATIENCE)
        second.ready()
        second.inspect("case-corrected")
        assert self._case() | {"label": ""} == {"state": "written_off", "label": "", "posted": 1}

    def _case(self) -> dict[str, Any]:
        found: dict[str, Any] = self._inside(
            "from tenant_apps.reconciliation.models import Case, Correction, CorrectionState\n"
            "row = Case.objects.get(kind='differs')\n"
            "posted = Correction.objects.filter(case=row, state=CorrectionState.POSTED)\n"
            "answer = {'state': row.state, 'label': row.label, 'posted': posted.count()}"
        )
        return found

    def _label(self) -> str:
        return str(self._case()["label"])

    # --- the close

    def close(self) -> None:
        """Midnight passes; one prepares the day, another signs it; every proof is without a difference."""
        day = self._inside("from kernel import clock\nanswer = clock.today().isoformat()")
        self.wire.product.manage("demo_clock", "--days", "1")
        address = f"/reconciliation/close/{day}/"
        first, second = self.wire.first, self.wire.second
        page = first.open(address)
        page.locator("form[action$='/prepare/'] button").click()
        expect(page.locator("form[action$='/sign/']")).to_have_count(0)  # not by the one who prepared
        first.ready()
        first.inspect("close-prepared")
        other = second.open(address)
        other.locator("form[action$='/sign/'] [name=note]").fill("Сверено")
        other.locator("form[action$='/sign/'] button").click()
        other.locator("dialog[open] button:not([data-dialog-close])").last.click()
        expect(other.locator("form[action$='/sign/']")).to_have_count(0, timeout=PATIENCE)
        second.ready()
        second.inspect("close-signed")
        self._zero(other)

    def _zero(self, page: Page) -> None:
        """No difference on the page, and none in what was signed."""
        expect(page.locator("main td .text-error")).to_have_count(0)
        assert self._inside(
            "from tenant_apps.reconciliation.models import DayClose\n"
            "from tenant_apps.reconciliation.services.close import chain_broken\n"
            "answer = [DayClose.objects.count(), len(list(chain_broken()))]"
        ) == [1, 0]

    def _inside(self, code: str) -> Any:
        return self.wire.product.inside(SLUG, code)
