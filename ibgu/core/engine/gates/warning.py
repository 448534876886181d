"""The gate of clusters that have warned, where an annotation of the IBGU holds them for a person
(R18.8)."""

from ibgu.core.engine.gate import GateInput, GateReason, Switch
from ibgu.core.engine.gates.gate import Candidate, MemberGate
from ibgu.core.model import ActingParty, ActionTraits, Reason, ReasonKind, names
from ibgu.core.model.meaning import RESUME, Meaning


def _warning(candidate: Candidate) -> Reason | None:
    known = candidate.seen.current_feedback
    if names.HOLD_ON_WARNING not in candidate.annotations or known is None:
        return None
    if known.warning in ("", candidate.accepted):
        return None
    return Reason(ReasonKind.WARNING, candidate.now, known.warning, None, ActingParty.PERSON)


def _goes_forward(action: ActionTraits) -> bool:
    """Chooses the actions after which the way back is long."""
    return action.reboots and not action.leads_back


WARNING = MemberGate(
    name="warning",
    check=_warning,
    reasons={
        ReasonKind.WARNING: GateReason(
            meaning=Meaning(
                "the cluster has completed Prep or Check with this warning, and the rollout holds "
                f"such clusters before Upgrade or Update ({names.HOLD_ON_WARNING})",
                "a person accepts the warning, or takes the cluster out",
                f"if the cluster may go on, {RESUME}, which accepts all warnings of the step so "
                "far; take others out before (ibgu skip)",
            ),
            acceptable="a warning",
            opened="continues despite its warning",
        ),
    },
    switch=Switch(
        annotation=names.HOLD_ON_WARNING,
        title="Hold on warnings changed",
        put="clusters with a warning wait for a person before Upgrade",
        removed="clusters with a warning continue",
    ),
    needs=frozenset({GateInput.OBJECT, GateInput.FEEDBACK}),
    actions=_goes_forward,
    own=True,
    chained=_goes_forward,
)
