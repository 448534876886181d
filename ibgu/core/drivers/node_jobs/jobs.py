"""A Job on a cluster: the objects that bring it, its state, and why it failed."""

import re
from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from ibgu.core.model import JobView
from ibgu.core.model.kinds import JsonObject

REPORT = "ibgu.dev/report"
"""Annotation of a Job: what its script says of itself, on one line."""
HOST = "/host"
"""Where the container has the node's file system."""
PRIVILEGED = "system:openshift:scc:privileged"
"""The ClusterRole that lets a pod use the security context constraint of this name."""
_RBAC = "rbac.authorization.k8s.io"
_REPORTER = "report"
_ENTER = f"""
at=/var/run/secrets/kubernetes.io/serviceaccount
TOKEN=$(cat "$at/token") CA=$(cat "$at/ca.crt")
export TOKEN CA
exec chroot {HOST} /bin/sh -c "$SCRIPT" "$0" "$@"
"""
"""The container's own command. In the node's file system there is no token."""
_REPORT = r"""
# report WORDS: writes them to the log and, as far as that works, to the Job.
report() {
  printf '%s\n' "$1"
  [ -n "${TOKEN:-}" ] || return 0
  address=$KUBERNETES_SERVICE_HOST
  case $address in *:*) address="[$address]" ;; esac
  words=$(printf '%s' "$1" | tr -d '\000-\037"\\' | cut -c -400)
  body=$(printf '{"metadata":{"annotations":{"%s":"%s"}}}' "$REPORT" "$words")
  ca=$(mktemp) || return 0
  printf '%s\n' "$CA" > "$ca"
  printf 'Authorization: Bearer %s\n' "$TOKEN" |
    curl --silent --noproxy '*' --max-time 10 --output /dev/null --cacert "$ca" --header @- \
      --header 'Content-Type: application/merge-patch+json' --request PATCH --data "$body" \
      "https://$address:$KUBERNETES_SERVICE_PORT$JOB" || :
  rm -f "$ca"
}
"""


class JobSpec(Struct, frozen=True, kw_only=True):
    """A Job with a namespace of its own, which goes with it."""

    namespace: str
    name: str
    image: str
    """The image by digest, so that every cluster runs the same."""
    script: str
    """A POSIX shell script, which runs in the node's file system. It has the function `report`."""
    arguments: tuple[str, ...]
    seconds: int
    """After which the cluster ends the Job."""
    texts: Mapping[str, str] = {}
    """More of the script's environment."""


def manifests_of_job(job: JobSpec) -> list[JsonObject]:
    """Returns the Job with its namespace and rights. Its pod is a privileged one on one node of the
    control plane, whatever taints that has, with the node's files and network."""
    return [
        _object("v1", "Namespace", job.namespace, **_PRIVILEGED_NAMESPACE),
        _object("v1", "ServiceAccount", job.namespace, job.namespace),
        _binding(job.namespace, job.namespace, "ClusterRole", PRIVILEGED),
        _object(
            f"{_RBAC}/v1",
            "Role",
            _REPORTER,
            job.namespace,
            rules=[
                {
                    "apiGroups": ["batch"],
                    "resources": ["jobs"],
                    "resourceNames": [job.name],
                    "verbs": ["patch"],
                }
            ],
        ),
        _binding(_REPORTER, job.namespace, "Role", _REPORTER),
        _object("batch/v1", "Job", job.name, job.namespace, spec=_spec(job)),
    ]


_PRIVILEGED_NAMESPACE: JsonObject = {
    "labels": {"pod-security.kubernetes.io/enforce": "privileged"},
    # The pod may run on the processors that a single node keeps for its platform.
    "annotations": {"workload.openshift.io/allowed": "management"},
}


def _object(
    version: str,
    kind: str,
    name: str,
    namespace: str = "",
    *,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    **content: object,
) -> JsonObject:
    metadata: JsonObject = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = dict(labels)
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **content}


def _binding(name: str, namespace: str, kind: str, role: str) -> JsonObject:
    return _object(
        f"{_RBAC}/v1",
        "RoleBinding",
        name,
        namespace,
        roleRef={"apiGroup": _RBAC, "kind": kind, "name": role},
        subjects=[{"kind": "ServiceAccount", "name": namespace, "namespace": namespace}],
    )


def environment(job: JobSpec) -> dict[str, str]:
    """Returns the environment of the Job's script."""
    path = f"/apis/batch/v1/namespaces/{job.namespace}/jobs/{job.name}"
    return {"SCRIPT": _REPORT + job.script, "JOB": path, "REPORT": REPORT, **job.texts}


def _spec(job: JobSpec) -> JsonObject:
    container = {
        "name": "job",
        "image": job.image,
        "command": ["/bin/sh", "-c", _ENTER, job.name, *job.arguments],
        "env": [{"name": name, "value": text} for name, text in environment(job).items()],
        "securityContext": {"privileged": True, "runAsUser": 0},
        "resources": {"requests": {"cpu": "10m", "memory": "50Mi"}},
        "volumeMounts": [{"name": "host", "mountPath": HOST}],
    }
    pod = {
        "serviceAccountName": job.namespace,
        "restartPolicy": "Never",
        "priorityClassName": "system-cluster-critical",
        "nodeSelector": {"node-role.kubernetes.io/master": ""},
        "tolerations": [{"operator": "Exists"}],
        # The node's tools talk to its API server by localhost, and to its systemd.
        "hostNetwork": True,
        "hostPID": True,
        "containers": [container],
        "volumes": [{"name": "host", "hostPath": {"path": "/", "type": "Directory"}}],
    }
    annotations = {
        "target.workload.openshift.io/management": '{"effect": "PreferredDuringScheduling"}'
    }
    return {
        # One attempt: a second one by itself could fall into the update.
        "backoffLimit": 0,
        "activeDeadlineSeconds": job.seconds,
        # The reason of the failure then has the exit code of the script in its message.
        "podFailurePolicy": {
            "rules": [
                {
                    "action": "FailJob",
                    "onExitCodes": {
                        "containerName": "job",
                        "operator": "NotIn",
                        "values": [0],
                    },
                }
            ]
        },
        "template": {"metadata": {"annotations": annotations}, "spec": pod},
    }


class JobState(StrEnum):
    PREPARING_TO_START = "PreparingToStart"
    """The cluster has not reported the Job yet."""
    STARTING = "Starting"
    """The Job is there, and its pod does not run yet."""
    ACTIVE = "Active"
    SUCCEEDED = "Succeeded"
    BACKUP_TIMEOUT = "BackupTimeout"
    PRECACHE_TIMEOUT = "PrecacheTimeout"
    UNRECOVERABLE_ERROR = "UnrecoverableError"

    @property
    def failed(self) -> bool:
        return self in (
            JobState.BACKUP_TIMEOUT,
            JobState.PRECACHE_TIMEOUT,
            JobState.UNRECOVERABLE_ERROR,
        )


def state_of_job(job: JobView | None, timeout: JobState) -> JobState:
    """Returns how the Job goes; None: it is not reported yet. `timeout`: its state after it has
    taken too long."""
    if job is None:
        return JobState.PREPARING_TO_START
    if job.failed:
        return timeout if job.reason == "DeadlineExceeded" else JobState.UNRECOVERABLE_ERROR
    if job.complete:
        return JobState.SUCCEEDED
    return JobState.ACTIVE if job.active else JobState.STARTING


_EXIT_CODE = re.compile(r"with exit code (\d{1,3})\b")


def words_of_failure(job: JobView, exits: Mapping[str, str]) -> str:
    """Returns why the Job failed, as a sentence without a capital and a full stop; `exits`: what
    the exit codes of its script say."""
    found = _EXIT_CODE.search(job.message)
    script = job.report or (exits.get(found[1], "") if found else "")
    kubernetes = f"{job.reason}: {job.message}" if job.message else job.reason
    return f"{script} ({kubernetes})" if script else kubernetes or "the Job failed"
