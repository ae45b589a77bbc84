"""Absolute addresses of this brokerage's portal, for providers and payers' browsers."""

from __future__ import annotations

from uuid import UUID

from django.urls import reverse

from kernel.tenancy import context, directory


def _portal(name: str, *args: object) -> str:
    path = reverse(f"payments:{name}", args=args, urlconf="config.urls_portal")
    return directory.absolute_url(context.tenant(), "portal", path)


def webhook_url(account_id: UUID) -> str:
    return _portal("webhook", account_id)


def return_url(deposit_id: UUID) -> str:
    """Where the payer comes back to. It waits for the webhook; coming back proves nothing and credits nothing."""
    return _portal("deposit-return", deposit_id)


def cancel_url(deposit_id: UUID) -> str:
    return _portal("deposit-return", deposit_id) + "?cancelled=1"


def withdrawal_url(withdrawal_id: UUID) -> str:
    """The client's own page about a withdrawal."""
    return _portal("withdrawal", withdrawal_id)
