"""Judges what RolloutPolicies name that ibgu can't follow: such a policy would hold nothing."""

from ibgu.cli.doctor.facts import Missing, PolicySets
from ibgu.cli.doctor.findings import Finding, error, ok, warning
from ibgu.cli.doctor.judge_rights import undetermined
from ibgu.core.text.counted import first_names

_CHECK = "cluster sets of policies"
_SHOWN = 3


def judge_policy_sets(found: PolicySets | Missing) -> Finding:
    if not isinstance(found, PolicySets):
        do = "allow the kubeconfig's user to list ManagedClusterSets"
        return undetermined(_CHECK, found, do)
    if found.by_labels:
        return error(
            _CHECK,
            "RolloutPolicies name sets by a LabelSelector, whose clusters ibgu can't tell, so they "
            f"hold none of them: {first_names(found.by_labels, _SHOWN)}",
            "give the labels of the set as spec.clusters.selector of the policy",
        )
    if found.absent:
        return warning(
            _CHECK,
            "RolloutPolicies name sets that are not on the hub, so they hold no cluster by them: "
            f"{first_names(found.absent, _SHOWN)}",
            "correct the name, or create the ManagedClusterSet",
        )
    return ok(_CHECK, "each is on the hub, and has clusters of its own")
