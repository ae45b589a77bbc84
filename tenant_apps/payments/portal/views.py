"""The cashier: money in, money out, and where it stands. Pages show; nothing here credits."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import segno
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from kernel import clock, throttle
from kernel.errors import AppError, Conflict, Invalid, OutcomeUnknown, Unavailable
from kernel.guards import client_only
from kernel.idempotency import once
from kernel.ids import uuid7
from kernel.money import CURRENCIES, Money
from kernel.pages import page
from kernel.ui.forms import typed_text
from tenant_apps.wallets.selectors import wallet_of, wallets_of
from tenant_apps.wallets.targets import Target, onward_of, targets_of

from .. import promises, selectors
from ..errors import DepositLimitReached
from ..models import Deposit, DepositState, Destination, FundsRequest, FundsState
from ..payouts import WIRE
from ..services import deposit_limits, funds, offers, refusals
from ..services.checks import policy_for
from ..services.deposits import deposit_open, deposit_start
from ..services.destinations import payout_settings, usable
from ..services.payout_routing import methods_offered
from ..services.routing import device_of
from ..services.sources import Plan, plan
from ..services.tracker import tracker_of
from ..services.withdrawal_fees import eaten_words
from ..services.withdrawals import withdrawal_cancel, withdrawal_request
from . import repeat
from .forms import DepositForm, FundsForm, WithdrawalForm

CONFIRMING = timedelta(minutes=5)  # that long a provider may take to tell what its page has told the payer


def _currency(request: Any, choices: list[str]) -> str:
    """The currency asked for, else the client's own, else the first there is.

    What a form names stands, even when it is not among the choices any more: its amount was meant in it, and a hundred
    dollars must not become a hundred dinars. The service refuses it then. Raises Invalid for a code that is none.
    """
    if request.method == "POST" and (meant := request.POST.get("currency")):
        if meant not in CURRENCIES:
            raise Invalid(field="currency")
        return str(meant)
    for wanted in (request.GET.get("currency"), request.client.currency):
        if wanted in choices:
            return str(wanted)
    return choices[0] if choices else str(request.client.currency)


def _device(request: Any) -> str:
    return device_of(request.actor.user_agent)


def _target(request: Any, currency: str) -> Target | None:
    wanted = request.POST.get("target") or request.GET.get("target") or ""
    return next((t for t in targets_of(request.client.pk) if str(t.id) == wanted and t.currency == currency), None)


def _cashier_context(request: Any, form: DepositForm | None = None) -> dict[str, Any]:
    currencies = offers.deposit_currencies()
    currency = _currency(request, currencies)
    found, locked = offers.cashier_for(request.client, currency, device=_device(request))
    last = repeat.last_payment(request.client.pk, currency)
    known = repeat.remembered(last, found)
    preferred = known or (found[0] if found else None)
    chosen = (request.POST or request.GET).get("method") or (preferred.key if preferred else "")
    rooms = deposit_limits.room_of(request.client, currency)
    typed = request.POST.get("amount") or request.GET.get("amount")
    again = last is not None and known is not None and known.takes(last.amount) and not request.POST
    initial = {"amount": typed or (last.amount if again and last else "")}
    return {
        "currencies": currencies,
        "funds": _funds_wanted(request),
        "currency": currency,
        "targets": [target for target in targets_of(request.client.pk) if target.currency == currency],
        "target": request.POST.get("target") or request.GET.get("target") or "",
        "wallet": wallet_of(request.client.pk, currency),
        "offers": found,
        "locked": locked,
        "chosen": chosen,
        "rooms": rooms,
        "tightest": min(rooms, key=lambda room: room.left.minor, default=None),
        "repeat": None if request.POST else repeat.repeat_of(last, found),
        "under_way": repeat.under_way(request.client.pk),
        "form": form or DepositForm(currency=currency, initial=initial),
        "quote": _quote(request, currency, found, chosen, initial),
        "quick": repeat.quick_amounts(_offer(found, chosen), currency),
    }


def _funds_wanted(request: Any) -> FundsRequest | None:
    row = funds.request_of(request.client.pk)
    return row if row is not None and row.state in (FundsState.ASKED, FundsState.REFUSED) else None


def _initial(request: HttpRequest) -> dict[str, str]:
    return {"amount": request.GET.get("amount", "")}


def _offer(found: list[offers.Offer], key: str) -> offers.Offer | None:
    return next((offer for offer in found if offer.key == key), None)


def _quote(
    request: HttpRequest, currency: str, found: list[offers.Offer], chosen: str, initial: dict[str, Any]
) -> dict[str, Any] | None:
    """Fee and what arrives, for the amount typed so far; what stands against it, and which method would take it."""
    offer = _offer(found, chosen)
    typed = {**(request.POST or request.GET).dict(), "method": chosen}
    if not typed.get("amount") and isinstance(initial["amount"], Money):
        typed["amount"] = typed_text(initial["amount"].amount)
    form = DepositForm(typed, currency=currency)
    if offer is None or not form.is_valid():
        return {"offer": offer} if offer else None
    amount: Money = form.cleaned_data["amount"]
    try:
        offer.check(amount)
        deposit_limits.check(request.client, amount)  # type: ignore[attr-defined]
    except DepositLimitReached as error:
        return {"offer": offer, "problem": str(error)}
    except Invalid as error:
        other = next((one for one in found if one.key != chosen and one.takes(amount)), None)
        return {"offer": offer, "problem": str(error), "other": other, "typed": amount}
    arrives = amount - offer.fee(amount)
    brings = promises.told(request.client, arrives, str(typed.get("target") or ""))  # type: ignore[attr-defined]
    return {
        "offer": offer, "amount": amount, "fee": offer.fee(amount), "arrives": arrives, "brings": brings,
        "passed_on": offer.passed_on(amount),
    }  # fmt: skip


@client_only
def cashier(request: Any) -> HttpResponse:
    """Choose where to, how and how much; then off to the provider's page."""
    if request.method == "POST":
        return _pay(request)
    template = "payments/portal/cashier.html"
    if request.htmx and request.GET.get("part") == "quote":
        template += "#quote"
    return page(request, template, _cashier_context(request), live=[f"client:{request.client.pk}"])


def _pay(request: Any) -> HttpResponse:
    throttle.check("deposit", str(request.client.pk), burst=10, per_minute=6)
    currency = _currency(request, offers.deposit_currencies())
    form = DepositForm(request.POST, currency=currency)
    if form.is_valid():
        try:
            deposit = _started(request, form, currency)
        except Invalid as error:
            form.refuse(error)
        except (Unavailable, OutcomeUnknown) as error:
            form.add_error(None, str(error))
        except AppError as error:
            form.add_error(None, str(error))
        else:
            return _off(request, deposit)
    context = _cashier_context(request, form)
    return page(request, "payments/portal/cashier.html#form" if request.htmx else "payments/portal/cashier.html",
                context, status=422)  # fmt: skip


def _started(request: Any, form: DepositForm, currency: str) -> Deposit:
    target = _target(request, currency)
    deposit = deposit_start(
        actor=request.actor,
        client=request.client,
        amount=form.cleaned_data["amount"],
        offer_key=form.cleaned_data["method"],
        target_trading_account_id=target.id if target else None,
        language=request.LANGUAGE_CODE,
    )
    return deposit_open(deposit_id=deposit.pk, ip=request.ip or "")


def _off(request: Any, deposit: Deposit) -> HttpResponse:
    """To the provider's page; without scripts over our own page, whose link the payer follows."""
    if request.htmx:
        response = HttpResponse()
        response.headers["HX-Redirect"] = deposit.payment_url or reverse("payments:deposit", args=[deposit.pk])
        return response
    return redirect("payments:deposit", deposit.pk)


def _qr(deposit: Deposit) -> str:
    """The address to send coins to, for a wallet's camera; nothing for other deposits."""
    if not deposit.instructions.get("network"):
        return ""
    picture = segno.make(deposit.instructions["address"], error="m", micro=False)
    return picture.svg_data_uri(scale=4, border=2, dark="#111", light="#fff")


def _just_returned(moment: str) -> bool:
    """Whether the payer came back from the provider's page a moment ago: to open it again would be to pay twice."""
    known = moment.isascii() and moment.isdigit() and len(moment) < 12
    return known and 0 <= clock.now().timestamp() - int(moment) < CONFIRMING.total_seconds()


@client_only
@require_GET
def deposit_page(request: Any, deposit_id: UUID) -> HttpResponse:
    """Where a deposit stands; waits live for the provider's word."""
    deposit = selectors.client_deposit(request.client.pk, deposit_id)
    failed = deposit.state in (DepositState.FAILED, DepositState.EXPIRED)
    cancelled = "cancelled" in request.GET and deposit.state == DepositState.PENDING
    stuck = failed or deposit.failure or cancelled
    device = _device(request)
    returned = _just_returned(request.GET.get("returned", ""))
    credited = deposit.state == DepositState.CREDITED
    context = {
        "deposit": deposit,
        "onward": onward_of(deposit.pk, deposit.target_trading_account_id) if credited else None,
        "returned": returned,
        "address": request.get_full_path() if returned else request.path,
        "suspended": deposit.suspended.first() if deposit.state == DepositState.SUSPENSE else None,
        "failed": failed,
        "cancelled": cancelled,
        "waiting": deposit.state in (DepositState.CREATED, DepositState.PENDING) and not deposit.instructions,
        "qr": _qr(deposit),
        "next_best": offers.next_best(request.client, deposit, device=device) if stuck else None,
        "other": offers.other_method(request.client, deposit, device=device) if stuck else None,
    }
    template = "payments/portal/deposit.html#status" if request.htmx else "payments/portal/deposit.html"
    return page(request, template, context, live=[f"client:{request.client.pk}"])


@client_only
@require_POST
def deposit_retry(request: Any, deposit_id: UUID) -> HttpResponse:
    """The same payment once more with the next best offer: one click, never an account tried before."""
    throttle.check("deposit", str(request.client.pk), burst=10, per_minute=6)
    deposit = selectors.client_deposit(request.client.pk, deposit_id)
    offer = offers.next_best(request.client, deposit, device=_device(request))
    if offer is None:
        return redirect("payments:deposit", deposit.pk)
    try:
        again = deposit_start(
            actor=request.actor, client=request.client, amount=deposit.amount, offer_key=offer.key,
            target_trading_account_id=deposit.target_trading_account_id, language=request.LANGUAGE_CODE,
            instead_of=deposit,
        )  # fmt: skip
        return _off(request, deposit_open(deposit_id=again.pk, ip=request.ip or ""))
    except AppError as error:
        messages.error(request, str(error))
        return redirect("payments:deposit", deposit.pk)


@client_only
def withdraw(request: Any) -> HttpResponse:
    """Ask for money out."""
    wallets = [wallet for wallet in wallets_of(request.client.pk) if wallet.balance]
    currency = _currency(request, [wallet.currency for wallet in wallets])
    offered = {method.code for method in methods_offered(request.client, currency)}
    book = payable_destinations(request.client, offered)
    if request.method == "POST":
        return _request_withdrawal(request, wallets, currency, book, offered)
    chosen = request.GET.get("destination", str(book[0][0].pk) if book else "")  # empty: another account than these
    initial = {**_initial(request), "holder": request.client.bank_name, "key": uuid7().hex, "destination": chosen}
    form = WithdrawalForm(currency=currency, destinations=_rows(book), initial=initial)
    context = _withdraw_context(request, wallets, currency, form, book, offered)
    part = "#quote" if request.htmx and request.GET.get("part") == "quote" else ""
    return page(request, f"payments/portal/withdraw.html{part}", context, live=[f"client:{request.client.pk}"])


Book = list[tuple[Destination, str]]  # with why nothing may be paid there yet (destinations.usable)


def payable_destinations(client: Any, offered: set[str]) -> Book:
    """Accounts of the address book that something connected can pay to, those ready to be used first."""
    rules = payout_settings()
    rows = [(row, usable(row, rules)) for row in selectors.client_destinations(client.pk) if row.method in offered]
    return sorted((pair for pair in rows if pair[1] != "refused"), key=lambda pair: (pair[1] != "", pair[0].created_at))


def _withdraw_context(
    request: Any, wallets: list[Any], currency: str, form: WithdrawalForm, book: Book, offered: set[str]
) -> dict[str, Any]:
    planned = _plan(request, currency, book)
    return {
        "wallets": wallets,
        "currency": currency,
        "wallet": next((wallet for wallet in wallets if wallet.currency == currency), None),
        "form": form,
        "verified": offers.level_of(request.client) > 0,
        "kept_back": funds.kept_back(request.client.pk, currency) if currency in CURRENCIES else None,
        "plan": planned,
        "problem": eaten_words(planned.eaten_by, planned.uncovered) if planned and planned.eaten_by is not None else "",
        "book": book,
        "chosen": str(form["destination"].value() or ""),
        "wires": WIRE in offered,
        "open": selectors.open_withdrawals_of(request.client.pk),
        "limits": policy_for(request.client, currency),
    }


def _plan(request: Any, currency: str, book: Book) -> Plan | None:
    form = WithdrawalForm((request.POST or request.GET).dict(), currency=currency, destinations=_rows(book))
    if currency not in CURRENCIES or not form.is_valid():
        return None
    return plan(request.client, form.cleaned_data["amount"], destination=form.cleaned_data["destination"])


def _rows(book: Book) -> list[Destination]:
    return [row for row, _ in book]


def _request_withdrawal(request: Any, wallets: list[Any], currency: str, book: Book, offered: set[str]) -> HttpResponse:
    throttle.check("withdrawal", str(request.client.pk), burst=5, per_minute=2)
    form = WithdrawalForm(request.POST, currency=currency, destinations=_rows(book))
    if form.is_valid():
        try:
            wanted = _requested_once(request, form.cleaned_data)
        except (Invalid, Conflict) as error:
            form.refuse(error)
        else:
            return redirect("payments:withdrawal", wanted)
    context = _withdraw_context(request, wallets, currency, form, book, offered)
    return page(request, "payments/portal/withdraw.html", context, status=422)


def _requested_once(request: Any, data: dict[str, Any]) -> UUID:
    """The withdrawal of this form, however often it is sent. Raises what `withdrawal_request` does, and Conflict."""
    wanted = {name: data[name] for name in ("amount", "iban", "holder", "bank")}
    destination = data["destination"]
    asked = {**wanted, "destination": str(destination.pk) if destination else ""}
    key = data["key"] or uuid7().hex
    scope = f"payments.withdrawal:{request.client.pk}"
    with refusals.source_asked(request.client.pk, request.actor), once(scope=scope, key=key, request=asked) as attempt:
        if attempt.answer is None:
            row = withdrawal_request(
                actor=request.actor, client=request.client, destination=destination, fee_shown=data["fee"], **wanted
            )  # fmt: skip
            attempt.answer = str(row.pk)
    return UUID(attempt.answer)


@client_only
@require_GET
def withdrawal_page(request: Any, withdrawal_id: UUID) -> HttpResponse:
    """The tracker: stages, who has it, what is missing, when it should be on its way."""
    row = selectors.client_withdrawal(request.client.pk, withdrawal_id)
    parts = list(
        row.parts.exclude(selectors.STOOD_IN_FOR).select_related("deposit", "provider_account").order_by("created_at")
    )
    template = "payments/portal/withdrawal.html#status" if request.htmx else "payments/portal/withdrawal.html"
    context = {"row": row, "parts": parts, "tracker": tracker_of(row, parts)}
    return page(request, template, context, live=[f"client:{request.client.pk}"])


@client_only
@require_POST
def withdrawal_cancel_view(request: Any, withdrawal_id: UUID) -> HttpResponse:
    row = selectors.client_withdrawal(request.client.pk, withdrawal_id)
    withdrawal_cancel(actor=request.actor, withdrawal_id=row.pk)
    return redirect("payments:withdrawal", row.pk)


@client_only
def funds_page(request: Any) -> HttpResponse:
    """Where the money comes from: what is asked, what was said, what is still needed. Whose money is kept may say it
    unasked."""
    row = funds.request_of(request.client.pk)
    if row is None and funds.kept_anywhere(request.client.pk) is None:
        return redirect("payments:cashier")
    wanted = row is None or row.state in (FundsState.ASKED, FundsState.REFUSED)
    said = {"origin": row.origin, "text": row.text} if row else None
    form = FundsForm(request.POST or None, request.FILES or None, initial=said)
    if request.method == "POST" and wanted and form.is_valid():
        try:
            _funds_given(request, form)
        except AppError as error:
            form.refuse(error)
        else:
            return redirect("payments:funds")
    status = 422 if request.method == "POST" else 200
    return page(request, "payments/portal/funds.html", {"row": row, "form": form, "wanted": wanted}, status=status)


def _funds_given(request: Any, form: FundsForm) -> None:
    funds.ask_kept(request.client.pk, request.actor)
    row = funds.request_of(request.client.pk)
    if row is None:  # all was freed a moment ago
        return
    given = form.cleaned_data["file"]
    funds.give(
        actor=request.actor, request_id=row.pk, origin=form.cleaned_data["origin"], text=form.cleaned_data["text"],
        data=given.read() if given else None, name=given.name if given else "",
    )  # fmt: skip
