"""The warning that a person has accepted: its cluster may go on."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# A default without a rewrite of the table: older code inserts members without it.
ACCEPTED = "ALTER TABLE members ADD COLUMN accepted_warning text DEFAULT '' NOT NULL"


def upgrade() -> None:
    op.execute(ACCEPTED)


def downgrade() -> None:
    raise NotImplementedError("the journal only goes forward; restore a backup to go back")
