"""Icons named in sources and templates exist: a misspelt one is an error page, found by whoever opens it first."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import lucide

from .sources import PRODUCT, ROOT

IN_PYTHON = re.compile(r'\bicon="([a-z0-9-]+)"')
IN_TEMPLATES = (
    re.compile(r'<c-ui\.[^>]*?(?<!:)\bicon="([a-z0-9-]+)"'),
    re.compile(r'<c-ui\.icon\b[^>]*?\bname="([a-z0-9-]+)"'),
    re.compile(r'{% icon "([a-z0-9-]+)"'),
)


def _known() -> set[str]:
    (archive,) = Path(str(lucide.__file__)).parent.glob("*.zip")
    with zipfile.ZipFile(archive) as opened:
        return {name.removesuffix(".svg") for name in opened.namelist()}


def _named() -> set[tuple[str, str]]:
    found = set()
    for folder in (*PRODUCT, "themes"):
        for path in (ROOT / folder).rglob("*"):
            patterns = {".py": (IN_PYTHON,), ".html": IN_TEMPLATES}.get(path.suffix, ())
            for pattern in patterns:
                for name in pattern.findall(path.read_text()):
                    found.add((name, path.relative_to(ROOT).as_posix()))
    return found


def test_icons_exist() -> None:
    known, named = _known(), _named()
    assert len(named) > 50
    assert sorted(item for item in named if item[0] not in known) == []
