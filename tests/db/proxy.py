"""A proxy between a client and Postgres: lets everything through, until it loses an answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from sqlalchemy.engine import URL, make_url

_SOCKET = ".s.PGSQL.5432"


class Proxy:
    """While `lose` is set: a message that has these bytes reaches Postgres, its answer no one.

    While `drop` is set, a message that has those does not reach it. The connection ends with it.
    One that has the bytes of `spare` passes.
    """

    def __init__(self, server: URL) -> None:
        self._server = server
        self.lose = b""
        self.drop = b""
        self.spare = b""
        self.serving: list[asyncio.Task[None]] = []

    def serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        self.serving.append(asyncio.create_task(self._serve(client, back)))

    async def _serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        answers, server = await self._connect()
        answering = asyncio.create_task(_copy(answers, back))
        while message := await client.read(65536):
            if self._meant(self.drop, message):
                break
            server.write(message)
            if self._meant(self.lose, message):
                answering.cancel()
                await asyncio.wait([answering])
                await answers.read(1)
                break
        for writer in (back, server):
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    def _meant(self, mark: bytes, message: bytes) -> bool:
        return bool(mark) and mark in message and not (self.spare and self.spare in message)

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


@asynccontextmanager
async def proxied(url: str, folder: Path) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy on a socket in `folder`, and the URL of the same database through it."""
    server = make_url(url)
    proxy = Proxy(server)
    async with await asyncio.start_unix_server(proxy.serve, folder / _SOCKET):
        through = server.set(host=None, port=None, query={"host": str(folder)})
        yield proxy, through.render_as_string(hide_password=False)
        await asyncio.gather(*proxy.serving)
