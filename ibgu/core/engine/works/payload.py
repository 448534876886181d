"""The payload work: what clusters need before an action, whatever kind of change it is for."""

from collections.abc import Iterable
from hashlib import sha256

from msgspec import Raw, Struct, json

from ibgu.core.engine.driver import PayloadError
from ibgu.core.engine.works.envelope import ORPHAN, new_work
from ibgu.core.model import Rollout, names
from ibgu.core.model.kinds import JsonObject

LIMIT = 500 * 1024
"""Bytes of all manifests of one work that OCM's admission accepts by default."""

_FRAMING = 4
"""OCM measures a manifest as a protobuf message: a tag and a length of up to 3 bytes."""


class Payload(Struct, frozen=True):
    manifests: tuple[Raw, ...]
    digest: str
    """sha256 of the content, whatever the order; empty if there is nothing to carry."""
    size: int
    """Bytes, as OCM measures them."""
    config_maps: tuple[tuple[str, str], ...] = ()
    """Namespace and name of each ConfigMap; the rest is the pull secret."""


def pack(manifests: Iterable[JsonObject]) -> Payload:
    """Returns the payload of the manifests; one that is there twice is carried once. Raises
    PayloadError."""
    parts: dict[tuple[str, str, str], bytes] = {}
    for manifest in manifests:
        metadata = manifest["metadata"]
        key = (manifest["kind"], metadata["namespace"], metadata["name"])
        parts[key] = json.encode(manifest, order="deterministic")
    bodies = [parts[key] for key in sorted(parts)]
    size = sum(len(body) + _FRAMING for body in bodies)
    if size > LIMIT:
        raise PayloadError(_too_large(parts, size))
    digest = sha256(b"\n".join(bodies)).hexdigest() if bodies else ""
    config_maps = tuple((place, name) for kind, place, name in sorted(parts) if kind == "ConfigMap")
    return Payload(tuple(Raw(body) for body in bodies), digest, size, config_maps)


def payload_body(
    payload: Payload, rollout: Rollout, cluster: str, *, remove_secrets: bool = False
) -> bytes:
    """Returns the payload work to create; `remove_secrets`: the pull secret is deleted with the
    work."""
    marks = {names.GENERATION: "1", names.DIGEST: payload.digest}
    name = names.payload_name(rollout.uid, rollout.name)
    work = new_work(name, cluster, rollout, names.PAYLOAD, marks)
    option = _all_but_secrets(payload) if remove_secrets else ORPHAN
    spec = {"workload": {"manifests": payload.manifests}, "deleteOption": option}
    return json.encode({**work, "spec": spec})


def _all_but_secrets(payload: Payload) -> JsonObject:
    """Returns the delete option that keeps ConfigMaps, which Upgrade still needs. The agent deletes
    what no rule names, unless another work has brought it, too."""
    rules = [
        {"group": "", "resource": "configmaps", "namespace": namespace, "name": name}
        for namespace, name in payload.config_maps
    ]
    return {
        "propagationPolicy": "SelectivelyOrphan",
        "selectivelyOrphans": {"orphaningRules": rules},
    }


def _too_large(parts: dict[tuple[str, str, str], bytes], size: int) -> str:
    (kind, namespace, name), body = max(parts.items(), key=lambda part: len(part[1]))
    return (
        f"the ConfigMaps and the pull secret together take {size} bytes, and a ManifestWork "
        f"carries at most {LIMIT}; the largest is {kind} {namespace}/{name} with {len(body)} "
        "bytes: make it smaller, or bring it to the clusters another way"
    )
