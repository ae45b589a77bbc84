"""Sessions live in the schema they belong to: a broker's cookie means nothing to another broker, nor to the console."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from kernel import clock
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
        # An operator inside a brokerage has no account there; the entry stands for it, so that ending it ends the session.
        row.account_id = data.get("account_id") or (data.get("break_glass") or {}).get("entry_id")
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


def living(keys: Collection[str]) -> dict[str, str]:
    """Those of these session keys that still stand for somebody: not expired, their account active and of the same epoch.

    The value is the stamp of the rights that the account has now (AbstractAccount.rights_stamp). A session without an
    account (sign-up in progress) lives as long as its row, with no stamp. Three queries, however many keys.
    """
    store = SessionStore()
    # Django dates sessions by the machine's clock; the demo's, which can be moved, would find them all expired.
    rows = store.model.objects.filter(session_key__in=list(keys), expire_date__gt=datetime.now(UTC))
    found = {row.session_key: store.decode(row.session_data) for row in rows}
    model = apps.get_model(settings.ACCOUNT_MODELS["tenant" if context.tenant_or_none() else "public"])
    wanted = {data["account_id"] for data in found.values() if data.get("account_id")}
    rows_of = model._default_manager.filter(pk__in=wanted, active=True).prefetch_related(*model.RIGHTS_FROM)
    accounts = {str(account.pk): account for account in rows_of} if wanted else {}
    return {key: _stamp(data, accounts) for key, data in found.items() if _stands(data, accounts)}


def _stamp(data: dict[str, Any], accounts: dict[str, Any]) -> str:
    account_id = data.get("account_id")
    return str(accounts[account_id].rights_stamp()) if account_id else ""


def _stands(data: dict[str, Any], accounts: dict[str, Any]) -> bool:
    entry = data.get("break_glass")  # an operator's entry ends at its hour, however often its session was saved
    if entry and clock.now().timestamp() >= float(entry["until"]):
        return False
    account_id = data.get("account_id")
    return not account_id or (account_id in accounts and accounts[account_id].auth_epoch == data.get("epoch"))
