"""What REST reads: pages by keyset, everything of one hub only."""

from ibgu.db.reads.cursor import BadCursor
from ibgu.db.reads.events import EventReads
from ibgu.db.reads.members import MemberReads
from ibgu.db.reads.rollouts import RolloutReads


class Reads(RolloutReads, MemberReads, EventReads):
    """Every read, at one moment each. They raise BadCursor and JournalAway."""


__all__ = ["BadCursor", "Reads"]
