"""Records what a decision rests on in the history: only what is present, by short names."""

from typing import Any

from ibgu.core.model import ClusterView, IbuCondition, IbuView, Observation, WorkView

_CONDITIONS = {
    "Idle": "idle",
    "PrepInProgress": "prep_in_progress",
    "PrepCompleted": "prep_completed",
    "UpgradeInProgress": "upgrade_in_progress",
    "UpgradeCompleted": "upgrade_completed",
    "RollbackInProgress": "rollback_in_progress",
    "RollbackCompleted": "rollback_completed",
}


def evidence(seen: Observation) -> dict[str, Any]:
    found: dict[str, Any] = {"cluster": _cluster(seen.cluster)}
    if seen.stage is not None:
        found |= {"work": _work(seen.stage), "ibu": _ibu(seen.stage)}
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


def _ibu(work: WorkView) -> dict[str, Any]:
    manifest = {"applied": work.ibu_applied, "available": work.ibu_available}
    return _given(manifest) | (_values(work.ibu) if work.ibu is not None else {})


def _values(ibu: IbuView) -> dict[str, Any]:
    conditions = {name: _told(getattr(ibu, field)) for name, field in _CONDITIONS.items()}
    return _given(
        {
            "stage": ibu.stage,
            "run": ibu.run,
            "generation": ibu.generation,
            "observed": ibu.observed_generation,
            "next": sorted(ibu.next_stages),
            "seed": [ibu.seed_image, ibu.seed_version] if ibu.seed_image else None,
            "conditions": _given(conditions),
        }
    )


def _told(condition: IbuCondition) -> str:
    """Returns status and reason, such as "False Failed"."""
    return f"{condition.status} {condition.reason}".strip()


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}
