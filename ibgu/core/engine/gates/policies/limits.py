"""The gate of a policy's limits: how many clusters may be in flight at once (R50.3)."""

from collections.abc import Sequence

from ibgu.core.engine.gate import GateInput, kept_by_policy, of_policies, policy_gate
from ibgu.core.engine.gates.gate import Candidate, MemberGate
from ibgu.core.engine.state.occupancy import ClusterLookup, Occupancy
from ibgu.core.engine.state.policy_limits import Place, PolicyLimits
from ibgu.core.model import ActingParty, PolicyRule, Reason
from ibgu.core.model.meaning import Meaning
from ibgu.core.text.counted import counted

_NAMED = 5
"""The most clusters that a reason names of each kind."""
MEANING = Meaning(
    "as many clusters are in flight on the hub as the policy allows at once, whatever rollouts "
    "they belong to",
    "one of these clusters ends; the oldest rollout whose clusters can start then goes first",
    "nothing, the gate opens automatically. What else policies ask for, such as an approval, shows "
    "after that. If the message names a cluster that the hub can't reach, repair it, or delete its "
    "ManagedCluster if the site is lost. Or have the policy's owner change it",
)


def limits_gate(limits: PolicyLimits, occupancy: Occupancy, cluster: ClusterLookup) -> MemberGate:
    """Returns a gate that keeps a member at the beginning of its chain, if the policy holds any
    action of it: inside the chain two members could wait for each other."""

    def check(candidate: Candidate) -> Reason | None:
        if not limits.hold(candidate.rest):
            return None
        for place in limits.places(candidate.cluster):
            if occupancy.free(limits, place, cluster) <= 0:
                names, name = not candidate.scope.bounded, candidate.cluster.name
                words = full(limits, place, name, occupancy.dark(place), names=names)
                return kept_by_policy(words, candidate.now, who=ActingParty.CLUSTER)
        return None

    return MemberGate(
        name=policy_gate(limits.name),
        check=check,
        reasons=of_policies(MEANING),
        rule=PolicyRule.LIMITS,
        needs=frozenset({GateInput.CLUSTER, GateInput.IN_FLIGHT}),
        concerns=lambda action: limits.hold([action.name]),
    )


def full(
    limits: PolicyLimits,
    place: Place,
    cluster: str,
    dark: Sequence[str],
    *,
    names: bool,
) -> str:
    """Returns that the place is full, for the cluster that needs it. `dark`: the clusters that
    count there though nobody has their claim. `names`: whether the readers may know clusters that
    are not theirs."""
    return _full(limits, place, cluster, names=names) + _of_dark(dark, names=names)


def _full(limits: PolicyLimits, place: Place, cluster: str, *, names: bool) -> str:
    if place.group and not names:
        return "the policy never lets it be in flight with others of its group, and one of them is"
    if place.group:
        others = [name for name in limits.neighbours(place) if name != cluster]
        return f"the policy never lets it be in flight with {_listed(others)}, and one of them is"
    room = limits.room(place)
    words = f"the policy allows {counted(room, 'cluster')} in flight at once"
    if place.label and place.value:
        words += f" with {place.label}={place.value}"
    elif place.label:
        words += f" without the label {place.label}"
    return f"{words}, and as many are"


def _of_dark(dark: Sequence[str], *, names: bool) -> str:
    """Returns which dark clusters are in the way; empty: none is."""
    if not dark:
        return ""
    named = _listed(dark) if names else counted(len(dark), "cluster")
    them = "it" if len(dark) == 1 else "them"
    return f"; {named} may still reboot for an earlier action, and the hub can't reach {them}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
