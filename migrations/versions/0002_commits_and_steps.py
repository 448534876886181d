"""A commit is one statement; and a cluster's steps are found by an index alone."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

REFUSE = """
CREATE FUNCTION ibgu_refuse(told json) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'not all claims can be taken' USING ERRCODE = 'IB001', DETAIL = told;
END
$$
"""
# Not RESTRICT: that looks at a hold which goes, not at its successor in the same statement.
NOT_WITHOUT_A_HOLD = """
ALTER TABLE runs
  DROP CONSTRAINT runs_claim_fkey,
  ADD CONSTRAINT runs_claim_fkey FOREIGN KEY (hub, rollout, step, cluster, claim_uid)
    REFERENCES claims (hub, rollout, step, cluster, cluster_uid)
"""
# Which steps a cluster was in, without a look into their rows, each of which is on another page.
STEPS_OF_A_CLUSTER = (
    "DROP INDEX members_cluster_idx",
    "CREATE INDEX members_cluster_idx ON members (hub, cluster, rollout, step)",
)


def upgrade() -> None:
    for statement in (REFUSE, NOT_WITHOUT_A_HOLD, *STEPS_OF_A_CLUSTER):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the journal only goes forward; restore a backup to go back")
