"""For the tests only: a migration that would leave rows which point to nothing.

Revision: 0003, after 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DELETE FROM hosts")


def downgrade() -> None:
    pass
