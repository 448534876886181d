"""Makes texts of clusters and people safe to show.

A message could otherwise move a terminal's cursor, recolour or rewrite what an operator sees, add a
line that looks like ibgu's own, or reorder its characters.
"""

import re

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tabs and line ends
    r"\u200b-\u200f\u202a-\u202e\u2060-\u206f\u061c"  # no width; order of writing
    r"\u2028\u2029"  # line ends that most programs ignore
    r"\xad\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u180e\ufeff\ufff9-\ufffb"
    r"\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\U000e0001\U000e0020-\U000e007f"  # other format characters
    r"\ud800-\udfff]"  # halves of characters
)
"""Characters of Unicode's categories Cc, Cf, Zl, Zp and Cs."""


def harmless(text: str) -> str:
    """Returns the text with U+FFFD for each character that acts and shows nothing."""
    return _UNSEEN.sub(REPLACEMENT, text)


def one_line(text: str) -> str:
    """Returns the text like `harmless`, in one line with a space for all white space."""
    return harmless(" ".join(text.split()))
