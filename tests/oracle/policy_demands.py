"""Judges whether a start has what a policy demands: no error of preflight, no warning that nobody
has accepted, and a backup (R50.15)."""

from collections.abc import Iterator

from ibgu.core.model.rollout_policy import RolloutPolicySpec
from tests.oracle.cases import RolloutCase, StepCase
from tests.oracle.events import Event
from tests.oracle.evidence import unaccepted_warning
from tests.oracle.policy_starts import (
    BEFORE,
    Objection,
    Start,
    UnmetDemands,
    holds,
    own_selection,
)
from tests.oracle.proofs import Proofs


def unmet(
    proofs: Proofs, rollout: RolloutCase, step: StepCase, event: Event, action: str
) -> UnmetDemands:
    """Returns what the start of the action would lack under a policy that demands everything."""
    cluster = event.cluster or ""
    preflight, warning = "", ""
    if action in proofs.preflight:
        error = step.errors.get(cluster) or step.plan_error
        preflight = f"in spite of an error of preflight: {error}" if error else ""
        if not error and not step.evaluated:
            preflight = "before preflight has judged the step"
    if (member := step.members.get(cluster)) is not None:
        warning = unaccepted_warning(proofs, event, member, action)
    ahead = step.actions[step.actions.index(action) :]
    asks = rollout.max_age is not None
    without = frozenset(each for each in ahead if each in proofs.backups and not asks)
    return UnmetDemands(preflight, step.evaluated, warning, without, restored=rollout.restored)


def of_demands(spec: RolloutPolicySpec, start: Start) -> Iterator[Objection]:
    """Yields which demands of the policy the start does not meet."""
    lacks, own = start.unmet, own_selection(spec, start)
    held = holds(spec, start.action)
    if spec.preflight is not None and held and lacks.preflight:
        events = [lacks.evaluated] if lacks.evaluated else []
        yield Objection("R50.15", lacks.preflight, own, events=events)
    if spec.warnings is not None and held and lacks.warning:
        words = f"although nobody has accepted its warning: {lacks.warning}"
        yield Objection("R50.15", words, own)
    # Inside a chain a policy only keeps what takes the cluster to another release.
    ahead = lacks.backups if start.rest else lacks.backups & {start.action}
    if spec.backup is not None and any(holds(spec, each) for each in ahead):
        words = "without a backup, which the policy requires"
        yield Objection("R50.15", words, BEFORE if lacks.restored else own)
