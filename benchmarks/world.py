"""A database of its own for the run, and brokerages in it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from django.db import connections

from kernel.actors import system
from kernel.ids import short_id
from kernel.tenancy import context, directory, schemas
from kernel.tenancy.context import TenantRef
from launcher import fingerprints

from .processes import ROOT, Stack

if TYPE_CHECKING:
    from tenant_apps.accounts.models import User
    from tenant_apps.clients.models import Client
    from tenant_apps.ledger.models import Account

MANAGER = 1000
BENCH = system("benchmarks")


@contextmanager
def own_database(*, cloned: bool = False) -> Iterator[str]:
    """Created, migrated and dropped; the aliases point at it meanwhile. `cloned`: from one that stays for the next run."""
    name = f"rialto_bench_{os.getpid()}"
    base = _base() if cloned else ""
    with _admin() as admin:
        admin.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {base}" if base else ""))
    try:
        _point_at(name)
        if not base:
            _migrate()
        yield name
    finally:
        connections.close_all()
        with _admin() as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _base() -> str:
    """A migrated database with nobody in it; its name says what it was made from."""
    made_from = [*ROOT.glob("*/*/migrations/*.py"), *ROOT.glob("*/migrations/*.py"), *ROOT.glob("*/*/sql/*.sql")]
    made_from += (ROOT / "platform" / "kernel" / "tenancy").glob("*.py")
    name = f"rialto_bench_base_{fingerprints.of_files(made_from, root=ROOT)[:12]}"
    with _admin() as admin:
        if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            return name
        admin.execute(f"DROP DATABASE IF EXISTS {name}_new")
        admin.execute(f"CREATE DATABASE {name}_new")
        _point_at(f"{name}_new")
        _migrate()
        connections.close_all()
        admin.execute(f"ALTER DATABASE {name}_new RENAME TO {name}")
    return name


def _point_at(name: str) -> None:
    for alias in connections:
        connections[alias].close()
        connections[alias].settings_dict["NAME"] = name


def _migrate() -> None:
    from kernel.tenancy.upgrade import upgrade_public, upgrade_template

    upgrade_public()
    upgrade_template()


def _admin() -> psycopg.Connection[Any]:
    url = os.environ.get("DATABASE_OWNER_URL") or os.environ["DATABASE_URL"]
    return psycopg.connect(url, autocommit=True)


def make_tenants(count: int) -> list[Any]:
    """Active brokerages with schema, hosts and key."""
    from shared_apps.tenants import services
    from shared_apps.tenants.models import TenantState

    made = []
    for _ in range(count):
        slug = f"b{short_id(8)}"
        with context.public():
            tenant = services.tenant_register(slug=slug, name=f"Bench {slug}", settings_={})
            schemas.create_schema(tenant.schema)
            services.domains_ensure(tenant_id=tenant.id, slug=slug)
            for state in (TenantState.PROVISIONING, TenantState.ACTIVE):
                services.tenant_state_set(tenant_id=tenant.id, to=state)
        directory.forget()
        made.append(directory.by_id(tenant.id))
    return made


def make_wallets(ref: TenantRef, count: int) -> list[Account]:
    """Clients' EUR wallets by one statement of the schema's owner; nothing on them."""
    with context.owner(ref.schema), connections[schemas.OWNER].cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger_account (owner, kind, currency, running, overdraft, created_at)"
            " SELECT 'client:bench-' || n, 'wallet', 'EUR', true, false, now() FROM generate_series(1, %s) n",
            [count],
        )
        cursor.execute("ANALYZE ledger_account")
    from tenant_apps.ledger.models import Account

    return list(Account.objects.filter(owner__startswith="client:bench-").order_by("pk"))


def ledger_settle(ref: TenantRef) -> None:
    """Do at once what autovacuum would begin some time after a filling, in the middle of what is measured."""
    with context.owner(ref.schema), connections[schemas.OWNER].cursor() as cursor:
        for table in ("account", "transfer", "entry"):
            cursor.execute(f"VACUUM ANALYZE ledger_{table}")


@dataclass(frozen=True, slots=True)
class Trader:
    """A client signed in to the portal, with a trading account on a server of the sandbox."""

    server: str
    login: int
    account_id: str
    host: str
    session: str
    book_topic: str
    free_key: str
    deposit_minor: int
    kind: str = "mt5"  # or ctrader


def make_trader(ref: TenantRef, stack: Stack) -> Trader:
    """A server in the sandbox with one account of 100,000 EUR and no robots; the account adopted, its owner signed in."""
    from tenant_apps.trading.models import AccountType
    from tenant_apps.trading.services.accounts import account_adopt
    from tenant_apps.trading.services.servers import server_save

    password, deposit_minor = f"Mt5-{short_id(12)}a1", 10_000_000
    managers = [{"login": MANAGER, "password": password}]
    stack.admin("POST", "/servers", {"name": ref.slug, "owner": "Bench", "currency": "EUR", "managers": managers})
    started = int(time.time()) - 86_400
    past = {
        "group": "real\\std-eur", "name": "Greta Lindqvist", "leverage": 30, "registered": started,
        "deals": [{"type": "balance", "amount": str(deposit_minor // 100), "at": started}],
    }  # fmt: skip
    login = int(stack.admin("POST", f"/servers/{ref.slug}/history", {"accounts": [past]})["accounts"][0]["login"])
    with context.use(ref):
        server = server_save(
            actor=BENCH, name=ref.slug, host=f"{ref.slug}.mt5.localhost", port=stack.mt5_port, manager=MANAGER,
            password=password, settings={"ca_file": str(stack.ca_file), "quiet_period": 5, "comment": "Bench"},
        )  # fmt: skip
        kind = AccountType.objects.create(
            name="Standard", server=server, group="real\\std-eur", currency="EUR", leverages=[30], leverage_default=30
        )
        client, session = signed_in()
        account = account_adopt(actor=BENCH, client=client, account_type=kind, login=login, leverage=30)
    return Trader(
        server=ref.slug, login=login, account_id=str(account.pk), host=f"{ref.slug}.localhost", session=session,
        book_topic=account.book_topic, free_key=f"{account.topic}:en.free", deposit_minor=deposit_minor,
    )  # fmt: skip


def signed_in(number: int = 1) -> tuple[Client, str]:
    """A verified client and the key of a session as a log-in would leave it."""
    from kernel import clock
    from tenant_apps.accounts.models import Realm, User
    from tenant_apps.clients.models import Client, KycState, Stage

    email = f"trader{number}@example.com"
    user = User.objects.create(
        realm=Realm.CLIENT, email=email, name="Greta Lindqvist", language="en", email_verified_at=clock.now()
    )
    client = Client.objects.create(
        number=number, user_id=user.pk, stage=Stage.VERIFIED, first_name="Greta", last_name="Lindqvist", email=email,
        language="en", country="DE", currency="EUR", kyc_state=KycState.APPROVED,
    )  # fmt: skip
    return client, _session_of(user)


def _session_of(user: User) -> str:
    """The key of a session as a log-in with a second factor leaves it."""
    from kernel import auth, clock
    from kernel.sessions import SessionStore

    session = SessionStore()
    session["account_id"], session["epoch"] = str(user.pk), user.auth_epoch
    session["second_factor"], session["owner"] = True, auth._owner()
    session["login_at"] = clock.now().timestamp()
    session.create()
    return str(session.session_key)


def office_session() -> str:
    """A member of staff with every right, signed in."""
    from tenant_apps.accounts.defaults import roles_ensure
    from tenant_apps.accounts.models import Realm, Role, User

    roles_ensure()
    user = User.objects.create(realm=Realm.STAFF, email=f"{short_id(8)}@bench.example", name="Finance")
    user.roles.add(Role.objects.get(code="owner"))
    return _session_of(user)


def portal_session(client: Client) -> str:
    """The client, signed in to the portal."""
    from kernel import clock
    from tenant_apps.accounts.models import Realm, User
    from tenant_apps.clients.models import Client as Clients

    user, _ = User.objects.get_or_create(
        realm=Realm.CLIENT, email=client.email, defaults={"name": client.name, "email_verified_at": clock.now()}
    )
    Clients.objects.filter(pk=client.pk).update(user_id=user.pk)
    return _session_of(user)
