"""Keeps when a person has resumed behind the circuit breaker of a seed image, and what is paused on
clusters. Keeps runs whose action goes on with another run, since when there is the backup before an
Upgrade, and the causes for which backups and pools fail. Keeps which RolloutPolicies were in force,
and when, what people grant a rollout, and which second rollouts policies have asked for. Finds the
runs of one cluster in some rollouts by an index alone."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

PAUSED = "ALTER TABLE members ADD COLUMN paused_since timestamptz"
PART = "ALTER TABLE members ADD COLUMN part_at timestamptz"
RESUMED = """
ALTER TABLE steps ADD COLUMN seed_resumed_at timestamptz, ADD COLUMN budget_resumed_at timestamptz
"""
FOLLOW_UPS = "ALTER TABLE steps ADD COLUMN follow_ups jsonb NOT NULL DEFAULT '{}'"
RESUMING = "ALTER TABLE members ADD COLUMN resuming boolean NOT NULL DEFAULT false"
RESULTS = """
ALTER TABLE runs DROP CONSTRAINT runs_result_check,
ADD CONSTRAINT runs_result_check CHECK (result IN ('succeeded', 'continued', 'failed', 'limit',
  'refused', 'preempted', 'taken over', 'withdrawn', 'gone', 'deleted'))
"""
CAUSES_OF_MEMBERS = """
ALTER TABLE members DROP CONSTRAINT members_cause_check,
ADD CONSTRAINT members_cause_check CHECK (cause IN ('PrepFailed', 'UpgradeFailed',
  'UpgradeFailedAfterPivot', 'RollbackFailed', 'AbortFailed', 'FinalizeFailed', 'CheckFailed',
  'MirrorFailed', 'PreCachingFailed', 'BackupFailed', 'UpdateRefused', 'PoolsFailed',
  'RetractFailed', 'SpecRefused',
  'TransitionRefused', 'WriteRefused', 'PayloadRefused', 'TimedOut', 'NeverStarted', 'WrongState',
  'LifecycleAgentAbsent', 'TakenOver', 'Cancelled', 'Preempted', 'Skipped', 'ClusterGone',
  'ClusterRecreated', 'RolloutDeleted'))
"""
CAUSES_OF_RUNS = """
ALTER TABLE runs DROP CONSTRAINT runs_cause_check,
ADD CONSTRAINT runs_cause_check CHECK (cause IN ('PrepFailed', 'UpgradeFailed',
  'UpgradeFailedAfterPivot', 'RollbackFailed', 'AbortFailed', 'FinalizeFailed', 'CheckFailed',
  'MirrorFailed', 'PreCachingFailed', 'BackupFailed', 'UpdateRefused', 'PoolsFailed',
  'RetractFailed', 'SpecRefused',
  'TransitionRefused', 'WriteRefused', 'PayloadRefused', 'TimedOut', 'NeverStarted', 'WrongState',
  'LifecycleAgentAbsent', 'TakenOver', 'Cancelled', 'Preempted', 'Skipped', 'ClusterGone',
  'ClusterRecreated', 'RolloutDeleted'))
"""
NO_BUSY = "DROP INDEX members_busy_idx"
BUSY = """
CREATE INDEX members_busy_idx ON members (hub, rollout)
WHERE state <> 'finished' OR watched OR paused_since IS NOT NULL
"""
NO_REPORTS = "DROP INDEX members_reports_idx"
REPORTS = """
CREATE INDEX members_reports_idx ON members (hub, rollout)
WHERE rollback_until IS NOT NULL OR warning <> '' OR paused_since IS NOT NULL
"""
NO_RUNS_OF_CLUSTERS = "DROP INDEX runs_cluster_idx"
RUNS_OF_CLUSTERS = "CREATE INDEX runs_cluster_idx ON runs (hub, cluster, rollout)"
# Without references: a commit that holds hubs waits for members, which this migration has locked.
POLICIES = """
CREATE TABLE rollout_policies (
  hub text COLLATE "C" NOT NULL,
  uid text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  generation bigint NOT NULL,
  spec jsonb NOT NULL,
  seen_at timestamptz NOT NULL,
  gone_at timestamptz,
  CONSTRAINT rollout_policies_pkey PRIMARY KEY (hub, uid, generation)
)
"""


GRANTS = "ALTER TABLE rollouts ADD COLUMN grants jsonb NOT NULL DEFAULT '{}'"


def upgrade() -> None:
    op.execute(GRANTS)
    op.execute(PAUSED)
    op.execute(RESUMING)
    op.execute(PART)
    op.execute(RESUMED)
    op.execute(FOLLOW_UPS)
    op.execute(RESULTS)
    op.execute(CAUSES_OF_MEMBERS)
    op.execute(CAUSES_OF_RUNS)
    op.execute(NO_BUSY)
    op.execute(BUSY)
    op.execute(NO_REPORTS)
    op.execute(REPORTS)
    op.execute(NO_RUNS_OF_CLUSTERS)
    op.execute(RUNS_OF_CLUSTERS)
    op.execute(POLICIES)


def downgrade() -> None:
    raise NotImplementedError("the journal only goes forward; restore a backup to go back")
