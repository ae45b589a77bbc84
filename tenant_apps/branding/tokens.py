"""What a broker sets about its looks, checked; and what pages and mails are told of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from kernel.ui.brand import BrandTokens, brand_hash, contrast_report, mail_colours
from kernel.ui.context import BASE_THEME

from .errors import TokensInvalid, Unreadable


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Colours are hex; `logo`, `logo_dark` and `mark` are ids of stored pictures; texts are kept by language code."""

    name: str
    colour: str = "#0f766e"
    colour_dark: str = ""
    preset: str = BASE_THEME
    font: str = "inter"
    radius: str = "md"
    logo: str = ""
    logo_dark: str = ""
    mark: str = ""
    mail_header: str = "logo"  # "logo" or "name"
    legal_footer: dict[str, str] = field(default_factory=dict)
    risk_warning: dict[str, str] = field(default_factory=dict)
    support_email: str = ""
    support_phone: str = ""

    @classmethod
    def read(cls, value: dict[str, Any]) -> Tokens:
        """From JSON; what an older release wrote and we no longer know is left out."""
        known = {entry.name for entry in fields(cls)}
        return cls(**{key: item for key, item in value.items() if key in known})

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def looks(self) -> BrandTokens:
        """The part the design system works with. Raises TokensInvalid."""
        try:
            return BrandTokens(
                colour=self.colour,
                colour_dark=self.colour_dark,
                preset=self.preset,
                font=self.font,
                radius=self.radius,
            )
        except ValueError as error:
            raise TokensInvalid(field="colour") from error

    def check(self) -> None:
        """Raises TokensInvalid, or Unreadable when a pair of colours is below its required contrast."""
        failed = [pair for pair in contrast_report(self.looks()) if not pair.passed]
        if failed:
            raise Unreadable(field="colour", pairs=[pair.name for pair in failed])


def register_entry(tokens: Tokens, pictures: dict[str, str]) -> dict[str, Any]:
    """What the register keeps for every request: addresses and literals, nothing to compute or to look up."""
    looks = tokens.looks()
    mail = mail_colours(looks)
    header_logo = pictures.get("logo", "") if tokens.mail_header == "logo" else ""
    return {
        "name": tokens.name,
        "looks": asdict(looks),
        "css_url": f"/brand/{brand_hash(looks)}.css",
        "logo_url": pictures.get("logo", ""),
        "logo_dark_url": pictures.get("logo_dark", "") or pictures.get("logo", ""),
        "mark_url": pictures.get("mark", ""),
        "mail_logo_url": header_logo,
        "colour": mail.brand,
        "mail_colours": asdict(mail),
        "legal_footer": tokens.legal_footer,
        "risk_warning": tokens.risk_warning,
        "support_email": tokens.support_email,
        "support_phone": tokens.support_phone,
    }


def changed(tokens: Tokens, **changes: Any) -> Tokens:
    return replace(tokens, **changes)
