"""P29, P35, P38, P40: the plan, its times, and annotations for the Lifecycle Agent."""

import re
from collections.abc import Iterator
from datetime import timedelta
from math import ceil

from ibgu.core.drivers.ibu.preflight.facts import PreflightFacts
from ibgu.core.drivers.ibu.preflight.model import PreflightFinding, PreflightRule
from ibgu.core.model.document import ObjectField, shown
from ibgu.core.text.spans import duration

MANIFEST_COUNT = "lca.openshift.io/target-ocp-version-manifest-count"
_OFF = "Disabled"
_SWITCHES = ("auto-rollback-on-failure.lca.openshift.io/", "image-cleanup.lca.openshift.io/on-prep")
_THRESHOLD = "image-cleanup.lca.openshift.io/disk-usage-threshold-percent"
_PERCENT = re.compile(r"[1-9][0-9]?|100")
_COUNT = re.compile(r"0|[1-9][0-9]{0,5}")

P29 = PreflightRule(
    "P29",
    f"As many manifests of policies are labelled for the target release as {MANIFEST_COUNT} says",
    "15.2.5.2",
    "Correct the number, or the labels lca.openshift.io/target-ocp-version in the policies.",
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


def counted_manifests(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    at = facts.at(f"metadata.annotations[{MANIFEST_COUNT}]")
    count = facts.annotations[MANIFEST_COUNT]
    if _COUNT.fullmatch(count):
        yield P29.unknown(at, "was not compared: ibgu reads no policies")
    else:
        yield P29.error(at, f"{shown(count)!r} is not a whole number: Prep fails")
