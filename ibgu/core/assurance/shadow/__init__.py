"""Shadow mode (R20.6): what ibgu would have seen and reported while TALM does the work."""

from ibgu.core.assurance.shadow.evidence import conclude, symptom_of
from ibgu.core.assurance.shadow.follow import TalmObservation, begin, due, follow
from ibgu.core.assurance.shadow.messages import explanation
from ibgu.core.assurance.shadow.policies import PolicyHold, ShadowPolicies, TalmStart, with_holds
from ibgu.core.assurance.shadow.records import (
    ShadowNote,
    ShadowOutcome,
    ShadowRollout,
    ShadowRun,
    ShadowStep,
    ShadowVerdict,
    Symptom,
    SymptomKind,
    TalmBatch,
)
from ibgu.core.assurance.shadow.report import (
    Report,
    Row,
    ShadowFailureGroup,
    ShadowPolicyGroup,
    StepReport,
    compare,
    remedy_of,
)
from ibgu.core.assurance.shadow.rollouts import rollout_of, status_of, step_of

__all__ = [
    "PolicyHold",
    "Report",
    "Row",
    "ShadowFailureGroup",
    "ShadowNote",
    "ShadowOutcome",
    "ShadowPolicies",
    "ShadowPolicyGroup",
    "ShadowRollout",
    "ShadowRun",
    "ShadowStep",
    "ShadowVerdict",
    "StepReport",
    "Symptom",
    "SymptomKind",
    "TalmBatch",
    "TalmObservation",
    "TalmStart",
    "begin",
    "compare",
    "conclude",
    "due",
    "explanation",
    "follow",
    "remedy_of",
    "rollout_of",
    "status_of",
    "step_of",
    "symptom_of",
    "with_holds",
]
