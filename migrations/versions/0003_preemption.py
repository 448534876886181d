"""Whether a step that cancels does so in other namespaces, too: all did until now."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE steps ADD COLUMN across_namespaces boolean NOT NULL DEFAULT true")


def downgrade() -> None:
    raise NotImplementedError("the journal only goes forward; restore a backup to go back")
