"""Names that may be meant where a name is mistyped."""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

MAX_COMPARED = 100
"""Names that are compared; the caller puts first what is meant most often."""
_MAX_LENGTH = 63
"""Characters of a name that is compared: comparing takes time with the square of its length, and
others choose these names."""
_SHOWN = 3


def do_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns the known names that are like this one as the end of a sentence: `; do you mean a or
    b?`. Empty: there are none."""
    others = (each for each in known if each != name and len(each) <= _MAX_LENGTH)
    compared = dict.fromkeys(islice(others, MAX_COMPARED))
    near = get_close_matches(name, compared, _SHOWN) if len(name) <= _MAX_LENGTH else []
    if not near:
        return ""
    *first, last = near
    return f"; do you mean {', '.join(first)} or {last}?" if first else f"; do you mean {last}?"
