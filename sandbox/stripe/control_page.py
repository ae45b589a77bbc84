"""The control page's HTML: plain tables and buttons that work by keyboard and without script."""

from __future__ import annotations

from sandbox._control import button, deliveries_table, empty, faults_form, page, table, text, when
from sandbox._html import Child, Markup, el
from sandbox.stripe import disputes
from sandbox.stripe.currencies import display
from sandbox.stripe.store import Object, Store

SERVICE = "Stripe sandbox"
SHOWN = 25


def accounts(names: list[tuple[str, str]]) -> str:
    """All accounts."""
    rows = [el("li", el("a", name, href=f"/_control/{account}"), " ", el("code", account)) for account, name in names]
    listing = el("ul", rows, class_="plain") if rows else empty("No account yet. Any call with a key makes one.")
    return page(SERVICE, "Accounts", el("h1", "Accounts"), listing)


def account_page(store: Store, account: str, name: str, failure: str | None) -> str:
    """Everything of one account, newest first."""
    return page(
        SERVICE,
        name,
        el("p", el("a", "All accounts", href="/_control")),
        el("h1", name, " ", el("code", f"acct_{account}")),
        el("p", failure, class_="alert", role="alert") if failure else None,
        faults_form(f"/_control/{account}/faults", store.deliveries.faults(account)),
        _settings(account, store.settings(account)),
        _sessions(account, store),
        _payments(account, store),
        _refunds(account, store),
        _disputes(account, store),
        deliveries_table(f"/_control/{account}", store.deliveries.listing(account, SHOWN * 2), "Event"),
        _events(account, store),
        _endpoints(account, store),
    )


def _settings(account: str, settings: Object) -> Markup:
    labels = {
        "business_name": ("Business name", ""),
        "country": ("Country", "DE"),
        "default_currency": ("Default currency", "eur"),
        "sepa_settle_seconds": ("SEPA debits settle after (s, empty: by hand)", 20),
        "refund_settle_seconds": ("Bank refunds settle after (s, empty: by hand)", 3),
    }
    inputs = [
        el("label", el("span", label), el("input", name=name, value=text(settings.get(name, default))))
        for name, (label, default) in labels.items()
    ]
    form = el(
        "form",
        inputs,
        el("button", "Save"),
        method="post",
        action=f"/_control/{account}/settings",
        class_="grid",
    )
    return el("section", el("h2", "Settings"), form, id="settings")


def _money(item: Object) -> Child:
    return el("bdi", display(item["amount"], item["currency"]))


def _sessions(account: str, store: Store) -> Markup:
    rows: list[list[Child]] = []
    for item in store.all(account, "checkout.session")[:SHOWN]:
        actions: list[Child] = []
        if item["status"] == "open":
            actions.append(el("a", "Open page", href=f"/c/pay/{item['id']}", aria_label=f"Open page {item['id']}"))
            actions.append(button(f"/_control/{account}/sessions/{item['id']}/expire", "Expire", item["id"]))
        amount = el("bdi", display(item["amount_total"], item["currency"]))
        rows.append([
            el("code", item["id"][:20] + "…", title=item["id"]), when(item["created"]), amount,
            item["status"], item["payment_status"], item["client_reference_id"] or "", actions,
        ])  # fmt: skip
    head = ["Session", "Created", "Amount", "Status", "Payment", "Reference", "Actions"]
    return table("Checkout Sessions", "sessions", head, rows)


def _payments(account: str, store: Store) -> Markup:
    rows: list[list[Child]] = []
    for item in store.all(account, "payment_intent")[:SHOWN]:
        actions: list[Child] = []
        if item["status"] == "processing":
            path = f"/_control/{account}/payment_intents/{item['id']}/settle"
            actions.append(button(path, "Settle", item["id"], outcome="succeed"))
            actions.append(button(path, "Fail", item["id"], outcome="fail"))
        if item["status"] == "succeeded":
            path = f"/_control/{account}/charges/{item['latest_charge']}/dispute"
            actions.append(button(path, "Open dispute", item["id"], reason="fraudulent"))
            actions.append(button(path, "Bank inquires", item["id"], reason="fraudulent", inquiry="true"))
        rows.append([
            el("code", item["id"]), when(item["created"]), _money(item), item["_method"], item["status"],
            el("code", item["latest_charge"] or ""), actions,
        ])  # fmt: skip
    head = ["PaymentIntent", "Created", "Amount", "Method", "Status", "Charge", "Actions"]
    return table("Payments", "payment_intents", head, rows)


def _refunds(account: str, store: Store) -> Markup:
    rows: list[list[Child]] = []
    for item in store.all(account, "refund")[:SHOWN]:
        actions: list[Child] = []
        path = f"/_control/{account}/refunds/{item['id']}/settle"
        if item["status"] == "pending":
            actions.append(button(path, "Settle", item["id"], outcome="succeed"))
        if item["status"] in {"pending", "succeeded"}:
            actions.append(button(path, "Fail", item["id"], outcome="fail"))
        rows.append([
            el("code", item["id"]), when(item["created"]), _money(item), item["status"],
            el("code", item["charge"]), actions,
        ])  # fmt: skip
    return table("Refunds", "refunds", ["Refund", "Created", "Amount", "Status", "Charge", "Actions"], rows)


def _disputes(account: str, store: Store) -> Markup:
    rows: list[list[Child]] = []
    for item in store.all(account, "dispute")[:SHOWN]:
        actions: list[Child] = []
        path = f"/_control/{account}/disputes/{item['id']}"
        if item["status"] in disputes.INQUIRY:
            actions = [
                button(f"{path}/escalate", "Escalate", item["id"]),
                button(f"{path}/close", "Inquiry ends", item["id"], outcome="warning_closed"),
            ]
        elif item["status"] in disputes.OPEN:
            actions = [
                button(f"{path}/close", "Merchant wins", item["id"], outcome="won"),
                button(f"{path}/close", "Merchant loses", item["id"], outcome="lost"),
            ]
        rows.append([
            el("code", item["id"]), when(item["created"]), _money(item), item["reason"], item["status"],
            actions,
        ])  # fmt: skip
    return table("Disputes", "disputes", ["Dispute", "Created", "Amount", "Reason", "Status", "Actions"], rows)


def _events(account: str, store: Store) -> Markup:
    rows: list[list[Child]] = [
        [
            el("code", item["id"]), when(item["created"]), item["type"],
            el("code", item["data"]["object"]["id"][:32]), str(item["pending_webhooks"]),
            button(f"/_control/{account}/events/{item['id']}/redeliver", "Redeliver", item["id"]),
        ]
        for item in store.all(account, "event")[:SHOWN]
    ]  # fmt: skip
    return table("Events", "events", ["Event", "Created", "Type", "Object", "Pending", "Actions"], rows)


def _endpoints(account: str, store: Store) -> Markup:
    rows: list[list[Child]] = [
        [el("code", item["id"]), item["url"], item["status"], ", ".join(item["enabled_events"])]
        for item in store.all(account, "webhook_endpoint")
    ]
    return table("Webhook endpoints", "webhook_endpoints", ["Endpoint", "Address", "Status", "Events"], rows)
