"""Events of a rollout as such are found among the events of its thousands of clusters."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# After 0003, which locks steps: a leader locks steps, then events; the other way round they would
# wait for each other.
OF_ROLLOUTS = """
CREATE INDEX events_own_idx ON events (hub, rollout, seq) WHERE cluster IS NULL
"""


def upgrade() -> None:
    op.execute(OF_ROLLOUTS)


def downgrade() -> None:
    raise NotImplementedError("the journal only goes forward; restore a backup to go back")
