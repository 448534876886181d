"""docs/reference/failures.md: the known failures, with real messages of the Lifecycle Agent."""

from collections.abc import Iterator

from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.drivers.ibu.failures import KNOWN, Failure, KnownFailure
from tests.core.drivers.ibu.failures.messages import CASES
from tests.docs.reference.markdown import code, document

INTRO = """\
What a cluster's own words mean, and what to do. ibgu knows these messages of the Lifecycle Agent
by heart: `ibgu status`, `ibgu explain`, the page and REST (`failure`, `means`, `remedy`) name them.
Everything else that goes wrong has a [cause](causes.md) and the cluster's words; how to go
about it is in [Troubleshooting](../troubleshooting.md).

Where a remedy ends with "then AbortOnFailure, and Prep again": append `AbortOnFailure` to the plan
and begin with a new IBGU for these clusters, as in
[An upgrade in several steps](../guides/in-steps.md#clusters-that-failed)."""

SECTIONS = {
    frozenset({Stage.PREP}): "Prep",
    frozenset({Stage.UPGRADE}): "Upgrade",
    frozenset({Stage.UPGRADE, Stage.ROLLBACK}): "Upgrade and Rollback",
    frozenset({Stage.ROLLBACK}): "Rollback",
    frozenset(Stage): "Any action",
}
"""Whose messages they are found in -> heading, in the page's order."""
EXAMPLES = 3
"""So many messages of one failure are shown."""


def _sections() -> Iterator[str]:
    for stages, heading in SECTIONS.items():
        yield f"## {heading}"
        yield from (_entry(row) for row in KNOWN if row.stages == stages)


def _entry(row: KnownFailure) -> str:
    lines = "\n".join(f"- {code(message)}" for message in messages(row.name)[:EXAMPLES])
    return f"### {row.name}\n\n{lines}\n\n{row.means}\n\n**Do:** {row.remedy}"


def messages(name: Failure) -> list[str]:
    """Returns the messages as clusters tell them; of a long one the first line."""
    found = [message.partition("\n")[0] for _, message, known in CASES if known is name]
    return list(dict.fromkeys(found))


def page() -> str:
    return document("Known failures", INTRO, *_sections())
