"""Countries, currencies, documents and methods, from docs.dlocal.com's country reference and country pages."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.dlocal.digits import is_cbu, is_clabe, is_cnpj, is_cpf, is_cuit, is_rut

DECIMALS = {
    "ARS": 2, "BOB": 2, "BRL": 2, "CLP": 0, "COP": 0, "CRC": 2, "DOP": 2, "GTQ": 2, "MXN": 2, "PEN": 2, "PYG": 0,
    "USD": 2, "UYU": 2,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Market:
    """A country: its currency, the page's language and the payer's document there."""

    currency: str
    language: str
    document: str
    shortest: int
    longest: int


MARKETS = {
    "AR": Market("ARS", "es", "DNI / CUIT", 7, 11),
    "BO": Market("BOB", "es", "CI", 5, 20),
    "BR": Market("BRL", "pt", "CPF / CNPJ", 11, 14),
    "CL": Market("CLP", "es", "RUT", 8, 9),
    "CO": Market("COP", "es", "CC", 6, 10),
    "CR": Market("CRC", "es", "CI", 9, 9),
    "DO": Market("DOP", "es", "ID", 5, 20),
    "EC": Market("USD", "es", "CI", 5, 20),
    "GT": Market("GTQ", "es", "CUI", 5, 20),
    "MX": Market("MXN", "es", "CURP", 10, 18),
    "PE": Market("PEN", "es", "DNI", 8, 9),
    "PY": Market("PYG", "es", "CI", 5, 20),
    "UY": Market("UYU", "es", "CI", 6, 8),
}


@dataclass(frozen=True, slots=True)
class Way:
    """A payment method. ``kind`` is dLocal's type; ``step`` what the payer does on the page."""

    identifier: str
    name: str
    kind: str
    step: str  # card, code, transfer, bank, ticket
    countries: frozenset[str]


def _way(identifier: str, name: str, kind: str, step: str, country: str) -> Way:
    return Way(identifier, name, kind, step, frozenset({country}))


WAYS = {
    way.identifier: way
    for way in (
        Way("CARD", "Cards", "CARD", "card", frozenset(MARKETS)),
        _way("PQ", "PIX", "BANK_TRANSFER", "code", "BR"),
        _way("BL", "Boleto", "TICKET", "ticket", "BR"),
        _way("SE", "SPEI", "BANK_TRANSFER", "transfer", "MX"),
        _way("OX", "OXXO", "TICKET", "ticket", "MX"),
        _way("PC", "PSE", "BANK_TRANSFER", "bank", "CO"),
        _way("EY", "Efecty", "TICKET", "ticket", "CO"),
        _way("WP", "Webpay", "BANK_TRANSFER", "bank", "CL"),
        _way("EF", "PagoEfectivo", "TICKET", "ticket", "PE"),
        _way("RP", "Rapipago", "TICKET", "ticket", "AR"),
        _way("PF", "Pago Fácil", "TICKET", "ticket", "AR"),
    )
}
# Refunds of these go straight back; for the others dLocal first asks the payer for a bank account.
REFUNDED_AT_ONCE = frozenset({"CARD", "PQ", "WP"})


def document_fits(country: str, text: str) -> bool:
    """Whether a payer's or payee's document could be one of that country: length, and check digits where it has them."""
    market = MARKETS[country]
    if not market.shortest <= len(text) <= market.longest or not text.isalnum():
        return False
    match country:
        case "BR":
            return is_cpf(text) or is_cnpj(text)
        case "CL":
            return is_rut(text)
        case "AR":
            return text.isdecimal() and (len(text) < 10 or is_cuit(text))
        case "MX":
            return True
    return text.isdecimal()


def account_fits(country: str, number: str) -> bool:
    """Whether an account number could be one: CLABE in Mexico, CBU in Argentina, CCI in Peru, else some digits."""
    match country:
        case "MX":
            return is_clabe(number)
        case "AR":
            return is_cbu(number)
        case "PE":
            return number.isdecimal() and len(number) == 20
        case "BR":
            return 4 <= len(number) <= 36
    return number.isdecimal() and 4 <= len(number) <= 20
