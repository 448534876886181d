"""A door before Postgres that a test can shut: as if the server were away."""

import asyncio
from contextlib import suppress
from pathlib import Path

from sqlalchemy.engine import make_url

_SOCKET = ".s.PGSQL.5432"


class Gate:
    """`url` is the same database through the door; open after `open`."""

    def __init__(self, url: str, folder: Path) -> None:
        self._server = make_url(url)
        self._folder = folder
        self._listening: asyncio.Server | None = None
        self._inside: set[asyncio.Task[None]] = set()
        through = self._server.set(host=None, port=None, query={"host": str(folder)})
        self.url = through.render_as_string(hide_password=False)

    async def open(self) -> None:
        path = self._folder / _SOCKET
        self._listening = await asyncio.start_unix_server(self._enter, path)

    async def shut(self) -> None:
        """Every connection breaks, also one that is being made, and no new one is taken."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        (self._folder / _SOCKET).unlink(missing_ok=True)
        inside = list(self._inside)
        for task in inside:
            task.cancel()
        await asyncio.gather(*inside, return_exceptions=True)

    def _enter(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        if self._listening is None:
            back.transport.abort()
            return
        task = asyncio.create_task(self._serve(client, back))
        self._inside.add(task)
        task.add_done_callback(self._inside.discard)
        # Not within the task: one that is cancelled before it begins does nothing at all.
        task.add_done_callback(lambda _: back.transport.abort())

    async def _serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        answers, server = await self._connect()
        try:
            async with asyncio.TaskGroup() as copying:
                copying.create_task(_copy(client, server))
                copying.create_task(_copy(answers, back))
        finally:
            server.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        folder = self._server.query.get("host", "")
        if isinstance(folder, str) and folder.startswith("/"):
            return await asyncio.open_unix_connection(f"{folder}/{_SOCKET}")
        return await asyncio.open_connection(self._server.host, self._server.port or 5432)


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await source.read(65536):
            sink.write(data)
    sink.close()
