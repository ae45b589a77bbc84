from django.utils.translation import pgettext_lazy

from kernel.errors import Invalid


class Unreadable(Invalid):
    """A pair of colours below the contrast that people need (WCAG 2.2, 1.4.3)."""

    code = "unreadable"
    message = pgettext_lazy("brand", "With these colours some text could not be read. Choose a stronger colour.")


class TokensInvalid(Invalid):
    """A colour that is not hex, or a theme, font or radius that nobody designed."""

    code = "tokens_invalid"
    message = pgettext_lazy("brand", "Choose a colour such as #1d4ed8, and a theme, font and corner from the list.")


class LogoRefused(Invalid):
    """Not a raster picture we can decode, or too large."""

    code = "logo_refused"
    message = pgettext_lazy("brand", "This picture cannot be used. Upload a PNG, JPEG or WebP of up to 2 MB.")


class LanguagesInvalid(Invalid):
    """No language chosen, or one we do not have."""

    code = "languages_invalid"
    message = pgettext_lazy("brand", "Choose at least one language; the first is the default.")
