"""Time stamps that others have written, and that anybody may have edited."""

from datetime import datetime


def moment(told: str) -> datetime | None:
    """As RFC 3339 has it, with a zone; None where it is no such thing."""
    try:
        found = datetime.fromisoformat(told)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
