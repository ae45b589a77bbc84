"""``python -m sandbox.bank``: with --iban one camt.053 statement to standard output, else a bank."""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from sandbox._web import serve
from sandbox.bank.app import Counter
from sandbox.bank.camt import CORRUPTIONS, Entry, Statement, corrupt, render
from sandbox.bank.store import Bank, decimal, entry_from

FIELDS = ("amount", "name", "reference", "iban")


def parse_entry(text: str) -> Entry:
    """``AMOUNT;NAME;REFERENCE;IBAN`` and further ``field=value`` parts for the other fields of an entry."""
    plain = text.split(";")
    values = dict(zip(FIELDS, plain, strict=False))
    for part in plain[len(FIELDS) :]:
        name, equals, value = part.partition("=")
        if not equals:
            raise argparse.ArgumentTypeError(f"not field=value: {part}")
        values[name.strip()] = value
    try:
        return entry_from({name: value.strip() for name, value in values.items() if value.strip()})
    except (ValueError, TypeError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog="python -m sandbox.bank")
    result.add_argument("--serve", action="store_true", help="run as a server instead of writing one statement")
    result.add_argument("--host", default="127.0.0.1")
    result.add_argument("--port", type=int, default=8423)
    result.add_argument("--state", type=Path, default=Path(".rialto/bank"))
    result.add_argument("--iban", help="of the account the statement is of")
    result.add_argument("--currency", default="EUR")
    result.add_argument("--owner", default="")
    result.add_argument("--opening", type=decimal, default=Decimal(0), help="balance before the first entry")
    result.add_argument("--date", type=date.fromisoformat, default=datetime.now(UTC).date())
    result.add_argument("--number", type=int, default=1, help="of the statement")
    result.add_argument("--version", type=int, default=8, choices=(2, 8), help="camt.053.001.0x")
    result.add_argument("--entry", type=parse_entry, action="append", default=[], metavar="AMOUNT;NAME;REFERENCE;IBAN")
    result.add_argument("--corrupt", choices=CORRUPTIONS)
    return result


def main() -> None:
    options = parser().parse_args()
    # The supervisor starts every sandbox alike: a port and a state folder and nothing else make a server.
    if options.serve or options.iban is None:
        bank = Bank(options.state)
        app = Counter(bank).application()
        asyncio.run(serve(app, name="Sandbox bank", host=options.host, port=options.port))
        bank.db.close()
        return
    try:
        document = render(
            Statement(
                options.iban.replace(" ", "").upper(), options.currency.upper(), options.entry,
                options.opening, options.date, options.owner, number=options.number, version=options.version,
            )
        )  # fmt: skip
    except ValueError as error:
        raise SystemExit(f"python -m sandbox.bank: {error}") from None
    sys.stdout.buffer.write(corrupt(document, options.corrupt) if options.corrupt else document)


if __name__ == "__main__":
    main()
