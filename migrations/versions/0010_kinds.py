"""A rollout has a kind, and the names of its actions are those of the kind."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

KIND = """
ALTER TABLE rollouts
  ADD COLUMN object_kind text COLLATE "C" NOT NULL DEFAULT 'ImageBasedGroupUpgrade'
"""
# The check listed the seven actions of the only kind.
ANY_ACTION = (
    "ALTER TABLE members DROP CONSTRAINT members_failed_action_check",
    "ALTER TABLE runs DROP CONSTRAINT runs_action_check",
)


def upgrade() -> None:
    for statement in (KIND, *ANY_ACTION):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("the journal only goes forward; restore a backup to go back")
