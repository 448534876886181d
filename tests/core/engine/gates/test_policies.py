"""R18.7: gates of policies hold single members or all of them, and never a way back."""

from collections import Counter
from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.engine.gates import (
    Candidate,
    Gate,
    GateReason,
    MemberGate,
    StepGate,
    deadline,
)
from ibgu.core.engine.gates.policies import MEANINGS
from ibgu.core.engine.timing.durations import DurationStats
from ibgu.core.model import (
    ActingParty,
    Kind,
    MemberState,
    Outcome,
    PolicyRule,
    Reason,
    ReasonKind,
    RunState,
    Waiting,
)
from ibgu.core.views.display import DisplayState, startable, word_of
from ibgu.core.views.explain import REASONS, ExplainCase, Explained, PastStep, explain
from ibgu.core.views.forecast import RemainingWork, eta
from ibgu.core.views.preview import Preview, Proposal, preview
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu
from tests.core.engine.decide.invariants import Invariants
from tests.core.engine.decide.rate_limited import rate_limited
from tests.core.engine.gates.toy import CLOSED, FREEZE, MEANING, NIGHT, OPENS, RING, WIDE_FREEZE

NAMES = [f"site-{n}" for n in range(1, 6)]
OPEN = ["site-2", "site-4", "site-5"]


def fleet(
    *policies: Gate, plan: str = "Prep", concurrency: int = 2, timeout: int = 1000
) -> InMemoryEngine:
    """The rings of site-1 and site-3 are closed."""
    twin = InMemoryEngine(*NAMES)
    Invariants(twin)
    twin.policies = policies
    for name in NAMES:
        twin.labels[name] = {} if name in OPEN else dict(CLOSED)
    twin.apply(ibgu("a", plan, concurrency=concurrency, timeout=timeout))
    return twin


def executed(twin: InMemoryEngine, stage: Stage) -> list[str]:
    return [name for name in NAMES if stage in [one for _, one in twin.spokes[name].executed]]


def open_ring(twin: InMemoryEngine, *names: str) -> None:
    for name in names:
        twin.labels[name].pop("ring")
        twin.touch_cluster(name)


def relabel(twin: InMemoryEngine, labels: dict[str, str]) -> None:
    for name in NAMES:
        twin.labels[name] |= labels
        twin.touch_cluster(name)


# -- one member ------------------------------------------------------------------------------------


def test_a_closed_gate_lets_those_behind_it_pass() -> None:
    twin = fleet(RING, concurrency=1)
    twin.wait(hours=8)
    assert executed(twin, Stage.PREP) == OPEN
    first = twin.member("uid-a", 0, "site-1")
    assert (first.state, first.reason.kind, first.reason.gate) == (
        MemberState.WAITING,
        ReasonKind.GATE,
        "ClosedRing",
    )
    assert (first.reason.message, first.reason.who) == ("its ring is closed", ActingParty.PERSON)
    assert word_of(first, None) is DisplayState.HELD
    assert twin.tracked("uid-a").steps[0].step.hold is None
    assert ("uid-a", "site-1") not in twin.works


def test_members_that_the_gate_admits_start() -> None:
    twin = fleet(RING)
    twin.wait(hours=1)
    open_ring(twin, "site-1", "site-3")
    twin.wait(hours=1)
    assert executed(twin, Stage.PREP) == NAMES
    assert twin.tracked("uid-a").rollout.completed_at is not None


def test_a_gate_closes_for_many_at_the_head_and_those_behind_start_at_once() -> None:
    """They are ready, and wait for the only slot when their hour comes."""
    names = [f"a-{n:02}" for n in range(30)]
    twin = InMemoryEngine(*names, "z-1", "z-2")
    Invariants(twin)
    twin.policies = (NIGHT,)
    for name in names:
        twin.labels[name] = {"shift": "day"}
    twin.spokes["a-00"].faults[Stage.PREP] = "slow"
    twin.apply(ibgu("a", "Prep", concurrency=1, timeout=2400))
    twin.wait(hours=3)
    step = twin.tracked("uid-a").steps[0]
    ended = [name for name, member in step.members.items() if member.outcome]
    assert ended == ["a-00", "z-1", "z-2"]
    kept = step.members["a-01"].reason
    assert (kept.kind, kept.until) == (ReasonKind.GATE, OPENS)
    twin.wait(hours=8)
    assert step.counts[Outcome.SUCCEEDED] == 32


def test_a_gate_that_closes_for_many_is_asked_once_about_each() -> None:
    """Jitter keeps ten members at the head of the window, and the gate all behind them."""
    names = [f"site-{n}" for n in range(1, 101)]
    asked = Counter[str]()

    def closed(candidate: Candidate) -> Reason | None:
        asked[candidate.cluster.name] += 1
        first = candidate.cluster.name in names[:10]
        return None if first else Reason(ReasonKind.GATE, candidate.now, "not today")

    twin = InMemoryEngine(*names)
    twin.apply(rate_limited("a", "Prep", concurrency=11, jitter="10m"))
    twin.settle()
    twin.policies = (
        MemberGate(name="Later", check=closed, reasons=RING.reasons, needs=RING.needs),
    )
    twin.touch_cluster("site-1")
    twin.settle()
    waiting = Counter(
        member.reason.kind
        for member in twin.tracked("uid-a").steps[0].members.values()
        if isinstance(member, Waiting)
    )
    assert waiting == {ReasonKind.START_JITTER: 10, ReasonKind.GATE: 90}
    assert asked == dict.fromkeys(names, 1) | {"site-1": 2}


def test_nobody_past_its_limit_gives_way_to_one_that_a_gate_keeps() -> None:
    """Both others are ready until the hour comes, and past the limit of the one in flight."""
    twin = InMemoryEngine("a-1", "a-2", "a-3")
    twin.policies = (NIGHT,)
    for name in ("a-2", "a-3"):
        twin.labels[name] = {"shift": "day"}
    twin.spokes["a-1"].faults[Stage.PREP] = "hang"
    twin.apply(ibgu("a", "Prep", concurrency=1, timeout=300))
    twin.drive(OPENS - START - timedelta(hours=2))
    assert twin.member("uid-a", 0, "a-1").limit == START + timedelta(minutes=100)
    assert twin.member("uid-a", 0, "a-1").outcome is None


def test_one_past_its_limit_gives_way_to_a_cluster_that_is_gone_by_then() -> None:
    """No gate is asked about a cluster that nobody sees."""
    twin = InMemoryEngine("a-1", "a-2")
    twin.policies = (NIGHT,)
    twin.spokes["a-1"].faults[Stage.PREP] = "hang"
    twin.apply(ibgu("a", "Prep", concurrency=1, timeout=300))
    twin.wait(hours=1)
    del twin.spokes["a-2"]
    twin.wait(hours=2)
    assert twin.member("uid-a", 0, "a-1").outcome is Outcome.FAILED


def test_the_gate_is_checked_for_the_next_action_if_the_first_is_done() -> None:
    gate = MemberGate(
        name="Upgrades",
        check=RING.check,
        reasons=RING.reasons,
        needs=RING.needs,
        actions=lambda action: action.reboots,
    )
    twin = fleet(gate, plan="Prep Upgrade", concurrency=5)
    twin.spokes["site-1"].to(Stage.PREP)
    twin.wait(hours=6)
    assert executed(twin, Stage.UPGRADE) == [*OPEN[:1], "site-3", *OPEN[1:]]
    member = twin.member("uid-a", 0, "site-1")
    assert (member.state, member.reason.kind) == (MemberState.WAITING, ReasonKind.GATE)
    assert [done.action for done in member.completed] == [Action.PREP]


def test_a_run_that_its_cluster_took_after_all_is_followed() -> None:
    """The action has begun there: nothing is kept by leaving it alone."""
    twin = InMemoryEngine("site-1")
    twin.apply(ibgu("a", "Prep", concurrency=1))
    twin.until(Kind.RUN_ARMING)
    twin.muted.add("site-1")
    twin.deliver()
    twin.spokes["site-1"].dark = True
    twin.touch_cluster("site-1")
    twin.wait(minutes=3)
    assert twin.member("uid-a", 0, "site-1").state is MemberState.WAITING
    twin.policies = (RING,)
    twin.labels["site-1"] = dict(CLOSED)
    twin.muted.clear()
    twin.spokes["site-1"].dark = False
    twin.touch_cluster("site-1")
    twin.wait(minutes=1)
    run = twin.member("uid-a", 0, "site-1").run
    assert (twin.told(Kind.RUN_REOPENED), run and run.state) != ([], RunState.ENDED)


# -- ways back -------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", [Action.ABORT, Action.ABORT_ON_FAILURE, Action.ROLLBACK])
def test_a_way_back_is_never_held(action: Action) -> None:
    twin = InMemoryEngine(*NAMES)
    Invariants(twin)
    twin.policies = (RING, FREEZE, WIDE_FREEZE)
    for name, spoke in twin.spokes.items():
        spoke.to(Stage.PREP)
        label = "prep-completed"
        if action == Action.ROLLBACK:
            spoke.to(Stage.UPGRADE)
            label = "upgrade-completed"
        elif action == Action.ABORT_ON_FAILURE:
            label = "prep-failed"
        twin.labels[name] = {**CLOSED, f"lcm.openshift.io/ibgu-{label}": ""}
    twin.apply(ibgu("a", action, concurrency=2))
    twin.wait(hours=3)
    assert twin.tracked("uid-a").steps[0].counts[Outcome.SUCCEEDED] == len(NAMES)


def test_a_policy_that_chooses_every_action_holds_no_way_back() -> None:
    gate = MemberGate(name="All", check=RING.check, reasons=RING.reasons, needs=RING.needs)
    kept = {action for action in Action if not gate.keeps(action)}
    assert kept == {Action.ABORT, Action.ABORT_ON_FAILURE, Action.ROLLBACK}


def test_a_policy_gives_no_reason_of_the_engine() -> None:
    reasons = {ReasonKind.PAUSED: GateReason(meaning=MEANING)}
    with pytest.raises(ValueError, match="gives no reason but GateClosed"):
        MemberGate(name="Bad", check=RING.check, reasons=reasons, needs=RING.needs)


def test_a_policys_hold_is_no_persons_to_end() -> None:
    reasons = {ReasonKind.GATE: GateReason(meaning=MEANING, lasting=True)}
    with pytest.raises(ValueError, match="declares more than a meaning"):
        MemberGate(name="Bad", check=RING.check, reasons=reasons, needs=RING.needs)


def test_a_gate_guards_in_chains_only_what_it_holds() -> None:
    gate = MemberGate(
        name="Prep",
        check=RING.check,
        reasons=RING.reasons,
        needs=RING.needs,
        actions=lambda action: action.carries_payload,
        chained=lambda action: True,
    )
    assert [action for action in Action if gate.guards(action)] == [Action.PREP]


# -- chained actions -------------------------------------------------------------------------------


def test_a_chained_action_waits_with_its_slot_and_gets_new_time() -> None:
    twin = fleet(RING, plan="Prep Upgrade", concurrency=5)
    open_ring(twin, "site-1", "site-3")
    twin.until(Kind.RUN_ACCEPTED)
    for name in ("site-1", "site-3"):
        twin.labels[name] |= CLOSED
    twin.wait(hours=5)
    assert executed(twin, Stage.UPGRADE) == OPEN
    member = twin.member("uid-a", 0, "site-1")
    assert (member.state, member.reason.kind) == (MemberState.IN_FLIGHT, ReasonKind.GATE)
    assert word_of(member, None) is DisplayState.HELD
    limit = member.limit
    open_ring(twin, "site-1")
    twin.settle()
    extended = twin.member("uid-a", 0, "site-1").limit
    assert limit
    assert extended
    assert extended > limit
    twin.wait(hours=2)
    assert executed(twin, Stage.UPGRADE) == ["site-1", *OPEN]


def test_a_chained_member_behind_a_gate_keeps_its_slot_past_its_limit() -> None:
    """The member's limit passes behind the gate, and others could start."""
    twin = fleet(RING, plan="Prep Upgrade", concurrency=1, timeout=600)
    open_ring(twin, "site-1", "site-3")
    twin.until(Kind.RUN_ACCEPTED)
    twin.labels["site-1"] |= CLOSED
    twin.wait(hours=5)
    member = twin.member("uid-a", 0, "site-1")
    assert member.limit
    assert member.limit < twin.now
    assert (member.state, member.reason.kind) == (MemberState.IN_FLIGHT, ReasonKind.GATE)
    assert executed(twin, Stage.PREP) == ["site-1"]


def test_a_chain_goes_on_when_the_gate_of_a_step_opens() -> None:
    twin = fleet(plan="Prep Upgrade", concurrency=5)
    twin.until(Kind.RUN_ACCEPTED)
    twin.policies = (FREEZE,)
    twin.wait(hours=2)
    assert executed(twin, Stage.UPGRADE) == []
    assert twin.told(Kind.STEP_HELD) == []
    twin.wait(hours=8)
    assert executed(twin, Stage.UPGRADE) == NAMES


# -- all members -----------------------------------------------------------------------------------


def test_a_steps_gate_holds_the_step_until_it_opens() -> None:
    twin = fleet(FREEZE)
    twin.wait(hours=1)
    hold = twin.tracked("uid-a").steps[0].step.hold
    assert hold is not None
    assert (hold.kind, hold.gate, hold.until) == (ReasonKind.GATE, "Freeze", OPENS)
    assert executed(twin, Stage.PREP) == []
    twin.wait(hours=4)
    twin.touch_everything()
    twin.wait(hours=4)
    assert twin.told(Kind.STEP_HELD) == ["freeze", "freeze, soon over"]
    assert twin.told(Kind.STEP_RELEASED) == ["no longer: freeze, soon over"]
    assert executed(twin, Stage.PREP) == NAMES


def test_a_rollouts_gate_holds_its_steps() -> None:
    twin = fleet(WIDE_FREEZE)
    twin.wait(hours=1)
    assert twin.told(Kind.STEP_HELD) == ["all are frozen"]
    assert executed(twin, Stage.PREP) == []


# -- surfaces --------------------------------------------------------------------------------------


def explained(twin: InMemoryEngine, rule: str | None = None) -> Explained:
    """Explains the first cluster. `rule`: what its reason says instead of its own."""
    member = twin.member("uid-a", 0, "site-1")
    if rule is not None:
        member = replace(member, reason=replace(member.reason, rule=rule))
    case = ExplainCase(
        rollout="fleet/a",
        member=member,
        action=Action.PREP,
        hold=None,
        past=[PastStep(member)],
        now=twin.now,
        duration_stats={},
    )
    return explain(IBU, case)


@pytest.mark.parametrize("rule", PolicyRule)
def test_explain_says_what_the_rule_of_the_reason_means(rule: PolicyRule) -> None:
    twin = fleet(replace(RING, rule=rule), concurrency=1)
    twin.wait(minutes=1)
    found, meaning = explained(twin), MEANINGS[rule]
    assert found.headline.endswith("ClosedRing")
    assert found.why == "its ring is closed"
    assert (found.means, found.ends, found.do) == (meaning.means, meaning.ends, meaning.do)
    assert meaning.do
    assert (found.state, found.who, found.overdue) == (DisplayState.HELD, ActingParty.PERSON, None)


@pytest.mark.parametrize("rule", ["", "PhaseOfTheMoon"])
def test_a_rule_that_is_not_known_is_explained_as_that_of_any_policy(rule: str) -> None:
    twin = fleet(RING, concurrency=1)
    twin.wait(minutes=1)
    assert explained(twin, rule).means == REASONS[ReasonKind.GATE].means


def test_another_rule_with_the_same_words_is_noted_and_keeps_the_time() -> None:
    twin = fleet(RING, concurrency=1)
    twin.wait(minutes=1)
    since = twin.member("uid-a", 0, "site-1").reason.since
    twin.policies = (replace(RING, rule=PolicyRule.LIMITS),)
    twin.touch_everything()
    twin.wait(minutes=1)
    found = twin.member("uid-a", 0, "site-1").reason
    assert (found.rule, found.since) == (PolicyRule.LIMITS, since)


def test_the_forecast_counts_who_is_kept_apart() -> None:
    twin = fleet(RING, concurrency=1)
    twin.spokes["site-2"].faults[Stage.PREP] = "slow"
    twin.wait(minutes=1)
    step = twin.tracked("uid-a").steps[0]
    waiting = [one for one in step.members.values() if one.state is MemberState.WAITING]
    ready = [one for one in waiting if startable(one.state, one.reason.kind)]
    rest = RemainingWork(
        actions=step.step.actions,
        slots=1,
        waiting=len(ready),
        blocked=len(waiting) - len(ready),
        in_flight=[],
        deadline=deadline(step.step, twin.now),
    )
    found = eta(rest, twin.now, {Action.PREP: DurationStats(10, 60.0, 90.0, (60.0,))})
    assert found is not None
    assert "not counted: 2 waiting for something other than a slot" in found.basis
    assert found.latest == rest.deadline


def previewed(*policies: Gate, plan: str = "Prep") -> Preview:
    twin = fleet(plan=plan)
    clusters = [view for name in NAMES if (view := twin.cluster(name))]
    proposal = Proposal(IBU, ibgu("a", plan).spec, policies=policies)
    return preview(proposal, clusters, {}, START + timedelta(hours=2))


def test_the_preview_names_who_would_be_kept() -> None:
    (said,) = [words for words in previewed(RING).warnings if "ring" in words]
    assert said == "2 of 5 clusters can't start Prep now: its ring is closed (site-1, site-3)"


def test_the_preview_says_of_which_gates_it_can_not_know() -> None:
    (said,) = [words for words in previewed(FREEZE, NIGHT).warnings if "Freeze" in words]
    assert said == "Freeze is checked when a cluster starts: it may delay clusters of this plan"


def test_the_preview_says_of_which_gates_are_asked_inside_the_chain() -> None:
    upgrades = StepGate(
        name="Upgrades",
        check=FREEZE.check,
        reasons=FREEZE.reasons,
        needs=FREEZE.needs,
        actions=lambda action: action.upgrades,
        chained=lambda action: True,
    )
    words = "Upgrades is checked before Upgrade: it may hold clusters in their slots"
    assert words in previewed(upgrades, plan="Prep Upgrade").warnings
    assert not [each for each in previewed(upgrades).warnings if "Upgrades" in each]


def test_the_preview_says_that_it_does_not_know_the_policies() -> None:
    twin = fleet()
    proposal = Proposal(IBU, ibgu("a", "Prep").spec, policies_unknown="you may not list them")
    clusters = [view for name in NAMES if (view := twin.cluster(name))]
    assert "you may not list them" in preview(proposal, clusters, {}, START).warnings


def test_the_preview_of_an_abort_asks_no_policy() -> None:
    found = previewed(RING, FREEZE, WIDE_FREEZE, plan="Abort")
    assert found.selected == tuple(NAMES)
    assert not [words for words in found.warnings if "ring" in words or "reeze" in words]


def test_only_member_gates_are_asked_about_one_member() -> None:
    assert isinstance(FREEZE, StepGate)
    twin = fleet(FREEZE)
    twin.wait(minutes=1)
    assert twin.member("uid-a", 0, "site-1").reason.kind is not ReasonKind.GATE
