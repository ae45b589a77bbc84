"""The set-up checklist. Apps add items by the panel slot `office.setup`: their context gives

{"done": bool, "href": str, "text": str, "action": str}; title and icon are the panel's. None leaves the item out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.translation import pgettext_lazy

from kernel import panels
from tenant_apps.accounts.models import Realm, User
from tenant_apps.branding.models import BrandState, BrandVersion


@dataclass(frozen=True, slots=True)
class Item:
    key: str
    title: Any
    text: Any
    icon: str
    href: str
    action: Any
    done: bool
    order: int


def checklist(request: HttpRequest) -> list[Item]:
    """Own items and those of apps that this actor may see, open ones in their order."""
    return sorted([*_own(request), *_of_apps(request)], key=lambda item: item.order)


def _own(request: HttpRequest) -> list[Item]:
    account = request.account  # type: ignore[attr-defined]
    return [
        *_account_items(account),
        Item(
            "brand",
            pgettext_lazy("set-up item", "Put on your brand"),
            pgettext_lazy("set-up item", "Logo, colours, legal lines and the look of your mails."),
            "palette",
            "/branding/",
            pgettext_lazy("set-up item", "Open the editor"),
            BrandVersion.objects.filter(state=BrandState.PUBLISHED, number__gt=1).exists(),
            20,
        ),
        Item(
            "languages",
            pgettext_lazy("set-up item", "Languages and region"),
            pgettext_lazy("set-up item", "What your traders read, the default first, and your time zone."),
            "languages",
            "/branding/languages/",
            pgettext_lazy("set-up item", "Check"),
            bool(request.tenant.setting("locale_checked")),  # type: ignore[attr-defined]
            25,
        ),
        Item(
            "staff",
            pgettext_lazy("set-up item", "Invite your staff"),
            pgettext_lazy("set-up item", "Sales, compliance, finance: each with the rights of a role."),
            "user-plus",
            "/staff/invite/",
            pgettext_lazy("set-up item", "Invite"),
            User.objects.filter(realm=Realm.STAFF).count() > 1,
            30,
        ),
        Item(
            "domains",
            pgettext_lazy("set-up item", "Know your addresses"),
            pgettext_lazy("set-up item", "Portal and office are open under the platform's domain already."),
            "globe",
            "/branding/domains/",
            pgettext_lazy("set-up item", "Look"),
            True,
            35,
        ),
    ]


def _account_items(account: Any) -> list[Item]:
    """For staff only: an operator who is inside has no account here."""
    if not account:
        return []
    return [
        Item(
            "second-factor",
            pgettext_lazy("set-up item", "Protect your account"),
            pgettext_lazy("set-up item", "A second factor is required before you can change anything."),
            "shield-check",
            "/second-factor/",
            pgettext_lazy("set-up item", "Set it up"),
            account.second_factor,
            5,
        ),
    ]


def _of_apps(request: HttpRequest) -> list[Item]:
    return [item for panel in panels.panels("office.setup", request) if (item := _of_panel(panel, request))]


def _of_panel(panel: panels.Panel, request: HttpRequest) -> Item | None:
    values = panel.context(request, None)
    if values is None:
        return None
    return Item(
        panel.key,
        panel.title,
        values["text"],
        panel.icon,
        values["href"],
        values["action"],
        values["done"],
        panel.order,
    )
