"""The gate of clusters that have warned, where an annotation of the IBGU or a policy holds them for
a person (R18.8, R50.15)."""

from ibgu.core.engine.gate import GateInput, GateReason, Switch
from ibgu.core.engine.gates.gate import Candidate, MemberGate
from ibgu.core.model import ActingParty, ActionTraits, Reason, ReasonKind, names
from ibgu.core.model.meaning import RESUME, Meaning


def _warning(candidate: Candidate) -> Reason | None:
    known = candidate.seen.current_feedback
    if known is None or not _holds(candidate):
        return None
    if known.warning in ("", candidate.accepted):
        return None
    return Reason(ReasonKind.WARNING, candidate.now, known.warning, None, ActingParty.PERSON)


def _holds(candidate: Candidate) -> bool:
    """Returns whether an annotation or a policy holds clusters that have warned."""
    return names.HOLD_ON_WARNING in candidate.annotations or any(
        each.warnings for each in candidate.demanding()
    )


def _goes_forward(action: ActionTraits) -> bool:
    """Chooses the actions after which the way back is long."""
    return action.reboots and not action.leads_back


WARNING = MemberGate(
    name="warning",
    check=_warning,
    reasons={
        ReasonKind.WARNING: GateReason(
            meaning=Meaning(
                "the cluster has completed Prep or Check with this warning, and the rollout "
                f"({names.HOLD_ON_WARNING}) or a RolloutPolicy holds such clusters before Upgrade "
                "or Update",
                "a person accepts the warning, or takes the cluster out",
                f"if the cluster may go on, {RESUME}, which accepts all warnings of the step so "
                "far; take others out before (`ibgu skip NAME`)",
            ),
            acceptable="a warning",
            opened="continues despite its warning",
        ),
    },
    switch=Switch(
        annotation=names.HOLD_ON_WARNING,
        title="Hold on warnings changed",
        put="clusters with a warning wait for a person before Upgrade",
        removed="clusters with a warning continue, unless a RolloutPolicy holds them",
    ),
    needs=frozenset(
        {
            *(GateInput.OBJECT, GateInput.FEEDBACK, GateInput.TIME),
            *(GateInput.POLICIES, GateInput.CLUSTER, GateInput.GRANTS),
        }
    ),
    actions=_goes_forward,
    own=True,
    chained=_goes_forward,
)
