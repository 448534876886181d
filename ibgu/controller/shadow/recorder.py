"""Keeps all records of shadow mode in memory and updates them from the mirror."""

from collections.abc import Callable, Iterator
from datetime import datetime

from msgspec.structs import replace

from ibgu.controller.mirror.mirror import Mirror
from ibgu.core.assurance.shadow import (
    PolicyHold,
    ShadowPolicies,
    ShadowRollout,
    ShadowRun,
    ShadowStep,
    TalmObservation,
    TalmStart,
    begin,
    due,
    follow,
    rollout_of,
    status_of,
    step_of,
    with_holds,
)
from ibgu.core.drivers import traits
from ibgu.core.model import ActionName
from ibgu.core.model.kinds import RolloutObject
from ibgu.core.model.rollout_policy import PolicyState
from ibgu.core.talm import TalmGroup, TalmWork
from ibgu.db.shadow import ShadowRecords

RunKey = tuple[str, int, str, str]


class ShadowRecorder:
    """ShadowRecorder records what is new in `look`; `changed` returns it until `kept` confirms the
    write."""

    def __init__(
        self,
        mirror: Mirror,
        known: ShadowRecords,
        policies: Callable[[], PolicyState] = PolicyState,
    ) -> None:
        """`policies` returns those of the hub."""
        self._mirror = mirror
        self._policies = policies
        self._judge = ShadowPolicies(
            mirror.cluster, lambda: (found.view for found in mirror.clusters)
        )
        self.rollouts = {rollout.uid: rollout for rollout in known.rollouts}
        self.steps = {step.key: step for step in known.steps}
        self.runs = {run.key: run for run in known.runs}
        self._open = {run.key for run in known.runs if run.open}
        self._seen: dict[str, tuple[RolloutObject, tuple[TalmGroup, ...]]] = {}
        """Maps uids to what was last observed; if that is the same, nothing is new there."""
        self._new_rollouts: dict[str, ShadowRollout] = {}
        self._new_steps: dict[tuple[str, int], ShadowStep] = {}
        self._new_runs: dict[RunKey, ShadowRun] = {}

    def observe(self, now: datetime) -> None:
        """Updates the records of every IBGU that TALM carries out or carried out before."""
        here = {obj.metadata.uid: obj for obj in self._mirror.ibgus}
        for uid, obj in here.items():
            groups = self._mirror.groups(obj)
            if groups or uid in self.rollouts:
                self._rollout(obj, groups, now)
        for uid, rollout in self.rollouts.items():
            if uid not in here and not rollout.deleted:
                self._gone(rollout, now)

    def due(self) -> datetime | None:
        """Returns when to look again even if nothing changes."""
        times = (due(self.runs[key]) for key in self._open)
        return min((time for time in times if time is not None), default=None)

    @property
    def post_commit(self) -> int:
        """Number of TALM's actions that run now."""
        return len(self._open)

    def changed(self) -> ShadowRecords:
        return ShadowRecords(
            tuple(self._new_rollouts.values()),
            tuple(self._new_steps.values()),
            tuple(self._new_runs.values()),
        )

    def kept(self) -> None:
        """Forgets written changes, and whole rollouts whose IBGU is gone."""
        for written in (self._new_rollouts, self._new_steps, self._new_runs):
            written.clear()
        gone = {uid for uid, rollout in self.rollouts.items() if rollout.deleted}
        gone -= {key[0] for key in self._open}
        if gone:
            self._forget(gone)

    def _forget(self, gone: set[str]) -> None:
        for uid in gone:
            del self.rollouts[uid]
            self._seen.pop(uid, None)
        self.steps = {key: step for key, step in self.steps.items() if key[0] not in gone}
        self.runs = {key: run for key, run in self.runs.items() if key[0] not in gone}

    # -- one IBGU ------------------------------------------------------------------------------

    def _rollout(self, obj: RolloutObject, groups: tuple[TalmGroup, ...], now: datetime) -> None:
        uid = obj.metadata.uid
        if self._nothing_new(obj, groups):
            return
        before = self.rollouts.get(uid)
        rollout = rollout_of(obj, before, now)
        if rollout != before:
            self.rollouts[uid] = self._new_rollouts[uid] = rollout
        failed = status_of(obj).failed()
        for group in groups:
            self._step(obj, group, failed, now)
        with_group = {group.index for group in groups}
        for key in self._open_of(uid):
            if key[1] not in with_group:
                self._follow(self.runs[key], TalmObservation(None, None, reachable=True), now)

    def _nothing_new(self, obj: RolloutObject, groups: tuple[TalmGroup, ...]) -> bool:
        """Returns whether nothing can have changed: these objects are the same and nothing is
        open."""
        uid = obj.metadata.uid
        seen = self._seen.get(uid)
        self._seen[uid] = (obj, groups)
        same = seen is not None and seen[0] is obj and seen[1] is groups
        works = any(self._mirror.talm.keys_by("group", group.full_name) for group in groups)
        return same and not works and not self._open_of(uid)

    def _step(
        self,
        obj: RolloutObject,
        group: TalmGroup,
        failed: dict[tuple[str, str], str],
        now: datetime,
    ) -> None:
        uid = obj.metadata.uid
        before = self.steps.get((uid, group.index))
        step = step_of(uid, group, before, now)
        if step != before:
            self.steps[step.key] = self._new_steps[step.key] = step
        works = {(w.cluster, a): w for w, a in self._works(group)}
        for (cluster, action), work in works.items():
            if (uid, group.index, cluster, action) not in self.runs and not work.terminating:
                run = begin(uid, group.index, action, work, now)
                self._put(with_holds(run, self._holds(obj, group, run, now)))
        for key in self._open_of(uid):
            _, index, cluster, name = key
            if index != group.index:
                continue
            work_seen = works.get((cluster, name))
            said = failed.get((cluster, name), "")
            seen = TalmObservation(work_seen, group, self._reachable(cluster), said)
            self._follow(self.runs[key], seen, now)

    def _holds(
        self, obj: RolloutObject, group: TalmGroup, run: ShadowRun, now: datetime
    ) -> Iterator[PolicyHold]:
        """Yields the policies that would have held the start."""
        cluster = self._mirror.cluster(run.cluster)
        if cluster is None:
            return
        begun = any((*run.key[:3], action) in self.runs for action in group.actions)
        start = TalmStart(
            namespace=obj.metadata.namespace,
            labels=obj.metadata.labels,
            cluster=cluster,
            action=run.action,
            rest=() if begun else group.actions[group.actions.index(run.action) :],
            at=run.since,
        )
        yield from self._judge.holds(self._policies(), start, self._in_flight(run.cluster), now)

    def _in_flight(self, besides: str) -> set[str]:
        """Returns the other clusters with an action that has not ended."""
        open_ = (self.runs[key] for key in self._open)
        at_work = {
            run.cluster
            for run in open_
            if run.ibgu is None and run.talm is None and run.gone_at is None
        }
        return at_work - {besides}

    def _works(self, group: TalmGroup) -> Iterator[tuple[TalmWork, ActionName]]:
        """Yields TALM's works, each with the step's action of the work's stage."""
        by_stage = {traits(action).stage: action for action in group.actions}
        for work in self._mirror.talm_works(group.full_name):
            if work.stage in by_stage:
                yield work, by_stage[work.stage]

    def _open_of(self, uid: str) -> list[RunKey]:
        return [key for key in self._open if key[0] == uid]

    def _reachable(self, cluster: str) -> bool:
        found = self._mirror.cluster(cluster)
        return found is not None and found.reachable

    def _follow(self, run: ShadowRun, seen: TalmObservation, now: datetime) -> None:
        after = follow(run, seen, now)
        if after != run:
            self._put(after)
        if after.gone_at is not None and (seen.group is None or not after.open):
            self._open.discard(after.key)

    def _put(self, run: ShadowRun) -> None:
        self.runs[run.key] = self._new_runs[run.key] = run
        self._open.add(run.key)

    def _gone(self, rollout: ShadowRollout, now: datetime) -> None:
        for key in self._open_of(rollout.uid):
            self._follow(self.runs[key], TalmObservation(None, None, reachable=True), now)
        over = replace(rollout, deleted=True)
        self.rollouts[rollout.uid] = self._new_rollouts[rollout.uid] = over
