"""Declares the kinds that the hub serves, and what a path names."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from urllib.parse import unquote

import yaml
from msgspec import Struct, structs

from ibgu.core.model import names
from ibgu.core.model.kinds import JsonObject
from ibgu.hub import paths
from ibgu.resources import shipped


class Resource(Struct, frozen=True, eq=False, kw_only=True):
    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    status: bool = False
    """Whether status is a subresource: the main one ignores it, and it ignores everything else."""
    counted: bool = False
    """Whether objects have a generation."""
    custom: bool = False
    schema: JsonObject | None = None
    """A structural schema: objects are pruned, completed and validated by it."""
    published_schema: JsonObject | None = None
    """The schema that the server shows for a kind whose objects it does not validate."""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """The name in messages: "managedclusters.cluster.open-cluster-management.io"."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


class ResourcePath(Struct, frozen=True):
    """ResourcePath is what a path names; `name` is empty for a collection, `namespace` for all of
    them."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    def holds(self, namespace: str, name: str) -> bool:
        return self.namespace in ("", namespace) and self.name in ("", name)


def _enumerated(*values: str) -> JsonObject:
    return {"type": "string", "enum": list(values)}


def _object(**properties: JsonObject) -> JsonObject:
    return {"type": "object", "properties": properties}


def work_schema(*, watched: bool) -> JsonObject:
    """Returns what ibgu reads of ManifestWork's schema; `watched`: as of OCM 1.2 and later."""
    strategy = _enumerated("Update", "CreateOnly", "ServerSideApply", "ReadOnly")
    scrape = {"feedbackScrapeType": _enumerated("Poll", "Watch")} if watched else {}
    config = _object(updateStrategy=_object(type=strategy), **scrape)
    return _object(spec=_object(manifestConfigs={"type": "array", "items": config}))


SECRET_SCHEMA = _object(
    apiVersion={},
    kind={},
    metadata={},
    type={"type": "string", "default": "Opaque"},
    data={"type": "object", "additionalProperties": {"type": "string"}},
)


def ibgu_schema() -> JsonObject:
    return crd_schema("imagebasedgroupupgrades")


@cache
def crd_schema(plural: str) -> JsonObject:
    """Returns the schema in the CRD that the chart ships."""
    text = (shipped("charts/ibgu") / "crds" / f"{plural}.yaml").read_text()
    crd: Any = yaml.safe_load(text)
    schema: JsonObject = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


CGUS = Resource(
    group=paths.CGU_GROUP,
    version=paths.CGU_VERSION,
    plural="clustergroupupgrades",
    kind="ClusterGroupUpgrade",
    status=True,
    counted=True,
    custom=True,
)
"""TALM's kind, on a hub on which TALM was installed."""


def _of_tenancy(kind: str, *, namespaced: bool) -> Resource:
    return Resource(
        group=paths.CLUSTER_GROUP,
        version="v1beta2",
        plural=f"{kind.lower()}s",
        kind=kind,
        namespaced=namespaced,
        status=True,
        counted=True,
        custom=True,
    )


CLUSTER_SETS = _of_tenancy("ManagedClusterSet", namespaced=False)
CLUSTER_SET_BINDINGS = _of_tenancy("ManagedClusterSetBinding", namespaced=True)
"""The kind of a hub whose namespaces may take only the clusters that are bound to them."""


def _unlisted(schema: JsonObject) -> JsonObject:
    """Returns the IBGU's schema without the entries of each cluster in the status."""
    properties = schema["properties"]
    status = properties["status"]
    shown = {**status["properties"], "clusters": {"type": "array"}}
    return {**schema, "properties": {**properties, "status": {**status, "properties": shown}}}


def resources(*, listed: bool = True, watched: bool = True) -> tuple[Resource, ...]:
    """Returns the kinds. `listed`: all entries of an IBGU's status are validated, which takes long
    for thousands. `watched`: works may ask for feedback by watch."""
    schema = ibgu_schema() if listed else _unlisted(ibgu_schema())
    ibgu = _custom(paths.IBGU_GROUP, paths.IBGU_VERSION, "ImageBasedGroupUpgrade", schema)
    return (
        ibgu,
        structs.replace(_custom(paths.CLUSTER_GROUP, "v1", "ManagedCluster"), namespaced=False),
        structs.replace(
            _custom(paths.WORK_GROUP, "v1", "ManifestWork"),
            published_schema=work_schema(watched=watched),
        ),
        _plain("coordination.k8s.io", "Lease"),
        _plain("events.k8s.io", "Event"),
        structs.replace(_plain("apps", "Deployment"), status=True, counted=True),
        _plain("", "ConfigMap"),
        structs.replace(_plain("", "Secret"), schema=SECRET_SCHEMA),
        structs.replace(_plain("", "Namespace"), namespaced=False, status=True),
    )


def _custom(group: str, version: str, kind: str, schema: JsonObject | None = None) -> Resource:
    return Resource(
        group=group,
        version=version,
        plural=f"{kind.lower()}s",
        kind=kind,
        status=True,
        counted=True,
        custom=True,
        schema=schema,
    )


def fleet_updates() -> Resource:
    """Returns the kind of a hub that serves FleetUpdates."""
    schema = crd_schema("fleetupdates")
    return _custom(paths.OWN_GROUP, "v1alpha1", names.FLEET_UPDATE, schema)


SEED_IMAGES = structs.replace(_custom(paths.OWN_GROUP, "v1alpha1", "SeedImage"), namespaced=False)
"""The kind of a hub that serves SeedImages, which it does not validate."""


ROLLOUT_POLICIES = structs.replace(
    _custom(paths.OWN_GROUP, "v1alpha1", "RolloutPolicy"),
    namespaced=False,
    plural="rolloutpolicies",
)
"""The kind of a hub that serves RolloutPolicies, which it does not validate."""


GRANTS = (
    _custom(paths.OWN_GROUP, "v1alpha1", "RolloutApproval"),
    structs.replace(_custom(paths.OWN_GROUP, "v1alpha1", "BreakGlass"), plural="breakglasses"),
)
"""The kinds of a hub that serves grants, which it does not validate."""


def _plain(group: str, kind: str) -> Resource:
    return Resource(group=group, version="v1", plural=f"{kind.lower()}s", kind=kind)


Served = Mapping[tuple[str, str], Resource]
"""Keyed by API version and plural."""


def served(known: Iterable[Resource]) -> Served:
    return {(resource.api_version, resource.plural): resource for resource in known}


def target_of(path: str, known: Served) -> ResourcePath | None:
    """Returns the target; None for a path that the hub does not serve."""
    parts = path.strip("/").split("/")
    if "%" in path:
        parts = [unquote(part) for part in parts]
    head, rest = (parts[:2], parts[2:]) if parts[0] == "api" else (parts[:3], parts[3:])
    api = "/".join(head[1:])
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces":
        namespace, rest = rest[1], rest[2:]
        if len(rest) == 1 and rest[0] in ("finalize", "status") and api == "v1":
            rest = ["namespaces", namespace, rest[0]]
            namespace = ""
    resource = known.get((api, rest[0])) if rest else None
    if resource is None:
        return None
    name, sub = [*rest[1:3], "", ""][:2]
    return ResourcePath(resource, namespace, name, sub)
