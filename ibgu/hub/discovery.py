"""Discovers what this hub serves (fields and kinds), and its identity."""

from http import HTTPStatus
from typing import Any

from msgspec import Struct

from ibgu.core.model import names
from ibgu.core.model.kinds import JsonObject
from ibgu.hub import paths
from ibgu.hub.decode import ObjectIdentity
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub

INSTALL_CRD = "kubectl apply -f charts/ibgu/crds/ (helm install brings it too)"
NO_CRD = (
    "the hub serves no ImageBasedGroupUpgrades: their CRD is not installed, so there can be no "
    f"rollouts. Install it: {INSTALL_CRD}"
)

STREAMING_LISTS_SINCE = (1, 34)


class ServerVersion(Struct, frozen=True):
    major: str = ""
    minor: str = ""
    git_version: str = ""

    @property
    def number(self) -> tuple[int, int]:
        """The version as numbers, such as (1, 36); some distributions write the minor as "27+"."""
        digits = "".join(filter(str.isdigit, self.minor))
        return int(self.major or 0), int(digits or 0)


class Served(Struct, frozen=True):
    hub: str
    """uid of the namespace kube-system: the hub's identity."""
    version: ServerVersion
    works: bool
    """Whether ManifestWork is served, so OCM is installed."""
    update_strategies: frozenset[str]
    """Values of updateStrategy.type that the served ManifestWork accepts."""
    feedback_by_watch: bool
    """Whether feedbackScrapeType is declared and may be Watch (OCM 1.2 and later)."""
    ibgu_status: frozenset[str]
    """Status fields that the served ImageBasedGroupUpgrade declares; empty: not served."""
    cgus: bool
    """Whether ClusterGroupUpgrade is served: TALM is or was here."""
    policies: bool
    """Whether ValidatingAdmissionPolicy is served (Kubernetes 1.30 and newer)."""
    seed_images: bool
    """Whether SeedImage is served: the catalogue of seed images."""
    fleet_updates: bool
    """Whether FleetUpdate is served."""
    rollout_policies: bool
    """Whether RolloutPolicy is served."""
    grants: bool
    """Whether RolloutApproval and BreakGlass are served."""

    @property
    def streaming_lists(self) -> bool:
        return self.version.number >= STREAMING_LISTS_SINCE

    @property
    def ibgus(self) -> bool:
        return bool(self.ibgu_status)


async def discover(client: Hub) -> Served:
    """Reads what the hub serves, once at start. Raises HubError, also if ibgu may not read the
    namespace."""
    hub = await client.get(paths.namespace("kube-system"), ObjectIdentity)
    version = await client.get(paths.VERSION, dict[str, Any])
    index = (await client.get(paths.OPENAPI, dict[str, Any])).get("paths", {})
    work = await _schema(client, index, paths.WORK_GROUP, "v1", "ManifestWork")
    ibgu = await _schema(
        client, index, paths.IBGU_GROUP, paths.IBGU_VERSION, "ImageBasedGroupUpgrade"
    )
    cgu = await _schema(client, index, paths.CGU_GROUP, paths.CGU_VERSION, "ClusterGroupUpgrade")
    policy = await _schema(client, index, paths.ADMISSION_GROUP, "v1", "ValidatingAdmissionPolicy")
    own = await _schemas(client, index, paths.OWN_GROUP, "v1alpha1")
    option = _field(work, "spec", "manifestConfigs", "[]")
    return Served(
        hub=hub.metadata.uid,
        version=ServerVersion(
            version.get("major", ""), version.get("minor", ""), version.get("gitVersion", "")
        ),
        works=work is not None,
        update_strategies=_enum(_field(option, "updateStrategy", "type")),
        feedback_by_watch="Watch" in _enum(_field(option, "feedbackScrapeType")),
        ibgu_status=frozenset(_properties(_field(ibgu, "status"))),
        cgus=cgu is not None,
        policies=policy is not None,
        seed_images=_kind(own, paths.OWN_GROUP, "v1alpha1", "SeedImage") is not None,
        fleet_updates=_kind(own, paths.OWN_GROUP, "v1alpha1", names.FLEET_UPDATE) is not None,
        rollout_policies=_kind(own, paths.OWN_GROUP, "v1alpha1", "RolloutPolicy") is not None,
        grants=all(
            _kind(own, paths.OWN_GROUP, "v1alpha1", kind) is not None
            for kind in ("RolloutApproval", "BreakGlass")
        ),
    )


class _Resource(Struct):
    name: str = ""


class _Resources(Struct):
    """_Resources is an APIResourceList."""

    resources: list[_Resource] = []


async def served_plurals(client: Hub, path: str) -> frozenset[str]:
    """Returns the plurals of what the hub serves of a group's version, by its path. Raises
    HubError."""
    found = await client.get(path, _Resources)
    return frozenset(each.name for each in found.resources)


async def _schema(
    client: Hub, index: JsonObject, group: str, version: str, kind: str
) -> JsonObject | None:
    """Returns the schema of a kind; None if it is not served."""
    return _kind(await _schemas(client, index, group, version), group, version, kind)


def _kind(document: JsonObject, group: str, version: str, kind: str) -> JsonObject | None:
    return _find(document, {"group": group, "version": version, "kind": kind})


async def _schemas(client: Hub, index: JsonObject, group: str, version: str) -> JsonObject:
    """Returns the document with the schemas of a group's version; empty if it is not served."""
    entry = index.get(f"apis/{group}/{version}")
    if entry is None:
        return {}
    path, _, query = str(entry["serverRelativeURL"]).partition("?")
    hash_ = {"hash": query.removeprefix("hash=")} if query.startswith("hash=") else {}
    try:
        return await _document(client, path, hash_)
    except HubError as error:
        if error.not_found:
            return {}
        raise


async def _document(client: Hub, path: str, hash_: dict[str, str]) -> JsonObject:
    """Reads a document; a redirect means that it is newer than the index, because some CRD has just
    changed."""
    try:
        return await client.get(path, dict[str, Any], query=hash_)
    except HubError as error:
        if error.status != HTTPStatus.MOVED_PERMANENTLY:
            raise
        return await client.get(path, dict[str, Any])


def _find(document: JsonObject, kind: dict[str, str]) -> JsonObject | None:
    schemas: dict[str, JsonObject] = document.get("components", {}).get("schemas", {})
    for schema in schemas.values():
        if kind in schema.get("x-kubernetes-group-version-kind", ()):
            return schema
    return None


def _field(schema: JsonObject | None, *path: str) -> JsonObject | None:
    """Returns the schema of a field, "[]" for the items of a list; None if it is not declared."""
    for part in path:
        if schema is None:
            return None
        schema = schema.get("items") if part == "[]" else _properties(schema).get(part)
    return schema


def _properties(schema: JsonObject | None) -> JsonObject:
    properties: JsonObject = (schema or {}).get("properties", {})
    return properties


def _enum(schema: JsonObject | None) -> frozenset[str]:
    return frozenset((schema or {}).get("enum", ()))
