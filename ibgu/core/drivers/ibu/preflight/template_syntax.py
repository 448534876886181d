"""The rule P42, which content and clusters are checked by: templates that are supported."""

from ibgu.core.drivers.ibu.preflight.model import PreflightFinding, PreflightRule
from ibgu.core.model import names
from ibgu.core.model.document import Document

P42 = PreflightRule(
    "P42",
    "Hub templates are supported, and have a value for each cluster",
    "Open Cluster Management",
    "Correct the template, set the label, add the key to the ConfigMap, or name the ConfigMap in "
    f"the annotation {names.TEMPLATE_CONFIG_MAPS}.",
)


def unreadable(document: Document, rule: PreflightRule) -> PreflightFinding:
    """Returns the finding for a document with a problem, by P42 if that is a template."""
    return (P42 if document.template else rule).error(document.at(), document.problem)
