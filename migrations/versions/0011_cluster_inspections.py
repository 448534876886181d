"""The table of inspections: readings of clusters for preflight, and requests for them."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# A new table without references: a leader's tables are not locked.
INSPECTIONS = """
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
"""
REQUESTED = """
CREATE INDEX cluster_inspections_open_idx ON cluster_inspections (hub, requested_at)
  WHERE finished_at IS NULL
"""


def upgrade() -> None:
    op.execute(INSPECTIONS)
    op.execute(REQUESTED)


def downgrade() -> None:
    raise NotImplementedError("the journal only goes forward; restore a backup to go back")
