"""The payload work: what clusters need before an action, whatever kind of change it is for."""

from collections.abc import Iterable, Mapping
from hashlib import sha256

from msgspec import Raw, Struct, json

from ibgu.core.engine.driver import PayloadError
from ibgu.core.engine.works.envelope import ORPHAN, new_work
from ibgu.core.engine.works.templated import PayloadValues, TemplatedMap, templated_map
from ibgu.core.model import Rollout, names
from ibgu.core.model.kinds import JsonObject
from ibgu.core.text.hub_templates import ClusterValues

LIMIT = 500 * 1024
"""Bytes of all manifests of one work that OCM's admission accepts by default."""

MAX_TEMPLATES = 1_000
"""Each is resolved for each cluster."""

_FRAMING = 4
"""OCM measures a manifest as a protobuf message: a tag and a length of up to 3 bytes."""

_MAX_CHARACTER = 6
"""Bytes of a character in JSON, at most."""


class Payload(Struct, frozen=True):
    manifests: tuple[Raw, ...]
    """Those that are the same for each cluster."""
    digest: str
    """sha256 of the content, whatever the order, and of what its templates may read; empty if there
    is nothing to carry."""
    size: int
    """Bytes, as OCM measures them."""
    config_maps: tuple[tuple[str, str], ...] = ()
    """Namespace and name of each ConfigMap; the rest is the pull secret."""
    templated: tuple[TemplatedMap, ...] = ()
    """The ConfigMaps that differ by cluster."""
    values: PayloadValues = PayloadValues()

    def rendered(self, cluster: str, labels: Mapping[str, str]) -> tuple[Raw, ...]:
        """Returns all manifests for the cluster with these labels. Raises PayloadError."""
        values = self.values.of(cluster, labels)
        if self._added(values) > LIMIT:
            raise _too_large_for(cluster, f"more than {LIMIT}")
        own = tuple(each.rendered(values, LIMIT) for each in self.templated)
        size = sum(len(bytes(body)) + _FRAMING for body in (*self.manifests, *own))
        if size > LIMIT:
            raise _too_large_for(cluster, str(size))
        return (*self.manifests, *own)

    def _added(self, values: ClusterValues) -> int:
        """Returns the characters of the values; of more than LIMIT not all. Raises PayloadError."""
        added = 0
        for each in self.templated:
            added += each.check(values, LIMIT - added)
            if added > LIMIT:
                break
        return added

    def problem(self, cluster: str, labels: Mapping[str, str]) -> str:
        """Returns why the cluster can't be sent the payload; empty: it can."""
        values = self.values.of(cluster, labels)
        try:
            added = self._added(values)
            if self.size + added * _MAX_CHARACTER > LIMIT:
                self.rendered(cluster, labels)
        except PayloadError as error:
            return str(error)
        return ""


def _too_large_for(cluster: str, size: str) -> PayloadError:
    return PayloadError(
        f"with the values of {cluster} the ConfigMaps and the pull secret together take {size} "
        f"bytes, and a ManifestWork carries at most {LIMIT}: use smaller values"
    )


def pack(manifests: Iterable[JsonObject], values: PayloadValues | None = None) -> Payload:
    """Returns the payload of the manifests; one that is there twice is carried once. `values`: what
    their templates may read; None: that is not checked. Raises PayloadError."""
    templated: dict[tuple[str, str, str], TemplatedMap] = {}
    parts: dict[tuple[str, str, str], bytes] = {}
    for manifest in manifests:
        metadata = manifest["metadata"]
        key = (manifest["kind"], metadata.get("namespace", ""), metadata["name"])
        parts[key] = json.encode(manifest, order="deterministic")
        if (found := templated_map(manifest)) is not None:
            if values is not None:
                found.check_reads(values)
            templated[key] = found
    if sum(each.count for each in templated.values()) > MAX_TEMPLATES:
        raise PayloadError(f"the ConfigMaps have more than {MAX_TEMPLATES} templates: use fewer")
    bodies = [parts[key] for key in sorted(parts)]
    size = sum(len(body) + _FRAMING for body in bodies)
    if size > LIMIT:
        raise PayloadError(_too_large(parts, size))
    values = values or PayloadValues()
    read = [json.encode(values.config_maps, order="deterministic")] if values.config_maps else []
    digest = sha256(b"\n".join((*bodies, *read))).hexdigest() if bodies else ""
    config_maps = tuple((place, name) for kind, place, name in sorted(parts) if kind == "ConfigMap")
    same = tuple(Raw(parts[key]) for key in sorted(parts) if key not in templated)
    own = tuple(templated[key] for key in sorted(templated))
    return Payload(same, digest, size, config_maps, own, values)


def payload_body(
    payload: Payload,
    rollout: Rollout,
    cluster: str,
    labels: Mapping[str, str],
    *,
    remove_secrets: bool = False,
) -> bytes:
    """Returns the payload work to create; `labels`: those of the ManagedCluster, `remove_secrets`:
    the pull secret is deleted with the work. Raises PayloadError."""
    marks = {names.GENERATION: "1", names.DIGEST: payload.digest}
    name = names.payload_name(rollout.uid, rollout.name)
    work = new_work(name, cluster, rollout, names.PAYLOAD, marks)
    option = _all_but_secrets(payload) if remove_secrets else ORPHAN
    manifests = payload.rendered(cluster, labels)
    spec = {"workload": {"manifests": manifests}, "deleteOption": option}
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
