"""A brokerage before its first client: made by the real workflow, then staff, looks and rules as the owner would."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from kernel import auth, clock
from kernel.actors import Actor
from kernel.errors import AppError
from kernel.tenancy import context, directory
from kernel.tenancy.context import TenantRef

from . import pictures, small_print
from .book import SEED, Book, fresh
from .brokers import OPERATORS, Broker, Staff, request_of
from .codes import totp_secret
from .plan import DAYS

if TYPE_CHECKING:
    from tenant_apps.accounts.models import Team


class SeedFailed(AppError):
    """A part of the demo's data could not be made."""

    code = "seed_failed"
    status = 500


def operators(password_hash: str, recovery: list[str]) -> None:
    """The vendor's people, with second factors and (hashed) recovery codes. Public scope."""
    from shared_apps.operators.models import Operator

    with context.public(), transaction.atomic():
        for email, name, role in OPERATORS:
            row, made = Operator.objects.get_or_create(
                email=email,
                defaults={"name": name, "role": role, "password": password_hash, "email_verified_at": clock.now()},
            )
            if made:
                auth.totp_set(row, totp_secret(email))
                row.recovery_codes = recovery
                row.save(update_fields=["totp_sealed", "totp_confirmed_at", "recovery_codes"])


def provision(broker: Broker, password_hash: str) -> TenantRef:
    """Carry the brokerage through the provisioning workflow, here and now. Goes on where an earlier try stopped."""
    from provisioning.executor import advance
    from provisioning.models import ProvisioningRun, RunState
    from provisioning.services import run_start

    with context.public():
        run = ProvisioningRun.objects.filter(request__slug=broker.slug).exclude(state=RunState.FAILED).first()
        if run is None:
            operator = Actor(kind="operator", label=OPERATORS[0][1])
            since = clock.now() - timedelta(days=DAYS + 20)
            request = {**request_of(broker, password_hash), "since": since.isoformat()}
            run = run_start(request=request, actor=operator)
        state = advance(run.pk)
        run.refresh_from_db()
    directory.forget()
    tenant = fresh(broker.slug)
    if tenant is None or state != RunState.DONE:
        raise SeedFailed(f"{broker.name} could not be set up: {run.state} {run.technical}")
    return tenant


def staff(book: Book) -> None:
    """Everybody of the list, in every role, with the demo's password, a fixed second factor and its recovery codes."""
    from tenant_apps.accounts.models import Realm, Role, User

    roles = {role.code: role for role in Role.objects.all()}
    teams = _teams(book)
    for person in book.broker.staff:
        email = book.broker.email(person)
        row, _ = User.objects.get_or_create(realm=Realm.STAFF, email=email, defaults={"name": person.name})
        row.name, row.language, row.password = person.name, person.language, book.password_hash
        row.languages, row.team = list(person.speaks), teams.get(person.team)
        row.time_zone = str(book.tenant.setting("time_zone") or "UTC")
        row.email_verified_at = row.email_verified_at or book.until
        auth.totp_set(row, totp_secret(email))
        row.recovery_codes = book.recovery
        row.save()
        row.roles.set([roles[person.role]])
    book.__dict__.pop("users", None)


def _teams(book: Book) -> dict[str, Team]:
    from tenant_apps.accounts.models import Team

    spoken: dict[str, set[str]] = {}
    for person in book.broker.staff:
        if person.team:
            spoken.setdefault(person.team, set()).update(person.speaks)
    return {
        name: Team.objects.get_or_create(name=name, defaults={"languages": sorted(languages)})[0]
        for name, languages in spoken.items()
    }


def looks(book: Book) -> None:
    """Logos, second colour, support addresses and legal lines, published as the owner; region checked; KYC's four eyes."""
    from shared_apps.tenants.services import tenant_settings_merge
    from tenant_apps.branding import services as branding

    owner = book.actor(book.broker.owner)
    branding.brand_draft_save(
        actor=owner,
        changes={
            "support_email": f"support@{book.broker.domain}",
            "support_phone": book.broker.support_phone,
            "legal_footer": small_print.FOOTERS[book.broker.slug],
            "risk_warning": {language: small_print.RISKS[language] for language in book.broker.languages},
            "colour_dark": book.broker.second_colour if book.broker.slug == "nordwind" else "",
        },
    )
    for role, data in (
        ("logo", pictures.logo(book.broker, dark=False)),
        ("logo_dark", pictures.logo(book.broker, dark=True)),
        ("mark", pictures.mark(book.broker)),
    ):
        branding.brand_picture_set(actor=owner, role=role, data=data)
    branding.brand_publish(actor=owner)
    branding.locale_set(
        actor=owner,
        languages=list(book.broker.languages),
        time_zone=str(book.tenant.setting("time_zone")),
        currencies=list(book.broker.currencies),
    )
    tenant_settings_merge(tenant_id=book.tenant.id, changes={"kyc_four_eyes": book.broker.four_eyes})


def rules(book: Book) -> None:
    """Who gets which leads: English speakers to the international desk, a campaign to one agent, all others in turn."""
    from tenant_apps.leads.models import LeadRule
    from tenant_apps.leads.services import rule_save

    if LeadRule.objects.exists():
        return
    owner, broker = book.actor(book.broker.owner), book.broker
    agents = broker.with_role("sales")
    local = [one for one in agents if broker.languages[0] in one.speaks]

    def save(name: str, conditions: dict[str, list[str]], people: list[Staff], method: str) -> None:
        rule_save(
            rule=None,
            name=name,
            conditions=conditions,
            method=method,
            team_id=None,
            agents={book.user(one).pk: 1 for one in people},
            cap_open=None,
            cap_day=None,
            active=True,
            actor=owner,
        )

    save(
        "FX basics", {"campaigns": ["fx_basics"]}, local[:1], "round_robin"
    )  # the tour's, whatever the reader's browser speaks
    save("English", {"languages": ["en"]}, [one for one in agents if "en" in one.speaks], "least_loaded")
    save(
        broker.countries[0].code,
        {"countries": [broker.countries[0].code], "languages": [broker.languages[0]]},
        local[:1],
        "round_robin",
    )
    save("*", {}, local, "round_robin")


def finish(book: Book) -> None:
    """Prove what was written: the ledger's invariants and the audit trail's chain. Raises SeedFailed."""
    from kernel import audit
    from tenant_apps.ledger.selectors import broken_invariants, trial_balance

    audit.seal_all()
    if broken := broken_invariants():
        raise SeedFailed(f"{book.broker.name}: the ledger is not sound: {broken}")
    sums: dict[str, int] = {}
    for _, _, currency, minor in trial_balance():
        sums[currency] = sums.get(currency, 0) + minor
    if any(sums.values()):
        raise SeedFailed(f"{book.broker.name}: the ledger does not sum to zero: {sums}")
    verdict = audit.verify()
    if not verdict.ok:
        raise SeedFailed(f"{book.broker.name}: the audit trail is broken at block {verdict.broken_block}")


__all__ = ["SEED", "SeedFailed", "finish", "looks", "operators", "provision", "rules", "staff"]
