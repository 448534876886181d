"""The gate of a policy's limits: how many clusters may be in flight at once (R50.3)."""

from collections.abc import Sequence

from ibgu.core.engine.gate import GateInput, kept_by_policy, of_policies, policy_gate
from ibgu.core.engine.gates.gate import Candidate, MemberGate
from ibgu.core.engine.gates.policies.turns import Turns
from ibgu.core.engine.state.occupancy import ClusterLookup, Occupancy
from ibgu.core.engine.state.policy_limits import Place, PolicyLimits
from ibgu.core.model import ActingParty, PolicyRule, Reason
from ibgu.core.model.claims import name_within
from ibgu.core.model.meaning import Meaning
from ibgu.core.text.counted import counted

_NAMED = 5
"""The most clusters that a reason names of each kind."""
MEANING = Meaning(
    "as many clusters are in flight on the hub as the policy allows at once, whatever rollouts "
    "they belong to, or another rollout goes first that waits for the same places",
    "one of these clusters ends; rollouts with a higher priority, or with fewer clusters in the "
    "policy's places, start theirs first, each in its order",
    "nothing, the gate opens automatically. What else policies ask for, such as an approval, shows "
    "after that. If the message names a cluster that the hub can't reach, repair it, or delete its "
    "ManagedCluster if the site is lost. Or have the policy's owner change it",
)


def limits_gate(
    limits: PolicyLimits,
    occupancy: Occupancy,
    cluster: ClusterLookup,
    turns: Turns,
) -> MemberGate:
    """Returns a gate that keeps a member at the beginning of its chain, if the policy holds any
    action of it: inside the chain two members could wait for each other."""

    def check(candidate: Candidate) -> Reason | None:
        if not limits.hold(candidate.rest):
            return None
        places = list(limits.places(candidate.cluster))
        for place in places:
            if occupancy.free(limits, place, cluster) <= 0:
                names, name = not candidate.scope.bounded, candidate.cluster.name
                words = full(limits, place, name, occupancy.dark(place), names=names)
                return kept_by_policy(words, candidate.now, who=ActingParty.CLUSTER)
        # Turns take long to tell, and matter only to a cluster that has all its places.
        for place in places:
            if words := _goes_first(turns, limits, place, candidate):
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


def _goes_first(turns: Turns, limits: PolicyLimits, place: Place, candidate: Candidate) -> str:
    """Returns which rollout goes first, as users of this one's namespace may know it; empty: none
    does."""
    mine = candidate.step.step.rollout if candidate.step is not None else ""
    first = turns.before(limits, place, mine, candidate.now)
    if first is None:
        return ""
    known = name_within(turns.namespace(mine), first.full_name)
    named = f"rollout {known}" if known == first.full_name else known
    return f"the policy lets {named} go first: it waits for the same places"


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
