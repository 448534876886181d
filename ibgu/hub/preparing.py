"""Prepares clusters by ManifestWorks, with the caller's rights on the hub."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import uuid4

from msgspec import Struct

from ibgu.core.drivers.ibu.preflight.inspection import Reading, ReadResult
from ibgu.core.drivers.ibu.preflight.inspection.objects import InspectedObject
from ibgu.core.drivers.ibu.preparation import MANAGER, Preparation, PreparationKind
from ibgu.core.drivers.ibu.preparation.work import (
    SELECTOR,
    apply_result,
    patch_of,
    reading_body,
    readings_of,
    under_way,
    work_name,
    writing_body,
)
from ibgu.core.model import names
from ibgu.core.model.kinds import JsonObject, ManifestWork
from ibgu.hub import paths
from ibgu.hub.decode import decode_one
from ibgu.hub.errors import HubError
from ibgu.hub.paths import MERGE_PATCH
from ibgu.hub.port import Hub
from ibgu.hub.works import works_of

INTERVAL = 0.5
"""Seconds between two looks at a work."""
RESTORE_SECONDS = 20.0
"""Seconds in which a work has to be brought back to reading, whatever ended the preparation."""
CLOCK_SKEW = timedelta(minutes=2)
"""Time by which two machines' clocks may differ before a work counts as left over."""


class PreparationOutcome(StrEnum):
    PREPARED = "prepared"
    UNCHANGED = "unchanged"
    LEFT_ALONE = "left alone"
    FAILED = "failed"


class PreparationResult(Struct, frozen=True):
    outcome: PreparationOutcome
    message: str


class _Ended(Exception):
    """_Ended is raised with the result of a preparation that goes no further."""

    def __init__(self, outcome: PreparationOutcome, message: str) -> None:
        super().__init__(message)
        self.result = PreparationResult(outcome, message)


class Preparer:
    """Preparer prepares one cluster after the other, or many at once. `timeout`: seconds for each
    answer of a cluster."""

    def __init__(self, hub: Hub, timeout: float) -> None:
        self._hub = hub
        self._timeout = timeout

    async def obstacle(self, cluster: str) -> str:
        """Returns why the cluster can't be prepared now, from the hub alone; empty: it can. Raises
        HubError."""
        rollout = under_way(await works_of(self._hub, cluster))
        return f"{rollout} acts on it" if rollout else ""

    async def check(self, cluster: str, preparation: Preparation) -> str:
        """Sends the first version of the work as a dry run; returns why it can't be sent. Raises
        HubError."""
        try:
            await self._send(cluster, reading_body(preparation, _echo()), dry_run=True)
        except _Ended as ended:
            return ended.result.message
        return ""

    async def prepare(self, cluster: str, preparation: Preparation) -> PreparationResult:
        """Returns the result; a HubError is one too."""
        try:
            if obstacle := await self.obstacle(cluster):
                return PreparationResult(PreparationOutcome.LEFT_ALONE, obstacle)
            readings = await self._read(cluster, preparation)
            if objection := preparation.objection(readings):
                return PreparationResult(PreparationOutcome.LEFT_ALONE, objection)
            versions = preparation.writes(readings)
            if versions:
                async with self._writing(cluster, preparation):
                    for version in versions:
                        body = writing_body(preparation, version, _echo(), self._end())
                        await self._apply(cluster, await self._send(cluster, body))
                readings = await self._read(cluster, preparation)
            outcome = PreparationOutcome.PREPARED if versions else PreparationOutcome.UNCHANGED
            return PreparationResult(outcome, preparation.state(readings))
        except _Ended as ended:
            return ended.result
        except HubError as error:
            return PreparationResult(PreparationOutcome.FAILED, error.message)

    def _end(self) -> datetime:
        """Returns when a version that is sent now has been replaced, unless the process is
        killed."""
        waits = timedelta(seconds=self._timeout + RESTORE_SECONDS)
        return datetime.now(UTC) + waits + CLOCK_SKEW

    @asynccontextmanager
    async def _writing(self, cluster: str, preparation: Preparation) -> AsyncIterator[None]:
        """Brings the work back to reading at the end, an interrupt included."""
        try:
            yield
        finally:
            try:
                await self._restore(cluster, preparation)
            except asyncio.CancelledError:
                await self._restore(cluster, preparation)
                raise

    async def _restore(self, cluster: str, preparation: Preparation) -> None:
        why = ""
        try:
            async with asyncio.timeout(RESTORE_SECONDS):
                while True:
                    try:
                        await self._send(cluster, reading_body(preparation, _echo()))
                    except HubError as error:
                        why = error.message
                        if not error.transient:
                            break
                        await asyncio.sleep(INTERVAL)
                    else:
                        return
        except TimeoutError:
            why = why or f"the hub has not responded for {RESTORE_SECONDS:g} s"
        name = work_name(preparation.kind)
        raise _Ended(
            PreparationOutcome.FAILED,
            f"{why}: the work agent may still write the objects of the ManifestWork {name}; "
            f"prepare the cluster again, or delete the work in namespace {cluster} of the hub",
        )

    async def _send(self, cluster: str, body: JsonObject, *, dry_run: bool = False) -> ManifestWork:
        """Creates the work, or brings the one that is there to this version."""
        path = paths.work(cluster, body["metadata"]["name"])
        query = {"fieldManager": MANAGER, **({"dryRun": "All"} if dry_run else {})}
        found = await self._found(path)
        if found is None:
            data = await self._hub.request("POST", paths.works(cluster), body=body, query=query)
        else:
            patch = patch_of(body, found.metadata.uid)
            data = await self._hub.request(
                "PATCH", path, body=patch, content_type=MERGE_PATCH, query=query
            )
        return decode_one(path, data, ManifestWork)

    async def _found(self, path: str) -> ManifestWork | None:
        try:
            found = await self._hub.get(path, ManifestWork)
        except HubError as error:
            if error.not_found:
                return None
            raise
        if found.metadata.labels.get(names.MANAGED_BY) != MANAGER:
            raise _Ended(
                PreparationOutcome.FAILED, f"the ManifestWork {found.metadata.name} isn't ibgu's"
            )
        if found.metadata.deletion_timestamp is not None:
            words = f"the ManifestWork {found.metadata.name} is being deleted: try again later"
            raise _Ended(PreparationOutcome.FAILED, words)
        return found

    async def _read(self, cluster: str, preparation: Preparation) -> dict[InspectedObject, Reading]:
        """Returns what the cluster has now. A right that came with the work counts a moment later,
        so a denied read is repeated."""
        missing = ""
        async for _ in self._until_timeout():
            echo = _echo()
            await self._send(cluster, reading_body(preparation, echo))
            readings = await self._answer(cluster, preparation, echo)
            missing = _denied(readings)
            if not missing:
                return readings
        raise _Ended(PreparationOutcome.FAILED, missing)

    async def _answer(
        self, cluster: str, preparation: Preparation, echo: str
    ) -> dict[InspectedObject, Reading]:
        path = paths.work(cluster, work_name(preparation.kind))
        async for _ in self._until_timeout():
            work = await self._hub.get(path, ManifestWork)
            readings = readings_of(work, preparation.reads, echo)
            if readings is not None:
                return readings
        words = f"its work agent has not answered for {self._timeout:g} s: try again later"
        raise _Ended(PreparationOutcome.FAILED, words)

    async def _apply(self, cluster: str, sent: ManifestWork) -> None:
        path, problem = paths.work(cluster, sent.metadata.name), ""
        async for _ in self._until_timeout():
            work = await self._hub.get(path, ManifestWork)
            if work.metadata.generation != sent.metadata.generation:
                raise _Ended(
                    PreparationOutcome.FAILED, "somebody else has changed the work meanwhile"
                )
            result = apply_result(work)
            if result.done:
                return
            problem = result.problem or problem
            if result.refused:
                break
        words = problem or f"was not applied within {self._timeout:g} s: try again later"
        raise _Ended(PreparationOutcome.FAILED, words)

    async def _until_timeout(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._timeout
        while loop.time() < until:
            yield
            await asyncio.sleep(INTERVAL)


def _denied(readings: dict[InspectedObject, Reading]) -> str:
    """Returns why an object could not be read; empty: all results are findings."""
    for each, reading in readings.items():
        if reading.result in (ReadResult.FORBIDDEN, ReadResult.FAILED):
            return f"{each} can't be read: {reading.message}"
    return ""


def _echo() -> str:
    return uuid4().hex[:12]


async def prepared_works(hub: Hub, cluster: str) -> Sequence[ManifestWork]:
    """Returns the works of preparations in the cluster's namespace. Raises HubError."""
    found: list[ManifestWork] = []
    async for items, _ in hub.list_pages(paths.works(cluster), ManifestWork, selector=SELECTOR):
        found.extend(items)
    known = {work_name(kind) for kind in PreparationKind}
    return [each for each in found if each.metadata.name in known]
