"""Shadow mode (R20.6): what ibgu would have seen and reported while TALM does the work."""

from ibgu.core.shadow.evidence import conclude, symptom_of
from ibgu.core.shadow.follow import Seen, begin, due, follow
from ibgu.core.shadow.records import (
    Batch,
    Note,
    ShadowRollout,
    ShadowRun,
    ShadowStep,
    Symptom,
    SymptomKind,
    Told,
    Verdict,
)
from ibgu.core.shadow.report import (
    FailureGroup,
    Report,
    Row,
    StepReport,
    compare,
    remedy_of,
)
from ibgu.core.shadow.rollouts import rollout_of, status_of, step_of
from ibgu.core.shadow.words import explanation

__all__ = [
    "Batch",
    "FailureGroup",
    "Note",
    "Report",
    "Row",
    "Seen",
    "ShadowRollout",
    "ShadowRun",
    "ShadowStep",
    "StepReport",
    "Symptom",
    "SymptomKind",
    "Told",
    "Verdict",
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
]
