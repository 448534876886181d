"""The route for clusters that a seed image is to be generated from."""

from fastapi import APIRouter

from ibgu.api.problems import Problem
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.access import CLUSTERS, CallerOfRequest
from ibgu.api.requests.guarded import AuthenticatedRoute
from ibgu.api.requests.hub import HubOfCaller
from ibgu.api.requests.inputs import ClusterName, ReadsOfRequest
from ibgu.api.requests.refusals import read_refusals_as_problems
from ibgu.api.requests.visible import ReadableForCaller
from ibgu.api.seed_candidates.mapping import candidate_body
from ibgu.api.seed_candidates.schemas import SeedCandidateBody
from ibgu.core.drivers.ibu.preflight import cluster_facts
from ibgu.core.drivers.ibu.seeds import CandidateFacts
from ibgu.core.model.kinds import ManagedCluster
from ibgu.core.model.shown import view_cluster
from ibgu.hub import paths
from ibgu.hub.authorization.access import AccessReview
from ibgu.hub.errors import HubError
from ibgu.hub.port import Hub
from ibgu.hub.seeds import read_attachments

router = APIRouter(prefix="/clusters", tags=["seed images"], route_class=AuthenticatedRoute)


@router.get(
    "/{name}/seed",
    responses=problems(401, 403, 404, 422, 503),
    summary="Check a cluster before a seed image is generated from it",
)
async def seed_candidate(
    name: ClusterName,
    caller: CallerOfRequest,
    hub: HubOfCaller,
    readable: ReadableForCaller,
    reads: ReadsOfRequest,
) -> SeedCandidateBody:
    """Nothing changes. For users who may `get managedclusters` of that name; ManifestWorks and
    add-ons that the caller may not list are unknown."""
    question = AccessReview("get", paths.CLUSTER_GROUP, CLUSTERS, name=name)
    await caller.require(question)
    with read_refusals_as_problems(caller.user, question):
        found = await _cluster(hub, name)
        works = await read_attachments(hub, paths.works(name))
        addons = await read_attachments(hub, paths.addons(name))
    visits = (await reads.visits(name)).items
    busy = [each.member for each in visits if not each.member.member.finished]
    facts = CandidateFacts(
        cluster=cluster_facts(found),
        local=view_cluster(found).local,
        rollouts=tuple(dict.fromkeys(readable.full_name(m.namespace, m.name) for m in busy)),
        works=works,
        addons=addons,
    )
    return candidate_body(facts)


async def _cluster(hub: Hub, name: str) -> ManagedCluster:
    """Returns the ManagedCluster. Raises HubError and Problem."""
    try:
        return await hub.get(paths.managed_cluster(name), ManagedCluster)
    except HubError as error:
        if error.not_found:
            raise Problem(404, "not-found", f"there is no cluster {name} on the hub") from error
        raise
