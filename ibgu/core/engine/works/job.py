"""The job work: a Job on one cluster, for one run of an action that a Job does (R47)."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import json

from ibgu.core.engine.works.config import DISARMED
from ibgu.core.engine.works.envelope import new_work
from ibgu.core.model import JobView, Rollout, Run, names
from ibgu.core.model.kinds import FeedbackValue, FieldValue, JsonObject, ManifestCondition
from ibgu.core.text.cut import cut

_GROUP, _KIND, _RESOURCE = "batch", "Job", "jobs"
_PINS = ("machineconfiguration.openshift.io", "PinnedImageSet", "pinnedimagesets")
_REMOVE = {"propagationPolicy": "Foreground"}
"""All that the work brings is new, and goes with it."""


def _condition(type_: str, part: str) -> str:
    return f'.status.conditions[?(@.type=="{type_}")].{part}'


JOB_PATHS: Mapping[str, str] = {
    "jobName": ".metadata.name",
    "jobStarted": ".status.startTime",
    "jobActive": ".status.active",
    "jobComplete": _condition("Complete", "status"),
    "jobCompleted": ".status.completionTime",
    "jobFailed": _condition("Failed", "status"),
    "jobFailedReason": _condition("Failed", "reason"),
    "jobFailedMessage": _condition("Failed", "message"),
    "jobReport": r".metadata.annotations.ibgu\.dev/report",
}
"""The name and JSONPath of each value that `read_job` knows."""
_RULES = [{"name": name, "path": path} for name, path in JOB_PATHS.items()]
_NOTHING = FieldValue()


def job_body(
    manifests: Sequence[JsonObject], rollout: Rollout, run: Run, cluster: str, *, watch: bool
) -> bytes:
    """Returns the job work to create. `manifests`: what the driver's `job` returns; `watch`: the
    served schema has feedbackScrapeType."""
    marks = {names.GENERATION: "1", names.RUN: run.id, names.ACTION: run.action}
    name = names.job_name(rollout.uid, rollout.name)
    work = new_work(name, cluster, rollout, names.JOB, marks)
    configs = [_config(each, watch=watch) for each in manifests if each["kind"] == _KIND]
    configs += [_created_once(each) for each in manifests if each["kind"] == _PINS[1]]
    spec = {
        "workload": {"manifests": list(manifests)},
        "manifestConfigs": configs,
        "deleteOption": _REMOVE,
    }
    return json.encode({**work, "spec": spec})


def _config(job: JsonObject, *, watch: bool) -> JsonObject:
    """Returns the entry of the Job. An update of a Job that is over is refused for ever."""
    metadata = job["metadata"]
    config: JsonObject = {
        "resourceIdentifier": {
            "group": _GROUP,
            "resource": _RESOURCE,
            "name": metadata["name"],
            "namespace": metadata["namespace"],
        },
        "updateStrategy": DISARMED,
        "feedbackRules": [{"type": "JSONPaths", "jsonPaths": _RULES}],
    }
    if watch:
        config["feedbackScrapeType"] = "Watch"
    return config


def _created_once(pins: JsonObject) -> JsonObject:
    """Returns the entry of images to pin. They have no status: the stage work reads how they go."""
    group, _, resource = _PINS
    identifier = {"group": group, "resource": resource, "name": pins["metadata"]["name"]}
    return {"resourceIdentifier": identifier, "updateStrategy": DISARMED}


def job_of(manifests: Iterable[ManifestCondition]) -> JobView | None:
    """Returns the Job that the work agent reports; None: it has not reported one."""
    metas = ((entry, entry.resource_meta) for entry in manifests)
    found = (entry for entry, meta in metas if (meta.group, meta.kind) == (_GROUP, _KIND))
    entry = next(found, None)
    return None if entry is None else read_job(entry.status_feedback.values)


def read_job(values: Iterable[FeedbackValue]) -> JobView | None:
    """Returns the Job; None: the cluster has not reported it. Values may be absent, or anything at
    all."""
    found = {value.name: value.field_value for value in values}

    def text(name: str) -> str:
        return cut(found.get(name, _NOTHING).string or "")

    if not text("jobName"):
        return None
    return JobView(
        name=text("jobName"),
        started=text("jobStarted"),
        active=found.get("jobActive", _NOTHING).integer or 0,
        complete=text("jobComplete") == "True",
        completed=text("jobCompleted"),
        failed=text("jobFailed") == "True",
        reason=text("jobFailedReason"),
        message=text("jobFailedMessage"),
        report=text("jobReport"),
    )
