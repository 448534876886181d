"""Traces, where OpenTelemetry's environment variables say to whom; else next to nothing.

What collects them is imported only then. Spans carry names and numbers: never a token, a body or
an error's words, in which a token could be.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol, Self

Value = str | int | float | bool | None
"""None: the attribute is left out."""

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_OFF = ("OTEL_SDK_DISABLED", "true")


class MissingExtra(Exception):
    """Traces are asked for, and what sends them is not installed."""


class Span(Protocol):
    """A context manager; what happens in it, in the same task, is below it."""

    def __enter__(self) -> Self: ...
    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None: ...
    def note(self, **attributes: Value) -> None: ...


class Tracer(Protocol):
    def span(
        self, name: str, attributes: Mapping[str, Value], headers: Mapping[str, str] | None
    ) -> Span: ...
    def event(self, name: str, attributes: Mapping[str, Value]) -> None: ...
    def close(self) -> None: ...


class _Silent:
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def note(self, **attributes: Value) -> None:
        return


_SILENT = _Silent()
_tracer: Tracer | None = None


def span(name: str, **attributes: Value) -> Span:
    """Attributes are named with _ for a dot, __ for an underscore."""
    return _SILENT if _tracer is None else _tracer.span(name, attributes, None)


def span_of_request(name: str, headers: Mapping[str, str], **attributes: Value) -> Span:
    """Traces a request that may be part of its caller's trace (W3C's traceparent)."""
    return _SILENT if _tracer is None else _tracer.span(name, attributes, headers)


def event(name: str, **attributes: Value) -> None:
    """Something that happened in the span that is open."""
    if _tracer is not None:
        _tracer.event(name, attributes)


def wanted() -> bool:
    name, value = _OFF
    disabled = os.environ.get(name, "").strip().lower() == value
    return not disabled and any(os.environ.get(each) for each in ENDPOINTS)


@contextmanager
def tracing() -> Iterator[None]:
    """Traces for the life of a process. Raises MissingExtra."""
    global _tracer
    if not wanted():
        yield
        return
    try:
        from ibgu.tracing.otlp import Otlp
    except ImportError as error:
        raise MissingExtra(
            f"{' or '.join(ENDPOINTS)} asks for traces, and what sends them is not installed: "
            f"pip install '.[otel]' in ibgu's checkout ({error})"
        ) from error
    _tracer = tracer = Otlp()
    try:
        yield
    finally:
        _tracer = None
        tracer.close()
