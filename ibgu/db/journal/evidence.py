"""Records what a decision rests on in the history: only what is present, by short names."""

from typing import Any

from ibgu.core.model import ClusterView, Observation, WorkView

FEEDBACK = "ibu"
"""The history's key for what the object on the cluster has reported, whatever the kind: it is named
after the first one."""


def evidence(seen: Observation) -> dict[str, Any]:
    found: dict[str, Any] = {"cluster": _cluster(seen.cluster)}
    if seen.stage is not None:
        found |= {"work": _work(seen.stage), FEEDBACK: _feedback(seen.stage) | _job(seen)}
    payload = seen.payload_refusal or (seen.payload.apply_error if seen.payload else "")
    return found | _given({"refusal": seen.refusal, "payload": payload})


def _cluster(view: ClusterView | None) -> dict[str, Any]:
    if view is None:
        return {"state": "gone"}
    return {"state": "reachable" if view.reachable else "unreachable", "uid": view.uid}


def _work(work: WorkView) -> dict[str, Any]:
    return _given(
        {
            "version": work.resource_version,
            "generation": work.generation,
            "armed": work.armed,
            "run": work.run,
            "edited": work.edited,
            "terminating": work.terminating,
            "applied": work.applied,
            "error": work.apply_error,
        }
    )


def _feedback(work: WorkView) -> dict[str, Any]:
    manifest = {"applied": work.target_applied, "available": work.target_available}
    return _given(manifest) | (
        _given(work.feedback.recorded()) if work.feedback is not None else {}
    )


def _job(seen: Observation) -> dict[str, Any]:
    """Returns what the work of a Job shows, beside what the object on the cluster does."""
    work = seen.job
    if work is None:
        return {"job": {"refused": seen.job_refusal}} if seen.job_refusal else {}
    recorded = work.job.recorded() if work.job is not None else {}
    return {"job": _given({"run": work.run, "error": work.apply_error} | recorded)}


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}
