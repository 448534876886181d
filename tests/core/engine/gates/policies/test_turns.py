"""R50.17: rollouts that wait for the same places of a policy take turns, by priority first."""

from collections import Counter
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.gates.policies.turns import PATIENCE
from ibgu.core.engine.state.occupancy import Place, PolicyLimits
from ibgu.core.model import Kind, OnMember, Outcome, ReasonKind
from ibgu.core.model.kinds import LabelSelector
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.gates.policies.policy import SITE, Peaks, policy, reason, set_policies

NAMES = [f"site-{number}" for number in range(1, 9)]
LIMIT: dict[str, Any] = {"inFlight": 1}
URGENT_ROLLOUTS = {"selector": {"matchLabels": {"tier": "urgent"}}}
URGENT = policy("urgent", priority=10, rollouts=URGENT_ROLLOUTS)


def fleet(*names: str) -> InMemoryEngine:
    twin = InMemoryEngine(*(names or NAMES))
    Invariants(twin)
    for number, name in enumerate(twin.spokes):
        twin.labels[name] = {"name": name, SITE: f"place-{number % 3}"}
    return twin


def roll_out(
    twin: InMemoryEngine,
    name: str,
    *clusters: str,
    labels: dict[str, str] | None = None,
    **given: Any,
) -> str:
    """Applies a rollout with Prep on these clusters; each is younger than the last one."""
    selectors = tuple(LabelSelector({"name": each}) for each in clusters)
    obj = ibgu(name, "Prep", selectors=selectors, age=-len(twin.ibgus), timeout=6000, **given)
    obj.metadata.labels.update(labels or {})
    return twin.apply(obj)


def starts(twin: InMemoryEngine) -> list[str]:
    """Returns the rollouts that have started members, in order."""
    found = [event.decision for event in twin.said]
    runs = [each for each in found if isinstance(each, OnMember) and each.kind is Kind.RUN_INTENDED]
    return [each.member.rollout for each in runs]


def succeeded(twin: InMemoryEngine, uid: str) -> int:
    return twin.tracked(uid).steps[0].counts[Outcome.SUCCEEDED]


def drive(twin: InMemoryEngine, hours: float) -> None:
    """Drives the engine as the controller does, which counts again from time to time."""
    end = twin.now + timedelta(hours=hours)
    while twin.now < end:
        twin.wait(minutes=5)
        if twin.policy_gates.recount(twin.now):
            twin.touch_everything()


# -- fairness --------------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 4])
def test_equals_take_turns(concurrency: int) -> None:
    twin = fleet()
    set_policies(twin, policy(**LIMIT))
    roll_out(twin, "a", *NAMES[:4], concurrency=concurrency)
    roll_out(twin, "b", *NAMES[4:], concurrency=concurrency)
    drive(twin, 12)
    assert starts(twin) == ["uid-a", "uid-b"] * 4


def test_the_rollout_with_the_fewest_clusters_in_places_goes_first() -> None:
    twin = fleet()
    set_policies(twin, policy(inFlight=4))
    roll_out(twin, "a", *NAMES[:6], concurrency=6)
    twin.wait(minutes=1)
    roll_out(twin, "b", *NAMES[6:], concurrency=2)
    drive(twin, 12)
    assert starts(twin) == [*["uid-a"] * 4, *["uid-b"] * 2, *["uid-a"] * 2]


@pytest.mark.parametrize(
    ("namespace", "named"),
    [("fleet", "rollout fleet/b"), ("elsewhere", "a rollout of another namespace")],
)
def test_a_rollout_that_waits_for_another_says_for_which(namespace: str, named: str) -> None:
    """The cluster that goes first does not answer."""
    twin = fleet("site-1", "site-2", "site-3")
    set_policies(twin, policy(**LIMIT))
    roll_out(twin, "a", "site-1", "site-2", concurrency=1)
    twin.until(Kind.RUN_ACCEPTED)
    other = ibgu("b", "Prep", selectors=(LabelSelector({"name": "site-3"}),))
    twin.frozen.add("site-3")
    twin.apply(replace(other, metadata=replace(other.metadata, namespace=namespace)))
    twin.until(Kind.FINISHED)
    twin.settle()
    twin.touch_cluster("site-2")
    twin.settle()
    kept = reason(twin, "uid-a", "site-2")
    words = f"the policy lets {named} go first: it waits for the same places"
    assert (kept.kind, kept.gate, kept.message) == (
        ReasonKind.GATE,
        "RolloutPolicy/network",
        words,
    )


# -- priority --------------------------------------------------------------------------------------


def test_a_rollout_with_a_higher_priority_goes_first() -> None:
    twin = fleet()
    set_policies(twin, policy(**LIMIT), URGENT)
    roll_out(twin, "a", *NAMES[:4], concurrency=4)
    twin.until(Kind.RUN_ACCEPTED)
    roll_out(twin, "b", *NAMES[4:], labels={"tier": "urgent"}, concurrency=4)
    drive(twin, 12)
    assert starts(twin) == ["uid-a", *["uid-b"] * 4, *["uid-a"] * 3]


def test_the_highest_of_several_priorities_counts() -> None:
    twin = fleet()
    low = policy("low", priority=-5, rollouts={"namespaces": ["fleet"]})
    set_policies(twin, policy(**LIMIT), low, URGENT)
    roll_out(twin, "a", *NAMES[:2])
    roll_out(twin, "b", *NAMES[2:4], labels={"tier": "urgent"})
    drive(twin, 12)
    assert starts(twin) == ["uid-a", "uid-b", "uid-b", "uid-a"]


def test_a_priority_that_comes_later_counts_for_what_has_not_begun() -> None:
    twin = fleet()
    set_policies(twin, policy(**LIMIT))
    roll_out(twin, "a", *NAMES[:4])
    roll_out(twin, "b", *NAMES[4:], labels={"tier": "urgent"})
    twin.until(Kind.RUN_ACCEPTED)
    set_policies(twin, policy(**LIMIT), URGENT)
    drive(twin, 12)
    assert starts(twin) == ["uid-a", *["uid-b"] * 4, *["uid-a"] * 3]


# -- nobody waits in vain --------------------------------------------------------------------------


def test_a_rollout_that_is_paused_goes_not_first() -> None:
    twin = fleet()
    set_policies(twin, policy(**LIMIT), URGENT)
    roll_out(twin, "a", *NAMES[:4], concurrency=1)
    roll_out(twin, "b", *NAMES[4:], labels={"tier": "urgent"})
    twin.until(Kind.RUN_ACCEPTED)
    twin.annotate("uid-b", pause="yes")
    drive(twin, 12)
    assert (succeeded(twin, "uid-a"), succeeded(twin, "uid-b")) == (4, 0)


def test_a_rollout_whose_slots_are_taken_goes_not_first() -> None:
    twin = fleet()
    set_policies(twin, policy(inFlight=2), URGENT)
    roll_out(twin, "a", *NAMES[:4], concurrency=2)
    roll_out(twin, "b", *NAMES[4:], labels={"tier": "urgent"}, concurrency=1)
    drive(twin, 1)
    assert len(twin.tracked("uid-a").steps[0].slots) <= 1
    drive(twin, 12)
    assert (succeeded(twin, "uid-a"), succeeded(twin, "uid-b")) == (4, 4)


def test_clusters_that_a_window_keeps_take_no_turn() -> None:
    twin = fleet()
    winter = {"from": "2025-12-01T00:00:00Z", "until": "2026-03-01T00:00:00Z"}
    urgent = {"selector": {"matchLabels": {"tier": "urgent"}}}
    freeze = policy("winter", freezes=[winter], rollouts=urgent)
    set_policies(twin, policy(**LIMIT), URGENT, freeze)
    roll_out(twin, "a", *NAMES[:4], concurrency=1)
    roll_out(twin, "b", *NAMES[4:], labels={"tier": "urgent"}, concurrency=4)
    drive(twin, 12)
    assert (succeeded(twin, "uid-a"), succeeded(twin, "uid-b")) == (4, 0)


def test_clusters_that_do_not_answer_keep_a_place_for_a_while_only() -> None:
    twin = fleet("site-1", "site-2", "site-3")
    set_policies(twin, policy(**LIMIT), URGENT)
    roll_out(twin, "a", "site-1", "site-2", concurrency=1)
    twin.until(Kind.RUN_ACCEPTED)
    roll_out(twin, "b", "site-3", labels={"tier": "urgent"})
    twin.frozen.add("site-3")
    drive(twin, 6)
    assert (succeeded(twin, "uid-a"), succeeded(twin, "uid-b")) == (2, 0)


def test_a_turn_that_is_not_taken_ends() -> None:
    """The engine decides nothing for the rollout that goes first."""
    twin = fleet("site-1", "site-2", "site-3")
    set_policies(twin, policy(**LIMIT), URGENT)
    roll_out(twin, "a", "site-1", "site-2", concurrency=1)
    twin.until(Kind.RUN_ACCEPTED)
    roll_out(twin, "b", "site-3", labels={"tier": "urgent"})
    twin.until(Kind.FINISHED)
    gates = twin.policy_gates
    assert not gates.recount(twin.now)
    later = twin.now + PATIENCE
    assert gates.recount(later) is (len(twin.tracked("uid-b").steps[0].slots) == 0)
    assert not gates.recount(later)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(40))
def test_nothing_starves_and_nothing_waits_for_ever(seed: int) -> None:
    """Random policies, rollouts, priorities and troubles: in the end every cluster that can be
    reached is through, within the limits."""
    rng = Random(f"turns/{seed}")
    names = [f"site-{number}" for number in range(1, rng.choice((6, 9, 12)) + 1)]
    twin = fleet(*names)
    most = rng.choice((1, 2, 3))
    policies = [policy("all", inFlight=most)]
    if rng.random() < 0.6:
        policies.append(
            policy("sites", perTopology=[{"label": SITE, "maximum": rng.choice((1, 2))}])
        )
    if rng.random() < 0.6:
        groups = [{"clusters": rng.sample(names, 3)} for _ in range(2)]
        policies.append(policy("apart", neverTogether=groups))
    for tier in ("urgent", "low"):
        selected = {"selector": {"matchLabels": {"tier": tier}}}
        policies.append(policy(tier, priority=rng.choice((-7, 3, 9)), rollouts=selected))
    set_policies(twin, *policies)
    peaks = Peaks(twin)
    shares: list[list[str]] = [[] for _ in range(rng.choice((2, 3, 4)))]
    for name in names:
        rng.choice(shares).append(name)
    uids = []
    for number, share in enumerate(each for each in shares if each):
        labels = {"tier": rng.choice(("urgent", "low", "none"))}
        concurrency = rng.choice((1, 2, 10))
        uids.append(roll_out(twin, f"r{number}", *share, labels=labels, concurrency=concurrency))
        if rng.random() < 0.4:
            twin.wait(minutes=rng.choice((1, 30)))
        if rng.random() < 0.3:
            twin.spokes[rng.choice(share)].dark = True
        if rng.random() < 0.2:
            twin.annotate(uids[-1], pause="yes")
    drive(twin, 6)
    for uid in uids:
        twin.ibgus[uid].metadata.annotations.clear()
        twin.apply(twin.ibgus[uid])
    for name in names:
        twin.spokes[name].dark = False
        twin.touch_cluster(name)
    drive(twin, 30)
    outcomes = Counter(
        member.outcome for uid in uids for member in twin.tracked(uid).steps[0].members.values()
    )
    assert outcomes == {Outcome.SUCCEEDED: len(names)}
    assert peaks.most <= most


# -- who could not start after all -----------------------------------------------------------------


def test_others_go_on_when_the_one_that_goes_first_is_held() -> None:
    """The cluster that frees the place also spends the budget."""
    twin = fleet()
    careful = policy(
        "urgent",
        priority=10,
        failureBudget={"maximum": 0},
        rollouts=URGENT_ROLLOUTS,
    )
    set_policies(twin, policy(**LIMIT), careful)
    twin.spokes["site-1"].faults[Stage.PREP] = "fail"
    roll_out(twin, "a", *NAMES[:3], labels={"tier": "urgent"}, concurrency=1)
    roll_out(twin, "b", *NAMES[3:], concurrency=1)
    twin.wait(hours=10)
    assert succeeded(twin, "uid-b") == 5
    hold = twin.tracked("uid-a").steps[0].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.FAILURE_BUDGET


def test_a_turn_of_one_that_can_start_no_more_ends_at_the_next_count() -> None:
    twin = fleet()
    set_policies(twin, policy(**LIMIT), URGENT)
    roll_out(twin, "a", *NAMES[:2], labels={"tier": "urgent"}, concurrency=1)
    roll_out(twin, "b", *NAMES[2:], concurrency=1)
    twin.until(Kind.FINISHED)
    twin.settle()
    limits = PolicyLimits("network", policy(**LIMIT).spec)
    turns = twin.policy_gates._turns
    turns.note_woken(limits, "uid-a", ["site-2"], twin.now)
    twin.annotate("uid-a", pause="1")
    twin.settle()
    assert turns.lapse([limits], twin.now)
    assert not turns.lapse([limits], twin.now)


def test_a_place_is_not_offered_to_members_that_another_gate_keeps() -> None:
    twin = fleet()
    asks = policy("z", approval={"fourEyes": False}, rollouts=URGENT_ROLLOUTS)
    set_policies(twin, policy("limits", **LIMIT), asks, URGENT)
    roll_out(twin, "b", *NAMES[6:], concurrency=1)
    twin.wait(minutes=5)
    roll_out(twin, "a", *NAMES[:6], labels={"tier": "urgent"}, concurrency=1)
    twin.wait(minutes=5)
    assert {reason(twin, "uid-a", name).gate for name in NAMES[:6]} == {"RolloutPolicy/z"}


# -- who was passed --------------------------------------------------------------------------------


def test_a_rollout_whose_priority_is_not_known_yet_goes_first() -> None:
    """So it is after a restart, until the rollout was decided on. It took the last place, too."""
    twin = fleet()
    set_policies(twin, policy(**LIMIT))
    roll_out(twin, "a", *NAMES[:2], concurrency=1)
    twin.until(Kind.RUN_ACCEPTED)
    roll_out(twin, "b", *NAMES[2:4], concurrency=1)
    twin.until(Kind.FINISHED)
    limits = PolicyLimits("network", policy(**LIMIT).spec)
    turns, place = twin.policy_gates._turns, Place("network")
    turns.forget_priorities()
    turns.set_priority("uid-b", 0)
    first = turns.before(limits, place, "uid-b", twin.now)
    assert first is not None
    assert first.uid == "uid-a"
    turns.set_priority("uid-a", 0)
    assert turns.before(limits, place, "uid-b", twin.now) is None


def test_silent_clusters_cost_a_rollout_its_turn_for_a_while_only() -> None:
    """The clusters of the other one start without a probe, so they are always the first."""
    names = [f"site-{number}" for number in range(1, 17)]
    twin = fleet(*names)
    set_policies(twin, policy(**LIMIT), URGENT)
    twin.frozen |= {"site-13", "site-14", "site-15"}
    selectors = tuple(LabelSelector({"name": each}) for each in names[:12])
    plan: dict[str, Any] = {"timeout": 6000, "concurrency": 1}
    older = twin.apply(ibgu("a", "Prep", "Upgrade", selectors=selectors, **plan))
    twin.until(Kind.RUN_ACCEPTED)
    while len(twin.tracked(older).steps) < 2:
        twin.wait(minutes=1)
    twin.until(Kind.RUN_ACCEPTED)
    roll_out(twin, "b", *names[12:], labels={"tier": "urgent"}, concurrency=4)
    before = len(starts(twin))
    for _ in range(4 * 240):
        twin.wait(seconds=15)
        if twin.policy_gates.recount(twin.now):
            twin.touch_everything()
    assert starts(twin)[before:].index("uid-b") < 4
    assert succeeded(twin, "uid-b") == 1
    assert twin.tracked(older).steps[1].counts[Outcome.SUCCEEDED] == 12


def test_a_rollout_that_jitter_puts_off_gets_the_next_place() -> None:
    """The other one has none, and takes the place meanwhile."""
    twin = fleet()
    set_policies(twin, policy(**LIMIT))
    roll_out(twin, "a", *NAMES[:6], concurrency=1)
    twin.until(Kind.RUN_ACCEPTED)
    twin.annotate(roll_out(twin, "b", *NAMES[6:], concurrency=1), start_jitter="10m")
    drive(twin, 12)
    after = [*["uid-a"] * 2, "uid-b", *["uid-a"] * 4, "uid-b"]
    assert starts(twin) == after
