"""Gathers logs of clusters by ManifestWorks, with the caller's rights on the hub."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.drivers.ibu.gather import (
    MANAGER,
    NAME,
    RUN,
    UNTIL,
    GatherRequest,
    GatherResult,
    ResultError,
    failure_of,
    gather_body,
    obstacles_of,
    result_of,
)
from ibgu.core.drivers.ibu.gather.upload import Upload
from ibgu.core.drivers.ibu.preparation.work import under_way
from ibgu.core.model import names
from ibgu.core.model.kinds import ManifestWork
from ibgu.hub import paths
from ibgu.hub.errors import HubError
from ibgu.hub.paths import MERGE_PATCH
from ibgu.hub.port import Hub
from ibgu.hub.preparing import CLOCK_SKEW
from ibgu.hub.works import works_of

INTERVAL = 1.0
"""Seconds between two looks at a work."""
REFRESH_SECONDS = 5.0
"""Seconds between two requests for feedback. Agents on single-node clusters report by themselves
every 60 to 114 seconds."""
START_SECONDS = 60
"""Seconds that a Job may take to begin, beyond those that it may run."""
DELETE_ATTEMPTS = 5
"""How often a work is deleted before a person has to."""
CLEANUP_SECONDS = 60.0
"""Seconds to wait until a cluster has removed the work's objects."""


_NO_UPLOADS: Mapping[str, Upload] = {}


class GatherOutcome(Struct, frozen=True):
    """GatherOutcome has a result, or says why there is none."""

    result: GatherResult | None = None
    problem: str = ""
    note: str = ""
    """What a person should know besides."""

    def with_note(self, note: str) -> "GatherOutcome":
        """Returns the outcome with one more note, which follows the problem if there is one."""
        if self.problem:
            return GatherOutcome(problem="; ".join(filter(None, [self.problem, note])))
        return GatherOutcome(self.result, note="; ".join(filter(None, [self.note, note])))


class _Failed(Exception):
    """_Failed says why a cluster's logs can't be gathered."""


class Gatherer:
    """Gatherer gathers from one cluster after the other, or from many at once. `seconds`: after
    which a cluster ends its Job; `uploads`: where must-gather archives go, by cluster."""

    def __init__(
        self, hub: Hub, image: str, seconds: int, uploads: Mapping[str, Upload] = _NO_UPLOADS
    ) -> None:
        self._hub = hub
        self._image = image
        self._seconds = seconds
        self._uploads = uploads

    async def obstacle(self, cluster: str) -> str:
        """Returns why nothing can be gathered now; empty: it can. Raises HubError."""
        rollout = under_way(await works_of(self._hub, cluster))
        if rollout:
            # An upgrade restarts the cluster, and the agent would create the Job once more.
            return f"{rollout} acts on it: gather its logs afterwards"
        found = await self._found(cluster)
        return _taken(found) if found is not None else ""

    async def gather(self, cluster: str) -> GatherOutcome:
        """Returns the outcome without the address of an upload; a HubError is one too. The work is
        deleted whatever happens."""
        outcome = await self._gather(cluster)
        upload = self._uploads.get(cluster)
        return outcome if upload is None else _redacted(outcome, upload)

    async def _gather(self, cluster: str) -> GatherOutcome:
        try:
            if obstacle := await self.obstacle(cluster):
                return GatherOutcome(problem=obstacle)
            await self._remove_expired(cluster)
        except (_Failed, HubError) as error:
            return GatherOutcome(problem=_words(error))
        request = self._request(cluster)
        try:
            outcome = await self._carried_out(cluster, request)
            note = await self._remove(cluster, request.run)
        except asyncio.CancelledError:
            # Once more, where the removal itself was interrupted.
            if left := await self._remove(cluster, request.run):
                return GatherOutcome(problem=left)
            raise
        if outcome.result is not None and not note:
            note = await self._still_there(cluster)
        return outcome.with_note(note)

    async def _carried_out(self, cluster: str, request: GatherRequest) -> GatherOutcome:
        """Creates the work and waits for its result."""
        try:
            body = gather_body(request)
            await self._hub.request("POST", paths.works(cluster), body=body)
            return await self._result(cluster, request)
        except (_Failed, ResultError, HubError) as error:
            return GatherOutcome(problem=_words(error))

    def _request(self, cluster: str) -> GatherRequest:
        until = datetime.now(UTC) + timedelta(seconds=self._seconds + START_SECONDS)
        return GatherRequest(
            run=uuid4().hex,
            image=self._image,
            seconds=self._seconds,
            until=until,
            upload=self._uploads.get(cluster),
        )

    async def _remove(self, cluster: str, run: str) -> str:
        """Deletes the work, and tries again while the hub does not respond; returns that it may
        still be there, and what to do."""
        why = ""
        for attempt in range(DELETE_ATTEMPTS):
            if attempt:
                await asyncio.sleep(INTERVAL)
            try:
                await self._delete(cluster, run)
            except HubError as error:
                why = error.message
                if not error.transient:
                    break
            else:
                return ""
        return (
            f"its work may still be there, with its Job: {why}; delete the ManifestWork {NAME} in "
            f"namespace {cluster} of the hub"
        )

    async def _delete(self, cluster: str, run: str) -> None:
        """Deletes the work if it is that of the run: a request that got no response may have
        created it."""
        found = await self._found(cluster)
        if found is None or found.metadata.annotations.get(RUN, "") != run:
            return
        body = {"preconditions": {"uid": found.metadata.uid}}
        try:
            await self._hub.request("DELETE", paths.work(cluster, NAME), body=body)
        except HubError as error:
            if not error.not_found:
                raise

    async def _remove_expired(self, cluster: str) -> None:
        """Removes the work of a command that was killed."""
        found = await self._found(cluster)
        if found is None:
            return
        if obstacle := _taken(found):
            raise _Failed(obstacle)
        await self._delete(cluster, found.metadata.annotations.get(RUN, ""))
        if not await self._gone(cluster):
            raise _Failed("the work of an earlier run is still being deleted: try again later")

    async def _still_there(self, cluster: str) -> str:
        """Returns that the work is not gone yet; empty: it is."""
        try:
            return "" if await self._gone(cluster) else "its work is still being deleted"
        except HubError as error:
            return error.message

    async def _gone(self, cluster: str) -> bool:
        loop = asyncio.get_running_loop()
        until = loop.time() + CLEANUP_SECONDS
        while loop.time() < until:
            try:
                if await self._found(cluster) is None:
                    return True
            except HubError as error:
                if not error.transient:
                    raise
            await asyncio.sleep(INTERVAL)
        return False

    async def _found(self, cluster: str) -> ManifestWork | None:
        try:
            return await self._hub.get(paths.work(cluster, NAME), ManifestWork)
        except HubError as error:
            if error.not_found:
                return None
            raise

    async def _result(self, cluster: str, request: GatherRequest) -> GatherOutcome:
        """Returns the result, with what the work agent could not apply."""
        loop = asyncio.get_running_loop()
        path = paths.work(cluster, NAME)
        until = loop.time() + request.seconds + START_SECONDS
        refresh, count, obstacles, unseen = loop.time(), 0, "", ""
        while loop.time() < until:
            try:
                work = await self._hub.get(path, ManifestWork)
                if loop.time() >= refresh + REFRESH_SECONDS:
                    refresh, count = loop.time(), count + 1
                    patch = {"metadata": {"annotations": {names.REFRESH: str(count)}}}
                    await self._hub.request("PATCH", path, body=patch, content_type=MERGE_PATCH)
            except HubError as error:
                # A Job that runs is worth more than one request.
                if not error.transient:
                    raise
                unseen = error.message
                await asyncio.sleep(INTERVAL)
                continue
            unseen = ""
            if work.metadata.annotations.get(RUN) != request.run:
                raise _Failed("somebody else has replaced the work meanwhile")
            if work.metadata.deletion_timestamp is not None:
                raise _Failed("somebody else has deleted the work meanwhile")
            obstacles = obstacles_of(work)
            if (result := result_of(work, request.run)) is not None:
                return GatherOutcome(result, note=obstacles)
            if failure := failure_of(work):
                raise _Failed(f"{failure}; {obstacles}" if obstacles else failure)
            await asyncio.sleep(INTERVAL)
        words = f"has not answered for {request.seconds + START_SECONDS} s"
        if unseen:
            raise _Failed(f"the hub could not be asked any more: {unseen}")
        raise _Failed(f"{words}; {obstacles}" if obstacles else f"{words}: is it reachable?")


def _words(error: _Failed | ResultError | HubError) -> str:
    return error.message if isinstance(error, HubError) else str(error)


def _redacted(outcome: GatherOutcome, upload: Upload) -> GatherOutcome:
    result = outcome.result
    if result is not None:
        logs = tuple(replace(each, text=upload.redacted(each.text)) for each in result.logs)
        result = replace(result, logs=logs)
    return GatherOutcome(result, upload.redacted(outcome.problem), upload.redacted(outcome.note))


def _taken(found: ManifestWork) -> str:
    """Returns why the work that is there may not be replaced; empty: it may."""
    if found.metadata.labels.get(names.MANAGED_BY) != MANAGER:
        return f"the ManifestWork {NAME} isn't ibgu's"
    if found.metadata.deletion_timestamp is not None:
        return f"the ManifestWork {NAME} is being deleted: try again later"
    until = found.metadata.annotations.get(UNTIL, "")
    try:
        expired = datetime.fromisoformat(until) + CLOCK_SKEW < datetime.now(UTC)
    except (ValueError, TypeError):
        expired = True
    return "" if expired else f"another command gathers its logs, until {until} at the latest"
