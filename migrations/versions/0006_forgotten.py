"""Rollouts that are long over can go; the ids of their runs stay."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# New tables without references: a leader's tables are not locked.
ROLLOUTS = """
CREATE TABLE forgotten_rollouts (
  hub text COLLATE "C" NOT NULL,
  rollout text COLLATE "C" NOT NULL,
  CONSTRAINT forgotten_rollouts_pkey PRIMARY KEY (hub, rollout)
)
"""
RUNS = """
CREATE TABLE forgotten_runs (
  hub text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  CONSTRAINT forgotten_runs_pkey PRIMARY KEY (hub, id)
)
"""


def upgrade() -> None:
    op.execute(ROLLOUTS)
    op.execute(RUNS)


def downgrade() -> None:
    raise NotImplementedError("the journal only goes forward; restore a backup to go back")
