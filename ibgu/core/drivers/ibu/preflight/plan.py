"""P29, P35, P38, P40: the plan, its times, and annotations for the Lifecycle Agent."""

import re
from collections.abc import Iterator
from datetime import timedelta
from math import ceil

from ibgu.core.drivers.ibu.actions import Action
from ibgu.core.drivers.ibu.preflight.facts import Find, PreflightFacts, grouped
from ibgu.core.drivers.ibu.preflight.model import PreflightFinding, PreflightRule
from ibgu.core.drivers.ibu.preflight.policies import TARGET, ClusterPolicies
from ibgu.core.model.document import ObjectField, shown
from ibgu.core.text.spans import duration

MANIFEST_COUNT = "lca.openshift.io/target-ocp-version-manifest-count"
_OFF = "Disabled"
_SWITCHES = ("auto-rollback-on-failure.lca.openshift.io/", "image-cleanup.lca.openshift.io/on-prep")
_THRESHOLD = "image-cleanup.lca.openshift.io/disk-usage-threshold-percent"
_PERCENT = re.compile(r"[1-9][0-9]?|100")
_FAILED = (Action.UPGRADE.failed_label, Action.PREP.failed_label)
_COUNT = re.compile(r"0|[1-9][0-9]{0,5}")

P29 = PreflightRule(
    "P29",
    f"As many manifests of policies are labelled for the target release as {MANIFEST_COUNT} says",
    "15.2.5.2",
    f"Correct the number, or the labels {TARGET} in the policies.",
)
P35 = PreflightRule(
    "P35",
    "The plan's actions may follow each other, and some cluster can start it",
    "15.4.1",
    "Correct the plan or the selectors.",
)
P38 = PreflightRule(
    "P38",
    "A cluster's share of the timeout is longer than an automatic rollback takes",
    "15.4.1",
    "Give the step a longer timeout, or a higher maxConcurrency.",
)
P40 = PreflightRule(
    "P40",
    "Annotations for the Lifecycle Agent have values that it reads",
    "15.2.6",
    f"Write {_OFF} to turn something off, and a whole number from 1 to 100 as the threshold.",
)


def possible(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    for problem in facts.problems:
        yield P35.error(ObjectField(facts.itself.object), problem)
    if facts.nobody:
        yield P35.warning(ObjectField(facts.itself.object), facts.nobody)
    if facts.first is Action.PREP:
        yield from grouped(_failed_before(facts), "metadata.labels", P35.warning)


def _failed_before(facts: PreflightFacts) -> Iterator[tuple[str, str]]:
    """Yields the clusters whose labels say that an action has failed there. Where the cluster
    itself was inspected, P9 knows more."""
    for each in facts.clusters:
        known = each.inspected is not None and not each.acted_since
        failed = next((label for label in _FAILED if label in each.labels), "")
        if failed and not known and each.name not in facts.in_flight:
            words = f"carry the label {failed}: Prep fails unless they were cleaned up since"
            yield each.name, words


def rollback_fits(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    for step in facts.steps:
        if step.clusters and step.allowed < step.rollback:
            words = (
                f"step {step.number}: a failed Upgrade rolls back automatically after up to "
                f"{duration(step.rollback)}, but the step allows {duration(step.allowed)} per "
                "site. It may time out before the cluster reports the failure: timeout "
                f"{ceil(step.rollback / timedelta(minutes=1) * step.waves)} is safe"
            )
            yield P38.warning(facts.at(f"spec.plan[{step.number - 1}].rolloutStrategy"), words)


def readable_annotations(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    for key, value in sorted(facts.annotations.items()):
        at = facts.at(f"metadata.annotations[{shown(key)}]")
        if key.startswith(_SWITCHES) and value != _OFF:
            yield P40.warning(at, f"has no effect: the only value that counts is {_OFF}")
        if key == _THRESHOLD and not _PERCENT.fullmatch(value):
            yield P40.warning(at, f"{shown(value)!r} is not a whole number from 1 to 100")


def counts_manifests(facts: PreflightFacts) -> bool:
    """Returns whether the Lifecycle Agent compares the number: it does in Prep and in Upgrade."""
    counted = facts.seed is not None or facts.first is Action.UPGRADE
    return MANIFEST_COUNT in facts.annotations and bool(facts.clusters) and counted


def counted_manifests(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    at = facts.at(f"metadata.annotations[{MANIFEST_COUNT}]")
    count = facts.annotations[MANIFEST_COUNT]
    if not _COUNT.fullmatch(count):
        yield P29.error(at, f"{shown(count)!r} is not a whole number: Prep fails")
        return
    groups: dict[tuple[Find, str], list[str]] = {}
    for each in facts.clusters:
        found = facts.policies.get(each.name, ClusterPolicies())
        for find, words in _compared(found, int(count)):
            groups.setdefault((find, words), []).append(each.name)
    for (find, words), names in groups.items():
        yield find(at, words, tuple(names))


def _compared(policies: ClusterPolicies, expected: int) -> Iterator[tuple[Find, str]]:
    """Yields what is wrong with the policies of one cluster."""
    found = policies.found
    if found is None:
        problem = policies.problem or "they were not read"
        yield P29.unknown, f"were not compared with their policies: {problem}"
        return
    if found.rejected:
        words = f"have {found.rejected} labelled manifests in policies with a complianceType that"
        yield P29.error, f"{words} is neither musthave nor mustonlyhave: Prep fails"
    elif found.counted != expected:
        others = ", ".join(f"{number} {why}" for why, number in sorted(found.left_out.items()))
        words = f"have {found.counted} manifests in policies for the target release, not {expected}"
        yield P29.error, f"{words}: Prep fails" + (f" (not counted: {others})" if others else "")
