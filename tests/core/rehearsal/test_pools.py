"""Steps that resume what was paused: canaries hold them, and budgets do not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ibgu.core.drivers.cluster_version.actions import UpdateAction
from ibgu.core.model.kinds import LabelSelector
from ibgu.core.rehearsal.model import Attempts, PlannedStep, RehearsedPlan
from ibgu.core.rehearsal.run import Rehearsal
from ibgu.core.rehearsal.step_end import Held
from tests.core.engine.gates.policies.policy import policy
from tests.core.rehearsal.pair import view

LONG = timedelta(hours=100)


@pytest.mark.parametrize("steps", [(("Update", "Pools"),), (("Update",), ("Pools",))])
def test_pools_that_fail_engage_the_circuit_breaker(steps: tuple[tuple[str, ...], ...]) -> None:
    plan = RehearsedPlan(
        steps=tuple(PlannedStep(actions, 2, LONG) for actions in steps),
        selectors=[LabelSelector()],
        clusters=[view(f"site-{n}", {}) for n in range(1, 13)],
        begin=datetime(2026, 1, 1, tzinfo=UTC),
        policies=[],
    )
    draws = {str(each): Attempts([3600.0] * 12, [False] * 12) for each in UpdateAction}
    draws["Pools"] = Attempts([600.0] * 12, [True] * 12)
    last = Rehearsal(plan).run(draws).steps[-1]
    assert last.held is Held.CIRCUIT_BREAKER
    assert 5 <= last.started <= 7


@pytest.mark.parametrize(
    ("spec", "held", "started"),
    [
        ({"canaries": {"count": 1, "soakMinutes": 60}}, Held.CANARIES, 1),
        ({"failureBudget": {"maximum": 0}, "inFlight": 1}, Held.NOT, 4),
    ],
)
def test_the_first_cluster_fails(spec: dict[str, Any], held: Held, started: int) -> None:
    plan = RehearsedPlan(
        steps=(PlannedStep(("Update",), 4, LONG), PlannedStep(("Pools",), 4, LONG)),
        selectors=[LabelSelector()],
        clusters=[view(f"site-{n}", {}) for n in range(1, 5)],
        begin=datetime(2026, 1, 1, tzinfo=UTC),
        policies=[policy("first", actions=["Pools"], **spec)],
    )
    draws = {str(each): Attempts([3600.0] * 4, [False] * 4) for each in UpdateAction}
    draws["Pools"] = Attempts([600.0] * 4, [True, False, False, False])
    last = Rehearsal(plan).run(draws).steps[-1]
    assert (last.held, last.started) == (held, started)
