"""Paper: a page of HTML as PDF, in any script and direction.

WeasyPrint shapes and orders text through Pango, which has to be on the machine; without it PdfMissing is raised, and
everything but paper works. Nothing is fetched while rendering: pictures and fonts are handed over as data, and any other
address, a file's or a network's, stays unread. The fonts are those of the built front end where there is one, else the
machine's.
"""

from __future__ import annotations

import base64
import logging
import re
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import pgettext_lazy

from kernel.errors import Rejected

# Families in the order in which a letter is looked for; the files' names begin like this.
FONTS = {
    "Paper Latin": "inter-latin-wght-normal",
    "Paper Latin Ext": "inter-latin-ext-wght-normal",
    "Paper Cyrillic": "inter-cyrillic-wght-normal",
    "Paper Arabic": "vazirmatn-arabic-wght-normal",
}

_BDI = re.compile(r"<bdi\b[^>]*>")
for _name in ("weasyprint", "fontTools"):  # forty lines a document say that nothing went wrong
    logging.getLogger(_name).setLevel(logging.ERROR)


class PdfMissing(Rejected):
    """This installation cannot make PDFs: the library or Pango is not there."""

    code = "pdf_missing"
    message = pgettext_lazy("pdf", "PDFs cannot be made on this installation. Use the page or the CSV.")


def data_url(content: bytes, content_type: str) -> str:
    """How a picture is handed to a page."""
    return f"data:{content_type};base64,{base64.b64encode(content).decode()}"


def render(html: str, css: str) -> bytes:
    """The PDF of a whole HTML document with one style sheet. One to two seconds, and 14 ms for each row of a table.

    Raises PdfMissing.
    """
    try:
        import weasyprint
        from weasyprint.text.fonts import FontConfiguration
        from weasyprint.urls import URLFetcher
    except (ImportError, OSError) as error:
        raise PdfMissing from error
    fetcher: Any = URLFetcher(allowed_protocols=("data",))
    fonts: Any = FontConfiguration()
    sheets = [weasyprint.CSS(string=text, font_config=fonts, url_fetcher=fetcher) for text in (_font_faces(), css)]
    document = weasyprint.HTML(string=isolated(html), url_fetcher=fetcher)
    return bytes(document.write_pdf(stylesheets=sheets, font_config=fonts))


def isolated(html: str) -> str:
    """WeasyPrint knows no `unicode-bidi: isolate` (70.0): what stands in a <bdi> gets the characters that mean the same."""
    marked = _BDI.sub(lambda tag: tag[0] + ("\u2066" if "ltr" in tag[0] else "\u2068"), html)
    return marked.replace("</bdi>", "\u2069</bdi>")


@cache
def _font_faces() -> str:
    """Our fonts as data; nothing where the front end was not built."""
    rules = []
    for folder in settings.STATICFILES_DIRS:
        for family, name in FONTS.items():
            for path in sorted((Path(folder) / "fonts").glob(f"{name}*.woff2"))[:1]:
                source = data_url(path.read_bytes(), "font/woff2")
                rules.append(f'@font-face{{font-family:"{family}";src:url("{source}")}}')
    return "\n".join(rules)
