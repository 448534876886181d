"""Finds annotations with ibgu's prefix that ibgu does not know: a typing error must not pass
unnoticed, and a person who has mistyped a pause must see that it holds nothing."""

from collections.abc import Iterable
from difflib import get_close_matches

from ibgu.core.engine.gates import SWITCHES
from ibgu.core.model import names
from ibgu.core.model.seed_image import SEED_IMAGE

OURS = "ibgu.dev/"
KNOWN = (
    *names.CONTROLS,
    names.MANUAL_CLEANUP_DONE,
    names.PAUSE,
    names.RESUMED_BY,
    names.FOLLOW_UP_POLICY,
    names.FOLLOW_UP_REASON,
    SEED_IMAGE,
    *SWITCHES,
    *names.RATE_LIMIT_ANNOTATIONS,
    *names.BACKUP_ANNOTATIONS,
    *names.STEP_AUTHORS,
)
"""Annotations that a person may set; any other one with the prefix does nothing."""
MAX_NAMED = 10
"""Unknown annotations that are named: to look for the one that is meant takes time."""
_KNOWN = frozenset(KNOWN)


def unknown(keys: Iterable[str]) -> list[str]:
    """Returns those with ibgu's prefix that do nothing, in order."""
    return sorted(key for key in keys if key.startswith(OURS) and key not in _KNOWN)


def does_nothing(key: str) -> str:
    """Returns that the annotation does nothing, and which one may be meant."""
    near = get_close_matches(key, KNOWN, 1, 0.8)
    meant = f"; do you mean {near[0]}?" if near else ": ibgu has no annotation of that name"
    return f"the annotation {key} does nothing{meant}"
