"""The gate of policies that require a backup before a cluster is taken to another release (R50.15).

It holds until the rollout asks for one. A policy asks for none itself: the backup's Job runs an
image with all rights on the nodes, which the rollout's author names and the hub has to allow.
"""

from collections.abc import Callable

from ibgu.core.engine.gate import ActionFilter, GateInput, kept_by_policy, of_policies, policy_gate
from ibgu.core.engine.gates.gate import Candidate, MemberGate
from ibgu.core.model import (
    ActingParty,
    ActionTraits,
    ClusterView,
    PolicyRule,
    Reason,
    names,
    traits,
)
from ibgu.core.model.meaning import Meaning

MEANING = Meaning(
    "the policy requires a backup of each cluster before Upgrade or Update, and the rollout does "
    "not make one",
    "the rollout asks for a backup, or the policy's owner changes the policy",
    f"ask for a backup: with {names.BACKUP} on an ImageBasedGroupUpgrade, which the hub has to "
    "allow (IBGU_UPGRADE_BACKUPS), or with spec.update.backup in another FleetUpdate",
)


def _goes_forward(action: ActionTraits) -> bool:
    return action.upgrades


def backup_gate(
    policy: str, actions: ActionFilter, selects: Callable[[ClusterView], bool]
) -> MemberGate:
    """Returns a gate that keeps a member at the beginning of its chain, too: a cluster that could
    not go on would only keep its slot."""

    def check(candidate: Candidate) -> Reason | None:
        if not selects(candidate.cluster):
            return None
        for action in candidate.rest:
            lacks = candidate.lacks_backup(action) if actions(traits(action)) else ""
            if lacks:
                words = f"the policy requires a backup before {action}: {lacks}"
                return kept_by_policy(words, candidate.now, who=ActingParty.PERSON)
        return None

    return MemberGate(
        name=policy_gate(policy),
        check=check,
        reasons=of_policies(MEANING),
        rule=PolicyRule.BACKUP,
        needs=frozenset({GateInput.CLUSTER, GateInput.OBJECT}),
        chained=_goes_forward,
    )
