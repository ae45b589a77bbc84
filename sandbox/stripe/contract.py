"""Checks request parameters against the types that the stripe library itself publishes.

The library's ``*Params`` TypedDicts are generated from Stripe's OpenAPI description, so what they do not know
the API refuses. Upgrading the library therefore moves this server to the new API version as well.
"""

from __future__ import annotations

import functools
import importlib
import re
import types
import typing
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Union
from urllib.parse import parse_qsl

import typing_extensions
from stripe._request_options import RequestOptions

from sandbox.stripe.errors import ApiError, bad_request

# Header values that the library mixes into its request types; none of them is a parameter on the wire.
NOT_ON_THE_WIRE = frozenset(RequestOptions.__annotations__)
LITERALS = (typing.Literal, typing_extensions.Literal)
NOT_REQUIRED = (typing.NotRequired, typing_extensions.NotRequired)


def parse_form(raw: str) -> dict[str, Any]:
    """Undo the bracket encoding: ``a[b]=1`` is a hash, ``a[0][b]=1`` and ``a[]=1`` are arrays.

    Raises ApiError when a name is used both as a value and as a container.
    """
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(raw, keep_blank_values=True):
        head, _, rest = name.partition("[")
        keys = [head, *re.findall(r"\[([^\]]*)\]", f"[{rest}")] if rest else [head]
        node: dict[str, Any] = tree
        for key in keys[:-1]:
            node = node.setdefault(key, {})
            if not isinstance(node, dict):
                raise bad_request("Invalid object", head)
        last = keys[-1] if keys[-1] != "" else str(len(node))
        if isinstance(node.get(last), dict):
            raise bad_request("Invalid object", head)
        node[last] = value
    return tree


def check(params_class: str, values: dict[str, Any]) -> dict[str, Any]:
    """``values`` converted to the types of ``stripe.params.<params_class>``, for example
    ``checkout.SessionCreateParams``. Raises ApiError as the API words it."""
    return _typed_dict(_load(params_class), values, "")


@functools.cache
def _load(name: str) -> type:
    package, _, class_name = name.rpartition(".")
    module = importlib.import_module(f"stripe.params.{package}" if package else "stripe.params")
    return typing.cast(type, getattr(module, class_name))


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    module = importlib.import_module(cls.__module__)
    # The base class names these two without importing them where its subclasses live.
    names = {**vars(module), "Mapping": Mapping, "StripeContext": str}
    found = typing_extensions.get_type_hints(cls, globalns=names, include_extras=True)
    return {name: hint for name, hint in found.items() if name not in NOT_ON_THE_WIRE}


def _typed_dict(cls: type, values: Any, path: str) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise bad_request("Invalid object", path)
    hints = _hints(cls)
    result: dict[str, Any] = {}
    for name, value in values.items():
        where = f"{path}[{name}]" if path else name
        if name not in hints:
            raise bad_request(f"Received unknown parameter: {where}", where, "parameter_unknown")
        result[name] = _value(hints[name], value, where)
    for name in sorted(cls.__required_keys__ & hints.keys()):  # type: ignore[attr-defined]
        if name not in values:
            where = f"{path}[{name}]" if path else name
            raise bad_request(f"Missing required param: {where}.", where, "parameter_missing")
    return result


def _value(hint: Any, value: Any, path: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in NOT_REQUIRED:
        return _value(typing.get_args(hint)[0], value, path)
    if origin in (Union, types.UnionType):
        return _union(typing.get_args(hint), value, path)
    if origin in LITERALS:
        return _literal(typing.get_args(hint), value, path)
    if origin is list:
        return _array(typing.get_args(hint)[0], value, path)
    if origin is dict or "UntypedStripeObject" in str(hint):
        return _hash(value, path)
    if typing_extensions.is_typeddict(hint):
        return _typed_dict(hint, value, path)
    return _scalar(hint, value, path)


def _union(choices: tuple[Any, ...], value: Any, path: str) -> Any:
    literals = [c for c in choices if typing.get_origin(c) in LITERALS]
    rest = [c for c in choices if c not in literals and c is not type(None)]
    allowed = [word for c in literals for word in typing.get_args(c)]
    if value in allowed:
        return value
    # "Literal | str" is how the library leaves an enumeration open for the future. The API of today knows
    # only the words of today. A lone '' beside str just says that the value may be unset.
    if str in rest and any(allowed) and isinstance(value, str):
        return _literal(tuple(allowed), value, path)
    failure: ApiError | None = None
    for choice in sorted(rest, key=lambda c: c is str):
        try:
            return _value(choice, value, path)
        except ApiError as error:
            failure = failure or error
    raise failure or bad_request("Invalid value", path)


def _literal(allowed: tuple[Any, ...], value: Any, path: str) -> Any:
    if value in allowed:
        return value
    words = [str(word) for word in allowed if word != ""]
    listed = words[0] if len(words) == 1 else ", ".join(words[:-1]) + f", or {words[-1]}"
    raise bad_request(f"Invalid {path}: must be one of {listed}", path)


def _array(item: Any, value: Any, path: str) -> list[Any]:
    if not isinstance(value, dict) or not all(key.isdecimal() for key in value):
        raise bad_request("Invalid array", path)
    ordered = sorted(value.items(), key=lambda pair: int(pair[0]))
    return [_value(item, entry, f"{path}[{index}]") for index, entry in ordered]


def _hash(value: Any, path: str) -> dict[str, str]:
    """Metadata: at most 50 keys of 40 characters with values of 500 (docs.stripe.com/api/metadata)."""
    if not isinstance(value, dict):
        raise bad_request("Invalid object", path)
    if len(value) > 50:
        raise bad_request("Metadata can have at most 50 keys.", path)
    for key, entry in value.items():
        if not isinstance(entry, str):
            raise bad_request("Metadata values must be strings.", f"{path}[{key}]")
        if len(key) > 40:
            raise bad_request("Metadata keys must be 40 characters or less.", f"{path}[{key}]")
        if len(entry) > 500:
            raise bad_request("Metadata values must be 500 characters or less.", f"{path}[{key}]")
    return dict(value)


def _scalar(hint: Any, value: Any, path: str) -> Any:
    if not isinstance(value, str):
        raise bad_request(f"Invalid {getattr(hint, '__name__', 'value')}", path)
    if hint is str:
        if value == "":
            raise bad_request(
                f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset a "
                f"parameter; however '{path}' cannot be unset.",
                path,
                "parameter_invalid_empty",
            )
        return value
    if hint is bool:
        if value not in {"true", "false"}:
            raise bad_request(f"Invalid boolean: {value}", path)
        return value == "true"
    if hint is int:
        if not re.fullmatch(r"-?\d{1,18}", value):
            raise bad_request(f"Invalid integer: {value}", path, "parameter_invalid_integer")
        return int(value)
    if hint in (float, Decimal):
        try:
            return Decimal(value)
        except InvalidOperation:
            raise bad_request(f"Invalid decimal: {value}", path) from None
    raise bad_request(f"Unsupported type for {path}", path)
