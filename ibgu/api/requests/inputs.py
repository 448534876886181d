"""Declares inputs of several routes, checked so that nothing odd reaches the database."""

from contextlib import suppress
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from pydantic import StringConstraints

from ibgu.api.context import Context
from ibgu.api.problems import Problem, invalid, unavailable
from ibgu.api.problems.rules import LABEL, NAME, PREFIX_OR_NONE, UID
from ibgu.api.requests.access import Caller, CallerOfRequest
from ibgu.core.model import Rollout, RolloutState
from ibgu.core.model.kinds import LabelSelector
from ibgu.core.plan import parse_selector
from ibgu.core.text.alike import MAX_COMPARED, do_you_mean
from ibgu.core.text.counted import counted
from ibgu.db.reads import Reads
from ibgu.db.views import RolloutAndStep
from ibgu.hub.discovery import NO_CRD
from ibgu.hub.errors import HubError

MAX_LENGTH = 253
MAX_LABEL_LENGTH = 317
"""Characters of a label's name: 253 of its prefix, the slash, and 63."""

Namespace = Annotated[str, Path(pattern=NAME, max_length=MAX_LENGTH, examples=["default"])]
Name = Annotated[str, Path(pattern=NAME, max_length=MAX_LENGTH, examples=["ran-417"])]
ClusterName = Annotated[str, Path(pattern=NAME, max_length=MAX_LENGTH, examples=["site-0412"])]
InNamespace = Annotated[
    str | None, Query(pattern=NAME, max_length=MAX_LENGTH, description="Only of this namespace.")
]
ClusterPrefix = Annotated[
    str,
    Query(
        pattern=PREFIX_OR_NONE,
        max_length=MAX_LENGTH,
        description="Only clusters whose names begin with this prefix.",
    ),
]
ClusterNames = Annotated[
    list[Annotated[str, StringConstraints(pattern=NAME, max_length=MAX_LENGTH)]] | None,
    Query(max_length=100, description="Only clusters with these names."),
]
StepNumber = Annotated[int | None, Query(ge=1, le=1000, description="Only of this step, from 1.")]
Uid = Annotated[
    str | None,
    Query(
        pattern=UID,
        max_length=64,
        description="UID of the rollout, if several had this name; default: the newest.",
    ),
]
Limit = Annotated[int, Query(ge=1, le=500, description="Maximum number of items per page.")]
Cursor = Annotated[
    str | None, Query(max_length=1024, description="`nextCursor` of the previous page, unchanged.")
]

InRollout = Annotated[
    str | None,
    Query(
        pattern=NAME,
        max_length=MAX_LENGTH,
        description="Explain the cluster in this rollout; default: the one in "
        "which it was last active.",
    ),
]

PAGE = 100


async def _label(
    caller: CallerOfRequest,
    label: Annotated[
        str,
        Query(
            max_length=4096,
            description="Label selector, as for `kubectl -l`.",
            examples=["site=north,ring in (1,2),!canary"],
        ),
    ] = "",
) -> LabelSelector | None:
    """Asking by labels takes the right to list who has them."""
    if not label.strip():
        return None
    try:
        selector = parse_selector(label)
    except ValueError as error:
        raise invalid("label", "query", str(error)) from error
    await caller.require_clusters()
    return selector


Label = Annotated[LabelSelector | None, Depends(_label)]


async def _label_names(
    caller: CallerOfRequest,
    labels: Annotated[
        list[Annotated[str, StringConstraints(pattern=LABEL, max_length=MAX_LABEL_LENGTH)]] | None,
        Query(
            max_length=10,
            description="Name of a label of the ManagedClusters to include; repeatable.",
            examples=[["region"]],
        ),
    ] = None,
) -> list[str]:
    """Asking for labels takes the right to list who has them."""
    if not labels:
        return []
    await caller.require_clusters()
    return list(dict.fromkeys(labels))


LabelNames = Annotated[list[str], Depends(_label_names)]


async def reads_of(request: Request) -> Reads:
    context: Context = request.app.state.context
    return Reads(context.engine, context.hub, context.tallies)


ReadsOfRequest = Annotated[Reads, Depends(reads_of)]


def index(step: int | None) -> int | None:
    """Returns the step's index: steps count from 1 for people, from 0 in the journal."""
    return None if step is None else step - 1


async def _rollout(
    namespace: Namespace,
    name: Name,
    caller: CallerOfRequest,
    reads: ReadsOfRequest,
    uid: Uid = None,
) -> RolloutAndStep:
    """Checks the right before the look-up: without it a caller does not learn whether the rollout
    exists."""
    await caller.require_rollouts(namespace)
    found = await reads.find(namespace, name, uid)
    if found is None:
        await require_crd(caller)
        raise await not_found(reads, namespace, name, uid)
    return found


async def require_crd(caller: Caller) -> None:
    """Raises Problem if the hub has no ImageBasedGroupUpgrades: an empty result means nothing
    there. A hub that does not answer is no proof."""
    with suppress(HubError):
        if not await caller.access.serves_rollouts():
            raise unavailable("no-crd", NO_CRD)


async def not_found(reads: Reads, namespace: str, name: str, uid: str | None = None) -> Problem:
    """Returns the problem, with the names that may be meant: the caller may read the rollouts of
    the namespace."""
    which = f" with uid {uid}" if uid else ""
    meant = do_you_mean(name, await reads.rollout_names(namespace, MAX_COMPARED))
    appears = "ImageBasedGroupUpgrade appears here once a controller has seen it"
    return Problem(
        404,
        "not-found",
        f"there is no rollout {name}{which} in namespace {namespace}"
        + (f"{meant} An {appears}" if meant else f"; an {appears}"),
    )


def unknown_cluster(cluster: str, rollout: Rollout | None = None) -> Problem:
    if rollout is None:
        words = f"cluster {cluster} has not been in any rollout; check the name"
    elif rollout.state in (RolloutState.COMPLETE, RolloutState.DELETED):
        words = f"cluster {cluster} was in no step of rollout {rollout.name}, which has ended"
    else:
        words = (
            f"cluster {cluster} is in no step of rollout {rollout.name} yet: a step selects its "
            "clusters by their labels when it starts; what keeps a step from starting: "
            f"`ibgu status {rollout.name} -n {rollout.namespace}`"
        )
    return Problem(404, "not-found", words)


async def unknown_cluster_of(uid: str | None, cluster: str, reads: Reads) -> Problem:
    """Returns the problem for a cluster that is not in the rollout; None: not in any."""
    found = await reads.rollout_by_uid(uid) if uid is not None else None
    return unknown_cluster(cluster, found.rollout if found else None)


RolloutOfPath = Annotated[RolloutAndStep, Depends(_rollout)]


async def _step(found: RolloutOfPath, step: StepNumber = None) -> int | None:
    """Returns the number of the step that is asked for. Raises Problem if the rollout has none of
    that number."""
    begun = found.newest.index + 1 if found.newest else 0
    number = max(begun, len(found.rollout.spec.plan))
    if step is not None and step > number:
        name = found.rollout.name
        words = f"rollout {name} has no step {step}: its plan has {counted(number, 'step')}"
        raise Problem(404, "not-found", words)
    return step


StepOfRollout = Annotated[int | None, Depends(_step)]


async def uid_of(
    caller: Caller, reads: Reads, namespace: str | None, rollout: str | None
) -> str | None:
    """Returns the uid of the rollout that the query names, if the caller may read it."""
    if rollout is None:
        return None
    if namespace is None:
        raise invalid("namespace", "query", "specify the namespace of the rollout")
    await caller.require_rollouts(namespace)
    found = await reads.find(namespace, rollout)
    if found is None:
        raise await not_found(reads, namespace, rollout)
    return found.rollout.uid
