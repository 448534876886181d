"""Evaluates preflight's rules for the steps that are about to start clusters (R46.8).

The facts are those that the controller has: ManagedClusters of the mirror, the payload that the
step carries, and what inspections have read on clusters.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from ibgu.controller.lookups.hub_releases import UNREAD, HubReleases
from ibgu.controller.lookups.payloads import Payloads
from ibgu.controller.lookups.step_inspections import StepInspections
from ibgu.controller.mirror.mirror import Mirror
from ibgu.controller.quarantine import Quarantine
from ibgu.core.drivers import carry_payload, traits
from ibgu.core.drivers.ibu.preflight.facts import (
    ClusterFacts,
    view_facts,
)
from ibgu.core.drivers.ibu.preflight.model import FactSource
from ibgu.core.drivers.ibu.preflight.recorded import StepInputs, facts_of_step, result_of
from ibgu.core.drivers.preflight import ALL_RULES, RULE_BOOKS, judge
from ibgu.core.engine.driver import Drivers
from ibgu.core.engine.gates.policies import HoldingPolicies, policies_unknown
from ibgu.core.engine.state import FleetState, TrackedRollout
from ibgu.core.engine.state.demands import enforces_preflight
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.engine.timing.times import passed
from ibgu.core.model import ClusterView, Finished, InFlight, Member, Rollout, Step, StepState, names
from ibgu.core.model.claims import name_within
from ibgu.core.model.preflight import (
    PreflightMode,
    PreflightRecord,
    PreflightResult,
    merged,
    preflight_mode,
)
from ibgu.core.plan import EVERYWHERE, select
from ibgu.core.text.natural import natural_key
from ibgu.db.inspections import with_inspection
from ibgu.hub.carried import carried_facts

EVERY = 5.0
"""Seconds between two checks whether a step has to be evaluated again."""
INLINE = 2_000
"""Clusters that are judged at once, in some 2 ms; more are judged beside the event loop."""
_INSPECTED = frozenset(rule.id for rule in ALL_RULES if rule.source is FactSource.CLUSTER)
"""The rules whose answers inspections bring."""
_TICK = timedelta(microseconds=1)


class _Basis(Struct, frozen=True):
    """_Basis is what an evaluation rests on. While it is the same, nothing is evaluated again."""

    step: int
    generation: int
    annotations: Mapping[str, str]
    payload: PayloadState | None
    clusters: tuple[ClusterView | None, ...]
    """Those that have not started."""
    read_at: tuple[datetime | None, ...]
    """When the clusters with an error were inspected."""


class _Evaluation(Struct, frozen=True):
    """_Evaluation is a rollout's last one; a record is of the last one that found anything else."""

    at: datetime
    basis: _Basis


class Preflights:
    """Preflights keeps the newest evaluation of each rollout's current step.

    An evaluation costs no request of the hub, but for its releases, which all rollouts share. Where
    a rollout enforces preflight, its clusters are inspected before, which costs three requests a
    cluster.
    """

    def __init__(
        self,
        fleet: FleetState,
        drivers: Drivers,
        mirror: Mirror,
        payloads: Payloads,
        quarantine: Quarantine,
        now: Callable[[], datetime],
        touch: Callable[[str], None],
        inspections: StepInspections | None,
        releases: HubReleases | None = None,
        holding: Callable[[Rollout], HoldingPolicies] = lambda rollout: HoldingPolicies(),
    ) -> None:
        """`inspections`, `releases`: None if they are turned off. `holding` returns the
        policies that hold a rollout."""
        self._fleet = fleet
        self._drivers = drivers
        self._mirror = mirror
        self._payloads = payloads
        self._quarantine = quarantine
        self._now = now
        self._touch = touch
        self._inspections = inspections
        self._releases = releases
        self._holding = holding
        self._results: dict[tuple[str, int], PreflightResult] = {}
        self._evaluations: dict[str, _Evaluation] = {}
        self._last: datetime | None = None

    def result(self, tracked: TrackedRollout) -> PreflightResult | None:
        """Returns the newest evaluation of the rollout's current step; None: there is none."""
        current = tracked.current
        return self._results.get(current.step.key) if current is not None else None

    def forget(self, rollout: str) -> None:
        self._evaluations.pop(rollout, None)
        if self._inspections is not None:
            self._inspections.forget(rollout)
        for key in [key for key in self._results if key[0] == rollout]:
            del self._results[key]

    async def before_start(self, rollout: Rollout, clusters: Iterable[ClusterView]) -> None:
        """Evaluates the step that opens for those of the listed clusters that become members by
        their labels as they are now."""
        tracked = self._fleet.rollouts.get(rollout.uid)
        current = tracked.current if tracked is not None else None
        if tracked is None or current is None:
            return
        with self._quarantine.best_effort(rollout.uid):
            chosen = self._taken(tracked.rollout, current.step, clusters)
            mode, chosen_names = self._mode(tracked, chosen), [each.name for each in chosen]
            if not _is_judged(tracked.rollout, current.step, mode):
                return
            if not await self._inspected(tracked.rollout, current.step, chosen_names, mode):
                return
            result = await self._evaluate(tracked, current.step, chosen, len(chosen), mode)
            if result is not None and tracked.current is current:
                self._put(current.step, result)

    def _taken(
        self, rollout: Rollout, step: Step, clusters: Iterable[ClusterView]
    ) -> list[ClusterView]:
        """Returns the clusters that the step takes, by their labels as they are now."""
        selectors, pending = rollout.spec.cluster_label_selectors, self._fleet.pending_patches
        barred = self._fleet.barred(rollout)
        return select(clusters, selectors, step.first, pending, barred, EVERYWHERE)

    async def run(self, every: float = EVERY) -> None:
        """Evaluates steps again whose basis has changed."""
        while True:
            for uid, tracked in list(self._fleet.rollouts.items()):
                current = tracked.current
                if current is None:
                    self.forget(uid)
                elif current.step.state is StepState.RUNNING and uid not in self._quarantine:
                    await self._check_or_say_why(tracked)
            await asyncio.sleep(every)

    async def _check_or_say_why(self, tracked: TrackedRollout) -> None:
        """Evaluates the step again if its basis has changed. An error of ibgu's own is put into the
        record, so that a person knows why an enforced step waits."""
        current, uid = tracked.current, tracked.rollout.uid
        if current is None:
            return
        views = (view for name in current.members if (view := self._mirror.cluster(name)))
        mode = self._mode(tracked, views)
        if self._inspections is not None and mode is not PreflightMode.ENFORCE:
            self._inspections.forget(uid)  # enforced again, the clusters are inspected again
        if not _is_judged(tracked.rollout, current.step, mode):
            return
        done = False
        with self._quarantine.best_effort(uid):
            await self._check(tracked, mode)
            done = True
        if not done and tracked.current is current and not _has_problem(current.step):
            self._put(current.step, PreflightResult(_broken(self._moment()), frozenset()))
            self._touch(uid)

    def _mode(self, tracked: TrackedRollout, clusters: Iterable[ClusterView]) -> PreflightMode:
        """Returns the mode for the current step with these clusters: that of the annotation, or the
        stricter one of a policy that is about one of them (R50.15). While policies are not known, a
        record that is enforced is kept up to date as one."""
        rollout, current = tracked.rollout, tracked.current
        actions = current.step.actions if current is not None else ()
        record = current.step.preflight if current is not None else None
        holding = self._holding(rollout)
        unknown = policies_unknown(holding.gates)
        kept = unknown and record is not None and record.enforced
        if kept or enforces_preflight(holding.demands, actions, clusters):
            return PreflightMode.ENFORCE
        return preflight_mode(self._mirror.annotations(rollout.uid))

    async def _check(self, tracked: TrackedRollout, mode: PreflightMode) -> None:
        current = tracked.current
        assert current is not None
        uid, step = tracked.rollout.uid, current.step
        if len(current.members) < step.total:
            return
        if carry_payload(step.actions) and not self._payloads.state(uid).read:
            return
        if self._is_early(step, mode):
            return
        waiting = [name for name, member in current.members.items() if _not_started(member, step)]
        if not waiting:
            return
        if not await self._inspected(tracked.rollout, step, waiting, mode):
            return
        basis = await self._basis(tracked.rollout, step, waiting)
        if basis is None:
            return
        last = self._evaluations.get(uid)
        if last is not None and last.basis == basis and _has_mode(step.preflight, mode):
            return
        clusters = [view for name in waiting if (view := self._mirror.cluster(name)) is not None]
        result = await self._evaluate(tracked, step, clusters, step.total, mode)
        if result is None or tracked.current is not current or uid not in self._fleet.rollouts:
            return
        self._evaluations[uid] = _Evaluation(self._now(), basis)
        known = current.step.preflight
        found = merged(known, result, frozenset(current.members))
        if known is not None and replace(known, at=found.at) == found:
            return
        self._put(step, result)
        self._touch(uid)

    def _is_early(self, step: Step, mode: PreflightMode) -> bool:
        """Returns whether the step was evaluated so lately, and in the same mode, that a change can
        wait."""
        record = step.preflight
        if record is None or record.problem or not _has_mode(record, mode):
            return False
        last = self._evaluations.get(step.rollout)
        if last is None or last.basis.step != step.index:
            return not passed(record.at, record.pause(0), self._now())
        return not passed(last.at, record.pause(len(last.basis.clusters)), self._now())

    async def _inspected(
        self, rollout: Rollout, step: Step, clusters: Sequence[str], mode: PreflightMode
    ) -> bool:
        """Returns whether the clusters are inspected as far as the step needs it."""
        inspections = self._inspections_for(rollout)
        if inspections is None or mode is not PreflightMode.ENFORCE:
            return True
        if not await inspections.ended(step.key, clusters):
            return False
        erring = step.preflight.erring(_INSPECTED) if step.preflight is not None else frozenset()
        await inspections.renew(rollout.uid, erring.intersection(clusters))
        return True

    def _inspections_for(self, rollout: Rollout) -> StepInspections | None:
        """Returns None if they are turned off, or answer no rule of the rollout's kind."""
        return self._inspections if RULE_BOOKS[rollout.kind].inspects else None

    async def _basis(self, rollout: Rollout, step: Step, waiting: Sequence[str]) -> _Basis | None:
        """Returns None if the journal does not respond."""
        record = step.preflight
        erring = sorted(record.erring(_INSPECTED)) if record is not None else []
        found = await self._inspections.results(erring) if self._inspections is not None else {}
        if found is None:
            return None
        facts = [found[name].facts if name in found else None for name in erring]
        return _Basis(
            step.index,
            rollout.generation,
            self._mirror.annotations(rollout.uid),
            self._payloads.state(rollout.uid) if carry_payload(step.actions) else None,
            tuple(map(self._mirror.cluster, waiting)),
            tuple(each.read_at if each is not None else None for each in facts),
        )

    def _put(self, step: Step, result: PreflightResult) -> None:
        for key in [key for key in self._results if key[0] == step.rollout]:
            del self._results[key]
        self._results[step.key] = result

    # -- judging ---------------------------------------------------------------------------

    async def _evaluate(
        self,
        tracked: TrackedRollout,
        step: Step,
        clusters: Sequence[ClusterView],
        members: int,
        mode: PreflightMode,
    ) -> PreflightResult | None:
        """Returns None if the journal does not respond."""
        rollout = tracked.rollout
        driver = self._drivers[rollout.kind]
        payload = await self._releases.read() if self._releases is not None else UNREAD
        prepares = carry_payload(step.actions)
        if prepares:
            state, content = self._payloads.state(rollout.uid), self._payloads.content(rollout.uid)
            carried = await carried_facts(rollout, state, content)
            payload = replace(
                carried,
                hub=payload.hub,
                acm=payload.acm,
                agent_pull_secret=payload.agent_pull_secret,
            )
        ordered = sorted(clusters, key=lambda each: natural_key(each.name))
        facts_of = [view_facts(each) for each in ordered]
        judged = await self._with_inspections(self._inspections_for(rollout), facts_of)
        if judged is None:
            return None
        given = StepInputs(
            clusters=judged,
            members=members,
            annotations=self._mirror.annotations(rollout.uid),
            payload=payload,
            prepares=prepares,
            holders=dict(self._holders(rollout, ordered)),
            rollback=driver.rollback_time(rollout.spec),
        )
        facts = facts_of_step(rollout, step, given)
        if len(ordered) <= INLINE:
            report = judge(rollout.kind, facts)
        else:
            report = await asyncio.to_thread(judge, rollout.kind, facts)
        enforced = mode is PreflightMode.ENFORCE
        return result_of(report, facts, self._moment(), enforced=enforced)

    @staticmethod
    async def _with_inspections(
        inspections: StepInspections | None, clusters: Sequence[ClusterFacts]
    ) -> Sequence[ClusterFacts] | None:
        if inspections is None:
            return clusters
        found = await inspections.results([each.name for each in clusters])
        if found is None:
            return None
        return [with_inspection(each, found.get(each.name)) for each in clusters]

    def _moment(self) -> datetime:
        """Returns the time, a later one for each evaluation."""
        now = self._now()
        if self._last is not None and now <= self._last:
            now = self._last + _TICK
        self._last = now
        return now

    def _holders(
        self, rollout: Rollout, clusters: Iterable[ClusterView]
    ) -> Iterable[tuple[str, str]]:
        """Yields the clusters that another rollout has claimed, with its name as users of the
        rollout's namespace may know it."""
        for each in clusters:
            holder = self._fleet.claims.get(each.uid)
            if holder is not None and holder.rollout != rollout.uid:
                other = self._fleet.rollouts.get(holder.rollout)
                named = other.rollout.full_name if other is not None else ""
                yield each.name, name_within(rollout.namespace, named)


def _is_judged(rollout: Rollout, step: Step, mode: PreflightMode) -> bool:
    """Returns whether the rules are about the step's actions, and are wanted."""
    if rollout.kind not in RULE_BOOKS or rollout.deleted_at is not None:
        return False
    return mode is not PreflightMode.OFF and any(traits(each).preflight for each in step.actions)


def _has_mode(record: PreflightRecord | None, mode: PreflightMode) -> bool:
    """Returns whether the record was made in the present mode, which has not changed since."""
    return record is not None and record.enforced is (mode is PreflightMode.ENFORCE)


def _not_started(member: Member, step: Step) -> bool:
    """Returns whether the member has not begun an action after which it reports another release."""
    if isinstance(member, Finished):
        return False
    begun = step.actions[: member.action_index + _under_way(member)]
    return not any(traits(action).reboots for action in begun)


def _under_way(member: Member) -> bool:
    """Returns whether the member's action has begun; between two actions the next one has not."""
    if not isinstance(member, InFlight):
        return False
    result = member.run.result
    return result is None or not result.success


def _has_problem(step: Step) -> bool:
    return step.preflight is not None and bool(step.preflight.problem)


def _broken(at: datetime) -> PreflightRecord:
    words = (
        "preflight can't be evaluated because of an internal error, which is in the log. An "
        f"enforced step starts no cluster until {names.PREFLIGHT}=warn is set on the rollout"
    )
    return PreflightRecord(at, problem=words)
