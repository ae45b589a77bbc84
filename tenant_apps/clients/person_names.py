"""Names of people as they may be kept: they begin mails to addresses that nobody has confirmed yet."""

from __future__ import annotations

import re

from django.utils.translation import pgettext_lazy

from kernel.errors import Invalid
from kernel.letters import latin_writable
from kernel.middleware import Unstorable

# An address of the web or of a mailbox, markup, line ends, and marks that turn the direction of what follows.
_NO_NAME = re.compile(r"://|\bwww\.|[@<>/\\\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]", re.IGNORECASE)


def name_checked(text: str, *, field: str, longest: int = 80) -> str:
    """The name, trimmed and cut to `longest` characters.

    Raises Invalid for what would turn "Dear …" into somebody else's advertisement, sent in the brokerage's name to
    whatever address is typed beside it.
    """
    plain = text.strip()[:longest]
    if _NO_NAME.search(plain):
        raise Invalid(Unstorable.message, field=field)
    return plain


def latin_checked(text: str, *, field: str) -> str:
    """The spelling of a passport's machine-readable lines, without their "<"; empty where none was given.

    Raises Invalid for other letters: it is there to be written by banks.
    """
    plain = name_checked(" ".join(text.replace("<", " ").split()), field=field, longest=160)
    if plain and not (plain.isascii() and latin_writable(plain)):
        raise Invalid(pgettext_lazy("profile", "Write it with the letters A to Z, as in your passport."), field=field)
    return plain
