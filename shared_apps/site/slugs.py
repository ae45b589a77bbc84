"""Whether a subdomain can be had, said while somebody types.

Names are ASCII, so look-alikes are those of ASCII: `al-n0or` for `al-noor`, `rnarkets` for `markets`. Two names with the
same skeleton are not given to two brokerages, and none gets one that looks like a word of ours.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from django.utils.translation import pgettext_lazy

from kernel.errors import AppError
from kernel.tenancy import context
from shared_apps.tenants.errors import SlugRefused, SlugTaken
from shared_apps.tenants.models import Tenant
from shared_apps.tenants.services import RESERVED, check_slug

_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("nn", "m"))
_SINGLES = str.maketrans({"0": "o", "1": "l", "i": "l", "5": "s", "3": "e", "8": "b", "2": "z", "-": None})
_LATIN = {"ß": "ss", "æ": "ae", "ø": "o", "đ": "d", "ł": "l", "ı": "i"}


class SlugLooksAlike(SlugTaken):
    """Could be taken for another brokerage's address or for one of ours."""

    code = "slug_taken"
    message = pgettext_lazy("sign-up", "This looks too much like an address that is in use. Choose another one.")


@dataclass(frozen=True, slots=True)
class Answer:
    slug: str
    free: bool
    message: Any
    suggestions: tuple[str, ...] = ()


def skeleton(slug: str) -> str:
    """What a hurried reader sees."""
    text = slug.translate(_SINGLES)
    for pair, single in _PAIRS:
        text = text.replace(pair, single)
    return text


def require(slug: str) -> str:
    """A usable, free and unmistakable subdomain. Raises SlugRefused, SlugTaken or SlugLooksAlike."""
    name = check_slug(slug)
    look = skeleton(name)
    if look in {skeleton(word) for word in RESERVED}:
        raise SlugLooksAlike(field="slug")
    with context.public():
        others = Tenant.objects.values_list("slug", flat=True)
        if any(skeleton(other) == look for other in others.iterator()):
            raise SlugLooksAlike(field="slug")
    return name


def answer(slug: str, company: str = "") -> Answer:
    """For the page: free or not, why, and what else could be had."""
    try:
        name = require(slug)
    except AppError as error:
        return Answer(slug, False, str(error), suggestions(slug, company))
    return Answer(name, True, pgettext_lazy("sign-up", "This address is free."))


def of_company(name: str) -> str:
    """`Nordwind Märkte GmbH` → `nordwind-markte`: Latin letters and digits of the name without its legal form."""
    text = "".join(_LATIN.get(char, char) for char in name.lower())
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = [word for word in re.split(r"[^a-z0-9]+", plain) if word and word not in _LEGAL_FORMS]
    return re.sub(r"^[^a-z]+", "", "-".join(words))[:30].strip("-")


_LEGAL_FORMS = frozenset(["ltd", "llc", "gmbh", "ag", "inc", "plc", "sa", "limited", "fze", "dmcc", "too", "llp", "co"])


def suggestions(slug: str, company: str = "") -> tuple[str, ...]:
    """Up to three free names near the wished one."""
    base = of_company(company) or of_company(slug)
    short = base.partition("-")[0]
    candidates = [base, f"{base}-fx", f"{short}-markets", f"{short}-capital", f"go-{short}", f"{short}-trade"]
    found: list[str] = []
    for candidate in dict.fromkeys(candidates):
        if candidate != slug and len(found) < 3 and _free(candidate):
            found.append(candidate)
    return tuple(found)


def _free(slug: str) -> bool:
    try:
        require(slug)
    except (SlugRefused, SlugTaken):
        return False
    return True
