"""Certificates that one signs and others verify, who have no access to the database."""

import asyncio
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner

from ibgu.cli.app import app
from tests.cli.test_certify import Certify, Leading, certify, story, tamper
from tests.db.conftest import db, leading
from tests.db.recording import tell

__all__ = ["certify", "db", "leading"]

PEM, SSH = PrivateFormat.PKCS8, PrivateFormat.OpenSSH


def keys(
    folder: Path,
    name: str = "auditor",
    form: PrivateFormat = PEM,
    locked: KeySerializationEncryption | None = None,
) -> tuple[str, str]:
    """Paths of a new private key, and of its public one."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key()
    secret = folder / f"{name}.key"
    secret.write_bytes(private.private_bytes(Encoding.PEM, form, locked or NoEncryption()))
    shown = folder / f"{name}.pub"
    if form is SSH:
        shown.write_bytes(public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH))
    else:
        shown.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return str(secret), str(shown)


@pytest.mark.parametrize("form", [PEM, SSH])
async def test_a_signed_certificate_is_verified_without_the_database(
    leading: Leading, certify: Certify, tmp_path: Path, form: PrivateFormat
) -> None:
    await tell(await leading(), story())
    private, public = keys(tmp_path, form=form)
    path = tmp_path / "a.json"
    to = str(path)
    made = await certify("fleet/a", "--sign", private, "--to", to)
    assert made.exit_code == 0, made.output
    assert made.stdout.startswith("fleet/a   CERTIFIED\n")
    assert f"ibgu: signed: {to}, {to}.sig" in made.stderr
    content = json.loads(path.read_text())
    assert content["rollout"]["uid"] == "uid-a"
    assert content["hub"] == "hub-1"
    assert content["events"]["first"] == 1
    assert content["events"]["since"] < content["events"]["until"] < content["at"]
    found = await certify("--verify", to, "--key", public, DATABASE_URL="")
    assert found.exit_code == 0, found.output
    lines = found.stdout.splitlines()
    assert lines[0] == "fleet/a CERTIFIED"
    assert lines[2] == "uid uid-a, complete"
    assert lines[3].endswith(f"sha256 {content['events']['sha256']}")
    again = await certify("fleet/a", "--sign", private, "--to", to)
    assert (again.exit_code, "already exists" in again.stderr) == (2, True)


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
async def test_openssl_alone_verifies(leading: Leading, certify: Certify, tmp_path: Path) -> None:
    await tell(await leading(), story())
    private, public = keys(tmp_path)
    path = tmp_path / "a.json"
    made = await certify("fleet/a", "--sign", private, "--to", str(path))
    assert made.exit_code == 0
    assert openssl_verifies(path, public)
    path.write_text(path.read_text().replace("complete", "running"))
    assert not openssl_verifies(path, public)


def openssl_verifies(path: Path, public: str) -> bool:
    line = f"openssl pkeyutl -verify -pubin -inkey {public} -rawin -in {path} -sigfile {path}.sig"
    return subprocess.run(line.split(), check=False, capture_output=True).returncode == 0


async def test_a_changed_certificate_is_refused(
    leading: Leading, certify: Certify, db: AsyncEngine, tmp_path: Path
) -> None:
    """Neither a better verdict, nor someone else's key, nor another file."""
    await tell(await leading(), story())
    await tamper(db, "UPDATE events SET data = data - 'seen' WHERE kind = 'RunAccepted'")
    private, public = keys(tmp_path)
    path = tmp_path / "a.json"
    made = await certify("fleet/a", "--sign", private, "--to", str(path))
    assert made.exit_code == 1
    honest = await certify("--verify", str(path), "--key", public)
    assert (honest.exit_code, honest.stdout.splitlines()[0]) == (1, "fleet/a NOT CERTIFIED")
    signed = path.read_bytes()
    path.write_bytes(signed.replace(b"not certified", b"certified"))
    changed = await certify("--verify", str(path), "--key", public)
    assert (changed.exit_code, changed.stdout) == (1, "")
    assert "invalid signature: the certificate was changed" in changed.stderr
    path.write_bytes(signed)
    _, other = keys(tmp_path, "other")
    foreign = await certify("--verify", str(path), "--key", other)
    assert (foreign.exit_code, foreign.stdout) == (1, "")


@pytest.mark.parametrize("content", [b"{}", b"odd", b'{"kind": "Other"}'])
def test_a_signed_file_that_is_no_certificate_is_refused(tmp_path: Path, content: bytes) -> None:
    private, public = keys(tmp_path)
    (tmp_path / "x.json").write_bytes(content)
    key = _private(private)
    (tmp_path / "x.json.sig").write_bytes(key.sign(content))
    found = verify(tmp_path / "x.json", public)
    assert found[0] == 1
    assert "is signed, but is not a certificate" in found[1]


async def test_a_key_with_a_passphrase(
    leading: Leading, certify: Certify, tmp_path: Path, database_url: str
) -> None:
    await tell(await leading(), story())
    private, public = keys(tmp_path, locked=BestAvailableEncryption(b"open sesame"))
    path = tmp_path / "a.json"
    to = str(path)
    args = ["certify", "fleet/a", "--sign", private, "--to", to]
    env = {"DATABASE_URL": database_url, "NO_COLOR": "1"}
    wrong = await in_thread(args, "no\n", env)
    assert wrong[0] == 2
    assert "is no private key that can be read" in wrong[1]
    assert not path.exists()
    assert (await in_thread(args, "open sesame\n", env))[0] == 0
    assert verify(path, public)[0] == 0


async def test_invalid_options_and_keys_are_refused(
    leading: Leading, certify: Certify, tmp_path: Path
) -> None:
    await tell(await leading(), story())
    private, public = keys(tmp_path)
    curve = generate_private_key(SECP256R1())
    other, odd = tmp_path / "curve.key", tmp_path / "odd"
    other.write_bytes(curve.private_bytes(Encoding.PEM, PEM, NoEncryption()))
    odd.write_text("odd")
    path = tmp_path / "a.json"
    to, away = str(path), str(tmp_path / "away")
    for arguments, code, words in (
        ((), 2, "specify a rollout, or a certificate with --verify"),
        (("fleet/a", "--verify", to, "--key", public), 2, "specify a rollout, or a certificate"),
        (("fleet/a", "--sign", private), 2, "use --sign KEY and --to FILE together"),
        (("--verify", to), 2, "use --verify FILE and --key PUBLIC together"),
        (("--verify", away, "--key", public), 2, f"can't read {away}: No such file"),
        (("fleet/a", "--sign", away, "--to", to), 2, f"can't read {away}: No such file"),
        (("fleet/a", "--sign", str(other), "--to", to), 2, "is not an Ed25519 key; make one with"),
        (("fleet/a", "--sign", str(odd), "--to", to), 2, "is no private key that can be read"),
        (("fleet/a", "--sign", private, "--to", f"{away}/x"), 1, f"can't write {away}/x: No such"),
    ):
        found = await certify(*arguments)
        assert found.exit_code == code, (arguments, found.output)
        assert words in " ".join(found.stderr.replace("│", " ").split()), found.stderr
    assert not path.exists()


_ALIKE = [1, 2**255 - 19 + 1, 2**255 + 1]
"""The neutral point, in encodings that libraries take."""


@pytest.mark.parametrize("encoded", [*_ALIKE, 0, 2**255 - 20, 2**255 - 19])
def test_a_key_that_everybody_can_sign_for_is_refused(tmp_path: Path, encoded: int) -> None:
    content, neutral = b"{}", (1).to_bytes(32, "little")
    forged = neutral + bytes(32)
    key = Ed25519PublicKey.from_public_bytes(encoded.to_bytes(32, "little"))
    if encoded == 1:
        key.verify(forged, content)
    path, public = tmp_path / "a.json", tmp_path / "a.pub"
    path.write_bytes(content)
    path.with_name("a.json.sig").write_bytes(forged)
    public.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    code, said = verify(path, str(public))
    assert code == 2
    assert "is a key of small order: everybody can sign for it" in " ".join(said.split())


def verify(path: Path, public: str) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["certify", "--verify", str(path), "--key", public])
    return found.exit_code, found.output


async def in_thread(args: list[str], said: str, env: dict[str, str]) -> tuple[int, str]:
    found = await asyncio.to_thread(CliRunner().invoke, app, args, input=said, env=env)
    return found.exit_code, found.output


def _private(path: str) -> Ed25519PrivateKey:
    key = load_pem_private_key(Path(path).read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    return key
