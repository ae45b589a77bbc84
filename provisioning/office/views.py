"""The owner's first steps inside: in by a ticket, and the checklist."""

from __future__ import annotations

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from kernel import audit, auth, throttle
from kernel.guards import open_to_all, signed_in
from kernel.pages import page
from provisioning import services
from provisioning.checklist import checklist
from provisioning.errors import HandOverUnusable
from tenant_apps.accounts.actors import actor_for
from tenant_apps.accounts.models import Realm, User


@csrf_exempt  # posted from the site's host; the single-use ticket is the proof
@open_to_all("the ticket says who comes")
@require_POST
@transaction.atomic
def enter(request: HttpRequest) -> HttpResponse:
    """Log the owner in once, straight from the sign-up. The second factor is the checklist's first item."""
    throttle.check("hand-over", throttle.place(request.ip), burst=10, per_minute=10)  # type: ignore[attr-defined]
    email = services.hand_over_use(ticket=request.POST.get("ticket", ""))
    user = User.objects.filter(realm=Realm.STAFF, email=email, active=True).first()
    # A factor that was ever shown closes this way for good, also when it was reset since: the sign-up's session and its
    # mailed link live on for days, and ask for no password.
    if user is None or user.second_factor or user.totp_last_step:
        raise HandOverUnusable
    request.session.flush()
    auth.login(request, user)
    actor = actor_for(user, ip=request.ip)  # type: ignore[attr-defined]
    audit.record(actor=actor, action="accounts.logged_in", obj=user, after={"by": "sign-up"})
    return redirect("/setup/")


@signed_in
def setup(request: HttpRequest) -> HttpResponse:
    """What is left to do before traders come."""
    items = checklist(request)
    done = sum(item.done for item in items)
    values = {"items": items, "done": done, "percent": round(100 * done / max(1, len(items)))}
    return page(request, "provisioning/setup.html", values)
