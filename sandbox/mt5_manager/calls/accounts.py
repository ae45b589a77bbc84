"""Accounts: opening, reading, changing, passwords, the archive, money now."""

from __future__ import annotations

from typing import Any

from sandbox.exchange.records import DEFAULT_RIGHTS
from sandbox.exchange.retcodes import Refused, Retcode
from sandbox.mt5 import accounts
from sandbox.mt5.accounts import NAME_LENGTH, TEXT_FIELDS, Fields
from sandbox.mt5_manager import show
from sandbox.mt5_manager.calls.base import ACCOUNTS_MODIFY, ACCOUNTS_READ, Call, Context, invalid, padded
from sandbox.mt5_manager.refusals import Declined
from sandbox.mt5_manager.show import DETAILS, RIGHTS

Result = dict[str, Any]
FOUND_MOST = 10
_CHANGES = {"leverage", "group", "rights"}


def _open(context: Context) -> Result:
    wish = Context(context.server, context.manager, context.record("account"))
    texts = {key: wish.text(name) for name, key in DETAILS.items()}
    named = {"Group": wish.text("group"), "Name": wish.text("name")}
    lengths = {**TEXT_FIELDS, "Name": NAME_LENGTH}
    too_long = [key for key, text in (texts | named).items() if len(text) > lengths.get(key, 64)]
    if too_long:
        raise Declined("invalid_data", f"too long: {', '.join(too_long)}")
    fields: Result = {
        **texts,
        **named,
        "Leverage": wish.integer("leverage"),
        "Rights": show.flags(DEFAULT_RIGHTS, _rights(wish.record("rights"), whole=True)),
        "Login": wish.integer("login"),
        "Agent": wish.integer("agent"),
        "PassMain": wish.text("password"),
        "PassInvestor": wish.text("investor_password") or wish.text("password"),
    }
    account = accounts.add_account(context.server, Fields({}, fields), context.manager)
    return {"account": show.account(context.server, account, personal=context.personal)}


def _rights(record: Result, *, whole: bool) -> dict[str, bool]:
    if not set(record) <= set(RIGHTS) or not all(isinstance(one, bool) for one in record.values()):
        raise invalid("rights")
    if whole and len(record) < len(RIGHTS):
        raise invalid("all rights")
    return record


def _find(context: Context) -> Result:
    group, wanted = context.text("group"), context.text("external_id")
    here = Context(context.server, context.manager, {"group": "*"}).accounts()
    found = [one for one in here if one.group == group and one.details.get("ID") == wanted]
    shown = [show.account(context.server, one, personal=context.personal) for one in found]
    return {"accounts": shown[:FOUND_MOST]}


def _get(context: Context) -> Result:
    return {"account": show.account(context.server, context.account(), personal=context.personal)}


def _update(context: Context) -> Result:
    account, changes = context.account(), context.record("changes")
    if not changes or not set(changes) <= _CHANGES:
        raise invalid("changes")
    if not context.personal:
        raise Declined("details_hidden")
    wish = Context(context.server, context.manager, changes)
    fields: Result = {}
    if "leverage" in changes:
        fields["Leverage"] = wish.integer("leverage")
    if "group" in changes:
        fields["Group"] = wish.text("group")
    if "rights" in changes:
        fields["Rights"] = show.flags(account.rights, _rights(wish.record("rights"), whole=False))
    if "Leverage" in fields and not 1 <= fields["Leverage"] <= context.server.config.max_leverage:
        raise Declined("invalid_data", "leverage")
    accounts.update_account(context.server, account, Fields({}, fields), context.manager)
    return {"account": show.account(context.server, account, personal=True)}


def _archive(context: Context) -> Result:
    accounts.archive_account(context.server, context.account())
    return {}


def _password(context: Context) -> Result:
    accounts.change_password(context.server, context.account(), context.text("kind"), context.text("password"))
    return {}


def _check_password(context: Context) -> Result:
    try:
        accounts.check_password(context.account(), context.text("kind"), context.text("password"))
    except Refused as refusal:
        if refusal.code is not Retcode.INVALID_PASSWORD:
            raise
        return {"matches": False}
    return {"matches": True}


def _states(context: Context) -> Result:
    rows, following = context.page(context.accounts(), lambda one: padded(one.login))
    return {"states": [show.state(context.server, one) for one in rows], "next": following}


CALLS: dict[str, Call] = {
    "accounts.open": Call(ACCOUNTS_MODIFY, _open, changes=True),
    "accounts.find": Call(ACCOUNTS_READ, _find),
    "accounts.get": Call(ACCOUNTS_READ, _get),
    "accounts.update": Call(ACCOUNTS_MODIFY, _update, changes=True),
    "accounts.archive": Call(ACCOUNTS_MODIFY, _archive, changes=True),
    "accounts.password": Call(ACCOUNTS_MODIFY, _password, changes=True),
    "accounts.check_password": Call(ACCOUNTS_READ, _check_password),
    "accounts.states": Call(ACCOUNTS_READ, _states),
}
