"""Describes Prep: health, validation, the stateroot job, the precache job."""

from ibgu.sim.course import Fate
from ibgu.sim.faults import Where
from ibgu.sim.lca.beats import (
    Beat,
    Check,
    Effect,
    JobRuns,
    OpenPhase,
    Script,
    Set,
    Warn,
    beat,
    completed,
    failed,
    say,
)
from ibgu.sim.lca.scripts.health import health_wait, waiting

_PROGRESS_EVERY = 30.0
_MOST_REPORTS = 20

_STATEROOT = (
    "Stateroot setup job in progress. job-name: lca-prep-stateroot-setup, "
    "job-namespace: openshift-lifecycle-agent"
)
_PRECACHE = (
    "Precache job in progress. job-name: lca-prep-precache, "
    "job-namespace: openshift-lifecycle-agent. "
)
_SUCCEEDED = "Prep stage completed successfully"
_WARNED = (
    "Prep stage completed with extramanifests validation warning. Please check the annotation "
    "'extra-manifest.lca.openshift.io/validation-warning' for details."
)


def prep(fate: Fate) -> Script:
    accepted = beat(
        0.0,
        Set("Idle", "False", "InProgress", "In progress"),
        say("Prep", "In progress"),
    )
    wait = health_wait(fate, say("Prep", waiting("Prep stage")), fate.durations["health"])
    if fault := fate.strikes(Where.CHECK):
        return (accepted, *wait, beat(0.0, *failed("Prep", fault.message)))
    warning = fate.strikes(Where.WARNING)
    warns = (Warn(warning.message),) if warning else ()
    return (accepted, *wait, beat(0.0, Check()), beat(0.0, *warns), *_stateroot(fate))


def _stateroot(fate: Fate) -> list[Beat]:
    seconds = fate.durations["stateroot"]
    beats = [
        beat(
            0.0,
            OpenPhase("Stateroot"),
            JobRuns(seconds),
            say("Prep", "Successfully launched a new job for stateroot setup. job is nil"),
        ),
        beat(seconds * 0.1, say("Prep", _STATEROOT)),
    ]
    if fault := fate.strikes(Where.STATEROOT):
        return [*beats, beat(seconds * 0.9, *failed("Prep", fault.message))]
    return [*beats, *_precache(fate, seconds * 0.9)]


def _precache(fate: Fate, after: float) -> list[Beat]:
    launched = beat(
        after,
        OpenPhase("Precache"),
        say("Prep", "Successfully launched a new job precache. job is nil"),
    )
    if fault := fate.strikes(Where.PRECACHE):
        return [launched, *_pulling(fate, 3, failed("Prep", fault.message))]
    done = completed("Prep", _WARNED if fate.strikes(Where.WARNING) else _SUCCEEDED)
    return [launched, *_pulling(fate, 0, (OpenPhase(""), *done))]


def _pulling(fate: Fate, failing: int, end: tuple[Effect, ...]) -> list[Beat]:
    """Progress reports at LCA's own pace, but never too many of them, and how it ends."""
    seconds = fate.durations["precache"]
    reports = max(1, min(int(seconds / (_PROGRESS_EVERY * fate.scale)), _MOST_REPORTS))
    every = seconds / (reports + 0.1)
    progress = (
        say("Prep", _progress(fate.images, fate.images * n // reports, failing))
        for n in range(reports)
    )
    return [
        beat(every * 0.1, next(progress)),
        *(beat(every, step) for step in progress),
        beat(every, *end),
    ]


def _progress(total: int, pulled: int, failing: int) -> str:
    if not pulled:
        return f"{_PRECACHE}No precache status file to read yet."
    return f"{_PRECACHE}total: {total} (pulled: {pulled}, failed: {failing})"
