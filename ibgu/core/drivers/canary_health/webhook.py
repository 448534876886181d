"""The health of a canary by a webhook, which is asked by a signed request (R50.18)."""

from datetime import datetime

import msgspec
from msgspec import Struct

from ibgu.core.drivers.canary_health.metrics import UNREADABLE, UnusableAnswer
from ibgu.core.engine.state.health_observations import HealthFinding, WebhookQuestion
from ibgu.core.model import ClusterView, Rollout
from ibgu.core.text.harmless import one_line
from ibgu.core.text.spans import utc

CONTENT_TYPE = "application/json"
MAX_BYTES = 16 * 1024
"""Bytes of an answer that are read."""
_SHOWN = 200
"""Characters that are shown of a reason."""


class _Answer(Struct, frozen=True):
    healthy: bool
    reason: str = ""


_decoder = msgspec.json.Decoder(_Answer)


def asked(
    question: WebhookQuestion, rollout: Rollout, cluster: ClusterView, name: str, now: datetime
) -> bytes:
    """Returns the body of the request; `name`: its id."""
    return msgspec.json.encode(
        {
            "id": name,
            "time": utc(now),
            "policy": question.policy,
            "rollout": {
                "kind": rollout.kind,
                "namespace": rollout.namespace,
                "name": rollout.name,
                "uid": rollout.uid,
            },
            "step": question.step + 1,
            "cluster": cluster.name,
        }
    )


def answered(question: WebhookQuestion, content_type: str, body: bytes) -> HealthFinding:
    """Returns what the webhook says of the canary. Raises UnusableAnswer."""
    if content_type.partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise UnusableAnswer(f"something else than {CONTENT_TYPE}")
    try:
        found = _decoder.decode(body)
    except UNREADABLE as error:
        raise UnusableAnswer('a body without "healthy": true or false') from error
    if found.healthy:
        return HealthFinding()
    reason = one_line(found.reason)[:_SHOWN] or "no reason given"
    words = f"the source {question.source} says that it is not healthy: {reason}"
    return HealthFinding(words, reported=True)
