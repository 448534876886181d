"""Failed clusters once more: by a new IBGU, as the Lifecycle Agent allows it.

A cluster whose Prep or Upgrade has failed takes no other stage than Idle. So what failed on the
cluster is aborted first (AbortOnFailure); then a new IBGU takes those clusters alone through the
plan. Clusters that are further already pass over what is behind them (R8).
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256

import msgspec
from msgspec import Struct

from ibgu.core.change.model import Change, Refused, Target
from ibgu.core.kinds import JsonObject
from ibgu.core.model import Action
from ibgu.core.plan import allowed, natural_key

NAME_LABEL = "name"
"""Advanced Cluster Management gives it to every ManagedCluster, with its name as value."""
_NAMED = 5
_BASE = 200
"""Characters of the old name in the new one."""


class Failure(Struct, frozen=True):
    cluster: str
    action: str
    labels: Mapping[str, str] | None
    """Of the ManagedCluster; None: it is gone."""


def retry(target: Target, failures: Sequence[Failure]) -> Change:
    """Raises Refused where it would not lead anywhere."""
    if not failures:
        raise Refused("none of these clusters has failed; nothing is to be tried again")
    chosen = _ready(target, [each for each in failures if each.labels is not None])
    names = sorted({each.cluster for each in chosen}, key=natural_key)
    body = _ibgu(target, names, _plan(target, chosen))
    name = body["metadata"]["name"]
    left = len({each.cluster for each in failures}) - len(names)
    rest = f"; {left} others are gone or have to be aborted first" if left else ""
    return Change(
        f"{name} takes {len(names)} failed clusters of {target.name} through the plan again{rest}",
        f"kubectl create -f - <<'EOF'\n{_json(body)}\nEOF",
        create=body,
    )


def failed_in(target: Target) -> dict[str, str]:
    """Cluster -> the action that failed last, as the IBGU's own status tells."""
    entries = (target.object.get("status") or {}).get("clusters") or []
    return {
        entry["name"]: entry["failedActions"][-1]["action"]
        for entry in entries
        if entry.get("failedActions")
    }


def _ready(target: Target, failures: Sequence[Failure]) -> list[Failure]:
    """Without those that the Lifecycle Agent would refuse."""
    ready = [each for each in failures if not _to_abort(each)]
    if not ready:
        raise Refused(
            "these clusters have failed Prep or Upgrade and take no other stage than Idle now, or "
            "are gone: append AbortOnFailure (ibgu abort), and retry when it has finished"
        )
    unlabelled = [each.cluster for each in ready if not _selectable(each)]
    if unlabelled:
        raise Refused(
            f"{_some(unlabelled)} can't be selected: the ManagedCluster lacks the label "
            f"{NAME_LABEL} with its name; set it (kubectl label managedcluster {unlabelled[0]} "
            f"{NAME_LABEL}={unlabelled[0]}), then retry"
        )
    return ready


def _to_abort(failure: Failure) -> bool:
    labels = failure.labels or {}
    return any(action.failed_label in labels for action in (Action.PREP, Action.UPGRADE))


def _selectable(failure: Failure) -> bool:
    return failure.labels is not None and failure.labels.get(NAME_LABEL) == failure.cluster


def _plan(target: Target, failures: Sequence[Failure]) -> list[JsonObject]:
    """The plan from what has failed on, without its aborts."""
    firsts = {_first(each.action) for each in failures}
    if len(firsts) > 1:
        raise Refused(
            f"these clusters failed in different actions ({', '.join(sorted(firsts))}), which "
            "takes plans of their own: choose by cluster or cause"
        )
    plan = _left(target.plan, *firsts)
    if not allowed([step["actions"] for step in plan]):
        raise Refused("what is left of the plan for them is no plan of its own; write a new one")
    return plan


def _first(action: str) -> str:
    """ "" is the whole plan: after a failed Upgrade, too, Prep comes first again."""
    return "" if action in (Action.PREP, Action.UPGRADE) else action


def _left(plan: Sequence[JsonObject], first: str) -> list[JsonObject]:
    """The steps from that action on; an abort alone, and none among others."""
    if first in _ABORTS:
        return [item for item in plan if first in item["actions"]][:1]
    flat = [(item, action) for item in plan for action in item["actions"]]
    begin = next((i for i, (_, action) in enumerate(flat) if action == first), 0)
    kept = [(item, action) for item, action in flat[begin:] if action not in _ABORTS]
    steps = [{**item, "actions": [a for i, a in kept if i is item]} for item in plan]
    return [step for step in steps if step["actions"]]


_ABORTS = (Action.ABORT, Action.ABORT_ON_FAILURE)


def _ibgu(target: Target, clusters: Sequence[str], plan: list[JsonObject]) -> JsonObject:
    """Its name tells the same clusters by the same name: to ask twice makes one IBGU."""
    digest = sha256(_json([clusters, plan]).encode()).hexdigest()[:8]
    chosen = {"key": NAME_LABEL, "operator": "In", "values": list(clusters)}
    carried = {k: v for k, v in target.annotations.items() if "lca.openshift.io" in k}
    metadata: JsonObject = {
        "name": f"{target.name[:_BASE]}-retry-{digest}",
        "namespace": target.namespace,
    }
    if carried:
        metadata["annotations"] = carried
    return {
        "apiVersion": target.object["apiVersion"],
        "kind": target.object["kind"],
        "metadata": metadata,
        "spec": {
            **target.object["spec"],
            "clusterLabelSelectors": [{"matchExpressions": [chosen]}],
            "plan": plan,
        },
    }


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
