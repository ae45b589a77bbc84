"""The language switch of every shell: a cookie that LocaleMiddleware reads first."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from kernel.guards import open_to_all, safe_next
from kernel.middleware import offered_languages

YEAR = 365 * 24 * 3600


@open_to_all("choosing a language needs no account")
@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Remember the language for a year and return to the page it was chosen on."""
    response = redirect(safe_next(request))
    code = request.POST.get("language", "")
    if code in offered_languages(request):
        response.set_cookie("language", code, max_age=YEAR, samesite="Lax", secure=request.is_secure(), httponly=True)
    return response
