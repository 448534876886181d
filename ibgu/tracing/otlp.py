"""Spans to a collector, by OTLP over HTTP, from a thread of their own."""

import os
from collections.abc import Mapping
from importlib.metadata import version
from typing import Self

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ibgu.tracing import Value

_PROPAGATOR = TraceContextTextMapPropagator()


class OtlpSpan:
    def __init__(self, found: trace.Span) -> None:
        self._span = found

    def __enter__(self) -> Self:
        self._token = context.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """An error is named by its kind alone."""
        if kind is not None and issubclass(kind, Exception):
            self._span.set_attribute("error.type", kind.__name__)
            self._span.set_status(StatusCode.ERROR)
        context.detach(self._token)
        self._span.end()

    def note(self, **attributes: Value) -> None:
        self._span.set_attributes(_dotted(attributes))


class Otlp:
    """Set up by OpenTelemetry's own environment variables: endpoint, headers, sampler, batches."""

    def __init__(self) -> None:
        attributes = {SERVICE_VERSION: version("ibgu")}
        if not os.environ.get("OTEL_SERVICE_NAME"):
            attributes[SERVICE_NAME] = "ibgu"
        self._provider = TracerProvider(
            resource=Resource.create(attributes), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("ibgu", version("ibgu"))

    def span(
        self, name: str, attributes: Mapping[str, Value], headers: Mapping[str, str] | None
    ) -> OtlpSpan:
        above = _PROPAGATOR.extract(headers, context=context.Context()) if headers else None
        kind = SpanKind.INTERNAL if headers is None else SpanKind.SERVER
        return OtlpSpan(
            self._tracer.start_span(name, above, kind=kind, attributes=_dotted(attributes))
        )

    def event(self, name: str, attributes: Mapping[str, Value]) -> None:
        trace.get_current_span().add_event(name, _dotted(attributes))

    def close(self) -> None:
        """Sends what is left."""
        self._provider.shutdown()


def _dotted(attributes: Mapping[str, Value]) -> dict[str, str | int | float | bool]:
    return {_name(name): value for name, value in attributes.items() if value is not None}


def _name(argument: str) -> str:
    return argument.replace("__", "\0").replace("_", ".").replace("\0", "_")
