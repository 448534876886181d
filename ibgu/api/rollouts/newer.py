"""Maps the newer rollouts that act, or have acted, on clusters of a rollout."""

from collections.abc import Iterator

from ibgu.api.requests.readable import Readable
from ibgu.api.rollouts.schemas import NewerRolloutBody, NewerRolloutsBody
from ibgu.core.model import Rollout, declared, traits
from ibgu.core.model.claims import ANOTHER_NAMESPACE
from ibgu.db.reads.later import LaterRollout, LaterRollouts


def newer_body(found: LaterRollouts, readable: Readable) -> NewerRolloutsBody:
    return NewerRolloutsBody(
        clusters=found.clusters, items=[_body(each, readable) for each in found.items]
    )


def newer_sentences(found: LaterRollouts, readable: Readable) -> list[str]:
    """Returns what each newer rollout does, or has done, with the one cluster."""
    return [
        f"{_named(each.rollout, readable)} "
        + ("acts on the cluster now" if each.acting else "has acted on the cluster since")
        for each in found.items
    ]


def _named(rollout: Rollout, readable: Readable) -> str:
    if not readable.includes(rollout.namespace):
        return ANOTHER_NAMESPACE
    return f"{rollout.full_name} ({', '.join(_actions(rollout))})"


def _body(found: LaterRollout, readable: Readable) -> NewerRolloutBody:
    rollout = found.rollout
    known = readable.includes(rollout.namespace)
    actions = list(_actions(rollout))
    return NewerRolloutBody(
        namespace=rollout.namespace if known else None,
        name=rollout.name if known else None,
        uid=rollout.uid,
        actions=actions if known else [],
        leads_back=bool(actions) and declared(actions[0]) and traits(actions[0]).leads_back,
        clusters=found.clusters,
        acting=found.acting,
    )


def _actions(rollout: Rollout) -> Iterator[str]:
    for item in rollout.spec.plan:
        yield from item.actions
