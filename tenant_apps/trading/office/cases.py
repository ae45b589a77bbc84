"""Trading cases in the office: the list, one case with its owner and notes, and its posting under four eyes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_GET, require_POST

from kernel.errors import AppError, NotFound
from kernel.guards import guard
from kernel.pages import acted, page
from kernel.ui.tables import Column, TableSpec, build_table
from tenant_apps.clients.eyes import shown
from tenant_apps.wallets.casework import colleagues
from tenant_apps.wallets.change_models import ProposedChange
from tenant_apps.wallets.change_told import told
from tenant_apps.wallets.services.changes import change_refuse

from .. import case_selectors, case_words
from ..forms import NoteForm
from ..models import Case, CaseKind, CaseState
from ..permissions_list import CASES_APPROVE, CASES_EDIT, CASES_VIEW, VIEW
from ..services import cases as service

CASES = TableSpec(
    default_sort="-when",
    page_size=50,
    columns=[
        Column(key="kind", label=pgettext_lazy("trading case", "What")),
        Column(key="account", label=pgettext_lazy("trading case", "Account")),
        Column(key="amount", label=pgettext_lazy("trading case", "Amount"), align="num"),
        Column(key="when", label=pgettext_lazy("trading case", "Found"), sort="created_at", align="end"),
        Column(key="owner", label=pgettext_lazy("trading case", "Responsible")),
        Column(key="state", label=pgettext_lazy("trading case", "State"), align="end"),
    ],
)
VIEWS = [
    ("open", pgettext_lazy("trading case view", "Open")), ("mine", pgettext_lazy("trading case view", "Mine")),
    ("waiting", pgettext_lazy("trading case view", "To approve")),
    ("resolved", pgettext_lazy("trading case view", "Resolved")), ("all", pgettext_lazy("trading case view", "All")),
]  # fmt: skip
TONES = {"open": "warning", "in_work": "info", "waiting": "info", "resolved": "success"}


def _stand(case: Case) -> Case:
    """With words and tone of where it stands, as the templates show it."""
    standing = CaseState(case.standing)  # type: ignore[attr-defined]
    case.stand, case.tone = standing.label, TONES[standing]  # type: ignore[attr-defined]
    return case


@guard(CASES_VIEW)
@require_GET
def case_list(request: Any) -> HttpResponse:
    """Open cases first; told live of new ones."""
    view = request.GET.get("state", "open")
    view = view if view in case_selectors.CASE_VIEWS else "open"
    kind = request.GET.get("kind", "")
    kind = kind if kind in CaseKind.values else ""
    table = build_table(CASES, case_selectors.cases_filtered(request.actor, view=view, kind=kind), request)
    values = {
        "table": table, "rows": [_line(row) for row in table.page.rows], "kinds": CaseKind.choices, "state": view,
        "states": VIEWS, "kind": kind,
    }  # fmt: skip
    if request.htmx:
        return render(request, "trading/office/cases.html#rows", values)
    return page(request, "trading/office/cases.html", values, live=["money"])


def _line(case: Case) -> tuple[Case, str, str]:
    """With who resolved it and what they said."""
    done = bool(case.resolved_at)
    return _stand(case), case_words.author_words(case.resolved_by) if done else "", case_words.note_words(case.note)


@guard(CASES_VIEW)
@require_GET
def case(request: Any, case_id: UUID) -> HttpResponse:
    return _case(request, case_id)


def _get(request: Any, case_id: UUID) -> Case:
    found = case_selectors.cases_visible(request.actor).filter(pk=case_id).first()
    if found is None:
        raise NotFound
    return _stand(found)


def _case(request: Any, case_id: UUID, form: NoteForm | None = None) -> HttpResponse:
    actor, found = request.actor, _get(request, case_id)
    proposal = service.proposal_of(found)
    may_work = actor.may(CASES_EDIT)
    workable = may_work and not found.resolved_at
    values = {
        "case": found, "facts": case_words.facts(found), "proposal": proposal, "workable": workable,
        "may_account": actor.may(VIEW, found.account.client) if found.account else False,
        "may_work": may_work, "mine": found.owner_id == actor.id, "colleagues": colleagues(actor, CASES_EDIT) if workable else [],
        "resolver": case_words.author_words(found.resolved_by) if found.resolved_at else "",
        "note": case_words.note_words(found.note),
        "notes": [(row, case_words.author_words(row.author), case_words.note_words(row.text))
                  for row in found.notes.order_by("-id")[:50]],
        "form": (form or NoteForm()) if workable and proposal is None else None,
        "crumbs": [(pgettext("navigation", "Trading cases"), reverse("trading:office-cases"))],
        **_rights(actor, proposal),
    }  # fmt: skip
    return page(request, "trading/office/case.html", values, status=422 if form else 200)


def _rights(actor: Any, proposal: ProposedChange | None) -> dict[str, Any]:
    """What the actor may do with the proposal that waits, and the digest of what they are shown."""
    if proposal is None:
        return {}
    own = proposal.proposer_id == actor.id
    agrees = actor.may(CASES_APPROVE, proposal.client)
    return {"own": own, "may_approve": agrees and not own, "may_refuse": agrees or own, "seen": shown(proposal)}


def _act(request: Any, case_id: UUID, act: Callable[[], Any], done: str = "") -> HttpResponse:
    return acted(request, act, "trading:office-case", case_id, done=done)


@guard(CASES_EDIT)
@require_POST
def take(request: Any, case_id: UUID) -> HttpResponse:
    return _act(request, case_id, lambda: service.case_take(actor=request.actor, case_id=case_id))


@guard(CASES_EDIT)
@require_POST
def hand_over(request: Any, case_id: UUID) -> HttpResponse:
    to = request.POST.get("to", "")
    return _act(
        request, case_id, lambda: service.case_hand_over(actor=request.actor, case_id=case_id, to=to),
        pgettext("trading case", "Handed over."),
    )  # fmt: skip


@guard(CASES_EDIT)
@require_POST
def note(request: Any, case_id: UUID) -> HttpResponse:
    text = request.POST.get("text", "")
    return _act(request, case_id, lambda: service.case_note(actor=request.actor, case_id=case_id, text=text))


@guard(CASES_EDIT)
@require_POST
def resolve(request: Any, case_id: UUID) -> HttpResponse:
    """At once where nothing is posted, else proposed for a second person."""
    form = NoteForm(request.POST)
    if not form.is_valid():
        return _case(request, case_id, form)
    try:
        row = service.case_resolve(actor=request.actor, case_id=case_id, note=form.cleaned_data["note"])
    except NotFound:
        raise
    except AppError as error:
        messages.error(request, str(error))
    else:
        if row is None:
            messages.success(request, pgettext("trading case", "Resolved."))
        else:
            told(request, row)
    return redirect("trading:office-case", case_id)


def _proposal(request: Any, case_id: UUID) -> ProposedChange:
    """What waits about this case. Raises NotFound for none: it was decided meanwhile, or there never was one."""
    found = service.proposal_of(_get(request, case_id))
    if found is None:
        raise NotFound
    return found


@guard(CASES_APPROVE)
@require_POST
def approve(request: Any, case_id: UUID) -> HttpResponse:
    row, seen = _proposal(request, case_id), request.POST.get("seen", "")
    return _act(
        request, case_id, lambda: service.settlement_approve(actor=request.actor, change_id=row.pk, seen=seen),
        pgettext("trading case", "Posted and resolved."),
    )  # fmt: skip


@guard(CASES_EDIT, CASES_APPROVE)
@require_POST
def refuse(request: Any, case_id: UUID) -> HttpResponse:
    """Another's proposal, with the reason; one's own is taken back."""
    row, reason = _proposal(request, case_id), request.POST.get("reason", "")
    return _act(
        request, case_id, lambda: change_refuse(actor=request.actor, change_id=row.pk, reason=reason),
        pgettext("trading case", "Closed; nothing was posted."),
    )  # fmt: skip
