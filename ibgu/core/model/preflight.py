"""The findings of preflight that the journal keeps with a step (R46.8)."""

from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.model.names import PREFLIGHT, journaled
from ibgu.core.text.natural import natural_key

MAX_MESSAGES = 5
"""Messages of a rule and severity that a record keeps; all clusters with others are together."""
MAX_MESSAGE = 500
"""Characters of a message."""
_CUT = MAX_MESSAGE - 1
OTHER_MESSAGES = "are at fault in other ways, too many to be listed here"
_PAUSE = timedelta(seconds=5)
_PAUSE_PER_JUDGED = timedelta(milliseconds=4)
_PAUSE_PER_FOUND = timedelta(milliseconds=20)


class PreflightMode(StrEnum):
    """The values of the annotation: what becomes of preflight's findings."""

    OFF = "off"
    """The rules are not evaluated, and earlier findings hold nothing."""
    WARN = "warn"
    """The findings are shown and hold nothing; the default."""
    ENFORCE = "enforce"
    """A cluster with an error does not start."""


def preflight_mode(annotations: Mapping[str, str]) -> PreflightMode:
    """Returns the mode that a rollout's annotations ask for. A value that can't be read counts as
    `enforce`: a typing error must not let clusters start."""
    value = journaled(annotations.get(PREFLIGHT))
    if value is None:
        return PreflightMode.WARN
    try:
        return PreflightMode(value.strip().lower())
    except ValueError:
        return PreflightMode.ENFORCE


class FindingSeverity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


class RecordedFinding(Struct, frozen=True):
    """A rule that does not hold, as the journal keeps it."""

    rule: str
    """The rule's id, such as P3."""
    severity: FindingSeverity
    message: str
    """What is wrong, as a bounded sentence without the clusters' names."""
    clusters: tuple[str, ...] = ()
    """The clusters at fault, in natural order; empty: the plan itself is, and so all of them."""


class PreflightRecord(Struct, frozen=True, dict=True):
    """The newest evaluation of a step, kept when the step is finished.

    Findings about clusters that have started since stay as they were before the start.
    """

    at: datetime
    """When the rules were evaluated; two evaluations of a step differ in it."""
    findings: tuple[RecordedFinding, ...] = ()
    unknown: tuple[str, ...] = ()
    """The ids of the rules that nobody could judge. They hold nothing."""
    enforced: bool = False
    """Whether it was evaluated to be enforced, with inspections where they are turned on, and has
    been enforced since."""
    problem: str = ""
    """Why the rules could not be evaluated at all: an error of ibgu's own."""

    @cached_property
    def of_plan(self) -> tuple[RecordedFinding, ...]:
        """The findings that are about the plan itself."""
        return tuple(each for each in self.findings if not each.clusters)

    @cached_property
    def by_cluster(self) -> dict[str, tuple[RecordedFinding, ...]]:
        """The findings about single clusters, by name."""
        found: dict[str, tuple[RecordedFinding, ...]] = {}
        for each in self.findings:
            for name in each.clusters:
                found[name] = (*found.get(name, ()), each)
        return found

    def of_cluster(self, name: str) -> tuple[RecordedFinding, ...]:
        """Returns all findings that concern the cluster, those about the plan last."""
        return (*self.by_cluster.get(name, ()), *self.of_plan)

    def count(self, severity: FindingSeverity) -> int:
        return sum(each.severity is severity for each in self.findings)

    def erring(self, rules: Container[str] | None = None) -> frozenset[str]:
        """Returns the clusters with an error of their own; `rules`: by one of these."""
        return frozenset(
            name
            for each in errors(self.findings)
            if rules is None or each.rule in rules
            for name in each.clusters
        )

    def pause(self, judged: int) -> timedelta:
        """Returns the time from an evaluation of so many clusters to the next one. It is longer
        with many clusters in the findings, too: a record names all of them, and is written again
        when one of them changes."""
        found = sum(len(each.clusters) for each in self.findings)
        return _PAUSE + judged * _PAUSE_PER_JUDGED + found * _PAUSE_PER_FOUND


def errors(findings: Iterable[RecordedFinding]) -> tuple[RecordedFinding, ...]:
    return tuple(each for each in findings if each.severity is FindingSeverity.ERROR)


class PreflightResult(Struct, frozen=True):
    """An evaluation that no record has yet."""

    record: PreflightRecord
    """May name clusters that are no members of the step."""
    judged: frozenset[str]
    """The clusters that were judged."""
    unchecked: Mapping[str, frozenset[str] | None] = {}
    """Rules that could not be checked, each for which clusters; None: for all, and for the plan."""


def merged(
    known: PreflightRecord | None, result: PreflightResult, members: frozenset[str]
) -> PreflightRecord:
    """Returns the record after the evaluation. Findings about members that were not judged this
    time stay, such as those about clusters that have started. An error stays, too, while its rule
    can't be checked: that nobody could look again heals nothing."""
    found = list(_narrowed(result.record.findings, members))
    if known is not None:
        unjudged = _narrowed(known.findings, members - result.judged)
        found += (each for each in unjudged if each.clusters)
        found += _still(known.findings, result, members)
    return replace(result.record, findings=compacted(found))


def _still(
    known: Iterable[RecordedFinding], result: PreflightResult, members: frozenset[str]
) -> Iterator[RecordedFinding]:
    """Yields the errors that could not be checked again."""
    for each in errors(known):
        if each.rule not in result.unchecked:
            continue
        of = result.unchecked[each.rule]
        if each.clusters:
            left = members & result.judged
            yield from _narrowed([each], left if of is None else left & of)
        elif of is None:
            yield each


def compacted(findings: Iterable[RecordedFinding]) -> tuple[RecordedFinding, ...]:
    """Returns the findings, errors first, with bounded messages. Those of a rule that are too many
    become one: messages are left out, clusters never."""
    groups: dict[tuple[str, FindingSeverity, bool], dict[str, dict[str, None]]] = {}
    for each in findings:
        key = each.rule, each.severity, bool(each.clusters)
        message = each.message if len(each.message) <= MAX_MESSAGE else each.message[:_CUT] + "…"
        messages = groups.setdefault(key, {})
        if message not in messages and len(messages) >= MAX_MESSAGES:
            message = OTHER_MESSAGES
        messages.setdefault(message, {}).update(dict.fromkeys(each.clusters))
    found = [
        RecordedFinding(rule, severity, message, tuple(sorted(names, key=natural_key)))
        for (rule, severity, _), messages in groups.items()
        for message, names in messages.items()
    ]
    found.sort(key=lambda each: (each.severity is not FindingSeverity.ERROR, bool(each.clusters)))
    return tuple(found)


def _narrowed(
    findings: Iterable[RecordedFinding], members: frozenset[str]
) -> Iterator[RecordedFinding]:
    """Yields findings about the plan, and those about members with the members alone."""
    for each in findings:
        names = tuple(name for name in each.clusters if name in members)
        if names or not each.clusters:
            yield each if names == each.clusters else replace(each, clusters=names)
