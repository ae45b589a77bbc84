"""What `make demo` prints when everything runs: addresses, log-ins, and a tour of five minutes."""

from __future__ import annotations

from django.conf import settings

from .brokers import BROKERS, NORDWIND, OPERATORS, Broker
from .codes import PASSWORD, code_now

RULE = "─" * 100


def address(host: str = "") -> str:
    """Of a host under the platform's own domain; empty for the domain itself."""
    name = f"{host}.{settings.PLATFORM_DOMAIN}" if host else settings.PLATFORM_DOMAIN
    return f"{settings.PUBLIC_SCHEME}://{name}{settings.PUBLIC_PORT_SUFFIX}"


def _person(broker: Broker, role: str, number: int = 0) -> str:
    return broker.email(broker.with_role(role)[number])


def _code(email: str) -> str:
    return code_now(email)[0]


def guide() -> str:
    """The whole text, with second-factor codes of this moment."""
    return "\n".join([RULE, *_addresses(), "", *_log_ins(), "", *_tour(), RULE])


def _addresses() -> list[str]:
    lines = ["Addresses"]
    for broker in BROKERS:
        lines.append(
            f"  {broker.name:<18} {'/'.join(broker.languages):<6} {' '.join(broker.currencies):<12}"
            f" portal {address(broker.slug)}   office {address(f'office.{broker.slug}')}"
        )
    lines.append(f"  {'Vendor':<18} {'':<19} site {address()}   console {address('console')}")
    for name, words in (("mailbox_url", "all mails"), ("stripe_url", "Stripe"), ("paytabs_url", "PayTabs"),
                        ("bank_url", "bank"), ("mt5_admin_url", "trading server")):  # fmt: skip
        if url := settings.SANDBOX.get(name):
            tail = "/_control" if words in {"Stripe", "PayTabs"} else "/"
            lines.append(f"  {'Sandbox':<18} {words:<19} {url}{tail}")
    return lines


def _log_ins() -> list[str]:
    rows = [("trader", NORDWIND.trader[0], "")]
    roles = (("agent", "sales", 0), ("compliance", "compliance", 0), ("finance 1", "finance", 0),
             ("finance 2", "finance", 1), ("owner", "owner", 0))  # fmt: skip
    rows += [(words, email := _person(NORDWIND, role, number), _code(email)) for words, role, number in roles]
    rows.append(("vendor", OPERATORS[0][0], _code(OPERATORS[0][0])))
    lines = [
        f'Log-ins: password {PASSWORD} for everybody; codes are of now, a new one: make manage ARGS="demo_code EMAIL"'
    ]
    lines += [f"  {words:<11} {email:<40} {code}" for words, email, code in rows]
    others = ", ".join(_person(broker, "sales") for broker in BROKERS[1:])
    lines.append(f"  elsewhere   the same pattern: {others} …")
    return lines


def _tour() -> list[str]:
    """Six seats; each line is something to do and what to see."""
    portal, office = address(NORDWIND.slug), address(f"office.{NORDWIND.slug}")
    agent, compliance = _person(NORDWIND, "sales"), _person(NORDWIND, "compliance")
    first, second = (_person(NORDWIND, "finance", number) for number in (0, 1))
    return [
        "A tour of five minutes, at Nordwind Markets",
        f"  1 Lead        Open {office}/leads/ as {agent}. In another window send the form at",
        f"                {portal}/welcome/?utm_campaign=fx_basics: the lead appears without reloading. Call, note,",
        "                status, task; then invite. The mail is in the mailbox, its link opens the registration.",
        "  2 Trader      Register, confirm the e-mail, upload two pictures at /kyc/. Or log in as the trader above:",
        "                robots trade that account, positions and equity move while you look.",
        f"  3 Compliance  As {compliance} at {office}/kyc/: documents side by side, ask again or",
        "                approve. Approval opens the MT5 account and sends the welcome mail.",
        "  4 Money       As the trader deposit €500 by Klarna: pay on Stripe's page, see it arrive in portal and office.",
        f"                Ask for a withdrawal; {first} proposes it,",
        f"                {second} approves it, and the refund stands at the sandbox.",
        f"  5 Owner       {office} as the owner: looks with live preview, staff, roles, rules, audit trail.",
        f"  6 Vendor      {address('console')}: brokerages, their health and lag; enter one by break-glass. {address()}",
        "                sets up a brokerage of your own in seconds.",
        '  Later         make manage ARGS="demo_clock --days 7" moves the time: the series of mails goes on.',
    ]
