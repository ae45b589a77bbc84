"""Moving money and finding it again. By the Manager's API: it counts in whole units, and its history is where we look."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal

from tenant_apps.trading.errors import DuplicateOperation, OutcomeUnknown, PlatformError, Rejection
from tenant_apps.trading.ports import BalanceKind, BalanceOperation, BalanceResult

from . import ledger, wire
from . import manager_pb2 as pb
from .history import History, Scope
from .parts import Parts
from .standing import Standing
from .values import Malformed, need, scale_of

AHEAD = timedelta(days=1)


class Cash:
    def __init__(self, parts: Parts, history: History, standing: Standing) -> None:
        self._parts = parts
        self._config = parts.config
        self._history = history
        self._standing = standing

    async def move(self, operation: BalanceOperation) -> BalanceResult:
        if problem := operation.problem():
            raise self._parts.refused(problem, Rejection.COMMENT_UNUSABLE)
        with self._parts.decoding("trader"):
            trader = await self._parts.book.trader(operation.login)
            units = await self._units(operation, trader)
            await self._check_free(operation)
        attempted_at = self._parts.now()
        answer = await self._send(operation, need(trader, "trader_id"), units)
        if not answer.history_id:
            return await self._found_at_once(operation, attempted_at)
        count = ledger.bonus_number if operation.kind is BalanceKind.BONUS else ledger.balance_number
        try:
            number = count(answer.history_id)
        except Malformed as error:
            raise self._unknown(f"done, but as {error}", attempted_at) from error
        return BalanceResult(operation.login, number, operation.operation_id, operation.amount, operation.kind)

    def _unknown(self, text: str, attempted_at: datetime) -> OutcomeUnknown:
        return OutcomeUnknown(text, attempted_at=attempted_at, server=self._config.server)

    async def _send(self, operation: BalanceOperation, trader_id: int, units: int) -> pb.ChangedRes:
        if operation.kind is BalanceKind.BONUS:
            wish: pb.ChangeBonusReq | pb.ChangeBalanceReq = pb.ChangeBonusReq(
                trader_id=trader_id,
                amount=abs(units),
                comment=operation.comment,
                type=ledger.BONUS_IN if units > 0 else ledger.BONUS_OUT,
                in_asset_digits=True,
            )
            return await self._parts.link.change(wire.CHANGE_BONUS, wish)
        wish = pb.ChangeBalanceReq(
            trader_id=trader_id,
            amount=abs(units),
            comment=operation.comment,
            type=ledger.type_of(operation),
            external_id=operation.operation_id,
            in_asset_digits=True,
        )
        if operation.kind is BalanceKind.CORRECTION:
            wish.source = self._config.correction_source
        return await self._parts.link.change(wire.CHANGE_BALANCE, wish)

    async def _units(self, operation: BalanceOperation, trader: pb.Trader) -> int:
        """The amount in the smallest unit of the account's asset."""
        amount = operation.amount
        if not amount.is_finite() or not amount:
            raise self._parts.refused("an amount other than zero", Rejection.INVALID_DATA)
        asset = (await self._parts.catalogue.contents()).asset(need(trader, "deposit_asset_id"))
        if scale_of(amount) > asset.digits:
            raise self._parts.refused(
                f"{amount} has more than the {asset.digits} decimals of {asset.name}", Rejection.UNSUPPORTED_SCALE
            )
        return int(amount.scaleb(asset.digits))

    async def _check_free(self, operation: BalanceOperation) -> None:
        """Whether the server looks at more than the balance is not documented, so we look before we send."""
        if not operation.check_margin or operation.amount > 0 or operation.kind is BalanceKind.BONUS:
            return
        states = await self._standing.states(logins=[operation.login])
        free = states[0].free_margin if states else Decimal(0)
        if -operation.amount > free:
            raise self._parts.refused(f"{free} are free", Rejection.NOT_ENOUGH_MONEY)

    async def _found_at_once(self, operation: BalanceOperation, attempted_at: datetime) -> BalanceResult:
        """For an answer without a number, which WebServices say there is of credits."""
        try:
            found = await self.find(operation.login, operation.operation_id, attempted_at)
        except DuplicateOperation:
            raise
        except PlatformError as error:
            raise self._unknown(f"done, but {error}", attempted_at) from error
        if found is None:
            raise self._unknown("done, but in no history yet", attempted_at)
        return found

    async def find(self, login: int, operation_id: str, since: datetime) -> BalanceResult | None:
        scope = Scope(frozenset([await self._trader_id(login)]))
        window = (since - self._config.found_margin, self._parts.now() + AHEAD)
        with self._parts.decoding("history"):
            changes, bonuses = await asyncio.gather(
                self._history.balance_changes(*window, scope), self._history.bonus_changes(*window, scope)
            )
            found = [
                ledger.result_of(one, login, operation_id, kind)
                for one in changes
                if ledger.carries(one, operation_id)
                and (kind := ledger.kind_of(one, self._config.correction_source)) is not None
            ]
            found += [
                ledger.result_of_bonus(one, login, operation_id) for one in bonuses if ledger.carries(one, operation_id)
            ]
        if len(found) > 1:
            raise DuplicateOperation(operation_id, tuple(one.deal for one in found), server=self._config.server)
        return found[0] if found else None

    async def _trader_id(self, login: int) -> int:
        with self._parts.decoding("trader"):
            return await self._parts.book.id_of(login)
