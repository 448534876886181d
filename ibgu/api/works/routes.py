"""Routes for what ibgu's works ask of a cluster, read on the hub with the caller's own token."""

from datetime import UTC, datetime
from http import HTTPStatus

import structlog
from fastapi import APIRouter

from ibgu.api.problems import RETRY_SECONDS, Problem, unauthenticated, unavailable
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.access import CallerOfRequest, forbidden
from ibgu.api.requests.guarded import AuthenticatedRoute
from ibgu.api.requests.hub import HubOfCaller
from ibgu.api.requests.inputs import ClusterName, ReadsOfRequest, unknown_cluster
from ibgu.api.works.mapping import work_body
from ibgu.api.works.schemas import WorksBody
from ibgu.core.views.reported import reported
from ibgu.hub import paths
from ibgu.hub.authorization.access import AccessReview, User
from ibgu.hub.errors import HubError
from ibgu.hub.works import works_of

router = APIRouter(prefix="/clusters", tags=["clusters"], route_class=AuthenticatedRoute)
log = structlog.get_logger("ibgu.api")


@router.get(
    "/{name}/works",
    name="cluster_works",
    responses=problems(401, 403, 404, 422, 503),
    summary="Show what ibgu's ManifestWorks request from a cluster, and what its agent reports",
)
async def works(
    name: ClusterName, caller: CallerOfRequest, hub: HubOfCaller, reads: ReadsOfRequest
) -> WorksBody:
    """Works as the hub has them now, for users who may `list manifestworks` in the cluster's
    namespace. Their contents are not shown."""
    now = datetime.now(UTC)
    try:
        found = await works_of(hub, name)
    except HubError as error:
        raise refusal(error, name, caller.user) from error
    if not found and not (await reads.visits(name, limit=1)).items:
        raise unknown_cluster(name)
    items = [work_body(reported(work)) for work in found]
    return WorksBody(cluster=name, read_at=now, items=items)


def refusal(error: HubError, cluster: str, user: User) -> Problem:
    """Returns the problem for a refused read of the cluster's works."""
    match error.status:
        case HTTPStatus.UNAUTHORIZED:
            return unauthenticated("the hub does not accept this token", error="invalid_token")
        case HTTPStatus.FORBIDDEN:
            right = AccessReview("list", paths.WORK_GROUP, "manifestworks", namespace=cluster)
            return forbidden(user, right)
    log.warning("works not read", user=user.username, cluster=cluster, error=str(error))
    words = f"the hub did not return the works of {cluster}: {error.message}; try again"
    return unavailable("hub-unavailable", words, seconds=error.retry_after or RETRY_SECONDS)
