"""The letters banks write: Latin ones, whatever alphabet a name has."""

from __future__ import annotations

import re
import unicodedata

# Cyrillic as passports do (ICAO 9303, with Kazakh and Ukrainian letters), and letters that Unicode does not take apart.
_PAIRS = zip("абвгдезиіклмнопрстуфыэәғқңөұүһґ", "abvgdeziiklmnoprstufyeagqnouuhg", strict=True)
_SEVERAL = "ж-zh х-kh ц-ts ч-ch ш-sh щ-shch ъ-ie ь- ю-iu я-ia є-ie ł-l ø-o đ-d ı-i æ-ae œ-oe þ-th ð-d"
LATIN = str.maketrans(dict(_PAIRS) | dict(pair.split("-") for pair in _SEVERAL.split()))

# EPC217-08, the characters every SEPA bank takes; SWIFT's set X is the same but for { }.
_NOT_SEPA = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]")
_INSTEAD = str.maketrans({"ß": "ss", "ẞ": "SS", "&": "+", "–": "-", "—": "-", "’": "'", "`": "'", "_": "-", "ʼ": "'"})


def _latin(char: str) -> str:
    found = char.lower().translate(LATIN)
    return found.capitalize() if char.isupper() else found


def sepa_text(text: str, length: int) -> str:
    """`text` in the characters of SEPA, at most `length` long; empty where nothing can be written (Arabic, Chinese).

    No slash at an end and no two in a row (EPC230-15). An umlaut loses its dots, as banks take them off.
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFC", text).translate(_INSTEAD))
    letters = "".join(_latin(char) for char in plain if not unicodedata.combining(char))
    clean = " ".join(re.sub(r"/{2,}", "/", _NOT_SEPA.sub(" ", letters)).split())
    return clean[:length].strip(" /")


def latin_writable(name: str) -> bool:
    """Whether a bank can write all of a name: no word of it is lost. A wire with half a name comes back."""
    words = [word for word in name.split() if any(char.isalpha() for char in word)]
    return bool(words) and all(sepa_text(word, len(word) * 4) for word in words)
