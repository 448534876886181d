"""Judges a start by a policy's circuit breaker (R50.10): how the upgrades to its image had ended,
in all rollouts of the hub.

A failure counts from when the log has its member's end, and no longer once it was corrected: so
what is reported was certainly too much.
"""

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec import Struct

from ibgu.core.model.rollout_policy import RolloutPolicySpec
from ibgu.core.model.seed_image import SeedCircuitBreaker, identity
from ibgu.core.text.spans import duration
from tests.oracle.cases import RolloutCase
from tests.oracle.events import Event, completed_late
from tests.oracle.policy_starts import Objection, Start, holds, own_selection
from tests.oracle.proofs import KindProofs, Proofs

ENDING = frozenset(
    {
        *("RolloutSeen", "PlanAccepted", "Imported"),
        *("RunArmed", "RunAccepted", "RunEnded", "MemberFinished", "CompletedLate"),
    }
)
"""Kinds of events that say how upgrades to which image have ended."""
_HELD = "SeedCircuitBreaker"
_FAILED = frozenset({"failed", "refused", "limit"})
_BEGINNING = datetime.min.replace(tzinfo=UTC)
_Member = tuple[str, int | None, str | None]
"""Rollout, step and cluster."""


class _Failure(Struct, frozen=True, order=True):
    at: datetime
    cause: str


class _Image(Struct):
    """_Image has the ends of the upgrades to one image, in order of time."""

    ended: list[datetime] = []
    failures: list[_Failure] = []
    changes: int = 0
    judged: dict[tuple[SeedCircuitBreaker, datetime], tuple[int, str]] = {}
    """What was found, and after how many changes."""

    def exceeded(self, limits: SeedCircuitBreaker, since: datetime) -> str:
        """Returns which limit a failure after that time has reached; empty: none has."""
        changes, found = self.judged.get((limits, since), (-1, ""))
        if changes != self.changes:
            reached = (self._reached(limits, since, each) for each in self.failures)
            found = next(filter(None, reached), "")
            self.judged[limits, since] = (self.changes, found)
        return found

    def _reached(self, limits: SeedCircuitBreaker, since: datetime, last: _Failure) -> str:
        if last.at <= since:
            return ""
        after = max(since, last.at - limits.window)
        within = [each.cause for each in self.failures if after < each.at <= last.at]
        cause, alike = Counter(within).most_common(1)[0]
        if 0 < limits.same_cause <= alike:
            return f"{alike} upgrades failed with {cause} within {duration(limits.window)}"
        ended = bisect_right(self.ended, last.at) - bisect_right(self.ended, after)
        enough = limits.percent > 0 and ended >= max(1, limits.minimum_upgrades)
        if enough and 100 * len(within) >= limits.percent * ended:
            return f"{len(within)} of {ended} upgrades failed within {duration(limits.window)}"
        return ""


class _Rollout(Struct):
    kind: str = ""
    """The kind of the object that asked for it."""
    image: str = ""
    held: set[int] = set()
    """The steps that a circuit breaker holds."""
    resumed_at: datetime = _BEGINNING


class ImageEnds:
    """ImageEnds reads the events of all rollouts in their order."""

    def __init__(self, proofs: KindProofs) -> None:
        self._proofs = proofs
        self._images: dict[str, _Image] = {}
        self._rollouts: dict[str, _Rollout] = {}
        self._shown: set[str] = set()
        """The runs that were armed."""
        self._ended: dict[_Member, datetime] = {}
        """When the last run of each member has ended that counts as a failure."""
        self._failed: dict[_Member, tuple[str, _Failure]] = {}
        """The image and the failure of each member."""

    def read(self, event: Event) -> None:
        known = self._rollouts.setdefault(event.rollout, _Rollout())
        seed = event.data.get("seed")
        if event.cluster is None and seed:
            known.image = identity(str(seed[0]))
        if "kind" in event.data:
            known.kind = str(event.data["kind"])
        proofs = self._proofs.get(known.kind)
        if event.cluster is None and event.step is not None:
            _of_step(known, event, event.step)
        elif proofs is not None and event.cluster is not None:
            self._of_member(known.image, event, proofs)

    def exceeded(self, rollout: str, limits: SeedCircuitBreaker) -> str:
        """Returns which limit the upgrades to the rollout's image have certainly reached since it
        was last resumed; empty: none."""
        known = self._rollouts.get(rollout, _Rollout())
        image = self._images.get(known.image)
        return image.exceeded(limits, known.resumed_at) if image is not None else ""

    def _of_member(self, name: str, event: Event, proofs: Proofs) -> None:
        key = (event.rollout, event.step, event.cluster)
        match event.kind:
            case "RunArmed" | "RunAccepted":
                self._shown.add(event.run or "")
            case "RunEnded" if self._counts(event, proofs):
                self._upgrade_ended(name, key, event)
            case "MemberFinished" if event.data.get("outcome") == "failed" and key in self._ended:
                self._fails(name, key, _Failure(self._ended.pop(key), event.cause or ""))
            case "CompletedLate" if key in self._failed and completed_late(event):
                image_name, failure = self._failed.pop(key)
                image = self._images[image_name]
                del image.failures[bisect_left(image.failures, failure)]
                image.changes += 1

    def _counts(self, event: Event, proofs: Proofs) -> bool:
        """Returns whether an upgrade has ended that its cluster was asked for."""
        upgrade = event.data.get("action") in proofs.reboots - proofs.ways_back
        result = event.data.get("result")
        return upgrade and event.run in self._shown and (result in _FAILED or result == "succeeded")

    def _upgrade_ended(self, name: str, key: _Member, event: Event) -> None:
        image = self._images.setdefault(name, _Image())
        insort(image.ended, event.at)
        image.changes += 1
        if event.data.get("result") in _FAILED:
            self._ended[key] = event.at

    def _fails(self, name: str, key: _Member, failure: _Failure) -> None:
        image = self._images[name]
        insort(image.failures, failure)
        image.changes += 1
        self._failed[key] = (name, failure)


def _of_step(known: _Rollout, event: Event, step: int) -> None:
    if event.data.get("hold") == _HELD:
        known.held.add(step)
    elif step in known.held:
        known.held.discard(step)
        known.resumed_at = event.at


def of_breaker(
    spec: RolloutPolicySpec, start: Start, rollout: RolloutCase, proofs: Proofs, ends: ImageEnds
) -> Iterator[Objection]:
    """Yields that the image of the rollout had failed too often."""
    upgrades = start.action in proofs.reboots - proofs.ways_back
    brings = upgrades or (bool(start.rest) and start.action in proofs.brings)
    concerns = any(holds(spec, action) for action in start.progress.step.actions)
    if spec.breaker is None or not (brings and concerns):
        return
    if found := ends.exceeded(rollout.uid, spec.breaker):
        yield Objection("R50.10", f"after {found} with its image", own_selection(spec, start))
