"""Rebuilds a rollout that the journal has lost, wholly or in part, from what the hub shows.

Every record that is created or changed here is journaled as imported. Nothing unproven is begun:
unless the whole plan is known to be completed, the rollout is held until a person resumes it.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.engine.decide.restored import RESUME, restored
from ibgu.core.engine.decide.rollout.skippable import ALL_WAITING, named
from ibgu.core.engine.driver import Driver
from ibgu.core.engine.state import FleetState, TrackedRollout, TrackedStep
from ibgu.core.model import (
    Decision,
    Finished,
    Kind,
    Member,
    OnMember,
    OnPendingPatch,
    OnRollout,
    OnStep,
    Rollout,
    RolloutState,
    Step,
    names,
)
from ibgu.core.model.grants import Grants, StepAuthor
from ibgu.core.model.kinds import RolloutObject
from ibgu.core.model.records import restore_mark
from ibgu.core.model.transitions import import_pause
from ibgu.core.recover.found import FoundRollout
from ibgu.core.recover.holding import acted_on
from ibgu.core.recover.member_signs import MemberSigns, ResumedMember, member_from_signs
from ibgu.core.recover.members import (
    ACTOR,
    changes_of,
    new_member,
    with_slots,
    without_cluster,
)
from ibgu.core.recover.pauses import may_be_paused
from ibgu.core.recover.placing import StepPart
from ibgu.core.recover.runs import FROM_HUB
from ibgu.core.recover.steps import StepLayout, lay_out, new_members, record


class _RebuildInput(Struct, frozen=True):
    driver: Driver
    tracked: TrackedRollout
    fleet: FleetState
    found: FoundRollout
    layout: StepLayout
    now: datetime

    def over(self, index: int) -> bool:
        return self.found.status.complete or index < self.layout.steps - 1


def rebuild(
    driver: Driver,
    rollout: Rollout,
    found: FoundRollout,
    fleet: FleetState,
    why: str,
    now: datetime,
) -> Iterator[Decision]:
    """Returns the decisions that bring the journal up to what the hub shows.

    `rollout` is the journal's record, or a new one; `why`: what the journal did not know.
    """
    tracked = fleet.rollouts.get(rollout.uid) or TrackedRollout(rollout)
    layout = lay_out(tracked, found, fleet.foreign_runs)
    basis = _RebuildInput(driver, tracked, fleet, found, layout, now)
    yield _imported(basis, why)
    changed: dict[str, None] = {}
    for index in range(basis.layout.steps):
        for decision in _step(basis, index):
            if isinstance(decision, OnMember):
                changed[decision.member.uid] = None
            yield decision
    yield from _outdated_patches(fleet, changed)


def _outdated_patches(fleet: FleetState, changed: Iterable[str]) -> Iterator[OnPendingPatch]:
    """Yields the clusters whose pending patches are outdated: the hub shows what came after them,
    and may have lost their labels again since (R13.2)."""
    for uid in changed:
        if (pending := fleet.pending_patches.get(uid)) is not None:
            nothing = replace(pending, labels={}, annotations={})
            words = f"{FROM_HUB}: what was pending is older than what the hub shows"
            yield OnPendingPatch(Kind.LABELS_UPDATED, nothing, words)


def _imported(basis: _RebuildInput, why: str) -> OnRollout:
    found, rollout, now = basis.found, basis.tracked.rollout, basis.now
    begun = now if basis.layout.steps else None
    rollout = replace(
        _with_spec(basis.driver, rollout, found),
        controls=_controls(rollout, found.object),
        grants=_grants(rollout, found.object, now),
        started_at=rollout.started_at or found.status.started_at or begun,
    )
    if found.status.complete:
        done = found.status.completed_at or now
        rollout = replace(rollout, state=RolloutState.COMPLETE, completed_at=done, hold=None)
        return OnRollout(Kind.IMPORTED, rollout, f"{FROM_HUB}: {why}", actor=ACTOR)
    hold = restored(_held_words(why), now)
    state = RolloutState.RUNNING if begun else RolloutState.PENDING
    rollout = replace(rollout, state=state, hold=hold, restore=restore_mark(now), completed_at=None)
    words = f"{FROM_HUB}: {hold.message}"
    return OnRollout(Kind.IMPORTED, rollout, words, warning=True, actor=ACTOR)


def _controls(rollout: Rollout, found: RolloutObject) -> dict[str, str]:
    """Returns the controls that count as acted on: all but a skip of clusters by name. The status
    does not tell who was skipped, so they wait again; to skip them once more is safe."""
    controls = acted_on(rollout, found)
    skipped = named(found.metadata.annotations.get(names.SKIP, ""))
    if skipped and skipped[0] != ALL_WAITING:
        controls.pop(names.SKIP)
        if (known := rollout.controls.get(names.SKIP)) is not None:
            controls[names.SKIP] = known
    return controls


def _grants(rollout: Rollout, found: RolloutObject, now: datetime) -> Grants:
    """Returns the grants as far as they are known: of no author that the journal does not have is
    it known what they have written."""
    known, given = rollout.grants, found.metadata.annotations
    noted = {(each.step, each.user) for each in known.authors}
    named = {step: given.get(names.step_author(step), "") for step in range(len(found.spec.plan))}
    unknown = [
        StepAuthor(step, user, changed=True)
        for step, user in named.items()
        if user and (step, user) not in noted
    ]
    kept = [each for each in known.authors if named.get(each.step) == each.user]
    authors = tuple(sorted([*kept, *unknown], key=lambda each: each.step))
    return replace(known, authors=authors, unread_until=now)


def _with_spec(driver: Driver, rollout: Rollout, found: FoundRollout) -> Rollout:
    """Returns the rollout with the last accepted spec, where the status proves which one that
    was."""
    meta = found.object.metadata
    if rollout.generation and found.status.generation != meta.generation:
        return rollout
    return replace(
        rollout,
        spec=found.object.spec,
        generation=found.status.generation or meta.generation,
        annotations=driver.annotations(meta.annotations),
    )


def _held_words(why: str) -> str:
    return (
        f"the journal was lost, or restored to an earlier time ({why}): what the hub shows is "
        f"imported, and nothing starts; compare it with the clusters, {RESUME}"
    )


def _step(basis: _RebuildInput, index: int) -> Iterator[Decision]:
    over, tracked_rollouts = basis.over(index), basis.tracked.steps
    known = tracked_rollouts[index] if index < len(tracked_rollouts) else None
    step = record(basis.found, basis.tracked.rollout.uid, index, known, over, basis.now)
    if known is None:
        step = replace(step, across_namespaces=basis.fleet.across_namespaces)
    members = _members(basis, step, known)
    step = replace(step, total=len(members))
    if known is None or known.step != step:
        words = f"{FROM_HUB}: step {index + 1} {'is finished' if over else 'has begun'}"
        yield OnStep(Kind.IMPORTED, step, words, actor=ACTOR)
    before = known.members if known else {}
    for member in members:
        yield from changes_of(before.get(member.cluster), member, basis.now)


def _members(basis: _RebuildInput, step: Step, known: TrackedStep | None) -> list[Member]:
    over = basis.over(step.index)
    before = sorted(known.members.values(), key=lambda m: m.position) if known else []
    place = before[-1].position + 1 if before else 0
    new = new_members(basis.found, basis.layout, step.index, known, over)
    fresh = [
        new_member(step, name, basis.found.cluster(name), place + offset, basis.now)
        for offset, name in enumerate(new)
    ]
    members = [_rebuilt_member(basis, step, member) for member in (*before, *fresh)]
    traces = basis.layout.traces[step.index]
    return with_slots(step, members, basis.fleet, traces, basis.now)


def _rebuilt_member(basis: _RebuildInput, step: Step, member: Member) -> Member | ResumedMember:
    layout, view = basis.layout, basis.found.cluster(member.cluster)
    trace = layout.traces[step.index].get(member.cluster)
    signs = MemberSigns(
        now=basis.now,
        told_at=min(basis.found.status.written_at or basis.now, basis.now),
        over=basis.over(step.index),
        part=layout.parts[step.index].get(member.cluster, StepPart()),
        trace=trace,
        created_at=basis.tracked.rollout.created_at,
        labels=view.labels if view is not None and view.uid == member.uid else {},
    )
    if trace is not None and not isinstance(member, Finished):
        asked = replace(basis.tracked.rollout, spec=basis.found.object.spec)
        if may_be_paused(basis.driver, asked, trace):
            member = import_pause(member, basis.now)
    return without_cluster(member_from_signs(member, step.actions, signs), basis.now)
