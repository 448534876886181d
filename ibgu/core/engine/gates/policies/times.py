"""The gate of a policy's windows and freezes: when clusters may start (R50.4, R50.5)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ibgu.core.engine.gate import ActionFilter, GateInput, kept_by_policy, of_policies, policy_gate
from ibgu.core.engine.gates.gate import Candidate, MemberGate
from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.engine.timing.windows import (
    frozen,
    local_time,
    next_freeze,
    opening,
    zone_of,
    zone_problem,
)
from ibgu.core.model import ActingParty, ActionName, ClusterView, PolicyRule, Reason, names, traits
from ibgu.core.model.actions import table_of, whole
from ibgu.core.model.meaning import Meaning
from ibgu.core.model.rollout_policy import RolloutPolicySpec
from ibgu.core.plan.policies import selects_cluster
from ibgu.core.text.harmless import one_line
from ibgu.core.text.spans import duration, utc

Durations = Callable[[], DurationsByAction]
"""Returns how long actions usually take on the hub; those that were measured too rarely are
missing."""
MEANING = Meaning(
    "the policy allows no start at this time",
    "the time comes at which the policy allows it",
    "nothing, the gate opens automatically; what else policies ask for, such as an approval, shows "
    "after that; or have the policy's owner change it",
)
ZONE_MEANING = Meaning(
    "the policy's windows are in the time zone of the cluster, which is not known",
    "the ManagedCluster says what its time zone is",
    f"give the ManagedCluster the label {names.TIME_ZONE}, such as Europe.Berlin",
)
NO_WINDOW_MEANING = Meaning(
    "no window of the policy lets the action start",
    "the policy has a window that does",
    "have the policy's owner add a window, or a longer one",
)
_NEXT = timedelta(seconds=1)
_NO_ZONE = (
    "the policy's windows are in the cluster's time zone, which is not known: give the "
    f"ManagedCluster the label {names.TIME_ZONE}, such as Europe.Berlin"
)


class ClosingTime:
    """ClosingTime is when the first of the clusters that a policy has let start may not any more:
    its window closes, a freeze begins, or an approval ends. It also knows the times that actions
    needed when clusters were decided on. Nothing else tells those that still wait."""

    def __init__(self, durations: Durations) -> None:
        self.at: datetime | None = None
        """None: nobody has been let start since the last time."""
        self._durations = durations
        self._needed: set[tuple[ActionName, timedelta]] = set()

    def needed(self, action: ActionName) -> timedelta:
        """Returns the time that the action needs, by which a cluster is decided on."""
        found = time_needed(action, self._durations())
        self._needed.add((action, found))
        return found

    def take_changed(self) -> bool:
        """Returns whether an action needs another time than clusters were decided on by. It is
        noted again by those that are decided on again."""
        measured = self._durations() if self._needed else {}
        changed = any(time_needed(action, measured) != known for action, known in self._needed)
        if changed:
            self._needed.clear()
        return changed

    def note(self, closes: datetime | None) -> None:
        self.at = min(filter(None, (self.at, closes)), default=None)

    def take(self, now: datetime) -> bool:
        """Returns whether the time has come. It is noted again by those that may still start."""
        if self.at is None or now < self.at:
            return False
        self.at = None
        return True


def times_gate(
    name: str,
    spec: RolloutPolicySpec,
    actions: ActionFilter,
    closing: ClosingTime,
) -> MemberGate:
    """Returns a gate that also guards actions inside a chain."""
    needs = {GateInput.CLUSTER, GateInput.TIME} | ({GateInput.DURATIONS} if spec.fit else set())

    def check(candidate: Candidate) -> Reason | None:
        if not selects_cluster(spec.clusters, candidate.cluster.labels):
            return None
        reason = _frozen(spec, candidate) or _outside(spec, candidate, closing)
        if reason is None:
            closing.note(next_freeze(spec.freezes, candidate.now))
            closing.note(_closes(spec, candidate, closing))
        return reason

    return MemberGate(
        name=policy_gate(name),
        check=check,
        reasons=of_policies(MEANING),
        rule=PolicyRule.TIMES,
        needs=frozenset(needs),
        actions=actions,
        chained=actions,
    )


def _frozen(spec: RolloutPolicySpec, candidate: Candidate) -> Reason | None:
    found = frozen(spec.freezes, candidate.now)
    if found is None:
        return None
    freeze, end = found
    why = f": {one_line(freeze.reason)}" if freeze.reason else ""
    words = f"the policy freezes all starts until {utc(end)}{why}"
    return kept_by_policy(words, candidate.now, end)


def _outside(spec: RolloutPolicySpec, candidate: Candidate, closing: ClosingTime) -> Reason | None:
    """Returns why the windows keep the cluster; None: one is open, and long enough."""
    if not spec.windows:
        return None
    now, action = candidate.now, candidate.action
    zone, problem = own_zone(candidate.cluster)
    if zone is None:
        fixed = [each.time_zone for each in spec.windows if each.time_zone]
        if len(fixed) < len(spec.windows):
            return _kept_until_corrected(problem, now, PolicyRule.TIME_ZONE)
        zone = zone_of(fixed[0])
    needed = closing.needed(action) if spec.fit else timedelta()
    takes = f"{_with_way_back(action)} usually takes up to {duration(needed)}"
    if needed > timedelta(minutes=max(each.duration_minutes for each in spec.windows)):
        words = f"{takes}, and no window of the policy is open for so long"
        return _kept_until_corrected(words, now, PolicyRule.NO_WINDOW)
    found = opening(spec.windows, zone, now)
    if found.until is None:
        if found.opens is None:
            words = "no window of the policy opens within fifty years"
            return _kept_until_corrected(words, now, PolicyRule.NO_WINDOW)
        words = f"the policy's window opens at {local_time(found.opens, zone)}"
        return kept_by_policy(words, now, found.opens)
    if now + needed <= found.until:
        return None
    words = f"{takes}, and the policy's window closes at {local_time(found.until, zone)}"
    return kept_by_policy(words, now, min(found.until, found.opens or found.until))


def _closes(spec: RolloutPolicySpec, candidate: Candidate, closing: ClosingTime) -> datetime | None:
    """Returns from when on the windows keep the cluster, which they let start now; None: never."""
    zone, _ = own_zone(candidate.cluster)
    until = opening(spec.windows, zone, candidate.now).until
    if until is None or not spec.fit:
        return until
    return until - closing.needed(candidate.action) + _NEXT


def _kept_until_corrected(words: str, now: datetime, rule: PolicyRule) -> Reason:
    return kept_by_policy(words, now, who=ActingParty.PERSON, rule=rule)


def time_needed(action: ActionName, durations: DurationsByAction) -> timedelta:
    """Returns the time within which the action usually ends, and the way back from it."""
    back = _way_back(action)
    return _usual(action, durations) + (_usual(back, durations) if back else timedelta())


def _usual(action: ActionName, durations: DurationsByAction) -> timedelta:
    measured = durations.get(action)
    if measured is None:
        return timedelta(seconds=traits(action).usual.high)
    return timedelta(seconds=measured.p95 + (measured.prepared or 0.0))


def _way_back(action: ActionName) -> ActionName | None:
    return table_of(action).rollback if traits(whole(action)).upgrades else None


def _with_way_back(action: ActionName) -> str:
    back = _way_back(action)
    return f"{action} with a {back}" if back else action


def own_zone(cluster: ClusterView) -> tuple[ZoneInfo | None, str]:
    """Returns the cluster's time zone; or None, and what is wrong with it."""
    label = cluster.labels.get(names.TIME_ZONE, "").replace(".", "/")
    name = cluster.annotations.get(names.TIME_ZONE) or label
    if not name:
        return None, _NO_ZONE
    return zone_of(name), f"{names.TIME_ZONE}: {zone_problem(name)}"
