"""Streams, changes, and answers that are none of ibgu's, over a real connection."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from msgspec import Struct

from ibgu.client.responses import FailuresResponse
from ibgu.client.sse import SseMessage, messages
from ibgu.client.wire import RestError, Wire

_BODIES = {
    "/api/v1/stream?after=4": b": here\n\nid: 5\nevent: event\ndata: {}\n\nid: 6\nda",
    "/api/v1/old": b'{"total": 3, "more": true}',
    "/api/v1/other": b'{"total": "three"}',
    "/api/v1/page": b"<html>",
    "/api/v1/rude": rb'{"words": "\u001b[2Jgone\rall \u009bwell\u0007\n"}',
}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(200, _BODIES[self.path])

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/api/v1/refused":
            self._answer(409, b'{"type": "tag:x/conflict", "detail": "too late"}')
        elif self.path == "/api/v1/sign-in":
            self.send_response(302)
            self.send_header("Location", "https://oauth.example.com/authorize?state=x")
            self.end_headers()
        elif self.path == "/api/v1/broken":
            self._answer(502, b"<html>")
        else:
            assert self.headers["Content-Type"] == "application/json"
            assert self.headers["Authorization"] == "Bearer secret"
            self._answer(202, b'{"total": ' + str(len(body)).encode() + b"}")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Writes nothing on the tests' output."""


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Wire(f"http://127.0.0.1:{server.server_address[1]}", "secret")
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_stream_gives_whole_messages_only(wire: Wire) -> None:
    found = list(messages(wire.lines("stream", after=4)))
    assert found == [SseMessage(id="5", event="event", data="{}")]


def test_sse_fields_are_parsed() -> None:
    lines = ["data: a", "data:b", "", ":", "retry: 3", "event: end", "id: 7", "data:", "", ""]
    assert list(messages(lines)) == [SseMessage("", "message", "a\nb"), SseMessage("7", "end", "")]


def test_fields_of_newer_servers_and_those_that_older_ones_lack(wire: Wire) -> None:
    assert wire.get(FailuresResponse, "old") == FailuresResponse(total=3)


class Body(Struct, frozen=True, rename="camel"):
    max_concurrency: int


def test_a_change_is_sent_in_json(wire: Wire) -> None:
    assert wire.post(FailuresResponse, "change", body=Body(7)).total == len(b'{"maxConcurrency":7}')
    assert wire.post(FailuresResponse, "change").total == len(b"{}")


@pytest.mark.parametrize(
    ("path", "words"),
    [("other", "answers otherwise than this version of ibgu expects"), ("page", "in JSON")],
)
def test_answers_of_another_server_are_refused(wire: Wire, path: str, words: str) -> None:
    with pytest.raises(RestError, match=words):
        wire.get(FailuresResponse, path)


def test_a_refusal_names_its_code(wire: Wire) -> None:
    with pytest.raises(RestError, match=r"^too late$") as refused:
        wire.post(FailuresResponse, "refused")
    assert (refused.value.status, refused.value.code) == (409, "conflict")
    with pytest.raises(RestError, match="is it ibgu that serves") as broken:
        wire.post(FailuresResponse, "broken")
    assert (broken.value.status, broken.value.code) == (502, "")


def test_a_proxy_that_wants_a_sign_in_is_no_riddle(wire: Wire) -> None:
    """Nor is the token carried to where it sends one."""
    words = "redirects to https://oauth.example.com: .* the hub does not accept this token"
    with pytest.raises(RestError, match=words):
        wire.post(FailuresResponse, "sign-in")


class _Rude(Struct):
    words: str


def test_control_characters_of_an_answer_are_replaced(wire: Wire) -> None:
    assert wire.get(_Rude, "rude").words == "\ufffd[2Jgone\ufffdall \ufffdwell\ufffd\n"
