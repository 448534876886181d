"""Takes preflight's findings into the step's record (R46.8)."""

from collections.abc import Collection, Iterator

from msgspec.structs import replace

from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.lifecycle import keep_findings
from ibgu.core.engine.gates import under_policies
from ibgu.core.engine.gates.policies import policies_unknown
from ibgu.core.engine.state import TrackedStep
from ibgu.core.engine.state.demands import enforces_preflight
from ibgu.core.model import Finished, Kind
from ibgu.core.model.preflight import (
    FindingSeverity,
    PreflightMode,
    PreflightRecord,
    PreflightResult,
    errors,
    merged,
    preflight_mode,
)
from ibgu.core.text.counted import counted
from ibgu.core.text.cut import cut

_NAMED = 5
"""Errors that an event names."""
_NOT_ENFORCED = "preflight is no longer enforced"


def take_findings(ctx: DecisionContext, tracked: TrackedStep, members: Collection[str]) -> None:
    """Records the newest evaluation, and has the clusters decided on again whose errors differ."""
    result, known = ctx.snapshot.preflight, tracked.step.preflight
    if result is None or (known is not None and known.at == result.record.at):
        return
    found = merged(known, result, frozenset(members))
    if _not_enforced(ctx, tracked, members) or (
        known is None and _has_unjudged(tracked, result, members)
    ):
        found = replace(found, enforced=False)
    warning = found.count(FindingSeverity.ERROR) > 0 or bool(found.problem)
    ctx.on_step(Kind.PREFLIGHT, keep_findings(tracked.step, found), _words(found), warning=warning)
    ctx.result.remaining += _concerned(tracked, known, found)


def end_enforcement(ctx: DecisionContext) -> None:
    """Marks the step's record as not enforced while nothing enforces preflight: nobody
    keeps its findings up to date for a start, so that once it is enforced again clusters wait for
    a new evaluation."""
    tracked = ctx.tracked.current
    known = tracked.step.preflight if tracked is not None else None
    if tracked is None or known is None or not known.enforced:
        return
    if not _not_enforced(ctx, tracked, tracked.members):
        return
    found = replace(known, enforced=False)
    ctx.on_step(Kind.PREFLIGHT, keep_findings(tracked.step, found), _NOT_ENFORCED)


def _not_enforced(ctx: DecisionContext, tracked: TrackedStep, members: Collection[str]) -> bool:
    """Returns whether it is known that neither the rollout nor a policy enforces preflight."""
    if policies_unknown(ctx.snapshot.policies):
        return False
    found = ctx.snapshot.object
    mode = preflight_mode(found.metadata.annotations) if found is not None else None
    if mode not in (PreflightMode.OFF, PreflightMode.WARN):
        return False
    views = (view for name in members if (view := ctx.snapshot.cluster(name)) is not None)
    return not enforces_preflight(ctx.snapshot.demands, tracked.step.actions, views)


def _has_unjudged(tracked: TrackedStep, result: PreflightResult, members: Collection[str]) -> bool:
    """Returns whether a member was not judged before its start: it has come into the step by a
    label that was written after the evaluation. Where preflight is enforced the step waits for the
    next one."""
    for name in members:
        member = tracked.members.get(name)
        begun = member is not None and member.started_at is not None
        if name not in result.judged and not begun:
            return True
    return False


def _concerned(
    tracked: TrackedStep, known: PreflightRecord | None, found: PreflightRecord
) -> Iterator[str]:
    """Yields the members whose errors differ: what keeps the whole step keeps all that are between
    two actions, and waiting members where a policy enforces preflight."""
    if known is None:
        yield from under_policies(tracked)
        return
    for name in sorted(known.erring() ^ found.erring()):
        member = tracked.members.get(name)
        if member is not None and not isinstance(member, Finished):
            yield name
    if _of_step(known) != _of_step(found):
        yield from under_policies(tracked)


def _of_step(record: PreflightRecord) -> tuple[object, ...]:
    return errors(record.of_plan), record.enforced, record.problem


def _words(found: PreflightRecord) -> str:
    """Returns what was found, the first errors in words."""
    if found.problem:
        return f"preflight: {found.problem}"
    wrong = found.count(FindingSeverity.ERROR)
    counts = [
        counted(wrong, "error"),
        counted(found.count(FindingSeverity.WARNING), "warning"),
        f"{counted(len(found.unknown), 'rule')} unknown",
    ]
    words = [f"preflight: {', '.join(counts)}"]
    words += (
        f"{counted(len(each.clusters), 'cluster') if each.clusters else 'the plan'}: "
        f"{each.message} [{each.rule}]"
        for each in errors(found.findings)[:_NAMED]
    )
    if wrong > _NAMED:
        words.append(f"{counted(wrong - _NAMED, 'more error')}")
    return cut("; ".join(words))
