"""From a request of the console to its actor."""

from __future__ import annotations

from django.http import HttpRequest

from kernel import auth
from kernel.actors import VISITOR, Actor, Reach

from .models import Operator, OperatorRole

_VIEW = {"console.tenants.view": Reach.ALL}
GRANTS: dict[str, dict[str, Reach]] = {
    OperatorRole.OWNER: _VIEW
    | dict.fromkeys(
        (
            "console.tenants.create",
            "console.tenants.state",
            "console.enter",
            "console.enter.write",
            "console.operators",
        ),
        Reach.ALL,
    ),
    OperatorRole.SUPPORT: _VIEW | {"console.enter": Reach.ALL},
    OperatorRole.FINANCE: _VIEW,
}


def find_operator(account_id: str) -> Operator | None:
    return Operator.objects.filter(pk=account_id).first()


def operator_actor(request: HttpRequest) -> tuple[Operator | None, Actor]:
    """Resolver named in settings: without the second factor shown in this session, no rights at all."""
    operator = auth.account_of(request, find_operator)
    if not isinstance(operator, Operator):
        return None, VISITOR
    shown = operator.second_factor and request.session.get("second_factor")
    request.second_factor_due = not shown  # type: ignore[attr-defined]
    return operator, Actor(
        kind="operator",
        id=str(operator.pk),
        label=operator.name,
        grants=GRANTS[operator.role] if shown else {},
        ip=getattr(request, "ip", None),
        user_agent=request.headers.get("User-Agent", "")[:300],
        language=operator.language,
        time_zone=operator.time_zone,
    )
