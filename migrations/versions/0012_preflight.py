"""Adds the findings of preflight to steps."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

FINDINGS = "ALTER TABLE steps ADD COLUMN preflight jsonb"


def upgrade() -> None:
    op.execute(FINDINGS)


def downgrade() -> None:
    raise NotImplementedError("the journal only goes forward; restore a backup to go back")
