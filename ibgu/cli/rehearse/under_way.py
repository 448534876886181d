"""The rest of a rollout, by the answers of the REST API."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta

from msgspec import Struct

from ibgu.client import RestError
from ibgu.client.responses import MemberResponse, StepResponse, ViewResponse
from ibgu.core.drivers import declared, traits
from ibgu.core.model import Cause, ClusterView, MemberState, Outcome, RunResult
from ibgu.core.rehearsal.model import NEVER, BegunStep, MemberNow, Standing
from ibgu.core.text.harmless import one_line

_OUTCOMES = {
    Outcome.SUCCEEDED: Standing.SUCCEEDED,
    Outcome.FAILED: Standing.FAILED,
    Outcome.SKIPPED: Standing.LEFT,
    Outcome.CANCELLED: Standing.LEFT,
}


class UnderWay(Struct, frozen=True):
    """UnderWay is where a rollout is now."""

    now: datetime
    begun: tuple[BegunStep, ...]
    gone: tuple[ClusterView, ...]
    """The members' clusters that the hub does not have any more."""
    assumed: tuple[str, ...]
    """What the rehearsal takes for granted, as sentences."""


def under_way(
    view: ViewResponse, members: Iterable[MemberResponse], clusters: Collection[str]
) -> UnderWay:
    """Returns where the rollout is; `clusters`: the names of those on the hub. Raises RestError if
    nothing is left of it."""
    begun = [step for step in view.steps if step.started_at is not None]
    if view.rollout.completed_at or view.rollout.deleted_at:
        name, where = view.rollout.name, view.rollout.namespace
        raise RestError(
            f"nothing of {name} is left to rehearse: it has ended; see how by: ibgu report {name} "
            f"-n {where}"
        )
    of: dict[int, list[MemberResponse]] = {step.step: [] for step in begun}
    for each in members:
        if each.step in of:  # else it began after the view was read
            of[each.step].append(each)
    names = {each.cluster for found in of.values() for each in found}
    steps = tuple(_begun(step, of[step.step], view.now) for step in begun)
    gone = names - set(clusters)
    return UnderWay(
        view.now, steps, tuple(map(_gone, sorted(gone))), tuple(_assumed(view, steps, gone))
    )


def _begun(step: StepResponse, members: Iterable[MemberResponse], now: datetime) -> BegunStep:
    return BegunStep(
        _seconds(step.started_at, now),
        [_member(each, step.actions, now) for each in members],
        _seconds(step.finished_at, now) if step.finished_at else None,
        _stood(step),
    )


def _stood(step: StepResponse) -> float:
    """Returns for how long the step's clock has stood, if its deadline is known."""
    if step.eta is None or step.started_at is None:
        return 0.0
    own = step.started_at + timedelta(minutes=step.timeout_minutes)
    return max(0.0, (step.eta.limit - own).total_seconds())


def _member(found: MemberResponse, actions: tuple[str, ...], now: datetime) -> MemberNow:
    started = _seconds(found.started_at, now) if found.started_at else -NEVER
    if found.state == MemberState.WAITING:
        return MemberNow(found.cluster)
    if found.state == MemberState.IN_FLIGHT:
        run, limit = found.run, found.limit
        going = run is not None and run.ended_at is None
        return MemberNow(
            found.cluster,
            Standing.UNDER_WAY if going else Standing.KEPT,
            min(len(found.completed), len(actions) - 1),
            _seconds(run.arming_at or run.intended_at, now) if run and going else 0.0,
            started,
            (limit - now).total_seconds() if limit else NEVER,
        )
    # One whose action was completed late has failed at the next one, with the cause of both.
    tried = found.run is not None and found.run.result != RunResult.WITHDRAWN
    never = found.cause == Cause.NEVER_STARTED and not tried
    return MemberNow(
        found.cluster,
        Standing.NEVER_STARTED if never else _OUTCOMES[Outcome(found.outcome or "")],
        actions.index(found.failed_action) if found.failed_action in actions else 0,
        _seconds(found.ended_at, now),
        started,
        timed_out=found.cause == Cause.TIMED_OUT,
        begun=_has_begun(found),
    )


def _has_begun(found: MemberResponse) -> bool:
    """Whether the cluster may have done anything of the step. A run that was withdrawn has only
    asked it for something if it may reboot all the same."""
    run = found.run
    if run is None:
        return False
    sent = run.arming_at is not None
    asked = sent and run.result != RunResult.WITHDRAWN
    reboots = declared(run.action) and traits(run.action).reboots_nodes
    rebooted = reboots and (sent or run.attempt > 1)
    return asked or rebooted or not all(done.note for done in found.completed)


def _seconds(at: datetime | None, now: datetime) -> float:
    """Returns the time as one of the rehearsal, in which `now` is 0."""
    return min(0.0, (at - now).total_seconds()) if at else 0.0


def _gone(name: str) -> ClusterView:
    """Returns a cluster that no step to come selects."""
    return ClusterView(
        name=name, uid="", accepted=False, deleting=True, reachable=False, local=False
    )


def _assumed(
    view: ViewResponse, steps: tuple[BegunStep, ...], gone: Collection[str]
) -> Iterator[str]:
    for hold in (view.rollout.hold, *(step.hold for step in view.steps)):
        if hold is not None:
            yield (
                "a person ends the present hold now, so that earlier failures count no longer: "
                f"{one_line(hold.message)}"
            )
    late = sum(each.timed_out for step in steps for each in step.members)
    if late:
        yield f"clusters whose time was over do not complete late ({late} so far)"
    waiting = sum(
        each.cluster in gone and each.standing in (Standing.WAITING, Standing.UNDER_WAY)
        for step in steps[-1:]
        if step.ended is None
        for each in step.members
    )
    if waiting:
        yield (
            f"clusters that the hub does not have any more go on like others ({waiting} of the "
            "present step)"
        )
    running = [step for step in view.steps if step.started_at and not step.finished_at]
    for step in running:
        if step.eta is None:
            yield (
                f"the clock of step {step.step} has never stood: the durations measured so far do "
                "not say when its time is over"
            )
