"""The health of a canary by a query to Prometheus or Thanos (R50.18).

It is well while the query returns at least one sample, and none that is 0.
"""

import math
from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec import Struct

from ibgu.core.engine.state.health_observations import HealthFinding, MetricQuestion
from ibgu.core.model import ClusterView
from ibgu.core.plan.promql import filled, missing_label
from ibgu.core.text.harmless import one_line

PATH = "/api/v1/query"
RESOLUTION = 15
"""Seconds between two points in time that are asked about."""
MAX_BYTES = 1024 * 1024
"""Bytes of an answer that are read."""
MAX_SERIES = 1000
UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
"""Errors in reading JSON; the last is that of what is nested too deep."""
_SHOWN = 100
"""Characters that are shown of a query, or of labels."""
_SAID = 200
"""Characters that are shown of an error."""


class UnusableAnswer(ValueError):
    """UnusableAnswer says why an answer proves nothing. It quotes what others wrote, made safe."""


class _Series(Struct, frozen=True):
    metric: dict[str, str] = {}
    value: tuple[float, str] | None = None
    values: tuple[tuple[float, str], ...] = ()
    """Several points in time, for a query about a span."""

    @property
    def points(self) -> tuple[tuple[float, str], ...]:
        return self.values if self.value is None else (self.value,)


class _Data(Struct, frozen=True, rename="camel"):
    result_type: str
    result: msgspec.Raw


class _Answer(Struct, frozen=True):
    status: str
    data: _Data | None = None
    error: str = ""
    warnings: list[str] = []


_answer = msgspec.json.Decoder(_Answer)
_series = msgspec.json.Decoder(list[_Series])


def span(seconds: float) -> int:
    """Returns the points in time to ask about, if the last answer is so many seconds old; 0: only
    about now."""
    return int(seconds / RESOLUTION)


def lacking(question: MetricQuestion, cluster: ClusterView) -> HealthFinding | None:
    """Returns why the question can't be put about the cluster; None: it can."""
    if key := missing_label(question.query, cluster.labels):
        return HealthFinding(f"the ManagedCluster has no label {key}, which the query needs")
    return None


def parameters(question: MetricQuestion, cluster: ClusterView, points: int) -> Mapping[str, str]:
    """Returns the parameters of the request. The server's clock decides what is now."""
    query = filled(question.query, cluster.name, cluster.labels)
    if points:
        # The line's end closes a comment.
        query = f"({query}\n)[{points * RESOLUTION}s:{RESOLUTION}s]"
    # Thanos would answer without the stores that are away.
    return {"query": query, "partial_response": "false"}


def refusal(body: bytes) -> str:
    """Returns the error of an answer that is one, made safe; empty: it has none."""
    try:
        return one_line(_answer.decode(body).error)[:_SAID]
    except UNREADABLE:
        return ""


def judged(question: MetricQuestion, body: bytes, points: int) -> HealthFinding:
    """Returns what the answer says of the canary. Raises UnusableAnswer."""
    what = f'the query "{_short(question.query)}" of the source {question.source}'
    found = _decoded(body, "matrix" if points else "vector")
    samples = [(at, each.metric, _number(value)) for each in found for at, value in each.points]
    if not samples:
        return HealthFinding(f"{what} returns no sample")
    for _, labels, number in samples:
        if number == 0 or math.isnan(number):
            shown = "NaN" if number else "0"
            words = f"{what} returns {shown} for {_labels(labels)}"
            return HealthFinding(words, reported=number == 0)
    seen = len({at for at, _, _ in samples})
    if seen < points:
        return HealthFinding(
            f"{what} returned samples at {seen} of {points} times since the last answer"
        )
    return HealthFinding()


def _decoded(body: bytes, wanted: str) -> list[_Series]:
    try:
        answer = _answer.decode(body)
        if answer.status != "success" or answer.data is None:
            raise UnusableAnswer(f"an error: {one_line(answer.error)[:_SAID] or 'no data'}")
        if answer.warnings:
            raise UnusableAnswer(f"a warning: {one_line(answer.warnings[0])[:_SAID]}")
        if answer.data.result_type != wanted:
            shown = one_line(answer.data.result_type)[:_SHOWN]
            raise UnusableAnswer(f"a {shown}, and the query must return an instant vector")
        found = _series.decode(answer.data.result)
    except UNREADABLE as error:
        raise UnusableAnswer(f"what is no answer of Prometheus: {_said(error)}") from error
    if len(found) > MAX_SERIES:
        raise UnusableAnswer(f"more than {MAX_SERIES} series: aggregate them in the query")
    if not all(each.points for each in found):
        raise UnusableAnswer("a series without numbers; histograms are none")
    return found


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise UnusableAnswer("a sample that is no number") from error


def _labels(labels: Mapping[str, str]) -> str:
    return _short("{" + ", ".join(_pairs(sorted(labels.items()))) + "}")


def _pairs(labels: Iterable[tuple[str, str]]) -> Iterator[str]:
    return (f'{name}="{value}"' for name, value in labels)


def _short(text: str) -> str:
    line = one_line(text)
    return f"{line[:_SHOWN]}…" if len(line) > _SHOWN else line


def _said(error: Exception) -> str:
    return one_line(str(error))[:_SAID]
