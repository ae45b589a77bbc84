"""Who hears of what waits on the desk: each who may do the next thing, once, in their own language."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import override, pgettext

from kernel.money import Money
from kernel.ui.formatting import money_text
from tenant_apps.accounts.actors import actor_for
from tenant_apps.accounts.models import Realm, User
from tenant_apps.notifications.services import language_for, notify


def those_who_may(code: str, besides: Iterable[str] = ()) -> list[User]:
    """Active staff who hold a right."""
    left_out = set(besides)
    people = User.objects.filter(realm=Realm.STAFF, active=True).select_related("team").prefetch_related("roles")
    return [user for user in people if str(user.pk) not in left_out and actor_for(user).may(code)]


def tell_those_who_may(
    code: str, what: str, label: str, amount: Money | None, *, link: str, besides: Iterable[str] = ()
) -> None:
    """A line under the bell of everybody who holds `code`. Called in the transaction of what happened: told once."""
    for user in those_who_may(code, besides):
        with override(language_for(user.language)):
            titles = {
                "correction": pgettext("notification", "A correcting entry waits for your approval"),
                "alarm": pgettext("notification", "Something is stuck in payments"),
                "close": pgettext("notification", "A day's close waits for your signature"),
            }
            told = f"\u2066{money_text(amount)}\u2069 \u00b7 " if amount is not None else ""
            notify(
                user_id=user.pk, kind=f"reconciliation.{what}", title=titles[what], body=f"{told}\u2068{label}\u2069",
                link=link,
            )  # fmt: skip
