"""The state machines that docs draw are those of the code."""

from __future__ import annotations

import re
from importlib import import_module
from pkgutil import walk_packages

import pytest
from django.db.models import TextChoices

from launcher.layout import ROOT

MONEY = ("ledger", "payments", "wallets", "trading", "bonuses", "reconciliation", "copying")
# Drawn in docs/money.md, under these headings.
STORIES = {
    "tenant_apps.payments.models.DepositState": "Deposits",
    "tenant_apps.payments.models.WithdrawalState": "Withdrawals",
    "tenant_apps.bonuses.models.GrantState": "Bonuses",
}
BLOCK = re.compile(r"```mermaid\nstateDiagram-v2\n(.*?)```", re.DOTALL)
ARROW = re.compile(r"^ *(\S+) --> (\w+)", re.MULTILINE)


def _machines() -> dict[type[TextChoices], str]:
    """With a name under which other modules import them."""
    found: dict[type[TextChoices], str] = {}
    for app in MONEY:
        package = import_module(f"tenant_apps.{app}")
        for module in walk_packages(package.__path__, f"tenant_apps.{app}."):
            if module.name.split(".")[2] not in {"models", "kinds", "change_models"}:
                continue
            for name, one in vars(import_module(module.name)).items():
                mine = isinstance(one, type) and issubclass(one, TextChoices) and f".{app}." in one.__module__
                if mine and (name.endswith("State") or name == "Decision"):
                    found[one] = f"{module.name}.{name}"
    return found


def _drawn() -> dict[str, set[str]]:
    """States by machine: a diagram belongs to the names in backquotes before it, in their order."""
    told: dict[str, set[str]] = {}
    waiting: list[str] = []
    text = (ROOT / "docs/states.md").read_text(encoding="utf-8")
    for match in re.finditer(rf"`((?:kernel|tenant_apps)\.[\w.]+)`|{BLOCK.pattern}", text, re.DOTALL):
        if match[1]:
            waiting.append(match[1])
        else:
            told[waiting.pop(0)] = _states(match[2])
    stories = (ROOT / "docs/money.md").read_text(encoding="utf-8")
    for name, heading in STORIES.items():
        section = stories.split(f"\n## {heading}\n")[1].split("\n## ")[0]
        block = BLOCK.search(section)
        assert block, heading
        told[name] = _states(block[1])
    return told


def _states(arrows: str) -> set[str]:
    return {state for pair in ARROW.findall(arrows) for state in pair} - {"[*]"}


def _code(name: str) -> type[TextChoices]:
    module, _, machine = name.rpartition(".")
    found: type[TextChoices] = getattr(import_module(module), machine)
    return found


def test_every_machine_of_money_is_drawn() -> None:
    drawn = {_code(name) for name in _drawn()}
    assert sorted(name for one, name in _machines().items() if one not in drawn) == []


@pytest.mark.parametrize("name", sorted(_drawn()))
def test_a_drawing_has_the_states_of_the_code(name: str) -> None:
    assert _drawn()[name] == set(_code(name).values)
