"""Isolation at its root: scope, path and role agree at every statement, whatever happened before (tenancy.md, L1–L11)."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from django.core.cache import cache
from django.db import DatabaseError, ProgrammingError, connection, transaction

from kernel import secrets
from kernel.models import Job
from kernel.tenancy import context, directory


def current() -> tuple[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema(), current_user")
        return cursor.fetchone()


@pytest.mark.django_db
def test_no_scope_is_an_error_not_public() -> None:
    with pytest.raises(context.NoScope):
        Job.objects.count()
    with pytest.raises(context.NoScope):
        cache.get("anything")


def test_scope_sets_schema_and_role(tenant: Any, other_tenant: Any) -> None:
    assert current() == (tenant.schema, tenant.role)
    with context.use(other_tenant):
        assert current() == (other_tenant.schema, other_tenant.role)
    assert current() == (tenant.schema, tenant.role)
    with context.public():
        assert current() == ("public", "rialto_public")


def test_rows_of_one_tenant_are_not_in_the_other(tenant: Any, other_tenant: Any) -> None:
    Job.objects.create(kind="x", owner="canary-alpha")
    with context.use(other_tenant):
        assert not Job.objects.filter(owner="canary-alpha").exists()
    assert Job.objects.filter(owner="canary-alpha").count() == 1


def test_tenant_role_cannot_read_another_schema_or_public(tenant: Any, other_tenant: Any) -> None:
    for table in (
        f'"{other_tenant.schema}".kernel_job',
        "public.tenancy_tenant",
        "public.operators_operator",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT count(*) FROM {table}")


def test_savepoint_rollback_does_not_leave_the_other_tenants_path(tenant: Any, other_tenant: Any) -> None:
    with pytest.raises(ValueError), transaction.atomic(), context.use(other_tenant):
        assert current()[0] == other_tenant.schema
        raise ValueError
    assert current() == (tenant.schema, tenant.role)


def test_error_inside_a_nested_scope_rolls_back_cleanly(tenant: Any, other_tenant: Any) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), context.use(other_tenant):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")
    assert current() == (tenant.schema, tenant.role)


def test_append_only_tables_refuse_change_to_the_tenants_role(tenant: Any) -> None:
    for statement in (
        "UPDATE kernel_audit SET action = 'x'",
        "DELETE FROM kernel_audit",
        "TRUNCATE kernel_audit",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(statement)


def test_cache_keys_carry_the_tenant(tenant: Any, other_tenant: Any) -> None:
    cache.set("canary", "alpha")
    with context.use(other_tenant):
        assert cache.get("canary") is None
    assert cache.get("canary") == "alpha"


def test_signed_text_of_one_tenant_is_refused_by_the_other(tenant: Any, other_tenant: Any) -> None:
    text = secrets.sign({"user": 1}, purpose="reset")
    assert secrets.unsign(text, purpose="reset", max_age=60) == {"user": 1}
    with pytest.raises(secrets.BadSignature):
        secrets.unsign(text, purpose="invite", max_age=60)
    with context.use(other_tenant), pytest.raises(secrets.BadSignature):
        secrets.unsign(text, purpose="reset", max_age=60)


def test_sealed_secret_opens_only_in_its_place(tenant: Any, other_tenant: Any) -> None:
    from cryptography.exceptions import InvalidTag

    sealed = secrets.seal(b"key", "model", "field", 1)
    assert secrets.unseal(sealed, "model", "field", 1) == b"key"
    with pytest.raises(InvalidTag):
        secrets.unseal(sealed, "model", "field", 2)
    with context.use(other_tenant), pytest.raises(InvalidTag):
        secrets.unseal(sealed, "model", "field", 1)


def test_threads_and_coroutines_keep_their_own_scope(live_tenants: Any) -> None:
    one, two = live_tenants(), live_tenants()
    seen: dict[str, set[str]] = {one.schema: set(), two.schema: set()}
    barrier = threading.Barrier(2)

    def work(ref: Any) -> None:
        try:
            for _ in range(50):
                barrier.wait()
                with context.use(ref):
                    seen[ref.schema].add(current()[0])
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[ref]) for ref in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {one.schema: {one.schema}, two.schema: {two.schema}}

    async def coroutine(ref: Any) -> Any:
        with context.use(ref):
            await asyncio.sleep(0)
            return await Job.objects.acount(), context.tenant().schema

    async def both() -> Any:
        return await asyncio.gather(*[coroutine(ref) for ref in (one, two) * 10])

    assert {schema for _, schema in asyncio.run(both())} == {one.schema, two.schema}


def test_failing_set_raises_and_next_query_is_right(tenant: Any, live_tenants: Any) -> None:
    ghost = context.TenantRef(id=tenant.id, slug="ghost", schema="t_ghost_schema", name="Ghost", state="active")
    with pytest.raises(DatabaseError), transaction.atomic(), context.use(ghost):
        Job.objects.count()
    assert current() == (tenant.schema, tenant.role)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("T7.Example.COM.:8000", "t7.example.com"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("", ""),
        ("a" * 70 + ".example", ""),
    ],
)
def test_hosts_are_normalised(given: str, expected: str) -> None:
    assert directory.normalise_host(given) == expected


def test_replayed_schema_is_identical_to_the_template(tenant: Any) -> None:
    """Same relations, constraints, indexes and columns by name as the schema the migrations ran in."""
    query = " UNION ALL ".join(
        f"SELECT '{table}', o.{prefix}name, o.{kind}::text FROM {table} o"
        f" JOIN pg_namespace n ON n.oid = o.{prefix}namespace WHERE n.nspname = %s"
        for table, prefix, kind in (
            ("pg_class", "rel", "relkind"),
            ("pg_constraint", "con", "contype"),
            ("pg_proc", "pro", "prokind"),
        )
    )
    with connection.cursor() as cursor:
        cursor.execute(query, ["tmpl_rialto_tenant"] * 3)
        template = sorted(cursor.fetchall())
        cursor.execute(query, [tenant.schema] * 3)
        assert sorted(cursor.fetchall()) == template
