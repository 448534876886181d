"""Warnings that the hub's data allows in advance: product rules that are otherwise checked too
late.

Numbers as in the rules for an image-based upgrade: releases from 4.14.13 on, at most two minor
releases at once, the seed named by its digest.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil

from ibgu.core.engine.gates import Candidate, GateInput, MemberGate, in_order
from ibgu.core.model import Action, ClusterView, Observation
from ibgu.core.views.mistakes import mistakes
from ibgu.core.views.preview.model import Proposal, StepPreview
from ibgu.core.views.preview.time import minutes, safe

VERSION_LABEL = "openshiftVersion"
"""A label that Advanced Cluster Management keeps on every ManagedCluster."""
_OLDEST = (4, 14, 13)
_MOST_MINORS = 2
_NAMED = 5
_RELEASE = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_KNOWN = frozenset({GateInput.CLUSTER, GateInput.TENANCY, GateInput.TIME})
"""What a preview can tell a gate."""
_AUTO_ROLLBACK = "auto-rollback-on-failure.lca.openshift.io/"

Release = tuple[int, int, int]


def warnings(
    proposal: Proposal,
    steps: Sequence[StepPreview],
    fleet: Mapping[str, ClusterView],
    now: datetime,
) -> Iterator[str]:
    """Returns the warnings; `fleet` is by name."""
    members = [fleet[name] for name in steps[0].clusters]
    yield from _unreachable(members, proposal)
    yield from _gates(proposal, Action(steps[0].actions[0]), members, now)
    if any(Action.PREP in step.actions for step in steps):
        yield from _seed(proposal)
        yield from _releases(proposal, members)
    yield from _annotations(proposal)
    if proposal.rate_limits.problem:
        words = "until it is changed no step that begins with Prep or Upgrade starts anybody"
        yield f"{proposal.rate_limits.problem}; {words}"
    for step in steps:
        yield from _too_slow(step)
        yield from _rollback_unseen(proposal, step)


def _unreachable(members: Sequence[ClusterView], proposal: Proposal) -> Iterator[str]:
    """Warns of unreachable clusters, except those in flight, which may reboot as expected."""
    expected = proposal.running.in_flight if proposal.running else frozenset()
    dark = [c.name for c in members if not c.reachable and c.name not in expected]
    if dark:
        yield (
            f"{len(dark)} of {len(members)} clusters are not reachable now: they wait, and start "
            f"when they are back ({_some(dark)})"
        )


def _gates(
    proposal: Proposal, action: Action, members: Sequence[ClusterView], now: datetime
) -> Iterator[str]:
    """Warns of closed gates, and of those that can't be asked before a cluster starts."""
    for gate in in_order(proposal.policies):
        if action not in gate.holds:
            continue
        if isinstance(gate, MemberGate) and gate.needs <= _KNOWN:
            yield from _closed(gate, proposal, action, members, now)
        elif not gate.own:
            words = "is checked when a cluster starts: it may delay clusters of this plan"
            yield f"{gate.name} {words}"


def _closed(
    gate: MemberGate,
    proposal: Proposal,
    action: Action,
    members: Sequence[ClusterView],
    now: datetime,
) -> Iterator[str]:
    found: dict[str, list[str]] = {}
    for cluster in members:
        seen = Observation(cluster=cluster)
        asked = Candidate(action=action, cluster=cluster, seen=seen, scope=proposal.scope, now=now)
        reason = gate.ask(asked)
        if reason is not None:
            found.setdefault(reason.message, []).append(cluster.name)
    for message, names in found.items():
        count = f"{len(names)} of {len(members)} clusters"
        yield f"{count} can't start {action} now: {message} ({_some(names)})"


def _seed(proposal: Proposal) -> Iterator[str]:
    seed = proposal.spec.ibu_spec.seed_image_ref
    if not seed.image or not seed.version:
        yield "spec.ibuSpec.seedImageRef lacks image or version: every Prep will be refused"
    elif "@sha256:" not in seed.image:
        yield (
            f"the seed {seed.image} is named by a tag, which may be moved while the rollout runs; "
            "name it by its digest"
        )


def _releases(proposal: Proposal, members: Sequence[ClusterView]) -> Iterator[str]:
    wanted = _release(proposal.spec.ibu_spec.seed_image_ref.version)
    known = {c.name: found for c in members if (found := _release(c.labels.get(VERSION_LABEL)))}
    if wanted is None or not known:
        return
    told = {
        f"have {_text(wanted)} already": [n for n, v in known.items() if v == wanted],
        f"are newer than {_text(wanted)}, which is refused": [
            n for n, v in known.items() if v > wanted
        ],
        f"are older than {_text(_OLDEST)}, from which on it is supported": [
            n for n, v in known.items() if v < _OLDEST
        ],
        f"are more than {_MOST_MINORS} minor releases behind {_text(wanted)}": [
            n for n, v in known.items() if wanted[1] - v[1] > _MOST_MINORS
        ],
    }
    for words, names in told.items():
        if names:
            yield f"{len(names)} of {len(members)} clusters {words} ({_some(names)})"


def _annotations(proposal: Proposal) -> Iterator[str]:
    for key, value in proposal.annotations.items():
        if key.startswith(_AUTO_ROLLBACK) and value != "Disabled":
            yield f"annotation {key} has no effect: the only value that counts is Disabled"
    for words in mistakes(proposal.annotations):
        if words != proposal.rate_limits.problem:  # that problem gets a warning of its own
            yield words


def _too_slow(step: StepPreview) -> Iterator[str]:
    """Warns if the rate limits alone take more time than the step has."""
    count, rate = len(step.clusters), step.rate_limits.starts_per_minute
    starts = step.rate_limits.minutes(count)
    needed = timedelta(minutes=starts) + (step.measured.p95 if step.measured else timedelta())
    if starts > 1 and needed > step.timeout:
        yield (
            f"step {step.index + 1}: {count} clusters at {rate} starts a minute need {starts} min "
            f"to start, and the timeout is {minutes(step.timeout)} min: who has not started by "
            f"then fails; allow more starts a minute, or a timeout of at least "
            f"{ceil(needed.total_seconds() / 60)}"
        )


def _rollback_unseen(proposal: Proposal, step: StepPreview) -> Iterator[str]:
    need = safe(step, proposal.rollback_time)
    if step.clusters and step.enough and step.allowed < need:
        yield (
            f"step {step.index + 1}: an Upgrade that fails goes back by itself after up to "
            f"{minutes(need)} min, and {minutes(step.allowed)} min a site are allowed: it may "
            "count as timed out before its own words are there"
        )


def _release(text: str | None) -> Release | None:
    found = _RELEASE.match(text or "")
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def _text(release: Release) -> str:
    return ".".join(map(str, release))


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
