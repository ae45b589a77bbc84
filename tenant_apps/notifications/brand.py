"""How this brokerage's mails look: from the published brand that the register keeps, without a query."""

from __future__ import annotations

from typing import Any

from kernel.mail import MailBrand
from kernel.tenancy import context, directory


def mail_brand(language: str) -> MailBrand:
    """The present brokerage's brand for mails, its legal texts in a language (else its first)."""
    tenant = context.tenant()
    tokens: dict[str, Any] = tenant.setting("brand", {}) or {}
    portal = directory.absolute_url(tenant, "portal", "")
    logo = str(tokens.get("mail_logo_url", ""))
    colours = tokens.get("mail_colours")
    lines = (in_language(tokens.get(key), language) for key in ("legal_footer", "risk_warning"))
    return MailBrand(
        name=str(tokens.get("name") or tenant.name),
        **({"colours": colours} if colours else {}),
        logo_url=f"{portal}{logo}" if logo.startswith("/") else logo,
        home_url=f"{portal}/",
        legal_line=" ".join(line for line in lines if line),
        support_email=str(tokens.get("support_email", "")),
        theme=str(tenant.setting("theme") or "base"),
    )


def in_language(texts: Any, language: str) -> str:
    """A text kept per language; a plain text counts for all."""
    if isinstance(texts, str):
        return texts
    if not isinstance(texts, dict) or not texts:
        return ""
    return str(texts.get(language) or texts.get("en") or next(iter(texts.values()), ""))
