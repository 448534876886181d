"""A cluster's warning, and until when it can be rolled back."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Defaults without a rewrite of the table: older code inserts members without them.
WARNING = "ALTER TABLE members ADD COLUMN warning text DEFAULT '' NOT NULL"
ROLLBACK_UNTIL = "ALTER TABLE members ADD COLUMN rollback_until timestamptz"
# No row has either yet: the index is empty, and built in one pass.
REPORTS = """
CREATE INDEX members_reports_idx ON members (hub, rollout)
WHERE rollback_until IS NOT NULL OR warning <> ''
"""


def upgrade() -> None:
    op.execute(WARNING)
    op.execute(ROLLBACK_UNTIL)
    op.execute(REPORTS)


def downgrade() -> None:
    raise NotImplementedError("the journal only goes forward; restore a backup to go back")
