"""R18: whatever the engine and the surfaces do with a gate's reason, its declaration says so."""

from typing import Any

import pytest
from msgspec.structs import replace

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.actions import IBU_ACTIONS, Action
from ibgu.core.engine.decide.gated import not_accepted
from ibgu.core.engine.gate import no_longer
from ibgu.core.engine.gates import (
    ACCEPTABLE,
    CLOCK_STOPPING,
    GATE_REASONS,
    GATES,
    LASTING,
    RESUMABLE,
    Gate,
    GateInput,
    GateReason,
    MemberGate,
    StepGate,
    Switch,
    ended_words,
    same_hold,
)
from ibgu.core.model import ActingParty, Kind, Member, MemberState, Reason, ReasonKind
from ibgu.core.model.topics import Topic
from ibgu.core.notify import Format, NotificationState, Receiver, RolloutEvent, advance, wanted
from ibgu.core.text.commands import named_commands
from ibgu.core.views.change import RolloutSituation, permits
from ibgu.core.views.display import DisplayState, startable, word_of
from ibgu.core.views.explain import ExplainCase, Explained, PastStep, explain
from ibgu.core.views.mistakes import mistakes
from ibgu.core.views.overdue import EXEMPT, FROM_THE_START, RULES
from ibgu.core.views.preview import Proposal, preview
from ibgu.core.views.stragglers.retry import for_retry
from tests.core.engine.decide.fleet import START, InMemoryEngine, ibgu
from tests.core.engine.gates.toy import RING
from tests.core.engine.state.records import NOW, in_flight, member, rollout, step

EACH = pytest.mark.parametrize(("kind", "declared"), GATE_REASONS.items(), ids=list(GATE_REASONS))
KNOWN = (*GATES, RING)
OF_MEMBERS = {kind for gate in KNOWN if isinstance(gate, MemberGate) for kind in gate.reasons}
OF_STEPS = {kind for gate in GATES if isinstance(gate, StepGate) for kind in gate.reasons}
CHAINED = {
    kind for gate in KNOWN if any(gate.guards(action) for action in Action) for kind in gate.reasons
}


def closed(kind: ReasonKind, words: str = "its words") -> Reason:
    return Reason(kind, NOW, words, None, ActingParty.PERSON)


def test_every_gate_and_every_policy_declares_its_reasons() -> None:
    assert {kind for gate in KNOWN for kind in gate.reasons} == GATE_REASONS.keys()
    assert all(GATE_REASONS[kind] is gate.reasons[kind] for gate in GATES for kind in gate.reasons)


# -- what is said of it ----------------------------------------------------------------------------


def explained(kind: ReasonKind) -> Explained:
    """Explains a member that the gate keeps, or that waits behind the hold."""
    own = kind in OF_MEMBERS
    found = member("site-1", reason=closed(kind)) if own else member("site-1")
    case = ExplainCase(
        rollout="fleet/a",
        member=found,
        action=Action.PREP,
        hold=None if own else closed(kind),
        past=[PastStep(found)],
        now=NOW,
        duration_stats={},
    )
    return explain(IBU, case)


@EACH
def test_explain_says_what_it_means(kind: ReasonKind, declared: GateReason) -> None:
    said, meaning = explained(kind), declared.meaning
    assert (said.kind, said.why, said.overdue) == (kind, "its words", None)
    do = named_commands(meaning.do, "fleet", "a", "site-1")
    assert (said.means, said.ends, said.do) == (meaning.means, meaning.ends, do)
    assert meaning.means
    assert meaning.ends


@EACH
def test_a_reason_is_overdue_as_declared(kind: ReasonKind, declared: GateReason) -> None:
    assert RULES.get(kind) is declared.overdue
    assert EXEMPT.get(kind, "") == declared.why_never_overdue
    from_the_start = declared.overdue is None and not declared.why_never_overdue
    assert (kind in FROM_THE_START) == from_the_start


@EACH
def test_a_kept_member_is_shown_as_held_unless_the_gate_only_delays(
    kind: ReasonKind, declared: GateReason
) -> None:
    behind = word_of(member("site-1"), closed(kind))
    assert behind is (DisplayState.WAITING if declared.delays else DisplayState.HELD)
    if not declared.delays:
        assert word_of(member("site-1", reason=closed(kind)), None) is DisplayState.HELD
        assert word_of(in_flight("site-1", reason=closed(kind)), None) is DisplayState.HELD


@EACH
def test_the_forecast_counts_kept_members_apart(kind: ReasonKind, declared: GateReason) -> None:
    assert declared.delays or not declared.uncounted
    assert not startable(MemberState.WAITING, kind)


def always_closed(gate: Gate) -> Gate:
    """Returns the gate, closed for every reason that it declares."""
    words = closed(next(iter(gate.reasons)), "closed for the preview")
    return replace(gate, check=lambda *_: words)


@pytest.mark.parametrize("gate", KNOWN, ids=lambda gate: gate.name)
def test_the_preview_asks_it_if_the_inputs_that_it_declares_are_known(gate: Gate) -> None:
    engine = InMemoryEngine("site-1")
    (cluster,) = (view for name in engine.spokes if (view := engine.cluster(name)))
    proposal = Proposal(IBU, ibgu("a", "Prep").spec, policies=(always_closed(gate),))
    warnings = preview(proposal, [cluster], {}, START).warnings
    known = {GateInput.CLUSTER, GateInput.OBJECT, GateInput.TENANCY, GateInput.TIME}
    asked = isinstance(gate, MemberGate) and gate.needs <= known and gate.keeps(Action.PREP)
    said = [words for words in warnings if "closed for the preview" in words]
    assert len(said) == asked


@EACH
def test_notifications_have_its_topic_and_its_severity(
    kind: ReasonKind, declared: GateReason
) -> None:
    alarm = declared.alarm
    data = {"hold": str(kind), "hold_message": "its words", "hold_who": "person"}
    about: dict[str, Any] = {"rollout": "uid-a", "namespace": "fleet", "name": "a"}
    begins = RolloutEvent(seq=1, at=NOW, kind=Kind.ROLLOUT_STARTED, **about)
    held = RolloutEvent(
        seq=2, at=NOW, step=0, kind=Kind.STEP_HELD, why="its words", data=data, **about
    )
    memory, _ = advance(IBU, NotificationState(), begins)
    memory, (message,) = advance(IBU, memory, held)
    assert message.topic is (alarm.topic if alarm else Topic.STEP_HELD)
    assert message.hold is not None
    assert message.text == f"{alarm.words if alarm else 'nothing new starts in'} step 1: its words"
    (alert,) = wanted(memory, Receiver(name="all", format=Format.ALERTMANAGER), "hub", NOW)
    assert alert.labels["severity"] == ("critical" if alarm else "warning")


# -- what the engine does --------------------------------------------------------------------------


def held_step(kind: ReasonKind) -> InMemoryEngine:
    """Returns a fleet whose running step is held, although its gates are open."""
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", "Prep"))
    engine.until_started()
    tracked = engine.tracked("uid-a").steps[0]
    tracked.step = replace(tracked.step, hold=closed(kind))
    return engine


@EACH
def test_a_resume_releases_a_step_that_it_may(kind: ReasonKind, declared: GateReason) -> None:
    engine = held_step(kind)
    engine.annotate("uid-a", resume="1")
    engine.settle()
    ends = declared.resumable and kind in OF_STEPS
    said = "goes on after: its words" if ends else "nothing was held"
    assert engine.told(Kind.CONTROL)[-1].endswith(said)
    assert engine.tracked("uid-a").steps[0].step.hold is None


@EACH
def test_a_resume_is_allowed_for_what_it_ends(kind: ReasonKind, declared: GateReason) -> None:
    running = step("Prep", hold=closed(kind))
    situation = RolloutSituation(rollout(), IBU_ACTIONS, running, waiting=1, failed=0)
    (why,) = (each.why for each in permits(situation) if each.name == "resume")
    said = "nothing of" if declared.delays else "a resume does not end this hold"
    assert why == "" if declared.resumable else why.startswith(said)


@EACH
def test_a_resume_accepts_reasons_of_members(kind: ReasonKind, declared: GateReason) -> None:
    engine = held_step(kind)
    tracked = engine.tracked("uid-a").steps[0]
    waiting = tracked.members["site-1"]
    kept: Member = replace(waiting, reason=closed(kind))
    tracked.members["site-1"] = kept
    assert not_accepted(tracked) == ([kept] if declared.acceptable else [])


@EACH
def test_a_hold_is_noted_again_with_other_words(kind: ReasonKind, declared: GateReason) -> None:
    known = closed(kind)
    assert same_hold(known, known)
    assert same_hold(known, closed(kind, "other words")) is not declared.by_message
    assert not same_hold(None, known)


@EACH
def test_the_words_for_the_end_of_a_hold_ask_for_nothing(
    kind: ReasonKind, declared: GateReason
) -> None:
    message = f"its words; {declared.asks}" if declared.asks else "its words"
    said = ended_words(closed(kind, message))
    assert said == "no longer: its words" or declared.ended is not no_longer
    assert not declared.asks or declared.asks not in said


def test_the_declarations_of_a_reason_fit_together() -> None:
    """A hold lasts only behind a gate that can be resumed, and stops no clock for ever."""
    assert OF_STEPS - OF_MEMBERS >= LASTING
    assert RESUMABLE >= LASTING
    assert ACCEPTABLE.keys() <= OF_MEMBERS
    opened = {kind for kind, each in GATE_REASONS.items() if each.opened}
    between = CHAINED - LASTING | {ReasonKind.RESTORED}
    assert opened == between, "anyone who is let go on inside its chain gets a new limit"
    assert all(each.stops_clock for each in map(GATE_REASONS.__getitem__, LASTING))
    assert {
        ReasonKind.RATE_LIMIT_INVALID,
        ReasonKind.BACKUP_NOT_POSSIBLE,
    } == OF_STEPS & CLOCK_STOPPING - RESUMABLE


@pytest.mark.parametrize(
    "gate", [gate for gate in GATES if isinstance(gate, StepGate)], ids=lambda gate: gate.name
)
def test_a_resume_changes_a_step_that_it_may_release(gate: StepGate) -> None:
    """Otherwise the gate would close again at once."""
    engine = held_step(next(iter(gate.reasons)))
    engine.payload = replace(engine.payload, digest="other")
    before = engine.tracked("uid-a").steps[0].step
    after = gate.resumed(engine.snapshot(engine.tracked("uid-a")), before, engine.now)
    assert (after != before) == bool(gate.reasons.keys() & RESUMABLE)
    assert after.hold is before.hold, "the engine takes the hold away"


@pytest.mark.parametrize("switch", [gate.switch for gate in GATES if gate.switch is not None])
def test_an_annotation_that_a_gate_obeys_is_known_everywhere(switch: Switch) -> None:
    annotation = switch.annotation
    value = switch.values[-1] if switch.values else "yes"
    assert mistakes({annotation: value}) == []
    assert for_retry(IBU, {annotation: value}) == {annotation: value}
    engine = InMemoryEngine("site-1")
    engine.apply(ibgu("a", "Prep"))
    engine.annotate("uid-a", **{annotation.removeprefix("ibgu.dev/"): value})
    engine.settle()
    assert engine.told(Kind.CONTROL) == [f"{annotation}={value}: {switch.put}"]
