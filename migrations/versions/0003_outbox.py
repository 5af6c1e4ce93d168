"""For the outbox: what each destination was told, and what was given up there.

Revision: 0003, after 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_deliveries_destination_state_done_at", "deliveries", ["destination", "state", "done_at"])


def downgrade() -> None:
    op.drop_index("ix_deliveries_destination_state_done_at", "deliveries")
