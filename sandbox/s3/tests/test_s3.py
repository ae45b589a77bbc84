"""The bucket as a process, asked by boto3; and the published vector of the signature."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.s3.signature import Call, Refused, check
from sandbox.tests.support import Sandbox

pytestmark = pytest.mark.enable_socket
KEYS = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
AT = datetime(2013, 5, 24, tzinfo=UTC)
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
SIGNATURE = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"


def example(**changes: Any) -> Call:
    """ "GET Object" of AWS's own documentation of the signature."""
    signed = "host;range;x-amz-content-sha256;x-amz-date"
    scope = f"{KEYS[0]}/20130524/us-east-1/s3/aws4_request"
    headers = {
        "host": "examplebucket.s3.amazonaws.com", "range": "bytes=0-9", "x-amz-content-sha256": EMPTY,
        "x-amz-date": "20130524T000000Z",
        "authorization": f"AWS4-HMAC-SHA256 Credential={scope},SignedHeaders={signed},Signature={SIGNATURE}",
    }  # fmt: skip
    values = {"method": "GET", "path": "/test.txt", "query": "", "headers": headers, "body": b""}
    return Call(**{**values, **changes})


def test_the_published_signature_is_right() -> None:
    check(example(), dict([KEYS]), AT)


@pytest.mark.parametrize(
    ("changes", "secret", "late", "code"),
    [
        ({"path": "/other.txt"}, KEYS[1], 0, "SignatureDoesNotMatch"),
        ({"query": "acl"}, KEYS[1], 0, "SignatureDoesNotMatch"),
        ({"body": b"more"}, KEYS[1], 0, "XAmzContentSHA256Mismatch"),
        ({"headers": {}}, KEYS[1], 0, "AccessDenied"),
        ({}, "another", 0, "SignatureDoesNotMatch"),
        ({}, KEYS[1], 16, "RequestTimeTooSkewed"),
    ],
)
def test_a_request_that_was_tampered_with_is_refused(
    changes: dict[str, Any], secret: str, late: int, code: str
) -> None:
    with pytest.raises(Refused) as refused:
        check(example(**changes), {KEYS[0]: secret}, AT + timedelta(minutes=late))
    assert refused.value.code == code


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    keys = ["--access-key", KEYS[0], "--secret-key", KEYS[1]]
    server = Sandbox("s3", tmp_path_factory.mktemp("s3"), "--bucket", "papers", *keys)
    yield server
    server.close()


def client(bucket: Sandbox, secret: str = KEYS[1]) -> Any:
    return boto3.client(
        "s3", endpoint_url=bucket.url, aws_access_key_id=KEYS[0], aws_secret_access_key=secret, region_name="eu-west-1",
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )  # fmt: skip


def code_of(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as failed:
        call(**arguments)
    return str(failed.value.response["Error"]["Code"])


def test_objects_come_back_and_go(bucket: Sandbox) -> None:
    s3 = client(bucket)
    place = {"Bucket": "papers", "Key": "a tenant/ä file+1"}
    data = bytes(range(256)) * 20_000  # 5 MB: more than other sandboxes take
    s3.put_object(**place, Body=data)
    assert s3.get_object(**place)["Body"].read() == data
    bucket.kill()
    bucket.start()
    s3 = client(bucket)
    assert s3.get_object(**place)["Body"].read() == data
    s3.delete_object(**place)
    assert code_of(s3.get_object, **place) == "NoSuchKey"


def test_a_stranger_is_refused(bucket: Sandbox) -> None:
    place = {"Bucket": "papers", "Key": "mine"}
    assert code_of(client(bucket, "guessed").put_object, **place, Body=b"x") == "SignatureDoesNotMatch"
    assert code_of(client(bucket).put_object, Bucket="others", Key="mine", Body=b"x") == "NoSuchBucket"
    assert code_of(client(bucket).get_object, **place) == "NoSuchKey"
