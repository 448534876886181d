"""Hub templates, `{{hub … hub}}`, in the texts of ConfigMaps: values that differ by cluster.

The language is a small part of what the policies of Advanced Cluster Management have. A value never
changes how YAML reads the text around it.
"""

from ibgu.core.text.hub_templates.model import (
    ClusterValues,
    Ending,
    ParsedText,
    Template,
    TemplateError,
)
from ibgu.core.text.hub_templates.parse import OPEN, parse
from ibgu.core.text.hub_templates.render import render, resolve, stand_in

__all__ = [
    "OPEN",
    "ClusterValues",
    "Ending",
    "ParsedText",
    "Template",
    "TemplateError",
    "parse",
    "render",
    "resolve",
    "stand_in",
]
