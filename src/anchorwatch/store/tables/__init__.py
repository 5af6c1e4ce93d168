"""The tables, as typed models. Their rows never leave the store: the modules beside this one turn them into frozen values.

hosts ─┬─ reachability                  from when to when
       ├─ stacks ─── stack_revisions    from when to when ─── configurations
       │      └──── commit_stacks ─── commits
       ├─ projects ─┬─ checks ────────┐
       │            └─ drifts ─┬─ transitions ─── deliveries
       │                       └─ drift_spans    from when to when
       └─ containers ─── container_versions ─── container_states    from when to when
                                └── configurations

and by themselves: instance, runs, cursors, settings, silences, events
"""

from anchorwatch.store.tables.columns import Row
from anchorwatch.store.tables.containers import ContainerRow, ContainerStateRow, ContainerVersionRow, EventRow
from anchorwatch.store.tables.drifts import CheckRow, DeliveryRow, DriftRow, DriftSpanRow, TransitionRow
from anchorwatch.store.tables.fleet import (
    CommitRow,
    CommitStackRow,
    ConfigurationRow,
    HostRow,
    ProjectRow,
    ReachabilityRow,
    StackRevisionRow,
    StackRow,
)
from anchorwatch.store.tables.service import CursorRow, InstanceRow, RunRow, SettingRow, SilenceRow

metadata = Row.metadata

__all__ = [
    "CheckRow",
    "CommitRow",
    "CommitStackRow",
    "ConfigurationRow",
    "ContainerRow",
    "ContainerStateRow",
    "ContainerVersionRow",
    "CursorRow",
    "DeliveryRow",
    "DriftRow",
    "DriftSpanRow",
    "EventRow",
    "HostRow",
    "InstanceRow",
    "ProjectRow",
    "ReachabilityRow",
    "RunRow",
    "SettingRow",
    "SilenceRow",
    "StackRevisionRow",
    "StackRow",
    "TransitionRow",
    "metadata",
]
