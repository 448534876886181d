"""The gate of a policy's canaries: the others wait until they are well (R50.11)."""

from collections.abc import Callable

from ibgu.core.engine.gate import ActionFilter, GateInput, kept_by_policy, of_policies, policy_gate
from ibgu.core.engine.gates.gate import Candidate, MemberGate
from ibgu.core.engine.state.canaries import PolicyCanaries
from ibgu.core.model import ClusterView, PolicyRule, Reason, traits
from ibgu.core.model.meaning import Meaning
from ibgu.core.text.counted import first_names
from ibgu.core.text.spans import utc

_NAMED = 3
"""The canaries that a reason names."""
MEANING = Meaning(
    "the policy's canaries go first, and must stay well for a while",
    "every canary of the step has succeeded, and was available and well for as long as the policy "
    "says",
    "look after the canaries that the reason names; skip one that can't be updated (`ibgu skip`): "
    "the next cluster takes its place, unless a label has chosen it",
)


def canaries_gate(
    canaries: PolicyCanaries,
    actions: ActionFilter,
    selects: Callable[[ClusterView], bool],
    *,
    approved: bool = False,
) -> MemberGate:
    """Returns a gate that keeps a member at the beginning of its chain, if the policy holds any
    action of it: inside the chain it would keep its slot from a canary. `approved`: what comes
    behind the canaries also takes approval."""
    then = "; what comes behind them also takes approval" if approved else ""

    def check(candidate: Candidate) -> Reason | None:
        step, now, name = candidate.step, candidate.now, candidate.cluster.name
        concerned = any(actions(traits(action)) for action in candidate.rest)
        if step is None or not concerned or not selects(candidate.cluster):
            return None
        # A canary waits for no canary of another policy, which may wait for it.
        others = (each for each in candidate.canaries if each.concern(step))
        if any(name in each.of(step, now) for each in others):
            return None
        state = canaries.state(step, now)
        if state.failed or state.follow_ups:
            return None  # The gate of failure budgets holds the whole step.
        if state.unfinished:
            words = f"the canaries go first: {first_names(sorted(canaries.of(step, now)), _NAMED)}"
            return kept_by_policy(words, now)
        if state.unavailable:
            lost = first_names(state.unavailable, _NAMED)
            words = f"the canaries must stay available, and the hub can't reach {lost}"
            return kept_by_policy(words, now)
        if state.unwell:
            (lost, why), more = state.unwell[0], len(state.unwell) - 1
            rest = f"; {more} more {'are' if more > 1 else 'is'} not well" if more else ""
            words = f"the canaries must stay well, and {lost} is not: {why}{rest}"
            return kept_by_policy(words, now)
        if state.soaked_at is None or now >= state.soaked_at:
            return None
        stay = "well" if canaries.checked else "available"
        words = f"the canaries have succeeded, and must stay {stay} until {utc(state.soaked_at)}"
        return kept_by_policy(f"{words}{then}", now, state.soaked_at)

    return MemberGate(
        name=policy_gate(canaries.policy),
        check=check,
        reasons=of_policies(MEANING),
        rule=PolicyRule.CANARIES,
        needs=frozenset({GateInput.CLUSTER, GateInput.RECORDS, GateInput.TIME}),
        concerns=actions,
    )
