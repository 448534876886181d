"""The signature of a release image: which digest it is of.

A signature is an OpenPGP message around a text that names the image's digest, usually compressed.
Whose signature it is, and whether it is valid, only the cluster checks.
"""

import base64
import binascii
import re
import zlib

MAX_LENGTH = 65_536
"""Bytes of a signature's text that are read."""
_COMPRESSED = 8
"""OpenPGP's tag of a packet with compressed data (RFC 4880, 5.6)."""
_WINDOW_BITS = {1: -15, 2: 15}
"""zlib's parameter for OpenPGP's algorithms ZIP and ZLIB."""
_DIGEST = re.compile(rb'"docker-manifest-digest"\s*:\s*"sha256:([0-9a-f]{64})"')


def signed_digest(signature: str) -> str:
    """Returns the hexadecimal digits of the digest that the signature names; empty: it can't be
    read."""
    try:
        content = _text(base64.b64decode(signature, validate=True))
    except (binascii.Error, ValueError, zlib.error):
        return ""
    found = _DIGEST.search(content)
    return found[1].decode() if found else ""


def _text(packet: bytes) -> bytes:
    """Returns what the packet has, without the compression; raises zlib.error."""
    start = _body(packet)
    if not start:
        return packet
    bits = _WINDOW_BITS.get(packet[start])
    if bits is None:
        return b""
    return zlib.decompressobj(bits).decompress(packet[start + 1 :], MAX_LENGTH)


def _body(packet: bytes) -> int:
    """Returns where the packet's data begins; 0: it is no compressed packet, or too short. Only the
    old format of headers is read, with which signatures are made."""
    header = packet[0] if packet else 0
    if header >> 6 != 0b10 or (header >> 2) & 0b1111 != _COMPRESSED:
        return 0
    octets_of_length = (1, 2, 4, 0)[header & 0b11]
    start = 1 + octets_of_length
    return start if len(packet) > start else 0
