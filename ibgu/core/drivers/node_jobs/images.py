"""Images by digest, so that every cluster runs the same."""

import re

_DIGEST = re.compile(r"[^@\s]+@sha256:(?P<hex>[0-9a-f]{64})")


def digest_of(image: str) -> str:
    """Returns the hexadecimal digits of the image's digest; empty: it has none."""
    found = _DIGEST.fullmatch(image)
    return found["hex"] if found else ""
