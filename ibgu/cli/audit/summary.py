"""Reads and writes certificates as files: what one attests, its signer, and whether it still
fits."""

from pathlib import Path

import msgspec
import typer
from msgspec import Struct

from ibgu.cli.audit import signing
from ibgu.cli.errors import FAILED, MISUSED, fail
from ibgu.cli.show.certificate import KIND, Certificate, as_json_text
from ibgu.cli.show.output_style import page
from ibgu.core.text.harmless import one_line


class _Rollout(Struct, frozen=True):
    namespace: str
    name: str
    uid: str
    state: str


class _Events(Struct, frozen=True):
    count: int
    sha256: str
    first: int | None = None
    last: int | None = None


class CertificateSummary(Struct, frozen=True):
    """CertificateSummary is the part of the certificate's JSON that is shown."""

    kind: str
    verdict: str
    rollout: _Rollout
    hub: str
    at: str
    version: str
    events: _Events


def write_signed(found: Certificate, key: Path, to: Path) -> None:
    """Writes the certificate and its signature; neither may exist yet."""
    signature = to.with_name(to.name + signing.SUFFIX)
    content = (as_json_text(found) + "\n").encode()
    for path in (to, signature):
        if path.exists():
            fail(
                f"{path} already exists: choose another name with --to, or remove the file", MISUSED
            )
    try:
        signed = signing.sign(content, key, lambda: _passphrase(key))
        to.write_bytes(content)
        signature.write_bytes(signed)
    except signing.SigningError as error:
        fail(str(error), MISUSED)
    except OSError as error:
        fail(f"can't write {error.filename}: {error.strerror}")
    typer.echo(f"ibgu: signed: {to}, {signature}", err=True)


def verify(path: Path, key: Path) -> None:
    """Prints what the certificate attests if its signature holds; otherwise ends with an error."""
    found = verified(path, key)
    typer.echo(page(map(one_line, _summary(path, key, found))))
    if found.verdict != "certified":
        raise typer.Exit(FAILED)


def verified(path: Path, key: Path) -> CertificateSummary:
    """Returns what the certificate attests if its signature holds; otherwise ends with an error."""
    signature = path.with_name(path.name + signing.SUFFIX)
    try:
        content = signing.read(path)
        good = signing.is_signed(content, signing.read(signature), key)
    except signing.SigningError as error:
        fail(str(error), MISUSED)
    if not good:
        fail(
            f"{path}: invalid signature: the certificate was changed after it was signed, "
            f"or {key} is not the signer's key"
        )
    return _decoded(path, content, "is signed, but is not")


def unverified(path: Path) -> CertificateSummary:
    """Returns what the certificate says, which anyone may have written. Ends with an error if the
    file is not a certificate."""
    try:
        content = signing.read(path)
    except signing.SigningError as error:
        fail(str(error), MISUSED)
    return _decoded(path, content, "is not")


def _decoded(path: Path, content: bytes, is_not: str) -> CertificateSummary:
    try:
        found = msgspec.json.decode(content, type=CertificateSummary)
    except msgspec.DecodeError:
        fail(f"{path} {is_not} a certificate from `ibgu certify`")
    if found.kind != KIND:
        fail(f"{path} {is_not} a certificate from `ibgu certify`")
    return found


def _summary(path: Path, key: Path, found: CertificateSummary) -> list[str]:
    rollout, events = found.rollout, found.events
    return [
        f"{rollout.namespace}/{rollout.name} {found.verdict.upper()}",
        f"signature {path} is as the owner of {key} has signed it",
        f"uid {rollout.uid}, {rollout.state}",
        f"events {events.count:,} (#{events.first} to #{events.last}), sha256 {events.sha256}",
        f"ibgu {found.version}, {found.at}, hub {found.hub}",
    ]


def _passphrase(key: Path) -> str:
    return str(typer.prompt(f"Passphrase of {key}", hide_input=True, err=True))
