"""Signs requests by the Standard Webhooks specification, which libraries of many languages verify.

The signature is HMAC-SHA256 over `<id>.<timestamp>.<body>`.
"""

import hashlib
import hmac
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Sequence
from datetime import datetime

PREFIX = "whsec_"


class InvalidSecret(ValueError):
    """An error that says what is wrong without quoting the secret."""


def keys(secret: str) -> tuple[bytes, ...]:
    """Returns the keys, one a line: a new one can be added while the old one is still valid."""
    lines = [line.strip() for line in secret.splitlines() if line.strip()]
    if not lines:
        raise InvalidSecret("is empty")
    return tuple(_key(line) for line in lines)


def headers(signing: Sequence[bytes], message: str, at: datetime, body: bytes) -> dict[str, str]:
    """Returns the headers; `at`: the time of sending. Receivers refuse old times to prevent
    replays."""
    timestamp = str(int(at.timestamp()))
    signed = b".".join((message.encode(), timestamp.encode(), body))
    signatures = [b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in signing]
    return {
        "webhook-id": message,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def _key(line: str) -> bytes:
    if not line.startswith(PREFIX):
        return line.encode()
    try:
        return b64decode(line.removeprefix(PREFIX), validate=True)
    except Error as error:
        raise InvalidSecret(f"begins with {PREFIX}, but what follows is no base64") from error
