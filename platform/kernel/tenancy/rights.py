"""Database rights of a tenant's role, per table. The default is read and write; a model that must not be changed says so.

`class Meta` cannot carry own options, so a model sets `db_rights` on the class:
"append" (INSERT, SELECT), "read" (SELECT: its rows are written by functions only), or nothing.
"""

from __future__ import annotations

from django.apps import apps
from django.conf import settings

PRIVILEGES = {
    "write": "SELECT, INSERT, UPDATE, DELETE",
    "append": "SELECT, INSERT",
    "read": "SELECT",
}


def table_rights() -> dict[str, str]:
    """Privileges by table of a tenant's schema, for all tenant apps."""
    tables = {"django_migrations": PRIVILEGES["read"]}
    for model in apps.get_models(include_auto_created=True):
        meta = model._meta
        if meta.app_label in settings.SHARED_APP_LABELS or not meta.managed or meta.proxy:
            continue
        tables[meta.db_table] = PRIVILEGES[getattr(model, "db_rights", "write")]
    return tables
