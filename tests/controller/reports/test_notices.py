"""The words of Events on the IBGU."""

import pytest

from ibgu.controller.reports.events import note_of
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.model import Cause, Kind, OnMember, OnRollout, Outcome
from tests.api.fleet import PULL, failed, finished
from tests.db.records import member, rollout, step

PREP = step(rollout("r1"), 0, Action.PREP)
CANCELLED = {"failed_action": Action.PREP, "cause": Cause.CANCELLED}


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        (OnMember(Kind.FINISHED, failed(PREP, "s6", 0, PULL), PULL), f"s6: Prep failed: {PULL}"),
        (OnMember(Kind.FINISHED, failed(PREP, "s6", 0, ""), "failed"), "s6: Prep failed"),
        (
            OnMember(
                Kind.FINISHED,
                finished(PREP, "s6", 0, Outcome.CANCELLED, **CANCELLED),
                "cancelled by default/other",
            ),
            "s6: Prep cancelled by default/other",
        ),
        (OnMember(Kind.FINISHED, member(PREP, "s6", 0), "skipped"), "s6: skipped"),
        (OnRollout(Kind.ROLLOUT_STARTED, rollout("r1"), "it starts"), "it starts"),
    ],
)
def test_an_event_reads_as_a_sentence(decision: OnMember | OnRollout, words: str) -> None:
    assert note_of(decision) == words
