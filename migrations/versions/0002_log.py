"""For the log: how each drift was from when to when, and what a check could not judge or had to remark.

Revision: 0002, after 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
STILL = sa.text("valid_to IS NULL")


def upgrade() -> None:
    op.create_table(
        "drift_spans",
        sa.Column("id", BIG, nullable=False),
        sa.Column("drift_id", BIG, nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("open_from", sa.BigInteger(), nullable=True),
        sa.Column("appeared_at", sa.BigInteger(), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("container", sa.Text(), nullable=True),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("desired", sa.Text(), nullable=True),
        sa.Column("observed", sa.Text(), nullable=True),
        sa.Column("fix", sa.Text(), nullable=True),
        sa.Column("side", sa.String(16), nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("accepted_at", sa.BigInteger(), nullable=True),
        sa.Column("accepted_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_drift_spans"),
        sa.ForeignKeyConstraint(["drift_id"], ["drifts.id"], name="fk_drift_spans_drift_id_drifts"),
        sa.CheckConstraint("valid_to > valid_from", name=op.f("ck_drift_spans_span")),
        sa.CheckConstraint("side IN ('git', 'host', 'unknown')", name=op.f("ck_drift_spans_side")),
    )
    op.create_index(
        "uq_drift_spans_drift_id_still", "drift_spans", ["drift_id"], unique=True, sqlite_where=STILL, postgresql_where=STILL
    )
    op.create_index("ix_drift_spans_drift_id_valid_from", "drift_spans", ["drift_id", "valid_from"])
    op.create_index("ix_drift_spans_rank_valid_from", "drift_spans", ["rank", "valid_from"])
    op.execute(_STANDING)
    with op.batch_alter_table("checks") as batch:
        batch.add_column(sa.Column("remarks_id", BIG, nullable=True))
        batch.create_foreign_key("fk_checks_remarks_id_configurations", "configurations", ["remarks_id"], ["id"])
        batch.create_index("ix_checks_remarks_id", ["remarks_id"])


def downgrade() -> None:
    with op.batch_alter_table("checks") as batch:
        batch.drop_index("ix_checks_remarks_id")
        batch.drop_constraint("fk_checks_remarks_id_configurations", type_="foreignkey")
        batch.drop_column("remarks_id")
    op.drop_table("drift_spans")


# what has not been resolved goes on as it is now: how it was before nobody knows any more
_STANDING = """
    INSERT INTO drift_spans (
        drift_id, valid_from, rank, open_from, appeared_at, episode, container, severity, message, desired, observed, fix, side,
        cause, accepted_at, accepted_until
    )
    SELECT
        id, appeared_at, 0, CASE state WHEN 'open' THEN opened_at END, appeared_at, episode, container, severity, message,
        desired, observed, fix, side, cause, accepted_at, accepted_until
    FROM drifts WHERE state <> 'resolved'
"""
