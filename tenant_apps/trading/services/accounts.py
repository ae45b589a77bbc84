"""Opening accounts and changing what the server knows about them."""

from __future__ import annotations

import secrets as randomness
import string
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import pgettext_lazy

from kernel import audit, clock, commands, secrets
from kernel.actors import Actor, named, system
from kernel.errors import Rejected
from kernel.events import publish
from kernel.ids import uuid7
from kernel.live.publish import publish as tell
from kernel.models import Command, Credential
from kernel.money import Money
from tenant_apps.clients.models import Client, KycState
from tenant_apps.clients.timeline import timeline_add
from tenant_apps.trading import caps, ledgers, obstacles, platforms
from tenant_apps.trading.errors import (
    AccountLimit,
    AccountNotReady,
    HasOpenPositions,
    LeverageAboveCap,
    LeverageRefused,
    NoServer,
    NotVerified,
    WeakPassword,
)
from tenant_apps.trading.events import AccountOpened
from tenant_apps.trading.models import AccountState, AccountType, CaseKind, TradingAccount, Transfer, TransferState

from . import cases, transfers

ACCOUNTS_PER_CLIENT = 10
DEMO_MONEY = 10_000  # major units of the account's currency; KZT and the like get a hundred times as much
SYSTEM = system(named("trading", pgettext_lazy("system actor", "Trading")))
SPECIAL = "#@!$-_.+"


def new_password() -> str:
    """A random password every MT5 group accepts: 12 characters, all four classes, none that look alike."""
    small, capital, digits = "abcdefghjkmnpqrstuvwxyz", "ABCDEFGHJKLMNPQRSTUVWXYZ", "23456789"
    must = [randomness.choice(chars) for chars in (small, capital, digits, SPECIAL)]
    rest = [randomness.choice(small + capital + digits) for _ in range(8)]
    mixed = must + rest
    randomness.SystemRandom().shuffle(mixed)
    return "".join(mixed)


def password_check_strength(password: str) -> None:
    """Raises WeakPassword for what MT5 would refuse: 8 to 16 printable characters, all four classes."""
    classes = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
    has_classes = all(any(char in chars for char in password) for chars in classes)
    has_special = any(not char.isalnum() for char in password)
    if not (8 <= len(password) <= 16 and password.isascii() and password.isprintable() and has_classes and has_special):
        raise WeakPassword(field="password")


def passwords_of(account: TradingAccount) -> tuple[str, ...]:
    """Which passwords an account has on its platform: "main" for trading and, where there is one, "investor"."""
    return ("main", "investor") if platforms.adapter_of(account.server).investor_password else ("main",)


def account_open(
    *,
    actor: Actor,
    client: Client,
    account_type: AccountType,
    leverage: int | None = None,
    dedupe_key: str | None = None,
    label: str = "",
) -> TradingAccount:
    """Write the account and the command that opens it on the server. With a known `dedupe_key` that account is returned.

    The passwords wait sealed until the client has read them once. Without a `leverage` it is the type's, or what rules
    leave of it. Raises NotVerified, LeverageRefused, LeverageAboveCap, AccountLimit, NoServer.
    """
    if dedupe_key and (known := TradingAccount.objects.filter(dedupe_key=dedupe_key).first()):
        return known
    cap = caps.cap_of(client)
    chosen = leverage or caps.usual(account_type, cap)
    if chosen not in account_type.leverages:
        raise LeverageRefused(field="leverage")
    if not caps.allowed([chosen], cap, live=account_type.live):
        raise LeverageAboveCap(field="leverage")
    if not account_type.server.enabled:
        raise NoServer
    if account_type.live and client.kyc_state != KycState.APPROVED:
        raise NotVerified
    with transaction.atomic():
        _room_for_one_more(client)
        account, is_new = TradingAccount.objects.get_or_create(
            dedupe_key=dedupe_key or f"account:{uuid7()}",
            defaults={
                "client": client,
                "server": account_type.server,
                "account_type": account_type,
                "currency": account_type.currency,
                "leverage": chosen,
                "live": account_type.live,
                "label": label[:40],
            },
        )
        if is_new:
            _issue_opening(account, actor)
    return account


def _issue_opening(account: TradingAccount, actor: Actor) -> None:
    for name in passwords_of(account):
        secrets.credential_set(owner=account.secret_owner, name=name, value=new_password())
    commands.issue(
        "trading.account_open",
        aggregate=account.aggregate,
        payload={"account_id": account.pk, "group": account.account_type.group, "leverage": account.leverage},
        actor=actor,
    )
    audit.record(
        actor=actor,
        action="trading.account_requested",
        obj=account,
        subject=account.client_id,
        after={"type": str(account.account_type), "leverage": account.leverage, "live": account.live},
    )
    if not account.live:
        hundredfold = 100 if account.currency in {"KZT", "JPY", "RUB"} else 1
        amount = Money.of(DEMO_MONEY * hundredfold, account.currency)
        transfers.demo_money(actor=actor, account=account, amount=amount, key=f"demo:{account.pk}")
    tell(f"client:{account.client_id}", {"account": str(account.pk), "state": account.state})


def opened(account: TradingAccount, *, login: int, leverage: int) -> None:
    """The server has it. In the transaction that marks the command."""
    if account.state != AccountState.OPENING:
        return
    account.login, account.leverage, account.state = login, leverage, AccountState.OPEN
    account.ledger_kind = ledgers.kind_for(account, login)
    account.opened_at = account.updated_at = account.history_synced_at = clock.now()
    account.save()
    if account.live:
        ledgers.mirror(account)
    timeline_add(
        client_id=account.client_id,
        kind="trading.account_opened",
        actor=SYSTEM,
        data={"login": str(login), "type": str(account.account_type), "live": account.live},
        dedupe_key=f"trading.opened:{account.pk}",
    )
    publish(
        AccountOpened(
            account_id=account.pk,
            client_id=account.client_id,
            login=login,
            server_id=account.server_id,
            server_name=account.server.public_name,
            currency=account.currency,
            live=account.live,
        ),
        aggregate=account.aggregate,
    )
    server_id = account.server_id
    transaction.on_commit(lambda: bridge_wake(server_id))


def bridge_wake(server_id: UUID) -> None:
    """Tell the bridge that accounts of a server have changed. Losing the hint costs a few seconds."""
    import redis

    from kernel.logs import log
    from kernel.redis import client

    try:
        client().publish(f"rialto:bridge:wake:{server_id}", "1")
    except redis.RedisError:
        log.warning("bridge_hint_lost")


def opening_failed(account: TradingAccount, *, code: str, text: str) -> None:
    """The server refused to open it; a case for the office. In the transaction that marks the command."""
    account.state, account.updated_at = AccountState.FAILED, clock.now()
    account.save(update_fields=["state", "updated_at"])
    cases.case_open(
        kind=CaseKind.OPENING,
        server=account.server,
        account=account,
        dedupe_key=f"opening:{account.pk}",
        data={"code": code, "text": text[:300]},
    )
    timeline_add(
        client_id=account.client_id,
        kind="trading.account_failed",
        actor=SYSTEM,
        data={"type": str(account.account_type), "problem": code},
        dedupe_key=f"trading.failed:{account.pk}",
    )


def _room_for_one_more(client: Client) -> None:
    """Locks the client: two forms sent at once must not pass the limit together. Raises AccountLimit."""
    Client.objects.select_for_update().get(pk=client.pk)
    held = TradingAccount.objects.filter(client=client)
    if held.exclude(state__in=[AccountState.ARCHIVED, AccountState.FAILED]).count() >= ACCOUNTS_PER_CLIENT:
        raise AccountLimit


def _ready(account: TradingAccount) -> None:
    if account.state != AccountState.OPEN:
        raise AccountNotReady


def _change(
    kind: str,
    *,
    actor: Actor,
    account: TradingAccount,
    before: dict[str, Any],
    after: dict[str, Any],
    reason: str,
    payload: dict[str, Any],
    command_id: UUID | None = None,
) -> Command:
    """One setting: command and audit line in one transaction."""
    with transaction.atomic():
        row = commands.issue(
            kind,
            aggregate=account.aggregate,
            payload={"account_id": account.pk, **payload},
            actor=actor,
            reason=reason,
            before=before,
            command_id=command_id,
        )
        audit.record(
            actor=actor, action=kind, obj=account, subject=account.client_id, reason=reason, before=before, after=after
        )
    return row


def leverage_set(*, actor: Actor, account: TradingAccount, leverage: int, reason: str = "") -> Command:
    """Change the leverage (100 means 1:100). Raises LeverageRefused, LeverageAboveCap, AccountNotReady."""
    with transaction.atomic():
        found = obstacles.held(account.pk)
        obstacles.refuse(obstacles.Judge().leverage(found, leverage))
        return leverage_issue(actor=actor, account=account, before=found.leverage, leverage=leverage, reason=reason)


def account_type_set(*, actor: Actor, account: TradingAccount, account_type: AccountType, reason: str = "") -> Command:
    """Move the account to another type of the same server, currency and reality. Raises AccountNotReady, TypeUnfit,
    MoneyMoves, PositionsOpen, LeverageRefused."""
    with transaction.atomic():
        found = obstacles.held(account.pk)
        obstacles.refuse(obstacles.Judge().account_type(found, account_type.pk))
        before = AccountType.objects.get(pk=found.type_id)
        return account_type_issue(actor=actor, account=account, before=before, after=account_type, reason=reason)


def leverage_issue(
    *, actor: Actor, account: TradingAccount, before: int, leverage: int, reason: str, bulk_row: int | None = None
) -> Command:
    """Once nothing stands against it (obstacles), under the account's lock. `bulk_row`: whose part of a bulk change it is."""
    return _change(
        "trading.leverage",
        actor=actor,
        account=account,
        before={"leverage": before},
        after={"leverage": leverage},
        reason=reason,
        payload={"leverage": leverage, **_part(bulk_row)},
    )


def account_type_issue(
    *,
    actor: Actor,
    account: TradingAccount,
    before: AccountType,
    after: AccountType,
    reason: str,
    bulk_row: int | None = None,
) -> Command:
    """As `leverage_issue`."""
    return _change(
        "trading.group",
        actor=actor,
        account=account,
        before={"group": before.group},
        after={"group": after.group},
        reason=reason,
        payload={"group": after.group, "account_type_id": after.pk, **_part(bulk_row)},
    )


def _part(bulk_row: int | None) -> dict[str, int]:
    return {} if bulk_row is None else {"bulk_row": bulk_row}


def password_set(*, actor: Actor, account: TradingAccount, kind: str, password: str) -> Command:
    """Set the trading ("main") or looking ("investor") password. Raises WeakPassword, AccountNotReady."""
    _ready(account)
    password_check_strength(password)
    command_id = uuid7()
    with transaction.atomic():
        secrets.credential_set(owner=account.secret_owner, name=f"next:{command_id}", value=password)
        return _change(
            "trading.password",
            actor=actor,
            account=account,
            before={},
            after={"kind": kind},
            reason="",
            payload={"kind": kind},
            command_id=command_id,
        )


def password_forget(account: TradingAccount, *names: str) -> None:
    """Remove sealed passwords: the server has its own, or nobody needs them any more."""
    Credential.objects.filter(owner=account.secret_owner, name__in=names).delete()


def password_reveal(*, actor: Actor, account: TradingAccount) -> dict[str, str]:
    """The passwords the account was opened with, once: they are forgotten as they are read. Empty after that."""
    actor.require_client(account.client_id)
    with transaction.atomic():
        rows = Credential.objects.select_for_update().filter(owner=account.secret_owner, name__in=["main", "investor"])
        names = [row.name for row in rows]
        words = {name: secrets.credential_get(owner=account.secret_owner, name=name) for name in names}
        password_forget(account, *names)
        if words:
            audit.record(actor=actor, action="trading.password_read", obj=account, subject=account.client_id)
    return words


def account_archive(*, actor: Actor, account: TradingAccount, reason: str) -> Command:
    """Take trading and log-in from an account that is empty, with nothing on its way to it. Virtual money may stay.

    Raises AccountNotReady, HasOpenPositions.
    """
    with transaction.atomic():
        fresh = TradingAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
        _ready(fresh)
        moving = Transfer.objects.filter(account=fresh, state=TransferState.PENDING).exists()
        copying = ledgers.copying_of([fresh]).get(fresh.pk)
        owed = fresh.live and (ledgers.mirror(fresh).balance or (copying and copying.balance))
        if fresh.positions.exists() or (fresh.live and fresh.balance_minor) or moving or owed:
            raise HasOpenPositions
        return _change(
            "trading.archive",
            actor=actor,
            account=account,
            before={"state": fresh.state},
            after={"state": AccountState.ARCHIVED.value},
            reason=reason,
            payload={},
        )


def account_reopen(*, actor: Actor, account: TradingAccount, reason: str = "") -> Command:
    """Give log-in and trading back to an archived account, under the rules of opening one.

    Raises AccountNotReady, NotVerified, LeverageAboveCap, AccountLimit, NoServer.
    """
    with transaction.atomic():
        _room_for_one_more(account.client)
        fresh = TradingAccount.objects.select_for_update(no_key=True).get(pk=account.pk)
        if fresh.state != AccountState.ARCHIVED or fresh.login is None:
            raise AccountNotReady
        if not fresh.server.enabled:
            raise NoServer
        if fresh.live and fresh.client.kyc_state != KycState.APPROVED:
            raise NotVerified
        if not caps.allowed([fresh.leverage], caps.cap_of(fresh.client), live=fresh.live):
            raise LeverageAboveCap
        return _change(
            "trading.reopen",
            actor=actor,
            account=account,
            before={"state": fresh.state},
            after={"state": AccountState.OPEN.value},
            reason=reason,
            payload={},
        )


def setting_done(account: TradingAccount, row: Command) -> None:
    """A setting stands on the server: tell pages and, for what matters to the client, the timeline."""
    timeline_add(
        client_id=account.client_id,
        kind=row.kind,
        actor=Actor.from_json(row.actor),
        data={"login": str(account.login), "before": row.before or {}, "after": _shown(row)},
        dedupe_key=f"trading.setting:{row.pk}",
    )
    tell(account.book_topic, {"setting": row.kind})


def setting_refused(account: TradingAccount, row: Command, error: Rejected) -> None:
    timeline_add(
        client_id=account.client_id,
        kind="trading.setting_refused",
        actor=Actor.from_json(row.actor),
        data={"login": str(account.login), "kind": row.kind, "problem": error.code},
        dedupe_key=f"trading.setting:{row.pk}",
    )
    tell(account.book_topic, {"setting": row.kind})


def _shown(row: Command) -> dict[str, Any]:
    return {key: value for key, value in row.payload.items() if key in {"leverage", "group", "kind"}}


def account_adopt(
    *, actor: Actor, client: Client, account_type: AccountType, login: int, leverage: int
) -> TradingAccount:
    """Take over an account that stands on the server already, with its past. Idempotent by (server, login).

    Its deals up to now come in as history: their sum stands against the house's `trading-opening`, and no events fly.
    """
    with transaction.atomic():
        account, is_new = TradingAccount.objects.get_or_create(
            server=account_type.server,
            login=login,
            defaults={
                "client": client,
                "account_type": account_type,
                "currency": account_type.currency,
                "leverage": leverage,
                "live": account_type.live,
                "state": AccountState.OPEN,
                "opened_at": clock.now(),
                "adopted_at": clock.now(),
                "dedupe_key": f"adopted:{account_type.server_id}:{login}",
            },
        )
        if is_new:
            account.ledger_kind = ledgers.kind_for(account, login)
            account.save(update_fields=["ledger_kind"])
            if account.live:
                ledgers.mirror(account)
            audit.record(actor=actor, action="trading.account_adopted", obj=account, subject=client.pk)
            server_id = account.server_id
            transaction.on_commit(lambda: bridge_wake(server_id))
    return account
