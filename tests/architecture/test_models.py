"""What every table must have, asked of the models and of the schemas that really exist."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connections, models

from kernel.tenancy import context, schemas
from kernel.tenancy.rights import PRIVILEGES

MODELS = [model for model in apps.get_models(include_auto_created=True) if model._meta.managed]
# Texts as primary keys: Django's session base, and one row per release.
LIKE_INDEX_KNOWN = {"accounts_session", "operators_session", "tenancy_template"}
# Rules of a payment method are configuration of the provider account they hang on.
CASCADE_KNOWN = {"payments.MethodRule.provider_account"}
MONEY_WORDS = ("ledger_", "payments_", "wallets_")


def _query(sql: str, *params: Any) -> list[tuple[Any, ...]]:
    with context.owner(context.PUBLIC_SCHEMA), connections[schemas.OWNER].cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def test_no_foreign_key_between_shared_and_tenant_tables() -> None:
    def shared(model: Any) -> bool:
        return model._meta.app_label in settings.SHARED_APP_LABELS

    crossing = [
        f"{model._meta.label}.{field.name}"
        for model in MODELS
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey) and shared(model) != shared(field.related_model)
    ]
    assert crossing == []


def test_nothing_with_money_cascades() -> None:
    """Deleting a client must never delete what the client was owed (style.md, rule 9)."""
    cascading = [
        f"{model._meta.label}.{field.name}"
        for model in MODELS
        if model._meta.db_table.startswith(MONEY_WORDS)
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey) and field.remote_field.on_delete is models.CASCADE
    ]
    assert set(cascading) - CASCADE_KNOWN == set()


def test_text_is_indexed_by_name_only() -> None:
    """`unique=True` and `db_index=True` on text bring a second, `_like` index: a quarter of a tenant's size."""
    texts = (models.CharField, models.TextField)
    found = [
        f"{model._meta.label}.{field.name}"
        for model in MODELS
        for field in model._meta.local_fields
        if isinstance(field, texts)
        and (field.unique or field.db_index)
        and model._meta.db_table not in LIKE_INDEX_KNOWN
    ]
    assert found == []


def test_rights_are_words_that_exist() -> None:
    assert [m._meta.label for m in MODELS if getattr(m, "db_rights", "write") not in PRIVILEGES] == []


@pytest.mark.django_db(databases=["default", "owner"])
class TestSchemas:
    """The same, and more, of the schemas themselves: `public` and the template that every tenant is made from."""

    WHERE = (schemas.TEMPLATE, context.PUBLIC_SCHEMA)

    def test_no_like_indexes(self) -> None:
        rows = _query(
            "SELECT tablename FROM pg_indexes WHERE schemaname = ANY(%s) AND indexname LIKE %s",
            list(self.WHERE),
            "%\\_like",
        )
        assert {table for (table,) in rows} <= LIKE_INDEX_KNOWN

    def test_every_table_has_a_primary_key(self) -> None:
        rows = _query(
            "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = ANY(%s)"
            " AND relkind IN ('r', 'p') AND NOT EXISTS"
            " (SELECT 1 FROM pg_constraint WHERE conrelid = c.oid AND contype = 'p')",
            list(self.WHERE),
        )
        assert rows == []

    def test_every_foreign_key_has_an_index(self) -> None:
        """Without one, deleting a row reads the whole referring table under a lock."""
        rows = _query(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint k JOIN pg_namespace n ON n.oid = connamespace"
            " WHERE contype = 'f' AND nspname = ANY(%s) AND NOT EXISTS (SELECT 1 FROM pg_index i"
            " WHERE i.indrelid = k.conrelid AND i.indkey[0] = k.conkey[1])",
            list(self.WHERE),
        )
        assert rows == []

    def test_no_foreign_key_leaves_its_schema(self) -> None:
        rows = _query(
            "SELECT conname FROM pg_constraint k JOIN pg_class a ON a.oid = conrelid JOIN pg_class b ON b.oid = confrelid"
            " WHERE contype = 'f' AND a.relnamespace <> b.relnamespace"
        )
        assert rows == []

    def test_tables_in_the_database_are_those_of_the_models(self) -> None:
        expected = {True: {"django_migrations"}, False: {"django_migrations"}}
        for model in MODELS:
            expected[model._meta.app_label in settings.SHARED_APP_LABELS].add(model._meta.db_table)
        for schema, shared in ((context.PUBLIC_SCHEMA, True), (schemas.TEMPLATE, False)):
            rows = _query(
                "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename NOT LIKE %s", schema, "tenancy\\_%"
            )
            wanted = {table for table in expected[shared] if not table.startswith("tenancy_")}
            assert {table for (table,) in rows} == wanted

    def test_append_only_tables_grant_no_change(self) -> None:
        """What a model promises by `db_rights` is what the database grants to a tenant's role."""
        (schema,) = _query("SELECT nspname FROM pg_namespace WHERE nspname LIKE %s LIMIT 1", "t\\_%")[0]
        for model in MODELS:
            rights = getattr(model, "db_rights", "write")
            if model._meta.app_label in settings.SHARED_APP_LABELS or rights == "write":
                continue
            rows = _query(
                "SELECT privilege_type FROM information_schema.role_table_grants"
                " WHERE grantee = %s AND table_schema = %s AND table_name = %s",
                f"r_{schema}",
                schema,
                model._meta.db_table,
            )
            assert {name for (name,) in rows} == set(PRIVILEGES[rights].split(", ")), model._meta.label
