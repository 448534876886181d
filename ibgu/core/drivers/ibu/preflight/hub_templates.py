"""P42: carried content has no hub templates."""

from ibgu.core.drivers.ibu.preflight.model import PreflightFinding, PreflightRule
from ibgu.core.model.document import Document

P42 = PreflightRule(
    "P42",
    "ConfigMaps that are carried to clusters have no hub templates",
    "Open Cluster Management",
    "Remove it, and have a policy of Advanced Cluster Management bring what differs by cluster.",
)


def unreadable(document: Document, rule: PreflightRule) -> PreflightFinding:
    """Returns the finding for a document with a problem, by P42 if that is a hub template."""
    return (P42 if document.template else rule).error(document.at(), document.problem)
