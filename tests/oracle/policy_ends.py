"""The ends of members, as the failure budgets and canaries of policies count them."""

from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from operator import attrgetter

from msgspec import Struct
from msgspec.structs import replace

from tests.oracle.cases import RolloutCase, StepCase
from tests.oracle.events import Event, completed_late
from tests.oracle.proofs import KindProofs, Proofs

_SPENT = "FailureBudgetSpent"
_NOT_TRIED = frozenset({"NeverStarted", "ClusterGone", "ClusterRecreated", "RolloutDeleted"})
"""Causes with which a cluster has not failed at what it was asked for."""


class MemberEnd(Struct, frozen=True):
    """MemberEnd is how a member has ended."""

    seq: int
    at: datetime
    step: int
    cluster: str
    uid: str
    outcome: str
    action: str
    """The action of the plan at which it failed."""
    counts: bool
    """Whether budgets count it as a failure."""
    begun: bool = False
    """Whether the cluster may have done anything of the step; nobody asks for that on the hub."""
    late: bool = False
    """Whether it has completed its action since."""

    @property
    def failed(self) -> bool:
        return self.outcome == "failed"

    @property
    def left(self) -> bool:
        """Whether it was skipped or cancelled."""
        return self.outcome in ("skipped", "cancelled")


class RolloutProgress(Struct, frozen=True):
    """RolloutProgress is how far a rollout has come."""

    steps: Sequence[StepCase]
    """The steps that have begun; the last is that of the start."""
    ends: Mapping[str, MemberEnd]
    """The ends of the step's members, by cluster."""
    failures: Collection[MemberEnd]
    """The ends of all members that have failed, in any step, in the order of their events."""
    left: Collection[MemberEnd]
    """The ends of the members of the step that were skipped or cancelled after they had begun."""
    resumed_at: datetime | None
    """When a person last resumed the step behind a spent budget."""
    rollout_resumed_at: datetime | None
    """When any of the steps was."""
    whole: bool
    """Whether the history has all of it: nothing was restored or taken over."""
    begun: Collection[str] = ()
    """The clusters that have carried out an action of the step."""

    @property
    def step(self) -> StepCase:
        return self.steps[-1]


class _Rollout(Struct):
    ends: dict[int, dict[str, MemberEnd]] = {}
    """The ends, keyed by step and cluster."""
    failures: dict[tuple[int, str], MemberEnd] = {}
    left: dict[int, dict[str, MemberEnd]] = {}
    """The ends of those that had begun and were skipped or cancelled, keyed as `ends`."""
    whole: bool = True
    sent: set[str | None] = set()
    """The runs whose works may have been armed."""
    done: dict[int, Counter[str]] = {}
    """How many actions of a step each cluster has carried out, by step; those that are repeated
    count once."""
    spent: set[int] = set()
    """The steps that a spent budget holds."""
    released: tuple[int, datetime] | None = None
    """The step that such a hold has left last, and when."""
    resumed: dict[int, datetime] = {}


class RolloutEnds:
    """RolloutEnds reads how members end, and when a person has resumed their steps behind a spent
    budget: what had failed before that does not count. It does behind a hold that has ended because
    the budget was raised."""

    def __init__(self) -> None:
        self._rollouts: dict[str, _Rollout] = {}

    def read(self, event: Event, proofs: Proofs, *, resumes: bool) -> None:
        """`resumes`: whether the event records that a person resumes the rollout."""
        known = self._rollouts.setdefault(event.rollout, _Rollout())
        if resumes:
            _resumed(known, event)
        if event.step is None:
            return
        if event.cluster is None:
            _of_step(known, event, event.step)
        elif event.kind in ("MemberAdopted", "Imported"):
            known.whole = False
        elif event.kind == "RunArming":
            known.sent.add(event.run)
        elif event.kind == "RunEnded" and event.data.get("result") == "succeeded":
            known.done.setdefault(event.step, Counter())[event.cluster] += 1
        elif event.kind == "ActionRepeated":
            _repeated(known.done.get(event.step, Counter()), event.cluster)
        elif event.kind == "MemberFinished":
            end = _end(event, event.step, event.cluster, proofs)
            _ended(known, replace(end, begun=_has_begun(known, end, event, proofs)))
        elif completed_late(event):
            _completed_late(known, event.step, event.cluster)

    def progress(self, rollout: RolloutCase, index: int) -> RolloutProgress:
        known = self._rollouts.get(rollout.uid, _Rollout())
        return RolloutProgress(
            steps=rollout.steps[: index + 1],
            ends=known.ends.get(index, {}),
            failures=known.failures.values(),
            left=known.left.get(index, {}).values(),
            resumed_at=known.resumed.get(index),
            rollout_resumed_at=max(known.resumed.values(), default=None),
            whole=known.whole and not rollout.restored,
            begun=known.done.get(index, ()),
        )


class HubFailures:
    """HubFailures reads which clusters have failed, in all rollouts of the hub."""

    def __init__(self, proofs: KindProofs) -> None:
        self._proofs = proofs
        self._kinds: dict[str, str] = {}
        """The kind of each rollout's object."""
        self._failed: dict[tuple[str, int, str], MemberEnd] = {}
        self._in_order: list[MemberEnd] = []

    def read(self, event: Event) -> None:
        if "kind" in event.data:
            self._kinds[event.rollout] = str(event.data["kind"])
        proofs = self._proofs.get(self._kinds.get(event.rollout, ""))
        if proofs is None or event.step is None or event.cluster is None:
            return
        key = (event.rollout, event.step, event.cluster)
        if event.kind == "MemberFinished":
            self._ended(key, _end(event, event.step, event.cluster, proofs))
        elif completed_late(event):
            self._ended(key, None)

    def after(self, moment: datetime) -> Sequence[MemberEnd]:
        """Returns the failures after that time, in its order."""
        return self._in_order[bisect_right(self._in_order, moment, key=attrgetter("at")) :]

    def _ended(self, key: tuple[str, int, str], end: MemberEnd | None) -> None:
        """`end`: how the member has ended now; None: well."""
        if (before := self._failed.pop(key, None)) is not None:
            self._in_order.remove(before)
        if end is not None and end.counts:
            self._failed[key] = end
            insort(self._in_order, end, key=attrgetter("at"))


def _of_step(known: _Rollout, event: Event, step: int) -> None:
    if event.data.get("hold") == _SPENT:
        known.spent.add(step)
    elif step in known.spent:
        known.spent.discard(step)
        known.released = step, event.at


def _repeated(done: Counter[str], cluster: str) -> None:
    """Takes back that the cluster has carried out its last action. One that has done nothing else
    starts the step as any other."""
    done[cluster] -= 1
    if done[cluster] <= 0:
        del done[cluster]


def _resumed(known: _Rollout, event: Event) -> None:
    """Notes the resume of the step that was released right before, in the same turn."""
    if known.released is not None and known.released[1] == event.at:
        known.resumed[known.released[0]] = event.at


def _ended(known: _Rollout, end: MemberEnd) -> None:
    known.ends.setdefault(end.step, {})[end.cluster] = end
    if end.failed:
        known.failures[end.step, end.cluster] = end
    if end.left and end.begun:
        known.left.setdefault(end.step, {})[end.cluster] = end


def _has_begun(known: _Rollout, end: MemberEnd, event: Event, proofs: Proofs) -> bool:
    """Whether the cluster may have done anything of the step. A withdrawn run that reboots may have
    been taken all the same, and an earlier one may have been done in part."""
    if event.run is None:
        return False
    sent, data = event.run in known.sent, event.data
    asked = sent and data.get("result") != "withdrawn"
    reboots = data.get("action") in proofs.reboots | proofs.resumes
    rebooted = reboots and (sent or data.get("attempt") != 1)
    return end.cluster in known.done.get(end.step, ()) or asked or rebooted


def _completed_late(known: _Rollout, step: int, cluster: str) -> None:
    before = known.failures.get((step, cluster))
    if before is not None:
        _ended(known, replace(before, counts=False, late=True))


def _end(event: Event, step: int, cluster: str, proofs: Proofs) -> MemberEnd:
    failed = str(event.data.get("failed_action") or "")
    action, outcome = proofs.parts.get(failed, failed), str(event.data.get("outcome") or "")
    tried = event.run is not None and event.cause not in _NOT_TRIED
    forward = action != "" and action not in proofs.ways_back
    return MemberEnd(
        seq=event.seq,
        at=event.at,
        step=step,
        cluster=cluster,
        uid=event.cluster_uid or "",
        outcome=outcome,
        action=action,
        counts=outcome == "failed" and tried and forward,
    )
