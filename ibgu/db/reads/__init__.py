"""Reads what REST shows: pages by keyset, of one hub only."""

from ibgu.db.reads.clusters import ClusterReads
from ibgu.db.reads.cursor import InvalidCursor
from ibgu.db.reads.duration_stats import DurationReads
from ibgu.db.reads.events import EventReads
from ibgu.db.reads.feed import FeedReads
from ibgu.db.reads.groups import NAMED
from ibgu.db.reads.later import LaterReads
from ibgu.db.reads.leadership import LeadershipReads
from ibgu.db.reads.members import MemberReads
from ibgu.db.reads.policies import PolicyReads
from ibgu.db.reads.preflight import PreflightReads
from ibgu.db.reads.seeds import SeedReads
from ibgu.db.reads.sorting import Sort
from ibgu.db.reads.tallies import CountCache
from ibgu.db.reads.view import ViewReads
from ibgu.db.reads.visits import VisitReads


class Reads(
    ViewReads,
    MemberReads,
    VisitReads,
    DurationReads,
    ClusterReads,
    LaterReads,
    EventReads,
    FeedReads,
    LeadershipReads,
    SeedReads,
    PreflightReads,
    PolicyReads,
):
    """Every read, at one moment each. They raise InvalidCursor and JournalUnavailable."""


__all__ = ["NAMED", "CountCache", "InvalidCursor", "Reads", "Sort"]
