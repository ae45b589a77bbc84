"""Bank statements: uploaded by one, approved by another, imported once; what is sure is credited, the rest waits.

A statement moves money only when its approval commits: one transaction for all statements of a file, so a process killed
in between has carried out all of it or nothing. Importing again credits nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import pgettext, pgettext_lazy

from kernel import audit, clock, files, locks
from kernel.actors import Actor
from kernel.errors import Invalid, NotFound
from kernel.live import publish as live
from kernel.models import StoredFile
from tenant_apps.clients.models import Client

from ..adapters.bank_wire import own_iban, reader
from ..adapters.bank_wire.statement import Line, NotAStatement, Statement
from ..errors import StatementRefused, WrongState
from ..models import BankLine, BankStatement, LineState, ProviderAccount, StatementState
from ..permissions_list import BANK_APPROVE, BANK_IMPORT
from ..ports import RefundState, RefundStatus
from . import waiting
from .bank_lines import line_credit
from .eyes import as_shown, others_required, shown
from .matching import Match, statement_preview
from .parts import part_apply, withdrawals_hold
from .turns import turn

FILE = "bank_statement"  # the kind of the stored files that statements are read from


def statement_read(data: bytes) -> list[Statement]:
    try:
        return reader.read(data)
    except NotAStatement as error:
        raise StatementRefused(
            pgettext_lazy("payments error", "This file was refused: %(why)s."), field="file", why=str(error)
        ) from error


@dataclass(frozen=True, slots=True)
class Imported:
    statements: list[BankStatement]
    lines: int
    credited: int
    known: int

    @property
    def waiting(self) -> bool:
        return any(row.state == StatementState.WAITING for row in self.statements)


@dataclass(slots=True)
class _Counts:
    lines: int = 0
    credited: int = 0
    known: int = 0


def two_needed(account: ProviderAccount) -> bool:
    """Whether a statement of this account moves money only when another person approves it."""
    return account.settings.get("statement_eyes") != "one"


def statement_import(*, actor: Actor, account: ProviderAccount, name: str, data: bytes) -> Imported:
    """First pair of eyes: store a file's statements. Raises StatementRefused.

    Nothing is credited before another person approves, unless one suffices for this account: then at once. The same
    file again, or the same line in another file, changes nothing.
    """
    actor.require(BANK_IMPORT)
    statements = statement_read(data)
    _is_ours(account, statements)
    digest = hashlib.sha256(data).hexdigest()
    counts = _Counts()
    with transaction.atomic():
        _one_at_a_time(account)
        known = BankStatement.objects.filter(sha256=digest).exclude(state=StatementState.REJECTED)
        if stored := list(known.order_by("id")):
            return Imported(stored, 0, 0, sum(len(statement.lines) for statement in statements))
        kept = files.save(data, kind=FILE, name=name, content_type="application/octet-stream", subject=account.pk)
        if not two_needed(account):  # else nothing moves yet
            _turns(account, statements)
        stored = [_stored(actor, account, name, digest, kept, statement) for statement in statements]
        for row, statement in zip(stored, statements, strict=True):
            _refuse_told_otherwise(account, statement)
            if row.state == StatementState.APPROVED:
                _carry_out(row, statement_preview(account, statement), counts, actor)
        if two_needed(account):
            waiting.statement_waits(stored[0])
        live.publish("money")
    return Imported(stored, counts.lines, counts.credited, counts.known)


def _one_at_a_time(account: ProviderAccount) -> None:
    """Two files of an account may tell the same line: whoever comes second must find it known."""
    locks.hold(f"payments.bank:{account.pk}")


def _stored(
    actor: Actor, account: ProviderAccount, name: str, digest: str, kept: StoredFile, statement: Statement
) -> BankStatement:
    row = BankStatement.objects.create(
        provider_account=account,
        name=name[:200],
        sha256=digest,
        statement_id=statement.id[:60],
        iban=statement.iban[:34],
        currency=statement.currency,
        opening_minor=statement.opening.minor,
        closing_minor=statement.closing.minor,
        period_from=statement.period_from,
        period_to=statement.period_to,
        imported_by=actor.label[:160],
        uploader_id=actor.id,
        state=StatementState.WAITING if two_needed(account) else StatementState.APPROVED,
        file=kept,
    )
    if row.state == StatementState.WAITING:
        after = {"lines": len(statement.lines)}
        audit.record(actor=actor, action="payments.statement_uploaded", obj=row, after=after)
    return row


def _refuse_told_otherwise(account: ProviderAccount, statement: Statement) -> None:
    """The same movements between the same balances, every one under another key: a statement in another format."""
    if not statement.lines or BankLine.objects.filter(line_key__in=[line.key for line in statement.lines]).exists():
        return
    told = Counter((line.booked_on, line.amount.minor) for line in statement.lines)
    alike = BankStatement.objects.filter(
        provider_account=account, state=StatementState.APPROVED, currency=statement.currency,
        opening_minor=statement.opening.minor, closing_minor=statement.closing.minor,
    )  # fmt: skip
    for other in alike:
        if Counter(other.lines.values_list("booked_on", "amount_minor")) == told:
            raise StatementRefused(
                pgettext_lazy("payments error", "These movements were imported before, from statement %(name)s."),
                field="file",
                name=other.statement_id,
            )


def _carry_out(
    row: BankStatement, matches: list[Match], counts: _Counts, actor: Actor, *, signs: frozenset[str] = frozenset()
) -> None:
    """The lines of an approved statement: stored, and credited or marked where they are sure."""
    before = counts.lines
    withdrawals_hold(match.part.pk for match in matches if match.part and not match.known)
    back = {match.part.pk for match in matches if match.part and match.line.amount.minor > 0}
    for position, match in enumerate(matches):
        _keep(row, position, match, counts, actor, back=back)
    after: dict[str, object] = {"lines": counts.lines - before}
    after |= {"likeness": sorted(signs)} if signs else {}
    audit.record(actor=actor, action="payments.statement_imported", obj=row, after=after)


def statements_of(rows: Sequence[BankStatement]) -> list[Statement]:
    """The statements of waiting rows of one file, from that file as it was kept. Raises StatementRefused."""
    kept = rows[0].file if rows else None
    found = {one.id[:60]: one for one in statement_read(files.read(kept))} if kept else {}
    if any(row.statement_id not in found for row in rows):
        raise StatementRefused
    return [found[row.statement_id] for row in rows]


Told = Sequence[tuple[BankStatement, list[Match]]]


def file_told(row: BankStatement) -> Told:
    """All statements that an approval of this one carries out, with what it would do now. Raises StatementRefused."""
    rows = list(_of_its_file(row).select_related("provider_account", "file"))
    return _previews(rows, statements_of(rows))


def _previews(rows: Sequence[BankStatement], statements: Sequence[Statement]) -> Told:
    return [
        (row, statement_preview(row.provider_account, statement))
        for row, statement in zip(rows, statements, strict=True)
    ]


def file_shown(told: Told) -> str:
    """What an approval would credit and mark now."""
    return shown(*_all_of(told))


def _all_of(told: Told) -> Iterator[object]:
    for row, matches in told:
        yield row
        yield from (_facts(match) for match in matches)


def _facts(match: Match) -> tuple[object, ...]:
    deposit, part = match.deposit and match.deposit.pk, match.part and match.part.pk
    return match.line.key, deposit, part, match.sure, match.known


def statement_approve(*, actor: Actor, statement_id: UUID, seen: str | None = None) -> Imported:
    """Second pair of eyes: carry out all statements of the file, in one transaction.

    Raises SamePerson, WrongState; ShownDiffers where any of them would be carried out otherwise than `seen`.
    """
    actor.require(BANK_APPROVE)
    counts = _Counts()
    with transaction.atomic():
        rows = _waiting_rows(statement_id)
        account = rows[0].provider_account
        statements = statements_of(rows)
        _turns(account, statements)
        if seen is not None:  # before any of the file is carried out, which may change what else of it matches
            as_shown(seen, *_all_of(_previews(rows, statements)))
        for row, statement in zip(rows, statements, strict=True):
            _is_ours(account, [statement])
            _refuse_told_otherwise(account, statement)
            matches = statement_preview(account, statement)
            signs = others_required(actor, row.uploader_id, clients=_concerned(matches))
            row.state, row.approver_id = StatementState.APPROVED, actor.id
            _decided(row, actor)
            _carry_out(row, matches, counts, actor, signs=signs)
        live.publish("money")
    return Imported(rows, counts.lines, counts.credited, counts.known)


def statement_reject(*, actor: Actor, statement_id: UUID, reason: str) -> list[BankStatement]:
    """Discard a file that waits, with the reason; nothing of it is imported. Its uploader may, too."""
    actor.require(BANK_IMPORT)
    with transaction.atomic():
        rows = _waiting_rows(statement_id)
        if not reason.strip():
            raise Invalid(pgettext_lazy("payments error", "Say why it is discarded."), field="reason")
        for row in rows:
            row.state, row.reason = StatementState.REJECTED, reason.strip()[:300]
            _decided(row, actor)
            audit.record(actor=actor, action="payments.statement_rejected", obj=row, reason=row.reason)
        live.publish("money")
    return rows


def _waiting_rows(statement_id: UUID) -> list[BankStatement]:
    """All waiting statements of the file that this one is of, locked in order. Raises NotFound, WrongState."""
    wanted = BankStatement.objects.select_related("provider_account").filter(pk=statement_id).first()
    if wanted is None:
        raise NotFound
    _one_at_a_time(wanted.provider_account)
    rows = list(_of_its_file(wanted).select_for_update(of=("self",)).select_related("provider_account", "file"))
    if wanted.pk not in [row.pk for row in rows]:
        raise WrongState
    return rows


def _of_its_file(row: BankStatement) -> QuerySet[BankStatement]:
    same = {"sha256": row.sha256, "provider_account": row.provider_account_id}
    return BankStatement.objects.filter(**same, state=StatementState.WAITING).order_by("id")


def _decided(row: BankStatement, actor: Actor) -> None:
    row.decided_by, row.decided_at = actor.label[:160], clock.now()
    row.updated_at = row.decided_at
    row.save()


def _turns(account: ProviderAccount, statements: Iterable[Statement]) -> None:
    """All whose money the lines may move, at once: each statement is looked at again when it is its turn."""
    turn(*{client.pk for told in statements for client in _concerned(statement_preview(account, told))})


def _concerned(matches: Iterable[Match]) -> list[Client]:
    """Whose money moves by itself when these lines are carried out."""
    found = [match.client for match in matches if match.client and match.sure and not match.known]
    found += [match.part.withdrawal.client for match in matches if match.part and not match.known]
    return list({client.pk: client for client in found}.values())


def _is_ours(account: ProviderAccount, statements: Iterable[Statement]) -> None:
    own = own_iban(account.settings)
    for statement in statements:
        if statement.iban.upper() != own:
            raise StatementRefused(
                pgettext_lazy("payments error", "This statement is of another account: %(iban)s."),
                field="file",
                iban=statement.iban,
            )


def _keep(
    row: BankStatement, position: int, match: Match, counts: _Counts, actor: Actor, *, back: Container[UUID]
) -> None:
    """One line; what is sure is credited, or marked as sent, at once. What an earlier line has taken is not taken twice, and
    money that left without an order of ours explains itself to nobody: these lines wait for people. `back`: parts that the
    same statement says came back."""
    if match.known:
        counts.known += 1
        return
    line, state = match.line, LineState.MATCHED if match.part else LineState.UNMATCHED
    stored = BankLine.objects.create(
        statement=row,
        position=position,
        line_key=line.key,
        booked_on=line.booked_on,
        amount_minor=line.amount.minor,
        currency=line.amount.currency,
        counterparty=line.counterparty[:140],
        counterparty_iban=line.counterparty_iban[:34],
        remittance=line.remittance[:500],
        end_to_end=line.end_to_end[:60],
        state=state,
        reasons=list(match.reasons),
        client=match.client,
        part=match.part,
    )
    counts.lines += 1
    if match.part:
        gone = stored.amount_minor < 0 and not (match.part.pk in back or _came_back(stored))
        done = part_apply(part_id=match.part.pk, status=_told_of_wire(line), actor=actor, asked=gone and _first(stored))
        if done == "nothing" and not _first(stored):
            stored.state, stored.part, stored.reasons = LineState.UNMATCHED, None, [*stored.reasons, "taken"]
            stored.save(update_fields=["state", "part", "reasons"])
    elif match.sure and match.deposit and line_credit(stored, match.deposit, actor):
        counts.credited += 1


def _first(line: BankLine) -> bool:
    """No other line says that this wire left, or came back. It is the wire's own then, though nothing may be left to do:
    somebody sent it by hand or had it refused and said so, or the one was told after the other."""
    same_way = {"amount_minor__lt": 0} if line.amount_minor < 0 else {"amount_minor__gt": 0}
    return not BankLine.objects.filter(part=line.part, **same_way).exclude(pk=line.pk).exists()


def _came_back(line: BankLine) -> bool:
    return BankLine.objects.filter(part=line.part, amount_minor__gt=0).exists()


def _told_of_wire(line: Line) -> RefundStatus:
    """What a line says of a wire of ours: it left, or it came back."""
    if line.amount.minor < 0:
        return RefundStatus(state=RefundState.SUCCEEDED, reference=line.key[:120], amount=-line.amount)
    words = " ".join([pgettext("payments", "Returned by the bank."), line.return_reason]).strip()
    return RefundStatus(
        state=RefundState.FAILED, reference=line.key[:120], amount=line.amount, failure_text=words[:300]
    )
