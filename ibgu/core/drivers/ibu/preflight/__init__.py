"""Rules that say before a rollout starts what would fail.

`lint` judges content from files, `judge` a rollout by all that the hub tells. Each module
is a theme and declares its rules; `registry.py` lists all of them.
"""

from ibgu.core.drivers.ibu.preflight.facts import ClusterFacts, PreflightFacts, cluster_facts
from ibgu.core.drivers.ibu.preflight.judge import judge
from ibgu.core.drivers.ibu.preflight.lint import lint_manifests, lint_oadp
from ibgu.core.drivers.ibu.preflight.manifests import ManifestContent
from ibgu.core.drivers.ibu.preflight.model import (
    FactSource,
    PreflightFinding,
    PreflightRule,
    Severity,
)
from ibgu.core.drivers.ibu.preflight.oadp import OadpContent, Storage
from ibgu.core.drivers.ibu.preflight.report import PreflightReport, RuleOutcome, RuleResult
from ibgu.core.drivers.ibu.preflight.sentences import finding_sentences, sentence

__all__ = [
    "ClusterFacts",
    "FactSource",
    "ManifestContent",
    "OadpContent",
    "PreflightFacts",
    "PreflightFinding",
    "PreflightReport",
    "PreflightRule",
    "RuleOutcome",
    "RuleResult",
    "Severity",
    "Storage",
    "cluster_facts",
    "finding_sentences",
    "judge",
    "lint_manifests",
    "lint_oadp",
    "sentence",
]
