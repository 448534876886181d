"""R50.18: nothing starts under a policy that names a source of health which ibgu can't ask."""

from typing import Any

import pytest

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.gates.policies import Sources, source_faults
from ibgu.core.model import ActingParty, Kind, MemberState, Outcome, ReasonKind
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.gates.policies.grants import break_glass
from tests.core.engine.gates.policies.policy import policy, reason, set_policies

NORTH = {"region": "north"}
METRIC = {"source": "thanos", "query": "up"}
OTHER = {"source": "noc", "query": "up"}
BOTH: Sources = {"thanos", "noc"}
UNKNOWN = (
    "ibgu knows no source noc: have its administrator add it to healthSources.sources of the "
    "chart, or have the policy's owner name another one"
)


def careful(**more: Any) -> dict[str, Any]:
    """A policy whose first cluster is a canary that two sources must call well."""
    health = {"metrics": [METRIC, METRIC, OTHER]}
    return {"canaries": {"count": 1, "health": health}} | more


def fleet(sources: Sources | None, **spec: Any) -> InMemoryEngine:
    engine = InMemoryEngine("site-1", "site-2", sources=sources)
    Invariants(engine)
    set_policies(engine, policy(**spec))
    return engine


def started(engine: InMemoryEngine, stage: Stage) -> list[str]:
    done = {name: [one for _, one in spoke.executed] for name, spoke in engine.spokes.items()}
    return [name for name, stages in done.items() if stage in stages]


@pytest.mark.parametrize(
    ("sources", "words"), [({"thanos"}, UNKNOWN), (set(), UNKNOWN.replace("noc", "thanos"))]
)
def test_a_source_that_can_not_be_asked_keeps_the_canaries_too(
    sources: Sources, words: str
) -> None:
    engine = fleet(sources, **careful())
    engine.apply(ibgu("a", "Prep"))
    engine.wait(days=3)
    for name in ("site-1", "site-2"):
        found = reason(engine, "uid-a", name)
        assert (found.kind, found.gate) == (ReasonKind.GATE, "RolloutPolicy/network")
        assert (found.message, found.who) == (words, ActingParty.PERSON)
    assert started(engine, Stage.PREP) == []
    assert engine.tracked("uid-a").steps[0].step.stopped_since is not None


@pytest.mark.parametrize("sources", [BOTH, None])
def test_canaries_start_where_the_sources_are_there_or_not_asked_about(
    sources: Sources | None,
) -> None:
    engine = fleet(sources, **careful())
    engine.apply(ibgu("a", "Prep"))
    engine.wait(hours=2)
    assert started(engine, Stage.PREP) == ["site-1"]


def test_only_what_the_policy_holds_waits() -> None:
    engine = fleet(
        set(), **careful(actions=["Upgrade"], clusters={"selector": {"matchLabels": NORTH}})
    )
    engine.labels["site-1"] = dict(NORTH)
    engine.apply(ibgu("a", "Prep", "Upgrade"))
    engine.wait(hours=6)
    assert started(engine, Stage.PREP) == ["site-1", "site-2"]
    assert started(engine, Stage.UPGRADE) == ["site-2"]


def test_a_chain_waits_at_its_beginning_and_goes_no_further_within() -> None:
    engine = fleet(set(), **careful(actions=["Upgrade"]))
    engine.apply(ibgu("a", "Prep Upgrade"))
    engine.wait(hours=3)
    assert started(engine, Stage.PREP) == []
    set_policies(engine)
    engine.until(Kind.RUN_ACCEPTED)
    set_policies(engine, policy(**careful(actions=["Upgrade"])))
    engine.wait(hours=6)
    member = engine.member("uid-a", 0, "site-1")
    assert (member.state, member.reason.kind) == (MemberState.IN_FLIGHT, ReasonKind.GATE)
    assert started(engine, Stage.UPGRADE) == []


def test_no_way_back_waits() -> None:
    engine = fleet(set(), **careful())
    engine.apply(ibgu("a", "Abort"))
    engine.wait(hours=1)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


def test_a_person_may_let_a_rollout_pass() -> None:
    engine = fleet(set(), **careful())
    engine.apply(ibgu("a", "Prep"))
    engine.wait(minutes=5)
    break_glass(engine, "RolloutPolicy/network")
    engine.wait(hours=1)
    assert engine.member("uid-a", 0, "site-1").outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize(
    "spec", [{"inFlight": 1}, {"canaries": {"count": 1}}, {"canaries": {"count": 1, "health": {}}}]
)
def test_a_policy_without_sources_has_no_fault(spec: dict[str, Any]) -> None:
    assert list(source_faults(policy(**spec).spec, set())) == []
