"""A small fleet with a past, in a state database: written by the ledger and the store, some of it a moment ago."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from anchorwatch.ledger.look import Look, Patiences
from anchorwatch.ledger.record import record
from anchorwatch.model.cause import Cause, CauseKind, Confidence
from anchorwatch.model.desired import ProjectKey, Stack, UnknownValue
from anchorwatch.model.drifts import NO_PROJECT, Acceptance, Check, Delivery, DeliveryState, Reason, Side, Transition, Trigger
from anchorwatch.model.findings import Finding, Kind, Note, Severity
from anchorwatch.model.report import ErrorInfo, HostStatus, StackStatus
from anchorwatch.model.service import Patience
from anchorwatch.model.silences import Matcher, Silence
from anchorwatch.model.timeline import Commit, ContainerSeen, EventSeen, HostSeen, StackSeen
from anchorwatch.model.values import Secret
from anchorwatch.store import (
    Store,
    Writing,
    commits,
    cursors,
    deliveries,
    drift_spans,
    drifts,
    events,
    hosts,
    runs,
    silences,
    stacks,
)
from tests.store.places import Place

PASSWORD = "correct horse battery staple"
PATIENCES = Patiences(Patience(30.0), Patience(600.0))
REVISION = "4f0c" + "0123456789ab" * 3
HOSTILE = "=cmd|'/c calc'!A1\x1b[31m<script>alert(1)</script>\u202e"


@dataclass(frozen=True)
class Lived(Place):
    """A place with a world in it, made at `now`."""

    now: datetime

    def ago(self, **time: float) -> datetime:
        """So long before that."""
        return self.now - timedelta(**time)


def finding(path: str | None = "mem_limit", **more: object) -> Finding:
    """A drift of mealie on pi5, or another one."""
    given: dict[str, object] = {
        "host": "pi5", "kind": Kind.CHANGED, "message": f"{path} is 1 GiB, Git says 512 MiB", "stack": "mealie",
        "project": "mealie", "service": "mealie", "container": "mealie", "desired": "512 MiB", "observed": "1 GiB",
        "fix": "docker compose -p mealie up -d --force-recreate mealie",
    }  # fmt: skip
    return Finding(path=path, **(given | more))  # type: ignore[arg-type]


MEMORY = finding()
LABEL = finding("labels.note", severity=Severity.INFO, message="labels.note is x", desired=HOSTILE, observed=None)
FOREIGN = finding(
    None, kind=Kind.UNMANAGED, stack=None, project=None, service=None, container="watchtower", desired=None, observed="running",
    fix=None, message="watchtower runs, and Git does not declare it",
)  # fmt: skip
OLD = finding("image", host="proxmox", stack="dns", project="dns", service="dns", container="dns", message="image is x:2")


def container(name: str, project: str | None, **more: object) -> ContainerSeen:
    given: dict[str, object] = {
        "engine_id": f"{name}-1", "image_id": "sha256:1", "state": "running", "project": project, "service": project and name,
        "configuration": {"Config": {"Image": f"{name}:1"}, "Env": {"PASSWORD": Secret(PASSWORD)}, "HostConfig": {"Memory": 0}},
    }  # fmt: skip
    return ContainerSeen(name=name, **(given | more))  # type: ignore[arg-type]


class World:
    """Writes the past; `run` is the run that goes on."""

    def __init__(self, store: Store, *, silent_for: float = 0.0) -> None:
        self.store = store
        self.now = datetime.now(UTC).replace(microsecond=0)
        ago = self.ago
        with store.write() as write:
            self.run = runs.begin(write, "1.0", ago(days=9))
            for name in ("pi5", "proxmox"):
                hosts.record(write, HostSeen(name, f"ssh://admin@{name}", ago(days=9), HostStatus.OK, None, name, "28.5.2"))
            for host, name in (("pi5", "mealie"), ("pi5", "media"), ("proxmox", "dns")):
                stack = Stack(host, name, f"{host}/{name}", (f"{host}/{name}/compose.yml",))
                definition = {"services": {name: {"image": f"{name}:1", "environment": {"PASSWORD": Secret(PASSWORD)}}}}
                stacks.record(write, [StackSeen(stack, name, REVISION, definition)], ago(days=9))
            commits.record(write, Commit(REVISION, ago(days=9), "Ada", f"a {HOSTILE} commit"), [("pi5", "mealie")], ago(days=9))
            cursors.remember(write, "desired", {"revision": REVISION, "not_stacks": [["common/x.yml", "fragment"]]}, ago(days=9))
        self.look("proxmox", "dns", ago(days=9))
        for days in (8, 6, 4):  # drifted for an hour, three nights
            for hours, found in ((0.0, (OLD,)), (0.2, (OLD,)), (1.0, ())):
                self.look("proxmox", "dns", ago(days=days) + timedelta(hours=hours), *found, side=Side.GIT)
        self.look("pi5", "media", ago(days=9))
        self.look("pi5", None, ago(days=9), FOREIGN)
        self.look("pi5", "mealie", ago(days=9))
        for minutes in (180, 179):
            self.look("pi5", "mealie", ago(minutes=minutes), MEMORY, LABEL, cause=True)
        self.look("pi5", None, ago(days=8), FOREIGN)
        with store.write() as write:
            events.add(write, [EventSeen("pi5", ago(minutes=181), "update", "mealie-1", "mealie", "mealie", "mealie")])
            self.accept(write, LABEL)
            until = self.now + timedelta(days=5)
            silences.add(write, Silence(Matcher(container="watchtower"), ago(days=1), until, None, "known"))
            self.tell(write, MEMORY)
        standing: dict[str | None, tuple[Finding, ...]] = {"mealie": (MEMORY, LABEL), None: (FOREIGN,)}
        for host, project in (("pi5", "mealie"), ("pi5", "media"), ("pi5", None), ("proxmox", "dns")):
            self.look(host, project, ago(seconds=20), *standing.get(project, ()))
        with store.write() as write:
            runs.alive(write, self.run, self.now - timedelta(seconds=silent_for))

    def ago(self, **time: float) -> datetime:
        """So long before the world was made."""
        return self.now - timedelta(**time)

    def look(
        self,
        host: str,
        project: str | None,
        at: datetime,
        *found: Finding,
        unknown: tuple[UnknownValue, ...] = (),
        side: Side = Side.HOST,
        cause: bool = False,
    ) -> None:
        """One look at a key."""
        key = ProjectKey(host, project or NO_PROJECT)
        status = StackStatus.DRIFTED if found else StackStatus.IN_SYNC
        unknown = tuple(unknown) or (
            (UnknownValue("media", "environment.TZ", "TZ is set nowhere"),) if project == "media" else ()
        )
        check = Check(
            key, Trigger.RESYNC, at, 0.01, status, revision=REVISION, findings=len(found), unknown=len(unknown), run=self.run,
            unknown_values=unknown, notes=(Note("media", "image", "runs an older build"),) if project == "media" else (),
        )  # fmt: skip
        told = Cause(
            CauseKind.DOCKER_UPDATE, Confidence.CERTAIN, "docker update on the host", at=at - timedelta(seconds=1, microseconds=7)
        ).as_json()
        look = Look(
            key, at, Trigger.RESYNC, tuple(found), revision=REVISION, unknown=unknown, sides={one.id: side for one in found},
            causes={one.id: told for one in found} if cause else {},
        )  # fmt: skip
        seen = [container(project, project)] if project else [container("watchtower", None)]
        with self.store.write() as write:
            record(write, check, look, PATIENCES, seen)

    def accept(self, write: Writing, finding: Finding) -> None:
        """Somebody accepts a drift until tomorrow."""
        ago = self.ago
        drift = drifts.get(write, finding.id)
        assert drift is not None
        taken = replace(
            drift, acceptance=Acceptance(ago(minutes=60), drift.finding.observed, self.now + timedelta(days=1), "fine")
        )
        drifts.save(write, [taken])
        drift_spans.record(write, [taken], ago(minutes=60))

    def tell(self, write: Writing, finding: Finding) -> None:
        """A message about the newest transition of a drift has arrived."""
        from anchorwatch.store import transitions

        newest: Transition = transitions.of_drift(write, finding.id)[-1]
        assert newest.reason == Reason.GRACE_OVER
        deliveries.promise(
            write, [Delivery(newest.id or 0, "mail", newest.at, state=DeliveryState.SENT, attempt=1, done_at=newest.at)]
        )

    def lose(self, host: str, at: datetime) -> None:
        """A host cannot be reached."""
        error = ErrorInfo("timeout", "no answer within 10 s", "look whether it is up")
        with self.store.write() as write:
            hosts.record(write, HostSeen(host, f"ssh://admin@{host}", at, HostStatus.UNREACHABLE, error, host, "28.5.2"))
