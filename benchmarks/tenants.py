"""A new brokerage: by replaying the template, by running its migrations, and by Django's `migrate`."""

from __future__ import annotations

from django.core.management import call_command
from django.db import connections, transaction
from django.db.migrations.executor import MigrationExecutor

from kernel.tenancy import context, schemas

from .measure import Result, compare


def _empty() -> str:
    name = schemas.new_schema_name()
    with context.owner(context.PUBLIC_SCHEMA), connections[schemas.OWNER].cursor() as cursor:
        cursor.execute(f'CREATE SCHEMA "{name}"')
    return name


def _grant(schema: str) -> None:
    with transaction.atomic(using=schemas.OWNER), context.owner(context.PUBLIC_SCHEMA):
        with connections[schemas.OWNER].cursor() as cursor:
            schemas._ensure_role(cursor, f"r_{schema}")
            schemas.grant(cursor, schema)


def run(rounds: int) -> Result:
    made: list[str] = []

    def by_template(_: int) -> None:
        made.append(schemas.new_schema_name())
        schemas.create_schema(made[-1])

    def by_migrations(_: int) -> None:
        made.append(_empty())
        with context.owner(made[-1]):
            executor = MigrationExecutor(connections[schemas.OWNER])
            executor.migrate(executor.loader.graph.leaf_nodes())
        _grant(made[-1])

    def by_command(_: int) -> None:
        made.append(_empty())
        with context.owner(made[-1]):
            call_command("migrate", database=schemas.OWNER, verbosity=0, interactive=False)
        _grant(made[-1])

    variants = [
        ("template replayed", by_template),
        ("migrations run", by_migrations),
        ("manage.py migrate, in process", by_command),
    ]
    result = compare("New brokerage", variants, rounds=max(3, rounds // 3), each=1, unit="brokerage")
    with context.owner(made[0]), connections[schemas.OWNER].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = %s", [made[0]])
        result.note = f"{cursor.fetchone()[0]} tables, with role and rights"
    for schema in made:
        schemas.drop_schema(schema)
    return result
