"""People: from the first form on a landing page to a funded trader it is one row that moves along stages."""

from __future__ import annotations

from django.db import models
from django.utils.translation import pgettext_lazy

from kernel.clock import now
from kernel.ids import uuid7
from kernel.letters import latin_writable
from kernel.models import Entity


class Stage(models.TextChoices):
    """How far somebody has come. Moves forward only, by compare-and-set."""

    LEAD = "lead", pgettext_lazy("client stage", "Lead")
    REGISTERED = "registered", pgettext_lazy("client stage", "Registered")
    VERIFIED = "verified", pgettext_lazy("client stage", "Verified")
    FUNDED = "funded", pgettext_lazy("client stage", "Funded")
    CLOSED = "closed", pgettext_lazy("client stage", "Closed")


class KycState(models.TextChoices):
    NONE = "none", pgettext_lazy("KYC state", "Not started")
    SUBMITTED = "submitted", pgettext_lazy("KYC state", "Waiting for review")
    NEEDS_MORE = "needs_more", pgettext_lazy("KYC state", "More needed")
    APPROVED = "approved", pgettext_lazy("KYC state", "Approved")
    REJECTED = "rejected", pgettext_lazy("KYC state", "Rejected")


class Risk(models.TextChoices):
    LOW = "low", pgettext_lazy("risk", "Low")
    NORMAL = "normal", pgettext_lazy("risk", "Normal")
    HIGH = "high", pgettext_lazy("risk", "High")


class LegalEntity(Entity):
    """A company of the brokerage that clients have their contract with, as they read it. Most brokerages keep none.

    `countries` are those whose residents newly come to it; empty means every country that no other one names. `pack` is a
    key of clients.rule_packs, or empty: as the brokerage chose. Once there is one, exactly one is the default (entities).
    """

    name = models.CharField(max_length=120)
    registration_number = models.CharField(max_length=60, blank=True)
    licence = models.CharField(max_length=120, blank=True)  # free text: "CySEC 123/45"
    address = models.CharField(max_length=300, blank=True)
    pack = models.CharField(max_length=20, blank=True)
    countries = models.JSONField(default=list, blank=True)
    is_default = models.BooleanField(default=False)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "clients_legal_entity"
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=models.Q(is_default=True), name="clients_entity_one_default"
            ),
            models.CheckConstraint(
                condition=models.Q(is_default=False) | models.Q(archived_at=None), name="clients_entity_default_lives"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Client(Entity):
    """A lead, trader or corporate client. `number` is what people say on the phone; it counts up per brokerage.

    `entity` is the company of the contract; null is the default one, or none in a brokerage that keeps no entities.
    `owner_id` is the responsible member of staff (accounts.User), `team_id` the desk; both decide who may see the row.
    `user_id` is the account to log in with, once registered. `ftd_*` is the first-time deposit, set once.
    """

    number = models.PositiveIntegerField()
    stage = models.CharField(max_length=12, choices=Stage.choices, default=Stage.LEAD)
    status = models.CharField(max_length=30, default="new")  # the sales pipeline's own status (leads app)
    corporate = models.BooleanField(default=False)
    first_name = models.CharField(max_length=80)
    last_name = models.CharField(max_length=80, blank=True)
    latin_name = models.CharField(max_length=160, blank=True, default="", db_default="")  # as a passport's last lines
    company = models.CharField(max_length=120, blank=True)
    email = models.CharField(max_length=254)
    phone = models.CharField(max_length=20, blank=True)  # E.164
    country = models.CharField(max_length=2, blank=True)  # ISO 3166-1 alpha-2
    language = models.CharField(max_length=10)
    time_zone = models.CharField(max_length=40, blank=True)
    birth_date = models.DateField(null=True, blank=True)
    nationality = models.CharField(max_length=2, blank=True)
    address = models.JSONField(default=dict, blank=True)  # line1, line2, city, postal_code
    currency = models.CharField(max_length=8)
    entity = models.ForeignKey(
        LegalEntity, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    user_id = models.UUIDField(null=True, blank=True)
    owner_id = models.UUIDField(null=True, blank=True)
    team_id = models.UUIDField(null=True, blank=True)
    kyc_state = models.CharField(max_length=12, choices=KycState.choices, default=KycState.NONE)
    kyc_level = models.PositiveSmallIntegerField(default=0)
    risk = models.CharField(max_length=10, default="normal")
    tags = models.JSONField(default=list, blank=True)
    source = models.JSONField(default=dict, blank=True)  # utm_*, referrer, landing page, click ids, partner code
    registered_at = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    ftd_at = models.DateTimeField(null=True, blank=True)
    ftd_minor = models.BigIntegerField(null=True, blank=True)
    ftd_currency = models.CharField(max_length=8, blank=True)
    last_login_at = models.DateTimeField(null=True, blank=True)
    last_contact_at = models.DateTimeField(null=True, blank=True)
    active_days = models.PositiveIntegerField(default=0)  # days with a log-in, a deal or a payment
    last_active_on = models.DateField(null=True, blank=True)
    consents = models.JSONField(default=dict, blank=True)  # {"marketing": {"at", "ip", "text"}}
    email_verified_at = models.DateTimeField(null=True, blank=True)
    email_changed_at = models.DateTimeField(null=True, blank=True)  # by staff, with the log-in (address_change)
    identity_changed_at = models.DateTimeField(
        null=True, blank=True
    )  # by staff, after it was verified (identity_change)
    identity_confirmed_at = models.DateTimeField(null=True, blank=True)  # by a second person, since then

    class Meta:
        db_table = "clients_client"
        constraints = [
            models.UniqueConstraint(fields=["number"], name="clients_client_number"),
            models.UniqueConstraint(fields=["email"], name="clients_client_email"),
            models.UniqueConstraint(
                fields=["user_id"], condition=models.Q(user_id__isnull=False), name="clients_client_user"
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="clients_client_newest"),
            models.Index(fields=["owner_id", "-created_at"], name="clients_client_owner"),
            models.Index(fields=["team_id", "-created_at"], name="clients_client_team"),
            models.Index(fields=["stage", "-created_at"], name="clients_client_stage"),
            models.Index(fields=["phone"], name="clients_client_phone"),
            models.Index(fields=["kyc_state", "updated_at"], name="clients_client_kyc"),
            models.Index(fields=["status", "-created_at"], name="clients_client_status"),
            models.Index(
                fields=["entity", "-created_at"], name="clients_client_entity", condition=models.Q(entity__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return self.company if self.corporate and self.company else f"{self.first_name} {self.last_name}".strip()

    @property
    def names(self) -> tuple[str, ...]:
        """The spellings that are this client's: as written, and a person's as their passport has it in Latin letters."""
        spelled = self.latin_name and not (self.corporate and self.company)
        return (self.name, self.latin_name) if spelled else (self.name,)

    @property
    def bank_name(self) -> str:
        """The name as a bank can write it, where a spelling is known."""
        return next((name for name in self.names if latin_writable(name)), self.name)


class ClientNumber(models.Model):
    """An empty table whose identity sequence counts the brokerage's clients: no row lock, no race, gaps allowed."""

    id = models.BigAutoField(primary_key=True)
    db_rights = "read"

    class Meta:
        db_table = "clients_number"

    def __str__(self) -> str:
        return str(self.id)


class TimelineEntry(models.Model):
    """One line on a client's timeline. `kind` is registered (clients.timeline) and decides words, icon and who may read.

    `data` holds what the words need: amounts as {"minor", "currency"}, ids as text.
    """

    id = models.BigAutoField(primary_key=True)
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="timeline")
    at = models.DateTimeField(default=now)
    kind = models.CharField(max_length=60)
    data = models.JSONField(default=dict)
    text = models.TextField(blank=True)  # what a person wrote: notes, call summaries
    actor_label = models.CharField(max_length=160, blank=True)
    actor_id = models.CharField(max_length=40, blank=True)
    pinned = models.BooleanField(default=False)
    dedupe_key = models.CharField(max_length=120, null=True, blank=True)

    class Meta:
        db_table = "clients_timeline"
        constraints = [models.UniqueConstraint(fields=["dedupe_key"], name="clients_timeline_once")]
        indexes = [models.Index(fields=["client", "-at", "-id"], name="clients_timeline_client")]

    def __str__(self) -> str:
        return self.kind


class Task(Entity):
    """Something a member of staff is to do about a client by a time (UTC)."""

    client = models.ForeignKey(Client, null=True, blank=True, on_delete=models.PROTECT, related_name="tasks")
    title = models.CharField(max_length=160)
    kind = models.CharField(max_length=40, default="task")  # call, follow_up, kyc, retention …
    notes = models.TextField(blank=True)
    owner_id = models.UUIDField()
    team_id = models.UUIDField(null=True, blank=True)
    due_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)
    origin = models.CharField(max_length=120, blank=True)  # who or which rule made it
    dedupe_key = models.CharField(max_length=120, null=True, blank=True)

    class Meta:
        db_table = "clients_task"
        constraints = [models.UniqueConstraint(fields=["dedupe_key"], name="clients_task_once")]
        indexes = [
            models.Index(fields=["owner_id", "done_at", "due_at"], name="clients_task_owner"),
            models.Index(fields=["due_at"], condition=models.Q(done_at__isnull=True), name="clients_task_open"),
        ]

    def __str__(self) -> str:
        return self.title


class LegalDocument(Entity):
    """A text that clients accept: terms, privacy notice, risk warning; by language and version. Never changed (legal)."""

    kind = models.CharField(max_length=40)
    language = models.CharField(max_length=10)
    version = models.PositiveIntegerField()
    title = models.CharField(max_length=160)
    body = models.TextField()
    sha256 = models.CharField(max_length=64)
    effective_at = models.DateTimeField()
    db_rights = "append"

    class Meta:
        db_table = "clients_legal_document"
        constraints = [
            models.UniqueConstraint(fields=["kind", "language", "version"], name="clients_legal_document_version"),
            models.CheckConstraint(
                condition=models.Q(version__gt=0) & ~models.Q(title="") & ~models.Q(body=""),
                name="clients_legal_document_words",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} v{self.version}"


class Acceptance(models.Model):
    """That a client accepted a document: which bytes, when, from where."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="acceptances")
    document = models.ForeignKey(LegalDocument, on_delete=models.PROTECT)
    sha256 = models.CharField(max_length=64)
    at = models.DateTimeField(default=now)
    ip = models.GenericIPAddressField(null=True)
    db_rights = "append"

    class Meta:
        db_table = "clients_acceptance"
        constraints = [models.UniqueConstraint(fields=["client", "document"], name="clients_acceptance_once")]

    def __str__(self) -> str:
        return f"{self.client_id} {self.document_id}"
