"""The rules a brokerage starts with, switched on. Idempotent; never overwrites."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import translation
from django.utils.translation import pgettext, pgettext_lazy

from kernel.actors import named, system
from tenant_apps.notifications.services import language_for

from . import services
from .models import Rule

ORDER = 70
SETUP = system(named("setup", pgettext_lazy("system actor", "Set-up")))


def _rules() -> dict[str, dict[str, Any]]:
    """Names and titles in the brokerage's language: from then on they are its data."""
    return {
        "retention-30-days": {
            "name": pgettext("rule", "After 30 active days: retention"),
            "trigger": {"kind": "event", "event": "clients.active_day", "where": {"active_days": 30}},
            "conditions": None,
            "actions": [
                {
                    "do": "task",
                    "title": pgettext("rule", "30 active days: talk to {name} about what comes next"),
                    "kind": "retention",
                    "due_hours": 24,
                    "to": "owner",
                },
                {"do": "notify", "title": pgettext("rule", "A client reached 30 active days"), "to": "owner"},
            ],
        },
        "no-kyc-24-hours": {
            "name": pgettext("rule", "Registered and no KYC in 24 hours"),
            "trigger": {
                "kind": "absence",
                "event": "clients.registered",
                "hours": 24,
                "unless": ["kyc.submitted", "kyc.approved"],
            },
            "conditions": {
                "op": "and",
                "items": [{"fact": "kyc_state", "test": "not_in", "value": ["submitted", "approved", "rejected"]}],
            },
            "actions": [
                {"do": "mail", "mail": "kyc_reminder"},
                {
                    "do": "task",
                    "title": pgettext("rule", "Help {name} with the identity check"),
                    "kind": "kyc",
                    "due_hours": 24,
                    "to": "owner",
                },
            ],
        },
        "first-deposit": {
            "name": pgettext("rule", "First deposit: tell the agent"),
            "trigger": {"kind": "event", "event": "payments.deposit_credited", "where": {"first": True}},
            "conditions": None,
            "actions": [
                {"do": "notify", "title": pgettext("rule", "First deposit from {name}"), "to": "owner"},
                {
                    "do": "task",
                    "title": pgettext("rule", "First deposit: call {name} and say thank you"),
                    "kind": "call",
                    "due_hours": 4,
                    "to": "owner",
                },
            ],
        },
    }


@transaction.atomic
def ensure(preset: str = "") -> None:
    """Called by provisioning for every new brokerage, whatever the preset."""
    with translation.override(language_for("")):
        rules = _rules()
    known = set(Rule.objects.values_list("key", flat=True))
    for key, rule in rules.items():
        if key not in known:
            row = services.rule_publish(rule=None, key=key, actor=SETUP, **rule)
            services.rule_activate(rule=row, active=True, actor=SETUP)
