"""Routes for seed images, read on the hub with the caller's own token."""

from fastapi import APIRouter

from ibgu.api.problems import Problem
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.access import CallerOfRequest
from ibgu.api.requests.guarded import AuthenticatedRoute
from ibgu.api.requests.hub import HubOfCaller
from ibgu.api.requests.inputs import Name, ReadsOfRequest
from ibgu.api.requests.refusals import read_refusals_as_problems
from ibgu.api.requests.visible import Visible
from ibgu.api.seeds.mapping import seed_body, seeds_body
from ibgu.api.seeds.schemas import SeedImageBody, SeedImagesBody
from ibgu.core.model.seed_image import digest
from ibgu.hub import paths
from ibgu.hub.authorization.access import AccessReview
from ibgu.hub.seeds import read_catalogue, read_seed_image

router = APIRouter(prefix="/seed-images", tags=["seed images"], route_class=AuthenticatedRoute)


@router.get(
    "", responses=problems(401, 403, 422, 503), summary="List seed images with their results"
)
async def seed_images(
    caller: CallerOfRequest, hub: HubOfCaller, visible: Visible, reads: ReadsOfRequest
) -> SeedImagesBody:
    """The catalogue, and images that rollouts have used without an entry, for users who may
    `list seedimages`. Results are those of rollouts that the caller may read."""
    question = AccessReview("list", paths.OWN_GROUP, "seedimages")
    await caller.require(question)
    with read_refusals_as_problems(caller.user, question):
        catalogue = await read_catalogue(hub)
    return seeds_body(catalogue, await reads.seeds(namespaces=visible))


@router.get(
    "/{name}",
    responses=problems(401, 403, 404, 422, 503),
    summary="Get an entry of the catalogue with its results",
)
async def seed_image(
    name: Name,
    caller: CallerOfRequest,
    hub: HubOfCaller,
    visible: Visible,
    reads: ReadsOfRequest,
) -> SeedImageBody:
    """For users who may `get seedimages` of that name. Results are those of rollouts that the
    caller may read, whatever address they pull the image from."""
    question = AccessReview("get", paths.OWN_GROUP, "seedimages", name=name)
    await caller.require(question)
    with read_refusals_as_problems(caller.user, question):
        found = await read_seed_image(hub, name)
    if found is None:
        raise Problem(404, "not-found", f"there is no SeedImage {name} on the hub")
    used = await reads.seeds(namespaces=visible, seed=digest(found.spec.image))
    return seed_body(found, used[0] if used else None)
