"""Commands and answers of the text protocol: `NAME|KEY=value|…|` and a line's end in UTF-16, then perhaps JSON."""

import json
import re
from collections.abc import Mapping
from typing import Any

from tenant_apps.trading.adapters.mt5.calls import Answer, Call
from tenant_apps.trading.adapters.mt5.retcodes import Retcode
from tenant_apps.trading.adapters.mt5.values import Malformed, Record

LINE_END = "\r\n"

# The rule is `/api/user/get` = USER_GET; these are the exceptions.
NAMES = {
    "/api/user/check_password": "USER_PASS_CHECK",
    "/api/user/change_password": "USER_PASS_CHANGE",
}
# What the vendor's own clients of this form give as parameters, where the HTTPS form has it in the body.
AS_PARAMETERS = {
    "/api/user/add": {"PassMain": "PASS_MAIN", "PassInvestor": "PASS_INVESTOR"},
    "/api/user/check_password": {"Login": "LOGIN", "Type": "TYPE", "Password": "PASSWORD"},
    "/api/user/change_password": {"Login": "LOGIN", "Type": "TYPE", "Password": "PASSWORD"},
}

_SPECIAL = re.compile(r"[\\=|\n]")
_TOKEN = re.compile(r"\\(.)|\r\n|[=|]", re.DOTALL)


def name_of(path: str) -> str:
    return NAMES.get(path) or path.removeprefix("/api/").replace("/", "_").upper()


def escape(value: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", value)


def encode(call: Call) -> bytes:
    """A call as the body of a message."""
    parameters = {key.upper(): str(value) for key, value in (call.params or {}).items()}
    body = dict(call.body or {})
    for key, name in AS_PARAMETERS.get(call.path, {}).items():
        if key in body:
            value = str(body.pop(key))
            parameters[name] = value.upper() if name == "TYPE" else value
    line = "".join(f"{name}={escape(value)}|" for name, value in parameters.items())
    return f"{name_of(call.path)}|{line}{LINE_END}{json.dumps(body) if body else ''}".encode("utf-16-le")


def decode(message: bytes, name: str) -> Answer:
    """The answer to the command of that name. Raises Malformed."""
    try:
        text = message.decode("utf-16-le").removeprefix("\ufeff")
        command, fields, rest = split(text)
        if command.upper() != name:
            raise ValueError(f"{command[:40]!r} answers {name}")
        payload = json.loads(rest) if rest.strip() else None
        return Answer(Retcode.parse(fields.get("RETCODE")), Record(fields), payload)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not an answer: {error}") from error


def split(text: str) -> tuple[str, Mapping[str, Any], str]:
    """Name, parameters (keys in capitals) and what follows the line.

    A line's end may be missing where nothing follows (the vendor's printed samples differ).
    """
    parts: list[list[str]] = []
    part: list[str] = []
    piece, position, end = "", 0, len(text)
    for token in _TOKEN.finditer(text):
        piece += text[position : token.start()]
        position = token.end()
        sign = token[0]
        if token[1] is not None:
            piece += token[1]
        elif sign == "=" and not part:
            part, piece = [piece], ""
        elif sign == "=":  # a second one belongs to the value, though it should have been escaped
            piece += sign
        else:
            parts.append([*part, piece])
            part, piece = [], ""
            if sign == LINE_END:
                end = position
                break
    else:
        parts.append([*part, piece + text[position:]])
    fields = {one[0].upper(): one[1] for one in parts[1:] if len(one) == 2}
    return parts[0][-1], fields, text[end:]
