"""Digests hub objects into views, and states what the views prove (R7, R8, R10, R14)."""

from ibgu.core.drivers.ibu.observe.cluster import view_cluster
from ibgu.core.drivers.ibu.observe.evidence import accepted, answers, speaks_for
from ibgu.core.drivers.ibu.observe.ibu_state import last_words, out_of_stage
from ibgu.core.drivers.ibu.observe.probe import Judgement, JudgementKind, judge
from ibgu.core.drivers.ibu.observe.shown import Shown, shown, shown_cluster, shown_work
from ibgu.core.drivers.ibu.observe.verdict import Verdict, VerdictKind, verdict
from ibgu.core.drivers.ibu.observe.work import proven, view_work

__all__ = [
    "Judgement",
    "JudgementKind",
    "Shown",
    "Verdict",
    "VerdictKind",
    "accepted",
    "answers",
    "judge",
    "last_words",
    "out_of_stage",
    "proven",
    "shown",
    "shown_cluster",
    "shown_work",
    "speaks_for",
    "verdict",
    "view_cluster",
    "view_work",
]
