"""Cases: the list, one after the other, and correcting entries under four eyes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse as url
from django.utils.translation import pgettext, pgettext_lazy
from django.views.decorators.http import require_GET, require_POST

from kernel import audit
from kernel.errors import NotFound
from kernel.guards import guard
from kernel.money import Money
from kernel.pages import acted, page
from kernel.ui.exports import download
from kernel.ui.forms import MoneyField, UiForm
from kernel.ui.tables import build_table
from tenant_apps.wallets.casework import colleagues

from .. import selectors
from ..models import Case, CaseKind, CaseState, Correction, CorrectionState, Place
from ..permissions_list import APPROVE, WORK
from ..services import cases as service
from ..services import corrections
from ..services.reports import TOPIC
from ..words import note_text
from .tables import CASES, export_rows

VIEWS = [
    ("open", pgettext_lazy("reconciliation view", "Open")), ("mine", pgettext_lazy("reconciliation view", "Mine")),
    ("waiting", pgettext_lazy("reconciliation view", "To approve")),
    ("closed", pgettext_lazy("reconciliation view", "Closed")), ("all", pgettext_lazy("reconciliation view", "All")),
]  # fmt: skip


class CorrectionForm(UiForm, forms.Form):
    """Where from, where to, how much, why; whose wallet where the case does not tell."""

    source = forms.ChoiceField(label=pgettext_lazy("correction", "From"), choices=Place.choices)
    target = forms.ChoiceField(label=pgettext_lazy("correction", "To"), choices=Place.choices)
    reason = forms.CharField(
        label=pgettext_lazy("correction", "Why"), max_length=500, widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(self, *args: Any, case: Case, **kwargs: Any) -> None:
        difference = case.difference
        more = difference.minor > 0
        super().__init__(*args, initial={
            "source": Place.CLEARING if more else Place.SUSPENSE, "target": Place.SUSPENSE if more else Place.CLEARING,
            "amount": abs(difference) if difference else None,
        }, **kwargs)  # fmt: skip
        self.fields["amount"] = MoneyField(currency=case.currency, label=pgettext_lazy("correction", "Amount"))
        if corrections.client_of(case) is None:
            self.fields["client"] = forms.IntegerField(
                label=pgettext_lazy("correction", "Client number"), required=False, min_value=1,
                help_text=pgettext_lazy("correction", "Only for a client's wallet."),
            )  # fmt: skip
        self.order_fields(["source", "target", "amount", "client", "reason"])


def _filtered(request: Any) -> tuple[Any, dict[str, str]]:
    chosen = {name: request.GET.get(name, "") for name in ("view", "kind", "account", "q")}
    chosen["view"] = chosen["view"] or "open"
    rows = selectors.cases_filtered(
        request.actor, view=chosen["view"], kind=chosen["kind"], account=chosen["account"], text=chosen["q"]
    )
    return rows, chosen


@guard("reconciliation.view")
@require_GET
def index(request: Any) -> HttpResponse:
    rows, chosen = _filtered(request)
    context = {
        "table": build_table(CASES, rows, request), "chosen": chosen, "views": VIEWS, "kinds": CaseKind.choices,
        "accounts": [(row.pk, row.name) for row in selectors.accounts()], "tab": "cases",
        "counts": selectors.case_counts(request.actor),
    }  # fmt: skip
    template = "reconciliation/cases.html#rows" if request.htmx else "reconciliation/cases.html"
    return page(request, template, context, live=[TOPIC])


@guard("reconciliation.view")
@require_GET
def export(request: Any) -> StreamingHttpResponse:
    rows, _ = _filtered(request)
    rows = rows.order_by("happened_at", "pk")
    audit.record(actor=request.actor, action="reconciliation.cases_exported", label="reconciliation-cases")
    return download(request, "reconciliation-cases", CASES.export_header(), lambda: export_rows(CASES, rows))


@guard("reconciliation.view")
@require_GET
def case(request: Any, case_id: UUID) -> HttpResponse:
    return _case(request, selectors.case_get(case_id))


def _case(request: Any, row: Case, form: CorrectionForm | None = None) -> HttpResponse:
    actor = request.actor
    rows = list(row.corrections.select_related("client", "reverses").order_by("created_at", "id"))
    legs = selectors.legs_of([one.transfer_id for one in rows if one.transfer_id])
    undone = {one.reverses_id for one in rows if one.reverses_id and one.state != CorrectionState.REFUSED}
    workable = row.state in (CaseState.OPEN, CaseState.IN_WORK) and actor.may(WORK)
    context = {
        "row": row, "notes": [(note, note.author or row.provider_account.name, note_text(note.author, note.text))
                              for note in row.notes.order_by("-id")[:50]], "tab": "cases", "workable": workable,
        "corrections": [
            {
                "row": one, "legs": legs.get(one.transfer_id or 0, []),
                "may_approve": one.state == CorrectionState.PROPOSED and actor.may(APPROVE) and one.proposer_id != actor.id,
                "may_refuse": one.state == CorrectionState.PROPOSED and (actor.may(APPROVE) or one.proposer_id == actor.id),
                "may_reverse": one.state == CorrectionState.POSTED and one.reverses_id is None and one.pk not in undone
                and row.state != CaseState.WAITING and actor.may(WORK),
            }
            for one in rows
        ],
        "form": form or (CorrectionForm(case=row) if workable else None),
        "client": corrections.client_of(row) if workable else None,
        "colleagues": colleagues(actor, WORK) if row.is_open and actor.may(WORK) else [],
        "may_work": actor.may(WORK), "mine": row.owner_id == actor.id,
        "crumbs": [
            (pgettext("navigation", "Reconciliation"), url("reconciliation:desk")),
            (pgettext("reconciliation tab", "Cases"), url("reconciliation:cases")),
        ],
    }  # fmt: skip
    return page(request, "reconciliation/case.html", context, live=[TOPIC], status=422 if form else 200)


def _act(request: Any, case_id: UUID, act: Callable[[], Any], done: str = "") -> HttpResponse:
    return acted(request, act, "reconciliation:case", case_id, done=done)


@guard("reconciliation.work")
@require_POST
def take(request: Any, case_id: UUID) -> HttpResponse:
    return _act(request, case_id, lambda: service.case_take(actor=request.actor, case_id=case_id))


@guard("reconciliation.work")
@require_POST
def hand_over(request: Any, case_id: UUID) -> HttpResponse:
    to = request.POST.get("to", "")
    return _act(
        request, case_id, lambda: service.case_hand_over(actor=request.actor, case_id=case_id, to=to),
        pgettext("reconciliation", "Handed over."),
    )  # fmt: skip


@guard("reconciliation.work")
@require_POST
def note(request: Any, case_id: UUID) -> HttpResponse:
    text = request.POST.get("text", "")
    return _act(request, case_id, lambda: service.case_note(actor=request.actor, case_id=case_id, text=text))


@guard("reconciliation.work")
@require_POST
def solve(request: Any, case_id: UUID) -> HttpResponse:
    reason = request.POST.get("reason", "")
    return _act(request, case_id, lambda: service.case_solve(actor=request.actor, case_id=case_id, reason=reason))


@guard("reconciliation.work")
@require_POST
def reopen(request: Any, case_id: UUID) -> HttpResponse:
    reason = request.POST.get("reason", "")
    return _act(request, case_id, lambda: service.case_reopen(actor=request.actor, case_id=case_id, reason=reason))


@guard("reconciliation.work")
@require_POST
def propose(request: Any, case_id: UUID) -> HttpResponse:
    row = selectors.case_get(case_id)
    form = CorrectionForm(request.POST, case=row)
    if not form.is_valid():
        return _case(request, row, form)
    given = form.cleaned_data
    amount: Money = given["amount"]
    return _act(
        request, case_id,
        lambda: corrections.correction_propose(
            actor=request.actor, case_id=case_id, source=given["source"], target=given["target"], amount=amount,
            reason=given["reason"], client_number=given.get("client"),
        ),
        pgettext("reconciliation", "Proposed. Somebody else has to approve it."),
    )  # fmt: skip


@guard("reconciliation.view")
@require_GET
def next_one(request: Any, case_id: UUID) -> HttpResponse:
    """The next case to work on; none left leads to the list."""
    found = selectors.next_case(selectors.case_get(case_id))
    return redirect("reconciliation:case", found.pk) if found else redirect("reconciliation:cases")


def _case_of(correction_id: UUID) -> UUID:
    found = Correction.objects.filter(pk=correction_id).values_list("case_id", flat=True).first()
    if found is None:
        raise NotFound
    return found


@guard("reconciliation.approve")
@require_POST
def approve(request: Any, correction_id: UUID) -> HttpResponse:
    return _act(
        request, _case_of(correction_id),
        lambda: corrections.correction_approve(actor=request.actor, correction_id=correction_id),
        pgettext("reconciliation", "Posted."),
    )  # fmt: skip


@guard("reconciliation.view")
@require_POST
def refuse(request: Any, correction_id: UUID) -> HttpResponse:
    reason = request.POST.get("reason", "")
    return _act(
        request, _case_of(correction_id),
        lambda: corrections.correction_refuse(actor=request.actor, correction_id=correction_id, reason=reason),
    )  # fmt: skip


@guard("reconciliation.work")
@require_POST
def reverse(request: Any, correction_id: UUID) -> HttpResponse:
    reason = request.POST.get("reason", "")
    return _act(
        request, _case_of(correction_id),
        lambda: corrections.correction_reverse(actor=request.actor, correction_id=correction_id, reason=reason),
        pgettext("reconciliation", "Proposed. Somebody else has to approve it."),
    )  # fmt: skip
