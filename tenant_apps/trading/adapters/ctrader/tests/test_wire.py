"""Frames, and that the compiled messages are those of manager.proto."""

import asyncio
import re
from pathlib import Path

import pytest

from tenant_apps.trading.adapters.ctrader import manager_pb2 as pb
from tenant_apps.trading.adapters.ctrader import wire
from tenant_apps.trading.adapters.ctrader.values import Malformed

# Open API's application log-in of client "a", secret "b", message "1": the same framing, with a payload of its own.
VECTOR = bytes.fromhex("0000000e08b41012061201611a01621a0131")
SOURCE = (Path(wire.__file__).parent / "manager.proto").read_text()
TYPES = {1: "double", 3: "int64", 4: "uint64", 5: "int32", 8: "bool", 9: "string", 12: "bytes", 13: "uint32"}


def read_all(data: bytes, limit: int = 1000) -> wire.Incoming:
    async def main() -> wire.Incoming:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        return await wire.read_frame(reader, limit)

    return asyncio.run(main())


def test_the_known_frame_is_read():
    assert read_all(VECTOR) == wire.Incoming(2100, bytes.fromhex("1201611a0162"), "1")


def test_the_known_frame_is_written():
    inside = pb.Failure(error_code="a", description="b")  # the same two fields, 2 and 3
    assert wire.pack(2100, inside, "1") == VECTOR


def test_a_log_in_is_written_with_the_documented_numbers():
    wish = pb.AuthReq(plant="p", environment="e", login=7, password_hash="h")
    assert wire.pack(wire.AUTH.request, wish) == bytes.fromhex(
        "00000010" + "08ad02" + "120b" + "1201701a01652007" + "2a0168"
    )


@pytest.mark.parametrize("cut", [1, 4, 10, 17])
def test_half_a_frame_is_none(cut):
    with pytest.raises(EOFError):
        read_all(VECTOR[:cut])


@pytest.mark.parametrize(
    "data",
    [
        bytes.fromhex("7fffffff"),
        bytes.fromhex("00000002ffff"),
        bytes.fromhex("00000000"),
        bytes.fromhex("000000021a00"),
    ],
    ids=["too long", "no message", "empty", "no type"],
)
def test_nonsense_is_malformed(data):
    with pytest.raises(Malformed):
        read_all(data)


def test_unknown_fields_and_numbers_do_no_harm():
    deal = wire.read(pb.Deal, bytes.fromhex("0801" + "b83f07" + "70f207"))
    assert (deal.deal_id, deal.status) == (1, 1010)


def messages_of_the_source() -> dict[str, set[tuple[str, int, str, bool]]]:
    found = {}
    for name, body in re.findall(r"^message (\w+) \{\n(.*?)^\}", SOURCE, re.MULTILINE | re.DOTALL):
        fields = re.findall(r"^  (optional|repeated) (\w+) (\w+) = (\d+);$", body, re.MULTILINE)
        assert len(fields) == body.count(";")
        found[name] = {(field, int(number), kind, label == "repeated") for label, kind, field, number in fields}
    return found


def test_the_compiled_messages_are_those_of_the_source():
    compiled = {
        name: {
            (field.name, field.number, TYPES.get(field.type) or field.message_type.name, field.is_repeated)
            for field in message.fields
        }
        for name, message in pb.DESCRIPTOR.message_types_by_name.items()
    }
    assert compiled == messages_of_the_source()


def test_no_two_messages_share_a_number():
    kinds = [kind for kind in vars(wire).values() if isinstance(kind, wire.Kind)]
    numbers = [number for kind in kinds for number in (kind.request, kind.answer)] + [*wire.EVENTS]
    assert len(kinds) == 17
    assert len(numbers) == len(set(numbers))
