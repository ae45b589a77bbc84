"""Sessions live in the schema they belong to: a broker's cookie means nothing to another broker, nor to the console."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from kernel.tenancy import context


class SessionStore(DatabaseStore):
    """Django's database store over two tables: the tenant's, and the operators' in the public schema."""

    @classmethod
    def get_model_class(cls) -> Any:
        name = settings.SESSION_MODELS["tenant" if context.tenant_or_none() else "public"]
        return apps.get_model(name)

    @cached_property
    def model(self) -> Any:
        return self.get_model_class()

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        row: Any = super().create_model_instance(data)
        row.account_id = data.get("account_id")
        for name in ("ip", "user_agent"):  # for the device list; every save writes the whole row
            if hasattr(row, name) and data.get(name):
                setattr(row, name, data[name])
        if login_at := data.get("login_at"):
            row.created_at = datetime.fromtimestamp(login_at, UTC)
        return row


def end_all(account_id: object, *, but: str = "") -> int:
    """Sign an account out everywhere, except for one session."""
    rows = SessionStore.get_model_class().objects.filter(account_id=account_id).exclude(session_key=but)
    return int(rows.delete()[0])
