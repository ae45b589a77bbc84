"""The vendor's published key sequence, and the keystream computed from its description."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tenant_apps.trading.adapters.mt5 import auth, crypt

HASH = auth.password_hash("Password1")
RANDOM = bytes(range(256))
TIME = "TIME_SERVER|\r\n".encode("utf-16-le")
# A busy machine is no failure.
any_speed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_the_sequence_is_the_published_one():
    ivs = [iv.hex() for iv in crypt.sequence(HASH, RANDOM)]
    assert ivs[:4] == [
        "b0ed3aa00c46c12260202166f8484536",
        "8f57767e6a2ca7a54c85776325f7677e",
        "1b6493c551ce24e2746982f0a15dc916",
        "57c68578ca6d4196107f83e6a8f4b48f",
    ]
    assert ivs[14:] == ["ef863280e56de9f5898de0496d3db4bb", "70c65d37748166f082270af669327005"]


def test_every_packet_begins_on_a_fresh_block():
    sending, _ = crypt.keystreams(HASH, RANDOM)
    assert sending.apply(TIME).hex() == "1ef546fe150c6454a300777b6b86f8b60f4db44cb60af1463cb77366"
    assert sending.apply(b"") == b""  # a ping costs nothing
    assert sending.apply(TIME).hex() == "2ed701bf01511f4cfda0972758e5913bf03baa047b6d6a5df641f282"


@any_speed
@given(st.lists(st.binary(max_size=100), max_size=20))
def test_what_one_side_writes_the_other_reads(bodies):
    one, other = crypt.keystreams(HASH, RANDOM), crypt.keystreams(HASH, RANDOM)
    for direction in (0, 1):
        assert [other[direction].apply(one[direction].apply(body)) for body in bodies] == bodies


def test_the_two_directions_differ():
    sending, receiving = crypt.keystreams(HASH, RANDOM)
    assert sending.apply(bytes(16)) != receiving.apply(bytes(16))


@pytest.mark.parametrize("size", [0, 16, 255, 257])
def test_other_than_256_random_bytes_are_no_key(size):
    with pytest.raises(ValueError, match="256 random bytes"):
        crypt.keystreams(HASH, bytes(size))
