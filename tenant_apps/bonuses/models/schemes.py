"""What a brokerage offers and under which rules. Every row here is proposed by one person and decided by another."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils.translation import get_language, pgettext_lazy

from kernel.models import Entity
from kernel.money import Money
from tenant_apps.wallets.models import Decided, Decision


def _four_eyes(name: str) -> models.CheckConstraint:
    apart = ~Q(decider_id=F("proposer_id")) & ~Q(decider_id="")
    return models.CheckConstraint(condition=~Q(state=Decision.APPROVED) | apart, name=name)


class PackChoice(Decided):
    """Which rule pack applies: `default`, and `countries` {"DE": "esma"} where another does. The latest approved holds."""

    default = models.CharField(max_length=20)
    countries = models.JSONField(default=dict)
    reason = models.CharField(max_length=300)

    class Meta:
        db_table = "bonuses_pack_choice"
        constraints = [
            _four_eyes("bonuses_pack_four_eyes"),
            models.UniqueConstraint(
                fields=["state"], condition=Q(state=Decision.PROPOSED), name="bonuses_pack_one_proposal"
            ),
        ]
        indexes = [models.Index(fields=["state", "-decided_at"], name="bonuses_pack_in_force")]

    def __str__(self) -> str:
        return self.default


class Scheme(Entity):
    """A bonus as the office knows it; its terms are versions. `order` decides where several fit: the lowest wins."""

    code = models.CharField(max_length=40)
    order = models.PositiveSmallIntegerField(default=50)

    class Meta:
        db_table = "bonuses_scheme"
        constraints = [models.UniqueConstraint(fields=["code"], name="bonuses_scheme_code")]

    def __str__(self) -> str:
        return self.code


class Burn(models.TextChoices):
    ALL = "all", pgettext_lazy("bonus burn", "The whole bonus")
    SHARE = "share", pgettext_lazy("bonus burn", "As large a part as is taken out")


class SchemeVersion(Decided):
    """Terms, never edited: a change is a further version, and grants keep the one they were made under.

    `currencies` {"EUR": {"minimum": 10000, "cap": 50000, "client_cap": 100000, "lots": "0.2"}}: least deposit, most per
    grant and per client over all grants of the scheme in minor units, and lots to trade per major unit of bonus.
    `equity_factor`: burnt as soon as equity <= credit times this. `offer_days` is how long an offer can be accepted.
    """

    scheme = models.ForeignKey(Scheme, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    enabled = models.BooleanField(default=True)
    names = models.JSONField(default=dict)
    terms = models.JSONField(default=dict)
    percent = models.DecimalField(max_digits=6, decimal_places=2)
    currencies = models.JSONField(default=dict)
    first_only = models.BooleanField(default=False)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    countries = models.JSONField(default=list)
    tags = models.JSONField(default=list)
    account_types = models.JSONField(default=list)
    symbols = models.JSONField(default=list)
    opt_in = models.BooleanField(default=True)
    offer_days = models.PositiveSmallIntegerField(default=7)
    days = models.PositiveSmallIntegerField(default=90)
    burn = models.CharField(max_length=8, choices=Burn.choices, default=Burn.ALL)
    equity_factor = models.DecimalField(max_digits=5, decimal_places=2, default=Decimal(1))

    class Meta:
        db_table = "bonuses_scheme_version"
        constraints = [
            _four_eyes("bonuses_scheme_four_eyes"),
            models.UniqueConstraint(fields=["scheme", "number"], name="bonuses_scheme_version_once"),
            models.UniqueConstraint(
                fields=["scheme"], condition=Q(state=Decision.PROPOSED), name="bonuses_scheme_one_proposal"
            ),
            models.CheckConstraint(
                condition=Q(percent__gt=0, equity_factor__gte=0, days__gt=0, offer_days__gt=0),
                name="bonuses_scheme_terms",
            ),
        ]
        indexes = [models.Index(fields=["state", "-decided_at"], name="bonuses_scheme_in_force")]

    def __str__(self) -> str:
        return f"{self.scheme} {self.number}"

    @property
    def name(self) -> str:
        """In the language of the page, else English, else whichever there is."""
        return _words(self.names) or self.scheme.code

    @property
    def terms_text(self) -> str:
        return _words(self.terms)

    def amount_of(self, currency: str, key: str) -> Money | None:
        """An amount of the currency table; None where the currency or the amount is not set."""
        minor = (self.currencies.get(currency) or {}).get(key)
        return None if minor is None else Money(int(minor), currency)

    def lots_per_unit(self, currency: str) -> Decimal:
        return Decimal(str((self.currencies.get(currency) or {}).get("lots", "0")))


def _words(texts: dict[str, Any]) -> str:
    language = (get_language() or "en").partition("-")[0]
    return str(texts.get(language) or texts.get("en") or next(iter(texts.values()), ""))
