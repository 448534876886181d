"""Provides ibgu's bearer tokens, renewed when they expire or are refused."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from ibgu.hub.errors import TRANSPORT, HubError

CHECK_SECONDS = 60.0
"""Seconds between two checks of an expiring credential."""

REFUSED_SECONDS = 10.0
"""The shortest time between two reloads after a 401, in seconds, so that an exec plugin isn't run
in a loop."""


class NoCredentials(Exception):
    """NoCredentials says in its text why there are none."""


class Credentials(Protocol):
    async def header(self) -> str | None:
        """Returns the Authorization header; None if a client certificate (or nothing)
        authenticates."""

    def refused(self) -> bool:
        """Handles a 401; returns True if the next `header` may be newer."""


class StaticToken:
    """StaticToken is a token that nothing renews: a caller's own, or one for tests."""

    def __init__(self, token: str) -> None:
        self._header = f"Bearer {token}"

    async def header(self) -> str | None:
        return self._header

    def refused(self) -> bool:
        return False


class LoadedCredentials:
    """LoadedCredentials is what a kubeconfig or a service account gives.

    `refresh` renews what knows its expiry and is cheap when nothing is due; `reload` reads
    everything again. Both return the header.
    """

    def __init__(
        self,
        header: str | None,
        *,
        refresh: Callable[[], Awaitable[str | None]],
        reload: Callable[[], Awaitable[str | None]],
    ) -> None:
        self._header = header
        self._refresh = refresh
        self._reload = reload
        now = asyncio.get_running_loop().time()
        self._check_at = now + CHECK_SECONDS
        self._reload_from = now
        self._stale = False
        self._lock = asyncio.Lock()

    async def header(self) -> str | None:
        if self._stale or asyncio.get_running_loop().time() >= self._check_at:
            async with self._lock:
                await self._renew()
        return self._header

    def refused(self) -> bool:
        now = asyncio.get_running_loop().time()
        if not self._stale and now >= self._reload_from:
            self._stale = True
            self._reload_from = now + REFUSED_SECONDS
        return self._stale

    async def _renew(self) -> None:
        now = asyncio.get_running_loop().time()
        if not self._stale and now < self._check_at:
            return
        try:
            self._header = await (self._reload() if self._stale else self._refresh())
        except NoCredentials as error:
            raise HubError(TRANSPORT, "NoCredentials", f"can't be renewed: {error}") from error
        self._stale = False
        self._check_at = now + CHECK_SECONDS
