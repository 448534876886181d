"""R50.18: a canary is well while its query returns samples, and none that is 0."""

import json
from typing import Any

import pytest

from ibgu.core.drivers.canary_health.metrics import (
    MAX_SERIES,
    UnusableAnswer,
    judged,
    lacking,
    parameters,
    refusal,
    span,
)
from ibgu.core.engine.state.health_observations import MetricQuestion
from ibgu.core.model import ClusterView

QUERY = 'up{cluster="$cluster", region="$label(example.com/region)"}'
QUESTION = MetricQuestion("thanos", QUERY)
WHAT = f'the query "{QUERY}" of the source thanos'
SITE = ClusterView(
    name="site-1",
    uid="u",
    accepted=True,
    deleting=False,
    reachable=True,
    local=False,
    labels={"example.com/region": "north"},
)


def body(*results: Any, kind: str = "vector", **more: Any) -> bytes:
    data = {"resultType": kind, "result": list(results)}
    return json.dumps({"status": "success", "data": data, **more}).encode()


def sample(value: str, **labels: str) -> dict[str, Any]:
    return {"metric": labels, "value": [1764172800.1, value]}


def series(*times: int, value: str = "1") -> dict[str, Any]:
    return {"metric": {}, "values": [[time, value] for time in times]}


def test_the_query_is_about_the_cluster_and_takes_no_partial_answer() -> None:
    assert parameters(QUESTION, SITE, 0) == {
        "query": 'up{cluster="site-1", region="north"}',
        "partial_response": "false",
    }


def test_a_query_about_a_span_asks_each_quarter_of_a_minute() -> None:
    assert [span(seconds) for seconds in (0, 14.9, 60.9, 300)] == [0, 0, 4, 20]
    question = MetricQuestion("thanos", "up > 0 # well")
    assert parameters(question, SITE, 4)["query"] == "(up > 0 # well\n)[60s:15s]"


def test_a_cluster_without_a_label_of_the_query_is_not_well() -> None:
    assert lacking(QUESTION, SITE) is None
    found = lacking(MetricQuestion("thanos", '"$label(tier)"'), SITE)
    assert found is not None
    assert found.problem == "the ManagedCluster has no label tier, which the query needs"


@pytest.mark.parametrize("value", ["1", "-0.5", "+Inf"])
def test_samples_that_are_not_0_are_well(value: str) -> None:
    assert judged(QUESTION, body(sample("1"), sample(value)), 0).problem == ""


@pytest.mark.parametrize(
    ("results", "problem"),
    [
        ([], "returns no sample"),
        ([sample("1"), sample("0", b="2", a="1")], 'returns 0 for {a="1", b="2"}'),
        ([sample("NaN")], "returns NaN for {}"),
        ([sample("0", a="\x1b" + "x" * 999)], 'returns 0 for {a="\ufffd' + "x" * 95 + "…"),
    ],
)
def test_a_canary_is_not_well_by_its_samples(results: list[Any], problem: str) -> None:
    assert judged(QUESTION, body(*results), 0).problem == f"{WHAT} {problem}"


def test_a_break_since_the_last_answer_shows() -> None:
    whole = body(series(0, 15, 30, 45), series(15), kind="matrix")
    assert judged(QUESTION, whole, 4).problem == ""
    gap = body(series(0, 45), series(0, 30), kind="matrix")
    words = "returned samples at 3 of 4 times since the last answer"
    assert judged(QUESTION, gap, 4).problem == f"{WHAT} {words}"
    zero = body(series(0, 15, 30, 45), series(15, value="0"), kind="matrix")
    assert judged(QUESTION, zero, 4).problem == f"{WHAT} returns 0 for {{}}"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"<html>", "what is no answer of Prometheus: JSON is malformed"),
        (b"\xff", "what is no answer of Prometheus"),
        (b'{"a": ' + b"[" * 9999, "what is no answer of Prometheus: maximum recursion"),
        (b"{}", "what is no answer of Prometheus: Object missing"),
        (b'{"status": "success"}', "an error: no data"),
        (b'{"status": "error", "error": "a\\nb"}', "an error: a b"),
        (body(sample("1"), warnings=["a store is away"]), "a warning: a store is away"),
        (body(kind="scalar"), "a scalar, and the query must return an instant vector"),
        (body(1), "what is no answer of Prometheus: Expected"),
        (body({"metric": {}, "histogram": []}), "a series without numbers"),
        (body(sample("one")), "a sample that is no number"),
        (body(*[sample("1")] * (MAX_SERIES + 1)), "more than 1000 series"),
    ],
)
def test_an_answer_that_proves_nothing_says_why(answer: bytes, words: str) -> None:
    with pytest.raises(UnusableAnswer) as error:
        judged(QUESTION, answer, 0)
    assert str(error.value).startswith(words)


def test_an_error_is_quoted_short_and_harmless() -> None:
    said = json.dumps({"status": "error", "error": "\x1b" + "x" * 999})
    assert refusal(said.encode()) == "\ufffd" + "x" * 199
    assert refusal(b"no JSON") == ""
