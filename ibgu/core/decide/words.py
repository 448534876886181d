"""Sentences for people."""


def count(number: int, what: str) -> str:
    """As in: 1 cluster, 2 clusters."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
