"""Answering providers that call us and wait: what an adapter may ask and do meanwhile (ports.Desk).

One transaction holds the notes, the deposit's move and the stored call. The answer goes out after the commit; a process
killed in between has committed or not, and the provider repeats its call, which by the adapter's notes gets the same
answer. An account sees and moves its own deposits only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from kernel import clock
from kernel.actors import Actor, system
from kernel.ids import parse_uuid
from kernel.models import InboxMessage

from ..models import Deposit, ProviderAccount, ProviderNote
from ..ports import Conversing, DepositStatus, DepositView, IncomingCall, PaymentProvider, WebhookAnswer
from .deposit_rows import locked
from .deposits import deposit_apply


class AccountDesk:
    """The desk of one account, for one call."""

    def __init__(self, account: ProviderAccount, actor: Actor) -> None:
        self._account, self._actor = account, actor
        self.now = clock.now()
        self.applied: list[str] = []
        self.about = ""  # the deposit that was moved

    def deposit(self, reference: str) -> DepositView | None:
        mine = Deposit.objects.filter(provider_account=self._account)
        named = mine.filter(Q(pk=parse_uuid(reference)) | Q(reference=reference[:20]))
        deposit_id = named.values_list("pk", flat=True).first()
        if deposit_id is None:
            return None
        row = locked(deposit_id)
        return DepositView(
            deposit_id=row.pk, reference=row.reference, amount=row.amount, state=row.state, is_open=row.is_open
        )

    def recall(self, key: str) -> Mapping[str, Any] | None:
        row = self._notes().filter(key=key[:120]).first()
        return row.note if row else None

    def remember(self, key: str, note: Mapping[str, Any], *, deposit_id: UUID) -> None:
        assert Deposit.objects.filter(pk=deposit_id, provider_account=self._account).exists()
        ProviderNote.objects.update_or_create(
            provider_account=self._account,
            key=key[:120],
            defaults={"note": dict(note), "deposit_id": deposit_id, "updated_at": self.now},
            create_defaults={
                "note": dict(note), "deposit_id": deposit_id, "created_at": self.now, "updated_at": self.now
            },
        )  # fmt: skip

    def remembered(self, since: datetime, until: datetime) -> list[Mapping[str, Any]]:
        rows = self._notes().filter(created_at__gte=since, created_at__lt=until)
        return [row.note for row in rows.order_by("created_at", "pk")]

    def note_of(self, deposit_id: UUID) -> tuple[str, Mapping[str, Any]] | None:
        row = self._notes().filter(deposit_id=deposit_id).order_by("-created_at", "-pk").first()
        return (row.key, row.note) if row else None

    def apply(self, deposit_id: UUID, status: DepositStatus) -> str:
        assert Deposit.objects.filter(pk=deposit_id, provider_account=self._account).exists()
        done = deposit_apply(deposit_id=deposit_id, status=status, actor=self._actor)
        self.applied.append(done)
        self.about = str(deposit_id)
        return done

    def _notes(self) -> Any:
        return ProviderNote.objects.filter(provider_account=self._account)


def conversation(account: ProviderAccount, provider: PaymentProvider, call: IncomingCall) -> WebhookAnswer | None:
    """The provider's question answered, or None when it is none. Calls that moved something are kept raw."""
    if not isinstance(provider, Conversing):
        return None
    with transaction.atomic():
        desk = AccountDesk(account, system(f"{account.kind}: call"))
        answer = provider.converse(call, desk)
        if answer is not None and desk.applied:
            _keep(account, call, desk)
    return answer


def _keep(account: ProviderAccount, call: IncomingCall, desk: AccountDesk) -> None:
    """For whoever has to prove later why money was credited: what the provider said, word for word."""
    moment = clock.now()
    digest = hashlib.sha256(call.body + repr(sorted(call.query.items())).encode()).hexdigest()
    InboxMessage.objects.get_or_create(
        source=f"payments.{account.kind}:{account.pk}"[:60],
        event_key=f"call:{digest}",
        defaults={
            "body": call.body,
            "headers": {},
            "processed_at": moment,
            "about": desk.about,
            "outcome": ", ".join(desk.applied)[:200],
        },
    )
