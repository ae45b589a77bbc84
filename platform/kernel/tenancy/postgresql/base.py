"""PostgreSQL backend that sets role and search path from the tenancy context before a cursor is handed out.

One round trip sets all three: role, path and `app.tenant` (read by row-level security). The tenant's path holds its own
schema and the extensions, not `public`: a missing table is an error, never a same-named table of somebody else.

The SET belongs to the session but is undone by a rollback, so every rollback forgets what was applied. A failing SET
closes the connection and raises: no statement ever runs under the scope of an earlier one (tenancy.md, L1, L2, L9).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError
from django.db.backends.postgresql import base
from psycopg.pq import TransactionStatus

from kernel.tenancy import context


def scope_sql(scope: context.Scope) -> str:
    """The statements for a scope. All parts are our own identifiers, never input; quoted all the same."""
    schema = scope.schema.replace('"', '""')
    tenant = str(scope.tenant.id) if scope.tenant else ""
    sql = (
        f'RESET ROLE; SET search_path = "{schema}", {context.EXTENSION_SCHEMA}; '
        f"SELECT set_config('app.tenant', '{tenant}', false)"
    )
    if scope.role is not None:
        role = scope.role.replace('"', '""')
        sql += f'; SET ROLE "{role}"'
    return sql


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's wrapper plus `_sync`, called for every cursor."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._applied: context.Scope | None = None
        self._unsynced = False
        super().__init__(*args, **kwargs)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        self._applied = None
        return super().get_new_connection(conn_params)

    def init_connection_state(self) -> None:
        """Django asks for the server's version here; that needs no scope and must not require one."""
        with self._without_sync():
            super().init_connection_state()

    def check_constraints(self, table_names: Any = None) -> None:
        """`SET CONSTRAINTS` concerns the transaction, whatever scopes it went through."""
        with self._without_sync():
            super().check_constraints(table_names)

    def _close(self) -> Any:
        self._applied = None
        return super()._close()

    def _rollback(self) -> Any:
        self._applied = None
        return super()._rollback()

    @contextmanager
    def _without_sync(self) -> Iterator[None]:
        self._unsynced = True
        try:
            yield
        finally:
            self._unsynced = False

    def _savepoint_rollback(self, sid: str) -> None:
        """Runs in an aborted transaction, where a SET would fail; what was set since the savepoint is undone by it."""
        try:
            with self._without_sync():
                super()._savepoint_rollback(sid)
        finally:
            self._applied = None

    def _cursor(self, name: str | None = None) -> Any:
        self.ensure_connection()
        if not self._unsynced:
            self._sync()
        return super()._cursor(name)

    def _sync(self) -> None:
        scope = context.scope()
        if scope == self._applied:
            return
        connection = self.connection
        self._applied = None
        try:
            with self.wrap_database_errors, connection.cursor() as cursor:
                cursor.execute(scope_sql(scope))
        except DatabaseError:
            if connection.info.transaction_status != TransactionStatus.INERROR:
                self.close()
            raise
        self._applied = scope
