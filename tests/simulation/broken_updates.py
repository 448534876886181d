"""Breaks the rules of updates to another release, one at a time: the simulation must notice."""

from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from ibgu.core.drivers.cluster_version import (
    checks,
    completion,
    driver,
    hops,
    manifests,
    states,
)
from ibgu.core.drivers.cluster_version.actions import UpdateAction, UpdateStage
from ibgu.core.drivers.cluster_version.names import UPDATE_MANAGER
from ibgu.core.drivers.cluster_version.spec import update_of
from ibgu.core.engine.decide import context
from ibgu.core.engine.decide.member import pausing, waiting
from ibgu.core.engine.driver import Verdict, VerdictKind
from ibgu.core.engine.works import stage
from ibgu.core.model import Cause, Outcome, actions
from tests.oracle.update_proofs import UpdateProofs
from tests.simulation.breaking import Patches, deaf_to_claims, unchecked
from tests.simulation.breaking import replace_part as _set

_ASKED = (UpdateStage.UPDATE, UpdateStage.OTHER)
"""Stages of a cluster that was asked for the release, even if somebody has changed that since."""


def request_left_in_place(stack: ExitStack) -> None:
    """A disarmed work goes on asking for the release: what people ask for later is overwritten."""
    known = manifests.manifests_of

    def manifests_of(rollout: Any, run: Any, generation: int, seen: Any) -> list[Any]:
        made: list[Any] = known(rollout, run, generation, seen)
        if run is None and seen is not None and seen.stage in _ASKED:
            release = update_of(rollout).release
            wanted = {"version": release.version, "image": release.image, "force": False}
            made[1] = {**made[1], "spec": {"desiredUpdate": wanted}}
        return made

    options = {"force": True, "fieldManager": UPDATE_MANAGER}
    _set(stack, driver, "manifests_of", manifests_of)
    strategy = {"type": "ServerSideApply", "serverSideApply": options}
    _set(stack, stage, "DISARMED", strategy)


def withdrawal_not_asked_for(stack: ExitStack) -> None:
    """A withdrawal only marks the cluster, and counts as done: the request stays."""
    known = manifests._Request.release.fget  # type: ignore[attr-defined]

    def release(self: Any) -> Any:
        return None if self.stage == UpdateStage.RETRACT else known(self)

    _set(stack, manifests._Request, "release", property(release))
    _set(stack, states, "_retracted", lambda *asked: Verdict(VerdictKind.SUCCEEDED))


def failures_forgotten(stack: ExitStack) -> None:
    """Clusters are updated whatever has failed before."""
    found = UpdateAction.UPDATE.value
    known, table = actions._DECLARED[found]
    free = replace(known, need=actions.RequiredLabels())
    stack.enter_context(patch.dict(actions._DECLARED, {found: (free, table)}))
    _set(stack, states, "_may_update", lambda *asked: states._STARTABLE)


def workers_not_awaited(stack: ExitStack) -> None:
    """An update counts as done once the operator says so."""
    for module in (completion, states):
        _set(stack, module, "unsettled", lambda *asked: "")


def refusals_made_up(stack: ExitStack) -> None:
    """An update that the operator has not checked yet counts as refused."""

    def updated(*asked: Any) -> Verdict:
        found: Verdict = known(*asked)
        if found.kind is VerdictKind.RUNNING and found.undecided:
            return Verdict(VerdictKind.FAILED, Cause.UPDATE_REFUSED, "refused")
        return found

    known = states._updated
    _set(stack, states, "_updated", updated)


def two_minors_at_once(stack: ExitStack) -> None:
    """Clusters are asked for the last release at once."""
    for module in (manifests, states, checks):
        _set(stack, module, "next_hop", lambda seen, update: hops.hops_of(update)[-1])
    _set(stack, checks, "_of_the_release", lambda *asked: iter(()))


def intermediate_release_not_awaited(stack: ExitStack) -> None:
    """The next release is asked for as soon as the operator applies the one before."""

    def updated(seen: Any, hop: Any) -> Verdict:
        begun = seen.history_image == hop.release.image
        return Verdict(VerdictKind.SUCCEEDED) if begun and not hop.last else known(seen, hop)

    known = states._updated
    _set(stack, states, "_updated", updated)
    _set(stack, hops, "done", lambda seen: True)
    _set(stack, UpdateProofs, "continues", lambda *asked: "")
    _set(stack, states, "passing", lambda *asked: "")
    _set(stack, states, "hindrances", lambda *asked: iter(()))


def claims_apart_by_kind(stack: ExitStack) -> None:
    """A claim keeps only rollouts of its own kind from a cluster."""
    block = waiting._block_if_claimed

    def by_kind(ctx: Any, member: Any) -> bool:
        holder = ctx.fleet.claims.get(member.uid)
        other = ctx.fleet.rollouts.get(holder.rollout) if holder is not None else None
        if other is not None and other.rollout.kind != ctx.rollout.kind:
            return False
        return bool(block(ctx, member))

    unchecked(stack)
    deaf_to_claims(stack)
    _set(stack, waiting, "_block_if_claimed", by_kind)


def pauses_never_resumed(stack: ExitStack) -> None:
    """The plan alone resumes what an update has paused, whatever becomes of it."""
    _set(stack, pausing, "_due", lambda *asked: "")


def pauses_left_after_a_failure(stack: ExitStack) -> None:
    """A cluster that fails stays paused for a later step that may never take it."""
    known = pausing._nothing_resumes

    def nothing_resumes(ctx: Any, latest: Any) -> str:
        return "" if latest.outcome is Outcome.FAILED else known(ctx, latest)

    _set(stack, pausing, "_nothing_resumes", nothing_resumes)


def resumed_without_a_proof(stack: ExitStack) -> None:
    """A cluster counts as resumed as soon as it is to be resumed."""
    _set(stack, pausing, "_resumed", lambda ctx, since, latest, seen: "resumed" * latest.resuming)


def release_asked_for_with_the_pauses(stack: ExitStack) -> None:
    """An update asks for the release at once, and pauses nothing."""
    _set(stack, manifests, "to_pause", lambda *asked: ())
    _set(stack, states, "to_pause", lambda *asked: ())


def upgraded_without_backup(stack: ExitStack) -> None:
    """An Upgrade begins at once, whatever annotations ask for before it."""
    _set(stack, context, "has_part", lambda *asked: True)


PATCHES: tuple[tuple[Patches, str, int], ...] = (
    (request_left_in_place, "update", 3),
    (withdrawal_not_asked_for, "update", 13),
    (failures_forgotten, "update", 11),
    (workers_not_awaited, "update", 43),
    (refusals_made_up, "update", 3),
    (two_minors_at_once, "update", 3),
    (intermediate_release_not_awaited, "update", 11),
    (claims_apart_by_kind, "both", 3),
    (pauses_never_resumed, "update", 3),
    (pauses_left_after_a_failure, "update", 8),
    (resumed_without_a_proof, "update", 3),
    (release_asked_for_with_the_pauses, "update", 3),
    (upgraded_without_backup, "both", 14),
)
"""Each with the kind of change, and the first seed, of the simulations that have to notice it."""
