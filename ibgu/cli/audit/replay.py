"""`ibgu replay`."""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from ibgu.cli.audit.stage import ReplayStage
    from ibgu.db.reads.log import LoggedRollout
    from ibgu.db.views import EventRow

PAGE = 1000
"""Events that are read at a time."""


def replay(
    name: Annotated[
        str, typer.Argument(metavar="NAMESPACE/NAME", help="A rollout.", show_default=False)
    ],
    speed: Annotated[
        float,
        typer.Option("--speed", min=0.01, help="Playback speed, as a multiple of the real one."),
    ] = 60.0,
    step: Annotated[
        bool, typer.Option("--step", help="Advance event by event with the Enter key.")
    ] = False,
    until: Annotated[
        str,
        typer.Option("--until", help="Stop after the event with this number, or at this time."),
    ] = "",
    hub: Annotated[
        str, typer.Option("--hub", help="UID of the hub, if several hubs share the database.")
    ] = "",
) -> None:
    """Show a recorded rollout again, as it came."""
    from ibgu.cli.audit.reading import reading
    from ibgu.cli.audit.stage import stage_for

    before = _end(until)
    with suppress(KeyboardInterrupt):
        reading(lambda engine: _replay(engine, name, hub, before, stage_for(speed, step=step)))


def _end(until: str) -> "Callable[[EventRow], bool]":
    """Returns a predicate: whether an event still belongs to what is shown."""
    if not until:
        return lambda event: True
    if until.lstrip("#").isdecimal():
        number = int(until.lstrip("#"))
        return lambda event: event.seq <= number
    try:
        moment = datetime.fromisoformat(until).astimezone()
    except ValueError as error:
        words = f"{until!r} is neither an event's number nor a time such as 2026-11-20T03:15"
        raise typer.BadParameter(words, param_hint="--until") from error
    return lambda event: event.at <= moment


async def _replay(
    engine: "AsyncEngine",
    name: str,
    hub: str,
    belongs: "Callable[[EventRow], bool]",
    stage: "ReplayStage",
) -> None:
    from ibgu.cli.audit.reading import find
    from ibgu.cli.errors import fail
    from ibgu.cli.show.playback import Playback

    found = await find(engine, name, hub)
    playback = Playback(found.rollout.namespace, found.rollout.name)
    last: EventRow | None = None
    with stage:
        async for event in _events(engine, found):
            if not belongs(event):
                break
            stage.pause(event.at - last.at if last else timedelta())
            playback.feed(event)
            stage.show(event, partial(playback.seen, event.at))
            last = event
        if last is None:
            fail("nothing to show: no event is that old, or the events were deleted")
        stage.end(playback.seen(last.at))


async def _events(engine: "AsyncEngine", found: "LoggedRollout") -> "AsyncIterator[EventRow]":
    """Yields events page by page: a replay may take hours, and must not keep a transaction open so
    long."""
    from ibgu.client.harmless import cleaned
    from ibgu.db.reads import Reads

    reads, after = Reads(engine, found.hub), 0
    while page := (await reads.events(found.rollout.uid, after=after, limit=PAGE)).items:
        for event in page:
            yield cleaned(event)
        after = page[-1].seq
