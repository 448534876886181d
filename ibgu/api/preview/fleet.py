"""Asks hub and journal for what preflight judges, with the rights of the caller."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

from ibgu.api.changes.other_rollouts import naming, newest
from ibgu.api.preview.proposals import RequestedPreview
from ibgu.api.requests.access import Caller
from ibgu.core.drivers.ibu.preflight import ClusterFacts, cluster_facts
from ibgu.core.drivers.ibu.preflight.facts import PayloadFacts
from ibgu.core.model import ActionName, ClusterView, declared, traits
from ibgu.core.model.kinds import ManagedCluster
from ibgu.core.model.seed_image import SEED_IMAGE
from ibgu.core.model.shown import view_cluster
from ibgu.core.views.preview import PreflightInputs, Preview, expires, prepares
from ibgu.db.reads import Reads
from ibgu.db.reads.later import LaterMembership
from ibgu.hub.port import Hub
from ibgu.hub.preflight import HubReading


class HubFleet(Struct, frozen=True):
    """HubFleet is all clusters, as rollouts choose them and as they report themselves."""

    views: list[ClusterView]
    reported: dict[str, ClusterFacts]

    @classmethod
    async def read(cls, clusters: AsyncIterator[ManagedCluster]) -> Self:
        found = cls([], {})
        async for each in clusters:
            view = view_cluster(each)
            found.views.append(view)
            # The view's labels share their strings with the whole fleet.
            found.reported[view.name] = replace(cluster_facts(each), labels=view.labels)
        return found

    def only(self, names: Sequence[str]) -> "HubFleet":
        wanted = frozenset(names)
        views = [each for each in self.views if each.name in wanted]
        return HubFleet(views, {name: self.reported[name] for name in names})


async def hub_answers(
    asked: RequestedPreview,
    found: Preview,
    upgraded: Sequence[str],
    hub: Hub,
    reads: Reads,
    caller: Caller,
) -> PreflightInputs:
    """Asks besides the clusters; `upgraded`: those of the first step that are in the middle of an
    upgrade. Raises HubError."""
    spec = asked.proposal.spec.ibu_spec
    payload = PayloadFacts()
    if prepares(found):
        reading = HubReading(hub)
        payload = await reading.payload(spec, asked.namespace)
        if (name := await _annotation(asked, reading, SEED_IMAGE)) is not None:
            payload = replace(payload, seed_image=await reading.seed_image(name))
    until, over = await reads.rollback_deadlines(upgraded) if expires(found) else ({}, ())
    own = asked.rollout.uid if asked.rollout else await _uid(asked, reads, caller)
    return PreflightInputs(
        payload=payload,
        holders=await holders(
            asked.namespace, own, found.selected, reads, caller, yields=_yields(asked, found, own)
        ),
        rollback_until=until,
        rollback_over=frozenset(over),
    )


async def _annotation(asked: RequestedPreview, reading: HubReading, key: str) -> str | None:
    """Returns the annotation of the object; the journal does not have these."""
    if asked.rollout is None:
        return asked.proposal.annotations.get(key)
    return await reading.annotation(asked.namespace, asked.name, asked.rollout.uid, key)


async def _uid(asked: RequestedPreview, reads: Reads, caller: Caller) -> str:
    """Returns the uid of the rollout that a manifest was applied as before; empty: of none, or of
    none that the caller may know."""
    if not await caller.may_read_rollouts(asked.namespace):
        return ""
    found = await reads.rollout(asked.namespace, asked.name)
    return found.rollout.uid if found else ""


def _yields(asked: RequestedPreview, found: Preview, own: str) -> Callable[[LaterMembership], bool]:
    """Returns which claims the first step takes over instead of waiting for them (R6.4): those of
    older rollouts of its kind and namespace, whose step does not cancel itself."""
    cancels = bool(found.steps) and _cancels(found.steps[0].actions)
    mine = (asked.proposal.driver.kind, asked.namespace)

    def yields(claim: LaterMembership) -> bool:
        other = claim.rollout
        older = not own or (asked.rollout is not None and other.age < asked.rollout.age)
        step = other.spec.plan[claim.step : claim.step + 1]
        both = any(_cancels(item.actions) for item in step)
        return cancels and older and (other.kind, other.namespace) == mine and not both

    return yields


def _cancels(actions: Sequence[ActionName]) -> bool:
    """Returns whether a step of these actions takes clusters over (R6.3)."""
    return any(declared(action) and traits(action).cancels for action in actions[:1])


async def holders(
    namespace: str,
    uid: str,
    clusters: Sequence[str],
    reads: Reads,
    caller: Caller,
    *,
    yields: Callable[[LaterMembership], bool] = lambda claim: False,
) -> dict[str, str]:
    """Returns the rollouts, except that of the uid, that have claimed clusters, as the caller may
    know them; without those that yield."""
    found = newest(await reads.claimed_elsewhere(uid, clusters))
    claimed = {cluster: each for cluster, each in found.items() if not yields(each)}
    readable = await caller.readable({each.rollout.namespace for each in claimed.values()})
    # A manifest may name any namespace as its own.
    own = namespace if namespace in readable else ""
    named = naming(own, readable, "another rollout")
    return {cluster: named(each.rollout) for cluster, each in claimed.items()}
