"""The ManifestWork that brings the Job, its rights, and the ConfigMap for its result.

All objects are new and go with the work. Manifests are `CreateOnly`: otherwise the agent would
empty the ConfigMap at its next resync, and a Job can't be changed.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from ibgu.core.drivers.ibu import names as ibu
from ibgu.core.drivers.ibu.gather.limits import CHUNK, CHUNKS, LOG_BYTES, LOG_LINES, MAX_LOGS
from ibgu.core.drivers.ibu.gather.script import LOGS, MUST_GATHER
from ibgu.core.drivers.ibu.gather.upload import CONFIG, SECRET, Upload, rights
from ibgu.core.drivers.ibu.preflight.inspection.objects import NAMESPACE_OF_VELERO
from ibgu.core.model import names
from ibgu.core.model.kinds import JsonObject

MANAGER = "ibgu-gather"
"""The value of `MANAGED_BY` on the works. Works of rollouts have another one, so the engine never
sees these."""
NAME = "ibgu-gather"
"""The name of the work, and on the cluster of the namespace and of what is in it."""
RESULT = "ibgu-gather-result"
RUN = "ibgu.dev/gather-run"
"""Annotation: the id of the command's run, which the result repeats."""
UNTIL = "ibgu.dev/gather-until"
"""Annotation: the time after which no command waits for the work any more."""
NAMESPACES = (ibu.NAMESPACE, NAMESPACE_OF_VELERO)
HEAD = "head"
_RBAC = "rbac.authorization.k8s.io"
_IMAGE = re.compile(r"[\w.-]{1,255}(:\d{1,5})?(/[\w.-]{1,128}){1,16}@sha256:[0-9a-f]{64}")
_CREATE_ONLY: JsonObject = {"type": "CreateOnly"}


class GatherRequest(Struct, frozen=True, kw_only=True):
    """GatherRequest is what one run of the command asks of a cluster."""

    run: str
    image: str
    """The image by digest, so that the site runs what you have chosen."""
    seconds: int
    """After which the cluster ends the Job."""
    until: datetime
    upload: Upload | None = None
    """Where a must-gather archive goes; None: the logs are asked for, and come back by feedback."""


def image_fault(image: str) -> str:
    """Returns why the image can't be used; empty: it can."""
    if _IMAGE.fullmatch(image):
        return ""
    fault = f"{image!r} isn't an image by digest" if image else "name an image with oc, by digest"
    return f"{fault}: write REGISTRY/NAME@sha256:DIGEST"


def gather_body(request: GatherRequest) -> JsonObject:
    """Returns the ManifestWork."""
    manifests = [
        _object("v1", "Namespace", NAME, None, metadata__labels=_RESTRICTED),
        _object("v1", "ServiceAccount", NAME),
        *(rights(NAME) if request.upload else _reading_logs()),
        *_role_and_binding(NAME, [_rule(["configmaps"], ["get", "patch"], resourceNames=[RESULT])]),
        _object("v1", "ConfigMap", RESULT),
        *_secrets(request),
        _job(request),
    ]
    return {
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {
            "name": NAME,
            "labels": {names.MANAGED_BY: MANAGER},
            "annotations": {RUN: request.run, UNTIL: request.until.isoformat()},
        },
        "spec": {
            "workload": {"manifests": manifests},
            "manifestConfigs": _configs(manifests),
            "deleteOption": {"propagationPolicy": "Foreground"},
        },
    }


_RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


def _object(
    version: str, kind: str, name: str, namespace: str | None = NAME, **content: object
) -> JsonObject:
    metadata: JsonObject = {"name": name, **({"namespace": namespace} if namespace else {})}
    if labels := content.pop("metadata__labels", None):
        metadata["labels"] = labels
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **content}


def _reading_logs() -> list[JsonObject]:
    """Returns the rights to read pods and their logs in two namespaces."""
    rules = [_rule(["pods"], ["get", "list"]), _rule(["pods/log"], ["get"])]
    return [each for namespace in NAMESPACES for each in _role_and_binding(namespace, rules)]


def _secrets(request: GatherRequest) -> list[JsonObject]:
    if request.upload is None:
        return []
    return [_object("v1", "Secret", SECRET, data=request.upload.manifest_data())]


def _rule(resources: list[str], verbs: list[str], **only: object) -> JsonObject:
    return {"apiGroups": [""], "resources": resources, "verbs": verbs, **only}


def _role_and_binding(namespace: str, rules: list[JsonObject]) -> list[JsonObject]:
    version = f"{_RBAC}/v1"
    reference = {"apiGroup": _RBAC, "kind": "Role", "name": NAME}
    subjects = [{"kind": "ServiceAccount", "name": NAME, "namespace": NAME}]
    return [
        _object(version, "Role", NAME, namespace, rules=rules),
        _object(version, "RoleBinding", NAME, namespace, roleRef=reference, subjects=subjects),
    ]


def _job(request: GatherRequest) -> JsonObject:
    archive = request.upload is not None
    env = environment(request)
    volumes: list[JsonObject] = [
        {"name": "tmp", "emptyDir": {"sizeLimit": "8Gi" if archive else "512Mi"}}
    ]
    mounts: list[JsonObject] = [{"name": "tmp", "mountPath": "/tmp"}]
    if archive:
        volumes.append({"name": "archive", "emptyDir": {"sizeLimit": "16Gi"}})
        volumes.append({"name": "upload", "secret": {"secretName": SECRET}})
        mounts.append({"name": "archive", "mountPath": _FOLDER})
        mounts.append({"name": "upload", "mountPath": _SECRET_FOLDER, "readOnly": True})
    container = {
        "name": "gather",
        "image": request.image,
        "command": ["/bin/bash", "-c", MUST_GATHER if archive else LOGS],
        "env": [{"name": key, "value": value} for key, value in env.items()],
        "volumeMounts": mounts,
        "resources": {
            "requests": {"cpu": "10m", "memory": "32Mi"},
            "limits": {"memory": "2Gi" if archive else "256Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            # A gather script may write anywhere in its image.
            "readOnlyRootFilesystem": not archive,
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    pod = {
        "serviceAccountName": NAME,
        "restartPolicy": "Never",
        "containers": [container],
        "volumes": volumes,
        # A single node may be tainted while it is upgraded.
        "tolerations": [{"operator": "Exists"}],
    }
    spec = {
        # One attempt: a second one would overwrite the result while it is read.
        "backoffLimit": 0,
        "activeDeadlineSeconds": request.seconds,
        "template": {"spec": pod},
    }
    return _object("batch/v1", "Job", NAME, spec=spec)


_FOLDER = "/must-gather"
"""The folder that scripts of must-gather images write to."""
_SECRET_FOLDER = "/etc/ibgu-gather"


def environment(request: GatherRequest) -> dict[str, str]:
    """Returns the environment of the Job's script. Three quarters of the time are for gathering,
    the rest for packing and the upload."""
    return {
        "RUN": request.run,
        "RESULT": RESULT,
        "RESULT_NAMESPACE": NAME,
        "NAMESPACES": " ".join(NAMESPACES),
        "CHUNK": str(CHUNK),
        "CHUNKS": str(CHUNKS),
        "LOG_BYTES": str(LOG_BYTES),
        "LOG_LINES": str(LOG_LINES),
        "MAX_LOGS": str(MAX_LOGS),
        "GATHER_SECONDS": str(request.seconds * 3 // 4),
        "FOLDER": _FOLDER,
        "CURL_CONFIG": f"{_SECRET_FOLDER}/{CONFIG}",
        "HOME": "/tmp",
        "TMPDIR": "/tmp",
    }


_PLURALS = {
    "Namespace": "namespaces",
    "ServiceAccount": "serviceaccounts",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "ConfigMap": "configmaps",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "Secret": "secrets",
    "Job": "jobs",
}


def _configs(manifests: Sequence[JsonObject]) -> list[JsonObject]:
    feedback = {
        "ConfigMap": {
            HEAD: f".data.{HEAD}",
            **{f"chunk{each}": f".data.chunk{each}" for each in range(CHUNKS)},
        },
        "Job": {
            "failed": '.status.conditions[?(@.type=="Failed")].status',
            "reason": '.status.conditions[?(@.type=="Failed")].reason',
            "message": '.status.conditions[?(@.type=="Failed")].message',
        },
    }
    return [_config(each, feedback.get(each["kind"], {})) for each in manifests]


def _config(manifest: JsonObject, paths: dict[str, str]) -> JsonObject:
    metadata = manifest["metadata"]
    group, slash, _ = manifest["apiVersion"].partition("/")
    identifier = {
        "group": group if slash else "",
        "resource": _PLURALS[manifest["kind"]],
        "name": metadata["name"],
        **({"namespace": metadata["namespace"]} if "namespace" in metadata else {}),
    }
    config: JsonObject = {"resourceIdentifier": identifier, "updateStrategy": _CREATE_ONLY}
    if paths:
        found = [{"name": name, "path": path} for name, path in paths.items()]
        config["feedbackRules"] = [{"type": "JSONPaths", "jsonPaths": found}]
    return config
