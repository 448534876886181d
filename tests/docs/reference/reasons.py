"""docs/reference/reasons.md: why an unfinished cluster is not further, in explain's words."""

from ibgu.core.explain import REASONS
from ibgu.core.explain.meaning import NOTHING
from ibgu.core.model import ReasonKind
from tests.docs.reference.markdown import document, sentence

INTRO = """\
Every cluster that is not finished has exactly one reason why it is not further. This page says of
each reason what it means, what ends it and what you do. `ibgu explain` prints the same with the
details of the one cluster: since when, until when if that is known, the cluster's own words.

Where nothing is said about what to do, ibgu goes on by itself. Annotations like `ibgu.dev/resume`
are in [Concepts](../concepts.md)."""


def page() -> str:
    return document("Reasons", INTRO, *map(_entry, REASONS))


def _entry(kind: ReasonKind) -> str:
    told = REASONS[kind]
    lines = [f"## {kind}", sentence(told.means)]
    if told.ends:
        lines.append(f"**Ends with:** {sentence(told.ends)}")
    if told.do and told.do != NOTHING:
        lines.append(f"**Do:** {sentence(told.do)}")
    return "\n\n".join(lines)
