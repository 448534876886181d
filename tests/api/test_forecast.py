"""The estimate of a running step follows from what its gates declare of their reasons."""

import pytest

from ibgu.api.rollouts.eta import eta_body
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.gates import GATE_REASONS
from ibgu.core.engine.timing.durations import DurationsByAction, DurationStats
from ibgu.core.model import ActingParty, MemberState, Reason, ReasonKind
from ibgu.core.model.counts import Counts
from ibgu.db.views import ReasonRow, StepRow
from tests.core.engine.state.records import NOW, rollout, step

MEASURED: DurationsByAction = {Action.PREP: DurationStats(10, 60.0, 90.0, (60.0,))}


@pytest.mark.parametrize("kind", GATE_REASONS)
def test_a_step_has_an_estimate_unless_it_is_held(kind: ReasonKind) -> None:
    declared = GATE_REASONS[kind]
    ready = ReasonRow(
        "uid-a", 0, MemberState.WAITING, ReasonKind.SLOT, ActingParty.IBGU, 10, NOW, ""
    )
    row = StepRow(step("Prep", total=10, hold=Reason(kind, NOW)), Counts(waiting=10), NOW, (ready,))
    found = eta_body(rollout(), row, MEASURED)
    assert (found is not None) == declared.delays
    if found is not None:
        told = found.basis.partition("not counted: ")[2]
        assert told == declared.uncounted
