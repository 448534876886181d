"""The gates of preflight: where the rollout or a policy enforces it, an error keeps clusters from
starting (R46.9, R50.15)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from ibgu.core.engine.gate import GateInput, GateReason, Switch
from ibgu.core.engine.gates.gate import Candidate, MemberGate, StepGate
from ibgu.core.engine.state import TrackedStep
from ibgu.core.engine.state.snapshot import Snapshot
from ibgu.core.model import ActingParty, ActionTraits, Reason, ReasonKind, names
from ibgu.core.model.meaning import Meaning, OverdueRule
from ibgu.core.model.preflight import (
    PreflightMode,
    PreflightRecord,
    RecordedFinding,
    errors,
    preflight_mode,
)
from ibgu.core.text.cut import cut

_ENDS = (
    f"the fact heals, or a person sets {names.PREFLIGHT} to warn or off where no RolloutPolicy "
    "enforces preflight"
)


def _plan(snapshot: Snapshot, step: TrackedStep, now: datetime) -> Reason | None:
    """Closes until the step was evaluated, and while the plan itself has an error."""
    found = snapshot.object
    if found is None or preflight_mode(found.metadata.annotations) is not PreflightMode.ENFORCE:
        return None
    return _of_plan(step.step.preflight, now)


def _of_plan(record: PreflightRecord | None, now: datetime) -> Reason | None:
    """Returns what keeps every cluster for which preflight is enforced."""
    if record is not None and record.problem:
        return Reason(ReasonKind.PREFLIGHT_PLAN, now, record.problem, None, ActingParty.PERSON)
    if record is None or not record.enforced:
        words = "preflight is still checking the clusters of this step"
        return Reason(ReasonKind.PREFLIGHT_PENDING, now, words)
    return _reason(ReasonKind.PREFLIGHT_PLAN, errors(record.of_plan), now)


def _cluster(candidate: Candidate) -> Reason | None:
    """Closes for what preflight has found on the cluster; where a policy enforces preflight for it,
    also for what closes the gate of the plan."""
    record, policy = candidate.preflight, _enforcing(candidate)
    if policy and (reason := _of_plan(record, candidate.now)) is not None:
        return _by_policy(reason, policy)
    if record is None or not record.findings:
        return None
    if not policy and preflight_mode(candidate.annotations) is not PreflightMode.ENFORCE:
        return None
    found = record.by_cluster.get(candidate.cluster.name, ())
    reason = _reason(ReasonKind.PREFLIGHT, errors(found), candidate.now)
    return _by_policy(reason, policy) if reason is not None and policy else reason


def _enforcing(candidate: Candidate) -> str:
    """Returns the name of a policy that enforces preflight for the cluster; empty: none does."""
    return next((each.policy for each in candidate.demanding() if each.preflight), "")


def _by_policy(reason: Reason, policy: str) -> Reason:
    words = f"RolloutPolicy {policy} enforces preflight: {reason.message}"
    return replace(reason, kind=ReasonKind.PREFLIGHT, message=cut(words))


def _reason(kind: ReasonKind, found: Sequence[RecordedFinding], now: datetime) -> Reason | None:
    if not found:
        return None
    words = "; ".join(f"{each.message} [{each.rule}]" for each in found)
    return Reason(kind, now, cut(words), None, ActingParty.PERSON)


def _is_judged(action: ActionTraits) -> bool:
    """Chooses the actions that preflight's rules are about."""
    return action.preflight


PREFLIGHT_PLAN = StepGate(
    name="preflight-plan",
    check=_plan,
    reasons={
        ReasonKind.PREFLIGHT_PLAN: GateReason(
            meaning=Meaning(
                "preflight has found an error of the plan itself, which every cluster would "
                "refuse, or could not be evaluated",
                _ENDS,
                "fix what the line above names (the rule's remedy is in `ibgu preflight NAME`), or "
                f"set {names.PREFLIGHT}=warn on the rollout to start in spite of it, as far as no "
                "RolloutPolicy enforces preflight",
            ),
            by_message=True,
            opened="continues: preflight finds no error of the plan, or is not enforced",
            why_never_overdue="The line above says what is wrong; a person fixes it, or lets the "
            "clusters start",
        ),
        ReasonKind.PREFLIGHT_PENDING: GateReason(
            meaning=Meaning(
                "preflight is still checking the clusters of the step, which inspects them first "
                "where inspections are turned on",
                "all inspections have ended, after some minutes at most",
                "nothing, it continues automatically",
            ),
            opened="continues: preflight has checked the clusters, or is not enforced",
            overdue=OverdueRule(
                timedelta(minutes=15),
                f"see the controller's log; {names.PREFLIGHT}=warn on the rollout starts the "
                "clusters, unless a RolloutPolicy enforces preflight",
            ),
        ),
    },
    needs=frozenset({GateInput.RECORDS, GateInput.OBJECT, GateInput.TIME}),
    actions=_is_judged,
    own=True,
    chained=_is_judged,
)
PREFLIGHT = MemberGate(
    name="preflight",
    check=_cluster,
    reasons={
        ReasonKind.PREFLIGHT: GateReason(
            meaning=Meaning(
                "preflight has found that the cluster would refuse the action, and the rollout "
                f"({names.PREFLIGHT}=enforce) or a RolloutPolicy enforces preflight; for a policy "
                "the cluster also waits until preflight has checked it",
                _ENDS,
                "fix what the line above names (the rule's remedy is in `ibgu preflight NAME`), "
                "take the cluster out (`ibgu skip NAME CLUSTER`), or set "
                f"{names.PREFLIGHT}=warn on the rollout to start in spite of it, if no "
                "RolloutPolicy enforces preflight",
            ),
            by_message=True,
            opened="continues: preflight finds no error, or is not enforced",
        ),
    },
    switch=Switch(
        annotation=names.PREFLIGHT,
        values=tuple(PreflightMode),
        others=frozenset({ReasonKind.PREFLIGHT_PLAN, ReasonKind.PREFLIGHT_PENDING}),
        title="Preflight's mode changed",
        put="warn and off keep no cluster, unless a RolloutPolicy enforces preflight; any other "
        "value keeps those with an error",
        removed="preflight's findings are shown and keep no cluster, unless a RolloutPolicy "
        "enforces preflight",
    ),
    needs=frozenset(
        {
            *(GateInput.RECORDS, GateInput.OBJECT, GateInput.TIME),
            *(GateInput.POLICIES, GateInput.CLUSTER, GateInput.GRANTS),
        }
    ),
    actions=_is_judged,
    own=True,
    chained=_is_judged,
)
