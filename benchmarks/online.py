"""Clients who pay each other at a steady rate, as a process of its own: `python -m benchmarks.online SCHEMA RATE THREADS`.

Says `ready`, starts at a line on its input, ends at the next, and prints the seconds that each transfer took as JSON. They
count from the moment at which the transfer was due, so one that had to wait for the one before it is not flattered.
"""

from __future__ import annotations

import gc
import json
import os
import random
import sys
import threading
import time

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
os.environ.setdefault("RIALTO_LOG_LEVEL", "ERROR")


def main(schema: str, rate: float, threads: int) -> None:
    import django

    django.setup()
    from django.db import connections

    from benchmarks.ledger import transfer
    from kernel.tenancy import context, directory
    from shared_apps.tenants.models import Tenant
    from tenant_apps.ledger.models import Account

    with context.public():
        ref = directory.by_id(Tenant.objects.get(schema=schema).pk)
    if ref is None:
        raise SystemExit(f"no brokerage has the schema {schema}")
    with context.use(ref):
        wallets = list(Account.objects.filter(owner__startswith="client:bench-"))
    gc.freeze()  # so many rows are this list's alone: collecting them would halt the clients, and no web process has them
    took: list[float] = []
    stopping = threading.Event()
    begin = threading.Barrier(threads + 1)

    def pay(place: int) -> None:
        dice = random.Random(place)
        try:
            with context.use(ref):
                transfer(*dice.sample(wallets, 2))  # the connection and its plan
                begin.wait()
                due = time.perf_counter() + place / rate
                while not stopping.is_set():
                    time.sleep(max(0.0, due - time.perf_counter()))
                    transfer(*dice.sample(wallets, 2))
                    took.append(time.perf_counter() - due)
                    due += threads / rate
        finally:
            connections.close_all()

    payers = [threading.Thread(target=pay, args=[place], daemon=True) for place in range(threads)]
    for payer in payers:
        payer.start()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    begin.wait()
    sys.stdin.readline()
    stopping.set()
    for payer in payers:
        payer.join()
    sys.stdout.write(json.dumps(took) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
