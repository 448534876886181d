"""Explains one member in sentences: its state, the reason, what it means, who must do what. The
same on every surface."""

from msgspec.structs import replace

from ibgu.core.engine.driver import FailureText, KindMeanings, KindTexts
from ibgu.core.engine.gates.policies import MEANINGS
from ibgu.core.engine.gates.registry import stops_all
from ibgu.core.model import (
    ActingParty,
    ActionName,
    Member,
    MemberState,
    Outcome,
    Reason,
    ReasonKind,
    as_displayed,
    traits,
)
from ibgu.core.model.meaning import Meaning
from ibgu.core.model.preflight import FindingSeverity, RecordedFinding
from ibgu.core.text.commands import named_commands
from ibgu.core.views.display import DisplayState, reason_of, word_of
from ibgu.core.views.explain.case import ExplainCase, Explained, Line, PastStep
from ibgu.core.views.explain.causes import CAUSES, finding, meaning_of_cause
from ibgu.core.views.explain.headline import headline
from ibgu.core.views.explain.past import history
from ibgu.core.views.explain.reasons import REASONS, meaning_of_reason
from ibgu.core.views.overdue import Overdue, overdue_of
from ibgu.core.views.policy_words import policy_of

__all__ = [
    "CAUSES",
    "REASONS",
    "ExplainCase",
    "Explained",
    "Line",
    "Meaning",
    "PastStep",
    "explain",
    "finding",
]

_CLUSTER_MESSAGE = frozenset(
    {
        ReasonKind.BUSY,
        ReasonKind.APPLY_ERROR,
        ReasonKind.REFUSED,
        ReasonKind.PAYLOAD_ERROR,
        ReasonKind.RUNNING,
    }
)
"""Reasons whose message is the cluster's own."""
_DONE = Meaning("", do="")
_NEEDS_NOBODY = frozenset({DisplayState.SUCCEEDED, DisplayState.SKIPPED, DisplayState.CANCELLED})


def explain(texts: KindTexts, case: ExplainCase) -> Explained:
    case = replace(case, member=as_displayed(case.member))
    member = case.member
    own_reason, state = reason_of(member, case.hold), word_of(member, case.hold)
    besides = _hold_besides(case, own_reason)
    reason = _with_hold(own_reason, besides)
    reported = _last_reported(case)
    own = texts.meanings(_newest_action(case))
    known, meaning, late = (
        _known(texts, case, reason),
        meaning_of_reason(besides.kind, own) if besides else _meaning(case, reason, own),
        _overdue(case, reason, own),
    )
    namespace, _, name = case.rollout.partition("/")

    def copyable(text: str | None) -> str | None:
        return named_commands(text, namespace, name, member.cluster) if text else None

    why = _one_line(reason.message if reason else member.message)
    words = _its_message(member, reason)
    return Explained(
        cluster=member.cluster,
        rollout=case.rollout,
        step=member.step + 1,
        state=state,
        headline=headline(case, state, reason, late),
        why=why,
        kind=_kind(member, reason, known),
        policy=policy_of(reason.gate) or None if reason else None,
        since=reason.since if reason else member.ended_at,
        ends=meaning.ends or None,
        until=reason.until if reason else None,
        who=ActingParty.PERSON if late else _who(reason, state),
        overdue=late.since if late else None,
        means=(known.means if known else meaning.means) or None,
        do=copyable(known.remedy if known else late.check if late else meaning.do),
        words=words if words != why else None,
        remedy=copyable(known.remedy if known else None),
        guide=(known.guide or None) if known else None,
        limit=None if member.finished else member.limit,
        late=member.late or None,
        warning=reported.warning or None,
        rollback_until=reported.rollback_until,
        paused_since=min(filter(None, (s.member.paused_since for s in case.past)), default=None),
        preflight=_findings(case, state, known),
        history=history(case.past),
    )


def _hold_besides(case: ExplainCase, reason: Reason | None) -> Reason | None:
    """Returns the hold that a person must end before the member starts, although its own reason,
    the gate of a policy, needs nobody; None: there is none."""
    hold = case.hold
    if case.member.state is not MemberState.WAITING or reason is None or not reason.gate:
        return None
    by_person = hold is not None and stops_all(hold) and hold.who is ActingParty.PERSON
    return hold if by_person and reason.who is not ActingParty.PERSON else None


def _with_hold(reason: Reason | None, hold: Reason | None) -> Reason | None:
    """Returns the member's reason, with the hold that also stops it."""
    if reason is None or hold is None:
        return reason
    words = f"{reason.message}; also, nothing new starts: {hold.message}"
    return replace(reason, message=words, who=hold.who, until=None)


def _findings(case: ExplainCase, state: DisplayState, known: FailureText | None) -> list[str]:
    """Returns what preflight had found that bears on the state of the member."""
    if state in _NEEDS_NOBODY:
        return []
    if case.member.finished:
        found = [each for each in case.preflight if _foretells(each, known)]
    else:
        found = [each for each in case.preflight if _is_about_cluster(each)]
    return [f"{each.severity}: {each.message} [{each.rule}]" for each in found]


def _is_about_cluster(found: RecordedFinding) -> bool:
    """Returns whether the finding is about single clusters, or keeps or fails all of them."""
    return bool(found.clusters) or found.severity is FindingSeverity.ERROR


def _foretells(found: RecordedFinding, failure: FailureText | None) -> bool:
    """Returns whether the finding may have said before what failed. Of a failure that is not known
    an error may."""
    if failure is None:
        return found.severity is FindingSeverity.ERROR
    return found.rule in failure.rules


def _last_reported(case: ExplainCase) -> Member:
    """Returns the member of the newest step in which the cluster has reported something, or
    completed an action: what it reported before is over since."""
    newest_first = [step.member for step in reversed(case.past)]
    reporting = (
        each for each in newest_first if each.completed or each.rollback_until or each.warning
    )
    return next(reporting, case.member)


def _newest_action(case: ExplainCase) -> ActionName | None:
    member = case.member
    completed = member.completed[-1].action if member.completed else None
    return case.action or member.failed_action or completed


def _overdue(case: ExplainCase, reason: Reason | None, own: KindMeanings) -> Overdue | None:
    if reason is None:
        return None
    return overdue_of(case.member, reason, case.now, case.duration_stats, own)


def _known(texts: KindTexts, case: ExplainCase, reason: Reason | None) -> FailureText | None:
    """Returns the known failure in a failed member's last words, or in what a running one reports
    now."""
    member = case.member
    action = case.action if reason else member.failed_action
    message = reason.message if reason else member.message
    return texts.failure(action, message) if action and message else None


def _kind(member: Member, reason: Reason | None, known: FailureText | None) -> str | None:
    if known is not None:
        return known.name
    return reason.kind if reason else member.cause


def _meaning(case: ExplainCase, reason: Reason | None, own: KindMeanings) -> Meaning:
    member = case.member
    if reason is not None and reason.rule in MEANINGS:
        return MEANINGS[reason.rule]
    if reason is not None:
        return meaning_of_reason(reason.kind, own)
    if member.cause:
        return meaning_of_cause(member.cause, own)
    return _meaning_of_abort(member, own) or _DONE


def _meaning_of_abort(member: Member, own: KindMeanings) -> Meaning | None:
    """Returns what it means that the member was aborted; None: it was not. Abort and AbortOnFailure
    stand alone in their step."""
    taken = [traits(done.action) for done in member.completed if not done.note]
    aborted = any(action.aborts for action in taken)
    if member.outcome is not Outcome.SUCCEEDED or not aborted:
        return None
    return own.aborted if any(action.after_failure for action in taken) else own.cancelled


def _who(reason: Reason | None, state: DisplayState) -> ActingParty | None:
    if reason is not None:
        return reason.who
    return None if state in _NEEDS_NOBODY else ActingParty.PERSON


def _its_message(member: Member, reason: Reason | None) -> str | None:
    if reason is not None:
        return _one_line(reason.message) if reason.kind in _CLUSTER_MESSAGE else None
    return _one_line(member.run.message if member.run else "")


def _one_line(text: str) -> str | None:
    return " ".join(text.split()) or None
