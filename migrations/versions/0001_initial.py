"""The first schema.

Revision: 0001, after nothing
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite numbers only a column that is called INTEGER


def upgrade() -> None:
    _service()
    _fleet()
    _containers()
    _drifts()


def _service() -> None:
    op.create_table(
        "instance",
        sa.Column("id", BIG, nullable=False),
        sa.Column("uuid", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_instance"),
        sa.CheckConstraint("id = 1", name=op.f("ck_instance_one_row")),
    )
    op.create_table(
        "runs",
        sa.Column("id", BIG, nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("alive_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "cursors",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_cursors"),
    )
    op.create_table(
        "settings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_settings"),
    )
    op.create_table(
        "silences",
        sa.Column("id", BIG, nullable=False),
        sa.Column("matcher", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("until_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_silences"),
    )
    op.create_index("ix_silences_until_at", "silences", ["until_at"])


def _fleet() -> None:
    op.create_table(
        "hosts",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("engine_id", sa.Text(), nullable=True),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_hosts"),
        sa.UniqueConstraint("name", name="uq_hosts_name"),
    )
    op.create_table(
        "reachability",
        sa.Column("id", BIG, nullable=False),
        sa.Column("host_id", BIG, nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("engine_id", sa.Text(), nullable=True),
        sa.Column("engine_version", sa.Text(), nullable=True),
        sa.Column("error_class", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("error_hint", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_reachability"),
        sa.CheckConstraint("valid_to > valid_from", name=op.f("ck_reachability_span")),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name="fk_reachability_host_id_hosts"),
        sa.CheckConstraint("status IN ('ok', 'limited', 'unreachable')", name=op.f("ck_reachability_status")),
    )
    op.create_index("ix_reachability_host_id_valid_from", "reachability", ["host_id", "valid_from"])
    op.create_index(
        "uq_reachability_host_id_still",
        "reachability",
        ["host_id"],
        unique=True,
        sqlite_where=sa.text("valid_to IS NULL"),
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_table(
        "configurations",
        sa.Column("id", BIG, nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_configurations"),
        sa.UniqueConstraint("hash", name="uq_configurations_hash"),
    )
    op.create_table(
        "stacks",
        sa.Column("id", BIG, nullable=False),
        sa.Column("host_id", BIG, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_stacks"),
        sa.UniqueConstraint("host_id", "name", name="uq_stacks_host_id_name"),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name="fk_stacks_host_id_hosts"),
    )
    op.create_table(
        "stack_revisions",
        sa.Column("id", BIG, nullable=False),
        sa.Column("stack_id", BIG, nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Text(), nullable=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=True),
        sa.Column("configuration_id", BIG, nullable=True),
        sa.Column("error_class", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("error_hint", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_stack_revisions"),
        sa.CheckConstraint("valid_to > valid_from", name=op.f("ck_stack_revisions_span")),
        sa.ForeignKeyConstraint(["stack_id"], ["stacks.id"], name="fk_stack_revisions_stack_id_stacks"),
        sa.ForeignKeyConstraint(
            ["configuration_id"], ["configurations.id"], name="fk_stack_revisions_configuration_id_configurations"
        ),
    )
    op.create_index("ix_stack_revisions_configuration_id", "stack_revisions", ["configuration_id"])
    op.create_index("ix_stack_revisions_stack_id_valid_from", "stack_revisions", ["stack_id", "valid_from"])
    op.create_index(
        "uq_stack_revisions_stack_id_still",
        "stack_revisions",
        ["stack_id"],
        unique=True,
        sqlite_where=sa.text("valid_to IS NULL"),
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_table(
        "commits",
        sa.Column("id", BIG, nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("committed_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_commits"),
        sa.UniqueConstraint("revision", name="uq_commits_revision"),
    )
    op.create_index("ix_commits_seen_at", "commits", ["seen_at"])
    op.create_table(
        "commit_stacks",
        sa.Column("stack_id", BIG, nullable=False),
        sa.Column("commit_id", BIG, nullable=False),
        sa.PrimaryKeyConstraint("stack_id", "commit_id", name="pk_commit_stacks"),
        sa.ForeignKeyConstraint(["stack_id"], ["stacks.id"], name="fk_commit_stacks_stack_id_stacks"),
        sa.ForeignKeyConstraint(["commit_id"], ["commits.id"], name="fk_commit_stacks_commit_id_commits"),
    )
    op.create_index("ix_commit_stacks_commit_id", "commit_stacks", ["commit_id"])
    op.create_table(
        "projects",
        sa.Column("id", BIG, nullable=False),
        sa.Column("host_id", BIG, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("stack_id", BIG, nullable=True),
        sa.Column("status", sa.String(16), nullable=True),
        sa.Column("status_since_at", sa.BigInteger(), nullable=True),
        sa.Column("checked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
        sa.UniqueConstraint("host_id", "name", name="uq_projects_host_id_name"),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name="fk_projects_host_id_hosts"),
        sa.ForeignKeyConstraint(["stack_id"], ["stacks.id"], name="fk_projects_stack_id_stacks"),
        sa.CheckConstraint("status IN ('in_sync', 'drifted', 'unknown')", name=op.f("ck_projects_status")),
    )
    op.create_index("ix_projects_stack_id", "projects", ["stack_id"])


def _containers() -> None:
    op.create_table(
        "containers",
        sa.Column("id", BIG, nullable=False),
        sa.Column("host_id", BIG, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("synced_revision", sa.Text(), nullable=True),
        sa.Column("synced_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_containers"),
        sa.UniqueConstraint("host_id", "name", name="uq_containers_host_id_name"),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name="fk_containers_host_id_hosts"),
    )
    op.create_table(
        "container_versions",
        sa.Column("id", BIG, nullable=False),
        sa.Column("container_id", BIG, nullable=False),
        sa.Column("engine_id", sa.Text(), nullable=False),
        sa.Column("image_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=True),
        sa.Column("project_id", BIG, nullable=False),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("configuration_id", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_container_versions"),
        sa.UniqueConstraint(
            "container_id", "engine_id", "configuration_id", name="uq_container_versions_container_id_engine_id_configuration_id"
        ),
        sa.ForeignKeyConstraint(["container_id"], ["containers.id"], name="fk_container_versions_container_id_containers"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_container_versions_project_id_projects"),
        sa.ForeignKeyConstraint(
            ["configuration_id"], ["configurations.id"], name="fk_container_versions_configuration_id_configurations"
        ),
    )
    op.create_index("ix_container_versions_configuration_id", "container_versions", ["configuration_id"])
    op.create_index("ix_container_versions_project_id", "container_versions", ["project_id"])
    op.create_table(
        "container_states",
        sa.Column("id", BIG, nullable=False),
        sa.Column("container_id", BIG, nullable=False),
        sa.Column("version_id", BIG, nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("exit_code", sa.Integer(), nullable=False),
        sa.Column("health", sa.Text(), nullable=True),
        sa.Column("oom_killed", sa.Boolean(), nullable=False),
        sa.Column("restart_count", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_container_states"),
        sa.CheckConstraint("valid_to > valid_from", name=op.f("ck_container_states_span")),
        sa.ForeignKeyConstraint(["container_id"], ["containers.id"], name="fk_container_states_container_id_containers"),
        sa.ForeignKeyConstraint(
            ["version_id"], ["container_versions.id"], name="fk_container_states_version_id_container_versions"
        ),
    )
    op.create_index("ix_container_states_container_id_valid_from", "container_states", ["container_id", "valid_from"])
    op.create_index("ix_container_states_valid_from", "container_states", ["valid_from"])
    op.create_index("ix_container_states_version_id", "container_states", ["version_id"])
    op.create_index(
        "uq_container_states_container_id_still",
        "container_states",
        ["container_id"],
        unique=True,
        sqlite_where=sa.text("valid_to IS NULL"),
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_table(
        "events",
        sa.Column("id", BIG, nullable=False),
        sa.Column("host_id", BIG, nullable=False),
        sa.Column("project_id", BIG, nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("details", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.UniqueConstraint("host_id", "at", "actor", "action", name="uq_events_host_id_at_actor_action"),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name="fk_events_host_id_hosts"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_events_project_id_projects"),
    )
    op.create_index("ix_events_at", "events", ["at"])
    op.create_index("ix_events_project_id_at", "events", ["project_id", "at"])


def _drifts() -> None:
    op.create_table(
        "checks",
        sa.Column("id", BIG, nullable=False),
        sa.Column("project_id", BIG, nullable=False),
        sa.Column("run_id", BIG, nullable=True),
        sa.Column("trigger", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("took", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=True),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("findings", sa.Integer(), nullable=False),
        sa.Column("unknown", sa.Integer(), nullable=False),
        sa.Column("ignored", sa.Integer(), nullable=False),
        sa.Column("containers", sa.Integer(), nullable=False),
        sa.Column("error_class", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("error_hint", sa.Text(), nullable=True),
        sa.Column("eventful", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_checks"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_checks_project_id_projects"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_checks_run_id_runs"),
        sa.CheckConstraint("trigger IN ('docker-event', 'commit', 'resync', 'manual')", name=op.f("ck_checks_trigger")),
        sa.CheckConstraint("status IN ('in_sync', 'drifted', 'unknown')", name=op.f("ck_checks_status")),
    )
    op.create_index("ix_checks_last_at", "checks", ["last_at"])
    op.create_index("ix_checks_project_id_started_at", "checks", ["project_id", "started_at"])
    op.create_index("ix_checks_run_id", "checks", ["run_id"])
    op.create_table(
        "drifts",
        sa.Column("id", BIG, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("project_id", BIG, nullable=False),
        sa.Column("stack_id", BIG, nullable=True),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("container", sa.Text(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("desired", sa.Text(), nullable=True),
        sa.Column("observed", sa.Text(), nullable=True),
        sa.Column("fix", sa.Text(), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("appeared_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("opens_at", sa.BigInteger(), nullable=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=True),
        sa.Column("resolved_at", sa.BigInteger(), nullable=True),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("side", sa.String(16), nullable=False),
        sa.Column("revision", sa.Text(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("accepted_at", sa.BigInteger(), nullable=True),
        sa.Column("accepted_until", sa.BigInteger(), nullable=True),
        sa.Column("accepted_observed", sa.Text(), nullable=True),
        sa.Column("accepted_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_drifts"),
        sa.UniqueConstraint("name", name="uq_drifts_name"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_drifts_project_id_projects"),
        sa.ForeignKeyConstraint(["stack_id"], ["stacks.id"], name="fk_drifts_stack_id_stacks"),
        sa.CheckConstraint("kind IN ('missing', 'unmanaged', 'changed')", name=op.f("ck_drifts_kind")),
        sa.CheckConstraint("state IN ('pending', 'open', 'resolved')", name=op.f("ck_drifts_state")),
        sa.CheckConstraint("side IN ('git', 'host', 'unknown')", name=op.f("ck_drifts_side")),
    )
    op.create_index("ix_drifts_project_id", "drifts", ["project_id"])
    op.create_index(
        "ix_drifts_project_id_unresolved",
        "drifts",
        ["project_id"],
        sqlite_where=sa.text("state <> 'resolved'"),
        postgresql_where=sa.text("state <> 'resolved'"),
    )
    op.create_index("ix_drifts_resolved_at", "drifts", ["resolved_at"])
    op.create_index("ix_drifts_stack_id", "drifts", ["stack_id"])
    op.create_table(
        "transitions",
        sa.Column("id", BIG, nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("host_id", BIG, nullable=True),
        sa.Column("stack_id", BIG, nullable=True),
        sa.Column("drift_id", BIG, nullable=True),
        sa.Column("check_id", BIG, nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=True),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=True),
        sa.Column("desired", sa.Text(), nullable=True),
        sa.Column("observed", sa.Text(), nullable=True),
        sa.Column("side", sa.String(16), nullable=True),
        sa.Column("trigger", sa.String(16), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_transitions"),
        sa.CheckConstraint("subject IN ('drift', 'host', 'stack', 'repo')", name=op.f("ck_transitions_subject")),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name="fk_transitions_host_id_hosts"),
        sa.ForeignKeyConstraint(["stack_id"], ["stacks.id"], name="fk_transitions_stack_id_stacks"),
        sa.ForeignKeyConstraint(["drift_id"], ["drifts.id"], name="fk_transitions_drift_id_drifts"),
        sa.ForeignKeyConstraint(["check_id"], ["checks.id"], name="fk_transitions_check_id_checks"),
        sa.CheckConstraint("side IN ('git', 'host', 'unknown')", name=op.f("ck_transitions_side")),
        sa.CheckConstraint("trigger IN ('docker-event', 'commit', 'resync', 'manual')", name=op.f("ck_transitions_trigger")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_transitions_at", "transitions", ["at"])
    op.create_index("ix_transitions_check_id", "transitions", ["check_id"])
    op.create_index("ix_transitions_drift_id_at", "transitions", ["drift_id", "at"])
    op.create_index("ix_transitions_host_id_at", "transitions", ["host_id", "at"])
    op.create_index("ix_transitions_stack_id_at", "transitions", ["stack_id", "at"])
    op.create_table(
        "deliveries",
        sa.Column("id", BIG, nullable=False),
        sa.Column("transition_id", BIG, nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("occasion", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("claimed_at", sa.BigInteger(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.UniqueConstraint(
            "transition_id",
            "destination",
            "recipient",
            "occasion",
            name="uq_deliveries_transition_id_destination_recipient_occasion",
        ),
        sa.ForeignKeyConstraint(["transition_id"], ["transitions.id"], name="fk_deliveries_transition_id_transitions"),
        sa.CheckConstraint(
            "state IN ('pending', 'held', 'sending', 'retry', 'sent', 'dead', 'skipped')", name=op.f("ck_deliveries_state")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deliveries_message", "deliveries", ["message"])
    op.create_index(
        "ix_deliveries_next_at_unfinished",
        "deliveries",
        ["next_at"],
        sqlite_where=sa.text("state IN ('pending', 'held', 'sending', 'retry')"),
        postgresql_where=sa.text("state IN ('pending', 'held', 'sending', 'retry')"),
    )


def downgrade() -> None:
    for table in (
        "deliveries",
        "transitions",
        "drifts",
        "checks",
        "events",
        "container_states",
        "container_versions",
        "containers",
        "projects",
        "commit_stacks",
        "commits",
        "stack_revisions",
        "stacks",
        "configurations",
        "reachability",
        "hosts",
        "silences",
        "settings",
        "cursors",
        "runs",
        "instance",
    ):
        op.drop_table(table)
