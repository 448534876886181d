"""Renders what failed in a rollout, by cause, with what to do about it."""

from collections.abc import Iterator

from ibgu.cli.report.elements import Markup, element, joined, prose, quiet, section
from ibgu.cli.report.facts import RolloutFacts, group_key
from ibgu.cli.report.words import clusters, counted
from ibgu.client.responses import FailureGroupResponse

MAX_GROUPS = 100
MAX_MESSAGE = 600
MAX_VALUES = 8


def failures(found: RolloutFacts) -> Markup:
    groups = found.failures
    if not groups:
        return section("Failures", quiet("No cluster failed or was cancelled."))
    shown = groups[:MAX_GROUPS]
    left = groups[MAX_GROUPS:]
    rest = f"{counted(len(left), 'smaller group')} more, of {counted(_size(left), 'cluster')}."
    return section(
        "Failures",
        *(_group(found, each) for each in shown),
        *([quiet(rest)] if left else ()),
    )


def _size(groups: tuple[FailureGroupResponse, ...]) -> int:
    return sum(each.count for each in groups)


def _group(found: RolloutFacts, group: FailureGroupResponse) -> Markup:
    named = group.failure or group.cause or group.outcome
    what = f"{group.action}: {named}" if group.action else named
    return element(
        "div",
        element(
            "p", element("b", what), f" in step {group.step}: ", counted(group.count, "cluster")
        ),
        *_words(group),
        element("p", "Clusters: ", clusters(group.clusters, group.count)),
        *_by_label(found, group),
        class_="failure",
    )


def _words(group: FailureGroupResponse) -> Iterator[Markup]:
    if group.message:
        message = group.message
        cut = message if len(message) <= MAX_MESSAGE else f"{message[: MAX_MESSAGE - 1]}…"
        by = f", for example by {group.message_of}" if group.message_of else ""
        yield element("p", f"Reported{by}: ", element("code", cut))
    if group.means:
        yield element("p", prose(group.means))
    if group.remedy:
        yield element("p", "What to do: ", prose(group.remedy), class_="remedy")
    if group.aborted:
        yield element("p", f"Returned to Idle since: {', '.join(group.aborted)}")


def _by_label(found: RolloutFacts, group: FailureGroupResponse) -> Iterator[Markup]:
    known = found.totals.failures.get(group_key(group))
    for label, values in (known or {}).items():
        largest = values.most_common(MAX_VALUES)
        words = ", ".join(f"{value} ({count:,})" for value, count in largest)
        left = len(values) - len(largest)
        more = f" and {counted(left, 'more value')}" if left > 0 else ""
        yield element("p", joined((f"By {label}: ", words, more)), class_="quiet")
