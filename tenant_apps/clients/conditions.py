"""The builder of conditions: a form whose fields are named by their place in the tree, drawn again on the server.

Node `0` is the root; `n.0.1.op` makes node 0.1 a group, `n.0.1.fact`/`.test`/`.value` a condition. A button sends
`act` ("add", "group", "remove") and `at` (a node). No script is needed but htmx; templates: clients/conditions/.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from . import facts

FIRST: dict[str, Any] = {"fact": "stage", "test": "in", "value": ["funded"]}
EMPTY: dict[str, Any] = {"op": "and", "items": [FIRST]}
WIDE = 8  # choices beyond this many are shown as a list to scroll


@dataclass(frozen=True, slots=True)
class Node:
    """One node as the template draws it; `items` of a group, the rest of a condition."""

    path: str
    depth: int
    op: str = ""
    items: list[Node] = field(default_factory=list)
    fact: facts.Fact | None = None
    test: str = ""
    value: Any = None
    choices: list[tuple[str, Any]] = field(default_factory=list)
    only: bool = False

    @property
    def prefix(self) -> str:
        return f"n.{self.path}"

    @property
    def takes_value(self) -> bool:
        return self.test not in facts.WITHOUT_VALUE

    @property
    def text(self) -> str:
        return ", ".join(self.value) if isinstance(self.value, list | tuple) else str(self.value or "")

    @property
    def may_nest(self) -> bool:
        return self.depth < facts.MAX_DEPTH


def from_post(data: QueryDict, act: str = "", at: str = "") -> dict[str, Any] | None:
    """The tree in a form, after the button that was pressed; not yet checked. None when nothing is left."""
    paths = {key[2:].rpartition(".")[0] for key in data if key.startswith("n.")}
    if not paths or len(paths) > 2 * facts.MAX_CONDITIONS or (act == "remove" and at == "0"):
        return None
    return _read("0", paths, data, act, at, depth=1)


def _read(path: str, paths: set[str], data: QueryDict, act: str, at: str, *, depth: int) -> dict[str, Any]:
    children = sorted(
        (one for one in paths if one.rpartition(".")[0] == path and one.rpartition(".")[2].isdecimal()),
        key=lambda one: int(one.rpartition(".")[2]),
    )
    items: list[dict[str, Any]] = []
    for child in children if depth <= facts.MAX_DEPTH else []:
        if act == "remove" and child == at:
            continue
        group = data.get(f"n.{child}.op")
        found = _read(child, paths, data, act, at, depth=depth + 1) if group else _condition(child, data)
        if found.get("items") != []:
            items.append(found)
    if act == "add" and at == path:
        items.append(dict(FIRST))
    if act == "group" and at == path:
        items.append({"op": "or", "items": [dict(FIRST)]})
    return {"op": data.get(f"n.{path}.op") or "and", "items": items}


def _condition(path: str, data: QueryDict) -> dict[str, Any]:
    known = facts.fact(str(data.get(f"n.{path}.fact")))
    test = str(data.get(f"n.{path}.test"))
    if test not in known.tests:  # another fact was chosen: its first test, no value
        return {"fact": known.key, "test": next(iter(known.tests)), "value": None}
    values = data.getlist(f"n.{path}.value")
    if known.kind == "tags":
        return {
            "fact": known.key,
            "test": test,
            "value": [one.strip() for one in ",".join(values).split(",") if one.strip()],
        }
    if known.kind == "choice":
        return {"fact": known.key, "test": test, "value": values}
    return {"fact": known.key, "test": test, "value": (values[-1] if values else "").strip()}


def draw(tree: Mapping[str, Any] | None) -> Node | None:
    """The tree for the template."""
    return _draw(tree, "0", 1, only=True) if tree else None


def _draw(node: Mapping[str, Any], path: str, depth: int, *, only: bool) -> Node:
    if "op" in node:
        items = list(node["items"])
        drawn = [_draw(item, f"{path}.{index}", depth + 1, only=len(items) == 1) for index, item in enumerate(items)]
        return Node(path, depth, op=node["op"], items=drawn, only=only)
    known = facts.fact(node["fact"])
    choices = known.choices() if known.choices else []
    return Node(path, depth, fact=known, test=node["test"], value=node.get("value"), choices=choices, only=only)


def words(tree: Mapping[str, Any] | None) -> list[str]:
    """A definition as short lines for lists; nested groups are flattened, their operator is left to the page."""
    if not tree:
        return []
    if "op" in tree:
        return [line for item in tree["items"] for line in words(item)]
    known = facts.fact(tree["fact"])
    value = tree.get("value")
    if isinstance(value, list | tuple):
        names = {str(key): str(name) for key, name in known.choices()} if known.choices and len(value) < 6 else {}
        value = ", ".join(names.get(str(one), str(one)) for one in value)
    return [" ".join(part for part in (str(known.label), str(known.tests[tree["test"]]), str(value or "")) if part)]
