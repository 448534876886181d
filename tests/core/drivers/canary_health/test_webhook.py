"""R50.18: a webhook says whether a canary is healthy, or proves nothing."""

import json
from datetime import UTC, datetime

import pytest

from ibgu.core.drivers.canary_health.metrics import UnusableAnswer
from ibgu.core.drivers.canary_health.webhook import answered, asked
from ibgu.core.engine.state.health_observations import WebhookQuestion
from tests.core.drivers.canary_health.test_metrics import SITE
from tests.core.engine.state.records import rollout

QUESTION = WebhookQuestion("noc", "careful", "uid-a", 1)
JSON = "application/json"


def test_the_question_names_all_that_it_is_about() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    found = json.loads(asked(QUESTION, rollout(), SITE, "canary-1", now))
    mine = rollout()
    assert found == {
        "id": "canary-1",
        "time": "2026-01-01T00:00:00Z",
        "policy": "careful",
        "rollout": {
            "kind": mine.kind,
            "namespace": mine.namespace,
            "name": mine.name,
            "uid": mine.uid,
        },
        "step": 2,
        "cluster": "site-1",
    }


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('{"healthy": true, "reason": "fine", "more": 1}', ""),
        ('{"healthy": false, "reason": "3 cells\\nare down"}', "3 cells are down"),
        ('{"healthy": false}', "no reason given"),
        (json.dumps({"healthy": False, "reason": "\x1b" + "x" * 999}), "\ufffd" + "x" * 199),
    ],
)
def test_the_answer_decides(body: str, problem: str) -> None:
    found = answered(QUESTION, "Application/JSON; charset=utf-8", body.encode())
    said = f"the source noc says that it is not healthy: {problem}" if problem else ""
    assert found.problem == said


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("text/html", b'{"healthy": true}', "something else than application/json"),
        ("", b'{"healthy": true}', "something else than application/json"),
        (JSON, b'{"a": ' + b"[" * 9999, 'a body without "healthy": true or false'),
        (JSON, b"", 'a body without "healthy": true or false'),
        (JSON, b'{"healthy": "true"}', 'a body without "healthy": true or false'),
        (JSON, b'{"healthy": 1}', 'a body without "healthy": true or false'),
        (JSON, b'{"healthy": null}', 'a body without "healthy": true or false'),
        (JSON, b'{"reason": "fine"}', 'a body without "healthy": true or false'),
        (JSON, b'{"healthy": true, "reason": "\xff"}', 'a body without "healthy": true or false'),
    ],
)
def test_anything_else_proves_nothing(kind: str, body: bytes, words: str) -> None:
    with pytest.raises(UnusableAnswer) as error:
        answered(QUESTION, kind, body)
    assert str(error.value) == words
