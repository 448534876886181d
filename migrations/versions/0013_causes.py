"""Adds the causes for which updates to another release fail."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

MEMBERS = """
ALTER TABLE members DROP CONSTRAINT members_cause_check,
ADD CONSTRAINT members_cause_check CHECK (cause IN ('PrepFailed', 'UpgradeFailed',
  'UpgradeFailedAfterPivot', 'RollbackFailed', 'AbortFailed', 'FinalizeFailed', 'CheckFailed',
  'MirrorFailed', 'UpdateRefused', 'RetractFailed', 'SpecRefused', 'TransitionRefused',
  'WriteRefused', 'PayloadRefused', 'TimedOut', 'NeverStarted', 'WrongState',
  'LifecycleAgentAbsent', 'TakenOver', 'Cancelled', 'Preempted', 'Skipped', 'ClusterGone',
  'ClusterRecreated', 'RolloutDeleted'))
"""
RUNS = """
ALTER TABLE runs DROP CONSTRAINT runs_cause_check,
ADD CONSTRAINT runs_cause_check CHECK (cause IN ('PrepFailed', 'UpgradeFailed',
  'UpgradeFailedAfterPivot', 'RollbackFailed', 'AbortFailed', 'FinalizeFailed', 'CheckFailed',
  'MirrorFailed', 'UpdateRefused', 'RetractFailed', 'SpecRefused', 'TransitionRefused',
  'WriteRefused', 'PayloadRefused', 'TimedOut', 'NeverStarted', 'WrongState',
  'LifecycleAgentAbsent', 'TakenOver', 'Cancelled', 'Preempted', 'Skipped', 'ClusterGone',
  'ClusterRecreated', 'RolloutDeleted'))
"""


def upgrade() -> None:
    op.execute(MEMBERS)
    op.execute(RUNS)


def downgrade() -> None:
    raise NotImplementedError("the journal only goes forward; restore a backup to go back")
