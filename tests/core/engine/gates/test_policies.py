"""R18.7: gates of policies hold single members or all of them, and never a way back."""

from collections import Counter
from datetime import timedelta

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.actions import Action, Stage
from ibgu.core.engine.gate import kept_by_policy, of_policies
from ibgu.core.engine.gates import (
    Candidate,
    Gate,
    GateInput,
    GateReason,
    MemberGate,
    StepGate,
    step_deadline,
)
from ibgu.core.engine.gates.gate import RequiredApproval
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
from ibgu.core.model.rollout_policy import ApprovalMoment, PolicyApproval
from ibgu.core.text.spans import utc
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
    engine = InMemoryEngine(*NAMES)
    Invariants(engine)
    engine.policies = policies
    for name in NAMES:
        engine.labels[name] = {} if name in OPEN else dict(CLOSED)
    engine.apply(ibgu("a", plan, concurrency=concurrency, timeout=timeout))
    return engine


def executed(engine: InMemoryEngine, stage: Stage) -> list[str]:
    return [name for name in NAMES if stage in [one for _, one in engine.spokes[name].executed]]


def open_ring(engine: InMemoryEngine, *names: str) -> None:
    for name in names:
        engine.labels[name].pop("ring")
        engine.touch_cluster(name)


def relabel(engine: InMemoryEngine, labels: dict[str, str]) -> None:
    for name in NAMES:
        engine.labels[name] |= labels
        engine.touch_cluster(name)


# -- one member ------------------------------------------------------------------------------------


def test_a_closed_gate_lets_those_behind_it_pass() -> None:
    engine = fleet(RING, concurrency=1)
    engine.wait(hours=8)
    assert executed(engine, Stage.PREP) == OPEN
    first = engine.member("uid-a", 0, "site-1")
    assert (first.state, first.reason.kind, first.reason.gate) == (
        MemberState.WAITING,
        ReasonKind.GATE,
        "ClosedRing",
    )
    assert (first.reason.message, first.reason.who) == ("its ring is closed", ActingParty.PERSON)
    assert word_of(first, None) is DisplayState.HELD
    assert engine.tracked("uid-a").steps[0].step.hold is None
    assert ("uid-a", "site-1") not in engine.works


def test_members_that_the_gate_admits_start() -> None:
    engine = fleet(RING)
    engine.wait(hours=1)
    open_ring(engine, "site-1", "site-3")
    engine.wait(hours=1)
    assert executed(engine, Stage.PREP) == NAMES
    assert engine.tracked("uid-a").rollout.completed_at is not None


def test_a_gate_closes_for_many_at_the_head_and_those_behind_start_at_once() -> None:
    """They are ready, and wait for the only slot when their hour comes."""
    names = [f"a-{n:02}" for n in range(30)]
    engine = InMemoryEngine(*names, "z-1", "z-2")
    Invariants(engine)
    engine.policies = (NIGHT,)
    for name in names:
        engine.labels[name] = {"shift": "day"}
    engine.spokes["a-00"].faults[Stage.PREP] = "slow"
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=2400))
    engine.wait(hours=3)
    step = engine.tracked("uid-a").steps[0]
    ended = [name for name, member in step.members.items() if member.outcome]
    assert ended == ["a-00", "z-1", "z-2"]
    kept = step.members["a-01"].reason
    assert (kept.kind, kept.until) == (ReasonKind.GATE, OPENS)
    engine.wait(hours=8)
    assert step.counts[Outcome.SUCCEEDED] == 32


def test_a_gate_that_closes_for_many_is_asked_once_about_each() -> None:
    """Jitter keeps ten members at the head of the window, and the gate all behind them."""
    names = [f"site-{n}" for n in range(1, 101)]
    asked = Counter[str]()

    def closed(candidate: Candidate) -> Reason | None:
        asked[candidate.cluster.name] += 1
        first = candidate.cluster.name in names[:10]
        return None if first else Reason(ReasonKind.GATE, candidate.now, "not today")

    engine = InMemoryEngine(*names)
    engine.apply(rate_limited("a", "Prep", concurrency=11, jitter="10m"))
    engine.settle()
    engine.policies = (
        MemberGate(name="Later", check=closed, reasons=RING.reasons, needs=RING.needs),
    )
    engine.touch_cluster("site-1")
    engine.settle()
    waiting = Counter(
        member.reason.kind
        for member in engine.tracked("uid-a").steps[0].members.values()
        if isinstance(member, Waiting)
    )
    assert waiting == {ReasonKind.START_JITTER: 10, ReasonKind.GATE: 90}
    assert asked == dict.fromkeys(names, 1) | {"site-1": 2}


def test_nobody_past_its_limit_gives_way_to_one_that_a_gate_keeps() -> None:
    """Both others are ready until the hour comes, and past the limit of the one in flight."""
    engine = InMemoryEngine("a-1", "a-2", "a-3")
    engine.policies = (NIGHT,)
    for name in ("a-2", "a-3"):
        engine.labels[name] = {"shift": "day"}
    engine.spokes["a-1"].faults[Stage.PREP] = "hang"
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=300))
    engine.drive(OPENS - START - timedelta(hours=2))
    assert engine.member("uid-a", 0, "a-1").limit == START + timedelta(minutes=100)
    assert engine.member("uid-a", 0, "a-1").outcome is None


def test_one_past_its_limit_gives_way_to_a_cluster_that_is_gone_by_then() -> None:
    """No gate is asked about a cluster that nobody sees."""
    engine = InMemoryEngine("a-1", "a-2")
    engine.policies = (NIGHT,)
    engine.spokes["a-1"].faults[Stage.PREP] = "hang"
    engine.apply(ibgu("a", "Prep", concurrency=1, timeout=300))
    engine.wait(hours=1)
    del engine.spokes["a-2"]
    engine.wait(hours=2)
    assert engine.member("uid-a", 0, "a-1").outcome is Outcome.FAILED


def test_the_gate_is_checked_for_the_next_action_if_the_first_is_done() -> None:
    gate = MemberGate(
        name="Upgrades",
        check=RING.check,
        reasons=RING.reasons,
        needs=RING.needs,
        actions=lambda action: action.reboots,
    )
    engine = fleet(gate, plan="Prep Upgrade", concurrency=5)
    engine.spokes["site-1"].to(Stage.PREP)
    engine.wait(hours=6)
    assert executed(engine, Stage.UPGRADE) == [*OPEN[:1], "site-3", *OPEN[1:]]
    member = engine.member("uid-a", 0, "site-1")
    assert (member.state, member.reason.kind) == (MemberState.WAITING, ReasonKind.GATE)
    assert [done.action for done in member.completed] == [Action.PREP]


def test_a_run_that_its_cluster_took_after_all_is_followed() -> None:
    """The action has begun there: nothing is kept by leaving it alone."""
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", "Prep", concurrency=1))
    engine.until(Kind.RUN_ARMING)
    engine.muted.add("site-1")
    engine.deliver()
    engine.spokes["site-1"].dark = True
    engine.touch_cluster("site-1")
    engine.wait(minutes=3)
    assert engine.member("uid-a", 0, "site-1").state is MemberState.WAITING
    engine.policies = (RING,)
    engine.labels["site-1"] = dict(CLOSED)
    engine.muted.clear()
    engine.spokes["site-1"].dark = False
    engine.touch_cluster("site-1")
    engine.wait(minutes=1)
    run = engine.member("uid-a", 0, "site-1").run
    assert (engine.told(Kind.RUN_REOPENED), run and run.state) != ([], RunState.ENDED)


# -- ways back -------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", [Action.ABORT, Action.ABORT_ON_FAILURE, Action.ROLLBACK])
def test_a_way_back_is_never_held(action: Action) -> None:
    engine = InMemoryEngine(*NAMES)
    Invariants(engine)
    engine.policies = (RING, FREEZE, WIDE_FREEZE)
    for name, spoke in engine.spokes.items():
        spoke.to(Stage.PREP)
        label = "prep-completed"
        if action == Action.ROLLBACK:
            spoke.to(Stage.UPGRADE)
            label = "upgrade-completed"
        elif action == Action.ABORT_ON_FAILURE:
            label = "prep-failed"
        engine.labels[name] = {**CLOSED, f"lcm.openshift.io/ibgu-{label}": ""}
    engine.apply(ibgu("a", action, concurrency=2))
    engine.wait(hours=3)
    assert engine.tracked("uid-a").steps[0].counts[Outcome.SUCCEEDED] == len(NAMES)


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
    engine = fleet(RING, plan="Prep Upgrade", concurrency=5)
    open_ring(engine, "site-1", "site-3")
    engine.until(Kind.RUN_ACCEPTED)
    for name in ("site-1", "site-3"):
        engine.labels[name] |= CLOSED
    engine.wait(hours=5)
    assert executed(engine, Stage.UPGRADE) == OPEN
    member = engine.member("uid-a", 0, "site-1")
    assert (member.state, member.reason.kind) == (MemberState.IN_FLIGHT, ReasonKind.GATE)
    assert word_of(member, None) is DisplayState.HELD
    limit = member.limit
    open_ring(engine, "site-1")
    engine.settle()
    extended = engine.member("uid-a", 0, "site-1").limit
    assert limit
    assert extended
    assert extended > limit
    engine.wait(hours=2)
    assert executed(engine, Stage.UPGRADE) == ["site-1", *OPEN]


def test_a_chained_member_behind_a_gate_keeps_its_slot_past_its_limit() -> None:
    """The member's limit passes behind the gate, and others could start."""
    engine = fleet(RING, plan="Prep Upgrade", concurrency=1, timeout=600)
    open_ring(engine, "site-1", "site-3")
    engine.until(Kind.RUN_ACCEPTED)
    engine.labels["site-1"] |= CLOSED
    engine.wait(hours=5)
    member = engine.member("uid-a", 0, "site-1")
    assert member.limit
    assert member.limit < engine.now
    assert (member.state, member.reason.kind) == (MemberState.IN_FLIGHT, ReasonKind.GATE)
    assert executed(engine, Stage.PREP) == ["site-1"]


def test_a_chain_goes_on_when_the_gate_of_a_step_opens() -> None:
    engine = fleet(plan="Prep Upgrade", concurrency=5)
    engine.until(Kind.RUN_ACCEPTED)
    engine.policies = (FREEZE,)
    engine.wait(hours=2)
    assert executed(engine, Stage.UPGRADE) == []
    assert engine.told(Kind.STEP_HELD) == []
    engine.wait(hours=8)
    assert executed(engine, Stage.UPGRADE) == NAMES


# -- all members -----------------------------------------------------------------------------------


def test_a_steps_gate_holds_the_step_until_it_opens() -> None:
    engine = fleet(FREEZE)
    engine.wait(hours=1)
    hold = engine.tracked("uid-a").steps[0].step.hold
    assert hold is not None
    assert (hold.kind, hold.gate, hold.until) == (ReasonKind.GATE, "Freeze", OPENS)
    assert executed(engine, Stage.PREP) == []
    engine.wait(hours=4)
    engine.touch_everything()
    engine.wait(hours=4)
    assert engine.told(Kind.STEP_HELD) == ["freeze", "freeze, soon over"]
    assert engine.told(Kind.STEP_RELEASED) == ["no longer: freeze, soon over"]
    assert executed(engine, Stage.PREP) == NAMES


def test_a_rollouts_gate_holds_its_steps() -> None:
    engine = fleet(WIDE_FREEZE)
    engine.wait(hours=1)
    assert engine.told(Kind.STEP_HELD) == ["all are frozen"]
    assert executed(engine, Stage.PREP) == []


# -- surfaces --------------------------------------------------------------------------------------


def explained(engine: InMemoryEngine, rule: str | None = None) -> Explained:
    """Explains the first cluster. `rule`: what its reason says instead of its own."""
    member = engine.member("uid-a", 0, "site-1")
    if rule is not None:
        member = replace(member, reason=replace(member.reason, rule=rule))
    case = ExplainCase(
        rollout="fleet/a",
        member=member,
        action=Action.PREP,
        hold=None,
        past=[PastStep(member)],
        now=engine.now,
        duration_stats={},
    )
    return explain(IBU, case)


@pytest.mark.parametrize("rule", PolicyRule)
def test_explain_says_what_the_rule_of_the_reason_means(rule: PolicyRule) -> None:
    engine = fleet(replace(RING, rule=rule), concurrency=1)
    engine.wait(minutes=1)
    found, meaning = explained(engine), MEANINGS[rule]
    assert found.headline.endswith("ClosedRing")
    assert found.why == "its ring is closed"
    assert (found.means, found.ends, found.do) == (meaning.means, meaning.ends, meaning.do)
    assert meaning.do
    assert (found.state, found.who, found.overdue) == (DisplayState.HELD, ActingParty.PERSON, None)


@pytest.mark.parametrize("rule", ["", "PhaseOfTheMoon"])
def test_a_rule_that_is_not_known_is_explained_as_that_of_any_policy(rule: str) -> None:
    engine = fleet(RING, concurrency=1)
    engine.wait(minutes=1)
    assert explained(engine, rule).means == REASONS[ReasonKind.GATE].means


def test_another_rule_with_the_same_words_is_noted_and_keeps_the_time() -> None:
    engine = fleet(RING, concurrency=1)
    engine.wait(minutes=1)
    since = engine.member("uid-a", 0, "site-1").reason.since
    engine.policies = (replace(RING, rule=PolicyRule.LIMITS),)
    engine.touch_everything()
    engine.wait(minutes=1)
    found = engine.member("uid-a", 0, "site-1").reason
    assert (found.rule, found.since) == (PolicyRule.LIMITS, since)


def test_the_forecast_counts_who_is_kept_apart() -> None:
    engine = fleet(RING, concurrency=1)
    engine.spokes["site-2"].faults[Stage.PREP] = "slow"
    engine.wait(minutes=1)
    step = engine.tracked("uid-a").steps[0]
    waiting = [one for one in step.members.values() if one.state is MemberState.WAITING]
    ready = [one for one in waiting if startable(one.state, one.reason.kind)]
    rest = RemainingWork(
        actions=step.step.actions,
        slots=1,
        waiting=len(ready),
        blocked=len(waiting) - len(ready),
        in_flight=[],
        deadline=step_deadline(step.step, engine.now),
    )
    found = eta(rest, engine.now, {Action.PREP: DurationStats(10, 60.0, 90.0, (60.0,))})
    assert found is not None
    assert "not counted: 2 waiting for something other than a slot" in found.basis
    assert found.latest == rest.deadline


def previewed(*policies: Gate, plan: str = "Prep") -> Preview:
    engine = fleet(plan=plan)
    clusters = [view for name in NAMES if (view := engine.cluster(name))]
    proposal = Proposal(IBU, ibgu("a", plan).spec, policies=policies)
    return preview(proposal, clusters, {}, START + timedelta(hours=2))


def test_the_preview_names_who_would_be_kept() -> None:
    (said,) = [words for words in previewed(RING).warnings if "ring" in words]
    assert said == "2 of 5 clusters can't start Prep now: its ring is closed (site-1, site-3)"


def test_the_preview_says_of_which_gates_it_can_not_know() -> None:
    (said,) = [words for words in previewed(FREEZE, NIGHT).warnings if "Freeze" in words]
    assert said == "Freeze is checked when a cluster starts: it may delay clusters of this plan"


END = START + timedelta(days=1)
NIGHTS = MemberGate(
    name="RolloutPolicy/night",
    check=lambda candidate: kept_by_policy("it is day", candidate.now, END),
    reasons=of_policies(MEANING),
    needs=frozenset({GateInput.TIME}),
)


def test_no_end_is_promised_while_policies_keep_all_clusters() -> None:
    found = previewed(NIGHTS)
    assert (found.forecast.likely, found.latest) == (None, None)
    words = (
        "the end is not known: policies keep all clusters of step 1, and its timeout begins to "
        "count when one of them may start"
    )
    assert found.warnings[-1] == f"{words}, not before {utc(END)}"
    open_ended = replace(NIGHTS, check=lambda candidate: kept_by_policy("no", candidate.now))
    for gates in ((NIGHTS, open_ended), (open_ended, NIGHTS)):
        assert previewed(*gates).warnings[-1] == words
    assert previewed(RING).latest is not None


def asking(before: ApprovalMoment, *chosen: str) -> MemberGate:
    """An approval that a policy asks for; the preview can't tell whether there is one."""
    return replace(
        NIGHTS,
        needs=frozenset({GateInput.RECORDS}),
        rule=PolicyRule.APPROVAL,
        approval=RequiredApproval(
            PolicyApproval(before=before), lambda cluster: not chosen or cluster.name in chosen
        ),
    )


STEP = ApprovalMoment.STEP


@pytest.mark.parametrize(
    ("policies", "words"),
    [
        ((), "starts at once"),
        ((RING,), "starts at once; policies keep 2 of its 5 clusters"),
        ((asking(STEP, "site-1"), RING), "starts at once; policies keep 2 of its 5 clusters"),
        ((NIGHTS,), f"starts when policies allow it, not before {utc(END)}"),
        ((asking(STEP),), "starts once people have approved it"),
        ((asking(ApprovalMoment.REST),), "starts at once"),
        (
            (asking(STEP), NIGHTS),
            "starts once people have approved it and when policies allow it, not before "
            f"{utc(END)}",
        ),
        ((asking(STEP), RING), "starts once people have approved it and when policies allow it"),
        ((replace(asking(STEP), concerns=lambda action: action.upgrades),), "starts at once"),
    ],
)
def test_the_preview_says_when_the_first_clusters_start(
    policies: tuple[Gate, ...], words: str
) -> None:
    """A policy with limits or canaries may delay it all the same."""
    assert previewed(*policies).starts == words


def test_no_end_is_promised_while_people_have_to_approve_a_new_rollout() -> None:
    found = previewed(asking(STEP))
    assert (found.forecast.likely, found.latest) == (None, None)
    assert found.warnings[-1].startswith("the end is not known: policies keep all clusters")
    assert previewed(asking(STEP, "site-1")).latest is not None


def test_a_way_back_starts_at_once_whatever_policies_say() -> None:
    assert previewed(NIGHTS, asking(STEP), plan="Abort").starts == "starts at once"


def test_the_preview_names_an_approval_once() -> None:
    asks = replace(
        NIGHTS,
        needs=frozenset({GateInput.RECORDS}),
        rule=PolicyRule.APPROVAL,
        chained=lambda action: action.name == "Upgrade",
    )
    wait = "asks for approval: clusters wait until people approve it"
    shown = [words for words in previewed(asks, asks).warnings if "approval" in words]
    assert shown == [f"RolloutPolicy/night {wait} (`ibgu policy explain night`)"]
    inside = replace(asks, actions=lambda action: action.name == "Upgrade")
    shown = [words for words in previewed(inside, plan="Prep Upgrade").warnings if wait in words]
    assert shown == [f"RolloutPolicy/night {wait} before Upgrade (`ibgu policy explain night`)"]


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
    engine = fleet()
    proposal = Proposal(IBU, ibgu("a", "Prep").spec, policies_unknown="you may not list them")
    clusters = [view for name in NAMES if (view := engine.cluster(name))]
    found = preview(proposal, clusters, {}, START)
    assert "you may not list them" in found.warnings
    assert found.starts == "starts at once unless policies hold it"


def test_the_preview_of_an_abort_asks_no_policy() -> None:
    found = previewed(RING, FREEZE, WIDE_FREEZE, plan="Abort")
    assert found.selected == tuple(NAMES)
    assert not [words for words in found.warnings if "ring" in words or "reeze" in words]


def test_only_member_gates_are_asked_about_one_member() -> None:
    assert isinstance(FREEZE, StepGate)
    engine = fleet(FREEZE)
    engine.wait(minutes=1)
    assert engine.member("uid-a", 0, "site-1").reason.kind is not ReasonKind.GATE
