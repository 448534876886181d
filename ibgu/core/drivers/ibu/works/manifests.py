"""The manifests of a stage work: what the work agent applies, or only watches."""

from collections.abc import Sequence

from msgspec import Raw, json, to_builtins

from ibgu.core.drivers.ibu import feedback, names
from ibgu.core.drivers.ibu.actions import action_named
from ibgu.core.drivers.ibu.observe.ibu_view import IbuView
from ibgu.core.drivers.ibu.observe.verdict import repeats_cleanup
from ibgu.core.engine.driver import Target
from ibgu.core.model import Rollout, Run, traits
from ibgu.core.model.kinds import IbuSpec, JsonObject
from ibgu.core.model.names import GENERATION, RUN

DISARMED_STAGE = "Disarmed"
"""Outside the IBU's enum: a missing IBU can't be created from it, an existing one is only read."""

_CLEANED_PATH = r".metadata.annotations.lca\.openshift\.io/manual-cleanup-done"

# The same rules as TALM's: under one name they must be equal, or the works would flip them.
IBU_ROLE = Raw(
    json.encode(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {
                "name": "open-cluster-management:klusterlet-work:ibu-role",
                "labels": {"open-cluster-management.io/aggregate-to-work": "true"},
            },
            "rules": [
                {
                    "apiGroups": [names.GROUP],
                    "resources": [names.RESOURCE],
                    "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"],
                }
            ],
        }
    )
)

TARGET = Target(
    group=names.GROUP,
    kind=names.KIND,
    resource=names.RESOURCE,
    name=names.NAME,
    paths=tuple(
        Raw(json.encode({"name": name, "path": path})) for name, path in feedback.PATHS.items()
    ),
    probe_path=feedback.PATHS[feedback.STAGE],
)


def armed_ibu(rollout: Rollout, run: Run, seen: IbuView | None) -> JsonObject:
    """Returns the whole spec: the Update strategy drops every field that the manifest lacks.
    `seen`: the cluster's, on which the arming rests. A run that does a part only marks the object:
    with the stage it could undo what a person has asked for meanwhile."""
    if traits(run.action).part_of:
        metadata = {"name": names.NAME, "annotations": {RUN: run.id}}
        return {"apiVersion": names.VERSION, "kind": names.KIND, "metadata": metadata}
    spec = ibu_spec(rollout.spec.ibu_spec)
    spec["stage"] = traits(run.action).stage
    cleaned = {names.MANUAL_CLEANUP_DONE: rollout.name} if _cleaned(rollout, run, seen) else {}
    return _ibu({**rollout.annotations, **cleaned, RUN: run.id}, spec)


def consumed_fields(rollout: Rollout, run: Run, seen: IbuView | None) -> Sequence[str]:
    """Returns the path of the annotation that the Lifecycle Agent removes before it cleans up."""
    return (_CLEANED_PATH,) if _cleaned(rollout, run, seen) else ()


def _cleaned(rollout: Rollout, run: Run, seen: IbuView | None) -> bool:
    """Whether the cluster learns of a clean-up by hand (R45.2). One that waits for no such word
    would keep it, and a clean-up that fails there later would count as done by hand."""
    action = action_named(run.action)
    return seen is not None and action is not None and repeats_cleanup(seen, action, rollout)


def disarmed_ibu(generation: int) -> JsonObject:
    """Returns the IBU to watch. `generation` makes every write differ; the annotation never reaches
    the cluster."""
    return _ibu({GENERATION: str(generation)}, {"stage": DISARMED_STAGE})


def _ibu(annotations: dict[str, str], spec: JsonObject) -> JsonObject:
    metadata = {"name": names.NAME, "annotations": annotations}
    return {"apiVersion": names.VERSION, "kind": names.KIND, "metadata": metadata, "spec": spec}


def ibu_spec(spec: IbuSpec) -> JsonObject:
    """Returns the spec without empty fields: the Lifecycle Agent's own update would drop an empty
    one, and the CRD refuses that as a change."""
    bare = _without_empty(to_builtins(spec))
    assert isinstance(bare, dict)
    return bare


def _without_empty(value: object) -> object:
    if isinstance(value, dict):
        kept = {key: _without_empty(part) for key, part in value.items()}
        return {key: part for key, part in kept.items() if part}
    if isinstance(value, list):
        return [_without_empty(part) for part in value]
    return value
