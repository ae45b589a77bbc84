"""What is done on a trading server: one command each, kept by the kernel until it is done or refused.

Every type can find out whether it was carried out (`find`): an account by our id in its record, a balance operation by
the id in its comment, settings by reading them. "Not found" proves nothing before the server's quiet period is over.
While asking, nothing may look like a refusal: a refusal gives money back.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from babel import Locale

from kernel import commands, secrets
from kernel.actors import Actor
from kernel.commands import CommandType, command
from kernel.errors import Rejected, Unavailable
from kernel.models import Command, CommandState, Credential
from tenant_apps.clients.models import Client

from . import platforms
from .errors import DuplicateOperation, PlatformRejected, Rejection
from .models import AccountState, Direction, TradingAccount, Transfer
from .operations import NOTE_LENGTH, operation_id
from .ports import (
    AccountChange,
    Amount,
    BalanceKind,
    BalanceOperation,
    BalanceResult,
    NewAccount,
    PasswordKind,
    TradingPlatform,
)
from .services import accounts, bulk_running, cases, transfers

T = TypeVar("T")
OPEN, BALANCE, LEVERAGE = "trading.account_open", "trading.balance", "trading.leverage"
GROUP, PASSWORD, ARCHIVE, REOPEN = "trading.group", "trading.password", "trading.archive", "trading.reopen"


class OnAccount(CommandType):
    """A command about one account: `payload["account_id"]`."""

    def account(self, row: Command) -> TradingAccount:
        return TradingAccount.objects.select_related("server", "account_type", "client").get(
            pk=row.payload["account_id"]
        )

    def patience_of(self, command: Command) -> timedelta:
        return platforms.quiet_period(self.account(command).server)

    def ready(self, row: Command) -> TradingAccount:
        """The account, if it has a login. Raises Rejected for one that could not be opened."""
        account = self.account(row)
        if account.login is None:
            raise PlatformRejected("the account was not opened", name=Rejection.NOT_FOUND)
        return account


def asking(account: TradingAccount, call: Callable[[TradingPlatform], Coroutine[Any, Any, T]]) -> T:
    """Ask whether something was done: a refusal to answer is not a refusal of the operation.

    DuplicateOperation comes through: that is an answer.
    """
    try:
        return platforms.ask(account.server, call)
    except DuplicateOperation:
        raise
    except PlatformRejected as error:
        raise Unavailable(f"asking was refused: {error}") from error


@command(OPEN)
class AccountOpen(OnAccount):
    """Open an account; our command's id stands in the server's record."""

    def send(self, command: Command) -> Mapping[str, Any]:
        account = self.account(command)
        wanted = _new_account(account, operation_id(command.pk))
        opened = platforms.ask(account.server, lambda platform: platform.account_open(wanted))
        return {"login": opened.login, "leverage": opened.leverage}

    def find(self, command: Command) -> Mapping[str, Any] | None:
        account = self.account(command)
        group, ours = account.account_type.group, operation_id(command.pk)
        try:
            found = asking(account, lambda platform: platform.account_open_find(group, ours))
        except DuplicateOperation as error:
            cases.duplicate(account, error)
            return {"login": error.deals[0], "leverage": account.leverage}
        return {"login": found.login, "leverage": found.leverage} if found else None

    def succeeded(self, command: Command, result: Mapping[str, Any]) -> None:
        accounts.opened(self.account(command), login=int(result["login"]), leverage=int(result["leverage"]))

    def failed(self, command: Command, error: Rejected) -> None:
        accounts.opening_failed(self.account(command), code=error.code, text=str(error))


def _new_account(account: TradingAccount, external_id: str) -> NewAccount:
    client = account.client
    words = secrets.credentials_of(account.secret_owner)
    return NewAccount(
        group=account.account_type.group,
        name=_printable(client.name, 127) or f"Client {client.number}",
        leverage=account.leverage,
        password=words["main"],
        investor_password=words.get("investor", ""),
        external_id=external_id,
        company=_printable(client.company, 63),
        country=_country(client),
        city=_printable(str(client.address.get("city", "")), 31),
        zip_code=_printable(str(client.address.get("postal_code", "")), 15),
        address=_printable(str(client.address.get("line1", "")), 127),
        phone=client.phone,
        email=client.email,
        comment=f"#{client.number}",
    )


def _printable(text: str, limit: int) -> str:
    return "".join(char for char in text if char.isprintable())[:limit].strip()


def _country(client: Client) -> str:
    return Locale("en").territories.get(client.country, "")[:31]


@command(BALANCE)
class Balance(OnAccount):
    """Move money on the server; `payload["transfer_id"]` says what our side does about it."""

    def send(self, command: Command) -> Mapping[str, Any]:
        account, transfer = self.ready(command), self.transfer(command)
        wait_for(command, all_done=True)
        sign = -1 if transfer.direction == Direction.TO_WALLET else 1
        operation = BalanceOperation(
            login=int(account.login or 0),
            kind=BalanceKind.BALANCE,
            amount=Amount(sign * transfer.amount.amount),
            operation_id=operation_id(command.pk),
            note=str(account.server.settings.get("comment", ""))[:NOTE_LENGTH],
        )
        return balance_moved(platforms.ask(account.server, lambda platform: platform.balance_operation(operation)))

    def find(self, command: Command) -> Mapping[str, Any] | None:
        return balance_find(self.account(command), command)

    def transfer(self, row: Command) -> Transfer:
        return Transfer.objects.select_related("account", "account__server").get(pk=row.payload["transfer_id"])

    def succeeded(self, command: Command, result: Mapping[str, Any]) -> None:
        transfers.applied(self.transfer(command), deal=int(result["deal"]), actor=Actor.from_json(command.actor))

    def failed(self, command: Command, error: Rejected) -> None:
        transfers.refused(self.transfer(command), problem=error.code, actor=Actor.from_json(command.actor))


def balance_find(account: TradingAccount, command: Command) -> Mapping[str, Any] | None:
    """The deal that carries this command's operation id, if the server has one."""
    if account.login is None:
        return None
    login, ours, since = account.login, operation_id(command.pk), command.created_at  # of whichever attempt
    try:
        found = asking(account, lambda platform: platform.balance_operation_find(login, ours, since))
    except DuplicateOperation as error:
        cases.duplicate(account, error)
        return {"deal": error.deals[0]}
    return balance_moved(found) if found else None


def wait_for(command: Command, *, all_done: bool = False) -> None:
    """Not before the commands of `payload["after"]` are finished with; with `all_done`, not at all if one was refused.

    Raises Unavailable (later) or PlatformRejected: money does not leave before what had to go first has gone.
    """
    first = command.payload.get("after") or []
    states = set(Command.objects.filter(pk__in=first).values_list("state", flat=True))
    if states & set(commands.OPEN):
        raise Unavailable("what has to go first is still under way")
    if all_done and states - {CommandState.SUCCEEDED}:
        raise PlatformRejected("what had to go first was refused", name=Rejection.NOT_ENOUGH_MONEY)


def balance_moved(result: BalanceResult) -> dict[str, Any]:
    executed = result.executed_at.isoformat() if result.executed_at else None
    return {"deal": result.deal, "amount": str(result.amount), "executed_at": executed}


class Setting(OnAccount):
    """An absolute change: carried out once more it does no harm, so nobody has to wait before a resend."""

    patience = timedelta(0)

    def patience_of(self, command: Command) -> timedelta:
        return self.patience

    def change(self, command: Command) -> AccountChange:
        raise TypeError(f"{type(self).__name__} does not say what changes")

    def apply(self, account: TradingAccount, command: Command) -> None:
        """Our copy of the setting."""

    def send(self, command: Command) -> Mapping[str, Any]:
        account, change = self.ready(command), self.change(command)
        login = int(account.login or 0)
        after = platforms.ask(account.server, lambda platform: platform.account_update(login, change))
        return {"leverage": after.leverage, "group": after.group, "can_trade": after.rights.can_trade}

    def find(self, command: Command) -> Mapping[str, Any] | None:
        return None

    def succeeded(self, command: Command, result: Mapping[str, Any]) -> None:
        account = self.account(command)
        self.apply(account, command)
        accounts.setting_done(account, command)
        bulk_running.settled(command)

    def failed(self, command: Command, error: Rejected) -> None:
        accounts.setting_refused(self.account(command), command, error)
        bulk_running.settled(command, problem=error.code)


@command(LEVERAGE)
class Leverage(Setting):
    def change(self, command: Command) -> AccountChange:
        return AccountChange(leverage=int(command.payload["leverage"]))

    def apply(self, account: TradingAccount, command: Command) -> None:
        account.leverage = int(command.payload["leverage"])
        account.save(update_fields=["leverage"])


@command(GROUP)
class Group(Setting):
    def change(self, command: Command) -> AccountChange:
        return AccountChange(group=str(command.payload["group"]))

    def apply(self, account: TradingAccount, command: Command) -> None:
        account.account_type_id = UUID(command.payload["account_type_id"])
        account.save(update_fields=["account_type"])


@command(ARCHIVE)
class Archive(Setting):
    """No more trading and no more log-in; the account stays on the server, as the records must."""

    def change(self, command: Command) -> AccountChange:
        return AccountChange(can_trade=False, can_log_in=False)

    def apply(self, account: TradingAccount, command: Command) -> None:
        account.state = AccountState.ARCHIVED
        account.save(update_fields=["state"])


@command(REOPEN)
class Reopen(Setting):
    """Log-in and trading again, as they were before the account was archived."""

    def change(self, command: Command) -> AccountChange:
        return AccountChange(can_trade=True, can_log_in=True)

    def apply(self, account: TradingAccount, command: Command) -> None:
        account.state = AccountState.OPEN
        account.save(update_fields=["state"])


@command(PASSWORD)
class Password(Setting):
    """A new password. It waits sealed in `kernel.secrets` and is forgotten when the server has it."""

    def _words(self, row: Command) -> str:
        try:
            return secrets.credential_get(owner=self.account(row).secret_owner, name=f"next:{row.pk}")
        except Credential.DoesNotExist as error:
            raise PlatformRejected("the password is gone", name=Rejection.INVALID_PASSWORD) from error

    def send(self, command: Command) -> Mapping[str, Any]:
        account, words = self.ready(command), self._words(command)
        login, kind = int(account.login or 0), PasswordKind(command.payload["kind"])
        platforms.ask(account.server, lambda platform: platform.password_change(login, kind, words))
        return {"kind": kind.value}

    def apply(self, account: TradingAccount, command: Command) -> None:
        accounts.password_forget(account, f"next:{command.pk}", str(command.payload["kind"]))

    def failed(self, command: Command, error: Rejected) -> None:
        account = self.account(command)
        accounts.password_forget(account, f"next:{command.pk}")
        super().failed(command, error)
