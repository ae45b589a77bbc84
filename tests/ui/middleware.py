"""The strict content security policy of the product and a made-up viewer, so that the guide runs as pages do."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from kernel.ui import context

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)


def live_token(request: HttpRequest) -> str:
    """`?live=1` for a live page; `stale` and `ended` have an old token, and a new or none when the page asks for itself."""
    kind = request.GET.get("live", "")
    if kind in ("stale", "ended") and request.headers["Sec-Fetch-Dest"] == "document":
        return "old-token"
    return {"1": "test-token", "stale": "new-token"}.get(kind, "")


class StyleguideMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        state = context.UiState(
            theme=request.GET.get("theme", "base"),
            brand=context.BrandView(
                name="Aurora Markets",
                css_url=f"/brand/{request.GET['brand']}.css" if "brand" in request.GET else "",
                legal_line="Aurora Markets Ltd. Trading leveraged products carries a high level of risk.",
            ),
            viewer=context.ViewerView(name="Lina Haddad", subtitle="Compliance", email="lina@example.com"),
            languages=("en", "de", "ar", "ru", "es"),
            notifications_url="/styleguide/notifications/",
            unread_notifications=3,
            profile_url="/profile/",
            logout_url="/logout/",
            live_token=live_token(request),
        )
        with context.using(state):
            response = self.get_response(request)
        response.headers["Content-Security-Policy"] = POLICY
        return response
