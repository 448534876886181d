"""`ibgu preflight`: findings by rule, with their clusters."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from ibgu.cli.show.output_style import OutputStyle
from ibgu.client.responses import PreflightFindingResponse, PreflightResponse
from ibgu.core.text.counted import counted
from ibgu.core.text.harmless import one_line
from ibgu.core.text.spans import utc

_COLOURS = {"error": "red", "warning": "yellow", "unknown": "cyan"}
_ERROR = "error"
_UNKNOWN = "unknown"
_NAMED = 5
_OUTCOMES = {
    "error": "found errors",
    "warning": "found warnings",
    "unknown": "could not be checked",
    "passed": "passed",
    "notApplicable": "do not apply",
}


def preflight_lines(
    found: PreflightResponse, style: OutputStyle, *, wide: bool, nobody: str = ""
) -> Iterator[str]:
    """Yields a line for each finding; `wide`: with all its clusters; `nobody`: the words if there
    are no clusters."""
    known = [each for each in found.findings if each.severity != _UNKNOWN]
    for each, after in zip_longest(known, known[1:]):
        yield _line([each], style, wide=wide)
        # A remedy for several findings in a row is printed once, after the last.
        if after is None or (after.rule, after.remedy) != (each.rule, each.remedy):
            yield from style.under("    → ", each.remedy)
    # What was not checked needs no remedy yet.
    for together in _unknown(found):
        yield _line(together, style, wide=wide)
    yield _verdict(found, style, nobody)
    outcomes = Counter(each.outcome for each in found.rules)
    counts = [f"{outcomes[key]} {words}" for key, words in _OUTCOMES.items() if outcomes[key]]
    yield f"{len(found.rules)} rules: {', '.join(counts)}"
    yield from _inspected(found)


def _inspected(found: PreflightResponse) -> Iterator[str]:
    """Yields how much of it was read on the clusters, and when."""
    if found.inspected and found.inspected_at is not None:
        clusters = f"{found.inspected} of {found.clusters} clusters"
        yield f"{clusters} were inspected, the first of them at {utc(found.inspected_at)}"
    if found.inspecting:
        yield f"{found.inspecting} of {found.clusters} clusters are being inspected"


def steps_begun(found: PreflightResponse) -> bool:
    """Returns whether a rollout has no step any more that has not begun: then its plan is not
    judged."""
    return any((each.rule, each.outcome) == ("P35", "notApplicable") for each in found.rules)


def plan_refused(found: PreflightResponse) -> bool:
    """Returns whether the plan is at fault, so that no step of it has clusters."""
    return any((each.rule, each.severity) == ("P35", _ERROR) for each in found.findings)


def _unknown(found: PreflightResponse) -> Iterable[list[PreflightFindingResponse]]:
    """Returns what is unknown, findings of several rules for one reason together."""
    groups: dict[tuple[object, ...], list[PreflightFindingResponse]] = {}
    for each in found.findings:
        if each.severity == _UNKNOWN:
            why = (each.object, each.field, each.message, each.clusters)
            groups.setdefault(why, []).append(each)
    return groups.values()


def _line(same: Sequence[PreflightFindingResponse], style: OutputStyle, *, wide: bool) -> str:
    """Returns the line of findings that differ in their rules alone."""
    found = same[0]
    rules = ", ".join(each.rule for each in same)
    level = style.paint(f"{rules} {found.severity}", _COLOURS[found.severity])
    if not found.clusters:
        where = one_line(" ".join(filter(None, (found.object, found.field))))
        place = f" ({one_line(found.file)}:{found.line})" if found.file else ""
        return f"{level} {where}{place}: {one_line(found.message)}"
    shown = found.clusters if wide else found.clusters[:_NAMED]
    more = ", …" if len(shown) < found.count else ""
    count = counted(found.count, "cluster")
    return f"{level} {count}: {one_line(found.message)} ({', '.join(shown)}{more})"


def _verdict(found: PreflightResponse, style: OutputStyle, nobody: str) -> str:
    if not found.clusters:
        return style.paint(f"no cluster was checked: {nobody}", "yellow")
    clusters = counted(found.clusters, "cluster")
    if not found.blocked:
        return style.paint(f"no errors for {clusters}", "green")
    return style.paint(f"{found.blocked} of {clusters} would fail", "red", bold=True)
