"""Starting and stopping from plain code and from asyncio alike."""

import asyncio
from abc import ABC, abstractmethod
from typing import Self


class Startable(ABC):
    """Something with a blocking `start` and `stop`, usable by `with` and by `async with`."""

    @abstractmethod
    def start(self) -> None:
        """Returns when it is up; on any failure leave nothing behind."""

    @abstractmethod
    def stop(self) -> None:
        """Returns when it is gone; not being up is no error."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        """A cancelled start is waited for and undone: its thread can't be interrupted."""
        starting = asyncio.create_task(asyncio.to_thread(self.start))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            await asyncio.wait([starting])
            await asyncio.to_thread(self.stop)
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.to_thread(self.stop)
