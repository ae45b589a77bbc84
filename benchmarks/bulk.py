"""A settlement through the ledger's bulk service, against COPY of the finished rows into tables with the same indexes."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection, connections

from kernel import actors, clock
from kernel.ids import short_id
from kernel.money import Money
from kernel.tenancy import context, schemas
from tenant_apps.ledger.models import Account
from tenant_apps.ledger.services import HOUSE, MOST_LEGS, Leg, Posting, account_ensure, post_many

from .measure import Result, compare
from .world import make_tenants, make_wallets

ENTRIES, ENTRIES_FULL = 180_000, 1_000_000
WALLETS, WALLETS_FULL = 10_000, 100_000
ACTOR = actors.system("benchmark")
COPIED = {
    "transfer": "id, key, request_hash, kind, created_at, effective_at, data, actor",
    "entry": "id, transfer_id, account_id, amount, balance_after, seq, created_at",
}
TABLES = """
CREATE TABLE bench_copy_{name} (LIKE ledger_{name} INCLUDING ALL);
CREATE TABLE bench_alone_{name} (LIKE ledger_{name} INCLUDING ALL);
GRANT ALL ON bench_copy_{name}, bench_alone_{name} TO "{role}";
"""


class Settlement:
    """The next postings, wallets credited in the order of their ids, and the rows that they will become."""

    def __init__(self, house: Account, wallets: list[Account], entries: int) -> None:
        self.house, self.wallets, self.size = house, wallets, entries // 2
        self.postings: list[Posting] = []
        self.lines: dict[str, list[bytes]] = {}
        self._transfer = self._entry = self._place = 0
        self._balance: dict[int, int] = defaultdict(int)
        self._seq: dict[int, int] = defaultdict(int)
        self._dice = random.Random(1)

    def prepare(self, _: int) -> None:
        chosen = [self.wallets[(self._place + n) % len(self.wallets)] for n in range(self.size)]
        self._place += self.size
        self.postings = [self._posting(wallet) for wallet in chosen]
        transfers: list[bytes] = []
        entries: list[bytes] = []
        now, actor = clock.now().isoformat(), '{"kind": "system", "id": "", "label": "benchmark"}'
        for posting in self.postings:
            self._transfer += 1
            row = (self._transfer, posting.key, "0" * 64, posting.kind, now, now, "{}", actor)
            transfers.append(_line(row))
            entries.extend(self._entry_line(leg, now) for leg in posting.legs)
        self.lines = {"transfer": transfers, "entry": entries}

    def _posting(self, wallet: Account) -> Posting:
        amount = Money(self._dice.randrange(1, 1000), "EUR")
        return Posting(kind="bench", legs=[Leg(self.house, -amount), Leg(wallet, amount)], key=short_id(20))

    def _entry_line(self, leg: Leg, now: str) -> bytes:
        self._entry += 1
        account, minor = leg.account.pk, leg.amount.minor
        after: tuple[object, object] = ("\\N", "\\N")
        if leg.account.running:
            self._balance[account] += minor
            self._seq[account] += 1
            after = (self._balance[account], self._seq[account])
        return _line((self._entry, self._transfer, account, minor, *after, now))

    def batches(self) -> Iterator[list[Posting]]:
        step = MOST_LEGS // 2
        return (self.postings[start : start + step] for start in range(0, len(self.postings), step))


def _line(values: tuple[object, ...]) -> bytes:
    return ("\t".join(str(value) for value in values) + "\n").encode()


def _copy(table: str, columns: str, lines: list[bytes]) -> None:
    """In pieces of the batches' size, each committed: as durable as what it is compared with."""
    for start in range(0, len(lines), MOST_LEGS):
        with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
            copy.write(b"".join(lines[start : start + MOST_LEGS]))


def _make_tables(ref: Any) -> None:
    with context.owner(ref.schema), connections[schemas.OWNER].cursor() as cursor:
        for name in COPIED:
            cursor.execute(TABLES.replace("{name}", name).replace("{role}", f"r_{ref.schema}"))


def run(rounds: int, *, full: bool = False) -> Result:
    (ref,) = make_tenants(1)
    _make_tables(ref)
    total, count = (ENTRIES_FULL, WALLETS_FULL) if full else (ENTRIES, WALLETS)
    each = -(-total // rounds // MOST_LEGS) * MOST_LEGS
    with context.use(ref):
        house = account_ensure(owner=HOUSE, kind="bank", currency="EUR")
        settlement = Settlement(house, make_wallets(ref, count), each)

        def by_service(_: int) -> None:
            for batch in settlement.batches():
                post_many(postings=batch, actor=ACTOR)

        def by_copy(tables: str, *names: str) -> Callable[[int], None]:
            def work(_: int) -> None:
                for name in names:
                    _copy(f"bench_{tables}_{name}", COPIED[name], settlement.lines[name])

            return work

        variants = [
            ("COPY of finished rows: transfers, entries", by_copy("copy", "transfer", "entry")),
            ("COPY of the entries alone", by_copy("alone", "entry")),
            ("ledger.services.post_many", by_service),
        ]
        title = f"{each * rounds:,} entries in bulk, {count:,} wallets"
        result = compare(title, variants, rounds=rounds, each=each, unit="entry", before=settlement.prepare)
    result.note = f"in transactions of {MOST_LEGS:,} entries; COPY checks nothing and is given balances and numbers"
    return result
