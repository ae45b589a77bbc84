"""Class names of the component library, by component and variant.

Written out in full because Tailwind finds class names by reading files: a name put together from pieces is not built.
"""

BUTTON_BASE = "btn"
BUTTON_VARIANTS = {
    "primary": "btn-primary",
    "secondary": "ui-btn-secondary",
    "ghost": "btn-ghost",
    "soft": "ui-btn-soft",
    "danger": "btn-error",
    "danger-soft": "ui-btn-danger-soft",
    "success": "btn-success",
    "link": "ui-btn-link",
}
BUTTON_SIZES = {"xs": "btn-xs", "sm": "btn-sm", "md": "", "lg": "btn-lg"}

# Words the domain uses for a state, so that pages may pass the state itself.
TONES = {
    "neutral": "ui-tone-neutral",
    "brand": "ui-tone-brand",
    "info": "ui-tone-info",
    "success": "ui-tone-success",
    "warning": "ui-tone-warning",
    "danger": "ui-tone-danger",
    "error": "ui-tone-danger",
    "debug": "ui-tone-neutral",
}
BADGE_SIZES = {"sm": "ui-badge-sm", "md": "", "lg": "ui-badge-lg"}
CONTROL_SIZES = {"sm": "input-sm", "md": "", "lg": "input-lg"}
SPINNER_SIZES = {"sm": "loading-sm", "md": "loading-md", "lg": "loading-lg"}
AVATAR_SIZES = {"xs": "size-6 text-[.625rem]", "sm": "size-8 text-xs", "md": "size-9 text-xs",
                "lg": "size-12 text-base", "xl": "size-16 text-xl"}  # fmt: skip
MODAL_SIZES = {"sm": "max-w-sm", "md": "max-w-lg", "lg": "max-w-2xl", "xl": "max-w-5xl"}
TONE_ICONS = {
    "neutral": "info", "info": "info", "brand": "sparkles", "success": "circle-check", "warning": "triangle-alert",
    "danger": "circle-alert", "error": "circle-alert", "debug": "info",
}  # fmt: skip
# Django's message levels as tones.
MESSAGE_TONES = {
    "debug": "neutral",
    "info": "info",
    "success": "success",
    "warning": "warning",
    "error": "danger",
}
KINDS = {
    "button": BUTTON_VARIANTS,
    "button-size": BUTTON_SIZES,
    "tone": TONES,
    "badge-size": BADGE_SIZES,
    "control-size": CONTROL_SIZES,
    "spinner-size": SPINNER_SIZES,
    "avatar": AVATAR_SIZES,
    "modal": MODAL_SIZES,
    "tone-icon": TONE_ICONS,
    "message": MESSAGE_TONES,
}


def variant_class(kind: str, name: str) -> str:
    """Classes for a variant. Raises KeyError, naming what exists, for one nobody designed."""
    table = KINDS[kind]
    if name not in table:
        raise KeyError(f"no {kind} called {name!r}; there are {', '.join(table)}")
    return table[name]
