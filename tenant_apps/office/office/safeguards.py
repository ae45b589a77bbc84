"""The page of the brokerage's safeguards."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import pgettext

from kernel.errors import AppError
from kernel.guards import guard
from kernel.pages import page
from tenant_apps.wallets.change_selectors import changes_visible
from tenant_apps.wallets.change_told import proposed

from ..change_kinds import LOOSER
from ..forms import SafeguardsForm
from ..safeguards import ALL, loosens, safeguards_set


@guard("office.safeguards")
def index(request: Any) -> HttpResponse:
    form = SafeguardsForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _saved(request, form):
        return redirect("office:safeguards")
    waiting = changes_visible(request.actor).filter(kind=LOOSER, state="waiting").exists()
    return page(
        request, "office/safeguards.html", {"form": form, "waiting": waiting}, status=422 if form.errors else 200
    )


def _saved(request: Any, form: SafeguardsForm) -> bool:
    values = form.changed()
    if loosens(values):
        title = pgettext("navigation", "Safeguards")
        return proposed(request, form, kind=LOOSER, object_id=ALL, title=title, values=values)
    try:
        safeguards_set(actor=request.actor, values=values)
    except AppError as error:
        form.refuse(error)
        return False
    messages.success(request, pgettext("client", "Saved."))
    return True
