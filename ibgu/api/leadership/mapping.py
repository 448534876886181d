"""Maps the hub's leadership."""

from ibgu.api.leadership.schemas import LeadershipBody
from ibgu.core.views.leadership import NOBODY, REMEDY, Leadership

_NONE = LeadershipBody(
    leader=None,
    epoch=0,
    since=None,
    before=None,
    changes=0,
    flaps=False,
    words=NOBODY,
    remedy=None,
)


def leadership_body(found: Leadership | None) -> LeadershipBody:
    if found is None:
        return _NONE
    return LeadershipBody(
        leader=found.leader,
        epoch=found.epoch,
        since=found.since,
        before=found.before,
        changes=found.changes,
        flaps=found.flaps,
        words=found.words,
        remedy=REMEDY if found.flaps else None,
    )
