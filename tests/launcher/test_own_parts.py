"""An operator's own PostgreSQL, Redis, SMTP server, S3 and Sentry instead of the embedded parts, each over a socket.

The database is prepared by the very statements of docs/operations.md.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import smtplib
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import brotli
import psycopg
import pytest
import redis
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kernel import mail
from launcher import processes, services
from launcher.layout import ROOT, child_environment
from sandbox.tests.support import Received, Receiver, Sandbox
from tests.launcher.own_parts import CARD, OWNER, PASSWORD, SEALED, TOKEN

pytestmark = [pytest.mark.slow, pytest.mark.enable_socket]
KEYS = {"S3_BUCKET": "papers", "S3_ACCESS_KEY": "OPERATORSKEY", "S3_SECRET_KEY": "operators-own-secret"}
MODULE = "tenant_apps/notifications/tests/test_bell.py"  # two brokerages, requests, the live channel
LOGIN, WORD = "rialto@house.example", "a:word/with@signs"


# --- what the operator runs -----------------------------------------------------------------------------------------


class MailServer(Controller):
    """Takes mail from who logs in, and only over TLS; answers with the certificate given."""

    def __init__(self, certificate: Path, *, implicit: bool = False, tls: bool = True, port: int = 0) -> None:
        self.messages: list[Any] = []
        self.logins: list[bool] = []
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trust.load_cert_chain(certificate)
        ways: dict[str, Any] = {"ssl_context": trust} if implicit else {"tls_context": trust if tls else None}
        super().__init__(
            self, hostname="127.0.0.1", port=_free_port(), authenticator=self._known, auth_required=True,
            auth_require_tls=tls and not implicit, require_starttls=tls and not implicit, **ways,
        )  # fmt: skip

    def _known(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and (data.login, data.password) == (LOGIN.encode(), WORD.encode())
        self.logins.append(good)
        return AuthResult(success=good, handled=False)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        assert session.ssl or session.extended_smtp
        self.messages.append(message_from_bytes(envelope.content))
        return "250 OK"

    def url(self, scheme: str, word: str = "a%3Aword%2Fwith%40signs") -> str:
        return f"{scheme}://rialto%40house.example:{word}@127.0.0.1:{self.port}"


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _certificate(folder: Path, name: str, *addresses: str) -> Path:
    """A self-signed certificate with its key, for these addresses, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(one)) for one in addresses]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, *private) + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def _prepared(environment: dict[str, str]) -> dict[str, str]:
    """Roles and database by the statements of the manual, under other names; the settings that lead to them."""
    place = environment["DATABASE_URL"].rpartition("@")[2].partition("/")[0]
    word = services.State(Path(environment["RIALTO_STATE"])).secrets()["postgres_superuser"]
    manual = (ROOT / "docs" / "operations.md").read_text()
    block = re.search(r"```sql\n(.*?)```", manual, re.DOTALL)
    assert block is not None
    with psycopg.connect(f"postgres://rialto_superuser:{word}@{place}/postgres", autocommit=True) as administrator:
        for statement in block[1].replace("rialto", "house").split(";"):
            if statement.strip():
                administrator.execute(statement)
    return {
        "DATABASE_URL": f"postgres://house_app:another@{place}/house",
        "DATABASE_OWNER_URL": f"postgres://house_owner:one@{place}/house",
        "REDIS_URL": environment["REDIS_URL"],
    }


@dataclass
class House:
    """The operator's servers, what the launcher made of their addresses, and what the product did with them."""

    given: dict[str, str]
    running: services.Services
    report: dict[str, Any]
    post: MailServer
    bucket: Sandbox
    sentry: Receiver
    events: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("house")


@pytest.fixture(scope="module")
def certificate(folder: Path) -> Path:
    return _certificate(folder, "mail", "127.0.0.1")


@pytest.fixture(scope="module")
def house(folder: Path, certificate: Path) -> Iterator[House]:
    keys = ["--access-key", KEYS["S3_ACCESS_KEY"], "--secret-key", KEYS["S3_SECRET_KEY"]]
    with ExitStack() as stack:
        post, sentry = MailServer(certificate), Receiver()
        stack.callback(sentry.close)
        post.start()
        stack.callback(post.stop)
        bucket = Sandbox("s3", folder / "s3", "--bucket", KEYS["S3_BUCKET"], *keys)
        stack.callback(bucket.close)
        # Not a throwaway one: that prepares template1, which an ordinary server does not.
        theirs = stack.enter_context(services.running(folder / "theirs", given={}))
        given = {
            **_prepared(theirs.environment), **KEYS, "S3_ENDPOINT_URL": bucket.url,
            "EMAIL_URL": post.url("smtp+tls"), "SSL_CERT_FILE": str(certificate),
            "SENTRY_DSN": f"http://public@127.0.0.1:{sentry.port}/7",
        }  # fmt: skip
        ours = stack.enter_context(services.running(folder / "ours", given=given))
        made = House(given, ours, _product(ours, given), post, bucket, sentry)
        made.events = [event for one in sentry.requests for event in _events(_plain(one))]
        yield made


def _environment(ours: services.Services, given: dict[str, str]) -> dict[str, str]:
    """Of the product's processes, as the launcher hands it on."""
    plain = child_environment({**given, **ours.environment, "DJANGO_SETTINGS_MODULE": "config.settings.demo"})
    return {name: value for name, value in plain.items() if not name.startswith(("PYTEST_", "RIALTO_DEMO", "SANDBOX_"))}


def _product(ours: services.Services, given: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("own_parts.py")],
        cwd=ROOT, env=_environment(ours, given), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-6000:]
    return dict(json.loads(done.stdout.rpartition("REPORT ")[2]))


def _plain(request: Received) -> bytes:
    """The body as it was before the SDK made it small."""
    unpack = {"br": brotli.decompress, "gzip": gzip.decompress}.get(request.headers.get("content-encoding", ""), bytes)
    return bytes(unpack(request.body))


def _events(body: bytes) -> Iterator[dict[str, Any]]:
    """The events of an envelope: a line of JSON for each item's header, then its payload."""
    lines = body.split(b"\n")
    for header, payload in zip(lines[1::2], lines[2::2], strict=False):
        if header and json.loads(header)["type"] == "event":
            yield json.loads(payload)


# --- database and broker --------------------------------------------------------------------------------------------


def test_nothing_embedded_starts(house: House) -> None:
    assert house.running.postgres is None
    assert house.running.valkey is None
    assert not {"pgdata", "valkey"} & set(os.listdir(house.running.state.folder))
    mark = house.running.state.mark()
    assert [seen for seen in processes.process_table() if mark in " ".join(seen.command)] == []


def test_the_product_lives_in_the_operators_database(house: House) -> None:
    assert house.report["answers"] == [200, 302, 200]
    with psycopg.connect(house.given["DATABASE_OWNER_URL"]) as owner:
        schemas = owner.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ '^t_'").fetchall()
        assert len(schemas) == 1
        kept = owner.execute(
            "SELECT rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname ~ '^house_' ORDER BY rolname"
        ).fetchall()
        assert kept == [(False, False, False), (False, False, True)]
        [(people,)] = owner.execute(f"SELECT email FROM {schemas[0][0]}.accounts_user").fetchall()
        assert people == OWNER
    with psycopg.connect(house.given["DATABASE_URL"]) as login:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            login.execute(f"SELECT * FROM {schemas[0][0]}.accounts_user")


def test_tasks_and_cache_go_to_the_operators_redis(house: House) -> None:
    with redis.from_url(house.given["REDIS_URL"]) as broker:
        assert broker.llen("rialto:celery:provisioning") == 1
        assert [key for key in broker.scan_iter("rialto:*") if not key.startswith(b"rialto:celery")]


def test_a_test_module_runs_on_them(house: House) -> None:
    """As `make test` runs it; such an owner may make databases."""
    place = house.given["DATABASE_URL"].rpartition("@")[2].partition("/")[0]
    word = services.State(house.running.state.folder.with_name("theirs")).secrets()["postgres_superuser"]
    with psycopg.connect(f"postgres://rialto_superuser:{word}@{place}/postgres", autocommit=True) as administrator:
        administrator.execute("ALTER ROLE house_owner CREATEDB")
    environment = _environment(house.running, house.given) | {"DJANGO_SETTINGS_MODULE": "config.settings.test"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", MODULE],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    assert re.search(r"\d+ passed", done.stdout)
    with psycopg.connect(house.given["DATABASE_OWNER_URL"]) as owner:
        assert owner.execute("SELECT count(*) FROM pg_database WHERE datname ~ '^rialto_test_'").fetchone() == (1,)


# --- files ------------------------------------------------------------------------------------------------------------


def test_files_lie_sealed_in_the_bucket(house: House) -> None:
    assert house.report["file"]["same"]
    import sqlite3

    with sqlite3.connect(house.bucket.state / "s3.sqlite3") as objects:
        stored = dict(objects.execute("SELECT key, body FROM objects").fetchall())
    mine = [body for key, body in stored.items() if key.endswith(house.report["file"]["id"])]
    assert len(mine) == 1
    assert not [body for body in stored.values() if SEALED in body]
    assert not (house.running.state.folder / "files").exists()


# --- mail -------------------------------------------------------------------------------------------------------------


def test_mail_goes_out_over_starttls_with_a_log_in(house: House) -> None:
    assert house.report["mail"]["errors"] == []
    assert house.report["mail"]["sent"]
    assert all(house.report["mail"]["sent"])
    assert [message["To"] for message in house.post.messages] == [OWNER] * len(house.report["mail"]["sent"])
    assert all(house.post.logins)


def _letter() -> EmailMessage:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "Hello", "a@house.example", "b@house.example"
    message.set_content("Hello")
    return message


def _send() -> None:
    mail.transmit(_letter(), sender="a@house.example", to="b@house.example")


@pytest.fixture
def server(request: pytest.FixtureRequest, certificate: Path) -> Iterator[MailServer]:
    made = MailServer(certificate, **getattr(request, "param", {}))
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize(
    ("server", "scheme"), [({}, "smtp"), ({}, "smtp+tls"), ({"implicit": True}, "smtps")], indirect=["server"]
)
def test_each_kind_of_address_is_encrypted(
    server: MailServer, scheme: str, certificate: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    settings.EMAIL_URL = server.url(scheme)
    _send()
    assert server.logins == [True]
    assert len(server.messages) == 1


@pytest.mark.parametrize("scheme", ["smtp", "smtp+tls"])
def test_a_certificate_nobody_vouches_for_gets_no_password(server: MailServer, scheme: str, settings: Any) -> None:
    settings.EMAIL_URL = server.url(scheme)
    with pytest.raises(ssl.SSLCertVerificationError):
        _send()
    assert server.logins == []


def test_a_certificate_of_another_host_gets_no_password(
    folder: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = _certificate(folder, "other", "127.0.0.2")
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    server = MailServer(other)
    server.start()
    settings.EMAIL_URL = server.url("smtp+tls")
    with pytest.raises(ssl.SSLCertVerificationError):
        _send()
    server.stop()
    assert server.logins == []


@pytest.mark.parametrize("server", [{"tls": False}], indirect=True)
def test_no_password_goes_to_another_machine_in_the_clear(
    server: MailServer, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "_is_loopback", lambda host: False)
    settings.EMAIL_URL = server.url("smtp")
    with pytest.raises(smtplib.SMTPNotSupportedError):
        _send()
    settings.EMAIL_URL = server.url("smtp+tls")
    with pytest.raises(smtplib.SMTPException):
        _send()
    assert server.logins == []


def test_a_wrong_password_is_not_the_mails_fault(
    server: MailServer, certificate: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    settings.EMAIL_URL = server.url("smtp+tls", "wrong")
    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        _send()
    assert server.logins
    assert not any(server.logins)
    assert not mail._permanent(refused.value)


# --- Sentry -----------------------------------------------------------------------------------------------------------


def test_sentry_is_told_what_broke_and_nothing_about_people(house: House) -> None:
    told = [event["exception"]["values"][-1]["type"] for event in house.events if "exception" in event]
    assert told == ["RuntimeError"]
    [broken] = [event for event in house.events if "exception" in event]
    frames = broken["exception"]["values"][-1]["stacktrace"]["frames"]
    assert any("flows.py" in frame["filename"] and frame["function"] == "post" for frame in frames)
    assert broken["tags"]["tenant"] == "house"
    assert re.fullmatch(r"[0-9a-f]{16}", broken["tags"]["request_id"])
    # The address of a request is the server's to tell, and Django's test client is none.
    assert broken.get("request", {}) in ({}, {"method": "POST", "url": "http://office.house.localhost/login/"})
    assert any("mail_failed" in event.get("logentry", {}).get("message", "") for event in house.events)
    sent = "".join(_plain(one).decode() + json.dumps(one.headers) for one in house.sentry.requests)
    for secret in (OWNER, PASSWORD, PASSWORD.split()[0], TOKEN, CARD, "203.0.113.9", "olga", KEYS["S3_SECRET_KEY"]):
        assert secret.lower() not in sent.lower(), secret
