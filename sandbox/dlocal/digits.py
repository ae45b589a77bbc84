"""Check digits of Latin American documents and accounts. Text comes in without dots and dashes."""

from __future__ import annotations

from collections.abc import Sequence


def _weighted(digits: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))


def is_cpf(text: str) -> bool:
    """Brazil, persons: eleven digits, the last two of them modulo 11."""
    if not text.isdecimal() or len(text) != 11 or len(set(text)) == 1:
        return False
    for length in (9, 10):
        rest = _weighted(text[:length], range(length + 1, 1, -1)) * 10 % 11 % 10
        if rest != int(text[length]):
            return False
    return True


def is_cnpj(text: str) -> bool:
    """Brazil, companies: fourteen digits, the last two of them modulo 11."""
    if not text.isdecimal() or len(text) != 14 or len(set(text)) == 1:
        return False
    weights = [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]
    for length in (12, 13):
        rest = _weighted(text[:length], weights[13 - length :]) % 11
        if int(text[length]) != (0 if rest < 2 else 11 - rest):
            return False
    return True


def is_rut(text: str) -> bool:
    """Chile: seven or eight digits and one of 0–9 or K, modulo 11."""
    number, check = text[:-1], text[-1:].upper()
    if not number.isdecimal() or len(number) not in (7, 8):
        return False
    weights = [2 + index % 6 for index in range(len(number))][::-1]
    rest = 11 - _weighted(number, weights) % 11
    return check == {11: "0", 10: "K"}.get(rest, str(rest))


def is_cuit(text: str) -> bool:
    """Argentina, tax number: eleven digits, the last modulo 11."""
    if not text.isdecimal() or len(text) != 11:
        return False
    rest = 11 - _weighted(text[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return int(text[10]) == {11: 0, 10: 9}.get(rest, rest)


def is_clabe(text: str) -> bool:
    """Mexico: eighteen digits, weights 3 7 1, each product modulo 10."""
    if not text.isdecimal() or len(text) != 18:
        return False
    total = sum(int(digit) * (3, 7, 1)[index % 3] % 10 for index, digit in enumerate(text[:17]))
    return int(text[17]) == (10 - total % 10) % 10


def is_cbu(text: str) -> bool:
    """Argentina, CBU and CVU: eight and fourteen digits, each with its own check digit, weights 3 1 7 9 from behind."""
    if not text.isdecimal() or len(text) != 22:
        return False
    for part in (text[:8], text[8:]):
        total = sum(int(digit) * (3, 1, 7, 9)[index % 4] for index, digit in enumerate(reversed(part[:-1])))
        if int(part[-1]) != (10 - total % 10) % 10:
            return False
    return True
