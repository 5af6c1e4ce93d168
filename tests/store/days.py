"""Random days in the life of a small fleet, written as the service writes them, and remembered beside the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from hypothesis import strategies as st

from anchorwatch.ledger.look import Look, Patiences
from anchorwatch.ledger.record import freeze, record
from anchorwatch.model.desired import ProjectKey, Stack, UnknownValue
from anchorwatch.model.drifts import Check, Drift, Trigger
from anchorwatch.model.findings import Finding, Severity
from anchorwatch.model.report import ErrorInfo, HostStatus, StackStatus
from anchorwatch.model.service import Patience
from anchorwatch.model.timeline import ContainerSeen, StackSeen
from anchorwatch.store import Store, drifts, hosts, runs, stacks
from tests.store import make
from tests.store.make import BEGIN

PATIENCES = Patiences(Patience(30.0), Patience(600.0))
PLACES = (("pi5", "mealie"), ("pi5", "media"), ("proxmox", "dns"))
PATHS = ("image", "mem_limit")

Seen = tuple[tuple[str, str], ...]
"""What differs: path and value."""


@dataclass(frozen=True)
class Step:
    """Something that the service does, so many seconds after the step before."""

    after: float
    what: str
    place: int = 0
    seen: Seen = ()
    settled: bool = True
    state: str = "running"
    unknown: bool = False


waits = st.sampled_from([0.25, 10.0, 31.0, 90.0, 700.0, 4000.0])
seen = st.lists(st.tuples(st.sampled_from(PATHS), st.sampled_from(["1", "2"])), max_size=2, unique_by=lambda one: one[0]).map(
    tuple
)
looks = st.builds(
    Step,
    waits,
    st.just("look"),
    st.integers(0, len(PLACES) - 1),
    seen,
    settled=st.sampled_from([True, True, True, False]),
    state=st.sampled_from(["running", "running", "exited"]),
    unknown=st.sampled_from([False, False, False, True]),
)
others = st.builds(Step, waits, st.sampled_from(["blind", "lost", "found", "restart", "away"]), st.integers(0, len(PLACES) - 1))
days = st.lists(st.one_of(looks, looks, looks, others), min_size=1, max_size=14)


@dataclass
class Moment:
    """What was so from a moment on, as the test knows it."""

    at: datetime
    watched: bool
    reachable: frozenset[str]
    drifts: tuple[Drift, ...]
    looked: dict[int, StackStatus]
    """What the last look of this run came to, by place."""
    found: dict[int, frozenset[Finding]]
    """What the last look saw, where it was a settled one that judged everything."""
    containers: dict[int, ContainerSeen]
    remarks: dict[int, tuple[UnknownValue, ...]] = field(default_factory=dict)


class Days:
    """Writes steps, and remembers what was so after each."""

    def __init__(self, store: Store) -> None:
        self.store, self.now = store, BEGIN
        self.moments: list[Moment] = []
        with store.write() as write:
            for host, name in PLACES:
                hosts.record(write, make.host(BEGIN, host))
                stack = Stack(host, name, f"{host}/{name}", (f"{host}/{name}/compose.yml",))
                definition = {"services": {name: {"image": "x:1"}}}
                stacks.record(write, [StackSeen(stack, name, "a" * 40, definition)], BEGIN)
            self.run = runs.begin(write, "1.0", BEGIN)
        self._remember(looked={}, found={}, containers={}, watched=True, reachable=frozenset({"pi5", "proxmox"}), remarks={})

    def live(self, steps: Sequence[Step]) -> None:
        """Every step; then the service ends."""
        for step in steps:
            self.now += timedelta(seconds=step.after)
            self._do(step)
        self.now += timedelta(seconds=5)
        with self.store.write() as write:
            runs.alive(write, self.run, self.now)

    def _do(self, step: Step) -> None:
        last = self.moments[-1]
        host = PLACES[step.place][0]
        if not last.watched:
            self._restart(last)
            last = self.moments[-1]
        match step.what:
            case "look":
                if host in last.reachable:
                    self._look(step, last)
            case "blind":
                self._write(step.place, None, last, step)
            case "lost" | "found":
                lost = step.what == "lost"
                status = HostStatus.UNREACHABLE if lost else HostStatus.OK
                with self.store.write() as write:
                    hosts.record(write, make.host(self.now, host, status=status))
                    if lost:
                        freeze(write, host)
                reachable = last.reachable - {host} if lost else last.reachable | {host}
                self._remember_as(last, reachable=reachable)
            case "restart":
                self._end(last)
                self._restart(self.moments[-1])
            case "away":
                self._end(last)

    def _end(self, last: Moment) -> None:
        with self.store.write() as write:
            runs.end(write, self.run, self.now)
        self._remember_as(last, watched=False)

    def _restart(self, last: Moment) -> None:
        self.now += timedelta(seconds=1)
        with self.store.write() as write:
            self.run = runs.begin(write, "1.0", self.now)
            freeze(write)
        self._remember_as(last, watched=True, looked={})

    def _look(self, step: Step, last: Moment) -> None:
        host, name = PLACES[step.place]
        found = tuple(
            make.finding(path, host=host, stack=name, project=name, service=name, container=name, observed=value,
                         message=f"{path} is {value}", severity=Severity(int(value)))
            for path, value in step.seen
        )  # fmt: skip
        self._write(step.place, found, last, step)

    def _write(self, place: int, found: tuple[Finding, ...] | None, last: Moment, step: Step) -> None:
        host, name = PLACES[place]
        unknown = (UnknownValue(name, "environment.TZ", "TZ is set nowhere"),) if step.unknown and found is not None else ()
        status = StackStatus.UNKNOWN if found is None else StackStatus.DRIFTED if found else StackStatus.IN_SYNC
        error = ErrorInfo("bad_yaml", "no YAML") if found is None else None
        key = ProjectKey(host, name)
        check = Check(
            key, Trigger.RESYNC, self.now, 0.01, status, revision="a" * 40, findings=len(found or ()), unknown=len(unknown),
            run=self.run, error=error, unknown_values=unknown,
        )  # fmt: skip
        look = Look(key, self.now, Trigger.RESYNC, found, settled=step.settled, revision="a" * 40, unknown=unknown)
        container = make.container(name, state=step.state, project=name)
        with self.store.write() as write:
            record(write, check, look, PATIENCES, None if found is None else [container])
        judged = {} if found is None or unknown or not step.settled else {place: frozenset(found)}
        self._remember_as(
            last,
            looked={**last.looked, place: status},
            found={**{at: one for at, one in last.found.items() if at != place}, **judged},
            containers={**last.containers, **({} if found is None else {place: container})},
            remarks={**last.remarks, place: unknown},
        )

    def _remember_as(self, last: Moment, **more: object) -> None:
        fields = {"looked", "found", "containers", "watched", "reachable", "remarks"}
        self._remember(**{name: more.get(name, getattr(last, name)) for name in fields})  # type: ignore[arg-type]

    def _remember(
        self,
        *,
        looked: dict[int, StackStatus],
        found: dict[int, frozenset[Finding]],
        containers: dict[int, ContainerSeen],
        watched: bool,
        reachable: frozenset[str],
        remarks: dict[int, tuple[UnknownValue, ...]],
    ) -> None:
        with self.store.read() as read:
            known = tuple(drifts.unresolved(read))
        self.moments.append(Moment(self.now, watched, reachable, known, looked, found, containers, remarks))


def as_shown(drift: Drift) -> Drift:
    """Without what no report shows of a drift at a moment."""
    return replace(drift, changed_at=BEGIN, opens_at=None, opened_at=None, revision=None)
