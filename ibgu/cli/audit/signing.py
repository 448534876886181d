"""Signs certificates: Ed25519 over a file as it is, in a file of 64 bytes beside it.

You don't need ibgu to check one: `openssl pkeyutl -verify -rawin` reads the same files.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

SUFFIX = ".sig"
"""The suffix of the signature's file, after the whole name of the signed one."""

_SMALL_ORDER = frozenset(
    map(
        bytes.fromhex,
        (
            "00" * 32,
            "01" + "00" * 31,
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "ec" + "ff" * 30 + "7f",
            "ed" + "ff" * 30 + "7f",
            "ee" + "ff" * 30 + "7f",
        ),
    )
)
"""Points of order 1, 2, 4 and 8, in all their encodings, without the sign."""
_OPENSSH = b"-----BEGIN OPENSSH"
_MAKE_ONE = "make one with: openssl genpkey -algorithm ed25519 -out KEY"


class SigningError(Exception):
    """SigningError: a key or a signature can't be used; the text is for a person."""


def sign(content: bytes, key: Path, ask: Callable[[], str]) -> bytes:
    """Returns the signature. `ask`: returns the key's passphrase, if it has one. Raises
    SigningError."""
    _need_cryptography()
    return _private(key, ask).sign(content)


def is_signed(content: bytes, signature: bytes, key: Path) -> bool:
    """Returns whether the owner of the public key has signed exactly that. Raises SigningError."""
    _need_cryptography()
    from cryptography.exceptions import InvalidSignature

    try:
        _public(key).verify(signature, content)
    except InvalidSignature:
        return False
    return True


def read(path: Path) -> bytes:
    """Returns the file's content. Raises SigningError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise SigningError(f"can't read {path}: {error.strerror}") from error


def _need_cryptography() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise SigningError(
            "signatures need the package cryptography: install the extra `sign`"
        ) from error


def _private(path: Path, ask: Callable[[], str]) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        load_pem_private_key,
        load_ssh_private_key,
    )

    content = read(path)
    load = load_ssh_private_key if content.startswith(_OPENSSH) else load_pem_private_key
    try:
        try:
            key = load(content, None)
        except TypeError:  # it is encrypted
            key = load(content, ask().encode())
    except Exception as error:  # of many kinds: formats, passphrases, algorithms
        raise SigningError(f"{path} is no private key that can be read: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningError(f"{path} is not an Ed25519 key; {_MAKE_ONE}")
    return key


def _public(path: Path) -> "Ed25519PublicKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import (
        load_pem_public_key,
        load_ssh_public_key,
    )

    content = read(path)
    load = load_ssh_public_key if content.startswith(b"ssh-") else load_pem_public_key
    try:
        key = load(content)
    except Exception as error:  # of many kinds, as above
        raise SigningError(f"{path} is no public key that can be read: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise SigningError(f"{path} is not an Ed25519 key")
    if _is_small_order(key.public_bytes_raw()):
        words = "everybody can sign for it. Ask the signer for their public key"
        raise SigningError(f"{path} is a key of small order: {words}")
    return key


def _is_small_order(encoded: bytes) -> bool:
    """Returns whether the key is one of the few points for which anybody can make signatures."""
    return bytes([*encoded[:-1], encoded[-1] & 0x7F]) in _SMALL_ORDER
