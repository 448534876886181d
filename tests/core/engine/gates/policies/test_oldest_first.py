"""R50.17: of rollouts that wait for the same places of a policy the oldest that can start goes
first."""

from collections import Counter
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model import Kind, OnMember, Outcome, ReasonKind
from ibgu.core.model.kinds import LabelSelector
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.gates.policies.policy import SITE, Peaks, drive, policy, reason, set_policies

NAMES = [f"site-{number}" for number in range(1, 9)]
LIMIT: dict[str, Any] = {"inFlight": 1}
OLD_ROLLOUTS = {"selector": {"matchLabels": {"tier": "old"}}}


def fleet(*names: str) -> InMemoryEngine:
    engine = InMemoryEngine(*(names or NAMES))
    Invariants(engine)
    for number, name in enumerate(engine.spokes):
        engine.labels[name] = {"name": name, SITE: f"place-{number % 3}"}
    return engine


def roll_out(
    engine: InMemoryEngine,
    name: str,
    *clusters: str,
    labels: dict[str, str] | None = None,
    namespace: str = "fleet",
    oldest: bool = False,
    **given: Any,
) -> str:
    """Applies a rollout with Prep on these clusters; each is younger than the last one, unless it
    is the `oldest` of all."""
    selectors = tuple(LabelSelector({"name": each}) for each in clusters)
    age = 10 if oldest else -len(engine.ibgus)
    obj = ibgu(name, "Prep", selectors=selectors, age=age, timeout=6000, **given)
    obj.metadata.labels.update(labels or {})
    return engine.apply(replace(obj, metadata=replace(obj.metadata, namespace=namespace)))


def starts(engine: InMemoryEngine) -> list[str]:
    """Returns the rollouts that have started members, in order."""
    found = [event.decision for event in engine.said]
    runs = [each for each in found if isinstance(each, OnMember) and each.kind is Kind.RUN_INTENDED]
    return [each.member.rollout for each in runs]


def succeeded(engine: InMemoryEngine, uid: str) -> int:
    return engine.tracked(uid).steps[0].counts[Outcome.SUCCEEDED]


# -- the order -------------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 4])
def test_the_oldest_rollout_goes_first(concurrency: int) -> None:
    engine = fleet()
    set_policies(engine, policy(**LIMIT))
    roll_out(engine, "a", *NAMES[:4], concurrency=concurrency)
    roll_out(engine, "b", *NAMES[4:], concurrency=concurrency)
    drive(engine, 12)
    assert starts(engine) == [*["uid-a"] * 4, *["uid-b"] * 4]


def test_a_rollout_that_is_seen_later_goes_first_if_it_is_older() -> None:
    engine = fleet()
    set_policies(engine, policy(**LIMIT))
    roll_out(engine, "b", *NAMES[4:], namespace="elsewhere")
    engine.until(Kind.RUN_ACCEPTED)
    roll_out(engine, "a", *NAMES[:4], oldest=True)
    drive(engine, 12)
    assert starts(engine) == ["uid-b", *["uid-a"] * 4, *["uid-b"] * 3]


# -- nobody waits in vain --------------------------------------------------------------------------


def test_a_rollout_that_is_paused_is_passed() -> None:
    engine = fleet()
    set_policies(engine, policy(**LIMIT))
    older = roll_out(engine, "a", *NAMES[:4])
    roll_out(engine, "b", *NAMES[4:], concurrency=1)
    engine.until(Kind.RUN_ACCEPTED)
    engine.annotate(older, pause="yes")
    drive(engine, 12)
    assert (succeeded(engine, older), succeeded(engine, "uid-b")) == (1, 4)


def test_a_rollout_whose_slots_are_taken_is_passed() -> None:
    engine = fleet()
    set_policies(engine, policy(inFlight=2))
    older = roll_out(engine, "a", *NAMES[:4], concurrency=1)
    roll_out(engine, "b", *NAMES[4:], concurrency=2)
    engine.settle()
    assert [len(engine.tracked(uid).steps[0].slots) for uid in (older, "uid-b")] == [1, 1]
    drive(engine, 12)
    assert (succeeded(engine, older), succeeded(engine, "uid-b")) == (4, 4)


def test_clusters_that_a_window_keeps_are_passed() -> None:
    engine = fleet()
    winter = {"from": "2025-12-01T00:00:00Z", "until": "2026-03-01T00:00:00Z"}
    set_policies(engine, policy(**LIMIT), policy("winter", freezes=[winter], rollouts=OLD_ROLLOUTS))
    older = roll_out(engine, "a", *NAMES[4:], labels={"tier": "old"}, concurrency=4)
    roll_out(engine, "b", *NAMES[:4], concurrency=1)
    drive(engine, 12)
    assert (succeeded(engine, older), succeeded(engine, "uid-b")) == (0, 4)


def test_clusters_that_do_not_answer_hold_up_nobody() -> None:
    """The place is taken without a moment's delay, for a start without a probe."""
    engine = fleet("site-1", "site-2", "site-3")
    set_policies(engine, policy(**LIMIT))
    engine.frozen |= {"site-1", "site-2"}
    older = roll_out(engine, "a", "site-1", "site-2")
    younger = roll_out(engine, "b", "site-3")
    began = engine.now
    engine.until(Kind.RUN_ACCEPTED)
    assert starts(engine) == [younger]
    assert engine.now == began
    drive(engine, 6)
    assert (succeeded(engine, older), succeeded(engine, younger)) == (0, 1)


@pytest.mark.slow("every-point")
@pytest.mark.parametrize("seed", range(40))
def test_nothing_starves_and_nothing_waits_for_ever(seed: int) -> None:
    """Random policies, rollouts and troubles: in the end every cluster that can be
    reached is through, within the limits."""
    rng = Random(f"places/{seed}")
    names = [f"site-{number}" for number in range(1, rng.choice((6, 9, 12)) + 1)]
    engine = fleet(*names)
    most = rng.choice((1, 2, 3))
    policies = [policy("all", inFlight=most)]
    if rng.random() < 0.6:
        policies.append(
            policy("sites", perTopology=[{"label": SITE, "maximum": rng.choice((1, 2))}])
        )
    if rng.random() < 0.6:
        groups = [{"clusters": rng.sample(names, 3)} for _ in range(2)]
        policies.append(policy("apart", neverTogether=groups))
    set_policies(engine, *policies)
    peaks = Peaks(engine)
    shares: list[list[str]] = [[] for _ in range(rng.choice((2, 3, 4)))]
    for name in names:
        rng.choice(shares).append(name)
    uids = []
    for number, share in enumerate(each for each in shares if each):
        uids.append(roll_out(engine, f"r{number}", *share, concurrency=rng.choice((1, 2, 10))))
        if rng.random() < 0.4:
            engine.wait(minutes=rng.choice((1, 30)))
        if rng.random() < 0.3:
            engine.spokes[rng.choice(share)].dark = True
        if rng.random() < 0.2:
            engine.annotate(uids[-1], pause="yes")
    drive(engine, 6)
    for uid in uids:
        engine.ibgus[uid].metadata.annotations.clear()
        engine.apply(engine.ibgus[uid])
    for name in names:
        engine.spokes[name].dark = False
        engine.touch_cluster(name)
    drive(engine, 30)
    outcomes = Counter(
        member.outcome for uid in uids for member in engine.tracked(uid).steps[0].members.values()
    )
    assert outcomes == {Outcome.SUCCEEDED: len(names)}
    assert peaks.most <= most


# -- who could not start after all -----------------------------------------------------------------


def test_others_go_on_when_the_one_that_goes_first_is_held() -> None:
    """The cluster that frees the place also spends the budget."""
    engine = fleet()
    careful = policy(
        "careful",
        failureBudget={"maximum": 0},
        rollouts=OLD_ROLLOUTS,
    )
    set_policies(engine, policy(**LIMIT), careful)
    engine.spokes["site-1"].faults[Stage.PREP] = "fail"
    roll_out(engine, "a", *NAMES[:3], labels={"tier": "old"}, concurrency=1)
    roll_out(engine, "b", *NAMES[3:], concurrency=1)
    engine.wait(hours=10)
    assert succeeded(engine, "uid-b") == 5
    hold = engine.tracked("uid-a").steps[0].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.FAILURE_BUDGET


def test_a_place_is_not_offered_to_members_that_another_gate_keeps() -> None:
    engine = fleet()
    asks = policy("z", approval={"fourEyes": False}, rollouts=OLD_ROLLOUTS)
    set_policies(engine, policy("limits", **LIMIT), asks)
    roll_out(engine, "b", *NAMES[6:], concurrency=1)
    engine.wait(minutes=5)
    roll_out(engine, "a", *NAMES[:6], labels={"tier": "old"}, concurrency=1)
    engine.wait(minutes=5)
    assert {reason(engine, "uid-a", name).gate for name in NAMES[:6]} == {"RolloutPolicy/z"}


# -- who was passed --------------------------------------------------------------------------------


def test_a_cluster_that_waits_for_a_place_is_asked_ahead() -> None:
    """The clusters of the other rollout start without a probe, and would pass it otherwise."""
    engine = fleet()
    set_policies(engine, policy(**LIMIT))
    younger = without_probes(engine, *NAMES[:4])
    older = roll_out(engine, "b", *NAMES[4:], oldest=True)
    before = len(starts(engine))
    drive(engine, 12)
    assert starts(engine)[before:] == [*[older] * 4, *[younger] * 2]


def test_silent_clusters_cost_their_own_rollout_a_few_places_only() -> None:
    """The clusters of the other rollout start without a probe."""
    names = [f"site-{number}" for number in range(1, 17)]
    engine = fleet(*names)
    set_policies(engine, policy(**LIMIT))
    engine.frozen |= {"site-13", "site-14", "site-15"}
    younger = without_probes(engine, *names[:12])
    older = roll_out(engine, "b", *names[12:], oldest=True, concurrency=4)
    before = len(starts(engine))
    drive(engine, 4)
    assert starts(engine)[before:].index(older) < 6
    assert succeeded(engine, older) == 1
    assert engine.tracked(younger).steps[1].counts[Outcome.SUCCEEDED] == 12


def without_probes(engine: InMemoryEngine, *clusters: str) -> str:
    """Applies a rollout, and drives it until its Upgrades have begun, which need no probe."""
    selectors = tuple(LabelSelector({"name": each}) for each in clusters)
    plan: dict[str, Any] = {"timeout": 6000, "concurrency": 1}
    uid = engine.apply(ibgu("a", "Prep", "Upgrade", selectors=selectors, **plan))
    engine.until(Kind.RUN_ACCEPTED)
    while len(engine.tracked(uid).steps) < 2:
        engine.wait(minutes=1)
    engine.until(Kind.RUN_ACCEPTED)
    return uid


def test_a_rollout_that_jitter_puts_off_gets_the_next_place_after_that() -> None:
    """The other one has no jitter, and takes the place meanwhile."""
    names = [*NAMES[:6], *(f"site-{number}" for number in range(9, 13)), *NAMES[6:]]
    engine = fleet(*names)
    set_policies(engine, policy(**LIMIT))
    roll_out(engine, "a", *names[:10], concurrency=1)
    engine.until(Kind.RUN_ACCEPTED)
    older = roll_out(engine, "b", *names[10:], concurrency=1, oldest=True)
    engine.annotate(older, start_jitter="10m")
    drive(engine, 12)
    assert starts(engine) == [*["uid-a"] * 6, older, *["uid-a"] * 4, older]
