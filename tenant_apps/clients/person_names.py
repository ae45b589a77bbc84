"""Names of people as they may be kept: they begin mails to addresses that nobody has confirmed yet."""

from __future__ import annotations

import re

from kernel.errors import Invalid
from kernel.middleware import Unstorable

# An address of the web or of a mailbox, markup, line ends, and marks that turn the direction of what follows.
_NO_NAME = re.compile(r"://|\bwww\.|[@<>/\\\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]", re.IGNORECASE)


def name_checked(text: str, *, field: str) -> str:
    """The name, trimmed and cut to 80 characters.

    Raises Invalid for what would turn "Dear …" into somebody else's advertisement, sent in the brokerage's name to
    whatever address is typed beside it.
    """
    plain = text.strip()[:80]
    if _NO_NAME.search(plain):
        raise Invalid(Unstorable.message, field=field)
    return plain
