"""Forbidden calls and imports. A lint names what it forbids, why, and the few files that may do it all the same."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .sources import Source

Finder = Callable[[Source], Iterator[ast.AST]]


@dataclass(frozen=True, slots=True)
class Lint:
    """`bad` are snippets that must be found, `good` such that must not: a lint that finds nothing proves nothing."""

    name: str
    why: str
    find: Finder
    bad: tuple[str, ...]
    good: tuple[str, ...] = ()
    allowed: tuple[str, ...] = field(default=())  # path prefixes

    def check(self, item: Source) -> list[str]:
        """Violations as `path:line: why`."""
        if item.path.startswith(self.allowed):
            return []
        return [f"{item.path}:{getattr(node, 'lineno', 0)}: {self.why}" for node in self.find(item)]


def dotted(node: ast.AST) -> str:
    """`a.b.c` of an attribute chain or name, else nothing."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        head = dotted(node.value)
        return f"{head}.{node.attr}" if head else ""
    return ""


def calls(pattern: str) -> Finder:
    """Calls whose dotted name matches wholly."""
    wanted = re.compile(pattern)

    def find(item: Source) -> Iterator[ast.AST]:
        for node in ast.walk(item.tree):
            if isinstance(node, ast.Call) and wanted.fullmatch(dotted(node.func)):
                yield node

    return find


def imports(*names: str) -> Finder:
    """`import x`, `import x.y`, `from x import …` and `from a import b` for x = `a.b`."""

    def hit(name: str) -> bool:
        return any(name == banned or name.startswith(banned + ".") for banned in names)

    def find(item: Source) -> Iterator[ast.AST]:
        for node in ast.walk(item.tree):
            if isinstance(node, ast.Import) and any(hit(alias.name) for alias in node.names):
                yield node
            elif isinstance(node, ast.ImportFrom) and not node.level:
                module = node.module or ""
                if hit(module) or any(hit(f"{module}.{alias.name}") for alias in node.names):
                    yield node

    return find


def any_of(*finders: Finder) -> Finder:
    def find(item: Source) -> Iterator[ast.AST]:
        for one in finders:
            yield from one(item)

    return find


def strings(pattern: str) -> Finder:
    """String literals, docstrings excepted, in which the pattern occurs."""
    wanted = re.compile(pattern, re.IGNORECASE)

    def find(item: Source) -> Iterator[ast.AST]:
        prose = {id(node.value) for node in ast.walk(item.tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(item.tree):
            if id(node) in prose or not isinstance(node, ast.Constant) or not isinstance(node.value, str):
                continue
            if wanted.search(node.value):
                yield node

    return find


def attributes(name: str) -> Finder:
    def find(item: Source) -> Iterator[ast.AST]:
        for node in ast.walk(item.tree):
            if isinstance(node, ast.Attribute) and node.attr == name:
                yield node

    return find


def sync_cache_in_coroutine(item: Source) -> Iterator[ast.AST]:
    """`cache.get()` in an `async def` blocks the loop that serves every brokerage; `await cache.aget()` does not."""
    for function in ast.walk(item.tree):
        if isinstance(function, ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and re.fullmatch(r"cache\.(?!a)\w+", dotted(node.func)):
                    yield node


def owner_alias(item: Source) -> Iterator[ast.AST]:
    """The database alias with the rights of the tables' owner, by subscript, argument or keyword."""

    def named(node: ast.AST) -> bool:
        return (isinstance(node, ast.Constant) and node.value == "owner") or dotted(node).endswith("schemas.OWNER")

    for node in ast.walk(item.tree):
        if isinstance(node, ast.Subscript) and dotted(node.value) == "connections" and named(node.slice):
            yield node
        elif isinstance(node, ast.Call):
            method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            given = list(node.args) if method == "using" else []
            given += [keyword.value for keyword in node.keywords if keyword.arg in {"using", "database"}]
            if any(named(argument) for argument in given):
                yield node


def floats_of_money(item: Source) -> Iterator[ast.AST]:
    """FloatField columns: amounts are minor units, rates are decimals."""
    yield from calls(r"(\w+\.)*FloatField")(item)


LINTS = [
    Lint(
        "clock",
        "ask kernel.clock.now(): tests and the demo move it",
        any_of(
            imports("django.utils.timezone.now"),
            calls(r"(\w+\.)*timezone\.now"),
            calls(r"(\w+\.)*(datetime|date)\.(now|utcnow|today)"),
        ),
        bad=(
            "from django.utils import timezone\ntimezone.now()",
            "from django.utils.timezone import now",
            "import datetime\ndatetime.datetime.utcnow()",
            "from datetime import datetime\ndatetime.now(UTC)",
            "from datetime import date\ndate.today()",
        ),
        good=("from kernel import clock\nclock.now()\nclock.today()", "from datetime import datetime\nx: datetime"),
        # Authenticator apps follow the real time, wherever the demo's clock stands.
        # So do trading servers, which the adapters speak to, and Django, which dates sessions.
        allowed=(
            "platform/kernel/clock.py",
            "platform/kernel/auth.py",
            "platform/kernel/sessions.py",
            "provisioning/demo/codes.py",
            "tenant_apps/trading/adapters/",
        ),
    ),
    Lint(
        "outgoing http",
        "use kernel.http.request: time-outs, no way into private networks, errors in our words",
        imports("requests", "urllib.request", "http.client", "urllib3", "httpx", "aiohttp"),
        bad=("import requests", "from urllib.request import urlopen", "from urllib import request", "import httpx"),
        good=("from urllib.parse import urlsplit", "from kernel import http", "from django.http import HttpRequest"),
        allowed=("platform/kernel/http.py",),
    ),
    Lint(
        "search path",
        "only kernel.tenancy sets path and role; enter a scope",
        strings(
            r"\bset\s+(local\s+|session\s+)?(search_path|role|session\s+authorization)\b|\breset\s+(role|search_path)"
        ),
        bad=(
            'cursor.execute("SET search_path = x")',
            'cursor.execute("set local search_path to x")',
            'cursor.execute(f"SET ROLE {x}")',
            'cursor.execute("RESET ROLE")',
        ),
        good=('"""Explains SET search_path in a docstring."""', 'cursor.execute("SELECT 1")'),
        allowed=("platform/kernel/tenancy/",),
    ),
    Lint(
        "tenant of the connection",
        "the connection knows no tenant: kernel.tenancy.context does",
        any_of(attributes("schema_name"), attributes("set_tenant"), calls(r"(\w+\.)*(schema_context|tenant_context)")),
        bad=("connection.schema_name", "connection.set_tenant(t)", "with schema_context('x'): pass"),
        good=("context.tenant().schema",),
    ),
    Lint(
        "print",
        "log with kernel.logs, or write to the command's own stdout",
        calls(r"print"),
        bad=("print('x')",),
        good=("self.stdout.write('x')",),
    ),
    Lint(
        "sync cache in a coroutine",
        "await the cache's a-methods inside async def",
        sync_cache_in_coroutine,
        bad=("async def view():\n    cache.get('x')",),
        good=("async def view():\n    await cache.aget('x')", "def view():\n    cache.get('x')"),
    ),
    Lint(
        "float money",
        "no FloatField: amounts are integers of minor units, rates are DecimalField",
        floats_of_money,
        bad=("amount = models.FloatField()",),
        good=("amount = models.BigIntegerField()",),
    ),
    Lint(
        "signals",
        "domain flow goes through kernel.events; model signals are silent and cross transactions",
        imports("django.db.models.signals"),
        bad=("from django.db.models.signals import post_save", "from django.db.models import signals"),
        good=("from kernel.events import handles",),
    ),
    Lint(
        "owner of the tables",
        "the owner's scope and alias belong to migrations and provisioning",
        any_of(calls(r"context\.owner"), owner_alias),
        bad=(
            "with context.owner(x): pass",
            "connections['owner']",
            "Thing.objects.using('owner')",
            "atomic(using='owner')",
        ),
        good=("with context.use(t): pass", "owner = 'client:1'"),
        # The step that makes a schema journals itself in the same transaction.
        allowed=("platform/kernel/tenancy/", "provisioning/steps.py"),
    ),
]
