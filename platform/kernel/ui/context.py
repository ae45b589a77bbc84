"""What the page shells know about the current request: theme, brand, viewer, language, live token.

The request middleware calls `activate(UiState(...))`; templates read it as `ui`.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass, field, replace
from typing import Any

from django.http import HttpRequest
from django.utils import translation
from django.utils.translation import get_language_info

BASE_THEME = "base"
MODE_COOKIE = "rialto_mode"
MODES = ("light", "dark", "auto")


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandView:
    """The brand as the shells show it. URLs may be empty: then a lettermark and the preset's colours are used."""

    name: str = "Rialto"
    css_url: str = ""
    logo_url: str = ""
    logo_dark_url: str = ""
    favicon_url: str = ""
    support_email: str = ""
    legal_line: str = ""
    documents_url: str = ""  # the list of legal documents; empty where the surface has none
    privacy_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewerView:
    """The person looking: `name` and a second line such as the role or the client number."""

    name: str
    subtitle: str = ""
    email: str = ""
    avatar_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UiState:
    """Everything the middleware decides about the look of one request.

    `languages` are the codes on offer, in order. `live_token` is the signed token of the event stream, empty for
    pages that are not live. `command_url` answers the command palette with `<c-ui.command-item>` rows.
    """

    theme: str = BASE_THEME
    brand: BrandView = BrandView()
    viewer: ViewerView | None = None
    languages: tuple[str, ...] = ("en",)
    live_token: str = ""
    command_url: str = ""
    search_url: str = ""
    profile_url: str = ""
    logout_url: str = ""
    notifications_url: str = ""
    unread_notifications: int = 0
    language_url: str = "/i18n/setlang/"
    notice: str = ""
    notice_tone: str = "warning"
    notice_url: str = ""
    notice_action: str = ""
    notifications_topic: str = ""
    asked_at: float = field(default_factory=time.time)  # when the request came: the page knows nothing of later


_state: ContextVar[UiState] = ContextVar("ui_state", default=UiState())  # noqa: B039  frozen, so safe to share


def current() -> UiState:
    """The state of the current request, or the defaults outside one."""
    return _state.get()


def current_theme() -> str:
    """Name of the theme whose templates and tokens are in force."""
    return _state.get().theme


def activate(state: UiState) -> Token[UiState]:
    """Set the state for the current request; pass the token to `deactivate` when the request ends."""
    return _state.set(state)


def deactivate(token: Token[UiState]) -> None:
    """Put back the state that was in force before `activate`."""
    _state.reset(token)


def update(**changes: Any) -> UiState:
    """Change single fields for the rest of the request, for example the viewer once the log-in is known."""
    state = replace(_state.get(), **changes)
    _state.set(state)
    return state


@contextmanager
def using(state: UiState) -> Iterator[None]:
    """Run a block (a mail, a test) under another state."""
    token = activate(state)
    try:
        yield
    finally:
        deactivate(token)


def mode_of(request: HttpRequest) -> str:
    """Light, dark or auto as the viewer chose it in the cookie; `auto` follows the device."""
    mode = request.COOKIES.get(MODE_COOKIE, "auto")
    return mode if mode in MODES else "auto"


def language_name(code: str) -> str:
    """A language's own name with a capital letter, or the code for one Django does not know."""
    try:
        name = get_language_info(code)["name_local"]
    except KeyError:
        return code
    return name[:1].upper() + name[1:]


def ui(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `ui` in every template, read by all shells."""
    state = current()
    language = translation.get_language() or "en"
    return {
        "ui": {
            "theme": state.theme,
            "theme_css": "" if state.theme == BASE_THEME else f"theme-{state.theme}.css",
            "mode": mode_of(request),
            "lang": language,
            "dir": "rtl" if translation.get_language_bidi() else "ltr",
            "state": state,
            "brand": state.brand,
            "viewer": state.viewer,
            "languages": [(code, language_name(code)) for code in state.languages],
        }
    }
