"""Warnings of what ibgu itself would do: its gates, its annotations and its rate limits."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil

from ibgu.core.engine.gates import Gate, GateInput, MemberGate, in_order
from ibgu.core.engine.parts import part_problem
from ibgu.core.engine.state.budgets import spent_ahead
from ibgu.core.model import ActionName, ClusterView, PolicyRule, Reason
from ibgu.core.views.mistakes import mistakes
from ibgu.core.views.policy_words import policy_of
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
_APPROVAL = "asks for approval: clusters wait until people approve it"


def warnings(
    proposal: Proposal,
    steps: Sequence[StepPreview],
    fleet: Mapping[str, ClusterView],
    now: datetime,
) -> Iterator[str]:
    """Returns the warnings; `fleet` is by name."""
    members = [fleet[name] for name in steps[0].clusters]
    yield from dict.fromkeys(_gates(proposal, steps[0].actions, members, now))
    if held := _spent(proposal, steps[0], fleet):
        yield f"{steps[0].actions[0]} would not start: {held}"
    unprepared = list(_unprepared(proposal, steps))
    yield from _annotations(proposal, unprepared)
    yield from unprepared
    if proposal.rate_limits.problem:
        words = "until you change it, no step with Prep or Upgrade starts any cluster"
        yield f"{proposal.rate_limits.problem}; {words}"
    for step in steps:
        yield from _too_slow(step)


def kept_by_policies(
    proposal: Proposal, step: StepPreview, fleet: Mapping[str, ClusterView], now: datetime
) -> Mapping[str, datetime | None]:
    """Returns the clusters of the step that policies keep now, and until when: None: that is not
    known."""
    if _spent(proposal, step, fleet):
        return dict.fromkeys(step.clusters)
    found: dict[str, datetime | None] = {}
    members = [fleet[name] for name in step.clusters]
    for gate in proposal.policies:
        known = askable(gate)
        if known is None or not gate.keeps(step.actions[0]):
            continue
        for name, reason in _asked(known, proposal, step.actions, members, now).items():
            others = (reason.until, found.get(name, reason.until))
            found[name] = None if None in others else max(filter(None, others))
    return found


def _spent(proposal: Proposal, step: StepPreview, fleet: Mapping[str, ClusterView]) -> str:
    """Returns why a budget of the hub would hold the step; empty: none is spent."""
    budgets, failures = proposal.budgets, proposal.failures
    return spent_ahead(budgets, failures, fleet, step.actions, step.clusters)


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
        if not gate.concerns_step(actions):
            continue
        if not gate.keeps(actions[0]):
            yield from _inside(gate, actions[1:])
            continue
        if (known := askable(gate)) is not None:
            yield from _closed(known, proposal, actions, members, now)
        elif gate.rule == PolicyRule.APPROVAL:
            yield f"{gate.name} {_APPROVAL}{_explained(gate)}"
        elif not gate.own:
            words = "is checked when a cluster starts: it may delay clusters of this plan"
            yield f"{gate.name} {words}"


def _inside(gate: Gate, later: Sequence[ActionName]) -> Iterator[str]:
    """Warns of a policy's gate that is asked inside the chain."""
    guarded = [action for action in later if gate.guards(action)]
    if guarded and gate.rule == PolicyRule.APPROVAL:
        yield f"{gate.name} {_APPROVAL} before {guarded[0]}{_explained(gate)}"
    elif guarded and not gate.own:
        yield f"{gate.name} is checked before {guarded[0]}: it may hold clusters in their slots"


def _explained(gate: Gate) -> str:
    """Returns which command says what the policy asks for."""
    return f" (`ibgu policy explain {policy_of(gate.name)}`)"


def askable(gate: Gate) -> MemberGate | None:
    """Returns the gate if a preview knows what it reads."""
    return gate if isinstance(gate, MemberGate) and gate.needs <= _KNOWN else None


def _closed(
    gate: MemberGate,
    proposal: Proposal,
    actions: Sequence[ActionName],
    members: Sequence[ClusterView],
    now: datetime,
) -> Iterator[str]:
    found: dict[str, list[str]] = {}
    for name, reason in _asked(gate, proposal, actions, members, now).items():
        found.setdefault(reason.message, []).append(name)
    for message, names in found.items():
        count = f"{len(names)} of {len(members)} clusters"
        who = f"policy {policy}: " if (policy := policy_of(gate.name)) else ""
        yield f"{count} can't start {actions[0]} now: {who}{message} ({_some(names)})"


def _asked(
    gate: MemberGate,
    proposal: Proposal,
    actions: Sequence[ActionName],
    members: Sequence[ClusterView],
    now: datetime,
) -> Mapping[str, Reason]:
    """Returns why the gate keeps clusters, by their names."""
    found: dict[str, Reason] = {}
    for cluster in members:
        reason = gate.ask(proposal.candidate(cluster, actions, now))
        if reason is not None:
            found[cluster.name] = reason
    return found


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
