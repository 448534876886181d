"""Describes Prep: health, validation, the stateroot job, the precache job."""

from ibgu.sim.attempts import StageAttempt
from ibgu.sim.faults import FaultPoint
from ibgu.sim.lca.script_steps import (
    AnnotateWarning,
    Effect,
    JobRuns,
    OpenPhase,
    Script,
    ScriptStep,
    SetCondition,
    UnpackSeed,
    ValidateSpec,
    beat,
    completed,
    failed,
    say,
)
from ibgu.sim.lca.scripts.health import health_wait, waiting

_PROGRESS_EVERY = 30.0
_MAX_REPORTS = 20

_STATEROOT = (
    "Stateroot setup job in progress. job-name: lca-prep-stateroot-setup, "
    "job-namespace: openshift-lifecycle-agent"
)
_STATEROOT_FAILED = (
    "stateroot setup job failed to complete. job-name: lca-prep-stateroot-setup, "
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


def prep(attempt: StageAttempt) -> Script:
    accepted = beat(
        0.0,
        SetCondition("Idle", "False", "InProgress", "In progress"),
        say("Prep", "In progress"),
    )
    wait = health_wait(attempt, say("Prep", waiting("Prep stage")), attempt.durations["health"])
    if fault := attempt.active_fault(FaultPoint.CHECK):
        return (accepted, *wait, beat(0.0, *failed("Prep", fault.message)))
    warning = attempt.active_fault(FaultPoint.WARNING)
    warns = (AnnotateWarning(warning.message),) if warning else ()
    return (accepted, *wait, beat(0.0, ValidateSpec()), beat(0.0, *warns), *_stateroot(attempt))


def _stateroot(attempt: StageAttempt) -> list[ScriptStep]:
    seconds = attempt.durations["stateroot"]
    beats = [
        beat(
            0.0,
            OpenPhase("Stateroot"),
            JobRuns(seconds),
            say("Prep", "Successfully launched a new job for stateroot setup. job is nil"),
        ),
        beat(seconds * 0.1, say("Prep", _STATEROOT)),
    ]
    if fault := attempt.active_fault(FaultPoint.STATEROOT):
        return [*beats, beat(seconds * 0.9, *failed("Prep", fault.message))]
    return [*beats, beat(seconds * 0.9, UnpackSeed(_STATEROOT_FAILED)), *_precache(attempt)]


def _precache(attempt: StageAttempt) -> list[ScriptStep]:
    launched = beat(
        0.0,
        OpenPhase("Precache"),
        say("Prep", "Successfully launched a new job precache. job is nil"),
    )
    if fault := attempt.active_fault(FaultPoint.PRECACHE):
        return [launched, *_pulling(attempt, 3, failed("Prep", fault.message))]
    done = completed("Prep", _WARNED if attempt.active_fault(FaultPoint.WARNING) else _SUCCEEDED)
    return [launched, *_pulling(attempt, 0, (OpenPhase(""), *done))]


def _pulling(attempt: StageAttempt, failing: int, end: tuple[Effect, ...]) -> list[ScriptStep]:
    """Progress reports at LCA's own pace, but never too many of them, and how it ends."""
    seconds = attempt.durations["precache"]
    reports = max(1, min(int(seconds / (_PROGRESS_EVERY * attempt.scale)), _MAX_REPORTS))
    every = seconds / (reports + 0.1)
    progress = (
        say("Prep", _progress(attempt.images, attempt.images * n // reports, failing))
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
