"""Guides as pages: the few forms of Markdown that our own guides use, and nothing of HTML.

Headings, paragraphs, lists with lines that go on, tables, indented code; within a line **bold**, *italics* and `code`. Every
letter is escaped before a tag is put around it, so what a package's guide says cannot become markup. Links stay text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

_HEADING = re.compile(r"(#{1,4}) +(.+)")
_ITEM = re.compile(r"(?:([-*])|\d{1,3}\.) +(.+)")
_CODE = re.compile(r"`([^`]+)`")
_BOLD = re.compile(r"\*\*([^*]+)\*\*")
_ITALIC = re.compile(r"(?<!\w)\*([^*\s][^*]*)\*(?!\w)")
_RULE = re.compile(r"\|[\s|:-]+\|?")
INDENT = "    "


def rendered(text: str) -> SafeString:
    """HTML of a guide. Headings begin at the second level: the page has the first."""
    return mark_safe("\n".join(_block(block) for block in _blocks(text.replace("\t", INDENT))))  # noqa: S308 - escaped below


def _blocks(text: str) -> Iterator[list[str]]:
    """What stands between empty lines; a heading is a block of its own."""
    block: list[str] = []
    for line in text.splitlines():
        if line.strip() and not _HEADING.fullmatch(line):
            block.append(line.rstrip())
            continue
        if block:
            yield block
        block = []
        if line.strip():
            yield [line]
    if block:
        yield block


def _block(block: list[str]) -> str:
    if heading := _HEADING.fullmatch(block[0]):
        level = min(len(heading[1]) + 1, 5)
        return f"<h{level}>{_line(heading[2])}</h{level}>"
    if all(line.startswith(INDENT) for line in block):
        code = "\n".join(line[4:] for line in block)
        return f'<pre tabindex="0"><code>{escape(code)}</code></pre>'
    if block[0].startswith("|") and len(block) > 1 and _RULE.fullmatch(block[1]):
        return _table(block)
    if _ITEM.fullmatch(block[0]):
        return _list(block)
    return f"<p>{_line(' '.join(line.strip() for line in block))}</p>"


def _list(block: list[str]) -> str:
    """A line that is no item goes on with the one before."""
    items: list[str] = []
    first = _ITEM.fullmatch(block[0])
    for line in block:
        item = _ITEM.fullmatch(line)
        if item:
            items.append(item[2])
        else:
            items[-1] += f" {line.strip()}"
    tag = "ul" if first and first[1] else "ol"
    return f"<{tag}>{''.join(f'<li>{_line(item)}</li>' for item in items)}</{tag}>"


def _table(block: list[str]) -> str:
    head, *rows = [_cells(line) for line in [block[0], *block[2:]]]
    titles = "".join(f'<th scope="col">{_line(cell)}</th>' for cell in head)
    lines = "".join(f"<tr>{''.join(f'<td>{_line(cell)}</td>' for cell in row)}</tr>" for row in rows)
    table = f"<table><thead><tr>{titles}</tr></thead><tbody>{lines}</tbody></table>"
    return f'<div class="overflow-x-auto" tabindex="0">{table}</div>'


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _line(text: str) -> str:
    """Code keeps its stars: what stands between the pieces of code alone is looked at for bold and italics."""
    found = []
    for number, piece in enumerate(_CODE.split(text)):
        safe = escape(piece)
        if number % 2:
            found.append(f"<code>{safe}</code>")
        else:
            found.append(_ITALIC.sub(r"<em>\1</em>", _BOLD.sub(r"<strong>\1</strong>", safe)))
    return "".join(found)
