"""`/api/user/*`: accounts, their money state, passwords, the archive."""

from __future__ import annotations

from typing import Any

from sandbox.exchange.money import scaled_text
from sandbox.exchange.records import Account, Action
from sandbox.exchange.retcodes import Refused, Retcode
from sandbox.mt5 import accounts, wire
from sandbox.mt5.accounts import group_allowed, mask_matches
from sandbox.mt5.commands.base import ACCOUNT_DETAILS, ACCOUNTS_MODIFY, ACCOUNTS_READ, Command, Context

Answer = dict[str, Any]


def _user(context: Context, account: Account) -> Answer:
    return wire.user(context.server, account, personal=ACCOUNT_DETAILS in context.manager.rights)


def _add(context: Context) -> Answer:
    with context.server.transaction():
        account = accounts.add_account(context.server, context.fields, context.manager)
    return {"login": account.login, "answer": _user(context, account)}


def _update(context: Context) -> Answer:
    account = context.account()
    with context.server.transaction():
        accounts.update_account(context.server, account, context.fields, context.manager)
    return {"answer": _user(context, account)}


def _get(context: Context) -> Answer:
    return {"answer": _user(context, context.account())}


def _get_batch(context: Context) -> Answer:
    return {"answer": [_user(context, account) for account in context.accounts()]}


def _logins(context: Context) -> Answer:
    if not context.fields.text("group"):
        raise Refused(Retcode.INVALID_PARAMETERS, "group is required")
    return {"answer": [account.login for account in context.accounts()]}


def _total(context: Context) -> Answer:
    known = context.server.book.accounts.values()
    return {"answer": {"Total": sum(context.visible(account) for account in known)}}


def _group(context: Context) -> Answer:
    return {"answer": {"Group": context.account().group}}


def _account_get(context: Context) -> Answer:
    return {"answer": wire.account_state(context.server, context.account())}


def _account_get_batch(context: Context) -> Answer:
    return {"answer": [wire.account_state(context.server, account) for account in context.accounts()]}


def _password(context: Context) -> tuple[Account, str, str]:
    kind, password = context.fields.text("Type"), context.fields.text("Password")
    if not kind or password is None:
        raise Refused(Retcode.INVALID_PARAMETERS)
    return context.account(), kind.lower(), password


def _check_password(context: Context) -> Answer:
    accounts.check_password(*_password(context))
    return {}


def _change_password(context: Context) -> Answer:
    account, kind, password = _password(context)
    with context.server.transaction():
        accounts.change_password(context.server, account, kind, password)
    return {}


def _delete(context: Context) -> Answer:
    account = context.account()
    with context.server.transaction():
        accounts.delete_account(context.server, account)
    return {}


def _archive_add(context: Context) -> Answer:
    account = context.account()
    with context.server.transaction():
        accounts.archive_account(context.server, account)
    return {}


def _archived(context: Context) -> Account:
    account = accounts.archived_account(context.server, context.fields.need("login"))
    if not group_allowed(context.manager, account.group):
        raise Refused(Retcode.NOT_ENOUGH_PERMISSIONS)
    return account


def _archive_get(context: Context) -> Answer:
    return {"answer": _user(context, _archived(context))}


def _archive_get_batch(context: Context) -> Answer:
    logins, masks = context.numbers("login"), context.fields.text("group") or ""
    if (logins is None) == (not masks):
        raise Refused(Retcode.INVALID_PARAMETERS, "exactly one of login and group")
    found = [
        account
        for account in context.server.book.accounts.values()
        if account.archived and group_allowed(context.manager, account.group)
    ]
    chosen = [one for one in found if (mask_matches(masks, one.group) if logins is None else one.login in logins)]
    return {"answer": [_user(context, account) for account in chosen]}


def _restore(context: Context) -> Answer:
    account = _archived(context)
    with context.server.transaction():
        accounts.restore_account(context.server, account.login)
    return {}


def _check_balance(context: Context) -> Answer:
    """Compare balance and credit with the sum of deals; `fixflag=1` writes what the deals say."""
    account, server = context.account(), context.server
    digits = server.group_of(account).currency_digits
    balance, credit = balances_by_deals(server.db, account.login)
    answer = {
        "Balance": {"User": scaled_text(account.balance, digits), "History": scaled_text(balance, digits)},
        "Credit": {"User": scaled_text(account.credit, digits), "History": scaled_text(credit, digits)},
    }
    if context.fields.number("fixflag"):
        with server.transaction():
            account.balance, account.credit = balance, credit
            server.save_account(account)
    return {"answer": answer}


def balances_by_deals(db: Any, login: int) -> tuple[int, int]:
    """Balance and credit in minor units as the account's deals add up to."""
    row = db.execute(
        "SELECT COALESCE(SUM(CASE WHEN action != ? THEN profit + storage + commission + fee END), 0),"
        " COALESCE(SUM(CASE WHEN action = ? THEN profit END), 0) FROM deals WHERE login = ?",
        (Action.CREDIT, Action.CREDIT, login),
    ).fetchone()
    return int(row[0]), int(row[1])


COMMANDS: dict[str, Command] = {
    "/api/user/add": Command(ACCOUNTS_MODIFY, _add),
    "/api/user/update": Command(ACCOUNTS_MODIFY, _update),
    "/api/user/delete": Command(ACCOUNTS_MODIFY, _delete),
    "/api/user/get": Command(ACCOUNTS_READ, _get),
    "/api/user/get_batch": Command(ACCOUNTS_READ, _get_batch),
    "/api/user/logins": Command(ACCOUNTS_READ, _logins),
    "/api/user/total": Command(ACCOUNTS_READ, _total),
    "/api/user/group": Command(ACCOUNTS_READ, _group),
    "/api/user/account/get": Command(ACCOUNTS_READ, _account_get),
    "/api/user/account/get_batch": Command(ACCOUNTS_READ, _account_get_batch),
    "/api/user/check_password": Command(ACCOUNTS_READ, _check_password),
    "/api/user/change_password": Command(ACCOUNTS_MODIFY, _change_password),
    "/api/user/check_balance": Command(ACCOUNTS_MODIFY, _check_balance),
    "/api/user/archive/add": Command(ACCOUNTS_MODIFY, _archive_add),
    "/api/user/archive/get": Command(ACCOUNTS_READ, _archive_get),
    "/api/user/archive/get_batch": Command(ACCOUNTS_READ, _archive_get_batch),
    "/api/user/restore": Command(ACCOUNTS_MODIFY, _restore),
}
