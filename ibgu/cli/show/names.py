"""Lists clusters by name, as many as there is room for."""

import shlex
from collections.abc import Sequence

from ibgu.client.responses import NeedsPersonResponse, ReasonCountResponse, ReasonResponse
from ibgu.core.text.held import held_by

_ACTING = {
    "ibgu": "ibgu continues automatically",
    "cluster": "waiting for the cluster",
    "person": "you must act",
}
_CLUSTER = "managedcluster.cluster.open-cluster-management.io"


def listed(names: Sequence[str], count: int, most: int = 3) -> str:
    """Returns the first `most` of `count` names; with an ellipsis if there are more."""
    if not names:
        return ""
    return ", ".join(names[:most]) + (", …" if count > min(most, len(names)) else "")


def nobody_matches(rollout: str, clusters: int, selector: str) -> str:
    whose = "The cluster" if clusters == 1 else f"None of the {clusters} clusters"
    matches = "doesn't match" if clusters == 1 else "matches"
    return f"{whose} of {rollout} {matches} -l {shlex.quote(selector)}"


def acting(who: str) -> str:
    """Returns who must act for a reason to end."""
    return _ACTING.get(who, who)


def reason_words(reason: ReasonResponse | ReasonCountResponse | NeedsPersonResponse) -> str:
    """Returns the kind of a reason, with the policy that gives it."""
    return f"{reason.kind} {reason.policy}" if reason.policy else reason.kind


def held_words(reason: ReasonCountResponse) -> str:
    """Returns what a policy holds, in a sentence; empty: no policy gives the reason."""
    if not reason.message:
        return ""
    return held_by(reason.holder or "", reason.message, reason.count, alike=reason.alike)


def object_name(cluster: str) -> str:
    """Returns the object's name as kubectl prints and takes it."""
    return f"{_CLUSTER}/{cluster}"
