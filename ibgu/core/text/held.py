"""Sentences on what a policy holds."""

from ibgu.core.text.counted import counted
from ibgu.core.text.harmless import one_line

_MAX_CHARACTERS = 300
"""Characters of what somebody has written."""


def held_by(holder: str, message: str, clusters: int, *, alike: bool = True) -> str:
    """Returns a sentence such as "held by policy ran-nights: the policy's window opens at 01:00 CET
    on 27 November 2026; 214 clusters wait for it". `holder`: empty: somebody holds each of the
    clusters, as the message of one of them says; `alike`: all have that message."""
    waits = counted(clusters, "cluster waits", "clusters wait")
    words = for_all(written(message), alike=alike)
    if not holder:
        return f"{words}; {waits} for the end of a hold"
    return f"held by {holder}: {words}; {waits} for it"


def for_all(message: str, *, alike: bool) -> str:
    """Returns the message of one cluster as that of all that wait with it. `alike`: all have it."""
    return message if alike else f"{message} (similar for others)"


def written(text: str) -> str:
    """Returns what somebody has written, harmless and short."""
    line = one_line(text)
    return f"{line[:_MAX_CHARACTERS]}…" if len(line) > _MAX_CHARACTERS else line
