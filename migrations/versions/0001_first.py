"""Creates the tables of the journal."""

from alembic import op

revision = "1"
down_revision = None
branch_labels = None
depends_on = None

STATEMENTS = [
    """
CREATE TABLE hubs (
  id text COLLATE "C" NOT NULL,
  name text NOT NULL,
  epoch bigint NOT NULL,
  leader text NOT NULL,
  led_since timestamptz NOT NULL,
  schema_floor integer NOT NULL,
  turns bigint DEFAULT '0' NOT NULL,
  last_seq bigint DEFAULT '0' NOT NULL,
  versions jsonb DEFAULT '{}' NOT NULL,
  CONSTRAINT hubs_pkey PRIMARY KEY (id)
) WITH (fillfactor = 20)
""",
    """
CREATE TABLE rollouts (
  hub text COLLATE "C" NOT NULL,
  uid text COLLATE "C" NOT NULL,
  namespace text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  created_at timestamptz NOT NULL,
  spec jsonb NOT NULL,
  generation bigint NOT NULL,
  annotations jsonb NOT NULL,
  controls jsonb NOT NULL,
  state text NOT NULL,
  hold jsonb,
  restore text NOT NULL,
  started_at timestamptz,
  completed_at timestamptz,
  deleted_at timestamptz,
  adopting_since timestamptz,
  object_kind text COLLATE "C" DEFAULT 'ImageBasedGroupUpgrade' NOT NULL,
  grants jsonb DEFAULT '{}' NOT NULL,
  CONSTRAINT rollouts_pkey PRIMARY KEY (hub, uid),
  CONSTRAINT rollouts_hub_fkey FOREIGN KEY (hub) REFERENCES hubs (id),
  CONSTRAINT rollouts_state_check CHECK (state IN ('pending', 'running', 'complete',
    'deleted'))
)
""",
    """
CREATE INDEX rollouts_age_idx ON rollouts (hub, created_at, uid)
""",
    """
CREATE INDEX rollouts_name_idx ON rollouts (hub, namespace, name, created_at)
""",
    """
CREATE TABLE steps (
  hub text COLLATE "C" NOT NULL,
  rollout text COLLATE "C" NOT NULL,
  index integer NOT NULL,
  actions text[] COLLATE "C" NOT NULL,
  max_concurrency integer NOT NULL,
  timeout interval NOT NULL,
  state text NOT NULL,
  started_at timestamptz,
  finished_at timestamptz,
  total integer NOT NULL,
  hold jsonb,
  stopped_since timestamptz,
  stopped interval NOT NULL,
  payload_digest text NOT NULL,
  breaker_reset_at timestamptz,
  across_namespaces boolean DEFAULT true NOT NULL,
  preflight jsonb,
  seed_resumed_at timestamptz,
  budget_resumed_at timestamptz,
  follow_ups jsonb DEFAULT '{}' NOT NULL,
  CONSTRAINT steps_pkey PRIMARY KEY (hub, rollout, index),
  CONSTRAINT steps_bound_key UNIQUE (hub, rollout, index, max_concurrency),
  CONSTRAINT steps_hub_rollout_fkey FOREIGN KEY (hub, rollout) REFERENCES rollouts (hub, uid),
  CONSTRAINT steps_max_concurrency_check CHECK (max_concurrency >= 1),
  CONSTRAINT steps_state_check CHECK (state IN ('opening', 'running', 'finished'))
)
""",
    """
CREATE TABLE members (
  hub text COLLATE "C" NOT NULL,
  rollout text COLLATE "C" NOT NULL,
  step integer NOT NULL,
  cluster text COLLATE "C" NOT NULL,
  cluster_uid text COLLATE "C" NOT NULL,
  position integer NOT NULL,
  state text NOT NULL,
  reason jsonb NOT NULL,
  action_index integer NOT NULL,
  slot integer,
  limit_at timestamptz,
  started_at timestamptz,
  ended_at timestamptz,
  outcome text,
  cause text,
  message text NOT NULL,
  failed_action text,
  completed jsonb NOT NULL,
  run text COLLATE "C",
  attempts integer NOT NULL,
  late text NOT NULL,
  watched boolean NOT NULL,
  warning text DEFAULT '' NOT NULL,
  rollback_until timestamptz,
  accepted_warning text DEFAULT '' NOT NULL,
  paused_since timestamptz,
  resuming boolean DEFAULT false NOT NULL,
  part_at timestamptz,
  CONSTRAINT members_pkey PRIMARY KEY (hub, rollout, step, cluster),
  CONSTRAINT members_position_key UNIQUE (hub, rollout, step, position),
  CONSTRAINT members_hub_rollout_step_fkey FOREIGN KEY (hub, rollout, step) REFERENCES steps
    (hub, rollout, index),
  CONSTRAINT members_state_check CHECK (state IN ('waiting', 'in flight', 'finished')),
  CONSTRAINT members_outcome_check CHECK (outcome IN ('succeeded', 'failed', 'skipped',
    'cancelled')),
  CONSTRAINT members_cause_check CHECK (cause IN ('PrepFailed', 'UpgradeFailed',
    'UpgradeFailedAfterPivot', 'RollbackFailed', 'AbortFailed', 'FinalizeFailed', 'CheckFailed',
    'MirrorFailed', 'PreCachingFailed', 'BackupFailed', 'UpdateRefused', 'PoolsFailed',
    'RetractFailed', 'SpecRefused', 'TransitionRefused', 'WriteRefused', 'PayloadRefused',
    'TimedOut', 'NeverStarted', 'WrongState', 'LifecycleAgentAbsent', 'TakenOver', 'Cancelled',
    'Preempted', 'Skipped', 'ClusterGone', 'ClusterRecreated', 'RolloutDeleted'))
) WITH (fillfactor = 70)
""",
    """
CREATE INDEX members_busy_idx ON members (hub, rollout)
  WHERE state <> 'finished' OR watched OR paused_since IS NOT NULL
""",
    """
CREATE INDEX members_cluster_idx ON members (hub, cluster, rollout, step)
""",
    """
CREATE INDEX members_failed_idx ON members (hub, ended_at) WHERE outcome = 'failed'
""",
    """
CREATE INDEX members_reports_idx ON members (hub, rollout)
  WHERE rollback_until IS NOT NULL OR warning <> '' OR paused_since IS NOT NULL
""",
    """
CREATE INDEX members_state_idx ON members (hub, rollout, step, state, outcome, cause, position)
""",
    """
CREATE TABLE claims (
  hub text COLLATE "C" NOT NULL,
  rollout text COLLATE "C" NOT NULL,
  step integer NOT NULL,
  cluster text COLLATE "C" NOT NULL,
  cluster_uid text COLLATE "C" NOT NULL,
  slot integer NOT NULL,
  max_concurrency integer NOT NULL,
  taken_at timestamptz NOT NULL,
  CONSTRAINT claims_pkey PRIMARY KEY (hub, rollout, step, cluster, cluster_uid),
  CONSTRAINT claims_cluster_key UNIQUE (hub, cluster_uid),
  CONSTRAINT claims_slot_key UNIQUE (slot, step, rollout, hub),
  CONSTRAINT claims_slot_check CHECK (slot BETWEEN 1 AND max_concurrency),
  CONSTRAINT claims_hub_rollout_step_cluster_fkey FOREIGN KEY (hub, rollout, step, cluster)
    REFERENCES members (hub, rollout, step, cluster),
  CONSTRAINT claims_bound_fkey FOREIGN KEY (hub, rollout, step, max_concurrency) REFERENCES steps
    (hub, rollout, index, max_concurrency) ON UPDATE CASCADE
)
""",
    """
CREATE FUNCTION ibgu_refuse(told json) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'not all claims can be taken' USING ERRCODE = 'IB001', DETAIL = told;
END
$$
""",
    """
CREATE TABLE runs (
  hub text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  rollout text COLLATE "C" NOT NULL,
  step integer NOT NULL,
  cluster text COLLATE "C" NOT NULL,
  cluster_uid text COLLATE "C" NOT NULL,
  action text NOT NULL,
  attempt integer NOT NULL,
  state text NOT NULL,
  intended_at timestamptz NOT NULL,
  arming_at timestamptz,
  armed_at timestamptz,
  accepted_at timestamptz,
  ended_at timestamptz,
  result text,
  cause text,
  message text NOT NULL,
  disarmed boolean NOT NULL,
  adopted boolean NOT NULL,
  claim_uid text COLLATE "C" GENERATED ALWAYS AS (CASE WHEN state = 'ended' AND disarmed THEN
    NULL ELSE cluster_uid END) STORED,
  armed_generation bigint,
  CONSTRAINT runs_pkey PRIMARY KEY (hub, id),
  CONSTRAINT runs_hub_rollout_step_cluster_fkey FOREIGN KEY (hub, rollout, step, cluster)
    REFERENCES members (hub, rollout, step, cluster),
  CONSTRAINT runs_claim_fkey FOREIGN KEY (hub, rollout, step, cluster, claim_uid) REFERENCES claims
    (hub, rollout, step, cluster, cluster_uid),
  CONSTRAINT runs_state_check CHECK (state IN ('intended', 'arming', 'armed', 'accepted',
    'ended')),
  CONSTRAINT runs_result_check CHECK (result IN ('succeeded', 'continued', 'failed', 'limit',
    'refused', 'preempted', 'taken over', 'withdrawn', 'gone', 'deleted')),
  CONSTRAINT runs_cause_check CHECK (cause IN ('PrepFailed', 'UpgradeFailed',
    'UpgradeFailedAfterPivot', 'RollbackFailed', 'AbortFailed', 'FinalizeFailed', 'CheckFailed',
    'MirrorFailed', 'PreCachingFailed', 'BackupFailed', 'UpdateRefused', 'PoolsFailed',
    'RetractFailed', 'SpecRefused', 'TransitionRefused', 'WriteRefused', 'PayloadRefused',
    'TimedOut', 'NeverStarted', 'WrongState', 'LifecycleAgentAbsent', 'TakenOver', 'Cancelled',
    'Preempted', 'Skipped', 'ClusterGone', 'ClusterRecreated', 'RolloutDeleted'))
) WITH (fillfactor = 70)
""",
    """
CREATE INDEX runs_cluster_idx ON runs (hub, cluster, rollout)
""",
    """
CREATE INDEX runs_ended_idx ON runs (hub, action, ended_at) INCLUDE (result, rollout, arming_at)
  WHERE state = 'ended'
""",
    """
CREATE INDEX runs_member_idx ON runs (hub, rollout, step, cluster)
""",
    """
CREATE UNIQUE INDEX runs_open_idx ON runs (hub, rollout, step, cluster) WHERE state <> 'ended'
""",
    """
CREATE TABLE pending_patches (
  hub text COLLATE "C" NOT NULL,
  cluster_uid text COLLATE "C" NOT NULL,
  cluster text COLLATE "C" NOT NULL,
  rollout text COLLATE "C" NOT NULL,
  labels jsonb NOT NULL,
  annotations jsonb NOT NULL,
  CONSTRAINT pending_patches_pkey PRIMARY KEY (hub, cluster_uid),
  CONSTRAINT pending_patches_hub_fkey FOREIGN KEY (hub) REFERENCES hubs (id)
)
""",
    """
CREATE TABLE leaders (
  hub text COLLATE "C" NOT NULL,
  epoch bigint NOT NULL,
  holder text NOT NULL,
  since timestamptz NOT NULL,
  after_seq bigint NOT NULL,
  CONSTRAINT leaders_pkey PRIMARY KEY (hub, epoch),
  CONSTRAINT leaders_hub_fkey FOREIGN KEY (hub) REFERENCES hubs (id) ON DELETE CASCADE
)
""",
    """
CREATE TABLE events (
  hub text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  epoch bigint NOT NULL,
  at timestamptz NOT NULL,
  rollout text COLLATE "C" NOT NULL,
  step integer,
  cluster text COLLATE "C",
  cluster_uid text COLLATE "C",
  run text COLLATE "C",
  kind text NOT NULL,
  why text NOT NULL,
  cause text,
  warning boolean NOT NULL,
  actor text NOT NULL,
  data jsonb NOT NULL,
  CONSTRAINT events_pkey PRIMARY KEY (hub, seq),
  CONSTRAINT events_hub_fkey FOREIGN KEY (hub) REFERENCES hubs (id)
)
""",
    """
CREATE INDEX events_cluster_idx ON events (hub, cluster, seq) WHERE cluster IS NOT NULL
""",
    """
CREATE INDEX events_own_idx ON events (hub, rollout, seq) WHERE cluster IS NULL
""",
    """
CREATE INDEX events_rollout_idx ON events (hub, rollout, seq)
""",
    """
CREATE FUNCTION ibgu_keep_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_setting('ibgu.forgetting', true) = 'on' THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'events are append-only: % refused', TG_OP
    USING HINT = 'Old events go by: SELECT ibgu_forget_events(hub, before)';
END
$$
""",
    """
CREATE FUNCTION ibgu_forget_events(of_hub text, before timestamptz, most integer DEFAULT NULL)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  first_kept bigint;
  gone bigint;
BEGIN
  SELECT coalesce(min(seq) FILTER (WHERE at >= before), max(seq) + 1) INTO first_kept
    FROM (SELECT seq, at FROM events WHERE hub = of_hub ORDER BY seq LIMIT most) AS oldest;
  PERFORM set_config('ibgu.forgetting', 'on', true);
  DELETE FROM events WHERE hub = of_hub AND seq < first_kept;
  GET DIAGNOSTICS gone = ROW_COUNT;
  PERFORM set_config('ibgu.forgetting', '', true);
  RETURN gone;
END
$$
""",
    """
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events
FOR EACH ROW EXECUTE FUNCTION ibgu_keep_events()
""",
    """
CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON events
FOR EACH STATEMENT EXECUTE FUNCTION ibgu_keep_events()
""",
    """
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
""",
    """
CREATE TABLE forgotten_rollouts (
  hub text COLLATE "C" NOT NULL,
  rollout text COLLATE "C" NOT NULL,
  CONSTRAINT forgotten_rollouts_pkey PRIMARY KEY (hub, rollout)
)
""",
    """
CREATE TABLE forgotten_runs (
  hub text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  CONSTRAINT forgotten_runs_pkey PRIMARY KEY (hub, id)
)
""",
    """
CREATE TABLE cluster_inspections (
  hub text COLLATE "C" NOT NULL,
  cluster text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  requested_at timestamptz NOT NULL,
  finished_at timestamptz,
  problem text NOT NULL,
  read_at timestamptz,
  facts jsonb,
  CONSTRAINT cluster_inspections_pkey PRIMARY KEY (hub, cluster)
)
""",
    """
CREATE INDEX cluster_inspections_open_idx ON cluster_inspections (hub, requested_at)
  WHERE finished_at IS NULL
""",
    """
CREATE TABLE cluster_labels (
  hub text COLLATE "C" NOT NULL,
  cluster text COLLATE "C" NOT NULL,
  labels jsonb,
  digest text COLLATE "C" NOT NULL,
  there boolean NOT NULL,
  CONSTRAINT cluster_labels_pkey PRIMARY KEY (hub, cluster),
  CONSTRAINT cluster_labels_hub_fkey FOREIGN KEY (hub) REFERENCES hubs (id) ON DELETE CASCADE
)
""",
    """
CREATE TABLE notify_cursors (
  hub text COLLATE "C" NOT NULL,
  receiver text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  memory jsonb NOT NULL,
  saved_at timestamptz NOT NULL,
  CONSTRAINT notify_cursors_pkey PRIMARY KEY (hub, receiver),
  CONSTRAINT notify_cursors_hub_fkey FOREIGN KEY (hub) REFERENCES hubs (id) ON DELETE CASCADE
)
""",
]


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the journal only goes forward; restore a backup to go back")
