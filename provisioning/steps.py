"""The steps of making a brokerage, in order. Each is idempotent, checked by reading back, and can be undone.

`forward` and `verify` run in one transaction with the step's line in the journal, so they call nobody outside: `call_out`
does, before that transaction and in none. What it stores it commits by itself, and finds again when killed before the line
was written; making a schema, on the owner's connection, is like that too.
`compensate` runs for steps from the last to the first, of a brokerage that was never active, also when `forward` never ran.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connections

from kernel import audit, clock
from kernel.actors import Actor
from kernel.tenancy import context, directory, schemas
from kernel.tenancy.context import TenantRef
from shared_apps.tenants import services as tenants
from shared_apps.tenants.models import Domain, Tenant, TenantState

from .errors import StepFailed
from .presets import PRESETS, connections_outside, defaults


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is about, as its steps see it."""

    run_id: UUID
    tenant_id: UUID
    request: dict[str, Any]
    requested_by: dict[str, Any]

    def tenant(self) -> Tenant:
        """The register's row. Raises StepFailed when an earlier step's work is gone."""
        with context.public():
            row = Tenant.objects.filter(pk=self.tenant_id).first()
        if row is None:
            raise StepFailed
        return row

    def ref(self) -> TenantRef:
        return self.tenant().ref()


class Step(ABC):
    """One line of the journal."""

    key: str

    def call_out(self, plan: Plan) -> None:
        """Talk to other systems. Outside of any transaction, so that no lock waits for them; safe to repeat."""
        return

    @abstractmethod
    def forward(self, plan: Plan) -> None: ...

    @abstractmethod
    def verify(self, plan: Plan) -> bool:
        """Whether reading back shows the step's work."""

    def compensate(self, plan: Plan) -> None:
        """Undo. The default: what lives in the schema goes with the schema."""
        return


class Register(Step):
    """Reserve the subdomain and the schema's name; make the data key."""

    key = "register"

    def forward(self, plan: Plan) -> None:
        request = plan.request
        tenants.tenant_register(
            slug=request["slug"],
            name=request["name"],
            tenant_id=plan.tenant_id,
            settings_=_settings_of(request),
        )
        tenants.tenant_state_set(tenant_id=plan.tenant_id, to=TenantState.PROVISIONING)

    def verify(self, plan: Plan) -> bool:
        tenant = plan.tenant()
        return tenant.slug == plan.request["slug"] and tenant.state == TenantState.PROVISIONING

    def compensate(self, plan: Plan) -> None:
        with context.public():
            Tenant.objects.filter(
                pk=plan.tenant_id, state__in=[TenantState.REQUESTED, TenantState.PROVISIONING]
            ).delete()


def _settings_of(request: dict[str, Any]) -> dict[str, Any]:
    preset = PRESETS[request["preset"]]
    return {
        "preset": preset.key,
        "languages": request.get("languages") or list(preset.languages),
        "currencies": request.get("currencies") or list(preset.currencies),
        "base_currency": (request.get("currencies") or preset.currencies)[0],
        "country": preset.country,
        "time_zone": preset.time_zone,
    }


class Schema(Step):
    """Replay the template's tables into a schema of its own, with its role and rights."""

    key = "schema"

    def forward(self, plan: Plan) -> None:
        schemas.create_schema(plan.tenant().schema)
        with context.public():
            Tenant.objects.filter(pk=plan.tenant_id).update(schema_version=schemas.template_fingerprint())

    def verify(self, plan: Plan) -> bool:
        """Same tables as the template, and the tenant's own role may read them."""
        schema = plan.tenant().schema
        sql = "SELECT nspname, count(*) FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
        with context.owner(context.PUBLIC_SCHEMA), connections[schemas.OWNER].cursor() as cursor:
            cursor.execute(f"{sql} WHERE nspname IN (%s, %s) AND relkind = 'r' GROUP BY 1", [schema, schemas.TEMPLATE])
            counts = dict(cursor.fetchall())
            cursor.execute("SELECT has_schema_privilege(%s, %s, 'USAGE')", [f"r_{schema}", schema])
            usable = cursor.fetchone()[0]
        return bool(usable) and counts.get(schema) == counts.get(schemas.TEMPLATE)

    def compensate(self, plan: Plan) -> None:
        with context.public():
            row = Tenant.objects.filter(pk=plan.tenant_id).exclude(state=TenantState.ACTIVE).first()
        if row:
            schemas.drop_schema(row.schema)


class Domains(Step):
    """Host names of portal and office under the platform's own domain."""

    key = "domains"

    def forward(self, plan: Plan) -> None:
        tenants.domains_ensure(tenant_id=plan.tenant_id, slug=plan.request["slug"])

    def verify(self, plan: Plan) -> bool:
        wanted = set(tenants.default_hosts(plan.request["slug"]).values())
        with context.public():
            return wanted <= set(Domain.objects.filter(tenant_id=plan.tenant_id).values_list("host", flat=True))

    def compensate(self, plan: Plan) -> None:
        with context.public():
            Domain.objects.filter(tenant_id=plan.tenant_id).delete()


class Roles(Step):
    """Owner, desk manager, sales, retention, compliance, dealing, finance, support, marketing, auditor."""

    key = "roles"

    def forward(self, plan: Plan) -> None:
        from tenant_apps.accounts.defaults import roles_ensure

        with context.use(plan.ref()):
            roles_ensure()

    def verify(self, plan: Plan) -> bool:
        from tenant_apps.accounts.models import Role

        with context.use(plan.ref()):
            return Role.objects.filter(code="owner").exists()


class Defaults(Step):
    """What each app sets up for a brokerage of this preset: documents, payment methods, forms, hooks."""

    key = "preset"

    def forward(self, plan: Plan) -> None:
        ref = plan.ref()
        with context.use(ref), _dated(plan.request.get("since")):
            for _, _, ensure in defaults():
                ensure(ref, plan.request["preset"])

    def verify(self, plan: Plan) -> bool:
        return plan.ref().setting("preset") == plan.request["preset"]


def _dated(since: str | None) -> AbstractContextManager[None]:
    """A brokerage of the demo has its defaults, documents above all, since before its invented clients (ISO time)."""
    return clock.frozen_at(datetime.fromisoformat(since)) if since and settings.DEMO else nullcontext()


class Connect(Step):
    """What apps arrange with other systems for a brokerage of this preset: webhooks, a trading server in the demo."""

    key = "connect"

    def call_out(self, plan: Plan) -> None:
        ref = plan.ref()
        with context.use(ref):
            for _, _, connect in connections_outside():
                connect(ref, plan.request["preset"])

    def forward(self, plan: Plan) -> None:
        return

    def verify(self, plan: Plan) -> bool:
        return plan.tenant().state == TenantState.PROVISIONING


class Brand(Step):
    """The first published version of the brand, from preset and chosen look."""

    key = "brand"

    def forward(self, plan: Plan) -> None:
        from tenant_apps.branding.services import brand_ensure

        request, preset = plan.request, PRESETS[plan.request["preset"]]
        look = request.get("look") or {}
        with context.use(plan.ref()):
            brand_ensure(
                tokens={
                    "name": request["name"],
                    "colour": look.get("colour") or preset.colour,
                    "preset": look.get("theme") or preset.theme,
                    "radius": look.get("radius") or "md",
                    "font": look.get("font") or "inter",
                    "support_email": request["owner_email"],
                }
            )

    def verify(self, plan: Plan) -> bool:
        return bool(plan.ref().setting("brand"))


class Owner(Step):
    """The owner's account, with the password chosen at sign-up (kept as a hash only) and a verified address."""

    key = "owner"

    def forward(self, plan: Plan) -> None:
        from tenant_apps.accounts.models import Realm, Role, User

        request = plan.request
        with context.use(plan.ref()):
            user, _ = User.objects.get_or_create(
                realm=Realm.STAFF,
                email=request["owner_email"],
                defaults={
                    "name": request["owner_name"],
                    "password": request["owner_password"],
                    "language": request.get("owner_language", ""),
                    "email_verified_at": clock.now(),
                },
            )
            user.roles.add(Role.objects.get(code="owner"))

    def verify(self, plan: Plan) -> bool:
        from tenant_apps.accounts.models import Realm, User

        with context.use(plan.ref()):
            owners = User.objects.filter(realm=Realm.STAFF, email=plan.request["owner_email"], roles__code="owner")
            return owners.count() == 1


class Welcome(Step):
    """The welcome mail, with the addresses of portal and office."""

    key = "mail"

    def forward(self, plan: Plan) -> None:
        from tenant_apps.notifications.services import mail_queue

        request = plan.request
        with context.use(plan.ref()):
            mail_queue(
                to=request["owner_email"],
                template="provisioning.welcome",
                context={
                    "name": request["owner_name"],
                    "company": request["name"],
                    "choose_password": request["owner_password"].startswith("!"),  # made in the console
                },
                language=request.get("owner_language") or "en",
                dedupe_key=f"provisioning:{plan.run_id}",
                from_name="Rialto",
            )

    def verify(self, plan: Plan) -> bool:
        from tenant_apps.notifications.models import Mail

        with context.use(plan.ref()):
            return Mail.objects.filter(dedupe_key=f"provisioning:{plan.run_id}").exists()


class Activate(Step):
    """From now on the brokerage is served; its own audit trail begins with who asked for it."""

    key = "activate"

    def forward(self, plan: Plan) -> None:
        ref = plan.ref()
        if ref.state != TenantState.ACTIVE:
            with context.use(ref):
                audit.record(
                    actor=Actor.from_json(plan.requested_by),
                    action="tenant.created",
                    label=ref.name,
                    after={"slug": ref.slug, "preset": plan.request["preset"]},
                )
        tenants.tenant_state_set(tenant_id=plan.tenant_id, to=TenantState.ACTIVE)

    def verify(self, plan: Plan) -> bool:
        directory.forget()
        return plan.tenant().state == TenantState.ACTIVE


STEPS: tuple[Step, ...] = (
    Register(),
    Schema(),
    Domains(),
    Roles(),
    Defaults(),
    Connect(),
    Brand(),
    Owner(),
    Welcome(),
    Activate(),
)
