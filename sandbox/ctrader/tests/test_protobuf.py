"""The wire codec by itself, and the table of numbers it works from."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.ctrader.numbers import ENVELOPE, PAYLOADS
from sandbox.ctrader.protobuf import Malformed, Schema, decode, encode
from sandbox.ctrader.tests.client import pack

README = Path(__file__).parents[1] / "README.md"
BALANCE = PAYLOADS[519]
DEALS = PAYLOADS[431]


def test_the_frame_of_the_open_api_s_vector() -> None:
    record = {"payloadType": 2100, "payload": bytes.fromhex("12016a1a0162"), "clientMsgId": "1"}
    assert encode(ENVELOPE, record).hex() == "08b410120612016a1a01621a0131"


@pytest.mark.parametrize("value", [0, 1, 127, 128, (1 << 63) - 1, -1, -(1 << 63)])
def test_numbers_of_every_size_come_back(value: int) -> None:
    record = {"traderId": value, "amount": value, "type": 0}
    assert decode(BALANCE, encode(BALANCE, record)) == record


def test_negative_numbers_take_ten_bytes() -> None:
    data = encode(BALANCE, {"traderId": -1, "amount": 0, "type": 0})
    assert data.hex() == "10ffffffffffffffffff0118002800"


def test_absent_is_not_zero() -> None:
    shown = decode(BALANCE, pack([(2, 1), (3, 2), (5, 0)]))
    assert shown == {"traderId": 1, "amount": 2, "type": 0}
    assert "newWay" not in shown


def test_unknown_fields_of_every_kind_are_skipped() -> None:
    extra = pack([(99, 5), (98, b"abc"), (97, 1.5)]) + bytes([96 << 3 & 127 | 5 | 128, 6, 1, 2, 3, 4])
    assert decode(BALANCE, extra + pack([(2, 1), (3, 2), (5, 0)])) == {"traderId": 1, "amount": 2, "type": 0}


def test_repeated_numbers_come_one_by_one_or_packed() -> None:
    window = [(3, 0), (4, 9)]
    assert decode(DEALS, pack([(2, 300), (2, 4), *window]))["traderId"] == [300, 4]
    assert decode(DEALS, pack([(2, b"\xac\x02\x04"), *window]))["traderId"] == [300, 4]


@pytest.mark.parametrize(
    ("schema", "data"),
    [
        (BALANCE, pack([(2, 1), (3, 2)])),
        (BALANCE, b"\x10"),
        (BALANCE, b"\x22\x05ab"),
        (BALANCE, b"\x13"),
        (BALANCE, b"\x10" + b"\xff" * 11),
        (BALANCE, pack([(2, 1), (3, 2), (5, 0), (4, b"\xff")])),
        (PAYLOADS[501], pack([(2, 1), (3, [(1, 0)])])),
    ],
)
def test_what_is_no_such_message_is_refused(schema: Schema, data: bytes) -> None:
    with pytest.raises(Malformed):
        decode(schema, data)


def test_the_server_cannot_forget_a_required_field() -> None:
    with pytest.raises(ValueError, match="newWays"):
        encode(BALANCE, {"newWays": 1})
    with pytest.raises(ValueError, match="required"):
        encode(BALANCE, {"traderId": 1})


def test_no_number_is_used_twice_and_the_readme_lists_them_all() -> None:
    text = README.read_text()
    for number, schema in PAYLOADS.items():
        numbers = [field.number for field in schema.fields]
        assert len(numbers) == len(set(numbers)), schema.name
        (line,) = [line for line in text.splitlines() if line.startswith(f"| {number} | {schema.name} |")]
        for field in schema.fields[1:]:
            assert f"{field.number}{'!' if field.required else ''}{'*' if field.repeated else ''} {field.name}" in line
