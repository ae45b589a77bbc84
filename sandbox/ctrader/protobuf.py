"""A protobuf (proto2) wire codec by hand: messages are dicts, their shape is a `Schema`.

Only what the Manager's API uses: varints, 64-bit doubles and length-delimited values. What a schema does not know
is skipped, as every protobuf reader must. Written here so that the sandbox shares no codec with its clients.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Record = dict[str, Any]
VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5
_WORD = (1 << 64) - 1


class Malformed(Exception):
    """Bytes that are no such message: cut short, an unknown wire type, a required field missing."""


class Kind(StrEnum):
    """How a value is written. Enumerations are `int64`: the same bytes."""

    INT64 = "int64"
    UINT64 = "uint64"
    BOOL = "bool"
    DOUBLE = "double"
    STRING = "string"
    BYTES = "bytes"
    MESSAGE = "message"


_WIRE_TYPES = {Kind.INT64: VARINT, Kind.UINT64: VARINT, Kind.BOOL: VARINT, Kind.DOUBLE: FIXED64}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message; `schema` only where `kind` is MESSAGE."""

    number: int
    name: str
    kind: Kind
    required: bool = False
    repeated: bool = False
    schema: Schema | None = None
    wire_type: int = dataclasses.field(init=False)
    key: bytes = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        # Worked out once: a burst of deals writes hundreds of thousands of keys.
        wire_type = _WIRE_TYPES.get(self.kind, DELIMITED)
        object.__setattr__(self, "wire_type", wire_type)
        object.__setattr__(self, "key", varint(self.number << 3 | wire_type))


@dataclass(frozen=True, slots=True)
class Schema:
    """A message's name and fields, by number for reading and in order for writing."""

    name: str
    fields: tuple[Field, ...]
    names: frozenset[str] = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", frozenset(one.name for one in self.fields))

    def by_number(self, number: int) -> Field | None:
        """The field of that number."""
        return next((one for one in self.fields if one.number == number), None)


# -- writing -------------------------------------------------------------------------------------------------


def encode(schema: Schema, record: Record) -> bytes:
    """The message's bytes, fields in the schema's order; None and absent are the same.

    ValueError for a required field without a value or a name the schema does not have: a bug of the server.
    """
    if not record.keys() <= schema.names:
        raise ValueError(f"{schema.name} has no {', '.join(sorted(record.keys() - schema.names))}")
    out = bytearray()
    for field in schema.fields:
        value = record.get(field.name)
        if value is None:
            if field.required:
                raise ValueError(f"{schema.name}.{field.name} is required")
            continue
        for one in value if field.repeated else (value,):
            out += field.key
            out += _value(field, one)
    return bytes(out)


def varint(value: int) -> bytes:
    """A number in groups of seven bits; negative ones as 64-bit two's complement, ten bytes."""
    if 0 <= value <= 0x7F:
        return bytes((value,))
    value &= _WORD
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _value(field: Field, value: Any) -> bytes:
    if field.kind is Kind.DOUBLE:
        return struct.pack("<d", float(value))
    if field.wire_type == VARINT:
        return varint(int(value))
    if field.schema is not None:
        data = encode(field.schema, value)
    else:
        data = value.encode() if isinstance(value, str) else bytes(value)
    return varint(len(data)) + data


# -- reading -------------------------------------------------------------------------------------------------


def decode(schema: Schema, data: bytes) -> Record:
    """The fields that are present, repeated ones as lists. Malformed for bytes that are no such message."""
    record: Record = {}
    for number, wire_type, value in _parts(data):
        field = schema.by_number(number)
        if field is None:
            continue
        if field.repeated and wire_type == DELIMITED and field.wire_type != DELIMITED:
            record.setdefault(field.name, []).extend(_unpacked(field, value))
        elif wire_type != field.wire_type:
            continue
        elif field.repeated:
            record.setdefault(field.name, []).append(_read(field, value))
        else:
            record[field.name] = _read(field, value)
    missing = [field.name for field in schema.fields if field.required and field.name not in record]
    if missing:
        raise Malformed(f"{schema.name} without {', '.join(missing)}")
    return record


def _parts(data: bytes) -> Iterator[tuple[int, int, Any]]:
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        number, wire_type = key >> 3, key & 7
        value: Any
        if wire_type == VARINT:
            value, at = read_varint(data, at)
        elif wire_type in (FIXED64, FIXED32):
            size = 8 if wire_type == FIXED64 else 4
            value, at = data[at : at + size], at + size
        elif wire_type == DELIMITED:
            size, at = read_varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            raise Malformed(f"wire type {wire_type}")
        if at > len(data) or not number:
            raise Malformed("cut short")
        yield number, wire_type, value


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The unsigned number at a position and the position after it."""
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise Malformed("a number without an end")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value & _WORD, at
        shift += 7


def _unpacked(field: Field, data: bytes) -> Iterator[Any]:
    at = 0
    while at < len(data):
        if field.kind is Kind.DOUBLE:
            yield _read(field, data[at : at + 8])
            at += 8
        else:
            value, at = read_varint(data, at)
            yield _read(field, value)


def _read(field: Field, value: Any) -> Any:
    try:
        if field.kind is Kind.INT64:
            return value - (1 << 64) if value >> 63 else value
        if field.kind is Kind.BOOL:
            return bool(value)
        if field.kind is Kind.DOUBLE:
            return struct.unpack("<d", value)[0]
        if field.kind is Kind.STRING:
            return value.decode()
    except (struct.error, UnicodeDecodeError) as error:
        raise Malformed(f"{field.name}: {error}")
    return value if field.schema is None else decode(field.schema, value)
