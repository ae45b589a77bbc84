"""Faults that act at once. The shared desk does the deed; here this platform's own records follow it."""

from __future__ import annotations

from typing import Any

from sandbox.ctrader import records
from sandbox.ctrader.plant import Plant
from sandbox.ctrader.records import DealNote
from sandbox.ctrader.vocabulary import Code, Crud, Declined
from sandbox.exchange import store
from sandbox.exchange.money import parse_decimal, scaled_text, to_scaled
from sandbox.exchange.records import Action, Deal
from sandbox.mt5.admin import mischief

Data = dict[str, Any]


def commit(plant: Plant, kind: str, data: Data) -> Data:
    """Do it.

    Amended and deleted deals (by dealId or balanceHistoryId) tell no execution event, only that the trader has
    changed. Declined DEAL_NOT_FOUND, INVALID_REQUEST, Refused 3 for an unknown kind.
    """
    if kind not in ("amend_deal", "delete_deal"):
        return mischief.commit(plant, kind, data)
    before = _find(plant, int(data["deal"]))
    if before is None:
        raise Declined(Code.DEAL_NOT_FOUND, str(data["deal"]))
    note = next(records.NOTES.where(plant.db, "ticket = ?", (before.ticket,)), None)
    if kind == "amend_deal" and note is not None:
        data = _shared(before, note, data)
    with plant.transaction():
        answer = mischief.commit(plant, kind, data)
        _follow(plant, before, _find(plant, before.ticket), note)
        plant.save_trader(plant.traders[before.login], Crud.UPDATE)
    return answer


def _find(plant: Plant, ticket: int) -> Deal | None:
    return next(store.DEALS.where(plant.db, "ticket = ?", (ticket,)), None)


def _shared(before: Deal, note: DealNote, data: Data) -> Data:
    """The amendment of a trade in the shared market's terms, where the opening's commission is part of the swap."""
    money = {name for name in ("profit", "swap", "commission") if name in data}
    if money and not before.volume_closed:
        raise Declined(Code.INVALID_REQUEST, "only a closing deal carries money")
    shared: Data = {name: data[name] for name in ("deal", "profit", "comment") if name in data}
    for name, known, target in (
        ("swap", note.swap, "storage"),
        ("commission", note.realised_commission, "commission"),
    ):
        if name in data:
            value = parse_decimal(str(data[name]))
            if value is None:
                raise Declined(Code.INVALID_REQUEST, name)
            difference = to_scaled(value, before.digits_currency) - known
            shared[target] = scaled_text(getattr(before, target) + difference, before.digits_currency)
    return shared


def _follow(plant: Plant, before: Deal, after: Deal | None, note: DealNote | None) -> None:
    cash = next(records.CASH.where(plant.db, "id = ?", (before.ticket,)), None)
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
