"""A certificate authority of our own and one certificate for every server name, made once per state
folder.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = timedelta(days=3650)
_RENEW_BEFORE = timedelta(days=30)


def server_context(folder: Path, domain: str) -> ssl.SSLContext:
    """A TLS context for every server below `domain` (such as `mt5.localhost`); writes ca.pem (for clients),
    server.pem and server.key if need be.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not _usable(folder):
        _issue(folder, domain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    return context


def _usable(folder: Path) -> bool:
    paths = [folder / name for name in ("ca.pem", "server.pem", "server.key")]
    if not all(path.exists() for path in paths):
        return False
    certificate = x509.load_pem_x509_certificate(paths[1].read_bytes())
    return certificate.not_valid_after_utc - datetime.now(UTC) > _RENEW_BEFORE


def _issue(folder: Path, domain: str) -> None:
    authority_key, server_key = (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
    )
    authority = _name("Sandbox trading server CA")
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    authority_certificate = (
        _builder(authority, authority, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    names = [x509.DNSName(name) for name in (f"*.{domain}", domain, "localhost")]
    addresses = [x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", "::1")]
    certificate = (
        _builder(authority, _name(f"*.{domain}"), server_key.public_key())
        .add_extension(x509.SubjectAlternativeName([*names, *addresses]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    key = server_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # The authority's own key is not kept: nothing else is ever to be signed with it.
    _write(folder / "server.key", key, 0o600)
    _write(folder / "server.pem", certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    _write(folder / "ca.pem", authority_certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(issuer: x509.Name, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LIFETIME)
    )


def _write(path: Path, data: bytes, mode: int) -> None:
    draft = path.with_suffix(".tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    draft.replace(path)
