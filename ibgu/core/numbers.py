"""Bounds whole numbers that others have written: an older CRD may let any of 64 bits through."""

LARGEST = 2**31 - 1
"""The limit of ibgu's CRD: the journal's columns and the calendar take no more."""


def int32(told: int) -> int:
    """Returns the number, or the nearest one that the journal can store."""
    return max(-LARGEST, min(told, LARGEST))
