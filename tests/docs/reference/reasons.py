"""docs/reference/reasons.md: why an unfinished cluster is not further, in explain's words."""

from ibgu.core.drivers.cluster_version.meanings import UPDATE_MEANINGS
from ibgu.core.drivers.ibu.meanings import IBU_MEANINGS
from ibgu.core.model import ReasonKind
from ibgu.core.model.meaning import NOTHING, MeasuredSpan
from ibgu.core.text.spans import duration
from ibgu.core.views.explain.reasons import REASONS, meaning_of_reason
from ibgu.core.views.overdue import EXEMPT, RULES
from tests.docs.reference.markdown import document, sentence

_MEASURED = {
    MeasuredSpan.PREPARED: "p95 of the time from the start until the action is sent to the cluster",
    MeasuredSpan.TAKEN: "p95 of the time until clusters have taken the action",
    MeasuredSpan.ENDED: "p95 of the action",
}
INTRO = """\
Every cluster that is not finished has exactly one reason why it has not finished. This page says of
each reason what it means, what ends it and what you do. `ibgu explain` prints the same with the
details of the one cluster: since when, until when if that is known, the cluster's own words.

A reason that lasts longer than usual is *overdue*: from then on a person must act, and
`ibgu explain`, `ibgu stragglers`, the page and REST (`reason.overdue`) say what to check. Where a
p95 is named, it is measured on this hub (from ten clusters on), and the reason is overdue after a
quarter more, at least 30 seconds. Of all else the journal has no times: the limit is the one that
is named here.

Where nothing is said about what to do, ibgu continues automatically. Annotations like
`ibgu.dev/resume` are in [Concepts](../concepts.md#pause-rate-limits-and-controls)."""


def page() -> str:
    return document("Reasons", INTRO, *map(_entry, REASONS))


def _entry(kind: ReasonKind) -> str:
    told = meaning_of_reason(kind, IBU_MEANINGS)
    lines = [f"## {kind}", sentence(told.means)]
    if told.ends:
        lines.append(f"**Ends with:** {sentence(told.ends)}")
    if told.do and told.do != NOTHING:
        lines.append(f"**Do:** {sentence(told.do)}")
    lines += _overdue(kind)
    lines += _of_updates(kind)
    return "\n\n".join(lines)


def _of_updates(kind: ReasonKind) -> list[str]:
    told = UPDATE_MEANINGS.reasons.get(kind)
    if told is None:
        return []
    lines = [f"**With a FleetUpdate:** {sentence(told.means)}"]
    lines += [f"Ends with: {sentence(told.ends)}"] if told.ends else []
    return [*lines, f"Do: {sentence(told.do)}"] if told.do else lines


def _overdue(kind: ReasonKind) -> list[str]:
    if kind in EXEMPT:
        return [f"**Overdue:** Never. {sentence(EXEMPT[kind])}"]
    if kind not in RULES:
        return ["**Overdue:** It waits for a person from the start."]
    rule = RULES[kind]
    after = duration(rule.after)
    if rule.usual is not None:
        after = f"{_MEASURED[rule.usual]}; {after}, where that was not measured yet"
    check = IBU_MEANINGS.checks.get(kind, rule.check).format(cluster="CLUSTER")
    return [f"**Overdue:** After {after}. Then {sentence(check)[:1].lower()}{sentence(check)[1:]}"]
