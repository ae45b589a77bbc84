"""Faults that act at once. The shared desk does the deed; here this platform's own records follow it."""

from __future__ import annotations

from typing import Any

from sandbox.ctrader import records
from sandbox.ctrader.plant import Plant
from sandbox.ctrader.vocabulary import Code, Crud, Declined
from sandbox.exchange import store
from sandbox.exchange.records import Action, Deal
from sandbox.mt5.admin import mischief

Data = dict[str, Any]


def commit(plant: Plant, kind: str, data: Data) -> Data:
    """Do it.

    Amended and deleted deals (by dealId or balanceHistoryId) tell no execution event, only that the trader has
    changed. Declined DEAL_NOT_FOUND, Refused 3 for an unknown kind.
    """
    if kind not in ("amend_deal", "delete_deal"):
        return mischief.commit(plant, kind, data)
    before = _find(plant, int(data["deal"]))
    if before is None:
        raise Declined(Code.DEAL_NOT_FOUND, str(data["deal"]))
    with plant.transaction():
        answer = mischief.commit(plant, kind, data)
        _follow(plant, before, _find(plant, before.ticket))
        plant.save_trader(plant.traders[before.login], Crud.UPDATE)
    return answer


def _find(plant: Plant, ticket: int) -> Deal | None:
    return next(store.DEALS.where(plant.db, "ticket = ?", (ticket,)), None)


def _follow(plant: Plant, before: Deal, after: Deal | None) -> None:
    cash = next(records.CASH.where(plant.db, "id = ?", (before.ticket,)), None)
    note = next(records.NOTES.where(plant.db, "ticket = ?", (before.ticket,)), None)
    if cash is not None and before.action == Action.CREDIT:
        trader, moved = plant.traders[before.login], (after.profit if after else 0) - before.profit
        if cash.is_bonus:
            trader.manager_bonus += moved
        else:
            trader.locked_bonus += moved
    if after is None:
        records.CASH.delete(plant.db, before.ticket)
        records.NOTES.delete(plant.db, before.ticket)
        return
    if cash is not None:
        cash.delta, cash.comment = abs(after.profit), after.comment
        records.CASH.put(plant.db, cash)
    if note is not None:
        note.swap += after.storage - before.storage
        note.commission += after.commission - before.commission
        note.realised_commission += after.commission - before.commission
        records.NOTES.put(plant.db, note)
