"""The digest that a release's signature names, in all forms in which OpenPGP packs it."""

import base64
import zlib

import pytest

from ibgu.core.drivers.preflight.signatures import MAX_LENGTH, signed_digest
from tests.core.drivers.preflight.update_facts import DIGEST, SIGNATURE

TEXT = f'{{"critical": {{"image": {{"docker-manifest-digest": "sha256:{DIGEST}"}}}}}}'.encode()
OF_NO_LENGTH = b"\xa3"
"""The header of compressed data that go to the end, as gpg writes it."""


def deflated(text: bytes = TEXT) -> bytes:
    packed = zlib.compressobj(wbits=-15)
    return packed.compress(text) + packed.flush()


def encoded(*parts: bytes) -> str:
    return base64.b64encode(b"".join(parts)).decode()


def test_the_digest_is_read_of_a_signature_that_gpg_has_made() -> None:
    assert signed_digest(SIGNATURE) == DIGEST


@pytest.mark.parametrize(
    "signature",
    [
        encoded(OF_NO_LENGTH, b"\x01", deflated()),
        encoded(OF_NO_LENGTH, b"\x02", zlib.compress(TEXT)),
        encoded(b"\xa0\x50\x01", deflated()),
        encoded(b"\xa1\x00\x50\x01", deflated()),
        encoded(b"\xa2\x00\x00\x00\x50\x01", deflated()),
        encoded(b"\x90\x0d\x03\x00", TEXT),
    ],
)
def test_the_digest_is_read_of_each_packing(signature: str) -> None:
    assert signed_digest(signature) == DIGEST


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "?",
        encoded(b"signed"),
        encoded(OF_NO_LENGTH),
        encoded(OF_NO_LENGTH, b"\x01"),
        encoded(OF_NO_LENGTH, b"\x01", b"\xff\xff\xff"),
        encoded(OF_NO_LENGTH, b"\x03", TEXT),
        encoded(OF_NO_LENGTH, b"\x01", deflated(b" " * MAX_LENGTH + TEXT)),
    ],
)
def test_nothing_is_said_of_a_signature_that_can_not_be_read(signature: str) -> None:
    assert signed_digest(signature) == ""
