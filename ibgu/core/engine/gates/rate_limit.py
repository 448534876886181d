"""Rate limits and ramp-up, for what serves the clusters (a registry).

Only steps with a rate-limited action have them, also behind others: whatever leads a cluster back,
or ends its change, starts as fast as its slots allow, and no typing error may keep it.
"""

from datetime import datetime

from ibgu.core.engine.gate import GateInput, GateReason
from ibgu.core.engine.gates.gate import StepGate
from ibgu.core.engine.gates.shares import fair_share, ramp_up_capacity, step_rate_limits
from ibgu.core.engine.state import TrackedStep
from ibgu.core.engine.state.snapshot import Snapshot
from ibgu.core.engine.timing.rate_limits import MINUTE
from ibgu.core.model import ActingParty, ActionTraits, Reason, ReasonKind, names
from ibgu.core.model.meaning import STARTS_AFTER_ANOTHER, STARTS_AT_ITS_TIME, Meaning


def _invalid(snapshot: Snapshot, step: TrackedStep, now: datetime) -> Reason | None:
    problem = step_rate_limits(snapshot.tracked, step).problem
    if not problem:
        return None
    words = f"{problem}; nothing new starts until it is changed or removed"
    return Reason(ReasonKind.RATE_LIMIT_INVALID, now, words, None, ActingParty.PERSON)


def _start_rate(snapshot: Snapshot, step: TrackedStep, now: datetime) -> Reason | None:
    most = step_rate_limits(snapshot.tracked, step).starts_per_minute
    if not most:
        return None
    recent = snapshot.fleet.starts.recent(now, snapshot.tracked.rollout.uid)
    if len(recent) < most:
        return None
    words = f"at most {most} clusters of this rollout start a minute ({names.STARTS_PER_MINUTE})"
    return Reason(ReasonKind.START_RATE, now, words, recent[-most] + MINUTE)


def _hub_rate(snapshot: Snapshot, step: TrackedStep, now: datetime) -> Reason | None:
    most = snapshot.facts.starts_per_minute
    if not most or fair_share(snapshot, now, 1):
        return None
    recent = snapshot.fleet.starts.recent(now)
    words = f"at most {most} clusters start a minute on this hub (IBGU_STARTS_PER_MINUTE)"
    # Other rollouts may take all free places: they start now.
    until = (recent[-most:] or [now])[0] + MINUTE
    return Reason(ReasonKind.HUB_START_RATE, now, words, until)


def _ramp_up(snapshot: Snapshot, step: TrackedStep, now: datetime) -> Reason | None:
    limits = step_rate_limits(snapshot.tracked, step)
    if not limits.ramp_up or ramp_up_capacity(limits, step) > 0:
        return None
    level, more = limits.level(step.ended), limits.more(step.ended)
    words = f"ramp-up: at most {level} in flight until {more} more have ended ({names.RAMP_UP})"
    return Reason(ReasonKind.RAMP_UP, now, words, None, ActingParty.CLUSTER)


def _rate_limited(action: ActionTraits) -> bool:
    return action.rate_limited


INVALID_RATE = StepGate(
    name="invalid-rate-limit",
    check=_invalid,
    reasons={
        ReasonKind.RATE_LIMIT_INVALID: GateReason(
            meaning=Meaning(
                "an annotation of the rate limits can't be read, so nothing new starts; "
                "clusters in flight continue",
                "the annotation is changed or removed",
                "change or remove the annotation that the line above names",
            ),
            stops_clock=True,
            by_message=True,
            ended=lambda words: "the annotations of the rate limits can be read",
        ),
    },
    needs=frozenset({GateInput.RECORDS}),
    actions=_rate_limited,
    ahead=True,
    own=True,
)
START_RATE = StepGate(
    name="start-rate",
    check=_start_rate,
    reasons={
        ReasonKind.START_RATE: GateReason(
            meaning=Meaning(
                "as many clusters of the rollout have started within a minute as its annotation "
                "allows",
                "the next one may start, a minute after the earliest of these starts, at the time "
                "shown",
                "nothing; or change or remove the annotation ibgu.dev/starts-per-minute",
            ),
            delays=True,
            why_never_overdue=STARTS_AT_ITS_TIME,
        ),
    },
    needs=frozenset({GateInput.RECORDS, GateInput.STARTS, GateInput.TIME}),
    actions=_rate_limited,
    ahead=True,
    own=True,
)
HUB_START_RATE = StepGate(
    name="hub-start-rate",
    check=_hub_rate,
    reasons={
        ReasonKind.HUB_START_RATE: GateReason(
            meaning=Meaning(
                "as many clusters of the whole hub have started within a minute as ibgu is set to "
                "allow; rollouts that wait for this get the same share",
                "the next one may start, a minute after the earliest of these starts, at the time "
                "shown",
                "nothing; or change the setting IBGU_STARTS_PER_MINUTE",
            ),
            delays=True,
            why_never_overdue=STARTS_AT_ITS_TIME,
            uncounted="the hub's limit on starts, which others share",
        ),
    },
    needs=frozenset({GateInput.RECORDS, GateInput.STARTS, GateInput.TIME}),
    actions=_rate_limited,
    ahead=True,
    own=True,
)
RAMP_UP = StepGate(
    name="ramp-up",
    check=_ramp_up,
    reasons={
        ReasonKind.RAMP_UP: GateReason(
            meaning=Meaning(
                "the rollout begins with one cluster, then two, then four: all that may be in "
                "flight are",
                "as many clusters as the line above names have ended; one that hangs ends at its "
                "limit",
                "nothing; or remove the annotation ibgu.dev/ramp-up to go on at full width",
            ),
            delays=True,
            needs_slot=True,
            why_never_overdue=STARTS_AFTER_ANOTHER,
        ),
    },
    needs=frozenset({GateInput.RECORDS}),
    actions=_rate_limited,
    ahead=True,
    own=True,
)
