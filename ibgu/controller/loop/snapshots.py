"""Takes the snapshot that a rollout is decided on."""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from ibgu.controller.effects.adopting import Adoption
from ibgu.controller.effects.outcomes import WriteOutcomes
from ibgu.controller.effects.policy_follow_ups import PolicyFollowUps
from ibgu.controller.facts import TermFacts
from ibgu.controller.lookups.grants import RolloutGrants
from ibgu.controller.lookups.payloads import Payloads
from ibgu.controller.lookups.preflights import Preflights
from ibgu.controller.lookups.rollout_policies import RolloutPolicies
from ibgu.controller.lookups.seed_breakers import SeedBreakers
from ibgu.controller.lookups.tenants import Tenants
from ibgu.controller.mirror.mirror import Mirror
from ibgu.core.engine.driver import Drivers
from ibgu.core.engine.gates.policies import PolicyGates
from ibgu.core.engine.state import FleetState, TrackedRollout
from ibgu.core.engine.state.snapshot import UNNAMED, Snapshot
from ibgu.core.model import Observation, Rollout, names
from ibgu.core.model.kinds import RolloutObject
from ibgu.core.talm.adopt import NO_TRACES, Traces


class ObservedOnce(dict[str, Observation]):
    """ObservedOnce observes each cluster when it is first asked for, and keeps what was seen."""

    def __init__(self, observe: Callable[[str], Observation]) -> None:
        super().__init__()
        self._observe = observe

    def __missing__(self, cluster: str) -> Observation:
        found = self[cluster] = self._observe(cluster)
        return found


class Snapshots(Struct, frozen=True, eq=False):
    _fleet: FleetState
    _drivers: Drivers
    _mirror: Mirror
    _outcomes: WriteOutcomes
    _payloads: Payloads
    _preflights: Preflights
    _tenants: Tenants
    _adopting: Adoption
    _follow_ups: PolicyFollowUps
    _seed_breakers: SeedBreakers
    _rollout_policies: RolloutPolicies
    _policy_gates: PolicyGates
    _grants: RolloutGrants
    _facts: TermFacts

    def observing(self, rollout: Rollout) -> ObservedOnce:
        """Returns the observations of a cycle, which are made as it asks for them."""
        return ObservedOnce(self._outcomes.observer(rollout))

    def of(self, tracked: TrackedRollout, observed: ObservedOnce) -> Snapshot:
        """Returns a snapshot for this moment only."""
        rollout, mirror = tracked.rollout, self._mirror
        found = mirror.rollout_object(rollout.uid)
        holding = self._policy_gates.of(
            self._rollout_policies.state(),
            rollout.namespace,
            found.metadata.labels if found is not None else {},
        )
        seeds = self._seed_breakers.of(tracked)
        grants, unproven, since = self._grants.of(rollout)
        return Snapshot(
            fleet=self._fleet,
            tracked=tracked,
            observe=observed.__getitem__,
            observe_for=lambda other, cluster: self._outcomes.observer(other)(cluster),
            cluster=mirror.cluster,
            named_alike=mirror.named_alike,
            facts=self._facts.facts,
            object=found,
            driver=self._drivers[rollout.kind],
            namesake=_namesake(mirror, found),
            payload=self._payloads.state(rollout.uid),
            preflight=self._preflights.result(tracked),
            seeds=replace(seeds, breakers=(*seeds.breakers, *holding.breakers)),
            adoption=mirror.unfinished_cgus(rollout),
            traces=self._traces(tracked, found),
            scope=self._tenants.scope(rollout.namespace),
            actor=actor_of(found),
            policies=holding.gates,
            budgets=holding.budgets,
            canaries=holding.canaries,
            follow_up=self._follow_ups.shown(rollout),
            demands=holding.demands,
            retries=holding.retries,
            start_facts=holding.start_facts,
            policies_known=holding.known,
            grants=grants,
            grants_problem=unproven,
            authors_since=since,
        )

    def _traces(self, tracked: TrackedRollout, found: RolloutObject | None) -> Traces:
        """Reads TALM's traces only where they count: before ibgu's own steps, and during a takeover
        (R20.2)."""
        rollout = tracked.rollout
        wish = found.metadata.annotations.get(names.ADOPT) if found else None
        own_steps = tracked.steps and rollout.adopting_since is None
        if own_steps and names.journaled(wish) == rollout.controls.get(names.ADOPT):
            return NO_TRACES
        traces = self._mirror.traces(rollout)
        return replace(traces, templates=True) if self._adopting.templates_left(rollout) else traces


def _namesake(mirror: Mirror, found: RolloutObject | None) -> str:
    older = mirror.objects.older_namesake(found) if found is not None else None
    return older.kind if older is not None else ""


_BY_REST = tuple(names.REST_MANAGERS.values())


def actor_of(found: RolloutObject | None) -> str:
    """Returns the actor of the last change, which is unverified.

    The hub shows no user, only the field manager that changed the spec or metadata last. ibgu's
    REST API names there the user for whom it changes something (names.REST_MANAGERS), but anybody
    who may write the object can do so too. Times are whole seconds: of several changes in one, that
    of the REST API counts, as somebody has applied the object before it.
    """
    fields = found.metadata.managed_fields if found else []
    own = [each for each in fields if not each.subresource]
    if not own:
        return UNNAMED
    *_, newest = sorted(own, key=lambda each: (each.time, each.manager.startswith(_BY_REST)))
    return f"{UNNAMED} ({newest.manager})"
