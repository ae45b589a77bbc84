"""Where providers call. The signature is the door; nobody is logged in here."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from kernel import clock
from kernel.guards import open_to_all
from kernel.logs import log

from ..models import ProviderAccount
from ..ports import SignatureInvalid
from ..services.webhooks import call_answer

LARGEST = 1_000_000


@open_to_all("payment providers call it; every body is verified against the account's secret before it is stored")
@csrf_exempt
@require_POST
def webhook(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """Verify, store, answer, or hold a conversation. 200 also for what was there already; 403 for a bad signature, unless
    the provider has words of its own for that; 404 for no such account."""
    if int(request.headers.get("Content-Length") or 0) > LARGEST:
        return HttpResponse(status=413)
    try:
        answer = call_answer(
            account_id=account_id, headers=request.headers, body=request.body, query=request.GET.dict()
        )
    except ProviderAccount.DoesNotExist:
        return HttpResponse(status=404)
    except SignatureInvalid:
        log.warning("webhook_refused", account=str(account_id))
        return HttpResponse("signature", status=403, content_type="text/plain")
    response = HttpResponse(answer.body, status=answer.status, content_type=answer.content_type)
    for name, value in answer.headers.items():
        response[name] = value
    return response


@open_to_all(
    "payers come back from the provider's site, some by a cross-site POST without our cookie; it only redirects"
)
@csrf_exempt
def deposit_return(request: HttpRequest, deposit_id: UUID) -> HttpResponse:
    """From the provider's page to the deposit's own, which may say for a while that the payer has just been there. What
    the browser brings along is not looked at."""
    response = redirect("payments:deposit", deposit_id)
    response.status_code = 303
    response["Location"] += (
        "?cancelled=1" if "cancelled" in request.GET else f"?returned={int(clock.now().timestamp())}"
    )
    return response
