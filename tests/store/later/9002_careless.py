"""For the tests only: a migration that would leave rows which point to nothing.

Revision: 9002, after 9001
"""

from alembic import op

revision = "9002"
down_revision = "9001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DELETE FROM hosts")


def downgrade() -> None:
    pass
