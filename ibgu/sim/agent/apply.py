"""Applies all manifests of a work: every one is tried, whatever happens to the others."""

from collections.abc import Collection

from msgspec import Struct

from ibgu.core.model.kinds import JsonObject
from ibgu.sim.agent.strategies import apply_manifest
from ibgu.sim.spoke import Key, Refusal, Spoke, key_of, resource_of
from ibgu.sim.spoke.objects import is_served_version, version_of
from ibgu.sim.spoke.refusal import unknown_kind
from ibgu.sim.wire import FullWork, ManifestConfig, ResourceIdentifier

_RANKS = (
    ("Namespace", "CustomResourceDefinition"),
    ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"),
    ("ServiceAccount",),
    ("Secret", "ConfigMap"),
)
_RANK = {kind: rank for rank, kinds in enumerate(_RANKS) for kind in kinds}


class Applied(Struct, frozen=True):
    """Applied is the result of one manifest; `error` is empty if it was applied."""

    meta: JsonObject
    error: str = ""
    retried: bool = True
    """Whether the agent retries soon by itself; a conflict waits for the next periodic apply."""


def apply_work(spoke: Spoke, work: FullWork, kind_order: bool, now: float) -> list[Applied]:
    """Returns one result per manifest, in the order of the spec."""
    manifests = list(enumerate(work.spec.workload.manifests))
    if kind_order:
        manifests.sort(key=lambda pair: _RANK.get(pair[1].get("kind", ""), len(_RANKS)))
    applied = {n: _apply_one(spoke, work, n, manifest, now) for n, manifest in manifests}
    if not work.orphans:
        release(spoke, work.metadata.name, now, keep={key_of(m) for _, m in manifests})
    return [applied[n] for n in range(len(applied))]


def _apply_one(spoke: Spoke, work: FullWork, n: int, manifest: JsonObject, now: float) -> Applied:
    key = key_of(manifest)
    config = config_for(work, key)
    served = spoke.serves(key) and is_served_version(manifest)
    meta = _resource_meta(n, key, manifest, served)
    try:
        if not served:
            raise unknown_kind(key)
        apply_manifest(spoke, manifest, config.update_strategy, now)
    except Refusal as error:
        text = f"Failed to apply manifest: {error}"
        return Applied(meta, text, retried=error.reason != "Conflict")
    if config.update_strategy.type != "ReadOnly":
        _own(spoke, work, key)
    return Applied(meta)


def _own(spoke: Spoke, work: FullWork, key: Key) -> None:
    """Adds the work to the owners of what it applies, except what it orphans. What is only read
    keeps the owners that it has."""
    owners = spoke.owners.get(key, frozenset())
    name = work.metadata.name
    owned = work.owns(ResourceIdentifier(key.group, resource_of(key), key.namespace, key.name))
    spoke.owners[key] = owners | {name} if owned else owners - {name}


def _resource_meta(n: int, key: Key, manifest: JsonObject, served: bool) -> JsonObject:
    return {
        "ordinal": n,
        "group": key.group,
        "version": version_of(manifest),
        "kind": key.kind,
        "resource": resource_of(key) if served else "",
        "name": key.name,
        "namespace": key.namespace,
    }


_DEFAULT = ManifestConfig()


def config_for(work: FullWork, key: Key) -> ManifestConfig:
    """Returns the first of the work's configurations that names this object."""
    resource = resource_of(key)
    for config in work.spec.manifest_configs:
        named = config.resource_identifier
        if (named.group, named.resource, named.namespace, named.name) == (
            key.group,
            resource,
            key.namespace,
            key.name,
        ):
            return config
    return _DEFAULT


def release(spoke: Spoke, work_name: str, now: float, keep: Collection[Key] = frozenset()) -> None:
    """Deletes what only this work owns; what others own as well stays."""
    for key, owners in list(spoke.owners.items()):
        if work_name not in owners or key in keep:
            continue
        left = owners - {work_name}
        spoke.owners[key] = left
        if not left:
            spoke.delete(key, now)
