"""Routes for RolloutPolicies, as the controller has them in force."""

from fastapi import APIRouter

from ibgu.api.policies.mapping import policies_body, policy_body
from ibgu.api.policies.schemas import PoliciesBody, PolicyDetailBody
from ibgu.api.problems import Problem
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.access import CallerOfRequest
from ibgu.api.requests.guarded import AuthenticatedRoute
from ibgu.api.requests.inputs import Name, ReadsOfRequest
from ibgu.api.requests.visible import Visible
from ibgu.hub import paths
from ibgu.hub.authorization.access import AccessReview

router = APIRouter(prefix="/policies", tags=["policies"], route_class=AuthenticatedRoute)

_PLURAL = "rolloutpolicies"


@router.get("", responses=problems(401, 403, 422, 503), summary="List policies with what they hold")
async def policies(
    caller: CallerOfRequest, visible: Visible, reads: ReadsOfRequest
) -> PoliciesBody:
    """The policies in force, for users who may `list rolloutpolicies`. What they hold is counted
    in rollouts that the caller may read."""
    await caller.require(AccessReview("list", paths.OWN_GROUP, _PLURAL))
    return policies_body(await reads.policies(namespaces=visible))


@router.get(
    "/{name}",
    responses=problems(401, 403, 404, 422, 503),
    summary="Get a policy with the rollouts that it holds",
)
async def policy(
    name: Name, caller: CallerOfRequest, visible: Visible, reads: ReadsOfRequest
) -> PolicyDetailBody:
    """For users who may `get rolloutpolicies` of that name. It has the rollouts that the caller
    may read."""
    await caller.require(AccessReview("get", paths.OWN_GROUP, _PLURAL, name=name))
    found = await reads.policies(namespaces=visible, policy=name)
    if not found.items:
        raise Problem(404, "not-found", f"no RolloutPolicy {name} is in force on the hub")
    return policy_body(found.items[0], found.now)
