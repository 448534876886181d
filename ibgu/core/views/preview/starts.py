"""Tells when the step that comes next may start its clusters, as far as policies do in advance."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from ibgu.core.engine.gates import MemberGate
from ibgu.core.model import ClusterView
from ibgu.core.model.rollout_policy import ApprovalMoment
from ibgu.core.text.counted import counted
from ibgu.core.text.spans import utc
from ibgu.core.views.preview.model import Proposal, StepPreview

AT_ONCE = "starts at once"
Kept = Mapping[str, datetime | None]
"""The clusters that policies keep now, and until when; None: that is not known."""


def start_words(
    proposal: Proposal, step: StepPreview, fleet: Mapping[str, ClusterView], kept: Kept
) -> str:
    """Returns when the step starts its clusters, as a verb of what carries it out; `fleet` is by
    name. Places of policies, which other rollouts may take, do not count."""
    if proposal.policies_unknown:
        return f"{AT_ONCE} unless policies hold it"
    approved = {*to_approve(proposal, step, fleet)}
    waiting = approved.union(kept)
    if not waiting:
        return AT_ONCE
    if len(waiting) < len(step.clusters):
        clusters = counted(len(step.clusters), "cluster")
        return f"{AT_ONCE}; policies keep {len(waiting)} of its {clusters}"
    ways = ["once people have approved it"] if approved else []
    if kept:
        ways.append(f"when policies allow it{not_before(step, kept)}")
    return f"starts {' and '.join(ways)}"


def not_before(step: StepPreview, kept: Kept) -> str:
    """Returns when the first cluster may start, after a comma; empty: that is not known."""
    times = [until for until in kept.values() if until is not None]
    return f", not before {utc(min(times))}" if len(times) == len(step.clusters) else ""


def to_approve(
    proposal: Proposal, step: StepPreview, fleet: Mapping[str, ClusterView]
) -> Iterator[str]:
    """Yields the clusters that wait for people before the first action. Canaries do not."""
    for gate in proposal.policies:
        if not isinstance(gate, MemberGate) or gate.approval is None:
            continue
        if gate.approval.asked.before is ApprovalMoment.REST or not gate.keeps(step.actions[0]):
            continue
        if gate.concerns_step(step.actions):
            yield from (name for name in step.clusters if gate.approval.selects(fleet[name]))
