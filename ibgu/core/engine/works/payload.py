"""The payload work: what clusters need before an action, whatever kind of change it is for."""

from collections.abc import Iterable
from hashlib import sha256

from msgspec import Raw, Struct, json

from ibgu.core.engine.driver import PayloadError, TemplateRefused
from ibgu.core.engine.works.envelope import ORPHAN, new_work
from ibgu.core.model import Rollout, names
from ibgu.core.model.kinds import JsonObject
from ibgu.core.text.hub_templates import hub_template_line

LIMIT = 500 * 1024
"""Bytes of all manifests of one work that OCM's admission accepts by default."""

_FRAMING = 4
"""OCM measures a manifest as a protobuf message: a tag and a length of up to 3 bytes."""


class Payload(Struct, frozen=True):
    manifests: tuple[Raw, ...]
    digest: str
    """sha256 of the content, whatever the order; empty if there is nothing to carry."""
    config_maps: tuple[tuple[str, str], ...] = ()
    """Namespace and name of each ConfigMap; the rest is the pull secret."""


def pack(manifests: Iterable[JsonObject]) -> Payload:
    """Returns the payload of the manifests; one that is there twice is carried once. Raises
    PayloadError."""
    found: dict[tuple[str, str, str], JsonObject] = {}
    for manifest in manifests:
        metadata = manifest["metadata"]
        found[manifest["kind"], metadata.get("namespace", ""), metadata["name"]] = manifest
    parts = {key: json.encode(found[key], order="deterministic") for key in sorted(found)}
    size = sum(len(body) + _FRAMING for body in parts.values())
    if size > LIMIT:
        raise PayloadError(_too_large(parts, size))
    for key in parts:
        _refuse_templates(found[key])
    digest = sha256(b"\n".join(parts.values())).hexdigest() if parts else ""
    config_maps = tuple((place, name) for kind, place, name in parts if kind == "ConfigMap")
    return Payload(tuple(map(Raw, parts.values())), digest, config_maps)


def _refuse_templates(manifest: JsonObject) -> None:
    """Raises TemplateRefused for a text that no cluster may get as it is (R25.2)."""
    metadata = manifest["metadata"]
    for key, text in manifest.get("data", {}).items():
        if line := hub_template_line(text):
            place = f"{metadata.get('namespace', '')}/{metadata['name']} {key}, line {line}"
            raise TemplateRefused(
                f"{manifest['kind']} {place}, has a hub template ({{{{hub), which nothing resolves "
                "on the way to the clusters: remove it, and have a policy of Advanced Cluster "
                "Management bring what differs by cluster"
            )


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
