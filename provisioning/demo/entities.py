"""Two companies of one brokerage: most clients have their contract with the one at home, one was moved to the one abroad."""

from __future__ import annotations

from .book import Book
from .brokers import NORDWIND

HOME = {
    "name": "Nordwind Markets GmbH", "registration_number": "HRB 000000 (Muster)", "licence": "BaFin 000000 (Muster)",
    "address": "Hafenweg 1, 20457 Hamburg", "pack": "esma",
    "countries": ["AT", "BE", "DE", "DK", "ES", "FI", "FR", "IE", "IT", "LU", "NL", "PL", "PT", "SE"], "is_default": True,
}  # fmt: skip
ABROAD = {
    "name": "Nordwind International Ltd", "registration_number": "000000 (sample)", "licence": "FSA Seychelles SD000 (sample)",
    "address": "Harbour Road 1, Victoria, Mahé", "pack": "offshore", "countries": [],
}  # fmt: skip
REASON = "Hat darum schriftlich gebeten"


def write(book: Book) -> None:
    from tenant_apps.clients.entities import client_entity_move, entity_save
    from tenant_apps.clients.models import Client, LegalEntity, Stage

    if book.broker is not NORDWIND or LegalEntity.objects.exists():
        return
    owner = book.actor(book.broker.owner)
    home, abroad = (entity_save(actor=owner, entity=LegalEntity(**values)) for values in (HOME, ABROAD))
    rows = Client.objects.exclude(stage=Stage.LEAD)
    rows.update(entity=home)
    moved = rows.order_by("-registered_at", "-pk").first()
    if moved is not None:
        officer = book.actor(book.staff("compliance"))
        client_entity_move(client=moved, entity_id=abroad.pk, reason=REASON, actor=officer)
