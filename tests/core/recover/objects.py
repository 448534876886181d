"""Objects as a hub shows them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from msgspec import Raw, json

from ibgu.core.drivers.ibu import IBU
from ibgu.core.engine.state import FleetState, TrackedRollout
from ibgu.core.engine.works import shown_work
from ibgu.core.model import ClusterView, Member, Rollout, Step, WorkView, names
from ibgu.core.model.kinds import (
    Condition,
    FeedbackValue,
    FieldValue,
    LabelSelector,
    ManagedFields,
    ManagedFieldsMeta,
    ManifestCondition,
    ManifestWork,
    ObjectMeta,
    PlanItem,
    ResourceMeta,
    ResourceStatus,
    RolloutObject,
    RolloutSpec,
    RolloutStrategy,
    StatusFeedback,
    WorkStatus,
)
from ibgu.core.model.names import stage_name
from ibgu.core.model.shown import HubObject

UID = "uid-a"
OURS = ManagedFields(manager="ibgu", operation="Update", subresource="status")


def obj(
    *steps: str,
    status: Any = None,
    by: ManagedFields = OURS,
    most: int = 10,
    **meta: Any,
) -> RolloutObject:
    """Each step as "Prep Upgrade"; `status` as on the wire, written by `by`."""
    strategy = RolloutStrategy(max_concurrency=most)
    plan = [PlanItem(step.split(), strategy) for step in steps or ("Prep",)]
    fields = {"name": "a", "namespace": "fleet", "uid": UID, "generation": 1, **meta}
    found = ManagedFieldsMeta(**fields, managed_fields=[by])
    return RolloutObject(
        found,
        RolloutSpec(plan=plan, cluster_label_selectors=[LabelSelector()]),
        Raw(json.encode(status or {})),
    )


def entry(
    name: str, *completed: str, failed: Mapping[str, str] | None = None, current: str = ""
) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name}
    if completed:
        found["completedActions"] = [{"action": action} for action in completed]
    if failed:
        found["failedActions"] = [{"action": a, "message": m} for a, m in failed.items()]
    return {**found, "currentAction": {"action": current}} if current else found


def completed(**more: Any) -> dict[str, Any]:
    """A status that says that all steps are done."""
    done = {"type": "Progressing", "status": "False", "reason": "Completed"}
    return {"observedGeneration": 1, "conditions": [done], **more}


def work(cluster: str, run: str = "run-1", *, echo: str = "", **marks: str) -> HubObject[WorkView]:
    """A stage work; `echo`: "<run> <stage>" that the cluster feeds back in this version."""
    annotations = {names.GENERATION: "3", names.RUN: run, names.ACTION: "Prep"}
    annotations[names.ARMING] = names.DISARMED
    annotations |= {f"ibgu.dev/{key.replace('_', '-')}": value for key, value in marks.items()}
    meta = ObjectMeta(
        name=stage_name(UID, "a"),
        namespace=cluster,
        uid=f"uid-work-{cluster}",
        generation=3,
        labels={names.ROLLOUT: UID, names.PART: names.STAGE},
        annotations=annotations,
    )
    return shown_work(IBU, ManifestWork(meta, _fed_back(echo) if echo else WorkStatus()))


def _fed_back(echo: str) -> WorkStatus:
    run, stage = echo.split()
    applied = Condition("Applied", "True", observed_generation=3)
    values = [
        FeedbackValue("run", FieldValue("String", string=run)),
        FeedbackValue("stage", FieldValue("String", string=stage)),
    ]
    ibu = ManifestCondition(
        ResourceMeta(group="lca.openshift.io", kind="ImageBasedUpgrade", name="upgrade"),
        [applied, Condition("Available", "True")],
        StatusFeedback(values),
    )
    return WorkStatus([applied], ResourceStatus([ibu]))


def cluster(name: str, uid: str = "", **labels: str) -> ClusterView:
    """Labels of ibgu without their prefix, dashes as underscores."""
    prefix = "lcm.openshift.io/ibgu-"
    return ClusterView(
        name=name,
        uid=uid or f"uid-{name}",
        accepted=True,
        deleting=False,
        reachable=True,
        local=False,
        labels={prefix + key.replace("_", "-"): value for key, value in labels.items()},
    )


def fleet(rollout: Rollout | None = None, *parts: Step | Member) -> FleetState:
    made = FleetState()
    steps = [part for part in parts if isinstance(part, Step)]
    members = [part for part in parts if isinstance(part, Member)]
    made.load([rollout] if rollout else [], steps, members, [])
    return made


def track(rollout: Rollout, *parts: Step | Member) -> TrackedRollout:
    return fleet(rollout, *parts).rollouts[rollout.uid]


def newest_to_act(tracked_rollouts: Iterable[TrackedRollout]) -> dict[tuple[str, str], str]:
    """Returns what the journal's method of that name does."""
    acted = [
        (_acted_at(member), tracked.rollout.age, member.cluster, tracked.rollout)
        for tracked in tracked_rollouts
        for step in tracked.steps
        for member in step.members.values()
        if member.run or member.completed
    ]
    acted.sort(key=lambda each: each[:2])
    return {(cluster, rollout.kind): rollout.uid for *_, cluster, rollout in acted}


def _acted_at(member: Member) -> datetime:
    times = [each.at for each in member.completed[-1:]]
    return max([*times, *([member.run.intended_at] if member.run else [])])
