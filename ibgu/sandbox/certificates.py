"""Certificates that live as long as one sandbox: its own CA and the API server's."""

import datetime
import ipaddress
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = datetime.timedelta(days=30)
_SKEW = datetime.timedelta(hours=1)


_SIGNS = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


class ServingFiles(NamedTuple):
    ca: Path
    certificate: Path
    key: Path


def write_serving_files(folder: Path, *names: str) -> ServingFiles:
    """A new CA and a certificate of it, as PEM files in `folder`: for 127.0.0.1, localhost, and
    the other `names` of the host."""
    files = ServingFiles(folder / "ca.crt", folder / "apiserver.crt", folder / "apiserver.key")
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name = _name("ibgu sandbox CA")
    ca = (
        _builder(ca_name, ca_name, ca_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_SIGNS, critical=True)  # demanded by Python since 3.13
    )
    server = (
        _builder(_name("kube-apiserver"), ca_name, key)
        .add_extension(x509.SubjectAlternativeName(_hosts(names)), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
    )
    files.ca.write_bytes(_pem(ca.sign(ca_key, hashes.SHA256())))
    files.certificate.write_bytes(_pem(server.sign(ca_key, hashes.SHA256())))
    _write_private(files.key, key)
    return files


def write_signing_key(path: Path) -> Path:
    """The key that the API server demands for service account tokens (the sandbox has none)."""
    _write_private(path, ec.generate_private_key(ec.SECP256R1()))
    return path


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _hosts(names: Iterable[str]) -> list[x509.GeneralName]:
    address = x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))
    return [address, *(x509.DNSName(name) for name in ("localhost", *names))]


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _write_private(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
