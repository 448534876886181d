"""The meaning of a reason or a cause to a person."""

from msgspec import Struct

NOTHING = "nothing: ibgu goes on by itself"


class Meaning(Struct, frozen=True):
    means: str
    """The situation, in a sentence."""
    ends: str = ""
    """What ends the reason; empty: nothing, it is over."""
    do: str = NOTHING
