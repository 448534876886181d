"""The gate of a policy that names a source of health which ibgu can't ask (R50.18)."""

from collections.abc import Callable, Collection, Iterator

from ibgu.core.engine.gate import ActionFilter, GateInput, kept_by_policy, of_policies, policy_gate
from ibgu.core.engine.gates.gate import Candidate, MemberGate
from ibgu.core.model import ActingParty, ClusterView, PolicyRule, Reason, traits
from ibgu.core.model.meaning import Meaning
from ibgu.core.model.rollout_policy import RolloutPolicySpec

Sources = Collection[str]
"""The names of the sources that the administrator of ibgu has set up."""
MEANING = Meaning(
    "the policy names a source of health that ibgu can't ask, so nobody could say whether its "
    "canaries are well",
    "the administrator of ibgu sets the source up, or the policy's owner names another one",
    "have the administrator of ibgu add the source to healthSources.sources of the chart, or to "
    "the file of IBGU_HEALTH_SOURCES_FILE; or have the policy's owner name another one",
)


def unknown_sources(spec: RolloutPolicySpec, known: Sources) -> list[str]:
    """Returns the sources that the policy names and ibgu does not know."""
    health = spec.canaries.health if spec.canaries is not None else None
    named = dict.fromkeys(metric.source for metric in health.metrics) if health is not None else ()
    return [name for name in named if name not in known]


def source_fault(name: str) -> str:
    """Returns why an unknown source can't be asked, with what to do."""
    return (
        f"ibgu knows no source {name}: have its administrator add it to healthSources.sources of "
        "the chart, or have the policy's owner name another one"
    )


def source_faults(spec: RolloutPolicySpec, known: Sources) -> Iterator[str]:
    """Yields why sources of the policy can't be asked."""
    return map(source_fault, unknown_sources(spec, known))


def sources_gate(
    policy: str, fault: str, actions: ActionFilter, selects: Callable[[ClusterView], bool]
) -> MemberGate:
    """Returns a gate that keeps all clusters of the policy, its canaries too: nobody can say
    whether these are well. It also guards actions inside a chain."""

    def check(candidate: Candidate) -> Reason | None:
        held = any(actions(traits(action)) for action in candidate.rest)
        if not held or not selects(candidate.cluster):
            return None
        return kept_by_policy(fault, candidate.now, who=ActingParty.PERSON)

    return MemberGate(
        name=policy_gate(policy),
        check=check,
        reasons=of_policies(MEANING),
        rule=PolicyRule.SOURCE,
        needs=frozenset({GateInput.CLUSTER}),
        chained=actions,
    )
