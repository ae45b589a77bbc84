"""Schemas of brokerages that tests are done with, used again: emptying and renaming one costs a fraction of making one.

Each use has names, identifiers and a role's name of its own, so that nothing remembered by any of these crosses over. One
whose structure or rights a test changed is dropped.
"""

from __future__ import annotations

from typing import Any

from django.db import OperationalError, connections, transaction

from kernel.tenancy import context, schemas

_spare: list[str] = []
_structure: list[str] = []  # of one just made, once it is known
_STRUCTURE = """
    SELECT md5(string_agg(line, E'\n' ORDER BY line)) FROM (SELECT replace(line, %(schema)s, '') AS line FROM (
        SELECT concat_ws(' ', relname, relkind, relnatts, relchecks, relrowsecurity, relacl) AS line FROM pg_class
        WHERE relnamespace = %(schema)s::regnamespace
        UNION ALL SELECT concat_ws(' ', attrelid::regclass, attname, atttypid, attnotnull, attacl)
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = %(schema)s::regnamespace AND attnum > 0 AND relkind IN ('r', 'p', 'v')
        UNION ALL SELECT concat_ws(' ', conname, contype, convalidated, pg_get_constraintdef(oid)) FROM pg_constraint
        WHERE connamespace = %(schema)s::regnamespace
        UNION ALL SELECT concat_ws(' ', tgname, tgenabled, tgtype) FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
        WHERE relnamespace = %(schema)s::regnamespace AND NOT tgisinternal
        UNION ALL SELECT concat_ws(' ', proname, prosrc, proconfig, proacl) FROM pg_proc
        WHERE pronamespace = %(schema)s::regnamespace
    ) AS named) AS lines"""
# Truncating writes new files for a table and all its indexes: deleting a few rows is faster.
_USED = """
    SELECT oid::regclass, pg_relation_size(oid) > 65536 FROM pg_class
    WHERE relnamespace = %s::regnamespace AND relkind = 'r' AND relname <> 'django_migrations' AND pg_relation_size(oid) > 0"""
_KEPT_FROM_EMPTYING = """
    SELECT tgrelid::regclass, tgname, CASE tgenabled WHEN 'A' THEN 'ALWAYS ' ELSE '' END FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
    WHERE relnamespace = %s::regnamespace AND NOT tgisinternal AND tgtype & 32 <> 0"""
_COUNTERS = """
    SELECT setval(seqrelid, seqstart, false) FROM pg_sequence JOIN pg_class ON pg_class.oid = seqrelid
    WHERE relnamespace = %s::regnamespace"""
_NAMING_IT = """
    SELECT pg_get_functiondef(oid) FROM pg_proc
    WHERE pronamespace = %(schema)s::regnamespace AND position(%(schema)s IN concat(prosrc, proconfig)) > 0"""


def make(schema: str) -> None:
    """The schema of a new brokerage, empty."""
    if _spare:
        _rename(_spare.pop(), schema)
        return
    schemas.create_schema(schema)
    if not _structure:
        with context.owner(context.PUBLIC_SCHEMA), connections[schemas.OWNER].cursor() as cursor:
            _structure.append(_structure_of(cursor, schema))


def give_back(schema: str) -> None:
    if _emptied(schema):
        _spare.append(schema)
    else:
        schemas.drop_schema(schema)


def kept() -> set[str]:
    """Schemas that are nobody's now, for those who look for such."""
    return set(_spare)


def drop_all() -> None:
    while _spare:
        schemas.drop_schema(_spare.pop())


def _emptied(schema: str) -> bool:
    """False for one that is gone, was changed, or is still in somebody's hands."""
    if not schemas.schema_exists(schema):
        return False
    try:
        with transaction.atomic(using=schemas.OWNER), context.owner(context.PUBLIC_SCHEMA):
            with connections[schemas.OWNER].cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '2s'")
                if [_structure_of(cursor, schema)] != _structure:
                    return False
                _empty(cursor, schema)
    except OperationalError:
        return False
    return True


def _structure_of(cursor: Any, schema: str) -> str:
    cursor.execute(_STRUCTURE, {"schema": schema})
    return str(cursor.fetchone()[0])


def _empty(cursor: Any, schema: str) -> None:
    cursor.execute(_USED, [schema])
    used = cursor.fetchall()
    cursor.execute(_KEPT_FROM_EMPTYING, [schema])
    kept = cursor.fetchall()
    shut = [f"ALTER TABLE {table} DISABLE TRIGGER {name}" for table, name, _ in kept]
    emptied = [f"TRUNCATE {table} CASCADE" if large else f"DELETE FROM {table}" for table, large in used]
    checked = ["SET CONSTRAINTS ALL IMMEDIATE"]
    opened = [f"ALTER TABLE {table} ENABLE {always}TRIGGER {name}" for table, name, always in kept]
    cursor.execute(";\n".join(["SET CONSTRAINTS ALL DEFERRED", *shut, *emptied, *checked, *opened]))
    cursor.execute(_COUNTERS, [schema])


def _rename(old: str, new: str) -> None:
    with transaction.atomic(using=schemas.OWNER), context.owner(context.PUBLIC_SCHEMA):
        with connections[schemas.OWNER].cursor() as cursor:
            cursor.execute(_NAMING_IT, {"schema": old})
            functions = [definition.replace(old, new) for (definition,) in cursor.fetchall()]
            cursor.execute(
                f'ALTER SCHEMA "{old}" RENAME TO "{new}"; ALTER ROLE "r_{old}" RENAME TO "r_{new}";'
                "SET LOCAL check_function_bodies = off"
            )
            cursor.execute(";\n".join(functions))
