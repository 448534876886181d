"""Routes for the history as it happens, as server-sent events."""

from collections.abc import Collection
from contextlib import AbstractContextManager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request

from ibgu.api.context import Context
from ibgu.api.problems.schemas import problems
from ibgu.api.requests.access import CallerOfRequest, SessionOfRequest
from ibgu.api.requests.async_dependency import async_dependency
from ibgu.api.requests.guarded import AuthenticatedRoute
from ibgu.api.requests.inputs import RolloutOfPath
from ibgu.api.requests.readable import readable_by
from ibgu.api.stream import EventStream, Feed
from ibgu.core.model import Rollout

router = APIRouter(route_class=AuthenticatedRoute)

_LAST = 2**63 - 1
After = Annotated[
    int | None,
    Query(
        ge=0, le=_LAST, description="Only events with a higher number; default: only new events."
    ),
]
LastEventId = Annotated[
    int | None,
    Header(
        alias="Last-Event-ID", ge=0, le=_LAST, description="Like `after`; takes precedence over it."
    ),
]
_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Messages `event` with an EventBody each; their id is its `seq`.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


async def _feed(request: Request) -> Feed:
    feed: Feed = request.app.state.feed
    return feed


FeedOfProcess = Annotated[Feed, Depends(_feed)]


async def _place(request: Request, caller: CallerOfRequest) -> AbstractContextManager[None]:
    """Returns a place among the streams, taken once the stream begins."""
    context: Context = request.app.state.context
    return context.streams.held(caller.user.counted_as)


PlaceOfRequest = Annotated[AbstractContextManager[None], Depends(_place)]


class _Reader:
    """_Reader is the caller as the audience of a stream: of all rollouts, or of one."""

    def __init__(
        self,
        feed: FeedOfProcess,
        session: SessionOfRequest,
        caller: CallerOfRequest,
        place: PlaceOfRequest,
        after: After = None,
        last_event_id: LastEventId = None,
    ) -> None:
        self._feed = feed
        self._session = session
        self._caller = caller
        self._place = place
        self._after = last_event_id if last_event_id is not None else after
        self._rollout: Rollout | None = None

    def stream(self, rollout: Rollout | None = None) -> EventStream:
        self._rollout = rollout
        uid = rollout.uid if rollout is not None else None
        return EventStream(self._feed, self, self._place, after=self._after, rollout=uid)

    async def renew(self) -> None:
        self._caller = await self._session.caller()
        if self._rollout is not None:
            await self._caller.require_rollouts(self._rollout.namespace)

    async def namespaces(self) -> Collection[str] | None:
        return (await readable_by(self._caller, self._feed.reads)).namespaces

    async def may_read_events(self, rollout: str) -> bool:
        if self._rollout is not None:
            return True
        namespace = await self._feed.namespace(rollout)
        return namespace is not None and await self._caller.may_read_rollouts(namespace)


ReaderOfRequest = Annotated[_Reader, Depends(async_dependency(_Reader))]


@router.get(
    "/rollouts/{namespace}/{name}/stream",
    name="stream",
    tags=["rollouts"],
    status_code=200,
    response_class=EventStream,
    responses=_ANSWER | problems(401, 403, 404, 422, 503),
    summary="Stream the events of a rollout",
)
async def stream_of_rollout(found: RolloutOfPath, reader: ReaderOfRequest) -> EventStream:
    """Server-sent events, until the client goes."""
    return reader.stream(found.rollout)


@router.get(
    "/stream",
    name="stream_all",
    tags=["rollouts"],
    status_code=200,
    response_class=EventStream,
    responses=_ANSWER | problems(401, 403, 422, 503),
    summary="Stream the events of all rollouts",
)
async def stream_of_hub(reader: ReaderOfRequest) -> EventStream:
    """Events of the namespaces in which the caller may `get imagebasedgroupupgrades`."""
    return reader.stream()
