"""Changes that wait for a second person: rules of money, provider accounts, and what is final about a client's money.

The table has the name it was made under.

State machine (services/changes.py): waiting → approved | refused | withdrawn
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import pgettext_lazy

from kernel.models import Entity
from tenant_apps.clients.models import Client


class ChangeState(models.TextChoices):
    WAITING = "waiting", pgettext_lazy("change state", "Waits for a second person")
    APPROVED = "approved", pgettext_lazy("change state", "In force")
    REFUSED = "refused", pgettext_lazy("change state", "Refused")
    WITHDRAWN = "withdrawn", pgettext_lazy("change state", "Taken back")


class ProposedChange(Entity):
    """What one person wants to change and another has to agree to. Nothing of it is in force before.

    `before` and `after` are what people are shown, as the audit trail keeps it; `values` is what is stored. Keys and other
    secrets are in neither: they wait sealed under the change's own name. `alone`: nobody else has the right, so that it
    took effect at once.
    """

    kind = models.CharField(max_length=30)
    object_id = models.UUIDField()
    client = models.ForeignKey(Client, null=True, on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=200)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    values = models.JSONField(default=dict)
    note = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=10, choices=ChangeState.choices, default=ChangeState.WAITING)
    alone = models.BooleanField(default=False)
    proposer_id = models.CharField(max_length=40)
    proposer_label = models.CharField(max_length=160)
    decider_id = models.CharField(max_length=40, blank=True)
    decider_label = models.CharField(max_length=160, blank=True)
    decided_at = models.DateTimeField(null=True)
    refusal = models.CharField(max_length=300, blank=True)

    class Meta:
        db_table = "payments_change"
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "object_id"], condition=models.Q(state="waiting"), name="payments_change_one_waits"
            ),
            models.CheckConstraint(
                condition=~models.Q(state="approved")
                | models.Q(alone=True)
                | ~models.Q(decider_id=models.F("proposer_id")),
                name="payments_change_four_eyes",
            ),
        ]
        indexes = [models.Index(fields=["state", "-created_at"], name="payments_change_state")]

    def __str__(self) -> str:
        return self.title
