"""Packets and lines of the text protocol: whatever way they are cut, they come out as they went in."""

import asyncio
import socket
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenant_apps.trading.adapters.mt5 import crypt, text
from tenant_apps.trading.adapters.mt5.calls import Answer, Call
from tenant_apps.trading.adapters.mt5.packets import Packet, Unpacker, packets_of
from tenant_apps.trading.adapters.mt5.raw import RawLine
from tenant_apps.trading.adapters.mt5.retcodes import Retcode
from tenant_apps.trading.adapters.mt5.values import Malformed, Record

# A busy machine is no failure.
any_speed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
serials = st.integers(0, 0xFFFF)
packets = st.builds(Packet, serials, st.booleans(), st.binary(max_size=40))
words = st.text(st.characters(exclude_categories=["Cs"]))


def unpacked(pieces):
    unpacker, found = Unpacker(), []
    for piece in pieces:
        unpacker.feed(piece)
        while (packet := unpacker.next()) is not None:
            found.append(packet)
    return found


def test_a_packet_looks_as_in_the_manual():
    assert Packet(1, False, "TEST".encode("utf-16-le")).encode() == b"000800010T\0E\0S\0T\0"
    assert Packet(0x4001, True).encode() == b"000040011"


@any_speed
@given(st.lists(packets, max_size=8), st.data())
def test_a_stream_may_be_cut_at_any_byte(sent, data):
    stream = b"".join(packet.encode() for packet in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=30)))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert unpacked(pieces) == sent


@any_speed
@given(st.binary(max_size=300), st.integers(1, 50))
def test_a_message_is_cut_into_packets_and_joined_again(message, size):
    parts = list(packets_of(7, message, size))
    assert b"".join(part.body for part in parts) == message
    assert [part.more for part in parts] == [True] * (len(parts) - 1) + [False]
    assert all(len(part.body) <= size for part in parts)
    assert all(part.body for part in parts) or not message


HASH, RANDOM = bytes(16), bytes(range(256))
PING_BODIES = [b"", "|\r\n".encode("utf-16-le")]
strangers = st.builds(Packet, st.integers(0x4000, 0xFFFF), st.just(False), st.sampled_from(PING_BODIES))


@any_speed
@given(words, st.integers(1, 40), st.booleans(), st.data())
def test_an_answer_is_read_whatever_its_cuts_and_the_pings_between(name, size, encrypted, data):
    message = f"USER_GET|RETCODE=0 Done|NAME={text.escape(name)}|\r\n".encode("utf-16-le")
    stream = crypt.keystreams(HASH, RANDOM)[1]
    sent = list(packets_of(1, message, size))
    for ping in data.draw(st.lists(strangers, max_size=5)):
        sent.insert(data.draw(st.integers(0, len(sent))), ping)
    if encrypted:
        sent = [Packet(one.serial, one.more, stream.apply(one.body)) for one in sent]
    whole = b"".join(one.encode() for one in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=10)))

    async def scenario():
        ours, theirs = socket.socketpair()
        ours.setblocking(False)

        async def connector(host, port):
            return ours

        with theirs:
            line = await RawLine.open("", 0, connector=connector, encrypt=encrypted, limit=10_000)
            line.secure(HASH, Answer(Retcode(0, ""), Record({"CRYPT_RAND": RANDOM.hex()}), None))
            asked = asyncio.create_task(line.call(Call("/api/user/get"), seconds=5))
            await asyncio.sleep(0)
            for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
                line.data_received(whole[start:end])
            answer = await asked
            line.abort()
        return answer

    assert asyncio.run(scenario()).record.text("NAME") == name


@pytest.mark.parametrize("header", [b"00080001X", b"-0080001 ", b"0x0800010", b" 00080001", b"HTTP/1.1 ", b"00_800010"])
def test_what_is_no_header_is_malformed(header):
    unpacker = Unpacker()
    unpacker.feed(header)
    with pytest.raises(Malformed, match="not a packet"):
        unpacker.next()


@any_speed
@given(st.dictionaries(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ_", min_size=1), words, max_size=6), words)
def test_every_value_survives_its_escapes(values, below):
    line = "".join(f"{key}={text.escape(value)}|" for key, value in values.items())
    assert text.split(f"USER_GET|{line}\r\n{below}") == ("USER_GET", values, below)


def test_values_are_escaped_as_in_the_vendors_clients():
    assert text.escape("demo\\a=b|c\nd") == "demo\\\\a\\=b\\|c\\\nd"


def test_a_line_without_its_end_is_read_as_well():
    assert text.split("TRADE_BALANCE|RETCODE=0 Done|TICKET=7|") == (
        "TRADE_BALANCE",
        {"RETCODE": "0 Done", "TICKET": "7"},
        "",
    )


def test_commands_are_named_as_in_the_manual():
    assert text.name_of("/api/user/account/get_batch") == "USER_ACCOUNT_GET_BATCH"
    body = {"Login": "1000", "Type": "main", "Password": "a=b"}
    sent = text.encode(Call("/api/user/change_password", body=body, changes=True)).decode("utf-16-le")
    assert sent == "USER_PASS_CHANGE|LOGIN=1000|TYPE=MAIN|PASSWORD=a\\=b|\r\n"
    add = Call("/api/user/add", {"login": 0, "group": "demo\\x"}, body={"PassMain": "P", "Name": "Zoë"}, changes=True)
    assert text.encode(add).decode("utf-16-le") == (
        'USER_ADD|LOGIN=0|GROUP=demo\\\\x|PASS_MAIN=P|\r\n{"Name": "Zo\\u00eb"}'
    )


@pytest.mark.parametrize(
    ("sent", "rows"),
    [
        ('USER_GET_BATCH|RETCODE=0 Done|\r\n[{"a": "1"}, {"a": "2"}]', [{"a": "1"}, {"a": "2"}]),
        ('\ufeffuser_get_batch|RetCode=0 Done|\r\n{"a": "1"}\r\n', [{"a": "1"}]),
        ("USER_GET_BATCH|RETCODE=1 no data|\r\n", []),
        ("USER_GET_BATCH|RETCODE=0 a = b|", []),
    ],
)
def test_answers_in_all_their_shapes(sent, rows):
    assert text.decode(sent.encode("utf-16-le"), "USER_GET_BATCH").rows == rows


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\x00\xd8",
        b"odd",
        "USER_ADD|RETCODE=0 Done|\r\n".encode("utf-16-le"),
        "USER_GET|RETCODE=Done|\r\n".encode("utf-16-le"),
        "USER_GET|LOGIN=1|\r\n".encode("utf-16-le"),
        "USER_GET|RETCODE=0 Done|\r\n{".encode("utf-16-le"),
    ],
)
def test_what_is_no_answer_is_malformed(sent):
    with pytest.raises(Malformed):
        text.decode(sent, "USER_GET")


@any_speed
@given(
    st.binary(max_size=60)
    | st.text('\\|=\r\n{}[]"01 ').map(lambda tail: f"USER_GET|RETCODE=0{tail}".encode("utf-16-le"))
)
def test_any_bytes_are_an_answer_or_malformed(message):
    with suppress(Malformed):
        assert text.decode(message, "USER_GET").retcode.code is not None
