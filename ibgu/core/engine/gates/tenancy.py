"""The gate of clusters that the rollout's namespace may not use (R35)."""

from datetime import datetime

from ibgu.core.engine.gate import GateInput, GateReason
from ibgu.core.engine.gates.gate import Candidate, MemberGate
from ibgu.core.model import ActingParty, Reason, ReasonKind
from ibgu.core.model.meaning import Meaning


def _bound(candidate: Candidate) -> Reason | None:
    scope = candidate.scope
    if scope.includes(candidate.cluster.labels):
        return None
    words = scope.problem or f"{scope.outside}; bind its set with: {scope.bind}"
    return unbound(words, candidate.now)


def unbound(words: str, now: datetime) -> Reason:
    """Returns the reason of the gate, which also holds a rollout whose namespace may use no
    cluster."""
    return Reason(ReasonKind.UNBOUND, now, words, None, ActingParty.PERSON)


TENANCY = MemberGate(
    name="tenancy",
    check=_bound,
    reasons={
        ReasonKind.UNBOUND: GateReason(
            meaning=Meaning(
                "the rollout's namespace may take only clusters of the cluster sets that are bound "
                "to it",
                "a set of the cluster is bound to the namespace (ManagedClusterSetBinding)",
                "have the cluster's set bound to the namespace, or the rollout made where it is "
                "bound",
            ),
            by_message=True,
            ended=lambda words: "the namespace may use clusters of the hub",
        ),
    },
    needs=frozenset({GateInput.CLUSTER, GateInput.TENANCY}),
    own=True,
)
