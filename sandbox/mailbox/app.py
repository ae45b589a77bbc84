"""The inbox: JSON for tests, pages for people."""

from __future__ import annotations

import re
import time
from itertools import groupby
from pathlib import Path
from typing import Any

from sandbox._html import Child, Markup, document, el
from sandbox._web import (
    PAGE_POLICY,
    Application,
    Request,
    Response,
    Router,
    html_response,
    json_response,
    redirect,
    static_file,
)
from sandbox.mailbox import codes
from sandbox.mailbox.store import Mailbox, Query, body_text, details, parse, parts

STATIC = Path(__file__).parent / "static"
LONGEST_WAIT = 120.0
INBOX_POLICY = PAGE_POLICY + "; frame-src 'self'"
CODES_POLICY = PAGE_POLICY + "; script-src 'self'; connect-src 'self'"
# A mail may carry its own styles and pictures from this machine; it may run nothing and call nobody.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; font-src data:; "
    "img-src 'self' data: http://localhost:* http://*.localhost:* http://127.0.0.1:*; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)


class Inbox:
    """Routes over a mailbox; ``authenticator`` is the file of the people's second factors, read at each request."""

    def __init__(self, mailbox: Mailbox, authenticator: Path | None = None) -> None:
        self.mailbox = mailbox
        self.authenticator = authenticator

    def application(self) -> Application:
        router = Router()
        router.add("GET", "/healthz", self.healthz)
        router.add("GET", "/static/{name}", self.static)
        router.add("GET", "/api/messages", self.api_list)
        router.add("DELETE", "/api/messages", self.api_clear)
        router.add("GET", "/api/messages/{id}", self.api_get)
        router.add("GET", "/api/messages/{id}/raw", self.source)
        router.add("GET", "/api/wait", self.api_wait)
        router.add("GET", "/api/codes", self.api_codes)
        router.add("GET", "/codes", self.page_codes)
        router.add("GET", "/", self.page_list)
        router.add("POST", "/clear", self.page_clear)
        router.add("GET", "/messages/{id}", self.page_message)
        router.add("GET", "/messages/{id}/html", self.mail_html)
        router.add("GET", "/messages/{id}/source", self.source)
        router.add("GET", "/messages/{id}/parts/{part}", self.part)
        return Application(router)

    async def healthz(self, request: Request) -> Response:
        self.mailbox.db.row("SELECT 1")
        return Response(b"ok\n")

    async def static(self, request: Request) -> Response:
        return static_file(STATIC, request.params["name"])

    # JSON

    async def api_list(self, request: Request) -> Response:
        try:
            query = Query.parse(request.query)
        except ValueError as error:
            return json_response({"error": str(error)}, 400)
        return json_response({"messages": self.mailbox.find(query)})

    async def api_wait(self, request: Request) -> Response:
        """The matching mails, whole; an empty list when none came within ``timeout`` seconds (default 30)."""
        values = request.query
        try:
            query = Query.parse(values)
            timeout = min(max(float(values.get("timeout", "30")), 0), LONGEST_WAIT)
        except ValueError as error:
            return json_response({"error": str(error)}, 400)
        found = await self.mailbox.wait(query, timeout)
        whole = [self.mailbox.raw(item["id"]) for item in found]
        return json_response({"messages": [details(*pair) for pair in whole if pair]})

    async def api_get(self, request: Request) -> Response:
        found = self._find(request)
        return json_response(details(*found)) if found else json_response({"error": "not found"}, 404)

    async def api_clear(self, request: Request) -> Response:
        try:
            query = Query.parse(request.query)
        except ValueError as error:
            return json_response({"error": str(error)}, 400)
        return json_response({"deleted": self.mailbox.clear(query)})

    async def api_codes(self, request: Request) -> Response:
        """Everybody's present second-factor code, and for how many seconds they hold."""
        answer = json_response(codes.present(codes.read(self.authenticator), time.time()))
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def _find(self, request: Request) -> tuple[dict[str, Any], bytes] | None:
        number = request.params["id"]
        return self.mailbox.raw(int(number)) if number.isdecimal() else None

    # Pages

    async def page_list(self, request: Request) -> Response:
        values = request.query
        query = Query.parse({"to": values.get("to", ""), "subject": values.get("subject", "")})
        messages = self.mailbox.find(query, newest_first=True)
        return html_response(_list_page(messages, values), policy=INBOX_POLICY)

    async def page_codes(self, request: Request) -> Response:
        return html_response(_codes_page(codes.read(self.authenticator), time.time()), policy=CODES_POLICY)

    async def page_clear(self, request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
            return Response(b"Cross-site request refused\n", 403)
        self.mailbox.clear(Query())
        return redirect("/")

    async def page_message(self, request: Request) -> Response:
        found = self._find(request)
        if not found:
            return html_response(_page("Not found", el("h1", "No such message")), 404)
        return html_response(_message_page(details(*found)), policy=INBOX_POLICY)

    async def mail_html(self, request: Request) -> Response:
        """The mail's own HTML, with its inline pictures; meant for the sandboxed frame."""
        found = self._find(request)
        html = body_text(parse(found[1]), "html") if found else None
        if found is None or html is None:
            return Response(b"Not found\n", 404)
        for attachment in details(*found)["attachments"]:
            if attachment["content_id"]:
                target = f"/messages/{found[0]['id']}/parts/{attachment['part']}"
                html = html.replace(f"cid:{attachment['content_id']}", target)
        base = '<base target="_blank">'
        html, inserted = re.subn(r"(<head\b[^>]*>)", rf"\1{base}", html, count=1, flags=re.IGNORECASE)
        return html_response(html if inserted else base + html, policy=MAIL_POLICY)

    async def source(self, request: Request) -> Response:
        found = self._find(request)
        if not found:
            return Response(b"Not found\n", 404)
        safe = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'"}
        return Response(found[1], headers=safe)

    async def part(self, request: Request) -> Response:
        """One attachment; only pictures are shown, the rest is downloaded."""
        found = self._find(request)
        number = request.params["part"]
        leaves = parts(parse(found[1])) if found else []
        if not number.isdecimal() or int(number) >= len(leaves):
            return Response(b"Not found\n", 404)
        leaf = leaves[int(number)]
        kind = leaf.get_content_type()
        shown = kind in {"image/png", "image/jpeg", "image/gif", "image/webp"}
        payload = leaf.get_payload(decode=True)
        headers = {
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        }
        if not shown:
            name = re.sub(r"[^\w.-]", "_", leaf.get_filename() or f"part-{number}")
            headers["Content-Disposition"] = f'attachment; filename="{name}"'.encode("ascii", "replace").decode()
        body = payload if isinstance(payload, bytes) else b""
        return Response(body, 200, kind if shown else "application/octet-stream", headers)


def _page(title: str, *body: Child, head: Child = None) -> str:
    banner = el("p", "Sandbox mailbox: no mail leaves this machine", class_="banner")
    return document(
        banner, el("main", *body), title=f"{title} · Sandbox mailbox", stylesheet="/static/mailbox.css", head=head
    )


def _codes_page(accounts: list[codes.Account], moment: float) -> str:
    left = codes.seconds_left(moment)
    body: list[Child] = [
        el("p", el("a", "Inbox", href="/")),
        el("h1", "Second-factor codes"),
        el("p", "New ones in ", el("strong", round(left), id="left", data_seconds=f"{left:.3f}"),
           " s. Click a code to copy it; each works once.", class_="soft"),
        el("p", id="status", role="status", class_="soft"),
    ]  # fmt: skip
    for group, members in groupby(accounts, key=lambda one: one.group):
        body.append(_codes_table(group, list(members), moment))
    if not accounts:
        body.append(el("p", "No accounts yet: the demo writes them when its brokerages are made."))
    if recovery := next((one.recovery for one in accounts if one.recovery), ()):
        body.append(_section("Recovery codes", el("pre", "  ".join(recovery))))
        body.append(el("p", "The same for everybody; each works once per account, in place of a code.", class_="soft"))
    head = (
        el("noscript", el("meta", http_equiv="refresh", content=str(max(1, round(left))))),
        el("script", src="/static/codes.js", defer=True),
    )
    return _page("Second-factor codes", *body, head=head)


def _codes_table(group: str, accounts: list[codes.Account], moment: float) -> Markup:
    rows = [
        el(
            "tr",
            el("th", el("bdi", one.label), scope="row"),
            el("td", one.email),
            el("td", el("button", codes.code_at(one.secret, moment), type="button", class_="code",
                        data_email=one.email)),
        )
        for one in accounts
    ]  # fmt: skip
    return el("table", el("caption", group), el("tbody", rows))


def _list_page(messages: list[dict[str, Any]], values: dict[str, str]) -> str:
    search = el(
        "form",
        el("label", el("span", "Recipient"), el("input", name="to", value=values.get("to", ""),
                                                type="search")),
        el("label", el("span", "Subject"), el("input", name="subject", value=values.get("subject", ""),
                                              type="search")),
        el("button", "Search"),
        class_="search",
        role="search",
    )  # fmt: skip
    rows = [
        el(
            "li",
            el("a", el("bdi", item["subject"] or "(no subject)"), href=f"/messages/{item['id']}"),
            el("span", "To ", el("bdi", ", ".join(item["to"])), class_="soft"),
            el(
                "time",
                item["received"][:19].replace("T", " ") + " UTC",
                datetime=item["received"],
                class_="soft",
            ),
        )
        for item in messages
    ]
    empty = el("p", "No mail yet. What the platform sends shows up here.", class_="soft")
    clear = el("form", el("button", "Delete all"), method="post", action="/clear") if messages else None
    listing = el("ul", rows, class_="mails") if rows else empty
    return _page("Inbox", el("h1", "Inbox"), search, listing, clear)


def _message_page(mail: dict[str, Any]) -> str:
    facts = [("From", mail["from"]), ("To", ", ".join(mail["to"])), ("Received", mail["received"])]
    attachments = [
        el(
            "li",
            el(
                "a",
                item["filename"] or item["content_type"],
                href=f"/messages/{mail['id']}/parts/{item['part']}",
            ),
            f" ({item['size']} bytes)",
        )
        for item in mail["attachments"]
    ]
    title = mail["subject"] or "(no subject)"
    return _page(
        title,
        el("p", el("a", "Inbox", href="/")),
        el("h1", el("bdi", title)),
        el("dl", [[el("dt", name), el("dd", el("bdi", value))] for name, value in facts]),
        _html_part(mail),
        _section("Text", el("pre", mail["text"], dir="auto")) if mail["text"] else None,
        _section("Attachments", el("ul", attachments)) if attachments else None,
        _section("Headers", el("pre", "\n".join(f"{name}: {value}" for name, value in mail["headers"]))),
        el("p", el("a", "Source", href=f"/messages/{mail['id']}/source")),
    )


def _html_part(mail: dict[str, Any]) -> Markup | None:
    if mail["html"] is None:
        return None
    frame = el(
        "iframe", src=f"/messages/{mail['id']}/html", title="The mail as HTML",
        sandbox="allow-popups allow-popups-to-escape-sandbox",
    )  # fmt: skip
    return _section("HTML", frame)


def _section(title: str, body: Markup) -> Markup:
    return el("details", el("summary", title), body, open=title in {"HTML", "Text"})
