"""Lines of the text protocol: `NAME|KEY=value|...|` CRLF, then perhaps JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sandbox.mt5.raw.packets import Garbage

_ESCAPED = "\\=|\n"


@dataclass(frozen=True, slots=True)
class Line:
    """A command: its name, its parameters by upper-case key, and the text below the line."""

    name: str
    parameters: dict[str, str]
    below: str

    def json(self) -> Any:
        """What stands below as JSON, None when nothing does. ValueError when it is no JSON."""
        return json.loads(self.below) if self.below.strip() else None


def quoted(value: object) -> str:
    """A value with a backslash before everything that has a meaning."""
    return "".join(f"\\{sign}" if sign in _ESCAPED else sign for sign in str(value))


def read_line(message: bytes) -> Line:
    """A message taken apart. Raises Garbage for what is no UTF-16."""
    try:
        text = message.decode("utf-16-le")
    except UnicodeDecodeError as error:
        raise Garbage(str(error))
    parts, current, position = [], [""], 0
    while position < len(text) and not text.startswith("\r\n", position):
        sign = text[position]
        position += 1
        if sign == "\\" and position < len(text):
            current[-1] += text[position]
            position += 1
        elif sign == "|":
            parts.append(current)
            current = [""]
        elif sign == "=" and len(current) == 1:
            current.append("")
        else:
            current[-1] += sign
    parts.append(current)
    parameters = {part[0].upper(): part[1] for part in parts[1:] if len(part) == 2}
    return Line(parts[0][0].strip().upper(), parameters, text[position + 2 :])


def write_line(name: str, parameters: dict[str, Any], below: Any = None) -> bytes:
    """A message; `below` becomes JSON unless it is None."""
    line = "".join(f"{key.upper()}={quoted(value)}|" for key, value in parameters.items())
    text = "" if below is None else json.dumps(below, ensure_ascii=False)
    return f"{name}|{line}\r\n{text}".encode("utf-16-le")
