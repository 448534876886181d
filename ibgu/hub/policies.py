"""Reads the policies that the hub has replicated for clusters, and counts their manifests; and
those that people have written."""

import asyncio
from collections.abc import Collection, Iterator, Sequence

from msgspec import field

from ibgu.core.drivers.ibu.preflight.policies import ClusterPolicies, Policy, labelled
from ibgu.core.model.kinds import JsonObject, ObjectMeta, WireStruct
from ibgu.core.text.cut import cut
from ibgu.hub import paths
from ibgu.hub.decode import BadObject
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub

REPLICATED = "policy.open-cluster-management.io/root-policy"
"""The label of policies that the hub has copied into a cluster's namespace."""
_PAGE = 100
_AT_A_TIME = 20
MAX_SECONDS = 15.0
"""Limit for all clusters together: routers in front often end a request after 30."""

NO_POLICIES = "the hub serves no policies of policy.open-cluster-management.io"
FORBIDDEN = "you may not list policies in the cluster's namespace"
TOO_LATE = "the hub did not list them in time"


class _WrittenPolicy(WireStruct, frozen=True, gc=False, rename="camel"):
    metadata: ObjectMeta = ObjectMeta()
    spec: JsonObject = field(default_factory=dict)


async def read_written_policies(hub: Hub, names: Collection[str]) -> list[JsonObject]:
    """Returns the policies by these names in all namespaces, without the hub's own copies for
    clusters. Raises HubError."""
    wanted = frozenset(names)
    pages = hub.list_pages(paths.policies(), _WrittenPolicy, selector=f"!{REPLICATED}", limit=_PAGE)
    return [
        {
            "kind": "Policy",
            "metadata": {"name": each.metadata.name, "namespace": each.metadata.namespace},
            "spec": each.spec,
        }
        async for page, _ in pages
        for each in page
        if each.metadata.name in wanted
    ]


async def read_policies(
    hub: Hub, clusters: Sequence[str], releases: tuple[str, ...], *, seconds: float = MAX_SECONDS
) -> dict[str, ClusterPolicies]:
    """Lists the policies of each cluster, some clusters at a time; `releases`: labels of the
    manifests that count. Errors of the hub are in the result."""
    found: dict[str, ClusterPolicies] = {}
    left = iter(clusters)
    try:
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
            for _ in range(min(_AT_A_TIME, len(clusters))):
                tasks.create_task(_read(hub, left, releases, found))
    except TimeoutError:
        pass
    missing = next((each for each in found.values() if each.problem == NO_POLICIES), None)
    rest = missing or ClusterPolicies(problem=TOO_LATE)
    return {name: found.get(name, rest) for name in clusters}


async def _read(
    hub: Hub, left: Iterator[str], releases: tuple[str, ...], found: dict[str, ClusterPolicies]
) -> None:
    for name in left:
        found[name] = await _read_cluster(hub, name, releases)
        if found[name].problem == NO_POLICIES:
            return


async def _read_cluster(hub: Hub, name: str, releases: tuple[str, ...]) -> ClusterPolicies:
    policies: list[Policy] = []
    malformed: list[BadObject] = []
    try:
        pages = hub.list_pages(
            *(paths.policies(name), Policy),
            selector=REPLICATED,
            limit=_PAGE,
            on_bad=malformed.append,
        )
        async for page, _ in pages:
            policies += page
    except HubError as error:
        return ClusterPolicies(problem=_problem(error))
    if malformed:
        return ClusterPolicies(problem=cut(str(malformed[0])))
    return ClusterPolicies(labelled(policies, releases))


def _problem(error: HubError) -> str:
    if error.not_found:
        return NO_POLICIES
    return FORBIDDEN if error.status == 403 else f"the hub did not list them: {cut(error.message)}"
