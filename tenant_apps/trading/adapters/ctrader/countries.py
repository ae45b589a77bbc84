"""Countries: the server counts them by their ISO 3166 number, we write names."""

from functools import cache

from babel import Locale
from babel.core import get_global


@cache
def _codes() -> dict[int, str]:
    """ISO number -> two letters."""
    return {
        int(number): letters[0]
        for number, letters in get_global("territory_aliases").items()
        if number.isdigit() and len(letters) == 1 and len(letters[0]) == 2
    }


@cache
def _numbers() -> dict[str, int]:
    """English name or two letters, casefolded -> ISO number."""
    names = Locale("en").territories
    found = {letters.casefold(): number for number, letters in _codes().items()}
    return {**found, **{names[letters].casefold(): number for number, letters in _codes().items() if letters in names}}


def number_of(country: str) -> int | None:
    """None for what is no country."""
    return _numbers().get(country.strip().casefold())


def name_of(number: int) -> str:
    """Empty for what is no country."""
    return str(Locale("en").territories.get(_codes().get(number, ""), ""))
