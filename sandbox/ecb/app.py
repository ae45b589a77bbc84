"""The statistics pages of a make-believe European Central Bank: the daily sheet, ninety days of it, and faults on demand."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox import _control as control
from sandbox._html import Child, el
from sandbox._store import Database
from sandbox._web import Application, Request, Response, Router, html_response, json_response, redirect, static_file
from sandbox.ecb.sheets import Archive, Sheet, render

STATIC = Path(__file__).parent.parent / "_static"
SCHEMA = "CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);"
FAULTS = ("none", "error", "unavailable", "page", "truncated", "empty", "negative", "bomb", "other_namespace")
SERVICE = "European Central Bank sandbox"


class Settings:
    """What was set on the control page; survives a kill."""

    def __init__(self, folder: Path) -> None:
        self.db = Database(folder / "ecb.sqlite3", SCHEMA)

    def all(self) -> dict[str, Any]:
        """moment: ISO instant the server believes in, empty for the real one; fault; delay_ms; factors by currency."""
        given = {row["name"]: json.loads(row["value"]) for row in self.db.rows("SELECT * FROM settings")}
        return {"moment": "", "fault": "none", "delay_ms": 0, "factors": {}} | given

    def change(self, values: dict[str, Any]) -> None:
        """Raises ValueError for what cannot be; then nothing is changed."""
        for name, value in values.items():
            if name not in self.all():
                raise ValueError(f"unknown: {name}")
            if name == "fault" and value not in FAULTS:
                raise ValueError(f"fault is one of {', '.join(FAULTS)}")
            if name == "moment" and value and datetime.fromisoformat(str(value)).tzinfo is None:
                raise ValueError("moment needs a time zone")
            if name == "delay_ms" and (not isinstance(value, int) or not 0 <= value <= 600_000):
                raise ValueError("delay_ms is a number of milliseconds")
            if name == "factors" and not isinstance(value, dict):
                raise ValueError("factors is an object")
        with self.db.transaction():
            for name, value in values.items():
                self.db.run("INSERT OR REPLACE INTO settings VALUES (?,?)", name, json.dumps(value))


class Bank:
    """Routes over the archive."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.archive = Archive()

    def application(self) -> Application:
        router = Router()
        router.add("GET", "/healthz", self.healthz)
        router.add("GET", "/static/{name}", self.static)
        router.add("GET", "/stats/eurofxref/eurofxref-daily.xml", self.daily)
        router.add("GET", "/stats/eurofxref/eurofxref-hist-90d.xml", self.ninety)
        router.add("GET", "/_control/api/settings", self.api_settings)
        router.add("PUT", "/_control/api/settings", self.api_change)
        router.add("GET", "/_control", self.page)
        router.add("POST", "/_control", self.page_change)
        return Application(router)

    async def healthz(self, request: Request) -> Response:
        self.settings.db.row("SELECT 1")
        return Response(b"ok\n")

    async def static(self, request: Request) -> Response:
        return static_file(STATIC, request.params["name"])

    async def daily(self, request: Request) -> Response:
        return await self._sheets(1)

    async def ninety(self, request: Request) -> Response:
        return await self._sheets(64)

    async def _sheets(self, count: int) -> Response:
        given = self.settings.all()
        if given["delay_ms"]:
            await asyncio.sleep(given["delay_ms"] / 1000)
        sheets = [(day, _bent(sheet, given["factors"])) for day, sheet in self.archive.days(self._now(given), count)]
        return _spoilt(render(sheets), given["fault"])

    def _now(self, given: dict[str, Any]) -> datetime:
        return datetime.fromisoformat(given["moment"]) if given["moment"] else datetime.now(UTC)

    # Control

    async def api_settings(self, request: Request) -> Response:
        return json_response(self.settings.all())

    async def api_change(self, request: Request) -> Response:
        try:
            self.settings.change(request.json())
        except (ValueError, TypeError, AttributeError) as error:
            return json_response({"error": str(error)}, 400)
        return json_response(self.settings.all())

    async def page(self, request: Request) -> Response:
        return html_response(self._page(None))

    async def page_change(self, request: Request) -> Response:
        if control.is_foreign(request):
            return control.refused()
        form = request.form
        try:
            self.settings.change({"moment": form.get("moment", "").strip(), "fault": form.get("fault", "none")})
        except ValueError as error:
            return html_response(self._page(str(error)), 422)
        return redirect("/_control")

    def _page(self, failure: str | None) -> str:
        given = self.settings.all()
        day, sheet = self.archive.newest(self._now(given))
        faults = [el("option", name, value=name, selected=name == given["fault"]) for name in FAULTS]
        form = el(
            "form",
            el("label", el("span", "Moment (ISO, with zone; empty: now)"),
               el("input", name="moment", value=given["moment"])),
            el("label", el("span", "Fault"), el("select", faults, name="fault")),
            el("button", "Set"), method="post", action="/_control", class_="grid",
        )  # fmt: skip
        rows: list[list[Child]] = [[code, rate] for code, rate in sheet]
        problem = el("p", failure, class_="alert", role="alert") if failure else None
        head = el("h1", f"Reference rates of {day.isoformat()}")
        return control.page(SERVICE, "Rates", head, problem, form, control.table("Rates", "rates", ["", ""], rows))


def _bent(sheet: Sheet, factors: dict[str, str]) -> Sheet:
    """Rates times what was asked for, as text: for tests of leaps."""
    from decimal import Decimal

    return [(code, str(Decimal(rate) * Decimal(factors[code])) if code in factors else rate) for code, rate in sheet]


def _spoilt(sheet: bytes, fault: str) -> Response:
    if fault == "error":
        return Response(b"Internal Server Error\n", 500)
    if fault == "unavailable":
        return Response(b"Service Unavailable\n", 503)
    if fault == "page":
        return html_response("<!doctype html><title>Maintenance</title><p>We will be back soon.")
    if fault == "truncated":
        sheet = sheet[: len(sheet) // 2]
    elif fault == "empty":
        sheet = render([])
    elif fault == "negative":
        sheet = sheet.replace(b'rate="', b'rate="-', 1)
    elif fault == "other_namespace":
        sheet = sheet.replace(b"2002-08-01/eurofxref", b"2099-01-01/eurofxref")
    elif fault == "bomb":
        sheet = sheet.replace(b"?>", b'?><!DOCTYPE x [<!ENTITY a "a"><!ENTITY b "&a;&a;&a;">]>', 1)
    return Response(sheet, 200, "text/xml")


def build(folder: Path) -> Application:
    """The server's application over a state folder."""
    return Bank(Settings(folder)).application()
