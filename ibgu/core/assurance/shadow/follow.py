"""Follows one run by one observation after the other. Pure; a repeated observation adds nothing."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.assurance.shadow.evidence import conclude, symptom_of
from ibgu.core.assurance.shadow.records import ShadowNote, ShadowOutcome, ShadowRun, ShadowVerdict
from ibgu.core.drivers import traits
from ibgu.core.engine.timing.times import SETTLE
from ibgu.core.model import ActionName
from ibgu.core.talm import TalmGroup, TalmWork
from ibgu.core.talm import names as talm

NOTES = 60
"""Lines of history that a run keeps: those of its start and the newest."""


class TalmObservation(Struct, frozen=True):
    """The hub's view of one action of one cluster."""

    work: TalmWork | None
    """TALM's ManifestWork for this very action."""
    group: TalmGroup | None
    """The ClusterGroupUpgrade; None: it is gone."""
    reachable: bool
    """ManagedClusterConditionAvailable is True."""
    words: str = ""
    """TALM's message in the IBGU's `failedActions`."""


def begin(rollout: str, step: int, action: ActionName, work: TalmWork, now: datetime) -> ShadowRun:
    """Returns the record of an action at first sight."""
    since = work.created or now
    return ShadowRun(
        rollout=rollout,
        step=step,
        cluster=work.cluster,
        action=action,
        work=work.name,
        since=since,
        notes=(ShadowNote(since, f"TALM asks the cluster for {action}"),),
    )


def follow(run: ShadowRun, seen: TalmObservation, now: datetime) -> ShadowRun:
    """Returns the run after the observation; the cluster's evidence counts before TALM's status."""
    run = _reach(run, seen, now)
    if seen.work is not None and run.gone_at is None:
        run = _probe(run, seen.work, now)
    if run.talm is None:
        run = _ask_talm(run, seen, now)
    return _leave(run, seen, now)


def due(run: ShadowRun) -> datetime | None:
    """Returns when to look again though nothing changes: a symptom becomes a failure then."""
    if run.symptom is None or run.ibgu is not None or run.gone_at is not None:
        return None
    return run.symptom.since + SETTLE if run.reachable else None


def _reach(run: ShadowRun, seen: TalmObservation, now: datetime) -> ShadowRun:
    """Updates reachability; time without it does not count for a symptom."""
    if seen.reachable == run.reachable or run.gone_at is not None:
        return run
    text = "the cluster is reachable" if seen.reachable else _unreachable(run.action)
    return _note(replace(run, reachable=seen.reachable, symptom=None), now, text)


def _unreachable(action: ActionName) -> str:
    also = ", as it must be while it reboots" if traits(action).reboots else ""
    return f"the cluster is not reachable{also}"


def _probe(run: ShadowRun, work: TalmWork, now: datetime) -> ShadowRun:
    if work.words != run.words and work.words:
        run = _note(replace(run, words=work.words, words_at=now), now, work.words)
    if not run.reachable or run.ibgu is not None:
        return run
    symptom = symptom_of(run, work, now)
    if symptom is not None and (run.symptom is None or run.symptom.kind is not symptom.kind):
        run = _note(run, now, symptom.message)
    run = replace(run, symptom=symptom)
    outcome = conclude(run, work, now)
    return run if outcome is None else _conclude(run, outcome)


def _conclude(run: ShadowRun, outcome: ShadowOutcome) -> ShadowRun:
    if outcome.verdict is ShadowVerdict.SUCCEEDED:
        return _note(replace(run, ibgu=outcome), outcome.at, f"{run.action} has succeeded")
    text = f"ibgu would have failed {run.action} here, with: {outcome.message or outcome.cause}"
    return _note(replace(run, ibgu=outcome), outcome.at, text)


def _ask_talm(run: ShadowRun, seen: TalmObservation, now: datetime) -> ShadowRun:
    group = seen.group
    if group is None:
        return run
    index = group.actions.index(run.action)
    behind = group.progress.get(run.cluster, 0) > index
    ended = group.ended.get(run.cluster)
    if not behind and ended == talm.TIMED_OUT and _timed_out_here(run, group):
        words = seen.words or group.words.get(run.cluster, "")
        outcome = ShadowOutcome(ShadowVerdict.FAILED, now, None, words)
        return _note(replace(run, talm=outcome), now, f"TALM: timed out{_quoted(words)}")
    if behind or ended is not None:
        outcome = ShadowOutcome(ShadowVerdict.SUCCEEDED, now)
        return _note(replace(run, talm=outcome), now, f"TALM: {run.action} completed")
    return run


def _timed_out_here(run: ShadowRun, group: TalmGroup) -> bool:
    """Whether the timeout is of this action: TALM names it, unless it lost sight of the work."""
    return group.timed_out_in.get(run.cluster, run.action) == run.action


def _quoted(words: str) -> str:
    return f", {words}" if words else ""


def _leave(run: ShadowRun, seen: TalmObservation, now: datetime) -> ShadowRun:
    """Notes that the work is gone, which happens with the next action or the batch's end, and that
    the place is free."""
    group = seen.group
    if run.batch == 0 and group is not None:
        run = replace(run, batch=group.batch_of(run.cluster))
    if run.gone_at is None and (seen.work is None or seen.work.terminating):
        run = _note(replace(run, gone_at=now), now, "TALM has taken its ManifestWork away")
    over = group is None or group.finished or 0 < run.batch < group.batch
    if over and run.freed_at is None:
        run = replace(run, freed_at=now)
    return run


def _note(run: ShadowRun, at: datetime, text: str) -> ShadowRun:
    notes = (*run.notes, ShadowNote(at, " ".join(text.split())))
    if len(notes) > NOTES:
        first = 1 + len(run.holds)
        notes = (*notes[:first], *notes[len(notes) - NOTES + first :])
    return replace(run, notes=notes)
