"""The address book: where a client's money may go, verified before anything is paid there.

Invariants. One account in the world is in a client's book once (unique fingerprint). What is paid to is verified and past
its cooling time; where the brokerage verifies none, the time runs from when it was added. Nobody verifies their own.
Details never change: another account is another destination.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import pgettext_lazy

from kernel import audit, clock, locks
from kernel.actors import Actor
from kernel.errors import Invalid, NotFound
from kernel.letters import latin_writable
from kernel.live import publish as live
from tenant_apps.clients.models import Client
from tenant_apps.clients.timeline import timeline_add

from .. import chain_addresses
from ..errors import WrongState
from ..models import (
    OPEN_WITHDRAWALS,
    BankLine,
    DepositState,
    Destination,
    DestinationState,
    PayoutSettings,
    ProviderAccount,
)
from ..payouts import payout_method
from ..permissions_list import DESTINATIONS
from ..ports import DestinationField, PayoutMethod, Shape
from .checks import iban_good, own_name
from .eyes import others_required

NETWORK = "network"  # the field that says which blockchain the address beside it is of
HOLDER = "holder"  # the field that has to bear the client's own name, where a method has it
MOST = 12  # destinations of one client: an address book, not a directory


def payout_settings() -> PayoutSettings:
    return PayoutSettings.objects.first() or PayoutSettings()


def normalised(field: DestinationField, value: str) -> str:
    """As it is stored and compared: without what people add for reading."""
    value = " ".join(value.split())
    if field.shape is Shape.IBAN:
        return "".join(value.split()).upper()
    if field.shape is Shape.EMAIL:
        return value.lower()
    if field.shape in (Shape.ACCOUNT, Shape.DOCUMENT, Shape.PHONE):
        return "".join(char for char in value if char.isalnum() or char == "+").upper()
    return value


def checked_details(method: PayoutMethod, details: Mapping[str, str], *, mode: str | None = None) -> dict[str, str]:
    """The method's fields, normalised. Raises Invalid at the field that is missing or cannot be. `mode`: whose addresses
    pass (`mode_of`), where that is known already."""
    found: dict[str, str] = {}
    for field in method.fields:
        value = normalised(field, str(details.get(field.name, "")))[: field.longest]
        if not value and field.required:
            raise Invalid(pgettext_lazy("payments error", "This is needed to pay you."), field=field.name)
        if value and field.shape is Shape.IBAN and not iban_good(value):
            raise Invalid(pgettext_lazy("payments error", "Enter a valid IBAN."), field=field.name)
        if value and field.shape is Shape.EMAIL and ("@" not in value or " " in value):
            raise Invalid(pgettext_lazy("payments error", "Enter a valid e-mail address."), field=field.name)
        if value and field.choices and value not in {code for code, _ in field.choices}:
            raise Invalid(pgettext_lazy("payments error", "Choose one of the list."), field=field.name)
        if value:
            found[field.name] = value
    _addresses_checked(method, found, mode)
    return found


def _addresses_checked(method: PayoutMethod, found: Mapping[str, str], mode: str | None) -> None:
    """An address has to be one of the network named beside it: money sent to any other is lost. Raises Invalid."""
    network = found.get(NETWORK, "")
    for field in method.fields:
        if field.shape is not Shape.ADDRESS or network not in chain_addresses.NETWORKS:
            continue
        if not chain_addresses.address_good(network, found.get(field.name, ""), mode or _mode(method)):
            raise Invalid(
                pgettext_lazy("payments error", "This is no address of the chosen network. Copy it from your wallet again."),
                field=field.name,
            )  # fmt: skip


def mode_of(accounts: Iterable[ProviderAccount], code: str) -> str:
    """Addresses of test networks pass only where nothing is paid out for real."""
    modes = {account.mode for account in accounts if account.enabled and code in account.payouts}
    return "test" if modes == {"test"} else "live"


def _mode(method: PayoutMethod) -> str:
    return mode_of(ProviderAccount.objects.filter(enabled=True, payouts__contains=[method.code]), method.code)


def fingerprint(method: PayoutMethod, details: Mapping[str, str]) -> str:
    """The same for the same account, whatever else was typed beside it."""
    names = method.identity or tuple(field.name for field in method.fields if field.name != HOLDER)
    words = {field.name for field in method.fields if field.shape is Shape.TEXT}  # letters' case may count in addresses
    addresses = {field.name for field in method.fields if field.shape is Shape.ADDRESS}
    parts = [method.code]
    for name in names:
        value = details.get(name, "")
        if name in addresses:
            value = chain_addresses.folded(details.get(NETWORK, ""), value)
        parts.append(value.casefold() if name in words else value)
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def masked(method: PayoutMethod, details: Mapping[str, str]) -> str:
    """What people recognise it by: "DE •••• 3000", "l•••@example.com"."""
    name = next(iter(method.identity), None) or next((field.name for field in method.fields), "")
    field = next((field for field in method.fields if field.name == name), None)
    value = details.get(name, "")
    if field is None or not value:
        return str(method.label)[:120]
    if field.shape is Shape.IBAN:
        return f"{value[:2]} •••• {value[-4:]}"
    if field.shape is Shape.EMAIL:
        return f"{value[:1]}•••@{value.partition('@')[2]}"
    return f"{value[:4]}…{value[-4:]}" if field.shape is Shape.ADDRESS else f"•••• {value[-4:]}"


def destination_add(*, actor: Actor, client: Client, method: str, details: Mapping[str, str]) -> Destination:
    """Write down where a client wants money to go; the one there already if it is the same account.

    Raises Invalid at a field: not payable, malformed, in another name. A refused one stays refused.
    """
    if actor.kind == "client":
        actor.require_client(client.pk)
    elif actor.kind != "system":
        actor.require(DESTINATIONS, client)
    known = payout_method(method)
    if known is None:
        raise Invalid(pgettext_lazy("payments error", "This way of paying out is not offered."), field="method")
    clean = checked_details(known, details)
    holder = clean.get(HOLDER, "")
    if HOLDER in {field.name for field in known.fields}:
        _holder_checked(known, holder, client)
    mark = fingerprint(known, clean)
    with transaction.atomic():
        locks.hold(f"destinations:{client.pk}")
        mine = Destination.objects.filter(client=client).exclude(state=DestinationState.RETIRED)
        if found := mine.filter(fingerprint=mark).first():
            if holder_writable(found) or found.state == DestinationState.REFUSED or _under_way(found):
                return found
            _retired(
                _locked(found.pk, DestinationState.NEW, DestinationState.VERIFIED), actor
            )  # the same account, written so that a bank can pay to it
        if mine.count() >= MOST:
            raise Invalid(pgettext_lazy("payments error", "Your address book is full. Remove one first."))
        row = Destination.objects.create(
            client=client,
            method=known.code,
            details=clean,
            holder=holder,
            country=_country(known, clean),
            fingerprint=mark,
            label=masked(known, clean),
            usable_from=_rested(),
        )
        if _paid_from_before(client, clean):
            _verified(row, Actor(kind="system", label="paid from before"))
        audit.record(
            actor=actor, action="payments.destination_added", obj=row, label=row.label, subject=client.pk,
            after={"method": row.method, "state": row.state},
        )  # fmt: skip
        _told(row, "payments.destination_added", actor)
    return row


def _holder_checked(method: PayoutMethod, holder: str, client: Client) -> None:
    """Raises Invalid for a name that the bank's file cannot write, and for another's."""
    if method.latin_holder and not latin_writable(holder):
        raise Invalid(
            pgettext_lazy("payments error", "Banks write names in Latin letters: enter yours as in your passport."),
            field=HOLDER,
        )
    if own_name(holder, client):
        return
    if method.latin_holder and not any(map(latin_writable, client.names)):
        raise Invalid(
            pgettext_lazy(
                "payments error",
                "We do not know your name in Latin letters yet. Ask our support to add it as in your passport, then add "
                "the account.",
            ),
            field=HOLDER,
        )
    raise Invalid(pgettext_lazy("payments error", "The account has to be in your own name."), field=HOLDER)


def holder_writable(row: Destination) -> bool:
    """Whether the bank's file can name the holder, where the account is paid by one. Older rows may be in other letters."""
    method = payout_method(row.method)
    return method is None or not method.latin_holder or latin_writable(row.holder)


def _country(method: PayoutMethod, details: Mapping[str, str]) -> str:
    for field in method.fields:
        if field.shape is Shape.IBAN and details.get(field.name):
            return details[field.name][:2]
    if details.get("country"):
        return details["country"][:2].upper()
    return next(iter(method.countries)) if method.countries and len(method.countries) == 1 else ""


def _paid_from_before(client: Client, details: Mapping[str, str]) -> bool:
    """The client has paid in from this very bank account, in their own name: the bank has verified it."""
    iban = details.get("iban", "")
    if not iban:
        return False
    lines = BankLine.objects.filter(client=client, counterparty_iban=iban, deposit__state=DepositState.CREDITED)
    return any(own_name(line.counterparty, client) for line in lines[:5])


def _rested() -> datetime:
    """When an account that is added or verified now has cooled. Adding counts where nobody verifies."""
    return clock.now() + timedelta(hours=payout_settings().cooling_hours)


def _verified(row: Destination, actor: Actor) -> None:
    now = clock.now()
    row.state, row.decided_at = DestinationState.VERIFIED, now
    row.decided_by_id, row.decided_by_label = actor.id, actor.label[:160]
    row.usable_from = _rested()
    row.updated_at = now
    row.save()


def _locked(destination_id: UUID, *states: DestinationState) -> Destination:
    row = Destination.objects.select_for_update(of=("self",)).select_related("client").filter(pk=destination_id).first()
    if row is None:
        raise NotFound
    if row.state not in states:
        raise WrongState
    return row


def destination_verify(*, actor: Actor, destination_id: UUID) -> Destination:
    """Staff has seen that the account is the client's. Raises SamePerson for one's own, WrongState."""
    with transaction.atomic():
        row = _locked(destination_id, DestinationState.NEW, DestinationState.REFUSED)
        actor.require(DESTINATIONS, row.client)
        others_required(actor, client=row.client)
        row.reason_text = ""
        _verified(row, actor)
        _decided(row, "payments.destination_verified", actor, "")
    return row


def destination_refuse(*, actor: Actor, destination_id: UUID, reason: str) -> Destination:
    """Nothing is paid there (any more). The client reads the reason. Raises Invalid without one, WrongState."""
    if not reason.strip():
        raise Invalid(pgettext_lazy("payments error", "Say why; the client reads it."), field="reason")
    with transaction.atomic():
        row = _locked(destination_id, DestinationState.NEW, DestinationState.VERIFIED)
        actor.require(DESTINATIONS, row.client)
        row.state, row.reason_text = DestinationState.REFUSED, reason.strip()[:300]
        row.decided_by_id, row.decided_by_label, row.decided_at = actor.id, actor.label[:160], clock.now()
        row.updated_at = clock.now()
        row.save()
        _decided(row, "payments.destination_refused", actor, row.reason_text)
    return row


def destination_remove(*, actor: Actor, destination_id: UUID) -> Destination:
    """The client takes it out of the book. Not while money is on its way there: raises WrongState."""
    with transaction.atomic():
        row = _locked(destination_id, DestinationState.NEW, DestinationState.VERIFIED, DestinationState.REFUSED)
        actor.require_client(row.client_id)
        if row.state == DestinationState.REFUSED or _under_way(row):
            raise WrongState(
                pgettext_lazy("payments error", "A withdrawal to it is under way, or it was refused: it stays.")
            )
        _retired(row, actor)
    return row


def _under_way(row: Destination) -> bool:
    return bool(row.withdrawals.filter(state__in=OPEN_WITHDRAWALS).exists())


def _retired(row: Destination, actor: Actor) -> None:
    row.state, row.updated_at = DestinationState.RETIRED, clock.now()
    row.save(update_fields=["state", "updated_at"])
    _decided(row, "payments.destination_removed", actor, "")


def usable(row: Destination | None, rules: PayoutSettings | None = None) -> str:
    """Why nothing may be paid there yet: "", "new", "refused", "retired" or "cooling". `rules` where they are read already."""
    if row is None:
        return ""
    if row.state in (DestinationState.REFUSED, DestinationState.RETIRED):
        return str(row.state)
    if row.state == DestinationState.NEW and (rules or payout_settings()).verify_destinations:
        return "new"
    return "cooling" if row.usable_from and row.usable_from > clock.now() else ""


def _decided(row: Destination, action: str, actor: Actor, reason: str) -> None:
    audit.record(actor=actor, action=action, obj=row, label=row.label, subject=row.client_id, reason=reason)
    _told(row, action, actor)


def _told(row: Destination, kind: str, actor: Actor) -> None:
    timeline_add(
        client_id=row.client_id, kind=kind, actor=actor,
        data={"destination_id": row.pk, "label": row.label, "method": row.method},
        dedupe_key=f"{kind}:{row.pk}:{row.updated_at.timestamp()}",
    )  # fmt: skip
    live.publish(f"client:{row.client_id}", {"destination": str(row.pk), "state": row.state})
    live.publish("money")
