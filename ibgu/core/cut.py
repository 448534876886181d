"""Texts of others, cut to a size that journal, log, status and memory can bear."""

MOST_BYTES = 4096
"""Of UTF-8: what is kept of one text, with the mark."""
MARK = " … (cut)"
_KEPT = MOST_BYTES - len(MARK.encode())
_WIDEST = 4
"""Bytes of one character of UTF-8."""


def cut(text: str) -> str:
    """Return the text as it is, or its first 4 KiB marked as cut."""
    if len(text) * _WIDEST <= MOST_BYTES:
        return text
    found = text.encode(errors="replace")
    if len(found) <= MOST_BYTES:
        return text
    return found[:_KEPT].decode(errors="ignore") + MARK
