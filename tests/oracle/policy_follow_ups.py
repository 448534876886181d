"""Judges by a RolloutPolicy what was recorded as asked for by it (R50.19, R50.20)."""

from collections.abc import Iterable
from datetime import timedelta

from ibgu.core.model.rollout_policy import RolloutPolicySpec
from ibgu.core.text.spans import duration
from tests.oracle.cases import FollowUpCase, RolloutCase, StepCase
from tests.oracle.policy_starts import holds
from tests.oracle.policy_versions import PossiblePolicy

_MINUTE = timedelta(minutes=1)
_CLOCKS = timedelta(seconds=5)
"""The most by which the clocks of two leaders differ."""


def unasked(
    policies: Iterable[PossiblePolicy], rollout: RolloutCase, step: StepCase, record: FollowUpCase
) -> str | None:
    """Returns why the policy had not asked for it, under none of the versions that the controller
    may have known; empty: it had. None: a version can't be read."""
    specs = [spec for each in policies if each.name == record.policy for spec in each.specs]
    if not specs:
        return "was not in force"
    if None in specs:
        return None
    found = [_against(spec, rollout, step, record) for spec in specs if spec is not None]
    return min(found, key=bool)


def _against(
    spec: RolloutPolicySpec, rollout: RolloutCase, step: StepCase, record: FollowUpCase
) -> str:
    namespace, namespaces = rollout.name.partition("/")[0], spec.rollouts.namespaces
    if namespaces and namespace not in namespaces:
        return "is not about the rollout"
    if record.attempt:
        return _against_attempt(spec, step, record)
    if not any(holds(spec, action) for action in step.actions):
        return f"holds nothing of step {step.index + 1}"
    if spec.canaries is None or not spec.canaries.rollback:
        return "rolls no canary back"
    minutes = spec.canaries.rollback_after_minutes
    latest = record.event.at - minutes * _MINUTE + _CLOCKS
    early = (
        cluster
        for cluster, uid in zip(record.clusters, record.uids, strict=False)
        if step.well.get((record.policy, uid), latest) > latest
    )
    first = next(early, "")
    return f"waits {minutes} min, and {first} was well less than that before" if first else ""


def _against_attempt(spec: RolloutPolicySpec, step: StepCase, record: FollowUpCase) -> str:
    retry = spec.retry
    if retry is None:
        return "tries nothing again"
    if record.attempt > retry.attempts:
        return f"asks for {retry.attempts} attempts, and this is number {record.attempt}"
    wait = retry.backoff_minutes * _MINUTE * (1 << (record.attempt - 1))
    if record.name or step.finished_at is None or record.due is None:
        # The policy may have changed since it was planned.
        return ""
    soon = record.due < step.finished_at + wait - _CLOCKS
    return f"waits {duration(wait)} before it, and less was planned" if soon else ""
