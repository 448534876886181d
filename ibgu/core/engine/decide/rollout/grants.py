"""Follows what people grant a rollout: approvals, and glass that they break (R50.13, R50.14)."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.engine.decide import lifecycle
from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.rollout.approved_content import (
    StepContent,
    changes,
    in_plan,
    step_content,
)
from ibgu.core.engine.decide.rollout.step_authors import step_authors
from ibgu.core.engine.gate import policy_gate
from ibgu.core.engine.gates import under_policies
from ibgu.core.model import Kind
from ibgu.core.model.grants import (
    Approval,
    ApprovalPoint,
    ApprovedContent,
    BrokenGlass,
    Grants,
    point_words,
)
from ibgu.core.plan.grants import MAX_GRANTS
from ibgu.core.text.harmless import one_line
from ibgu.core.text.spans import utc

Grant = TypeVar("Grant", Approval, BrokenGlass)
_UNKNOWN = StepContent(None)
_MAX_CHARACTERS = 200
"""Characters that are shown of what somebody has written."""


class _Change(Struct, frozen=True):
    """_Change is what the history says of one grant."""

    kind: Kind
    words: str
    actor: str = ""
    warning: bool = False


def follow_grants(ctx: DecisionContext) -> None:
    """Notes each grant that has come, gone or ended, and decides again on those whom policies keep.
    While grants can't be read, those that are noted stay; so do those that are still there while
    nothing proves who writes them."""
    known, shown = ctx.rollout.grants, ctx.snapshot.grants
    if shown is None:
        shown = known
    elif ctx.snapshot.grants_problem:
        shown = _still_there(known, shown)
    found = Grants(
        tuple(_approvals(ctx, shown.approvals)),
        tuple(_broken_glass(known.broken_glass, shown.broken_glass, ctx.now)),
        tuple(_withdrawn(ctx, known, shown.approvals)),
        step_authors(ctx, partial(step_content, ctx)),
        known.asked,
        unread=shown.unread,
        unread_glasses=shown.unread_glasses,
        unread_until=_later(known.unread_until, shown.unread_until),
    )
    for glass in found.broken_glass:
        if glass.counts(ctx.now) and glass.until is not None:
            ctx.requeue_at("", glass.until)
    if found == known:
        return
    changes = (
        *_of_approvals(known, found),
        *_of_authors(known, found),
        *_of_glass(known, found, _gates(ctx)),
    )
    for change in (*changes, *_unread(known, found)):
        ctx.on_rollout(
            change.kind,
            lifecycle.set_grants(ctx.rollout, found),
            change.words,
            warning=change.warning,
            actor=change.actor,
        )
    tracked = ctx.tracked.current
    if tracked is not None:
        ctx.result.remaining += under_policies(tracked)
    if tracked is not None and _less_is_granted(known, found):
        # What waits for a slot would say so until it is asked again, at its start.
        ctx.result.remaining += [member.cluster for member in tracked.queued()]


def _gates(ctx: DecisionContext) -> frozenset[str]:
    """Returns the names of the gates of policies that could hold the rollout. What a policy demands
    of the engine's own gates is passed by the policy's name, too."""
    demanding = (policy_gate(each.policy) for each in ctx.snapshot.demands)
    return frozenset((*(gate.name for gate in ctx.snapshot.policies), *demanding))


def _still_there(known: Grants, shown: Grants) -> Grants:
    """Returns the grants that are noted and have not been deleted."""
    there = _by_uid(shown.approvals).keys() | _by_uid(shown.broken_glass).keys()
    approvals = tuple(each for each in known.approvals if each.uid in there)
    broken_glass = tuple(each for each in known.broken_glass if each.uid in there)
    return replace(known, approvals=approvals, broken_glass=broken_glass)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((each for each in (one, other) if each is not None), default=None)


def _approvals(ctx: DecisionContext, shown: Iterable[Approval]) -> Iterator[Approval]:
    """Yields the approvals on the hub. What was refused once stays refused: an approval that was
    written before its step was as it is now approves something unknown. A new one is noted once it
    is known what it approves."""
    known = _by_uid(ctx.rollout.grants.approvals)
    contents: dict[int, StepContent] = {}
    for each in shown:
        found = known.get(each.uid)
        if found is not None and found.refused:
            yield found
            continue
        content = _content(ctx, contents, each)
        if found is not None:
            yield _unless_changed(each, found.content, content.approved)
        elif refused := each.refused or _refused(ctx, each):
            yield replace(each, refused=refused)
        elif content.approved is None or content.unread:
            continue
        elif content.obstacle:
            yield replace(each, refused=f"{content.obstacle}; then approve again")
        else:
            yield replace(each, content=content.approved)


def _content(
    ctx: DecisionContext, contents: dict[int, StepContent], approval: Approval
) -> StepContent:
    """Returns what the step of the approval is now; `contents` has those that were asked for."""
    if in_plan(ctx, approval) and approval.step not in contents:
        contents[approval.step] = step_content(ctx, approval.step)
    return contents.get(approval.step, _UNKNOWN)


def _withdrawn(
    ctx: DecisionContext, known: Grants, shown: Iterable[Approval]
) -> Iterator[Approval]:
    """Yields the approvals that have counted and are gone, one of each point: that of the content
    which has changed since, or else the newest. What was approved must not become another thing
    behind those that have begun."""
    contents: dict[int, StepContent] = {}
    had_content = (each for each in _gone(known.approvals, shown) if each.content is not None)
    kept: dict[tuple[int, str], Approval] = {}
    for each in (*known.withdrawn, *had_content):
        if each.point not in kept or not kept[each.point].changed:
            kept[each.point] = each
    for each in kept.values():
        if each.refused:
            yield each
        else:
            yield _unless_changed(each, each.content, _content(ctx, contents, each).approved)


def _unless_changed(
    approval: Approval, then: ApprovedContent | None, now: ApprovedContent | None
) -> Approval:
    """Returns the approval of what the step was then; refused, if that is known to have changed."""
    changed = changes(then, now)
    refused = f"{changed}: approve it again" if changed else approval.refused
    return replace(approval, content=then, refused=refused, changed=changed != "")


def _refused(ctx: DecisionContext, approval: Approval) -> str:
    """Returns why an approval that is new to ibgu does not count. What the plan was like when one
    was written that could not be read then is not known."""
    unread_until, number = ctx.rollout.grants.unread_until, approval.step + 1
    if unread_until is not None and (approval.created is None or approval.created <= unread_until):
        return (
            f"ibgu did not read it when it was written: {MAX_GRANTS} others were older, or the "
            "journal was lost since; write it again"
        )
    if not in_plan(ctx, approval):
        return f"the plan had no step {number} when ibgu saw it"
    if approval.before in {*ApprovalPoint, *ctx.rollout.spec.plan[approval.step].actions}:
        return ""
    return f"step {number} has no {_shown(approval.before)}"


def _broken_glass(
    known: Iterable[BrokenGlass], shown: Iterable[BrokenGlass], now: datetime
) -> Iterator[BrokenGlass]:
    """Yields what is broken on the hub. What has ended stays so, whatever the clock does."""
    before = _by_uid(known)
    for each in shown:
        found = before.get(each.uid, each)
        if found.refused or found.ended:
            yield found
        else:
            yield replace(each, ended=not (each.refused or each.counts(now)))


def _of_approvals(known: Grants, found: Grants) -> Iterator[_Change]:
    for each in _new(known.approvals, found.approvals):
        what = f"{_point(each)}{_said(each.comment)}"
        if each.refused:
            words = f"the approval of {what} by {_shown(each.user)} does not count: {each.refused}"
            yield _Change(Kind.APPROVAL, words, _shown(each.user), warning=True)
        else:
            words = f"{_shown(each.user)} approves {what}"
            yield _Change(Kind.APPROVAL, words, _shown(each.user))
    for each in _gone(known.approvals, found.approvals):
        words = f"the approval of {_point(each)} by {_shown(each.user)} was deleted"
        yield _Change(Kind.APPROVAL, words)
    for each in _new(known.withdrawn, found.withdrawn):
        if each.changed and each.uid in _by_uid(known.withdrawn):
            words = f"{_point(each)} is another one than {_shown(each.user)} had approved"
            yield _Change(Kind.APPROVAL, f"{words}: {each.refused}", warning=True)


def _of_authors(known: Grants, found: Grants) -> Iterator[_Change]:
    """Yields what has become of the authors of steps. Nobody knows who has changed a step."""
    before, after = ({each.step: each for each in of.authors} for of in (known, found))
    for step, each in after.items():
        user, what = _shown(each.user), point_words(step + 1, ApprovalPoint.STEP)
        if each == before.get(step):
            continue
        if each.changed:
            words = f"{what} is another one than {user} has written"
            words += ": one person more must approve it"
            yield _Change(Kind.APPROVAL, words, warning=True)
        else:
            yield _Change(Kind.APPROVAL, f"{user} is the author of {what}", user)
    for step, each in before.items():
        if step not in after:
            words = f"{_shown(each.user)} is no longer named as the author of step {step + 1}"
            yield _Change(Kind.APPROVAL, words)


def _of_glass(known: Grants, found: Grants, gates: Collection[str]) -> Iterator[_Change]:
    """Yields what has changed; `gates`: the names of those that could hold the rollout."""
    for each in _new(known.broken_glass, found.broken_glass):
        words = _broken(each)
        absent = [gate for gate in each.gates if gate not in gates]
        if absent and not (each.refused or each.ended):
            words += f"; no gate {_shown(' or '.join(absent))} can hold the rollout now"
        yield _Change(Kind.BREAK_GLASS, words, _shown(each.user), warning=True)
    for each in _whole_again(known, found):
        closed = _shown(", ".join(each.gates))
        words = f"{closed} keeps the rollout again, which {_shown(each.user)} had let it pass"
        yield _Change(Kind.BREAK_GLASS, words)
    for each in _gone(known.broken_glass, found.broken_glass):
        if each.refused or each.ended:
            yield _Change(Kind.BREAK_GLASS, f"the BreakGlass {each.name}, which is over, is gone")


def _less_is_granted(known: Grants, found: Grants) -> bool:
    """Returns whether gates may have closed that were open for the rollout."""
    there = {each.uid for each in found.approvals if not each.refused}
    lost = [each for each in known.approvals if not each.refused and each.uid not in there]
    return bool([*lost, *_whole_again(known, found)]) or known.authors != found.authors


def _whole_again(known: Grants, found: Grants) -> Iterator[BrokenGlass]:
    """Yields the glass that let the rollout pass, and no longer does."""
    there = _by_uid(found.broken_glass)
    for each in known.broken_glass:
        after = there.get(each.uid)
        if not (each.refused or each.ended) and (after is None or after.ended):
            yield each


def _unread(known: Grants, found: Grants) -> Iterator[_Change]:
    before, unread = (each.unread + each.unread_glasses for each in (known, found))
    if (unread, found.unread_until) == (before, known.unread_until):
        return
    if unread:
        words = f"{unread} of the rollout's approvals and BreakGlasses are not read"
        what = f"of each kind ibgu reads the {MAX_GRANTS} oldest, so delete those of no use"
        yield _Change(Kind.APPROVAL, f"{words}: {what}", warning=True)
    else:
        yield _Change(Kind.APPROVAL, "all approvals and BreakGlasses of the rollout are read")


def _broken(glass: BrokenGlass) -> str:
    user, gates = _shown(glass.user), _shown(", ".join(glass.gates))
    if glass.refused:
        return f"{user} can't let the rollout pass {gates}: {glass.refused}"
    until = utc(glass.until) if glass.until is not None else ""
    why = _said(glass.reason)
    if glass.ended:
        return f"{user} let the rollout pass {gates} until {until}, which is over{why}"
    return f"{user} lets the rollout pass {gates} until {until}{why}"


def _new(known: Iterable[Grant], found: Iterable[Grant]) -> Iterator[Grant]:
    """Yields the grants that have come, or are other ones now: refused, say."""
    before = _by_uid(known)
    for each in found:
        old = before.get(each.uid)
        if old is None or not _same(old, each):
            yield each


def _same(old: Grant, new: Grant) -> bool:
    """Whether nothing but the end of the grant is another one."""
    if isinstance(old, BrokenGlass) and isinstance(new, BrokenGlass):
        return replace(old, ended=new.ended) == new
    return old == new


def _gone(known: Iterable[Grant], found: Iterable[Grant]) -> Iterator[Grant]:
    there = _by_uid(found)
    return (each for each in known if each.uid not in there)


def _by_uid(grants: Iterable[Grant]) -> Mapping[str, Grant]:
    return {each.uid: each for each in grants}


def _point(approval: Approval) -> str:
    return _shown(point_words(approval.step + 1, approval.before))


def _said(words: str) -> str:
    return f": {_shown(words)}" if words else ""


def _shown(words: str) -> str:
    return one_line(words[:_MAX_CHARACTERS])
