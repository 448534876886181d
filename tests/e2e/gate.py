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
        self._inside: set[asyncio.StreamWriter] = set()
        through = self._server.set(host=None, port=None, query={"host": str(folder)})
        self.url = through.render_as_string(hide_password=False)

    async def open(self) -> None:
        path = self._folder / _SOCKET
        self._listening = await asyncio.start_unix_server(self._serve, path)

    async def shut(self) -> None:
        """Every connection breaks, and no new one is taken."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        (self._folder / _SOCKET).unlink(missing_ok=True)
        for writer in list(self._inside):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        answers, server = await self._connect()
        self._inside |= {back, server}
        async with asyncio.TaskGroup() as copying:
            copying.create_task(_copy(client, server))
            copying.create_task(_copy(answers, back))
        self._inside -= {back, server}

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
