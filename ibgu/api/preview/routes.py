"""The route for what a plan would do."""

from datetime import UTC, datetime

from fastapi import APIRouter, Depends

from ibgu.api.preview.previews import PreviewingOfRequest
from ibgu.api.preview.proposals import of_manifest, of_rollout
from ibgu.api.preview.schemas import PreviewBody, ProposalBody
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.access import CallerOfRequest
from ibgu.api.requests.guarded import AuthenticatedRoute
from ibgu.api.requests.inputs import ReadsOfRequest

router = APIRouter(tags=["changes"], route_class=AuthenticatedRoute)


async def _may_list(caller: CallerOfRequest) -> None:
    await caller.require_clusters()


@router.post(
    "/preview",
    name="preview",
    dependencies=[Depends(_may_list)],
    responses=problems(401, 403, 404, 409, 415, 422, 503),
    summary="Preview what a plan would do, without changing anything",
)
async def previewed(
    caller: CallerOfRequest,
    reads: ReadsOfRequest,
    previewing: PreviewingOfRequest,
    body: ProposalBody,
) -> PreviewBody:
    """A caller needs the right to `list managedclusters`; with tenancy also `managedclustersets`,
    and `managedclustersetbindings` of the namespace. ConfigMaps and the pull secret are looked for,
    and the hub's admission is asked, as far as the caller's rights go."""
    if body.manifest is not None:
        asked = of_manifest(body.manifest)
    else:
        await caller.require_rollouts(body.namespace or "")
        asked = await of_rollout(body, reads, datetime.now(UTC))
    return await previewing.preview(asked)
