"""The watch over a fleet, as one config describes it: a repo, its hosts, and a thread for each listener and each worker.

A new config makes a new one. It begins with `start`, and after `stop` none of its threads lives. What the repo says is written in
the end, however often that fails: what does not stand in the database yet is kept, and `catch_up` writes it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import chain
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
UNRECORDED = 200
"""Pushes that are kept while the database cannot be written; of older ones the commits are not remembered."""
_GIT = "git"
"""The cursor that says up to which revision the repo was recorded."""


class RepoListener(Protocol):
    """What follows the repo (`git_commits.GitListener`)."""

    def run(self, stop: threading.Event) -> None:
        """The thread."""

    def nudge(self) -> None:
        """Look now."""

    def doubt(self) -> None:
        """Look now, if nothing else would tell of what is new."""

    def close(self) -> None:
        """Ends what it waits for."""

    @property
    def pulse(self) -> Pulse:
        """How it is."""

    @property
    def turned_at(self) -> float:
        """When it last showed that it lives, by a clock that only goes forward."""

    @property
    def turn_within(self) -> float:
        """Seconds after which it should have shown that again."""


class FleetWatch:
    """See the module. `died` is told of a thread that ended though nobody stopped it."""

    def __init__(
        self,
        hosts: Sequence[tuple[HostAddress, Policy]],
        around: Surroundings,
        follow: Callable[[FleetWatch], RepoListener],
        died: Callable[[str, BaseException | None], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = monotonic
        self._around = replace(around, desired=lambda: self.desired, doubt=self._ask_git)
        self._store: Store = around.ground.store
        self._died = died
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self.desired: DesiredState | None = None
        """What the repo says, as it was read last."""
        self.blind_for: AnchorwatchError | None = None
        """Why the repo cannot be read now; what it said last stays in force."""
        self._troubles: dict[str, ErrorInfo] = {}
        """Why something about it could not be remembered, by what that is."""
        self._recording = threading.Lock()
        self._recorded: DesiredState | None = None
        """What stands in the database of what it says, as far as that was written by us."""
        self._unrecorded: deque[Push] = deque(maxlen=UNRECORDED)
        """How it came from there to what it says now."""
        self._to_part = True
        """Whether hosts that are not watched any more have still to be parted with."""
        self.hosts: Mapping[str, HostWatch] = {
            address.name: HostWatch(address, policy, self._around) for address, policy in hosts
        }
        self.listeners: Mapping[str, DockerListener] = {}
        """Those of the hosts, from `start` on: only then is it certain how far an earlier watch has read."""
        self._marks: dict[str, tuple[str, int]] = {}
        """Where each of them was once, and how many events had been heard by then, until these are written."""
        self._addresses = tuple(address for address, _ in hosts)
        self.repo = follow(self)
        self._blind_since = 0.0
        self._blind_told: bool | None = None
        """Whether it stands written that the repo cannot be read; None: not known."""
        self._resynced = dict.fromkeys(self.hosts, monotonic())

    # -- threads ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begins to watch. Hosts that are not watched any more are parted with.

        Whatever watched the same hosts before has ended by now.
        """
        self.listeners = {
            each.name: DockerListener(each, self.hosts[each.name], cursor=self._cursor(f"docker:{each.name}"))
            for each in self._addresses
        }
        self._part()
        self._thread("repo", partial(self.repo.run, self._stop))
        for name, host in self.hosts.items():
            self._thread(f"worker:{name}", host.work)
            self._thread(f"docker:{name}", partial(self.listeners[name].run, self._stop))

    def stop(self, within: float) -> Sequence[str]:
        """Ends every thread. Returns those that still live after `within` seconds; it may be called again then."""
        until = time.monotonic() + within
        self._stop.set()
        self.repo.close()
        for listener in self.listeners.values():
            listener.close()
        for host in self.hosts.values():
            host.stop()
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return [thread.name for thread in self._threads if thread.is_alive()]

    @property
    def recorded(self) -> str | None:
        """The revision up to which the repo stands in the database; None before there is one."""
        return self._cursor(_GIT)

    @property
    def repo_trouble(self) -> ErrorInfo | None:
        """Why something that is to be known of the repo and the hosts could not be remembered."""
        return next(iter(tuple(self._troubles.values())), None)

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
        if push.forced:
            log.warning("the history of the repo was rewritten: %s does not come from %s", push.after, push.before)
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
        with self._recording:
            self._unrecorded.append(push)
        self._record()

    def blind(self, error: AnchorwatchError) -> None:
        """The repo cannot be read. What it said last stays in force; people are told if this lasts."""
        self._blind_since = self._clock() if self.blind_for is None else self._blind_since
        self.blind_for = error
        log.error("the repo cannot be read: %s", error.message)

    def _ask_git(self) -> None:
        """Whoever pushed a commit may have deployed it before the next poll: then it is that, and no drift. Any thread."""
        if self.blind_for is None:  # else it is tried again in its own time
            self.repo.doubt()

    def sees(self) -> None:
        """It can be read again."""
        self.blind_for = None
        log.info("the repo can be read again")

    def _record(self) -> None:
        """Writes what the repo says, as far as it does not stand in the database: the listener's thread, and the chore's."""
        with self._recording:
            after = self.desired
            if after is None or not self._unrecorded:
                return
            pushes = tuple(self._unrecorded)
            commits = tuple(chain.from_iterable(push.commits for push in reversed(pushes)))
            push, before = replace(pushes[-1], before=pushes[0].before, commits=commits), self._recorded

            def record(write: Writing, at: datetime) -> Sequence[Transition]:
                transitions = record_state(write, before, after, push, list(self.hosts), at)
                if after.revision is not None:
                    cursors.put(write, _GIT, after.revision, at)
                return transitions

            if self._remember("state", record):
                self._recorded = after
                self._unrecorded.clear()

    def _part(self) -> None:
        def record(write: Writing, at: datetime) -> Sequence[Transition]:
            part_with(write, list(self.hosts), at)
            return ()

        self._to_part = self._to_part and not self._remember("parting", record)

    def _remember(self, what: str, record: Callable[[Writing, datetime], Sequence[Transition]]) -> bool:
        """Writes something, with what is to be told of it; False where that was not possible."""
        at = clock.now()
        try:
            with self._store.write() as write:
                transitions = record(write, at)
                self._around.ground.promise(write, transitions, at)
        except StoreError as error:
            trouble = ErrorInfo.of(error)
            if self._troubles.get(what) != trouble:
                log.error("what is known of the repo could not be remembered (%s), and waits: %s", what, error.message)
            self._troubles[what] = trouble
            return False
        self._troubles.pop(what, None)
        if transitions:
            self._around.tell()
        return True

    # -- chores ----------------------------------------------------------------------------------------------------------

    def catch_up(self) -> None:
        """Writes what could not be written when it was due."""
        if self._to_part:
            self._part()
        self._record()

    def look_at_the_repo(self) -> None:
        """Remembers, and tells, that the repo cannot be read, once that has lasted; and that it can be again."""
        error = self.blind_for
        if error is None and self.desired is None:  # nobody knows yet
            return
        if error is not None and self._clock() - self._blind_since < BLIND_PATIENCE:
            return
        if (error is not None) is self._blind_told:
            return
        told = None if error is None else ErrorInfo.of(error)

        def record(write: Writing, at: datetime) -> Sequence[Transition]:
            transition = record_repo(write, told, at, Trigger.COMMIT)
            return () if transition is None else (transition,)

        if self._remember("readable", record):
            self._blind_told = error is not None

    def resync(self, every: float) -> None:
        """Looks at everything on hosts that were not looked at as a whole for `every` seconds; sooner on those without events."""
        now = self._clock()
        for name, host in self.hosts.items():
            if now - self._resynced[name] >= (min(every, DEAF_RESYNC) if host.is_deaf else every):
                self._resynced[name] = now
                host.look_at_all(Cause(Trigger.RESYNC, "resync"), whole=True)

    def save_cursors(self) -> None:
        """Remembers of each listener up to where everything that it has heard is written: where it is now, or where it was at an
        earlier call, on a host that never is silent. What came since is heard again by the next run."""
        found: dict[str, str] = {}
        for name, listener in self.listeners.items():
            host, cursor = self.hosts[name], listener.cursor
            if cursor is None:
                continue
            now = cursor, host.noted  # asked for after the cursor: what lies before that has been noted
            marks = [one for one in (self._marks.get(name, now), now) if one[1] <= host.written_to]
            if marks:
                found[name] = marks[-1][0]
            if marks or name not in self._marks:
                self._marks[name] = now
        at = clock.now()
        with self._store.write() as write:
            for name, cursor in found.items():
                cursors.put(write, f"docker:{name}", cursor, at)

    def _cursor(self, name: str) -> str | None:
        with self._store.read() as read:
            found = cursors.get(read, name)
        return None if found is None else found.position
