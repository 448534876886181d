"""The version of a stage work that carried a run first: only an older one proves a restore."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ARMED_GENERATION = "ALTER TABLE runs ADD COLUMN armed_generation bigint"


def upgrade() -> None:
    op.execute(ARMED_GENERATION)


def downgrade() -> None:
    raise NotImplementedError("the journal only goes forward; restore a backup to go back")
