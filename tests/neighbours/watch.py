"""Follows a collection of a real API server."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress

from ibgu.core.model.kinds import JsonObject
from ibgu.hub.client import HubClient
from ibgu.hub.errors import HubError

_AGAIN = 0.1  # seconds until a watch that has ended begins again
_SILENCE = 3600.0  # seconds

Heard = Callable[[str, JsonObject], None]
"""Takes the type of an event (ADDED, MODIFIED, DELETED) and its object."""


async def watch(client: HubClient, path: str, heard: Heard) -> None:
    """Runs until it is cancelled; a deletion between two watches is missed."""
    while True:
        with suppress(HubError):
            await _listen(client, path, heard)
        await asyncio.sleep(_AGAIN)


async def _listen(client: HubClient, path: str, heard: Heard) -> None:
    listed = json.loads(await client.request("GET", path))
    for item in listed["items"]:
        heard("ADDED", item)
    query = {"watch": "true", "resourceVersion": listed["metadata"]["resourceVersion"]}
    async with client.stream(path, query=query, timeout=_SILENCE) as lines:
        async for line in lines:
            event = json.loads(line)
            if event["type"] == "ERROR":
                return
            heard(event["type"], event["object"])
