"""Members in flight that are overdue are counted by kind, by who must act, and by gate."""

from datetime import timedelta

from ibgu.api.rollouts.overdue import overdue_in
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import ActingParty, MemberState, ReasonKind
from ibgu.core.model.counts import Counts
from ibgu.db.views import FlightRow, ReasonRow, StepRow
from tests.db.records import NOW, rollout, step

HOUR = timedelta(hours=1)


def flight(cluster: str, who: ActingParty, hours: int) -> FlightRow:
    return FlightRow(
        rollout="r",
        step=0,
        cluster=cluster,
        action_index=0,
        action=Action.UPGRADE,
        started=NOW,
        began=NOW,
        limit=None,
        kind=ReasonKind.REBOOTING,
        who=who,
        since=NOW - hours * HOUR,
    )


def reason(who: ActingParty, count: int) -> ReasonRow:
    kind = ReasonKind.REBOOTING
    return ReasonRow("r", 0, MemberState.IN_FLIGHT, kind, who, count, NOW, "words")


def test_a_fresh_reason_is_not_overdue_because_another_of_its_kind_is() -> None:
    flights = (
        *(flight(f"site-{number}", ActingParty.CLUSTER, 900) for number in range(5)),
        flight("site-9", ActingParty.IBGU, 0),
    )
    row = StepRow(step(rollout("r"), 0, Action.UPGRADE), Counts(), NOW, (), flights)
    assert overdue_in(row, reason(ActingParty.CLUSTER, 5), {}) == 5
    assert overdue_in(row, reason(ActingParty.IBGU, 1), {}) == 0
