"""Every app has its place: one of the two lists, a README, a label, tables under its own prefix."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest
from django.apps import AppConfig, apps
from django.conf import settings
from django.urls import resolve

from kernel.permissions import all_permissions
from tests.routes import routes

from .sources import ROOT

OURS = [config for config in apps.get_app_configs() if config.name in {*settings.SHARED_APPS, *settings.TENANT_APPS}]
# `tenants` keeps the register's tables, which the kernel's directory knows by this name.
PREFIXES = {"tenants": "tenancy"}
MODULES_BELOW_APPS = {"kernel"}

every_app = pytest.mark.parametrize("config", OURS, ids=lambda config: config.label)


def test_no_app_is_in_both_lists() -> None:
    """A table of both kinds of schema could be read in the wrong one (tenancy.md, L11)."""
    assert set(settings.SHARED_APPS) & set(settings.TENANT_APPS) == set()


def test_tables_of_shared_and_tenant_apps_have_different_names() -> None:
    tables: dict[bool, set[str]] = defaultdict(set)
    for model in apps.get_models(include_auto_created=True):
        tables[model._meta.app_label in settings.SHARED_APP_LABELS].add(model._meta.db_table)
    assert tables[True] & tables[False] == set()
    assert tables[True]
    assert tables[False]


def test_no_app_with_tables_stands_outside_the_lists() -> None:
    """A third party's models would be made in tenants' schemas without anybody having decided so."""
    ours = {config.label for config in OURS}
    strangers = [model for model in apps.get_models() if model._meta.app_label not in ours]
    assert {model._meta.label for model in strangers if not model.__module__.startswith("tests.")} == set()


@every_app
def test_label_is_the_folders_name(config: AppConfig) -> None:
    assert config.label == config.name.rpartition(".")[2]


@every_app
def test_readme_says_what_the_app_owns(config: AppConfig) -> None:
    if config.label in MODULES_BELOW_APPS:
        return
    readme = Path(config.path) / "README.md"
    assert readme.is_file(), f"{readme.relative_to(ROOT)} is missing"
    assert len(readme.read_text().splitlines()) >= 3


# A table that its app took over keeps its name for a release: code of the one before still asks for it.
MOVED = {"payments_change"}


@every_app
def test_tables_carry_the_apps_prefix(config: AppConfig) -> None:
    prefix = PREFIXES.get(config.label, config.label) + "_"
    odd = [m._meta.db_table for m in config.get_models(include_auto_created=True)]
    assert [table for table in odd if not table.startswith(prefix) and table not in MOVED] == []


def test_permission_codes_carry_a_known_prefix() -> None:
    labels = {config.label for config in OURS} | {"audit", "console", "demo"}
    assert [p.code for p in all_permissions() if p.code.partition(".")[0] not in labels] == []


def test_no_address_hides_another() -> None:
    """Apps mount at the root of a surface; two that claim one address would be settled by the order of a list."""
    hidden = []
    for route in routes():
        path = route.path(route.samples())
        found = resolve(path, urlconf=f"config.urls_{route.surface}")
        if found.func is not route.view:
            hidden.append(f"{route.id} is answered by {found.view_name}")
    assert hidden == []
