"""Cases and documents of identity checks (product.md, K1)."""

from __future__ import annotations

from django.db import models
from django.utils.translation import pgettext_lazy

from kernel.models import Entity, StoredFile
from tenant_apps.clients.models import Client


class CaseState(models.TextChoices):
    DRAFT = "draft", pgettext_lazy("KYC case", "Being filled in")
    SUBMITTED = "submitted", pgettext_lazy("KYC case", "Waiting for review")
    PROPOSED = "proposed", pgettext_lazy("KYC case", "Waiting for a second officer")
    NEEDS_MORE = "needs_more", pgettext_lazy("KYC case", "More needed from the client")
    APPROVED = "approved", pgettext_lazy("KYC case", "Approved")
    REJECTED = "rejected", pgettext_lazy("KYC case", "Rejected")


OPEN = (CaseState.DRAFT, CaseState.SUBMITTED, CaseState.PROPOSED, CaseState.NEEDS_MORE)
TRANSITIONS: dict[str, frozenset[str]] = {
    CaseState.DRAFT: frozenset({CaseState.SUBMITTED}),
    CaseState.SUBMITTED: frozenset({CaseState.PROPOSED, CaseState.APPROVED, CaseState.NEEDS_MORE, CaseState.REJECTED}),
    CaseState.PROPOSED: frozenset({CaseState.APPROVED, CaseState.SUBMITTED, CaseState.NEEDS_MORE, CaseState.REJECTED}),
    CaseState.NEEDS_MORE: frozenset({CaseState.SUBMITTED}),
    CaseState.APPROVED: frozenset(),
    CaseState.REJECTED: frozenset(),
}


class DocumentKind(models.TextChoices):
    PASSPORT = "passport", pgettext_lazy("document", "Passport")
    ID_CARD = "id_card", pgettext_lazy("document", "Identity card")
    RESIDENCE_PERMIT = "residence_permit", pgettext_lazy("document", "Residence permit")
    UTILITY_BILL = "utility_bill", pgettext_lazy("document", "Utility bill")
    BANK_STATEMENT = "bank_statement", pgettext_lazy("document", "Bank statement")


IDENTITY_KINDS = (DocumentKind.PASSPORT, DocumentKind.ID_CARD, DocumentKind.RESIDENCE_PERMIT)
ADDRESS_KINDS = (DocumentKind.UTILITY_BILL, DocumentKind.BANK_STATEMENT)
TWO_SIDED = (DocumentKind.ID_CARD, DocumentKind.RESIDENCE_PERMIT)


class DocumentState(models.TextChoices):
    UPLOADED = "uploaded", pgettext_lazy("document state", "Uploaded")
    ACCEPTED = "accepted", pgettext_lazy("document state", "Accepted")
    REFUSED = "refused", pgettext_lazy("document state", "Please send again")


class RefusalReason(models.TextChoices):
    """What the client reads; each says what to do."""

    UNREADABLE = (
        "unreadable",
        pgettext_lazy("refusal", "The picture is blurred or too dark. Take it again in good light."),
    )
    CROPPED = "cropped", pgettext_lazy("refusal", "Not all four corners are visible. Show the whole document.")
    EXPIRED = "expired", pgettext_lazy("refusal", "The document has expired. Send one that is valid.")
    TOO_OLD = "too_old", pgettext_lazy("refusal", "The document is older than three months. Send a newer one.")
    NAME = "name", pgettext_lazy("refusal", "The name differs from your profile. Correct your profile or send another.")
    ADDRESS = "address", pgettext_lazy("refusal", "The address differs from your profile. Correct it or send another.")
    WRONG_KIND = "wrong_kind", pgettext_lazy("refusal", "This is not one of the documents we can accept here.")


class Case(Entity):
    """One go through the check. `answers` holds the appropriateness questions; `proposed_by` is the first officer."""

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="kyc_cases")
    state = models.CharField(max_length=12, choices=CaseState.choices, default=CaseState.DRAFT)
    level = models.PositiveSmallIntegerField(default=1)
    answers = models.JSONField(default=dict)
    submitted_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.CharField(max_length=160, blank=True)
    proposed_by = models.CharField(max_length=40, blank=True)
    proposed_by_label = models.CharField(max_length=160, blank=True)
    reason = models.TextField(blank=True)

    class Meta:
        db_table = "kyc_case"
        constraints = [
            models.UniqueConstraint(
                fields=["client"],
                condition=models.Q(state__in=[state.value for state in OPEN]),
                name="kyc_case_one_open",
            )
        ]
        indexes = [models.Index(fields=["state", "submitted_at"], name="kyc_case_queue")]

    def __str__(self) -> str:
        return f"KYC {self.client}"


class Document(Entity):
    """One page or side of a document, as uploaded. A newer upload of the same kind and side replaces an older one."""

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=20, choices=DocumentKind.choices)
    side = models.CharField(max_length=5, default="front")  # front, back
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT)
    state = models.CharField(max_length=10, choices=DocumentState.choices, default=DocumentState.UPLOADED)
    refusal = models.CharField(max_length=12, choices=RefusalReason.choices, blank=True)
    expires_on = models.DateField(null=True, blank=True)
    replaced = models.BooleanField(default=False)

    class Meta:
        db_table = "kyc_document"
        constraints = [
            models.UniqueConstraint(
                fields=["case", "kind", "side"], condition=models.Q(replaced=False), name="kyc_document_current"
            )
        ]

    def __str__(self) -> str:
        return self.get_kind_display()

    @property
    def is_identity(self) -> bool:
        return self.kind in IDENTITY_KINDS
