"""What brought a finding about: a commit, somebody on the host, a tool, the engine, the kernel. Pure.

What is Git's doing is looked for among the commits (`ledger.blame`). What is the host's is told from what the engine said
happened, and from the containers before and now: some values only `docker update` changes without making the container anew, a
name only `docker rename`; a container that was made anew carries its maker's traces (`ledger.origin`), one that ended how it
ended (`ledger.ending`). Events are lost at times, so they only add to what the containers say, and never stand against it.

Where nothing tells, that is what is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property

from anchorwatch.ledger.blame import Past, blame
from anchorwatch.ledger.ending import ending, engine_started_at, last_of
from anchorwatch.ledger.origin import origin
from anchorwatch.ledger.side import Earlier, held_against
from anchorwatch.model.cause import Cause, CauseKind, Confidence
from anchorwatch.model.drifts import Side
from anchorwatch.model.findings import Finding, Kind
from anchorwatch.model.observed import Container, Snapshot
from anchorwatch.model.timeline import Commit, ContainerSeen, EventSeen
from anchorwatch.model.values import Json, JsonObject, Secret, Template

LATE = timedelta(seconds=5)
"""Hand in events from so long before the last look: it may have seen what was so before them."""

UPDATED: Mapping[str, tuple[str, ...]] = {
    "blkio_config.weight": ("BlkioWeight",),
    "cpu_period": ("CpuPeriod",),
    "cpu_quota": ("CpuQuota",),
    "cpu_rt_period": ("CpuRealtimePeriod",),
    "cpu_rt_runtime": ("CpuRealtimeRuntime",),
    "cpu_shares": ("CpuShares",),
    "cpus": ("NanoCpus",),
    "cpuset": ("CpusetCpus",),
    "cpuset_mems": ("CpusetMems",),
    "deploy.resources.limits.cpus": ("NanoCpus",),
    "deploy.resources.limits.memory": ("Memory",),
    "deploy.resources.limits.pids": ("PidsLimit",),
    "deploy.resources.reservations.memory": ("MemoryReservation",),
    "deploy.restart_policy.condition": ("RestartPolicy",),
    "deploy.restart_policy.max_attempts": ("RestartPolicy",),
    "kernel_memory": ("KernelMemory",),
    "mem_limit": ("Memory",),
    "mem_reservation": ("MemoryReservation",),
    "memswap_limit": ("MemorySwap", "Memory"),
    "pids_limit": ("PidsLimit",),
    "restart": ("RestartPolicy",),
}
"""What `docker update` changes in a container that stays (moby `container/container_unix.go`, `UpdateContainer`), with the
members of `.HostConfig` that show it. Nothing else changes these without making the container anew."""

_OF_ENGINE = ("ulimits",)
"""What an engine's `daemon.json` changes in containers that are there already."""

_SHARING = {"network_mode": "NetworkMode", "ipc": "IpcMode", "pid": "PidMode"}


@dataclass(frozen=True)
class Evidence:
    """All that may tell what brought the new findings of one key about."""

    seen: Snapshot
    """The host, as the look in question saw it."""
    before: Sequence[ContainerSeen] = ()
    """Its containers as they were at the last look: those of the key at least."""
    events: Sequence[EventSeen] = ()
    """What happened there since, and `LATE` before; in order."""
    earlier: Earlier = field(default_factory=Earlier)
    """What was known of the key."""
    commits: Sequence[Commit] = ()
    """Those that touched the stack since it was last in sync, newest first."""
    past: Past = lambda _: None
    """The stack as it was at a commit. Asked only where several commits come into question."""
    booted_at: datetime | None = None
    """When the machine was started that the engine runs on, where that can be told."""
    zone: tzinfo = UTC
    """In which times are written for people."""

    @cached_property
    def was(self) -> Mapping[str, ContainerSeen]:
        """The containers of before, by name."""
        return {one.name: one for one in self.before}

    @cached_property
    def was_by_id(self) -> Mapping[str, ContainerSeen]:
        """The containers of before, by the engine's ID."""
        return {one.engine_id: one for one in self.before}

    @cached_property
    def now(self) -> Mapping[str, Container]:
        """The containers of now, by name."""
        return {one.name: one for one in self.seen.containers}

    def of(self, *ids: str | None) -> Sequence[EventSeen]:
        """The events of containers, by their IDs."""
        return [event for event in self.events if event.actor in ids and " " not in event.action]

    def clock(self, at: datetime) -> str:
        """A time as a text goes on with it: ` at 02:14 UTC`, with the day where it was long ago."""
        far = abs(self.seen.taken_at - at) > timedelta(hours=20)
        written = at.astimezone(self.zone).strftime("%Y-%m-%d %H:%M" if far else "%H:%M")
        return f" at {written}" + (" UTC" if self.zone is UTC else "")


def causes(findings: Iterable[Finding], sides: Mapping[str, Side], evidence: Evidence) -> Mapping[str, JsonObject]:
    """What brought each finding about, by their IDs, as JSON (see `Cause.as_json`). `sides` says who moved."""
    return {one.id: cause(one, sides.get(one.id, Side.UNKNOWN), evidence).as_json() for one in findings}


def cause(finding: Finding, side: Side, evidence: Evidence) -> Cause:
    """What brought one finding about."""
    if side is Side.GIT:
        return blame(finding, evidence.commits, held_against(finding, evidence.earlier), evidence.past)
    container = evidence.now.get(finding.container or "")
    if finding.container is None:
        return _of_service(finding, evidence) if finding.service is not None else _of_resource(finding, evidence)
    if container is None:
        return _gone(finding, evidence)
    before = _predecessor(container, evidence)
    if finding.kind is Kind.MISSING:
        events = evidence.of(container.id)
        return ending(container, events, evidence.seen, evidence.booted_at, evidence.clock)
    if finding.kind is Kind.UNMANAGED:
        stayed = (
            before is not None and before.engine_id == container.id and before.state not in {"running", "restarting", "paused"}
        )
        return _started(container, evidence) if stayed else _made(container, before, evidence)
    actions = {event.action for event in evidence.of(container.id)}
    if before is None and "update" in actions and "create" not in actions and finding.path in UPDATED:
        at = last_of(evidence.of(container.id), "update")
        text = "`docker update` on the host" + (evidence.clock(at) if at else "")
        return Cause(CauseKind.DOCKER_UPDATE, Confidence.LIKELY, text, at=at, evidence=("event update",))
    if before is None or before.engine_id != container.id:
        return _made(container, before, evidence)
    if "create" in actions:
        return _made(container, None, evidence)  # seen while it was on its way, and not judged then
    return _changed_in_place(finding, container, before, evidence)


def _predecessor(container: Container, evidence: Evidence) -> ContainerSeen | None:
    """The container itself as it was, else the one in whose place it stands."""
    same = evidence.was_by_id.get(container.id)
    if same is not None:
        return same
    named = evidence.was.get(container.name)
    if named is not None:
        return named
    place = (container.project, container.service, container.number)
    if container.service is None:
        return None
    return next((one for one in evidence.before if (one.project, one.service, one.number) == place), None)


def _started(container: Container, evidence: Evidence) -> Cause:
    """One that was there, and did not run."""
    at = last_of(evidence.of(container.id), "start") or container.started_at
    text = "started on the host" + (evidence.clock(at) if at else "")
    return Cause(CauseKind.BY_HAND, Confidence.CERTAIN, text, at=at, evidence=("it was there, and did not run",))


def _made(container: Container, before: ContainerSeen | None, evidence: Evidence) -> Cause:
    """Somebody or something made the container that is there, in the place of another one or not."""
    created = next((event for event in evidence.of(container.id) if event.action == "create"), None)
    at = created.at if created is not None else container.created_at
    found = origin(container, before, (one for one in evidence.seen.containers if one is not container))
    replaced = before is not None and before.engine_id != container.id
    word = "re-created" if replaced else "made"
    told = [f"{before.engine_id[:12]} was replaced by {container.id[:12]}"] if replaced and before is not None else []
    told += ["event create"] if created is not None else []
    kind = CauseKind.BY_HAND if found.by_hand else CauseKind.RECREATED
    text = f"{word}{evidence.clock(at) if at else ''} {found.text}"
    # where nobody was there to see it made, something may have happened to it since
    sure = replaced or created is not None or found.confidence is not Confidence.CERTAIN
    return Cause(kind, found.confidence if sure else Confidence.LIKELY, text, found.by, at=at, evidence=(*told, *found.evidence))


def _changed_in_place(finding: Finding, container: Container, before: ContainerSeen, evidence: Evidence) -> Cause:
    """The container is the same one, and a value of it is another."""
    path, events = finding.path or "", evidence.of(container.id)
    if path in UPDATED:
        return _updated(path, container, before, events, evidence)
    if path == "container_name":
        return _renamed(container, before, events, evidence)
    if path.partition(".")[0] in {"networks", "links", "external_links", "mac_address"} or (
        path == "network_mode" and finding.observed == "attached to no network"
    ):
        return _attached(container, before, evidence)
    shared = str(container.host_config.get(_SHARING.get(path, "")) or "")
    if shared.startswith("container:") and shared.removeprefix("container:") not in evidence.seen.by_id:
        text = f"the container that it shares this with was made anew, and {container.name} was not"
        gone = f"{shared[:22]} is not there any more"
        return Cause(CauseKind.RECREATED, Confidence.CERTAIN, text, evidence=(gone,))
    started_at = engine_started_at(evidence.seen)
    if path.startswith(_OF_ENGINE):
        text = "the engine's own default changed (daemon.json): nothing else changes it in a container that stays"
        told = (f"the engine runs since {started_at:%Y-%m-%d %H:%M:%S} UTC",) if started_at is not None else ()
        return Cause(CauseKind.ENGINE_RESTART, Confidence.LIKELY, text, at=started_at, evidence=told)
    if _is_as_before(container, before):
        return _was_so("the container is the same one, configured as before")
    return _unknown("nothing that the engine said tells")


def _updated(path: str, container: Container, before: ContainerSeen, events: Sequence[EventSeen], evidence: Evidence) -> Cause:
    was: Json = before.configuration.get("HostConfig") or {}
    changes = [member for member in UPDATED[path] if (was.get(member) or 0) != (container.host_config.get(member) or 0)]
    at = last_of(events, "update")
    if not changes and (at is None or not _is_as_before(container, before)):
        return _was_so(f"{UPDATED[path][0]} is what it was")
    told = tuple(f"{member} was {_short(was.get(member))}, is {_short(container.host_config.get(member))}" for member in changes)
    text = "`docker update` on the host" + (evidence.clock(at) if at else "")
    # where it was like this already, somebody has looked since who could not judge it
    sure = Confidence.CERTAIN if changes else Confidence.LIKELY
    return Cause(CauseKind.DOCKER_UPDATE, sure, text, at=at, evidence=(*told, *(("event update",) if at else ())))


def _was_so(seen: str) -> Cause:
    """Nothing has happened to the container since the last look."""
    because = "it was so at the last look; since then Git, or a value from outside Git, has changed, or can be read again"
    return replace(_unknown(because), evidence=(seen,))


def _short(value: Json) -> str:
    return str(value.get("Name") or "no") if isinstance(value, Mapping) else str(value or 0)


def _renamed(container: Container, before: ContainerSeen, events: Sequence[EventSeen], evidence: Evidence) -> Cause:
    at = last_of(events, "rename")
    text = f"renamed on the host{evidence.clock(at) if at else ''}, from {before.name}"
    told = (f"{container.id[:12]} was {before.name}", *(("event rename",) if at else ()))
    if container.name == before.name:
        return _unknown("it had this name at the last look already")
    return Cause(CauseKind.BY_HAND, Confidence.CERTAIN, text, at=at, evidence=told)


def _attached(container: Container, before: ContainerSeen, evidence: Evidence) -> Cause:
    """Networks of a container that stays: `docker network connect` and `disconnect`, by hand or by Compose."""
    events = [event for event in evidence.events if event.details.get("container") == container.id]
    words = {event.action.removeprefix("network ") for event in events} & {"connect", "disconnect"}
    at = events[-1].at if words else None
    was, now = before.configuration.get("Networks") or {}, container.configuration["Networks"]
    gone, new = sorted(was.keys() - now.keys()), sorted(now.keys() - was.keys())
    told = [f"event {event.action} {event.name or ''}".rstrip() for event in events]
    told += [f"it was attached to {name}" for name in gone] + [f"it was not attached to {name}" for name in new]
    if not words and _is_as_before(container, before):
        return _unknown("the container is as it was at the last look")
    what = " and ".join(f"`docker network {word}`" for word in ("disconnect", "connect") if word in words)
    what = what or "its networks were changed"
    restarted = any(event.action in {"start", "die"} for event in evidence.of(container.id))
    confidence = Confidence.CERTAIN if words and not restarted else Confidence.LIKELY
    return Cause(
        CauseKind.BY_HAND, confidence, f"{what} on the host{evidence.clock(at) if at else ''}", at=at, evidence=tuple(told)
    )


def _gone(finding: Finding, evidence: Evidence) -> Cause:
    """The container that should be there is not."""
    before = evidence.was.get(finding.container or "") or next(
        (one for one in evidence.before if _place(one) == (finding.project, finding.service, finding.number)), None
    )
    identity = before.engine_id if before is not None else None
    renamed = evidence.seen.by_id.get(identity or "")
    if renamed is not None and before is not None:
        return _renamed(renamed, before, evidence.of(identity), evidence)
    destroyed = [event for event in evidence.events if event.action == "destroy"]
    own = next((one for one in reversed(destroyed) if one.actor == identity or one.name == finding.container), None)
    if own is None and before is None:
        return _unknown("it was not there at the last look either")
    at = own.at if own is not None else None
    others = {one.engine_id for one in evidence.before if one.project == finding.project and one.project is not None}
    down = len(others) > 1 and others <= {one.actor for one in destroyed}
    text = f"removed on the host{evidence.clock(at) if at else ''}" + (", with the whole project" if down else "")
    told = ["event destroy"] if own is not None else ["it was there at the last look"]
    kills = [event.details.get("signal") for event in evidence.of(own.actor) if event.action == "kill"] if own is not None else []
    told += [f"signal {kills[0]} before"] if kills and kills[0] else []
    return Cause(CauseKind.BY_HAND, Confidence.CERTAIN, text, at=at, evidence=tuple(told))


def _of_service(finding: Finding, evidence: Evidence) -> Cause:
    """A number of containers."""
    mine = [event for event in evidence.events if (event.project, event.service) == (finding.project, finding.service)]
    made, removed = ([event for event in mine if event.action == word] for word in ("create", "destroy"))
    was = {one.engine_id for one in evidence.before if (one.project, one.service) == (finding.project, finding.service)}
    now = {one.id for one in evidence.seen.containers if (one.project, one.service) == (finding.project, finding.service)}
    more, fewer = len(now - was), len(was - now)
    if not was or (not more and not fewer):
        return _unknown("as many were there at the last look")
    at = next((event.at for event in reversed((*removed, *made))), None)
    text = f"{'scaled' if more != fewer else 're-created'} on the host{evidence.clock(at) if at else ''}"
    told = [f"{number} {word}" for number, word in ((more, "made"), (fewer, "removed")) if number]
    return Cause(CauseKind.BY_HAND, Confidence.CERTAIN, text, at=at, evidence=tuple(told))


def _of_resource(finding: Finding, evidence: Evidence) -> Cause:
    """A network or a volume."""
    kind, _, rest = (finding.path or "").partition(".")
    word, name = kind.removesuffix("s"), finding.desired if finding.kind is Kind.MISSING else None
    project = finding.project or ""
    names = {name} if name is not None else {rest.partition(".")[0], f"{project}_{rest.partition('.')[0]}"}
    for event in reversed(evidence.events):
        if not event.action.startswith(f"{word} ") or not names & {event.name, event.actor}:
            continue
        action = event.action.removeprefix(f"{word} ")
        if action in {"destroy", "remove"} and finding.kind is Kind.MISSING:
            text = f"removed on the host{evidence.clock(event.at)}"
        elif action == "create" and finding.kind is Kind.CHANGED:
            text = f"made anew on the host{evidence.clock(event.at)}"
        else:
            continue
        return Cause(CauseKind.BY_HAND, Confidence.CERTAIN, text, at=event.at, evidence=(f"event {event.action}",))
    return _unknown("no event tells")


def _place(one: ContainerSeen) -> tuple[str | None, str | None, int]:
    return one.project, one.service, one.number


def _is_as_before(container: Container, before: ContainerSeen) -> bool:
    """Whether it shows nothing that it did not show before, as far as plain values go."""
    now = container.configuration
    return all(_plain(before.configuration.get(key)) == _plain(now[key]) for key in ("HostConfig", "Networks"))


def _plain(value: Json) -> Json:
    """Without secrets, which come as fingerprints out of the database, and without the order of lists."""
    if isinstance(value, Secret | Template) or (isinstance(value, Mapping) and value.keys() & {"secret", "parts"}):
        return None
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return sorted(map(str, map(_plain, value))) if isinstance(value, list | tuple) else value


def _unknown(because: str) -> Cause:
    return Cause(CauseKind.UNKNOWN, Confidence.UNKNOWN, f"not known: {because}")
