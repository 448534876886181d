"""The payload that the clusters need before Prep: ConfigMaps and the pull secret."""

from collections.abc import Iterable, Iterator

from ibgu.core.drivers.ibu.names import NAMESPACE
from ibgu.core.engine.driver import PayloadError
from ibgu.core.engine.works.payload import Payload, pack
from ibgu.core.model.kinds import ConfigMap, JsonObject, ObjectMeta, Secret

# kubectl's copy of the whole object: it would double the payload, and show a secret twice.
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

PULL_SECRET_KEY = ".dockerconfigjson"
"""All that the Lifecycle Agent reads of a pull secret, and that is carried of one."""
_PULL_SECRET = "kubernetes.io/dockerconfigjson"
_OPAQUE = "Opaque"
_OLD_FORM = "kubernetes.io/dockercfg"


def build(sources: Iterable[ConfigMap | Secret]) -> Payload:
    """Builds the payload; an object that is named twice is carried once. Raises PayloadError."""
    return pack(payload_manifests(sources))


def payload_manifests(sources: Iterable[ConfigMap | Secret]) -> Iterator[JsonObject]:
    """Yields the manifest of each source. Raises PayloadError."""
    for source in sources:
        if isinstance(source, Secret) and (problem := no_pull_secret(source)):
            meta = source.metadata
            raise PayloadError(f"Secret {meta.namespace}/{meta.name} {problem}. {_REPLACE}")
        yield _manifest(source)


def _manifest(source: ConfigMap | Secret) -> JsonObject:
    if isinstance(source, Secret):
        metadata = _metadata(source.metadata, NAMESPACE)
        data = {PULL_SECRET_KEY: source.data[PULL_SECRET_KEY]}
        content: JsonObject = {"type": source.type or _OPAQUE, "data": data}
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


def no_pull_secret(secret: Secret) -> str:
    """Returns why the Secret is not carried, as a verb of it; empty: it is a pull secret."""
    type_, name = secret.type or _OPAQUE, secret.metadata.name
    if type_ in (_PULL_SECRET, _OPAQUE) and PULL_SECRET_KEY in secret.data:
        return ""
    if type_ == _OLD_FORM:
        within = f"-n {secret.metadata.namespace}"
        return (
            f"has the type {_OLD_FORM}, which the Lifecycle Agent can't read, and nothing of it is "
            f"carried: convert it by `oc get secret {name} {within} "
            "-o jsonpath='{.data.\\.dockercfg}' | base64 -d | jq '{auths: .}' | "
            f"oc create secret generic {name} {within} --type={_PULL_SECRET} "
            f"--from-file={PULL_SECRET_KEY}=/dev/stdin --dry-run=client -o yaml | "
            "oc replace --force -f -`"
        )
    lacks = "" if PULL_SECRET_KEY in secret.data else f" and no key {PULL_SECRET_KEY}"
    return (
        f"has the type {type_}{lacks}, and nothing of it is carried: a pull secret has the key "
        f"{PULL_SECRET_KEY} and the type {_PULL_SECRET} or {_OPAQUE}"
    )


_REPLACE = (
    "Replace it by a pull secret, or delete this ImageBasedGroupUpgrade and create it with the "
    "name of one"
)
