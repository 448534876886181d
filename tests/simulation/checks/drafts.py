"""Watches what each turn of the controllers decides on, and for which clusters it acts."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch
from weakref import WeakKeyDictionary

from ibgu.controller.loop.commit import Draft
from ibgu.controller.loop.planner import Planner
from ibgu.controller.loop.post_commit import HubWrites
from ibgu.controller.loop.snapshots import Snapshots
from ibgu.core.engine.decide.context import DecisionContext
from ibgu.core.engine.decide.member import members
from ibgu.core.engine.state import FleetState
from ibgu.core.model import Decision, OnMember
from tests.simulation.checks import Found
from tests.simulation.checks.turns import check_step

Decided = WeakKeyDictionary[FleetState, set[tuple[str, str]]]
"""Rollout uids and clusters of the current turn."""


@contextmanager
def watched_drafts(found: Found) -> Iterator[None]:
    decided: Decided = WeakKeyDictionary()
    """Keyed by FleetState: several controllers run turns at the same time."""
    with ExitStack() as stack:
        _set(stack, Snapshots, "of", _in_sync(found))
        _set(stack, Planner, "draft", _drafted(found, decided))
        _set(stack, Draft, "apply", _told(decided))
        _set(stack, members, "_decide_cluster", _looked_at(decided))
        _set(stack, HubWrites, "reconcile", _done(found, decided))
        yield


def _set(stack: ExitStack, owner: Any, name: str, around: Any) -> None:
    stack.enter_context(patch.object(owner, name, around(getattr(owner, name))))


def _in_sync(found: Found) -> Any:
    def around(snapshot: Any) -> Any:
        def checked(mine: Snapshots, *given: Any) -> Any:
            in_sync = mine._facts._complete()
            found.check("nothing is decided on a mirror with a gap", in_sync, "not in sync")
            return snapshot(mine, *given)

        return checked

    return around


def _drafted(found: Found, decided: Decided) -> Any:
    """Checks what a turn is about to commit: the journal itself refuses some of what is wrong."""

    def around(draft: Any) -> Any:
        async def drafted(mine: Planner, *given: Any) -> Any:
            fleet = mine._fleet
            decided[fleet] = set()
            made = await draft(mine, *given)
            for uid in {uid for uid, _ in decided[fleet]} & fleet.rollouts.keys():
                for step in fleet.rollouts[uid].steps:
                    check_step(found, step)
            return made

        return drafted

    return around


def _told(decided: Decided) -> Any:
    def around(take: Any) -> Any:
        def told(mine: Draft, decision: Decision) -> None:
            if isinstance(decision, OnMember):
                member = decision.member
                # A start that imports decides before the first turn.
                decided.setdefault(mine.fleet, set()).add((member.rollout, member.cluster))
            take(mine, decision)

        return told

    return around


def _looked_at(decided: Decided) -> Any:
    def around(decide_cluster: Any) -> Any:
        def looked_at(turn: DecisionContext, cluster: str) -> None:
            decided[turn.snapshot.fleet].add((turn.rollout.uid, cluster))
            decide_cluster(turn, cluster)

        return looked_at

    return around


def _done(found: Found, decided: Decided) -> Any:
    def around(reconcile: Any) -> Any:
        def done(mine: HubWrites, uid: str, clusters: Iterable[str], *given: Any) -> None:
            fleet = mine._fleet
            known = {(uid, name) for name in clusters}
            if uid in fleet.rollouts:
                strange = known - decided[fleet]
                found.check("nothing is done for whom nothing is decided", not strange, strange)
            reconcile(mine, uid, clusters, *given)

        return done

    return around
