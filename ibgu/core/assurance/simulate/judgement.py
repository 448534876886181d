"""Judges recorded starts by one policy from a file, with what the log lacks and is known today: the
labels of clusters, how long actions take, and which upgrades of an image have failed."""

from collections.abc import Collection, Iterator
from datetime import timedelta

from msgspec.structs import replace

from ibgu.core.assurance.certify.cases import RolloutCase, StepCase
from ibgu.core.assurance.certify.policy_ends import RolloutProgress
from ibgu.core.assurance.certify.policy_rules import objection
from ibgu.core.assurance.certify.policy_selectors import EVERY_CLUSTER
from ibgu.core.assurance.certify.policy_starts import (
    CLUSTERS,
    Objection,
    Start,
    holds,
    selection,
)
from ibgu.core.assurance.certify.policy_times import ZONES
from ibgu.core.assurance.simulate.clusters import LabelledClusters
from ibgu.core.assurance.simulate.upgrade_ends import UpgradeEnds
from ibgu.core.drivers import traits
from ibgu.core.engine.gates.policies.times import time_needed
from ibgu.core.engine.timing.durations import DurationsByAction
from ibgu.core.engine.timing.windows import local_time, opening, zone_of
from ibgu.core.model.rollout_policy import RolloutPolicySpec, TopologyLimit
from ibgu.core.text.spans import duration

PREFLIGHT = "errors that preflight finds"
WARNINGS = "warnings of clusters that a person has accepted"


class PolicyJudge:
    """PolicyJudge judges starts by one policy, as if it had always been in force."""

    def __init__(
        self,
        name: str,
        spec: RolloutPolicySpec,
        clusters: LabelledClusters,
        durations: DurationsByAction,
        upgrades: UpgradeEnds,
    ) -> None:
        self.name = name
        self._spec = spec
        self._clusters = clusters
        self._durations = durations
        self._upgrades = upgrades
        self._most = _most(spec, clusters)
        self._members: dict[tuple[str, int], tuple[int, StepCase]] = {}
        """The steps with the members that the policy selects, and of how many these are."""

    def about(self, start: Start, rollout: RolloutCase) -> tuple[RolloutPolicySpec, Start]:
        """Returns the policy as far as it is about the start's cluster, and the start with the
        members that it selects. Both are unchanged if the cluster's labels are not known."""
        spec = self._spec
        own = self._clusters.selected(spec.clusters, start.cluster)
        if own is None:
            return spec, start
        if not own:
            neighbours = spec.never_together
            only = RolloutPolicySpec(spec.rollouts, actions=spec.actions, never_together=neighbours)
            return only, start
        zone = self._clusters.zone(start.cluster)
        windows = [
            each if each.time_zone else replace(each, time_zone=zone) for each in spec.windows
        ]
        spec = replace(spec, clusters=EVERY_CLUSTER, windows=windows)
        if self._spec.clusters != EVERY_CLUSTER:
            progress, on_hub = self._progress(start, rollout.uid), start.failed_on_hub
            start = replace(
                start,
                progress=progress,
                failed_on_hub=lambda moment: [
                    each for each in on_hub(moment) if self._selects(each.cluster)
                ],
            )
        return spec, start

    def objection(
        self, spec: RolloutPolicySpec, start: Start, rollout: RolloutCase
    ) -> Objection | None:
        """Returns why the policy would have held the start; None: it would not. `spec`: the policy
        as far as it is about the start."""
        more = (
            *self._limits(spec, start),
            *self._fit(spec, start),
            *self._breaker(spec, start, rollout),
            *_demands(spec, start, rollout),
        )
        # The limits are judged here, by labels.
        return objection(replace(spec, in_flight="", per_topology=[]), start, more)

    def _selects(self, cluster: str) -> bool:
        """Returns whether the policy selects the cluster; one whose labels nobody knows any more
        does not count."""
        return self._clusters.selected(self._spec.clusters, cluster) is True

    def _progress(self, start: Start, rollout: str) -> RolloutProgress:
        progress = start.progress
        return replace(
            progress,
            steps=[self._step(rollout, each) for each in progress.steps],
            failures=[each for each in progress.failures if self._selects(each.cluster)],
        )

    def _step(self, rollout: str, step: StepCase) -> StepCase:
        """Returns the step with the members that the policy selects: found once, as a step that has
        begun gets no more."""
        known = self._members.get((rollout, step.index))
        if known is None or known[0] != len(step.members):
            selected = {name: each for name, each in step.members.items() if self._selects(name)}
            known = len(step.members), replace(step, members=selected)
            self._members[rollout, step.index] = known
        return known[1]

    # -- what depends on labels --------------------------------------------------------------

    def _limits(self, spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
        if not any(holds(spec, action) for action in start.rest):
            return
        unknown = selection(spec)
        others = [each for each in start.others if unknown or self._selects(each)]
        if spec.in_flight != "" and len(others) >= self._most:
            words = f"with {len(others)} in flight, and inFlight is {spec.in_flight}"
            yield Objection("R50.3", words, unknown)
        for limit in spec.per_topology:
            yield from self._topology(limit, start.cluster, others, unknown)

    def _topology(
        self, limit: TopologyLimit, cluster: str, others: Collection[str], unknown: str
    ) -> Iterator[Objection]:
        label, most = limit.label, limit.maximum
        value = self._clusters.value(cluster, label)
        if value is None:
            if len(others) >= most:
                yield Objection(unknown=CLUSTERS)
            return
        beside = sum(self._clusters.value(each, label) == value for each in others)
        if beside >= most:
            where = f"with {label}={value}" if value else f"without the label {label}"
            words = f"with {beside} in flight {where}, and perTopology allows {most}"
            yield Objection("R50.3", words, unknown)

    # -- what depends on measurements --------------------------------------------------------

    def _fit(self, spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
        """Yields that the window that was open is too short, by what actions take today."""
        fixed = [each for each in spec.windows if each.time_zone]
        if not spec.fit or not fixed or not holds(spec, start.action):
            return
        found = opening(fixed, None, start.at)
        needed = time_needed(start.action, self._durations)
        if found.until is None or start.at + needed <= found.until:
            return
        closes = local_time(found.until, zone_of(fixed[0].time_zone))
        back = " with the way back" if traits(start.action).upgrades else ""
        takes = f"{start.action}{back} usually takes up to {duration(needed)}"
        longest = timedelta(minutes=max(each.duration_minutes for each in fixed))
        until = found.opens if needed <= longest else None
        own = ZONES if len(fixed) < len(spec.windows) else ""
        words = f"in a window that closes at {closes}: {takes}"
        yield Objection("R50.4", words, own or selection(spec), until=until)

    def _breaker(
        self, spec: RolloutPolicySpec, start: Start, rollout: RolloutCase
    ) -> Iterator[Objection]:
        if spec.breaker is None or not any(
            holds(spec, each) for each in start.progress.step.actions
        ):
            return
        brings = any(traits(each).brings for each in start.rest)
        held = brings or traits(start.action).upgrades
        words = self._upgrades.exceeded(rollout, spec.breaker) if held else ""
        if words:
            yield Objection("R50.10", f"after {words} with its image", selection(spec))


def _demands(spec: RolloutPolicySpec, start: Start, rollout: RolloutCase) -> Iterator[Objection]:
    """Yields what the policy asks for, and the rollout did not. The log lacks what preflight would
    have found, and which warnings people accept."""
    held = holds(spec, start.action)
    if spec.preflight is not None and held and not rollout.enforces_preflight:
        yield Objection(unknown=PREFLIGHT)
    if spec.warnings is not None and held and traits(start.action).upgrades:
        yield Objection(unknown=WARNINGS)
    ahead = [each for each in (start.action, *start.rest) if holds(spec, each)]
    wanted = spec.backup is not None and any(traits(each).upgrades for each in ahead)
    if wanted and rollout.max_age is None:
        yield Objection("R50.15", "without a backup, which the policy requires", selection(spec))


def _most(spec: RolloutPolicySpec, clusters: LabelledClusters) -> int:
    """Returns how many clusters may be in flight; a share is of the clusters of today."""
    if isinstance(spec.in_flight, int):
        return spec.in_flight
    share = int(spec.in_flight.removesuffix("%") or 0)
    return max(1, clusters.count(spec.clusters) * share // 100)
