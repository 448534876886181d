"""Routes that retry, cancel, roll back and finalize: on the hub, with the caller's own token."""

from functools import partial

from fastapi import APIRouter

from ibgu.api.follow_ups.follow_ups import FollowUpsOfRequest
from ibgu.api.follow_ups.schemas import (
    CancelBody,
    ConfirmCleanupBody,
    FollowUpBody,
    OfClustersBody,
    RetryBody,
    RollBackBody,
)
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.guarded import AuthenticatedRoute
from ibgu.core.views import change

router = APIRouter(
    prefix="/rollouts/{namespace}/{name}", tags=["changes"], route_class=AuthenticatedRoute
)
_PROBLEMS = problems(401, 403, 404, 409, 415, 422, 503)


@router.post(
    "/cancel", status_code=202, responses=_PROBLEMS, summary="Cancel: return clusters to Idle"
)
async def cancel(following: FollowUpsOfRequest, body: CancelBody | None = None) -> FollowUpBody:
    """Aborts clusters that are not upgraded yet. Needs the rights to list ManagedClusters and to
    create an ImageBasedGroupUpgrade."""
    given = body or CancelBody()
    return await following.make(given, partial(change.cancel, which=given.which))


@router.post(
    "/rollback",
    status_code=202,
    responses=_PROBLEMS,
    summary="Roll back upgraded clusters to their previous release",
)
async def rollback(following: FollowUpsOfRequest, body: RollBackBody | None = None) -> FollowUpBody:
    """Rolls back clusters that are upgraded and not finalized, or, if `failed` is set, those whose
    Upgrade failed on the new release. Needs the rights to list ManagedClusters and to create an
    ImageBasedGroupUpgrade."""
    given = body or RollBackBody()
    decide = partial(change.roll_back, finalize=given.finalize, failed=given.failed)
    return await following.make(given, decide)


@router.post(
    "/finalize", status_code=202, responses=_PROBLEMS, summary="Finalize upgrades or rollbacks"
)
async def finalize(
    following: FollowUpsOfRequest, body: OfClustersBody | None = None
) -> FollowUpBody:
    """Finalizes clusters that are upgraded, or, if the rollout rolls back, those that are rolled
    back. Needs the rights to list ManagedClusters and to create an ImageBasedGroupUpgrade."""
    return await following.make(body or OfClustersBody(), change.finalize)


@router.post("/retry", status_code=202, responses=_PROBLEMS, summary="Retry failed clusters")
async def retry(following: FollowUpsOfRequest, body: RetryBody | None = None) -> FollowUpBody:
    """Creates a new ImageBasedGroupUpgrade for these clusters alone. A cluster that has failed Prep
    or Upgrade must be aborted first. Needs the rights to list ManagedClusters and to create an
    ImageBasedGroupUpgrade."""
    given = body or RetryBody()
    decide = partial(change.retry_failed, abort_first=given.abort_first)
    return await following.make(given, decide, given.cause)


@router.post(
    "/confirm-cleanup",
    status_code=202,
    responses=_PROBLEMS,
    summary="Confirm a manual cleanup, and repeat the abort or finalize",
)
async def confirm_cleanup(following: FollowUpsOfRequest, body: ConfirmCleanupBody) -> FollowUpBody:
    """States that someone has cleaned up on clusters whose abort or finalize could not, and runs
    it again there. Needs the rights to list ManagedClusters and to create an
    ImageBasedGroupUpgrade."""
    decide = partial(change.confirm_cleanup, reason=body.reason, action=body.action)
    return await following.make(body, decide)
