"""Names the subject of a log line the same everywhere (docs/operating.md)."""

from ibgu.core.engine.state import FleetState, TrackedRollout
from ibgu.core.model import ActionName, Member
from ibgu.hub.writing.writer import Write

Names = dict[str, object]

_OF_CLUSTERS = ("work", "cluster")
"""Kinds of writes whose keys continue with a cluster's name."""


def of_rollout(fleet: FleetState, uid: str) -> Names:
    """Returns the rollout's namespace/name, or its uid if the rollout is gone."""
    tracked = fleet.rollouts.get(uid)
    return {"rollout": tracked.rollout.full_name if tracked is not None else uid}


def of_member(member: Member) -> Names:
    """Returns the names of the member and of its newest attempt, or of the action that was not
    begun."""
    names: Names = {"step": member.step + 1, "cluster": member.cluster}
    if member.run is not None:
        action = _word(member.run.action)
        names |= {"action": action, "run": member.run.id, "attempt": member.run.attempt}
    elif member.failed_action is not None:
        names |= {"action": _word(member.failed_action)}
    return names


def of_write(fleet: FleetState, write: Write) -> Names:
    """Returns the names of a write; `object` is the kind of object, as spans and metrics call
    it."""
    kind, *rest = write.key
    names: Names = {"object": kind, "method": write.method}
    if write.owner:
        names |= of_rollout(fleet, write.owner)
    if kind in _OF_CLUSTERS:
        names |= _of_cluster(fleet.rollouts.get(write.owner), rest[0])
    return names


def of_object(kind: str, namespace: str, name: str) -> Names:
    """Returns the names of an object that can't be decoded; `kind` as in paths:
    imagebasedgroupupgrades, …"""
    match kind:
        case "imagebasedgroupupgrades":
            return {"rollout": f"{namespace}/{name}"}
        case "managedclusters":
            return {"cluster": name}
        case "clustergroupupgrades":
            return {"cgu": f"{namespace}/{name}"}
    return {"cluster": namespace, "work": name}


def _of_cluster(tracked: TrackedRollout | None, cluster: str) -> Names:
    member = tracked.latest(cluster) if tracked is not None else None
    return of_member(member) if member is not None else {"cluster": cluster}


def _word(action: ActionName) -> str:
    """Returns a plain string: structlog would show an enumeration with its class."""
    return str(action)
