"""The watch over a fleet, as one config describes it: a repo, its hosts, and a thread for each listener and each worker.

A new config makes a new one. It begins with `start`, and after `stop` none of its threads lives.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Protocol

from anchorwatch import clock
from anchorwatch.check.repo import record_state
from anchorwatch.errors import AnchorwatchError, StoreError
from anchorwatch.ledger.farewell import part_with
from anchorwatch.ledger.fleet import record_repo
from anchorwatch.model.address import HostAddress
from anchorwatch.model.desired import DesiredState
from anchorwatch.model.drifts import Transition, Trigger
from anchorwatch.model.health import Pulse
from anchorwatch.model.report import ErrorInfo
from anchorwatch.model.settings import Policy
from anchorwatch.model.timeline import Push
from anchorwatch.store import Store, Writing, cursors
from anchorwatch.watch import triggers
from anchorwatch.watch.docker_events import DockerListener
from anchorwatch.watch.host import HostWatch, Surroundings
from anchorwatch.watch.turns import Cause

log = logging.getLogger(__name__)

BLIND_PATIENCE = 60.0
"""Seconds for which the repo may be out of reach before anybody is told."""
DEAF_RESYNC = 30.0
"""Seconds between two looks at a host whose events cannot be heard."""


class RepoListener(Protocol):
    """What follows the repo (`git_commits.GitListener`)."""

    def run(self, stop: threading.Event) -> None:
        """The thread."""

    def nudge(self) -> None:
        """Look now."""

    def close(self) -> None:
        """Ends what it waits for."""

    @property
    def pulse(self) -> Pulse:
        """How it is."""


class FleetWatch:
    """See the module. `died` is told of a thread that ended though nobody stopped it."""

    def __init__(
        self,
        hosts: Sequence[tuple[HostAddress, Policy]],
        around: Surroundings,
        follow: Callable[[FleetWatch], RepoListener],
        died: Callable[[str, BaseException | None], None],
    ) -> None:
        self._around = replace(around, desired=lambda: self.desired)
        self._store: Store = around.ground.store
        self._died = died
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self.desired: DesiredState | None = None
        """What the repo says, as it was read last."""
        self.blind_for: AnchorwatchError | None = None
        """Why the repo cannot be read now; what it said last stays in force."""
        self.repo_trouble: ErrorInfo | None = None
        """Why what it says could not be remembered."""
        self.hosts: Mapping[str, HostWatch] = {
            address.name: HostWatch(address, policy, self._around) for address, policy in hosts
        }
        self.listeners: Mapping[str, DockerListener] = {
            address.name: DockerListener(address, self.hosts[address.name], cursor=self._cursor(address.name))
            for address, _ in hosts
        }
        self.repo = follow(self)
        self._blind_since = 0.0
        self._blind_told = True
        """Whether it stands written that the repo cannot be read; not known at first."""
        self._resynced = dict.fromkeys(self.hosts, time.monotonic())

    # -- threads ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begins to watch. Hosts that are not watched any more are parted with."""
        with self._store.write() as write:
            part_with(write, list(self.hosts), clock.now())
        self._thread("repo", partial(self.repo.run, self._stop))
        for name, host in self.hosts.items():
            self._thread(f"worker:{name}", host.work)
            self._thread(f"docker:{name}", partial(self.listeners[name].run, self._stop))

    def stop(self, within: float) -> bool:
        """Ends every thread; False if one still lives after `within` seconds."""
        until = time.monotonic() + within
        self._stop.set()
        self.repo.close()
        for listener in self.listeners.values():
            listener.close()
        for host in self.hosts.values():
            host.stop()
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        alive = [thread.name for thread in self._threads if thread.is_alive()]
        if alive:
            log.warning("these did not end in time: %s", ", ".join(alive))
        else:
            self.save_cursors()
        return not alive

    def _thread(self, name: str, body: Callable[[], None]) -> None:
        def guarded() -> None:
            error: BaseException | None = None
            try:
                body()
            except BaseException as problem:  # whatever it is: a thread that ends silently is a watch that nobody keeps
                error = problem
                log.critical("%s ended", name, exc_info=problem)
            if not self._stop.is_set():
                self._died(name, error)

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    # -- what the listener of the repo says ------------------------------------------------------------------------------

    def committed(
        self,
        before: DesiredState | None,
        after: DesiredState,
        push: Push,
    ) -> None:
        """The repo says something else from now on: what that touches is looked at, and it is remembered."""
        self.desired, self.blind_for = after, None
        for mistake in after.mistakes:
            log.error("%s; this rule of the repo is not applied", mistake)
        if before is None:
            for host in self.hosts.values():
                host.look_at_all(Cause(Trigger.COMMIT, "the repo was read"))
        else:
            hint = triggers.of_commit(before, after)
            if before.ignore != after.ignore:
                for host in self.hosts.values():
                    host.look_at_all(Cause(Trigger.COMMIT, "other rules in the repo"))
            for name, host in self.hosts.items():
                keys = [] if hint is None else [key for key in hint.keys if key.host == name]
                if hint is not None and keys:
                    host.queue.ask(keys, Cause(Trigger.COMMIT, hint.reason))
        known = None if self.repo_trouble is not None else before
        self._remember(lambda write, at: record_state(write, known, after, push, list(self.hosts), at))

    def blind(self, error: AnchorwatchError) -> None:
        """The repo cannot be read. What it said last stays in force; people are told if this lasts."""
        self._blind_since = time.monotonic() if self.blind_for is None else self._blind_since
        self.blind_for = error
        log.error("the repo cannot be read: %s", error.message)

    def sees(self) -> None:
        """It can be read again."""
        self.blind_for = None
        log.info("the repo can be read again")

    def _remember(self, record: Callable[[Writing, datetime], Sequence[Transition]]) -> None:
        """Writes something about the repo, with what is to be told of it."""
        at = clock.now()
        try:
            with self._store.write() as write:
                transitions = record(write, at)
                self._around.ground.promise(write, transitions, at)
        except StoreError as error:
            self.repo_trouble = ErrorInfo.of(error)
            log.error("what the repo says could not be remembered: %s", error.message)
        else:
            self.repo_trouble = None
            if transitions:
                self._around.tell()

    # -- chores ----------------------------------------------------------------------------------------------------------

    def look_at_the_repo(self) -> None:
        """Remembers, and tells, that the repo cannot be read, once that has lasted; and that it can be again."""
        error = self.blind_for
        if error is not None and time.monotonic() - self._blind_since < BLIND_PATIENCE:
            return
        if (error is not None) is self._blind_told:
            return
        told = None if error is None else ErrorInfo.of(error)

        def record(write: Writing, at: datetime) -> Sequence[Transition]:
            transition = record_repo(write, told, at, Trigger.COMMIT)
            return () if transition is None else (transition,)

        self._remember(record)
        if self.repo_trouble is None:
            self._blind_told = error is not None

    def resync(self, every: float) -> None:
        """Looks at everything on hosts that were not looked at as a whole for `every` seconds; sooner on those without events."""
        now = time.monotonic()
        for name, host in self.hosts.items():
            if now - self._resynced[name] >= (every if host.deaf_for is None else min(every, DEAF_RESYNC)):
                self._resynced[name] = now
                host.look_at_all(Cause(Trigger.RESYNC, "resync"), whole=True)

    def save_cursors(self) -> None:
        """Remembers how far each listener has read."""
        at = clock.now()
        with self._store.write() as write:
            for name, listener in self.listeners.items():
                if listener.cursor is not None:
                    cursors.put(write, f"docker:{name}", listener.cursor, at)

    def _cursor(self, host: str) -> str | None:
        with self._store.read() as read:
            found = cursors.get(read, f"docker:{host}")
        return None if found is None else found.position
