"""docs/reference/causes.md: why a cluster did not succeed, in explain's words."""

from ibgu.core.drivers.cluster_version.meanings import UPDATE_MEANINGS
from ibgu.core.drivers.ibu.meanings import IBU_MEANINGS
from ibgu.core.model import Cause
from ibgu.core.views.explain.causes import meaning_of_cause
from tests.docs.reference.markdown import document, sentence

INTRO = """\
Why a cluster did not succeed in a step: one word that REST, metrics and the IBGU's `failedActions`
use, what it means, and what you do. The cluster's own words stand beside it; where they are those
of a [known failure](failures.md), that says more."""


def page() -> str:
    return document("Causes", INTRO, *map(_entry, Cause))


def _entry(cause: Cause) -> str:
    only_of_updates = cause in UPDATE_MEANINGS.causes and cause not in IBU_MEANINGS.causes
    told = meaning_of_cause(cause, UPDATE_MEANINGS if only_of_updates else IBU_MEANINGS)
    return f"## {cause}\n\n{sentence(told.means)}\n\n**Do:** {sentence(told.do)}"
