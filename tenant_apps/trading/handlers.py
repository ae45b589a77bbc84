"""What this app does when something happened elsewhere. Handlers write to the database only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Case, IntegerField, Value, When
from django.utils.translation import pgettext_lazy

from kernel.actors import named, system
from kernel.events import Envelope, handles
from kernel.logs import log
from kernel.money import Money
from tenant_apps.accounts.actors import actor_for
from tenant_apps.accounts.models import Realm, User
from tenant_apps.accounts.telling import user_told
from tenant_apps.clients import entities
from tenant_apps.clients.models import Client
from tenant_apps.clients.reading import reader
from tenant_apps.clients.timeline import timeline_add
from tenant_apps.ledger.errors import AccountFrozen, InsufficientFunds
from tenant_apps.notifications.services import notify

from . import change_kinds, margin_words
from .errors import AccountLimit, AccountNotReady, CurrencyDiffers, LeverageAboveCap, NoServer, NotVerified
from .models import AccountState, AccountType, TradingAccount
from .permissions_list import VIEW
from .services import accounts, transfers

ONBOARDING = system(named("trading: identity approved", pgettext_lazy("system actor", "Identity approved")))
SERVER = system(named("trading: bridge", pgettext_lazy("system actor", "Trading server")))
DEPOSIT = system(named("trading: deposit to account", pgettext_lazy("system actor", "Deposit to account")))


def automatic_type(client: Client) -> AccountType | None:
    """The live type opened by itself: the client's currency first, then the brokerage's order."""
    in_currency = Case(When(currency=client.currency, then=Value(0)), default=Value(1), output_field=IntegerField())
    return (
        AccountType.objects.filter(automatic=True, live=True, server__enabled=True)
        .select_related("server")
        .order_by(in_currency, "order", "name")
        .first()
    )


@handles("kyc.approved", name="trading.open_first_account")
def on_kyc_approved(event: Envelope) -> None:
    """Open the first live account, once per client."""
    client = Client.objects.get(pk=event.uuid("client_id"))
    account_type = automatic_type(client)
    if account_type is None:
        log.info("no_automatic_account_type", client=str(client.pk))
        return
    try:
        accounts.account_open(
            actor=ONBOARDING, client=client, account_type=account_type, dedupe_key=f"first:{client.pk}"
        )
    except (AccountLimit, LeverageAboveCap, NoServer, NotVerified) as error:
        _left_out(client, error.code)


def _left_out(client: Client, problem: str) -> None:
    timeline_add(
        client_id=client.pk,
        kind="trading.account_failed",
        actor=ONBOARDING,
        data={"type": "", "problem": problem},
        dedupe_key=f"trading.first:{client.pk}",
    )


@handles("payments.deposit_credited", name="trading.deposit_to_account")
def on_deposit_credited(event: Envelope) -> None:
    """Pass a deposit on to the account it was made for. What cannot be passed on stays in the wallet."""
    wanted = event.payload.get("trading_account_id")
    if not wanted:
        return
    account = _account_for(event, str(wanted))
    amount: Money = event.money("amount")
    problem = "account_not_ready"
    if account is not None:
        try:
            transfers.transfer_to_account(
                actor=DEPOSIT, account=account, amount=amount, key=transfers.deposit_key(event["deposit_id"])
            )
        except (AccountNotReady, CurrencyDiffers, InsufficientFunds, AccountFrozen) as error:
            problem = error.code
        else:
            return
    timeline_add(
        client_id=event.uuid("client_id"),
        kind="trading.deposit_stays",
        actor=DEPOSIT,
        data={"amount": amount, "problem": problem},
        dedupe_key=transfers.deposit_stays_key(event["deposit_id"]),
    )


def _account_for(event: Envelope, wanted: str) -> TradingAccount | None:
    """The account named; "only" means the client's only live one. Never another client's."""
    mine = TradingAccount.objects.select_related("server").filter(client_id=event.uuid("client_id"), live=True)
    mine = mine.filter(state__in=[AccountState.OPEN, AccountState.OPENING])
    if wanted != "only":
        return mine.filter(pk=wanted).first()
    found = list(mine[:2])
    return found[0] if len(found) == 1 else None


@handles("trading.margin_call", name="trading.tell_margin_call")
def on_margin_call(event: Envelope) -> None:
    _tell_margin(event, "trading.margin_call", margin_words.margin_call)


@handles("trading.stopped_out", name="trading.tell_stopped_out")
def on_stopped_out(event: Envelope) -> None:
    _tell_margin(event, "trading.stopped_out", margin_words.stopped_out)


def _tell_margin(event: Envelope, kind: str, words: Callable[[Mapping[str, Any]], tuple[str, str]]) -> None:
    """The client's timeline and bell; of live accounts also the bell of whoever is responsible for the client."""
    client = Client.objects.filter(pk=event.uuid("client_id")).first()
    if client is None:
        return
    facts = {key: value for key, value in event.payload.items() if key != "client_id"}
    timeline_add(client_id=client.pk, kind=kind, actor=SERVER, data=facts, dedupe_key=f"{kind}:{event['alert_id']}")
    if client.user_id:
        with reader(client):
            title, body = words(event.payload)
            notify(user_id=client.user_id, kind=kind, title=title, body=body, link=f"/accounts/{event['account_id']}/")
    if event["live"] and client.owner_id:
        _tell_owner(client, client.owner_id, event, kind)


def _tell_owner(client: Client, owner_id: UUID, event: Envelope, kind: str) -> None:
    owner = User.objects.filter(pk=owner_id, realm=Realm.STAFF, active=True).first()
    if owner is None or not actor_for(owner).may(VIEW, client):
        return
    user_told(
        owner,
        kind=kind,
        words=lambda: margin_words.for_staff(kind, client, event.payload),
        link=f"/trading/accounts/{event['account_id']}/",
    )


change_kinds.register()
entities.register("trading", lambda client: TradingAccount.objects.filter(client=client, live=True).exists())
