"""docs/reference/failures.md: the known failures, with real messages of clusters."""

from collections.abc import Iterator

from ibgu.core.drivers.cluster_version.failures import KNOWN_UPDATE_FAILURES, KnownUpdateFailure
from ibgu.core.drivers.ibu.actions import Stage
from ibgu.core.drivers.ibu.failures import KNOWN, Failure, KnownFailure
from tests.core.drivers.cluster_version.version_samples import MESSAGES
from tests.core.drivers.ibu.failures.messages import CASES
from tests.docs.headings import heading_of
from tests.docs.reference.markdown import code, document

INTRO = """\
What a cluster's own words mean, and what to do. ibgu knows these messages of the Lifecycle Agent
and of the cluster-version operator by heart: `ibgu status`, `ibgu explain`, the page and REST
(`failure`, `means`, `remedy`) name them.
Everything else that goes wrong has a [cause](causes.md) and the cluster's words; how to go
about it is in [Troubleshooting](../troubleshooting.md).

[`ibgu retry NAME --abort-first`](../cli.md#ibgu-retry) takes the clusters back to Idle, and then
into a new IBGU. Without the `ibgu` command: append `AbortOnFailure` to the plan and begin with a
new IBGU for these clusters
([An upgrade in several steps](../guides/in-steps.md#clusters-that-failed))."""

SECTIONS = {
    frozenset({Stage.PREP}): "Prep",
    frozenset({Stage.UPGRADE}): "Upgrade",
    frozenset({Stage.UPGRADE, Stage.ROLLBACK}): "Upgrade and Rollback",
    frozenset({Stage.ROLLBACK}): "Rollback",
    frozenset(Stage): "Any action",
}
"""Whose messages they are found in -> heading, in the page's order."""
_TRIED_AGAIN = (
    "a RolloutPolicy may have it [tried again](../guides/safe-by-policy.md#try-failed-preps-again)."
)
EXAMPLES = 3
"""So many messages of one failure are shown."""


def _sections() -> Iterator[str]:
    for stages, heading in SECTIONS.items():
        yield f"## {heading}"
        yield from (_entry(row) for row in KNOWN if row.stages == stages)
    yield "## Updates to another release"
    yield from (_entry_of_update(row) for row in KNOWN_UPDATE_FAILURES)


def _entry(row: KnownFailure) -> str:
    lines = "\n".join(f"- {code(message)}" for message in messages(row.name)[:EXAMPLES])
    told = f"### {row.name}\n\n{lines}\n\n{row.means}\n\n**Do:** {row.remedy}"
    if row.guide:
        told += f"\n\n**Guide:** {_link(row.guide)}."
    if row.transient:
        told += f"\n\n**Tried again:** {_TRIED_AGAIN}"
    return f"{told}\n\n**Before the start:** {_rules(row)}." if row.rules else told


def _entry_of_update(row: KnownUpdateFailure) -> str:
    message = code(MESSAGES[row.name])
    return f"### {row.name}\n\n- {message}\n\n{row.means}\n\n**Do:** {row.remedy}"


def _link(guide: str) -> str:
    """Returns the link from the reference page, with the heading as its text."""
    return f"[{heading_of(guide)}](../{guide.removeprefix('docs/')})"


def _rules(row: KnownFailure) -> str:
    rules = f"{'rules' if len(row.rules) > 1 else 'rule'} {', '.join(row.rules)}"
    return f"[preflight](preflight-rules.md) looks for its cause by the {rules}"


def messages(name: Failure) -> list[str]:
    """Returns the messages as clusters tell them; of a long one the first line."""
    found = [message.partition("\n")[0] for _, message, known in CASES if known is name]
    return list(dict.fromkeys(found))


def page() -> str:
    return document("Known failures", INTRO, *_sections())
