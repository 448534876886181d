"""Cuts foreign texts to a size that journal, log, status and memory can bear."""

MAX_BYTES = 4096
"""Bytes of UTF-8 that are kept of one text, with the mark."""
MARK = " … (cut)"
_KEPT = MAX_BYTES - len(MARK.encode())
_MAX_CHARACTER = 4
"""Bytes of one character of UTF-8, at most."""


def cut(text: str) -> str:
    """Returns the text as it is, or its first 4 KiB marked as cut."""
    if len(text) * _MAX_CHARACTER <= MAX_BYTES:
        return text
    found = text.encode(errors="replace")
    if len(found) <= MAX_BYTES:
        return text
    return found[:_KEPT].decode(errors="ignore") + MARK
