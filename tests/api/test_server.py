"""The server in the caller's hands: it ends when cancelled, and finishes what it has begun."""

import asyncio
import signal
import socket

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from ibgu.api.http.server import ListenError, bind, serve


class Slow:
    """Answers once it is allowed to."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.go = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.set()
        await self.go.wait()
        await PlainTextResponse("done")(scope, receive, send)


async def test_ends_when_cancelled_and_answers_what_it_has_begun(
    capfd: pytest.CaptureFixture[str],
) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    app, listener = Slow(), bind("127.0.0.1:0")
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    serving = asyncio.create_task(serve(app, listener))
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        asking = asyncio.create_task(client.get(url))
        await app.asked.wait()
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
        serving.cancel()
        await asyncio.sleep(0)
        app.go.set()
        assert (await asking).text == "done"
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert capfd.readouterr() == ("", "")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(listener_address(url))


def listener_address(url: str) -> tuple[str, int]:
    parsed = httpx.URL(url)
    assert parsed.port
    return parsed.host, parsed.port


@pytest.mark.parametrize(
    ("listen", "words"),
    [
        ("8080", "'8080' is not an address to listen on; use one such as 127.0.0.1:8080"),
        ("127.0.0.1:http", "is not an address"),
        ("127.0.0.1:70000", "is not an address"),
        ("203.0.113.1:8080", "can't listen on 203.0.113.1:8080: "),
    ],
)
def test_an_address_that_can_not_be(listen: str, words: str) -> None:
    with pytest.raises(ListenError, match=words.replace("(", r"\(")):
        bind(listen)


def test_an_address_that_is_taken() -> None:
    with bind("127.0.0.1:0") as first:
        port = first.getsockname()[1]
        with pytest.raises(ListenError, match=f"can't listen on 127.0.0.1:{port}: Address already"):
            bind(f"127.0.0.1:{port}")


def test_every_interface_and_both_families() -> None:
    with bind(":0") as everywhere:
        assert everywhere.getsockname()[0] in ("::", "0.0.0.0")
