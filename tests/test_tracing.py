"""Traces reach a collector, and nothing of what sends them is loaded where nobody asks for them."""

import gzip
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ibgu import tracing
from ibgu.api.app import create_base
from ibgu.api.context import Probes

SECRET = "sha256~not-to-be-told"
TRACE, ABOVE = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector:
    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        taken = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                zipped = self.headers.get("Content-Encoding") == "gzip"
                taken.append(gzip.decompress(body) if zipped else body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def spans(self) -> dict[str, Any]:
        """Returns the spans by name; also checks that all are of one service."""
        found: dict[str, Any] = {}
        for body in self.bodies:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                told = {a.key: a.value.string_value for a in resource.resource.attributes}
                assert told["service.name"] == "ibgu"
                found |= {s.name: s for scope in resource.scope_spans for s in scope.spans}
        return found


def attributes(span: Any) -> dict[str, Any]:
    return {a.key: a.value.string_value or a.value.int_value for a in span.attributes}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    collector = Collector()
    thread = threading.Thread(target=collector.server.serve_forever)
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    yield collector
    collector.server.shutdown()
    collector.server.server_close()
    thread.join()


async def _well() -> str | None:
    return None


async def test_spans_of_a_request_are_part_of_its_callers_trace(collector: Collector) -> None:
    app = create_base(Probes(_well), behind_proxy=False)

    @app.get("/rollouts/{namespace}/{name}")
    async def rollout(namespace: str, name: str) -> str:
        with tracing.span("turn", ibgu_rollouts=1, nothing=None):
            tracing.event("RunEnded", ibgu_rollout="default/ran", ibgu_action="Prep")
        return name

    headers = {"traceparent": f"00-{TRACE}-{ABOVE}-01", "Authorization": f"Bearer {SECRET}"}
    transport = httpx.ASGITransport(app=app)
    with tracing.tracing():
        async with httpx.AsyncClient(transport=transport, base_url="http://ibgu") as client:
            await client.get(f"/rollouts/edge/ran-417?token={SECRET}", headers=headers)
            await client.get(f"/nowhere/{SECRET}")
    spans = collector.spans()
    assert set(spans) == {"REST GET", "turn"}
    (first,) = [
        span
        for body in collector.bodies
        for found in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in found.scope_spans
        for span in scope.spans
        if attributes(span).get("http.route")
    ]
    assert (first.trace_id.hex(), first.parent_span_id.hex()) == (TRACE, ABOVE)
    assert attributes(first) == {
        "http.request.method": "GET",
        "http.route": "/rollouts/{namespace}/{name}",
        "http.response.status_code": 200,
        "ibgu.rollout": "edge/ran-417",
    }
    turn = spans["turn"]
    assert (turn.trace_id.hex(), turn.parent_span_id) == (TRACE, first.span_id)
    assert attributes(turn) == {"ibgu.rollouts": 1}
    (event,) = turn.events
    assert (event.name, attributes(event)["ibgu.action"]) == ("RunEnded", "Prep")
    assert SECRET.encode() not in b"".join(collector.bodies)


def test_an_error_is_traced_by_its_type_only(collector: Collector) -> None:
    with tracing.tracing():
        with pytest.raises(ValueError, match=SECRET), tracing.span("hub create"):
            raise ValueError(SECRET)
        tracing.event("of no span")
    span = collector.spans()["hub create"]
    assert attributes(span) == {"error.type": "ValueError"}
    assert span.status.code == 2
    assert SECRET.encode() not in b"".join(collector.bodies)


@pytest.mark.parametrize(
    ("endpoint", "disabled", "expected"),
    [("", "", False), ("http://127.0.0.1:1", "", True), ("http://127.0.0.1:1", "true", False)],
)
def test_tracing_is_enabled_by_the_endpoint(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, disabled: str, expected: bool
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    monkeypatch.setenv("OTEL_SDK_DISABLED", disabled)
    assert tracing.wanted() == expected


def test_nothing_is_loaded_where_nobody_asks() -> None:
    """The API alone, without a sender, is another case: FastAPI takes it along where it is
    installed."""
    script = (
        "import sys\n"
        "from ibgu import tracing\n"
        "import ibgu.cli.serve.assemble, ibgu.cli.serve.process\n"
        "with tracing.tracing(), tracing.span('turn') as span:\n"
        "    span.note(a=1); tracing.event('b')\n"
        "assert span is tracing.span('other')\n"
        "heavy = ('opentelemetry.sdk', 'opentelemetry.exporter', 'google.protobuf', 'requests')\n"
        "print([name for name in sys.modules if name.startswith(heavy)])"
    )
    done = subprocess.run([sys.executable, "-c", script], env={}, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_a_missing_package_is_reported_with_the_extra(
    monkeypatch: pytest.MonkeyPatch, collector: Collector
) -> None:
    monkeypatch.setitem(sys.modules, "ibgu.tracing.otlp", None)
    missing = pytest.raises(tracing.MissingExtra, match=r"pip install '\.\[otel\]'")
    with missing, tracing.tracing():
        raise AssertionError("it does not begin")
