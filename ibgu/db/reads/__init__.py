"""What REST reads: pages by keyset, everything of one hub only."""

from ibgu.db.reads.cursor import BadCursor
from ibgu.db.reads.events import EventReads
from ibgu.db.reads.groups import NAMED, GroupReads
from ibgu.db.reads.members import MemberReads
from ibgu.db.reads.rollouts import RolloutReads


class Reads(RolloutReads, MemberReads, GroupReads, EventReads):
    """Every read, at one moment each. They raise BadCursor and JournalAway."""


__all__ = ["NAMED", "BadCursor", "Reads"]
