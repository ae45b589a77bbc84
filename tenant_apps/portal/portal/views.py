"""A client's home, profile and activity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_POST

from kernel.errors import AppError
from kernel.guards import client_only
from kernel.pages import page
from kernel.panels import panels, rendered
from kernel.ui.forms import PhoneField, UiForm
from tenant_apps.accounts import services as accounts
from tenant_apps.accounts.forms import PasswordChangeForm, SettingsForm
from tenant_apps.accounts.models import User
from tenant_apps.accounts.selectors import sessions_of
from tenant_apps.clients import entities
from tenant_apps.clients import services as clients
from tenant_apps.clients.models import Client, KycState, Stage, TimelineEntry
from tenant_apps.clients.panels import lines
from tenant_apps.clients.selectors import documents_missing
from tenant_apps.clients.timeline import client_kinds


class ClientSettingsForm(SettingsForm):
    """Language and time zone; the name is part of the verified identity."""

    name = None  # type: ignore[assignment]


class ContactForm(UiForm, forms.Form):
    phone = PhoneField(label=pgettext_lazy("registration", "Mobile phone"))


@dataclass(frozen=True, slots=True)
class Step:
    """One of the steps to the first trade."""

    key: str
    title: Any
    text: Any
    state: str  # done, current, todo
    href: str


def next_steps(client: Client) -> list[Step]:
    """Verify the address, prove identity, deposit, trade: the first that is open is the current one."""
    traded = client.stage == Stage.FUNDED and client.active_days > 1
    kyc_done = client.kyc_state == KycState.APPROVED
    facts = [
        ("email", pgettext("next step", "Confirm your e-mail address"),
         pgettext("next step", "Open the link that we have sent to you."), client.email_verified_at is not None, ""),
        ("kyc", pgettext("next step", "Prove your identity"), _kyc_words(client), kyc_done, "/kyc/"),
        ("deposit", pgettext("next step", "Make your first deposit"),
         pgettext("next step", "By card, bank transfer or a local method."), client.ftd_at is not None, "/cashier/"),
        ("trade", pgettext("next step", "Start trading"),
         pgettext("next step", "Your platform log-in is under accounts."), traded, "/accounts/"),
    ]  # fmt: skip
    steps, reached = [], False
    for key, title, text, done, href in facts:
        state = "done" if done else "todo" if reached else "current"
        reached = reached or not done
        steps.append(Step(key, title, text, state, href))
    return steps


def _kyc_words(client: Client) -> str:
    return {
        KycState.SUBMITTED: pgettext("next step", "We are checking your documents."),
        KycState.NEEDS_MORE: pgettext("next step", "We need something more from you."),
        KycState.REJECTED: pgettext("next step", "Your documents could not be accepted."),
    }.get(KycState(client.kyc_state), pgettext("next step", "With a passport or identity card and a recent bill."))


@client_only
def home(request: HttpRequest) -> HttpResponse:
    """What to do next, and what the apps show."""
    client: Client = request.client  # type: ignore[attr-defined]
    if documents_missing(client):
        return redirect("clients:accept")
    steps = next_steps(client)
    values = {
        "client": client,
        "steps": steps,
        "current": next((step for step in steps if step.state == "current"), None),
        "panels": [html for one in panels("portal.home", request) if (html := rendered(one, request, client))],
        "lines": lines(_own_lines(client)[:6]),
    }
    return page(request, "portal/home.html", values, live=[f"client:{client.pk}"])


def _own_lines(client: Client) -> list[TimelineEntry]:
    """The lines of the timeline that are meant for the client."""
    return list(TimelineEntry.objects.filter(client=client, kind__in=client_kinds()).order_by("-at", "-id")[:100])


@client_only
def activity(request: HttpRequest) -> HttpResponse:
    client: Client = request.client  # type: ignore[attr-defined]
    return page(request, "portal/activity.html", {"lines": lines(_own_lines(client))}, live=[f"client:{client.pk}"])


@client_only
def profile(request: HttpRequest) -> HttpResponse:
    """Identity, settings, password, second factor, devices."""
    user = User.objects.get(pk=request.account.pk)  # type: ignore[attr-defined]
    form = ClientSettingsForm(request.POST or None, initial={"language": user.language, "time_zone": user.time_zone})
    if request.method == "POST" and form.is_valid():
        client: Client = request.client  # type: ignore[attr-defined]
        accounts.settings_update(user=user, actor=request.actor, **form.cleaned_data)  # type: ignore[attr-defined]
        clients.client_update(client=client, actor=request.actor, **form.cleaned_data)  # type: ignore[attr-defined]
        messages.success(request, pgettext("account", "Your settings are saved."))
        response = redirect("portal:profile")
        response.set_cookie(
            "language", form.cleaned_data["language"], max_age=365 * 24 * 3600, samesite="Lax", httponly=True
        )
        return response
    return _profile(request, user, form=form)


def _profile(request: HttpRequest, user: User, status: int = 200, **more: Any) -> HttpResponse:
    client: Client = request.client  # type: ignore[attr-defined]
    values = {
        "client": client,
        "user": user,
        "form": ClientSettingsForm(initial={"language": user.language, "time_zone": user.time_zone}),
        "contact_form": ContactForm(initial={"phone": client.phone}),
        "password_form": PasswordChangeForm(),
        "devices": sessions_of(user, request.session.session_key or ""),
        "codes_left": len(user.recovery_codes),
        "entity": entities.entity_of(client),
        **more,
    }
    return page(request, "portal/profile.html", values, status=status)


@client_only
@require_POST
def contact(request: HttpRequest) -> HttpResponse:
    user = User.objects.get(pk=request.account.pk)  # type: ignore[attr-defined]
    form = ContactForm(request.POST)
    if not form.is_valid():
        return _profile(request, user, 422, contact_form=form)
    clients.client_update(client=request.client, actor=request.actor, **form.cleaned_data)  # type: ignore[attr-defined]
    messages.success(request, pgettext("account", "Your settings are saved."))
    return redirect("portal:profile")


@client_only
@require_POST
def password(request: HttpRequest) -> HttpResponse:
    user = User.objects.get(pk=request.account.pk)  # type: ignore[attr-defined]
    form = PasswordChangeForm(request.POST)
    if form.is_valid():
        try:
            changed = accounts.password_change(
                user=user, current=form.cleaned_data["current"], new=form.cleaned_data["password"],
                actor=request.actor,  # type: ignore[attr-defined]
            )  # fmt: skip
        except AppError as error:
            form.refuse(error)
        else:
            request.session["epoch"] = changed.auth_epoch
            messages.success(request, pgettext("account", "Your password is changed; other devices are signed out."))
            return redirect("portal:profile")
    return _profile(request, user, 422, password_form=form)


@client_only
@require_POST
def sessions_end(request: HttpRequest) -> HttpResponse:
    user = User.objects.get(pk=request.account.pk)  # type: ignore[attr-defined]
    actor = request.actor  # type: ignore[attr-defined]
    if handle := request.POST.get("session"):
        accounts.session_end(user=user, session_prefix=handle, actor=actor)
    else:
        accounts.sign_out_everywhere(user=user, actor=actor, keep_session=request.session.session_key or "")
    messages.success(request, pgettext("account", "Signed out."))
    return redirect("portal:profile")
