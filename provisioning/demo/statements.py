"""What the brokerage's banks say: the statement of the day before, drawn at the sandbox's bank and read in by two people.

With it the daily close of that day adds up, but for what a bank took for itself (`CHARGES`) and nobody has said anything about.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from kernel import clock
from kernel.money import Money

from .book import Book
from .cashier import ask_bank, bank_url, open_bank_account

CHARGES = {"nordwind": "12.50"}  # by brokerage: what its bank took the day before; finance says what it was


def write(book: Book) -> None:
    """Nothing where no bank runs, or where statements were read in before this part of the seed was there."""
    from tenant_apps.payments.models import BankStatement, ProviderAccount
    from tenant_apps.payments.services.bank import statement_approve, statement_import

    if not bank_url():
        return
    day = clock.today() - timedelta(days=1)
    uploader, approver = (book.actor(book.staff("finance", number)) for number in (0, 1))
    for account in ProviderAccount.objects.filter(kind="bank_wire", enabled=True).order_by("position", "pk"):
        if BankStatement.objects.filter(provider_account=account).exists():
            continue
        for data in _drawn(account, day, CHARGES.get(book.broker.slug, "")):
            made = statement_import(actor=uploader, account=account, name=f"camt053-{day}.xml", data=data)
            if made.waiting:
                statement_approve(actor=approver, statement_id=made.statements[0].pk)
    _seen()


def _drawn(account: Any, day: date, charge: str) -> list[bytes]:
    """The files of that day, one for each currency; the one that a seed which was killed has drawn already is taken again."""
    made = []
    for currency in account.currencies:
        iban = str(account.settings["iban"])
        open_bank_account(iban, currency, str(account.settings["holder"]), opening=_held(account, currency, day))
        known = ask_bank("GET", f"{iban}/statements").json()["statements"]
        if known:
            made.append(ask_bank("GET", f"{iban}/statements/{known[-1]['number']}").content)
            continue
        if charge and not ask_bank("GET", iban).json()["waiting"]:
            entry = {"amount": f"-{charge}", "reference": "Account charges", "own_charges": True, "booked": str(day)}
            ask_bank("POST", f"{iban}/transfers", **entry)
        made.append(ask_bank("POST", f"{iban}/statements", day=str(day)).content)
    return made


def _held(account: Any, currency: str, day: date) -> Money:
    """What the ledger has at the bank when the day is over."""
    from tenant_apps.ledger.selectors import balance_at
    from tenant_apps.payments.services.posting import clearing

    end = datetime.combine(day + timedelta(days=1), time(), UTC) - timedelta(microseconds=1)
    return -balance_at(clearing(account, currency), end)


def _seen() -> None:
    """What both have dealt with rings under nobody's bell."""
    from tenant_apps.notifications.models import Notification

    Notification.objects.filter(kind="payments.statement_waits", read_at=None).update(read_at=clock.now())
