"""Which rules apply to clients, where they come from, and changing that under four eyes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from kernel.errors import Conflict, Invalid
from kernel.guards import guard
from kernel.pages import acted, page
from tenant_apps.clients.rule_packs import packs
from tenant_apps.wallets.models import Decision

from ..models import PackChoice
from ..permissions_list import APPROVE, PROPOSE
from ..services.packs import choice_approve, choice_in_force, choice_propose, choice_refuse
from .forms import RulesForm


@guard("bonuses.view")
def index(request: Any) -> HttpResponse:
    actor, choice = request.actor, choice_in_force()
    form = RulesForm(request.POST or None, choice=choice) if actor.may(PROPOSE) else None
    if request.method == "POST" and form is not None and form.is_valid() and _proposed(request, form):
        return redirect("bonuses:rules")
    waiting = PackChoice.objects.filter(state=Decision.PROPOSED).first()
    own = waiting is not None and waiting.proposer_id == actor.id
    context = {
        "choice": choice, "packs": list(packs().values()), "names": {key: pack.name for key, pack in packs().items()},
        "chosen": packs().get(choice.default) if choice else None, "form": form, "waiting": waiting, "own": own,
        "wanted": packs().get(waiting.default) if waiting else None,
        "overrides": _overrides(choice), "wanted_overrides": _overrides(waiting),
        "may_decide": waiting is not None and not own and actor.may(APPROVE), "tab": "rules",
    }  # fmt: skip
    return page(request, "bonuses/office/rules.html", context, status=422 if request.method == "POST" else 200)


def _overrides(choice: PackChoice | None) -> list[tuple[str, str]]:
    """Countries with the name of their pack."""
    return [(country, packs()[key].name) for country, key in sorted(choice.countries.items())] if choice else []


def _proposed(request: Any, form: RulesForm) -> bool:
    try:
        choice_propose(actor=request.actor, **form.cleaned_data)
    except (Invalid, Conflict) as error:
        form.refuse(error)
        return False
    messages.success(request, pgettext("bonus", "Proposed. Another person has to approve it."))
    return True


@guard("bonuses.approve")
@require_POST
def approve(request: Any, choice_id: UUID) -> HttpResponse:
    done = pgettext("bonus", "These rules hold from now on.")
    return acted(
        request, lambda: choice_approve(actor=request.actor, choice_id=choice_id), "bonuses:rules", done=done
    )  # fmt: skip


@guard("bonuses.view")
@require_POST
def refuse(request: Any, choice_id: UUID) -> HttpResponse:
    reason, done = request.POST.get("reason", ""), pgettext("bonus", "Closed; the rules stay as they are.")
    return acted(
        request,
        lambda: choice_refuse(actor=request.actor, choice_id=choice_id, reason=reason),
        "bonuses:rules",
        done=done,
    )
