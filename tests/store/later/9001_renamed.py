"""For the tests only: what a later migration may do. Tables that others point to are built anew, rows are filled in.

Revision: 9001, after the newest of ours
"""

import sqlalchemy as sa
from alembic import op

from anchorwatch.store.schema import HEAD

revision = "9001"
down_revision = HEAD
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("hosts") as batch:
        batch.add_column(sa.Column("rack", sa.Text(), nullable=False, server_default="none"))
        batch.alter_column("address", new_column_name="docker")
    op.execute("UPDATE hosts SET rack = 'rack of ' || name")
    with op.batch_alter_table("drifts") as batch:
        batch.alter_column("severity", existing_type=sa.Integer(), type_=sa.BigInteger())
        batch.create_unique_constraint("uq_drifts_name_number", ["name", "number"])


def downgrade() -> None:
    with op.batch_alter_table("drifts") as batch:
        batch.drop_constraint("uq_drifts_name_number", type_="unique")
        batch.alter_column("severity", existing_type=sa.BigInteger(), type_=sa.Integer())
    with op.batch_alter_table("hosts") as batch:
        batch.alter_column("docker", new_column_name="address")
        batch.drop_column("rack")
