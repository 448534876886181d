"""Reads how the upgrades to each image have ended in the event log, for the circuit breakers of
policies (R50.10)."""

from datetime import datetime

from ibgu.core.assurance.certify.cases import RolloutCase
from ibgu.core.assurance.certify.events import Event, completed_late
from ibgu.core.drivers import traits
from ibgu.core.engine.state.action_ends import ActionEnd
from ibgu.core.engine.state.seed_ends import SeedEnds, exceeded
from ibgu.core.model import Cause
from ibgu.core.model.seed_image import SeedCircuitBreaker, identity
from ibgu.core.text.spans import duration

_HELD = "SeedCircuitBreaker"
_FAILED = frozenset({"failed", "refused", "limit"})
_Key = tuple[str, int, str]


class UpgradeEnds:
    """UpgradeEnds counts the upgrades of all rollouts whose events it reads."""

    def __init__(self) -> None:
        self._ends = SeedEnds()
        self._failed: dict[_Key, ActionEnd] = {}
        self._held: set[tuple[str, int]] = set()
        """The steps that a circuit breaker holds."""
        self._resumed: dict[str, datetime] = {}
        """When a person last released the rollout from one."""

    def read(self, event: Event, rollout: RolloutCase) -> None:
        """Reads an event that the rollout's case has already."""
        if event.step is None or event.step >= len(rollout.steps):
            return
        if event.cluster is None:
            self._of_step(event, event.step)
        elif event.kind == "RunEnded":
            self._ended(event, rollout, (event.rollout, event.step, event.cluster))
        elif completed_late(event):
            self._completed_late(event, rollout, (event.rollout, event.step, event.cluster))

    def exceeded(self, rollout: RolloutCase, limits: SeedCircuitBreaker) -> str:
        """Returns which limit the upgrades to the rollout's image have reached; empty: none."""
        since = self._resumed.get(rollout.uid)
        found = self._ends.engaged(_image(rollout), limits, since)
        return f"{exceeded(limits, found)} within {duration(limits.window)}" if found else ""

    def _of_step(self, event: Event, step: int) -> None:
        held = (event.rollout, step)
        if event.data.get("hold") == _HELD:
            self._held.add(held)
        elif held in self._held:
            self._held.discard(held)
            self._resumed[event.rollout] = event.at

    def _ended(self, event: Event, rollout: RolloutCase, key: _Key) -> None:
        member = rollout.steps[key[1]].members.get(key[2])
        run = member.run if member is not None else None
        if run is None or not run.shown or not traits(run.action).upgrades:
            return
        if run.result == "succeeded":
            self._ends.replace(_image(rollout), None, ActionEnd(event.at, key[2]))
        elif run.result in _FAILED and run.cause in _CAUSES:
            end = self._failed[key] = ActionEnd(event.at, key[2], Cause(run.cause))
            self._ends.replace(_image(rollout), None, end)

    def _completed_late(self, event: Event, rollout: RolloutCase, key: _Key) -> None:
        failed = self._failed.pop(key, None)
        if failed is not None:
            self._ends.replace(_image(rollout), failed, ActionEnd(event.at, key[2]))


_CAUSES = frozenset(Cause)
"""Those of another version are not counted."""


def _image(rollout: RolloutCase) -> str:
    return identity(rollout.seed[0]) if rollout.seed else ""
