"""The payload that the clusters need before Prep: ConfigMaps and the pull secret."""

from collections.abc import Iterable, Iterator

from ibgu.core.drivers.ibu.names import NAMESPACE
from ibgu.core.engine.driver import PayloadError
from ibgu.core.engine.works.payload import Payload, pack
from ibgu.core.model.kinds import ConfigMap, JsonObject, ObjectMeta, Secret

# kubectl's copy of the whole object: it would double the payload, and show a secret twice.
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

PULL_SECRETS = ("kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg")
"""The types of a pull secret: no other Secret is carried."""
PULL_SECRET_KEYS = (".dockerconfigjson", ".dockercfg")
"""The key of each type."""


def build(sources: Iterable[ConfigMap | Secret]) -> Payload:
    """Builds the payload; an object that is named twice is carried once. Raises PayloadError."""
    return pack(payload_manifests(sources))


def payload_manifests(sources: Iterable[ConfigMap | Secret]) -> Iterator[JsonObject]:
    """Yields the manifest of each source. Raises PayloadError."""
    for source in sources:
        if isinstance(source, Secret) and source.type not in PULL_SECRETS:
            meta = source.metadata
            words = no_pull_secret(f"{meta.namespace}/{meta.name}", source.type)
            raise PayloadError(f"{words}. {_REPLACE}")
        yield _manifest(source)


def _manifest(source: ConfigMap | Secret) -> JsonObject:
    if isinstance(source, Secret):
        metadata = _metadata(source.metadata, NAMESPACE)
        content: JsonObject = {"type": source.type, "data": source.data}
        kind = "Secret"
    else:
        metadata = _metadata(source.metadata, source.metadata.namespace)
        content = {"data": source.data, "binaryData": source.binary_data}
        kind = "ConfigMap"
    filled = {key: value for key, value in content.items() if value}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **filled}


def _metadata(metadata: ObjectMeta, namespace: str) -> JsonObject:
    annotations = {k: v for k, v in metadata.annotations.items() if k != _LAST_APPLIED}
    kept = {"labels": metadata.labels, "annotations": annotations}
    filled = {key: value for key, value in kept.items() if value}
    return {"name": metadata.name, "namespace": namespace, **filled}


def no_pull_secret(name: str, type_: str) -> str:
    """Returns why a Secret of that type is not carried; `name`: its namespace and name."""
    return (
        f"Secret {name} has the type {type_ or 'Opaque'}, and nothing of it is carried: a "
        f"pull secret has the type {' or '.join(PULL_SECRETS)}"
    )


_REPLACE = (
    "Replace it by a pull secret, or delete this ImageBasedGroupUpgrade and create it with the "
    "name of one"
)
