"""Prints the report as text and for programs."""

import json
import shlex
from collections.abc import Iterator

from msgspec import to_builtins

from ibgu.cli.show import symbols
from ibgu.cli.show.failing import cut, example
from ibgu.cli.show.names import listed
from ibgu.cli.show.output_style import OutputStyle
from ibgu.cli.stragglers.facts import NoProposals
from ibgu.cli.stragglers.report import StragglerRollout, StragglersReport
from ibgu.core.text.counted import counted
from ibgu.core.views.display import word
from ibgu.core.views.stragglers import RETRY_LABEL, RecoveryWay, StragglerGroup, StragglerState

_SYMBOLS = {
    StragglerState.ABORTED: symbols.WAITING,
    StragglerState.NOT_TAKEN: symbols.WAITING,
}
_ENDED = {"skipped": symbols.SKIPPED, "cancelled": symbols.CANCELLED}
_WHO = {
    "ibgu": "nothing: ibgu continues automatically",
    "cluster": "wait for the clusters, or check them with: ibgu explain",
    "person": "act: ibgu explain says what is needed",
}
_MAX_MESSAGE = 200
"""Characters of a message."""
_SHOWN = 5
"""Names of clusters, where there are more."""
_NAMED = 20
"""The most clusters that a command names; for more it asks for the group again."""


def report_lines(report: StragglersReport, style: OutputStyle, *, wide: bool) -> Iterator[str]:
    yield _headline(report, style)
    yield from _moved(report, style)
    yield from _elsewhere(report)
    for group in report.groups:
        yield ""
        yield from _group(report, group, style, wide=wide)
    yield from _patch(report)
    if isinstance(report.live, NoProposals) and report.groups:
        yield ""
        yield f"{symbols.WARNING} no commands are proposed, because {report.live.why}"


def body_of(report: StragglersReport) -> dict[str, object]:
    rollout = report.facts.rollout
    checked = not isinstance(report.live, NoProposals)
    return {
        "namespace": rollout.namespace,
        "name": rollout.name,
        "seq": report.facts.seq,
        "moved": report.facts.moved,
        "checked": checked,
        "groups": [_plain(group) for group in report.groups],
        "elsewhere": dict(report.elsewhere),
        "cancelled": dict(report.cancelled),
        "patch": report.patch if any(group.aborts for group in report.groups) else [],
        "manifests": [way.manifest for way in report.ways()],
    }


def _plain(group: StragglerGroup) -> dict[str, object]:
    plain = to_builtins(group)
    return {**plain, "count": len(group.clusters)}


def label_line(way: StragglerRollout) -> str:
    """Returns the command that makes the clusters selectable."""
    return f"kubectl label managedclusters {' '.join(way.unnamed)} {RETRY_LABEL}={way.name}"


def _headline(report: StragglersReport, style: OutputStyle) -> str:
    rollout = report.facts.rollout
    shown = sum(len(group.clusters) for group in report.groups)
    name = style.paint(rollout.name, bold=True)
    total = len(report.facts.members)
    summary = (
        f"{report.left} of {counted(total, 'cluster')} {'is' if total == 1 else 'are'} left"
        if report.left
        else _none_left(report, total)
    )
    if report.only and report.left:
        summary += f"; these are the {shown} that match" if shown else "; none of them matches"
    return f"{name} ({rollout.namespace}): {summary}"


def _none_left(report: StragglersReport, total: int) -> str:
    """Returns that nothing is left of all clusters, or that newer rollouts have what is."""
    if others := sum(report.elsewhere.values()):
        return f"newer rollouts have what is left, {others} of {counted(total, 'cluster')}"
    return f"none of {counted(total, 'cluster')} is left"


def _moved(report: StragglersReport, style: OutputStyle) -> Iterator[str]:
    """Yields a warning where the answers can't be of one moment."""
    if report.facts.moved:
        name = report.facts.rollout.name
        words = f"{name} changed on every attempt to read it: the numbers may not match each other"
        yield style.paint(f"{symbols.WARNING} {words}", "yellow")


def _elsewhere(report: StragglersReport) -> Iterator[str]:
    more = " more" if report.left else ""
    for name, number in report.elsewhere.items():
        where, _, which = name.partition("/")
        yield (
            f"  {number}{more} {'is' if number == 1 else 'are'} in {name} now: "
            f"ibgu stragglers {which} -n {where}{_selected(report)}"
        )
    for name, number in report.cancelled.items():
        them, was = ("it", "was") if number == 1 else ("them", "were")
        yield (
            f"  {number} more {was} cancelled on purpose by {name}: "
            f"to upgrade {them}, create a new rollout"
        )


def _group(
    report: StragglersReport, group: StragglerGroup, style: OutputStyle, *, wide: bool
) -> Iterator[str]:
    symbol = _SYMBOLS.get(group.state) or _symbol(report, group)
    head = f"{symbol} {len(group.clusters)}  {_what(group)}"
    yield style.paint(head, symbols.COLOURS.get(symbol), bold=True)
    shown = len(group.clusters) if wide else _SHOWN
    yield from style.under("    ", listed(group.clusters, len(group.clusters), shown))
    if group.words:
        words = example(group.clusters[0], group.words) if group.differ else group.words
        yield from style.under("    words   ", cut(words, _MAX_MESSAGE))
    if group.means:
        yield from style.under("    means   ", group.means)
    for index, line in enumerate(_do(report, group)):
        prefix = f"    {'' if index else 'do':<7} "
        is_command = line.startswith("  ")
        yield from [prefix + line] if is_command else style.under(prefix, line)


def _symbol(report: StragglersReport, group: StragglerGroup) -> str:
    """Returns where the group is, as everywhere else: by the member's own outcome, or its state and
    reason."""
    member = report.facts.members[group.clusters[0]]
    if group.state is StragglerState.ENDED:
        return _ENDED.get(member.outcome or "", symbols.FAILED)
    return symbols.OF_WORDS[word(member.state, group.kind, None, held=False)]


def _what(group: StragglerGroup) -> str:
    where = f"step {group.step}"
    match group.state:
        case StragglerState.GOING:
            return f"{group.action}: {group.kind} ({where}, not finished)"
        case StragglerState.ENDED:
            return f"{group.action}: {group.kind or 'failed'} ({where})"
        case StragglerState.ABORTED:
            return "back to Idle after a failure, not upgraded"
        case StragglerState.NOT_TAKEN:
            return f"{group.action} succeeded in {where}, a later step did not take them"


def _do(report: StragglersReport, group: StragglerGroup) -> Iterator[str]:
    if group.state is StragglerState.GOING:
        yield group.check or _WHO.get(group.who, "")
        return
    # With proposals, what comes after the fix has a line of its own: a plan, a command or a note.
    if told := group.remedy if isinstance(report.live, NoProposals) else group.fix:
        yield told
    if group.note:
        yield f"({group.note})"
    if group.way:
        yield f"  {_way(report, group)}"
    if isinstance(report.live, NoProposals) or not group.plan:
        return
    if group.aborts:
        yield from _abort(report, group)
    else:
        yield f"then {_drawn(group)}, by a new ImageBasedGroupUpgrade:"
        yield f"  {_apply(report, group)}"


def _way(report: StragglersReport, group: StragglerGroup) -> str:
    """Returns the command for clusters that no plan takes further; it asks before it acts."""
    rollout = report.facts.rollout
    where = f"{rollout.name} -n {rollout.namespace}"
    if group.way is RecoveryWay.ROLLBACK:
        return f"ibgu rollback {where} {_named(report, group)} --failed"
    which = f'{_named(report, group)} --action {group.cleanup} --reason "what was cleaned up"'
    return f"ibgu confirm-cleanup {where} {which}"


def _named(report: StragglersReport, group: StragglerGroup) -> str:
    """Returns the group's clusters as arguments: what was found out about them says nothing about
    others. In quotes, so that a group that is gone by then is an error, and not every cluster."""
    if len(group.clusters) <= _NAMED:
        return " ".join(group.clusters)
    rollout = report.facts.rollout
    only = [
        f"-n {rollout.namespace}{_selected(report)}",
        f"--cause {shlex.quote(group.kind)}",
        f"--step {group.step}",
        f"--action {group.action}",
        *([f"--cleanup {group.cleanup}"] if group.cleanup else []),
    ]
    return f'"$(ibgu stragglers {rollout.name} {" ".join(only)} -o name)"'


def _abort(report: StragglersReport, group: StragglerGroup) -> Iterator[str]:
    if report.patch:
        yield "AbortOnFailure, as this rollout's next step (see the end), or for these at once:"
    elif report.filtered:
        yield "AbortOnFailure, by a rollout of its own, which takes these clusters alone:"
    else:
        yield "AbortOnFailure, by a rollout of its own (this plan can't be longer):"
    yield f"  {_apply(report, group)}"
    yield "then run ibgu stragglers again: from Idle, the clusters can start again"


def _patch(report: StragglersReport) -> Iterator[str]:
    """Yields the patch once for all groups: it takes every failed cluster of the rollout."""
    if not report.patch or not any(group.aborts for group in report.groups):
        return
    rollout = report.facts.rollout
    line = json.dumps(report.patch, separators=(",", ":"))
    yield ""
    yield "AbortOnFailure for all failed clusters of this rollout, as its next step:"
    where = f"-n {rollout.namespace}"
    yield f"  ibgu cancel {rollout.name} {where} --failed"
    yield "or, with kubectl:"
    yield f"  kubectl patch ibgu {rollout.name} {where} --type=json -p '{line}'"


def _apply(report: StragglersReport, group: StragglerGroup) -> str:
    """Returns the command for this group alone: others may have its cause, and need another
    plan."""
    rollout = report.facts.rollout
    several = any(len(item.actions) > 1 for item in rollout.plan)
    only = [
        f"-n {rollout.namespace}{_selected(report)}",
        f"--cause {shlex.quote(group.kind)}",
        f"--step {group.step}",
        *([f"--action {group.action}"] if several else []),
        f"--next {group.next}",
    ]
    return f"ibgu stragglers {rollout.name} {' '.join(only)} -o yaml | kubectl apply -f -"


def _selected(report: StragglersReport) -> str:
    """Returns the report's own filter: a command without it would act on other clusters too."""
    selector = report.facts.selector
    return f" -l {shlex.quote(selector)}" if selector else ""


def _drawn(group: StragglerGroup) -> str:
    return "".join(f"[{', '.join(step)}]" for step in group.plan)
