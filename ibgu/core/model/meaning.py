"""The meaning of a reason or a cause to a person."""

from msgspec import Struct

NOTHING = "nothing: ibgu goes on by itself"
RESUME = "then annotate the IBGU with ibgu.dev/resume"
STARTS_AFTER_ANOTHER = (
    "The cluster starts when one in flight ends; ibgu watches those for being overdue"
)
STARTS_AT_ITS_TIME = "The cluster starts at the time shown with the reason"


class Meaning(Struct, frozen=True):
    means: str
    """The situation, in a sentence."""
    ends: str = ""
    """What ends the reason; empty: nothing, it is over."""
    do: str = NOTHING
