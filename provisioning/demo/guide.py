"""What `make demo` prints when everything runs: addresses, log-ins, and a tour of five minutes."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from .brokers import ALNOOR, BROKERS, IPEKYOLU, NORDWIND, OPERATORS, PUERTOCLARO, Broker
from .codes import PASSWORD

RULE = "─" * 100
CODE_COMMAND = 'make manage ARGS="demo_code EMAIL"'


def address(host: str = "") -> str:
    """Of a host under the platform's own domain; empty for the domain itself."""
    name = f"{host}.{settings.PLATFORM_DOMAIN}" if host else settings.PLATFORM_DOMAIN
    return f"{settings.PUBLIC_SCHEME}://{name}{settings.PUBLIC_PORT_SUFFIX}"


def _person(broker: Broker, role: str, number: int = 0) -> str:
    return broker.email(broker.with_role(role)[number])


def guide() -> str:
    """The whole text."""
    return "\n".join([RULE, *_addresses(), "", *_log_ins(), "", *_tour(), RULE])


def _addresses() -> list[str]:
    lines = ["Addresses"]
    for broker in BROKERS:
        lines.append(
            f"  {broker.name:<18} {'/'.join(broker.languages):<6} {' '.join(broker.currencies):<12}"
            f" portal {address(broker.slug)}   office {address(f'office.{broker.slug}')}"
        )
    lines.append(f"  {'Vendor':<18} {'':<19} site {address()}   console {address('console')}")
    for name, words in (("mailbox_url", "mails and codes"), ("stripe_url", "Stripe"), ("paytabs_url", "PayTabs"),
                        ("freedompay_url", "Freedom Pay"), ("dlocal_url", "dLocal"), ("bank_url", "bank"),
                        ("mt5_admin_url", "trading server"), ("ctrader_admin_url", "cTrader")):  # fmt: skip
        if url := settings.SANDBOX.get(name):
            tail = "/_control" if words in {"Stripe", "PayTabs", "Freedom Pay", "dLocal"} else "/"
            lines.append(f"  {'Sandbox':<18} {words:<19} {url}{tail}")
    return lines


def _log_ins() -> list[str]:
    """A line for each role, a column for each brokerage."""
    codes = f"{settings.SANDBOX['mailbox_url']}/codes" if settings.SANDBOX.get("mailbox_url") else CODE_COMMAND
    widths = [max(len(cell) for cell in column) for column in zip(*_table(), strict=True)]
    rows = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in _table())
    return [
        f"Log-ins: password {PASSWORD} for everybody",
        f"         second-factor codes of now, for all but traders: {codes}",
        *(f"  {row}".rstrip() for row in rows),
        f"  {'vendor':<{widths[0]}}  {OPERATORS[0][0]}",
    ]


def _table() -> list[tuple[str, ...]]:
    roles = (("agent", "sales", 0), ("compliance", "compliance", 0), ("second", "compliance", 1),
             ("finance 1", "finance", 0), ("finance 2", "finance", 1), ("owner", "owner", 0))  # fmt: skip
    return [
        ("", *(broker.name for broker in BROKERS)),
        ("trader", *(broker.trader[0] for broker in BROKERS)),
        *((words, *(_person(broker, role, number) for broker in BROKERS)) for words, role, number in roles),
    ]


@dataclass(frozen=True, slots=True)
class Stop:
    """One seat of the tour: who sits there, where (host under the platform's domain and path), and what to do and see."""

    seat: str
    host: str
    path: str
    who: str
    what: tuple[str, ...]


def stops() -> tuple[Stop, ...]:
    """The tour, in the order of the README's table, which names the same seats and places."""
    first, second = (_person(NORDWIND, "finance", number) for number in (0, 1))
    officer, other = (_person(ALNOOR, "compliance", number) for number in (0, 1))
    return (
        Stop("visitor", NORDWIND.slug, "/welcome/?utm_campaign=fx_basics", "", (
            "With the agent's window beside it (next line): leave your name; the lead appears there without a reload.",
        )),
        Stop("sales agent", f"office.{NORDWIND.slug}", "/leads/", _person(NORDWIND, "sales"), (
            "Call, note, status, a task in two days; then invite. The mail is in the mailbox; its link registers you,",
            "and as that new client you can do the identity check at /kyc/ with any two pictures.",
        )),
        Stop("trader", ALNOOR.slug, "/", ALNOOR.trader[0], (
            "In Arabic, on a phone's width: verified already; robots trade the account, so positions and equity move.",
            "Deposit by card: pay on PayTabs' page, see it arrive in portal and office. Under Bonuses one runs, whose",
            "lots the robots trade; a deposit to the account brings another, with its terms to read first.",
        )),
        Stop("payer", PUERTOCLARO.slug, "/cashier/", PUERTOCLARO.trader[0], (
            "In Spanish, with what Mexico pays by: SPEI at once, or cash at OXXO, on dLocal's page; then a withdrawal",
            "to a CLABE, whose way the tracker shows.",
        )),
        Stop("compliance", f"office.{ALNOOR.slug}", "/kyc/", officer, (
            "Documents side by side, ask again, approve: four eyes are asked for here, so the approval waits for",
            f"{other}. It opens the MT5 account and sends the welcome mail.",
        )),
        Stop("finance", f"office.{NORDWIND.slug}", "/money/", first, (
            f"Propose a waiting withdrawal; {second} approves it in another browser. What a",
            "client had paid by card goes back at the sandbox by itself. A wire goes into a payment file: under Bank,",
            "Payment files one of the two makes it, the other releases it and gives it to the sandbox's bank; the",
            "statement drawn there then, read in under Bank statements, marks it as paid. Above 5,000 the client's own",
            "manager has to agree first. Yesterday's close (Reconciliation, Daily close) adds up but for what the bank",
            "took for itself: say under Bank statements what it was, then one prepares the day and the other signs it.",
            "(The trading server is compared within a quarter of an hour of the first start.)",
        )),
        Stop("owner", f"office.{IPEKYOLU.slug}", "/", _person(IPEKYOLU, "owner"), (
            "Settings: looks with live preview, staff and roles, lead rules, audit trail.",
        )),
        Stop("vendor", "console", "/", OPERATORS[0][0], (
            "Brokerages, their health and lag; create one; enter one with a reason (break-glass).",
        )),
    )  # fmt: skip


def _tour() -> list[str]:
    lines = ["A tour of five minutes"]
    for number, stop in enumerate(stops(), 1):
        who = f" as {stop.who}" if stop.who else ""
        lines.append(f"  {number} {stop.seat:<11} {address(stop.host)}{stop.path}{who}")
        lines += [f"{'':<16}{line}" for line in stop.what]
    lines.append(
        '  Later         make manage ARGS="demo_clock --days 8" moves the time: the series of mails goes on. Its mails'
    )
    lines.append(f"{'':<16}keep to the client's day, 8 to 20 o'clock: at night add --hours 12.")
    return lines
