"""Where things stand, or stood, as the contract's JSON: the object of `status` and `at`.

`hosts`, `stacks` and `drift` hold the same objects as those of `check`. What only the log knows stands beside them: `service`
(whether somebody watches), `stale`, `known` (how old each verdict is, and why it is in doubt), `coverage`, `silenced`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from anchorwatch.model.drifts import Drift
from anchorwatch.model.log import HostStanding, StackStanding, Standing
from anchorwatch.model.report import StackStatus
from anchorwatch.model.stored import unsealed
from anchorwatch.model.timeline import ContainerSpan
from anchorwatch.model.times import timestamp
from anchorwatch.model.values import JsonObject
from anchorwatch.reports.build import (
    VERSION,
    drift_object,
    error_object,
    host_object,
    not_stack_objects,
    shown,
    stack_object,
    text,
)


def standing_document(standing: Standing) -> dict[str, Any]:
    """The object of `status --format json`, and of `at`, which has the moment, the containers and what was desired too."""
    document: dict[str, Any] = {
        "version": VERSION,
        "checked_at": stamp(checked_at(standing)),
        "revision": standing.repo.revision,
        "summary": {
            "hosts": len(standing.hosts),
            "stacks": len(standing.stacks),
            "containers": sum(host.report.containers for host in standing.hosts),
            "drift": len(standing.drifts),
            "unknown": sum(stack.report.status is StackStatus.UNKNOWN for stack in standing.stacks),
            "unknown_keys": sum(len(stack.report.unknown) for stack in standing.stacks),
            "ignored": standing.ignored,
        },
        "hosts": [host_object(host.report) for host in standing.hosts],
        "stacks": [stack_object(stack.report) for stack in standing.stacks],
        "not_stacks": not_stack_objects(standing.repo.not_stacks),
        "drift": [life_object(drift) for drift in standing.drifts],
        "stale": is_stale(standing),
        "service": {
            "running": standing.watch.running,
            "since_at": stamp(standing.watch.since_at),
            "alive_at": stamp(standing.watch.alive_at),
        },
        "repo": {"error": error_object(standing.repo.error), "at": stamp(standing.repo.at)},
        "coverage": {"running": standing.running, "in_git": standing.in_git},
        "silenced": {name: stamp(until) for name, until in standing.silenced.items()},
        "known": {
            "hosts": [_host_known(host) for host in standing.hosts],
            "stacks": [_stack_known(stack) for stack in standing.stacks],
        },
    }
    if not standing.live:
        homes: dict[tuple[str, str | None], str] = {
            (stack.report.host, stack.report.project): stack.report.stack for stack in standing.stacks
        }
        document["at"] = timestamp(standing.at)
        document["containers"] = [_container(one, homes, standing) for one in standing.containers]
        document["desired"] = [
            {"host": text(host), "stack": text(stack), **shown(unsealed(definition))}
            for (host, stack), definition in standing.definitions.items()
        ]
    return document


def life_object(drift: Drift) -> dict[str, Any]:
    """The object of a drift with its life."""
    return {
        **drift_object(drift.finding),
        "state": drift.state.value,
        "appeared_at": timestamp(drift.appeared_at),
        "resolved_at": stamp(drift.resolved_at),
        "side": drift.side.value,
        "cause": cause_object(drift.cause),
        "accepted_until": None if drift.acceptance is None else stamp(drift.acceptance.until),
    }


def cause_object(cause: JsonObject | None) -> dict[str, Any] | None:
    """What brought it about, as it was written down; its time as every other one, however it was written."""
    if cause is None:
        return None
    at = cause.get("at")
    written = {} if at is None else {"at": timestamp(datetime.fromisoformat(at))}
    return {**shown(cause), **written}


def is_stale(standing: Standing) -> bool:
    """Whether anything that is shown rests on what was seen too long ago: nothing of it may be called well."""
    doubts = [*(host.doubt for host in standing.hosts), *(stack.doubt for stack in standing.stacks)]
    return any(doubt is not None for doubt in doubts) or not standing.watch.running


def checked_at(standing: Standing) -> datetime | None:
    """When a stack was last looked at; None where none ever was."""
    return max((stack.checked_at for stack in standing.stacks if stack.checked_at is not None), default=None)


def stamp(moment: datetime | None) -> str | None:
    """A time of the contract, where there is one."""
    return None if moment is None else timestamp(moment)


def _host_known(host: HostStanding) -> dict[str, Any]:
    return {
        "host": text(host.report.name),
        "since_at": stamp(host.since_at),
        "seen_at": stamp(host.seen_at),
        "doubt": None if host.doubt is None else host.doubt.value,
    }


def _stack_known(stack: StackStanding) -> dict[str, Any]:
    return {
        "host": text(stack.report.host),
        "stack": text(stack.report.stack),
        "last_status": None if stack.last_status is None else stack.last_status.value,
        "since_at": stamp(stack.since_at),
        "checked_at": stamp(stack.checked_at),
        "doubt": None if stack.doubt is None else stack.doubt.value,
    }


def _container(one: ContainerSpan, homes: Mapping[tuple[str, str | None], str], standing: Standing) -> dict[str, Any]:
    from anchorwatch.reports.containers import configuration_of  # brings the rules with it, which `status` does not need

    seen, written = one.seen, configuration_of(one, standing)
    return {
        "host": text(one.host),
        "stack": text(homes.get((one.host, seen.project))),
        "name": text(seen.name),
        "project": text(seen.project),
        "service": text(seen.service),
        "number": seen.number,
        "state": text(seen.state),
        "exit_code": seen.exit_code,
        "health": text(seen.health),
        "oom_killed": seen.oom_killed,
        "restart_count": seen.restart_count,
        "engine_id": text(seen.engine_id),
        "image_id": text(seen.image_id),
        "created_at": stamp(seen.created_at),
        "started_at": stamp(seen.started_at),
        "since_at": timestamp(one.span.valid_from),
        "until_at": stamp(one.span.valid_to),
        "written": {path: text(value) for path, value in sorted({**written.git, **written.beyond}.items())},
        "configuration": shown(unsealed(seen.configuration)),
    }
