"""RolloutPolicies, and a look at how many clusters are in flight."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from msgspec import convert

from ibgu.core.engine.state.snapshot import Snapshot
from ibgu.core.model import Decision, Reason
from ibgu.core.model.kinds import ObjectMeta
from ibgu.core.model.rollout_policy import PolicyState, RolloutPolicy, RolloutPolicySpec
from tests.core.engine.decide.fleet import InMemoryEngine

SITE = "example.com/site"


def policy(name: str = "network", **spec: Any) -> RolloutPolicy:
    """The spec's fields as in YAML."""
    return RolloutPolicy(ObjectMeta(name=name), convert(spec, RolloutPolicySpec))


def set_policies(engine: InMemoryEngine, *policies: RolloutPolicy) -> None:
    engine.rollout_policies = PolicyState(policies)
    engine.touch_everything()


class Peaks:
    """Peaks has the most clusters that were in flight at once, of all and by the value of a
    label."""

    def __init__(
        self, engine: InMemoryEngine, value: Callable[[str], str] = lambda name: ""
    ) -> None:
        self._twin = engine
        self._value = value
        self.most = 0
        self.by_value: Counter[str] = Counter()
        engine.watchers.append(self)

    def deciding(self) -> None:
        """Looks at nothing."""

    def decided(self, snapshot: Snapshot, decisions: Sequence[Decision]) -> None:
        claims = snapshot.fleet.claims
        self.most = max(self.most, len(claims))
        found = Counter(self._value(holder.cluster) for holder in claims.values())
        self.by_value |= found

    def turned(self) -> None:
        """Looks at nothing."""


def drive(engine: InMemoryEngine, hours: float) -> None:
    """Drives the engine as the controller does, which counts again from time to time."""
    end = engine.now + timedelta(hours=hours)
    while engine.now < end:
        engine.wait(minutes=5)
        if engine.policy_gates.recount(engine.now):
            engine.touch_everything()


def reason(engine: InMemoryEngine, uid: str, cluster: str) -> Reason:
    found = engine.member(uid, 0, cluster)
    assert not found.finished
    return found.reason
