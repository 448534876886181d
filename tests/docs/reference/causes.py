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
    kinds = [kind for kind in (IBU_MEANINGS, UPDATE_MEANINGS) if cause in kind.causes]
    first, *others = [meaning_of_cause(cause, kind) for kind in kinds or [IBU_MEANINGS]]
    lines = [f"## {cause}", sentence(first.means), f"**Do:** {sentence(first.do)}"]
    lines += [
        f"**Of a FleetUpdate:** {sentence(each.means)} {sentence(each.do)}" for each in others
    ]
    return "\n\n".join(lines)
