"""The rehearsed plan follows from a rollout's object, and from the policies of the hub."""

from datetime import timedelta
from typing import Any

import pytest

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.engine.timing.rate_limits import UNLIMITED
from ibgu.core.model import names
from ibgu.core.model.kinds import PlanItem, RolloutSpec, RolloutStrategy
from ibgu.core.model.rollout_policy import PolicyState
from ibgu.core.plan import Scope
from ibgu.core.rehearsal.model import RehearsedPlan
from ibgu.core.rehearsal.planned import (
    NotRehearsable,
    RehearsedRollout,
    planned,
    readable,
)
from tests.core.engine.decide.fleet import START
from tests.core.engine.gates.policies.policy import policy

SPEC = RolloutSpec(
    plan=[
        PlanItem([Action.PREP], RolloutStrategy(10, 60)),
        PlanItem([Action.UPGRADE], RolloutStrategy(5, 240)),
    ]
)
EDGE = policy("edge", rollouts={"namespaces": ["edge"]}, inFlight=3)
WIDE = policy("all", inFlight=9)


def of(**more: Any) -> RehearsedPlan:
    rollout = RehearsedRollout(driver=IBU, spec=SPEC, namespace="default", **more)
    return planned(rollout, [], [WIDE, EDGE], {}, START)


def test_the_steps_of_a_plan_with_the_policies_that_select_it() -> None:
    found = of()
    first, second = found.steps
    assert first.actions == (Action.PREP,)
    assert (second.max_concurrency, second.timeout) == (5, timedelta(hours=4))
    assert found.policies == [WIDE]
    assert found.breaker
    assert found.rollback_time == IBU.rollback_time(SPEC)


def test_steps_that_have_ended_are_not_rehearsed() -> None:
    assert [each.actions for each in of(begun=1).steps] == [(Action.UPGRADE,)]
    with pytest.raises(NotRehearsable, match="no step of the plan is left"):
        of(begun=2)


def test_annotations_count_as_the_engine_reads_them() -> None:
    off = {names.CIRCUIT_BREAKER: "off", "ibgu.dev/starts-per-minute": "6"}
    found = of(annotations=off)
    assert not found.breaker
    assert found.steps[0].rate_limits.starts_per_minute == 6
    back = RolloutSpec(plan=[PlanItem([Action.ABORT], RolloutStrategy(10, 60))])
    rollout = RehearsedRollout(driver=IBU, spec=back, namespace="default", annotations=off)
    assert planned(rollout, [], [], {}, START).steps[0].rate_limits == UNLIMITED


def test_only_the_cluster_sets_of_the_namespace_are_rehearsed() -> None:
    scope = Scope("default", ())
    assert of(scope=scope).scope == scope


def test_a_policy_that_nobody_can_follow_leaves_nothing_to_rehearse() -> None:
    assert readable(PolicyState((WIDE,))) == [WIDE]
    with pytest.raises(NotRehearsable, match="RolloutPolicy odd can't be read, so nothing would"):
        readable(PolicyState(unreadable=(("odd", "unknown field moon"),)))
    with pytest.raises(NotRehearsable, match=r"RolloutPolicy bad can't be followed: spec\.inFli"):
        readable(PolicyState((policy("bad", inFlight=-1),)))
