"""For the newest check of a project, whatever the clock said when it was written.

Revision: 0004, after 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_checks_project_id_id", "checks", ["project_id", "id"])


def downgrade() -> None:
    op.drop_index("ix_checks_project_id_id", "checks")
