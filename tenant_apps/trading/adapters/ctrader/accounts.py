"""Accounts: opening, finding, changing, passwords. Changes go by WebServices, reading by the Manager's API."""

import logging
from dataclasses import asdict
from typing import Any

from tenant_apps.trading.errors import (
    ChangesIgnored,
    DuplicateOperation,
    OutcomeUnknown,
    PlatformError,
    PlatformRejected,
    Rejection,
)
from tenant_apps.trading.ports import Account, AccountChange, NewAccount, PasswordKind

from . import codes, countries, records, wire
from . import manager_pb2 as pb
from .ctid import Ctid
from .parts import Parts
from .values import Malformed, password_hash
from .web import Fields, Request

log = logging.getLogger(__name__)

NOT_KEPT = ("can_change_password", "can_use_experts", "can_trail_stops")
KEPT_FIELDS = ("name", "last_name", "email", "phone", "country_id", "description", "document_id")


class Accounts:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._config = parts.config
        self._base = f"{parts.config.web_base}/webserv/traders"
        self.ctid = Ctid(parts)

    # --- opening

    async def open(self, account: NewAccount) -> Account:
        body = self._opening(account)
        user = await self.ctid.create(account.email) if self._config.link_ctid and account.email else None
        attempted_at = self._parts.now()
        answer = await self._parts.web.call(Request("POST", self._base, body=body))
        try:
            login = Fields(answer).integer("login")
        except Malformed as error:
            raise self._unreadable(str(error), attempted_at) from error
        if user is not None:
            await self._link_quietly(login, account.password, user)
        try:
            return await self.get(login)
        except PlatformError as error:
            raise self._unreadable(f"account {login}: {error}", attempted_at) from error

    def _unreadable(self, text: str, attempted_at: Any) -> OutcomeUnknown:
        return OutcomeUnknown(f"opened, but {text}", attempted_at=attempted_at, server=self._config.server)

    async def _link_quietly(self, login: int, password: str, user: int) -> None:
        """The account stands whether or not it could be linked; linking may be asked for again."""
        try:
            await self.ctid.link(login, password, user)
        except PlatformError as error:
            log.warning("%s: account %s is not linked to its cTrader ID: %s", self._config.server, login, error)

    def _opening(self, account: NewAccount) -> dict[str, Any]:
        """The trader to create. Raises PlatformRejected for what could not be kept."""
        self._check_password(account.password)
        self._check_opening(account)
        first, _, last = account.name.rpartition(" ")
        carrier = f"{account.external_id} {account.comment}".strip()
        country = countries.number_of(account.country)
        contact = {
            "address": account.address,
            "city": account.city,
            "state": account.state,
            "zipCode": account.zip_code,
            "countryId": country,
            "phone": account.phone,
            "email": account.email,
            "documentId": carrier if self._config.external_id_field == "documentId" else "",
        }
        body = {
            "accessRights": _access(account.rights.can_log_in, account.rights.can_trade),
            "accountType": self._config.account_type,
            "balance": 0,
            "brokerName": self._config.broker,
            "depositCurrency": self._config.currency_of(account.group),
            "groupName": account.group,
            "hashedPassword": password_hash(account.password),
            "leverageInCents": account.leverage * 100,
            "totalMarginCalculationType": self._config.margin_calculation,
            "name": first or last,
            "lastName": last if first else "",
            "description": carrier if self._config.external_id_field == "description" else account.comment,
            "sendOwnStatement": account.rights.gets_reports,
            "contactDetails": {name: value for name, value in contact.items() if value},
        }
        return {name: value for name, value in body.items() if value != ""}

    def _check_opening(self, account: NewAccount) -> None:
        refuse = self._parts.refused
        denied = [name for name in NOT_KEPT if not getattr(account.rights, name)]
        if denied:
            raise refuse(f"cannot be denied on cTrader: {', '.join(denied)}", Rejection.UNSUPPORTED)
        if account.rights.can_trade and not account.rights.can_log_in:
            raise refuse("trading without logging in", Rejection.UNSUPPORTED)
        if account.login or account.agent:
            raise refuse("a login or agent of our choosing", Rejection.UNSUPPORTED)
        if account.leverage < 1:
            raise refuse("leverage must be at least 1", Rejection.INVALID_DATA)
        for name in ("group", "name", "external_id"):
            if not getattr(account, name).strip():
                raise refuse(f"{name} is empty", Rejection.INVALID_DATA)
        if " " in account.external_id:
            raise refuse("an external id with a space could not be found again", Rejection.INVALID_DATA)
        if account.country and countries.number_of(account.country) is None:
            raise refuse("no such country", Rejection.INVALID_DATA)

    async def opening_check(self) -> None:
        """The list of groups is the least that WebServices can be asked."""
        await self._parts.web.call(Request("GET", f"{self._parts.config.web_base}/webserv/tradergroups"))

    async def find(self, group: str, external_id: str) -> Account | None:
        contents = await self._parts.catalogue.contents()
        found = []
        for group_id, known in contents.groups.items():
            if known.name.casefold() == group.casefold():
                with self._parts.decoding("trader list"):
                    everybody = await self._parts.book.everybody(group_id)
                    # Where the server knows no filter by group, it gives accounts of all of them.
                    members = [trader for trader in everybody if trader.group_id == group_id]
                    found += [records.account_from(trader, known.name, self._config) for trader in members]
        ours = [account for account in found if account.external_id == external_id]
        if len(ours) > 1:
            logins = tuple(account.login for account in ours)
            raise DuplicateOperation(external_id, logins, server=self._config.server)
        return ours[0] if ours else None

    # --- reading and changing

    async def get(self, login: int) -> Account:
        with self._parts.decoding("trader"):
            return await self._account(await self._parts.book.trader(login))

    async def _account(self, trader: pb.Trader) -> Account:
        contents = await self._parts.catalogue.knowing(groups=[trader.group_id])
        return records.account_from(trader, contents.group_name(trader.group_id), self._config)

    async def update(self, login: int, change: AccountChange) -> Account:
        with self._parts.decoding("trader"):
            before = await self._parts.book.trader(login)
            account = await self._account(before)
            wanted = self._wanted(before, account, change)
        if not wanted:
            return account
        # PATCH keeps what it leaves out. The other API's change would have to name a balance, too.
        await self._parts.web.call(Request("PATCH", f"{self._base}/{login}", body=wanted))
        with self._parts.decoding("trader"):
            after = await self._parts.book.trader(login)
            changed = await self._account(after)
            self._check_change(before, after, changed, wanted)
            return changed

    def _wanted(self, trader: pb.Trader, account: Account, change: AccountChange) -> dict[str, Any]:
        """What to send: only fields that must differ."""
        wishes = asdict(change)
        denied = [name for name in NOT_KEPT if wishes[name] is False]
        if denied:
            raise self._parts.refused(f"cannot be denied on cTrader: {', '.join(denied)}", Rejection.UNSUPPORTED)
        if change.can_log_in is False and change.can_trade:
            raise self._parts.refused("trading without logging in", Rejection.UNSUPPORTED)
        wanted: dict[str, Any] = {}
        access = _changed_access(records.access_of(trader), change)
        if access != records.access_of(trader):
            wanted["accessRights"] = access
        if change.gets_reports is not None and change.gets_reports != account.rights.gets_reports:
            wanted["sendOwnStatement"] = change.gets_reports
        if change.leverage is not None:
            if change.leverage < 1:
                raise self._parts.refused("leverage must be at least 1", Rejection.INVALID_DATA)
            if change.leverage * 100 != trader.leverage_in_cents:
                wanted["leverageInCents"] = change.leverage * 100
        if change.group is not None and change.group.casefold() != account.group.casefold():
            wanted["groupName"] = change.group
        return wanted

    def _check_change(self, before: pb.Trader, after: pb.Trader, changed: Account, wanted: dict[str, Any]) -> None:
        """Raises ChangesIgnored unless `after` is `before` with the wanted changes."""
        found = {
            "accessRights": records.access_of(after),
            "sendOwnStatement": after.sends_statement,
            "leverageInCents": after.leverage_in_cents,
            "groupName": changed.group,
        }
        ignored = {
            name: (str(value), str(found[name]))
            for name, value in wanted.items()
            if str(value).casefold() != str(found[name]).casefold()
        }
        lost = {
            name: (str(getattr(before, name)), str(getattr(after, name)))
            for name in KEPT_FIELDS
            if getattr(before, name) != getattr(after, name)
        }
        if ignored or lost:
            raise ChangesIgnored(ignored=ignored, lost=lost, server=self._config.server)

    # --- passwords

    def _check_password(self, password: str) -> None:
        """The server gets a hash, so it cannot judge; nor can it take what is no ASCII without guessing an encoding."""
        mixed = any(char.islower() for char in password) and any(char.isupper() for char in password)
        if len(password) < self._config.min_password_length or not mixed or not password.isascii():
            raise self._parts.refused("too weak a password", Rejection.INVALID_PASSWORD)

    def _only_main(self, kind: PasswordKind) -> None:
        if kind is not PasswordKind.MAIN:
            raise self._parts.refused(f"cTrader has no {kind} password", Rejection.UNSUPPORTED)

    async def password_change(self, login: int, kind: PasswordKind, password: str) -> None:
        self._only_main(kind)
        self._check_password(password)
        body = {"login": login, "hashedPassword": password_hash(password)}
        await self._parts.web.call(Request("POST", f"{self._base}/{login}/changepassword", body=body))

    async def password_check(self, login: int, kind: PasswordKind, password: str) -> bool:
        self._only_main(kind)
        wish = pb.CheckPasswordReq(login=login, password_hash=password_hash(password))
        try:
            await self._parts.link.ask(wire.CHECK_PASSWORD, wish)
        except PlatformRejected as refused:
            if refused.text.startswith(codes.WRONG_PASSWORD):
                return False
            raise
        return True


def _access(can_log_in: bool, can_trade: bool) -> str:
    if not can_log_in:
        return records.NO_LOGIN
    return records.FULL_ACCESS if can_trade else records.NO_TRADING


def _changed_access(access: str, change: AccountChange) -> str:
    """None leaves as is. Whoever may log in again does not thereby trade again: that has to be said."""
    now = records.rights_from(access, gets_reports=True)
    can_log_in = now.can_log_in if change.can_log_in is None else change.can_log_in
    can_trade = now.can_trade if change.can_trade is None else change.can_trade
    wanted = _access(can_log_in, can_trade and can_log_in)
    # Closing positions only is a way of not trading: it stays.
    return access if (access, wanted) == (records.CLOSE_ONLY, records.NO_TRADING) else wanted
