"""Which tables live where: shared apps in `public`, tenant apps in a tenant's schema, no app in both."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.models import Model

from kernel.tenancy import context


class TenancyRouter:
    """Migrations run under an owner scope; the scope's schema decides which apps' tables are made."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        return None

    def allow_relation(self, one: Model, other: Model, **hints: Any) -> bool:
        return is_shared(one._meta.app_label) == is_shared(other._meta.app_label)

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        scope = context.scope_or_none()
        if scope is None:
            return False  # `makemigrations` looks at models only, and asks no database
        return is_shared(app_label) == (scope.schema == context.PUBLIC_SCHEMA)


def is_shared(app_label: str) -> bool:
    return app_label in settings.SHARED_APP_LABELS
