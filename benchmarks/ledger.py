"""A transfer through the ledger against the same rows written by bare SQL and by careful ORM code; and a hot account."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any, ClassVar

from django.db import connection, connections, models, transaction

from kernel import actors, clock
from kernel.ids import short_id
from kernel.money import Money
from kernel.tenancy import context, schemas
from tenant_apps.ledger.models import Account
from tenant_apps.ledger.services import HOUSE, Leg, account_ensure, post

from .measure import Result, compare
from .world import make_tenants

EACH = 60
ACCOUNTS = 200
TENANTS, EACH_SPREAD = 20, 200
THREADS = 8
PER_THREAD = 60
ACTOR = actors.system("benchmark")
PLAIN_TABLES = """
CREATE TABLE bench_account (id bigint PRIMARY KEY, balance bigint NOT NULL CHECK (balance >= 0), seq bigint NOT NULL);
CREATE TABLE bench_transfer (id bigserial PRIMARY KEY, key varchar(160) NOT NULL UNIQUE, kind varchar(60) NOT NULL,
    created_at timestamptz NOT NULL, data jsonb NOT NULL, actor jsonb NOT NULL);
CREATE TABLE bench_entry (id bigserial PRIMARY KEY, transfer_id bigint NOT NULL, account_id bigint NOT NULL,
    amount bigint NOT NULL, balance_after bigint NOT NULL, seq bigint NOT NULL, created_at timestamptz NOT NULL,
    UNIQUE (account_id, seq));
CREATE INDEX ON bench_entry (transfer_id);
CREATE INDEX ON bench_entry (account_id, id) INCLUDE (amount);
INSERT INTO bench_account SELECT n, 1000000000, 0 FROM generate_series(0, 199) n;
GRANT ALL ON ALL TABLES IN SCHEMA "{schema}" TO "r_{schema}";
GRANT ALL ON ALL SEQUENCES IN SCHEMA "{schema}" TO "r_{schema}";
"""


class OrmAccount(models.Model):
    id = models.BigIntegerField(primary_key=True)
    balance = models.BigIntegerField()
    seq = models.BigIntegerField()

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        app_label, managed, db_table = "benchmarks", False, "bench_account"

    def __str__(self) -> str:
        return str(self.pk)


class OrmTransfer(models.Model):
    id = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=160)
    kind = models.CharField(max_length=60)
    created_at = models.DateTimeField()
    data = models.JSONField()
    actor = models.JSONField()

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        app_label, managed, db_table = "benchmarks", False, "bench_transfer"

    def __str__(self) -> str:
        return self.key


class OrmEntry(models.Model):
    id = models.BigAutoField(primary_key=True)
    transfer_id = models.BigIntegerField()
    account_id = models.BigIntegerField()
    amount = models.BigIntegerField()
    balance_after = models.BigIntegerField()
    seq = models.BigIntegerField()
    created_at = models.DateTimeField()

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        app_label, managed, db_table = "benchmarks", False, "bench_entry"

    def __str__(self) -> str:
        return str(self.pk)


def by_orm(one: int, two: int, key: str) -> None:
    """Locks in order, checks, writes with as few statements as the ORM allows."""
    now = clock.now()
    with transaction.atomic():
        found = OrmAccount.objects.select_for_update().filter(pk__in=[one, two]).order_by("pk").in_bulk()
        transfer = OrmTransfer.objects.create(key=key, kind="bench", created_at=now, data={}, actor=ACTOR.as_json())
        entries = []
        for pk, amount in ((one, -1), (two, 1)):
            account = found[pk]
            account.balance += amount
            account.seq += 1
            if account.balance < 0:
                raise ValueError("not enough")
            entries.append(
                OrmEntry(
                    transfer_id=transfer.pk,
                    account_id=pk,
                    amount=amount,
                    balance_after=account.balance,
                    seq=account.seq,
                    created_at=now,
                )
            )
        OrmEntry.objects.bulk_create(entries)
        OrmAccount.objects.bulk_update(found.values(), ["balance", "seq"])


def by_sql(one: int, two: int, key: str) -> None:
    """The same rows, no check beyond the table's own: a floor, not a ledger."""
    now = clock.now()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bench_transfer (key, kind, created_at, data, actor) VALUES (%s, 'bench', %s, '{}', '{}')"
            " RETURNING id",
            [key, now],
        )
        transfer = cursor.fetchone()[0]
        for account, amount in sorted([(one, -1), (two, 1)]):
            cursor.execute(
                "UPDATE bench_account SET balance = balance + %s, seq = seq + 1 WHERE id = %s RETURNING balance, seq",
                [amount, account],
            )
            balance, seq = cursor.fetchone()
            cursor.execute(
                "INSERT INTO bench_entry (transfer_id, account_id, amount, balance_after, seq, created_at)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                [transfer, account, amount, balance, seq, now],
            )


def wallets(count: int) -> list[Account]:
    """Clients' wallets with plenty on them."""
    bank = account_ensure(owner=HOUSE, kind="bank", currency="EUR")
    made = [account_ensure(owner=f"client:bench-{n}", kind="wallet", currency="EUR") for n in range(count)]
    for wallet in made:
        amount = Money(10_000_000_000, "EUR")
        post(kind="bench", legs=[Leg(bank, -amount), Leg(wallet, amount)], key=f"fund:{wallet.pk}", actor=ACTOR)
    return made


def transfer(giver: Account, taker: Account) -> None:
    cent = Money(1, "EUR")
    post(kind="bench", legs=[Leg(giver, -cent), Leg(taker, cent)], key=short_id(20), actor=ACTOR)


def by_function(giver: Account, taker: Account) -> None:
    """The database function alone, without the service's reading of what it wrote."""
    key, now = short_id(20), clock.now()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT result FROM ledger_post(%s, %s, 'bench', %s::bigint[], %s::bigint[], %s, %s, '{}', '{}', NULL, NULL)",
            [key, key, [giver.pk, taker.pk], [-1, 1], now, now],
        )
        if cursor.fetchone()[0] != "posted":
            raise RuntimeError("refused")


def run(rounds: int) -> Result:
    (ref,) = make_tenants(1)
    with context.owner(ref.schema), connections[schemas.OWNER].cursor() as cursor:
        cursor.execute(PLAIN_TABLES.replace("{schema}", ref.schema))
    dice = random.Random(1)
    with context.use(ref):
        accounts = wallets(ACCOUNTS)

        def loop(work: Callable[[int, int, str], Any]) -> Callable[[int], None]:
            def repeat(_: int) -> None:
                for _ in range(EACH):
                    one, two = dice.sample(range(ACCOUNTS), 2)
                    work(one, two, short_id(20))

            return repeat

        variants = [
            ("bare SQL: three inserts, two updates", loop(by_sql)),
            ("the ledger's function", loop(lambda one, two, key: by_function(accounts[one], accounts[two]))),
            ("ledger.services.post", loop(lambda one, two, key: transfer(accounts[one], accounts[two]))),
            ("ORM: lock, check, write", loop(by_orm)),
        ]
        result = compare("A transfer, one connection", variants, rounds=rounds * 5, each=EACH, unit="transfer")
    result.note = (
        "the ledger also checks funds, freezes, currencies, zero sum and a repeated key; bare SQL checks nothing"
    )
    return result


def run_twenty(rounds: int) -> Result:
    """The same transfers within one brokerage and spread over twenty, over the one connection of a web process."""
    refs = make_tenants(TENANTS)
    accounts = {}
    for ref in refs:
        with context.use(ref):
            accounts[ref.schema] = wallets(ACCOUNTS // TENANTS)
    dice = random.Random(1)

    def spread(places: list[Any], stay: int) -> Callable[[int], None]:
        """`stay` transfers in a brokerage, then as many in the next."""

        def repeat(_: int) -> None:
            for turn in range(EACH_SPREAD // stay):
                ref = places[turn % len(places)]
                with context.use(ref):
                    for _ in range(stay):
                        transfer(*dice.sample(accounts[ref.schema], 2))

        return repeat

    variants = [
        ("one brokerage", spread(refs[:1], 1)),
        (f"{TENANTS} brokerages, ten transfers at a time", spread(refs, 10)),
        (f"{TENANTS} brokerages, another for each transfer", spread(refs, 1)),
    ]
    result = compare("Transfers, by brokerages", variants, rounds=rounds * 5, each=EACH_SPREAD, unit="transfer")
    result.note = "through the service; changing the brokerage is a round trip of its own, once per request or task"
    return result


def run_hot(rounds: int) -> Result:
    """Eight connections. Clients pay each other; all of them pay one house account; all of them pay one wallet."""
    (ref,) = make_tenants(1)
    with context.use(ref):
        accounts = wallets(ACCOUNTS)
        house = account_ensure(owner=HOUSE, kind="fees", currency="EUR")

    def at_once(taker: Callable[[random.Random], Account]) -> Callable[[int], None]:
        def repeat(number: int) -> None:
            failures: list[BaseException] = []

            def work(seed: int) -> None:
                dice = random.Random(seed)
                try:
                    with context.use(ref):
                        for _ in range(PER_THREAD):
                            other = taker(dice)
                            transfer(dice.choice([a for a in accounts[:-1] if a.pk != other.pk]), other)
                except BaseException as error:  # noqa: BLE001 - given to the main thread
                    failures.append(error)
                finally:
                    connections.close_all()

            threads = [threading.Thread(target=work, args=[number * 100 + index]) for index in range(THREADS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            if failures:
                raise failures[0]

        return repeat

    variants = [
        ("uniform: wallet to wallet", at_once(lambda dice: dice.choice(accounts[:-1]))),
        ("hot: all to one house account", at_once(lambda dice: house)),
        ("for comparison: all to one running balance", at_once(lambda dice: accounts[-1])),
    ]
    title = f"Transfers over {THREADS} connections"
    result = compare(title, variants, rounds=rounds, each=THREADS * PER_THREAD, unit="transfer")
    result.note = "a house account keeps no running balance, so no row is waited for; server CPU is not counted here"
    return result
