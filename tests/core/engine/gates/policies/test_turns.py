"""R50.17: rollouts that wait for the same places of a policy take turns, by priority first."""

from collections import Counter
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.engine.gates.policies.turns import PATIENCE
from ibgu.core.engine.state.policy_limits import Place, PolicyLimits
from ibgu.core.model import Kind, OnMember, Outcome, ReasonKind
from ibgu.core.model.kinds import LabelSelector
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.gates.policies.policy import SITE, Peaks, drive, policy, reason, set_policies

NAMES = [f"site-{number}" for number in range(1, 9)]
LIMIT: dict[str, Any] = {"inFlight": 1}
URGENT_ROLLOUTS = {"selector": {"matchLabels": {"tier": "urgent"}}}
URGENT = policy("urgent", priority=10, rollouts=URGENT_ROLLOUTS)


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
    **given: Any,
) -> str:
    """Applies a rollout with Prep on these clusters; each is younger than the last one."""
    selectors = tuple(LabelSelector({"name": each}) for each in clusters)
    obj = ibgu(name, "Prep", selectors=selectors, age=-len(engine.ibgus), timeout=6000, **given)
    obj.metadata.labels.update(labels or {})
    return engine.apply(replace(obj, metadata=replace(obj.metadata, namespace=namespace)))


def starts(engine: InMemoryEngine) -> list[str]:
    """Returns the rollouts that have started members, in order."""
    found = [event.decision for event in engine.said]
    runs = [each for each in found if isinstance(each, OnMember) and each.kind is Kind.RUN_INTENDED]
    return [each.member.rollout for each in runs]


def succeeded(engine: InMemoryEngine, uid: str) -> int:
    return engine.tracked(uid).steps[0].counts[Outcome.SUCCEEDED]


# -- fairness --------------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 4])
def test_equals_take_turns(concurrency: int) -> None:
    engine = fleet()
    set_policies(engine, policy(**LIMIT))
    roll_out(engine, "a", *NAMES[:4], concurrency=concurrency)
    roll_out(engine, "b", *NAMES[4:], concurrency=concurrency)
    drive(engine, 12)
    assert starts(engine) == ["uid-a", "uid-b"] * 4


def test_the_rollout_with_the_fewest_clusters_in_places_goes_first() -> None:
    engine = fleet()
    set_policies(engine, policy(inFlight=4))
    roll_out(engine, "a", *NAMES[:6], concurrency=6)
    engine.wait(minutes=1)
    roll_out(engine, "b", *NAMES[6:], concurrency=2)
    drive(engine, 12)
    assert starts(engine) == [*["uid-a"] * 4, *["uid-b"] * 2, *["uid-a"] * 2]


@pytest.mark.parametrize("concurrency", [1, 4])
def test_namespaces_take_turns_however_many_rollouts_each_has(concurrency: int) -> None:
    engine = fleet()
    set_policies(engine, policy(**LIMIT))
    for name, clusters in (("a", NAMES[:2]), ("b", NAMES[2:4])):
        roll_out(engine, name, *clusters, concurrency=concurrency)
    roll_out(engine, "c", *NAMES[4:], namespace="elsewhere", concurrency=concurrency)
    drive(engine, 12)
    turns = [engine.tracked(uid).rollout.namespace for uid in starts(engine)]
    assert turns == ["fleet", "elsewhere"] * 4


@pytest.mark.parametrize(
    ("namespace", "named"),
    [("fleet", "rollout fleet/b"), ("elsewhere", "a rollout of another namespace")],
)
def test_a_rollout_that_waits_for_another_says_for_which(namespace: str, named: str) -> None:
    """The cluster that goes first does not answer."""
    engine = fleet("site-1", "site-2", "site-3")
    set_policies(engine, policy(**LIMIT))
    roll_out(engine, "a", "site-1", "site-2", concurrency=1)
    engine.until(Kind.RUN_ACCEPTED)
    other = ibgu("b", "Prep", selectors=(LabelSelector({"name": "site-3"}),))
    engine.frozen.add("site-3")
    engine.apply(replace(other, metadata=replace(other.metadata, namespace=namespace)))
    engine.until(Kind.FINISHED)
    engine.settle()
    engine.touch_cluster("site-2")
    engine.settle()
    kept = reason(engine, "uid-a", "site-2")
    words = f"the policy lets {named} go first: it waits for the same places"
    assert (kept.kind, kept.gate, kept.message) == (
        ReasonKind.GATE,
        "RolloutPolicy/network",
        words,
    )


# -- priority --------------------------------------------------------------------------------------


def test_a_rollout_with_a_higher_priority_goes_first() -> None:
    engine = fleet()
    set_policies(engine, policy(**LIMIT), URGENT)
    roll_out(engine, "a", *NAMES[:4], concurrency=4)
    engine.until(Kind.RUN_ACCEPTED)
    roll_out(engine, "b", *NAMES[4:], labels={"tier": "urgent"}, concurrency=4)
    drive(engine, 12)
    assert starts(engine) == ["uid-a", *["uid-b"] * 4, *["uid-a"] * 3]


def test_the_highest_of_several_priorities_counts() -> None:
    engine = fleet()
    low = policy("low", priority=-5, rollouts={"namespaces": ["fleet"]})
    set_policies(engine, policy(**LIMIT), low, URGENT)
    roll_out(engine, "a", *NAMES[:2])
    roll_out(engine, "b", *NAMES[2:4], labels={"tier": "urgent"})
    drive(engine, 12)
    assert starts(engine) == ["uid-a", "uid-b", "uid-b", "uid-a"]


def test_a_priority_that_comes_later_counts_for_what_has_not_begun() -> None:
    engine = fleet()
    set_policies(engine, policy(**LIMIT))
    roll_out(engine, "a", *NAMES[:4])
    roll_out(engine, "b", *NAMES[4:], labels={"tier": "urgent"})
    engine.until(Kind.RUN_ACCEPTED)
    set_policies(engine, policy(**LIMIT), URGENT)
    drive(engine, 12)
    assert starts(engine) == ["uid-a", *["uid-b"] * 4, *["uid-a"] * 3]


# -- nobody waits in vain --------------------------------------------------------------------------


def test_a_rollout_that_is_paused_goes_not_first() -> None:
    engine = fleet()
    set_policies(engine, policy(**LIMIT), URGENT)
    roll_out(engine, "a", *NAMES[:4], concurrency=1)
    roll_out(engine, "b", *NAMES[4:], labels={"tier": "urgent"})
    engine.until(Kind.RUN_ACCEPTED)
    engine.annotate("uid-b", pause="yes")
    drive(engine, 12)
    assert (succeeded(engine, "uid-a"), succeeded(engine, "uid-b")) == (4, 0)


def test_a_rollout_whose_slots_are_taken_goes_not_first() -> None:
    engine = fleet()
    set_policies(engine, policy(inFlight=2), URGENT)
    roll_out(engine, "a", *NAMES[:4], concurrency=2)
    roll_out(engine, "b", *NAMES[4:], labels={"tier": "urgent"}, concurrency=1)
    drive(engine, 1)
    assert len(engine.tracked("uid-a").steps[0].slots) <= 1
    drive(engine, 12)
    assert (succeeded(engine, "uid-a"), succeeded(engine, "uid-b")) == (4, 4)


def test_clusters_that_a_window_keeps_take_no_turn() -> None:
    engine = fleet()
    winter = {"from": "2025-12-01T00:00:00Z", "until": "2026-03-01T00:00:00Z"}
    urgent = {"selector": {"matchLabels": {"tier": "urgent"}}}
    freeze = policy("winter", freezes=[winter], rollouts=urgent)
    set_policies(engine, policy(**LIMIT), URGENT, freeze)
    roll_out(engine, "a", *NAMES[:4], concurrency=1)
    roll_out(engine, "b", *NAMES[4:], labels={"tier": "urgent"}, concurrency=4)
    drive(engine, 12)
    assert (succeeded(engine, "uid-a"), succeeded(engine, "uid-b")) == (4, 0)


def test_clusters_that_do_not_answer_keep_a_place_for_a_while_only() -> None:
    engine = fleet("site-1", "site-2", "site-3")
    set_policies(engine, policy(**LIMIT), URGENT)
    roll_out(engine, "a", "site-1", "site-2", concurrency=1)
    engine.until(Kind.RUN_ACCEPTED)
    roll_out(engine, "b", "site-3", labels={"tier": "urgent"})
    engine.frozen.add("site-3")
    drive(engine, 6)
    assert (succeeded(engine, "uid-a"), succeeded(engine, "uid-b")) == (2, 0)


def test_a_turn_that_is_not_taken_ends() -> None:
    """The engine decides nothing for the rollout that goes first."""
    engine = fleet("site-1", "site-2", "site-3")
    set_policies(engine, policy(**LIMIT), URGENT)
    roll_out(engine, "a", "site-1", "site-2", concurrency=1)
    engine.until(Kind.RUN_ACCEPTED)
    roll_out(engine, "b", "site-3", labels={"tier": "urgent"})
    engine.until(Kind.FINISHED)
    gates = engine.policy_gates
    assert not gates.recount(engine.now)
    later = engine.now + PATIENCE
    assert gates.recount(later) is (len(engine.tracked("uid-b").steps[0].slots) == 0)
    assert not gates.recount(later)


@pytest.mark.slow("every-point")
@pytest.mark.parametrize("seed", range(40))
def test_nothing_starves_and_nothing_waits_for_ever(seed: int) -> None:
    """Random policies, rollouts, priorities and troubles: in the end every cluster that can be
    reached is through, within the limits."""
    rng = Random(f"turns/{seed}")
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
    for tier in ("urgent", "low"):
        selected = {"selector": {"matchLabels": {"tier": tier}}}
        policies.append(policy(tier, priority=rng.choice((-7, 3, 9)), rollouts=selected))
    set_policies(engine, *policies)
    peaks = Peaks(engine)
    shares: list[list[str]] = [[] for _ in range(rng.choice((2, 3, 4)))]
    for name in names:
        rng.choice(shares).append(name)
    uids = []
    for number, share in enumerate(each for each in shares if each):
        labels = {"tier": rng.choice(("urgent", "low", "none"))}
        concurrency = rng.choice((1, 2, 10))
        uids.append(roll_out(engine, f"r{number}", *share, labels=labels, concurrency=concurrency))
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
        "urgent",
        priority=10,
        failureBudget={"maximum": 0},
        rollouts=URGENT_ROLLOUTS,
    )
    set_policies(engine, policy(**LIMIT), careful)
    engine.spokes["site-1"].faults[Stage.PREP] = "fail"
    roll_out(engine, "a", *NAMES[:3], labels={"tier": "urgent"}, concurrency=1)
    roll_out(engine, "b", *NAMES[3:], concurrency=1)
    engine.wait(hours=10)
    assert succeeded(engine, "uid-b") == 5
    hold = engine.tracked("uid-a").steps[0].step.hold
    assert hold is not None
    assert hold.kind is ReasonKind.FAILURE_BUDGET


def test_a_turn_of_one_that_can_start_no_more_ends_at_the_next_count() -> None:
    engine = fleet()
    set_policies(engine, policy(**LIMIT), URGENT)
    roll_out(engine, "a", *NAMES[:2], labels={"tier": "urgent"}, concurrency=1)
    roll_out(engine, "b", *NAMES[2:], concurrency=1)
    engine.until(Kind.FINISHED)
    engine.settle()
    limits = PolicyLimits("network", policy(**LIMIT).spec)
    turns = engine.policy_gates._turns
    turns.note_woken(limits, "uid-a", ["site-2"], engine.now)
    engine.annotate("uid-a", pause="1")
    engine.settle()
    assert turns.lapse([limits], engine.now)
    assert not turns.lapse([limits], engine.now)


def test_a_place_is_not_offered_to_members_that_another_gate_keeps() -> None:
    engine = fleet()
    asks = policy("z", approval={"fourEyes": False}, rollouts=URGENT_ROLLOUTS)
    set_policies(engine, policy("limits", **LIMIT), asks, URGENT)
    roll_out(engine, "b", *NAMES[6:], concurrency=1)
    engine.wait(minutes=5)
    roll_out(engine, "a", *NAMES[:6], labels={"tier": "urgent"}, concurrency=1)
    engine.wait(minutes=5)
    assert {reason(engine, "uid-a", name).gate for name in NAMES[:6]} == {"RolloutPolicy/z"}


# -- who was passed --------------------------------------------------------------------------------


def test_a_rollout_whose_priority_is_not_known_yet_goes_first() -> None:
    """So it is after a restart, until the rollout was decided on. It took the last place, too."""
    engine = fleet()
    set_policies(engine, policy(**LIMIT))
    roll_out(engine, "a", *NAMES[:2], concurrency=1)
    engine.until(Kind.RUN_ACCEPTED)
    roll_out(engine, "b", *NAMES[2:4], concurrency=1)
    engine.until(Kind.FINISHED)
    limits = PolicyLimits("network", policy(**LIMIT).spec)
    turns, place = engine.policy_gates._turns, Place("network")
    turns.forget_priorities()
    turns.set_priority("uid-b", 0)
    first = turns.before(limits, place, "uid-b", engine.now)
    assert first is not None
    assert first.uid == "uid-a"
    turns.set_priority("uid-a", 0)
    assert turns.before(limits, place, "uid-b", engine.now) is None


def test_silent_clusters_cost_a_rollout_its_turn_for_a_while_only() -> None:
    """The clusters of the other one start without a probe, so they are always the first."""
    names = [f"site-{number}" for number in range(1, 17)]
    engine = fleet(*names)
    set_policies(engine, policy(**LIMIT), URGENT)
    engine.frozen |= {"site-13", "site-14", "site-15"}
    selectors = tuple(LabelSelector({"name": each}) for each in names[:12])
    plan: dict[str, Any] = {"timeout": 6000, "concurrency": 1}
    older = engine.apply(ibgu("a", "Prep", "Upgrade", selectors=selectors, **plan))
    engine.until(Kind.RUN_ACCEPTED)
    while len(engine.tracked(older).steps) < 2:
        engine.wait(minutes=1)
    engine.until(Kind.RUN_ACCEPTED)
    roll_out(engine, "b", *names[12:], labels={"tier": "urgent"}, concurrency=4)
    before = len(starts(engine))
    for _ in range(4 * 240):
        engine.wait(seconds=15)
        if engine.policy_gates.recount(engine.now):
            engine.touch_everything()
    assert starts(engine)[before:].index("uid-b") < 4
    assert succeeded(engine, "uid-b") == 1
    assert engine.tracked(older).steps[1].counts[Outcome.SUCCEEDED] == 12


def test_a_rollout_that_jitter_puts_off_gets_the_next_place() -> None:
    """The other one has none, and takes the place meanwhile."""
    engine = fleet()
    set_policies(engine, policy(**LIMIT))
    roll_out(engine, "a", *NAMES[:6], concurrency=1)
    engine.until(Kind.RUN_ACCEPTED)
    engine.annotate(roll_out(engine, "b", *NAMES[6:], concurrency=1), start_jitter="10m")
    drive(engine, 12)
    after = [*["uid-a"] * 2, "uid-b", *["uid-a"] * 4, "uid-b"]
    assert starts(engine) == after


def test_a_rollout_without_a_free_slot_has_no_turn_in_vain() -> None:
    """Otherwise each end of one would have every rollout of the hub decided on again."""
    mine, others = [[f"{name}-{n:02}" for n in range(40)] for name in ("a", "b")]
    engine = InMemoryEngine(*mine, *others)
    for name in engine.spokes:
        engine.labels[name]["fleet"] = name[0]
    for name in mine[:4]:
        engine.spokes[name].faults[Stage.PREP] = "hang"
    set_policies(engine, policy(inFlight=10))
    of_a, of_b = ([LabelSelector({"fleet": each})] for each in ("a", "b"))
    engine.apply(ibgu("a", "Prep", concurrency=4, timeout=6000, selectors=of_a))
    engine.wait(seconds=20)
    other = engine.apply(ibgu("b", "Prep", concurrency=40, timeout=6000, selectors=of_b))
    engine.annotate(other, starts_per_minute="6")
    again = 0
    for _ in range(30):
        engine.wait(seconds=10)
        again += engine.policy_gates.recount(engine.now)
    assert succeeded(engine, other) > 10
    assert again == 0
