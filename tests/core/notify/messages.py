"""Messages about a rollout that the engine has carried out."""

from collections.abc import Iterable
from typing import Any

import msgspec

from ibgu.core.drivers.ibu import IBU
from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.model.topics import Topic
from ibgu.core.notify import NotificationState, RolloutEvent, advance
from ibgu.core.notify.message import Message
from tests.core.engine.decide.fleet import InMemoryEngine, ibgu
from tests.oracle.logs import log_of

UID = "uid-a"


def facts_of(engine: InMemoryEngine) -> list[RolloutEvent]:
    return [
        msgspec.convert(
            msgspec.to_builtins(event) | {"namespace": "fleet", "name": event.rollout[4:]},
            RolloutEvent,
        )
        for event in log_of(engine)
    ]


def folded(
    facts: Iterable[RolloutEvent], memory: NotificationState | None = None
) -> tuple[NotificationState, list[Message]]:
    memory, messages = memory or NotificationState(), list[Message]()
    for fact in facts:
        memory, more = advance(IBU, memory, fact)
        messages += more
    return memory, messages


def told(messages: Iterable[Message]) -> list[tuple[Topic, str]]:
    return [(message.topic, message.text) for message in messages]


def prepared(
    bad: Iterable[int] = (), count: int = 12, *steps: str, **strategy: int
) -> InMemoryEngine:
    """Clusters that have Prep behind them, some of which fail in the Upgrade that begins."""
    engine = InMemoryEngine(*(f"site-{n}" for n in range(1, count + 1)))
    failing = set(bad)
    for n, spoke in enumerate(engine.spokes.values(), 1):
        spoke.to("Prep")
        engine.labels[spoke.name]["lcm.openshift.io/ibgu-prep-completed"] = ""
        spoke.faults[Stage.UPGRADE] = "fail" if n in failing else ""
    given: dict[str, Any] = {"concurrency": 1, "timeout": 2000} | strategy
    engine.apply(ibgu("a", *(steps or ("Upgrade",)), **given))
    return engine
