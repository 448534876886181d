"""A TCP proxy that does to its connections what networks do."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from sqlalchemy.engine import make_url

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Streams]]

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of zero seconds: close is a RST, and what was not sent yet is lost."""
_CHUNK = 65536


class Proxy:
    """Listens on a port of 127.0.0.1 while it is open.

    `delay`: seconds that every chunk takes, in both directions. In `silence` nothing arrives and
    nothing is refused, as with a firewall that drops packets: connections stay open, and new ones
    are taken and never answered.
    """

    def __init__(self, connect: Connect) -> None:
        self.delay = 0.0
        self.port = 0
        self.taken = 0
        """How many connections there were."""
        self._connect = connect
        self._up, self._down = asyncio.Event(), asyncio.Event()
        self._open: set[_Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.heal()

    # -- what a network does -------------------------------------------------------------------

    def cut(self) -> None:
        """A RST on both sides of every connection; new ones are taken."""
        for link in list(self._open):
            link.reset()

    def half_close(self) -> None:
        """Both sides of every connection learn that the other one sends no more."""
        for link in list(self._open):
            link.half_close()

    def silence(self, *, answers: bool = False) -> None:
        """Holds up everything; with `answers` only what the client sends, as on a link that is
        congested."""
        self._up.clear()
        if not answers:
            self._down.clear()

    def forget(self) -> None:
        """Forgets all connections, as a firewall that has lost its table: nothing more comes
        through the connections that there are, nor does anybody hear that they have ended; new ones
        are carried."""
        for link in self._open:
            link.forgotten = True

    def heal(self) -> None:
        """Lets what was sent meanwhile arrive now, however late."""
        self._up.set()
        self._down.set()

    # -- inside --------------------------------------------------------------------------------

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.taken += 1
        try:
            await self._up.wait()
            await self._link((reader, writer))
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _link(self, client: Streams) -> None:
        try:
            server = await self._connect()
        except OSError:
            return
        link = _Link(client[1], server[1])
        self._open.add(link)
        try:
            await asyncio.gather(
                self._carry(link, client[0], server[1], self._up),
                self._carry(link, server[0], client[1], self._down),
            )
        finally:
            self._open.discard(link)
            server[1].transport.abort()

    async def _carry(
        self,
        link: "_Link",
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        passable: asyncio.Event,
    ) -> None:
        with suppress(ConnectionError):
            while data := await source.read(_CHUNK):
                await asyncio.sleep(self.delay)
                await passable.wait()
                if not link.forgotten:
                    sink.write(data)
                    await sink.drain()
        await passable.wait()
        if link.forgotten:
            await asyncio.Event().wait()
        with suppress(OSError):
            sink.write_eof()

    async def close(self) -> None:
        self.heal()
        self.cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class _Link:
    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._sides = (client, server)
        self.forgotten = False

    def reset(self) -> None:
        for side in self._sides:
            raw = side.get_extra_info("socket")
            if raw is not None and raw.family != socket.AF_UNIX:
                with suppress(OSError):
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            side.transport.abort()

    def half_close(self) -> None:
        for side in self._sides:
            with suppress(OSError):
                side.write_eof()


@asynccontextmanager
async def _open(connect: Connect) -> AsyncIterator[Proxy]:
    proxy = Proxy(connect)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()


@asynccontextmanager
async def before_hub(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy, and the API server's URL through it."""
    port = int(url.rpartition(":")[2])
    async with _open(lambda: asyncio.open_connection("127.0.0.1", port)) as proxy:
        yield proxy, f"https://127.0.0.1:{proxy.port}"


@asynccontextmanager
async def before_postgres(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy, and the database's URL through it, by TCP wherever the server listens."""
    server = make_url(url)
    folder = server.query.get("host", "")

    async def connect() -> Streams:
        if isinstance(folder, str) and folder.startswith("/"):
            return await asyncio.open_unix_connection(Path(folder) / ".s.PGSQL.5432")
        return await asyncio.open_connection(server.host, server.port or 5432)

    async with _open(connect) as proxy:
        through = server.set(host="127.0.0.1", port=proxy.port, query={})
        yield proxy, through.render_as_string(hide_password=False)
