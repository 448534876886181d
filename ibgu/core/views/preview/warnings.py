"""Warnings of what ibgu itself would do: its gates, its annotations and its rate limits."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil

from ibgu.core.engine.gates import Candidate, Gate, GateInput, MemberGate, in_order
from ibgu.core.engine.parts import part_problem
from ibgu.core.model import ActionName, ClusterView, Observation
from ibgu.core.views.mistakes import mistakes
from ibgu.core.views.preview.model import Proposal, StepPreview
from ibgu.core.views.preview.time import minutes

_NAMED = 5
_KNOWN = frozenset(
    {
        *(GateInput.CLUSTER, GateInput.OBJECT),
        *(GateInput.DURATIONS, GateInput.TENANCY, GateInput.TIME),
    }
)
"""What a preview can tell a gate."""


def warnings(
    proposal: Proposal,
    steps: Sequence[StepPreview],
    fleet: Mapping[str, ClusterView],
    now: datetime,
) -> Iterator[str]:
    """Returns the warnings; `fleet` is by name."""
    members = [fleet[name] for name in steps[0].clusters]
    yield from _gates(proposal, steps[0].actions, members, now)
    unprepared = list(_unprepared(proposal, steps))
    yield from _annotations(proposal, unprepared)
    yield from unprepared
    if proposal.rate_limits.problem:
        words = "until you change it, no step with Prep or Upgrade starts any cluster"
        yield f"{proposal.rate_limits.problem}; {words}"
    for step in steps:
        yield from _too_slow(step)


def _gates(
    proposal: Proposal,
    actions: Sequence[ActionName],
    members: Sequence[ClusterView],
    now: datetime,
) -> Iterator[str]:
    """Warns of closed gates, and of those that can't be asked before a cluster starts."""
    if proposal.policies_unknown:
        yield proposal.policies_unknown
    for gate in in_order(proposal.policies):
        if not gate.keeps(actions[0]):
            yield from _inside(gate, actions[1:])
            continue
        if isinstance(gate, MemberGate) and gate.needs <= _KNOWN:
            yield from _closed(gate, proposal, actions, members, now)
        elif not gate.own:
            words = "is checked when a cluster starts: it may delay clusters of this plan"
            yield f"{gate.name} {words}"


def _inside(gate: Gate, later: Sequence[ActionName]) -> Iterator[str]:
    """Warns of a policy's gate that is asked inside the chain."""
    guarded = [action for action in later if gate.guards(action)]
    if guarded and not gate.own:
        yield f"{gate.name} is checked before {guarded[0]}: it may hold clusters in their slots"


def _closed(
    gate: MemberGate,
    proposal: Proposal,
    actions: Sequence[ActionName],
    members: Sequence[ClusterView],
    now: datetime,
) -> Iterator[str]:
    found: dict[str, list[str]] = {}
    for cluster in members:
        seen = Observation(cluster=cluster)
        asked = Candidate(
            action=actions[0],
            rest=actions,
            cluster=cluster,
            seen=seen,
            scope=proposal.scope,
            annotations=proposal.annotations,
            lacks_backup=proposal.lacks_backup,
            now=now,
        )
        reason = gate.ask(asked)
        if reason is not None:
            found.setdefault(reason.message, []).append(cluster.name)
    for message, names in found.items():
        count = f"{len(names)} of {len(members)} clusters"
        yield f"{count} can't start {actions[0]} now: {message} ({_some(names)})"


def _annotations(proposal: Proposal, others: Sequence[str]) -> Iterator[str]:
    """Warns of mistakes in annotations. `others`: other warnings, which may say the same."""
    for words in mistakes(proposal.annotations, proposal.driver.kind):
        if words != proposal.rate_limits.problem and not any(words in each for each in others):
            yield words


def _unprepared(proposal: Proposal, steps: Sequence[StepPreview]) -> Iterator[str]:
    """Warns where what must come before an action can't be done on this hub."""
    for step in steps:
        problem = part_problem(
            proposal.driver,
            step.actions,
            proposal.annotations,
            upgrade_backups=proposal.upgrade_backups,
        )
        if problem:
            yield f"step {step.index + 1}: {problem}"


def _too_slow(step: StepPreview) -> Iterator[str]:
    """Warns if the rate limits alone take more time than the step has."""
    count, rate = len(step.clusters), step.rate_limits.starts_per_minute
    starts = step.rate_limits.minutes(count)
    needed = timedelta(minutes=starts) + (step.measured.p95 if step.measured else timedelta())
    if starts > 1 and needed > step.timeout:
        yield (
            f"step {step.index + 1}: {count} clusters at {rate} starts a minute need "
            f"{starts} min to start, and the timeout is {minutes(step.timeout)} min: "
            "clusters that have not started by then fail; allow more starts a minute, or a "
            f"timeout of at least {ceil(needed.total_seconds() / 60)}"
        )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
