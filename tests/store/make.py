"""Values to store, with as little to say as possible."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from anchorwatch.model.desired import ProjectKey, Stack
from anchorwatch.model.drifts import NO_PROJECT, Check, Drift, DriftState, Subject, Transition, Trigger
from anchorwatch.model.findings import Finding, Kind
from anchorwatch.model.report import HostStatus, StackStatus
from anchorwatch.model.timeline import ContainerSeen, HostSeen

BEGIN = datetime(2026, 11, 22, 22, 40, 0, 123456, tzinfo=UTC)
KEY = ProjectKey("pi5", "mealie")


def after(seconds: float) -> datetime:
    """So many seconds after the beginning."""
    return BEGIN + timedelta(seconds=seconds)


def stack(name: str = "mealie", host: str = "pi5") -> Stack:
    return Stack(host, name, f"{host}/{name}", (f"{host}/{name}/compose.yml",))


def host(at: datetime = BEGIN, name: str = "pi5", **more: Any) -> HostSeen:
    given: dict[str, Any] = {
        "address": f"ssh://admin@{name}",
        "status": HostStatus.OK,
        "engine_id": "ENGINE-1",
        "engine_version": "28.5.2",
    }
    return HostSeen(host=name, at=at, **(given | more))


def container(name: str = "mealie", **more: Any) -> ContainerSeen:
    given: dict[str, Any] = {
        "engine_id": f"{name}-1",
        "image_id": "sha256:1",
        "state": "running",
        "created_at": BEGIN - timedelta(hours=1),
        "started_at": BEGIN - timedelta(hours=1),
        "project": "mealie",
        "service": name,
        "configuration": {"HostConfig": {"Memory": 536870912}},
    }
    return ContainerSeen(name=name, **(given | more))


def finding(path: str | None = "mem_limit", **more: Any) -> Finding:
    given: dict[str, Any] = {
        "host": "pi5",
        "kind": Kind.CHANGED,
        "message": "memory limit is 1 GiB, Git says 512 MiB",
        "stack": "mealie",
        "project": "mealie",
        "service": "mealie",
        "container": "mealie",
        "desired": "512 MiB",
        "observed": "1 GiB",
    }
    return Finding(path=path, **(given | more))


def drift(found: Finding | None = None, at: datetime = BEGIN, **more: Any) -> Drift:
    given: dict[str, Any] = {"state": DriftState.PENDING, "changed_at": at, "opens_at": at + timedelta(seconds=30)}
    return Drift(finding=found or finding(), appeared_at=at, **(given | more))


def appeared(of: Drift, check: int | None = None, **more: Any) -> Transition:
    given: dict[str, Any] = {
        "at": of.appeared_at,
        "from_state": None,
        "to_state": of.state.value,
        "reason": "appeared",
        "desired": of.finding.desired,
        "observed": of.finding.observed,
        "severity": of.finding.severity,
        "since_at": of.appeared_at,
        "trigger": Trigger.DOCKER_EVENT,
    }
    return Transition(
        subject=Subject.DRIFT,
        host=of.finding.host,
        stack=of.finding.stack,
        drift=of.id,
        check=check,
        **(given | more),
    )


def check(at: datetime = BEGIN, key: ProjectKey = KEY, **more: Any) -> Check:
    given: dict[str, Any] = {"trigger": Trigger.RESYNC, "took": 0.025, "status": StackStatus.IN_SYNC, "revision": "4f" * 20}
    return Check(key=key, started_at=at, **(given | more))


__all__ = ["BEGIN", "KEY", "NO_PROJECT", "after", "appeared", "check", "container", "drift", "finding", "host", "stack"]
