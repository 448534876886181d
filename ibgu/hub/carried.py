"""Facts for preflight about what a step carries, from the payload that was read for it.

Nothing is read from the hub: what the author may not read is not in the payload (R34).
"""

import asyncio
from collections.abc import Mapping

import msgspec

from ibgu.core.drivers.ibu.preflight.facts import (
    ConfigMapFacts,
    Lookup,
    PayloadFacts,
    PullSecretFacts,
)
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.engine.works import Payload
from ibgu.core.model.document import Document
from ibgu.core.model.kinds import ConfigMap, ObjectRef, Secret
from ibgu.core.model.records import Rollout
from ibgu.documents import read_data
from ibgu.hub.preflight import registries

_INLINE = 4096
"""Characters of YAML that are read at once; more are read beside the event loop."""


async def carried_facts(
    rollout: Rollout, state: PayloadState, content: Payload | None
) -> PayloadFacts:
    """Returns the facts. What ibgu may not read, or may not use since the author's right was not
    checked, counts as forbidden."""
    maps, secret = _decoded(content) if content is not None and not state.problem else ({}, None)
    spec = rollout.spec.ibu_spec
    found = [
        await _config_map(ref, maps, rollout.namespace, state, oadp=oadp)
        for oadp, refs in ((True, spec.oadp_content), (False, spec.extra_manifests))
        for ref in dict.fromkeys(refs)
    ]
    named = spec.seed_image_ref.pull_secret_ref
    pull_secret = None
    if named is not None and named.name:
        lookup = _lookup(secret is not None, state)
        kept = registries(secret) if secret is not None else ()
        name = f"{rollout.namespace}/{named.name}"
        pull_secret = PullSecretFacts(name, lookup, registries=kept)
    return PayloadFacts(config_maps=tuple(found), pull_secret=pull_secret)


def _decoded(content: Payload) -> tuple[dict[tuple[str, str], ConfigMap], Secret | None]:
    """Returns the ConfigMaps by namespace and name, and the pull secret."""
    maps: dict[tuple[str, str], ConfigMap] = {}
    secret: Secret | None = None
    for manifest in content.manifests:
        kind = msgspec.json.decode(manifest, type=_Kind).kind
        if kind == "Secret":
            secret = msgspec.json.decode(manifest, type=Secret)
        else:
            found = msgspec.json.decode(manifest, type=ConfigMap)
            maps[found.metadata.namespace, found.metadata.name] = found
    return maps, secret


class _Kind(msgspec.Struct):
    kind: str


def _lookup(found: bool, state: PayloadState) -> Lookup:
    if found:
        return Lookup.FOUND
    return Lookup.FORBIDDEN if state.problem or not state.read else Lookup.MISSING


async def _config_map(
    ref: ObjectRef,
    maps: Mapping[tuple[str, str], ConfigMap],
    namespace: str,
    state: PayloadState,
    *,
    oadp: bool,
) -> ConfigMapFacts:
    name = f"{ref.namespace}/{ref.name}"
    found = maps.get((ref.namespace, ref.name))
    if state.unchecked and ref.namespace != namespace:
        return ConfigMapFacts(name, Lookup.FORBIDDEN, oadp)
    lookup = _lookup(found is not None, state)
    documents = await _documents(found, f"ConfigMap {name}") if found is not None else ()
    return ConfigMapFacts(name, lookup, oadp, documents=documents)


async def _documents(found: ConfigMap, name: str) -> tuple[Document, ...]:
    if sum(map(len, found.data.values())) <= _INLINE:
        return tuple(read_data(found.data, found.binary_data, name))
    read = await asyncio.to_thread(read_data, found.data, found.binary_data, name)
    return tuple(read)
