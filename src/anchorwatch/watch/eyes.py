"""How the service looks at one host: its connection, what it saw last, and what came of comparing that.

For one thread, the host's worker, but for what says otherwise. What has not changed since the last look is taken from there: an
event costs the list of containers and the inspection of a project, not the whole host.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from anchorwatch.check.made_from import Past, compared
from anchorwatch.compare import HostComparison, Memo
from anchorwatch.model.address import HostAddress
from anchorwatch.model.desired import BrokenStack, DesiredProject, DesiredState, ProjectKey
from anchorwatch.model.observed import Renewal, Snapshot
from anchorwatch.model.settings import IgnoreRule, Policy
from anchorwatch.observed import connect
from anchorwatch.watch.heard import Heard

LASTING = 240.0
"""Seconds for which a connection is taken to lead where the address does: less than between two resyncs. One that is kept leads
to the same engine for ever, though the address may have been given to another one while both live, or a context name another."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A snapshot, and what came of comparing it."""

    snapshot: Snapshot
    compared: HostComparison
    began: float
    """By the clock that only goes forward."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the repo wants of one host."""

    projects: tuple[DesiredProject, ...]
    broken: tuple[BrokenStack, ...]
    images: frozenset[str]
    """As Git names them."""
    ignore: tuple[IgnoreRule, ...] = ()
    """The repo's own standing rules."""

    @classmethod
    def of(cls, desired: DesiredState, host: str) -> Wanted:
        """The part of `desired` that is meant for `host`."""
        projects = tuple(project for project in desired.projects if project.stack.host == host)
        named = (service.config.get("image") for project in projects for service in project.services.values())
        return cls(
            projects,
            tuple(one for one in desired.broken if one.stack.host == host),
            frozenset(name for name in named if isinstance(name, str)),
            desired.ignore,
        )

    def project(self, key: ProjectKey) -> DesiredProject | None:
        """The stack of a key, if it has one that can be read."""
        return next((one for one in self.projects if one.key == key), None)

    def unreadable(self, key: ProjectKey) -> BrokenStack | None:
        """The stack of a key, if it has one that cannot be read."""
        return next((one for one in self.broken if one.project == key.project), None)


NOTHING = Wanted((), (), frozenset())
"""Before the repo has been read."""


class Eyes:
    """One host, looked at again and again."""

    def __init__(
        self, address: HostAddress, policy: Policy, heard: Heard, past: Past, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._address = address
        self._connection = connect(address)
        self._connected_at = clock()
        self._past = past
        self._policy = policy
        self._heard = heard
        self._clock = clock
        self._memo = Memo()
        self._last: Sight | None = None
        self._wanted: Wanted | None = None
        self._whole_at = float("-inf")
        self._read_whole_at = float("-inf")

    @property
    def last(self) -> Sight | None:
        """What was seen last."""
        return self._last

    def look_whole(self, now: float) -> None:
        """Nothing that was seen before `now` is to be relied on any more. Any thread may say so."""
        self._whole_at = now

    def look(self, key: ProjectKey, wanted: Wanted, due: float, *, alone: bool = False) -> Sight:
        """The host as it is, or as it was at some moment since `due`; of `key` nothing is older than that. Raises `HostError`.

        `alone`: a glance at that key, for which other containers may count as they were seen last; another look has to follow.
        """
        began = self._clock()
        last = self._last
        if last is not None and last.began >= due and self._read_whole_at >= self._whole_at:
            return last if self._wanted is wanted else self._compare(last.snapshot, wanted, last.began)
        touched = self._heard.touched(began)
        whole = last is None or self._read_whole_at < self._whole_at or touched.everything
        if whole and began - self._connected_at > LASTING:
            self._connection.close()
            self._connection, self._connected_at = connect(self._address), began
        try:
            if whole or last is None:
                snapshot = self._connection.snapshot(images_for=wanted.images)
            else:
                renew = Renewal(
                    last.snapshot,
                    key.project,
                    frozenset(_claimed(wanted.project(key))),
                    touched.containers,
                    touched.resources,
                    alone,
                )
                snapshot = self._connection.snapshot(images_for=wanted.images, renew=renew)
            sight = self._compare(snapshot, wanted, began if whole or last is None or not alone else last.began)
        except BaseException:
            self._heard.again(touched, self._clock())
            raise
        if whole:
            self._read_whole_at = began
        return sight

    def differs(self, project: DesiredProject) -> Collection[str]:
        """The IDs of what the host, as it was seen last, differs in from another version of one of its projects."""
        from anchorwatch.store.drifts import as_stored

        if self._last is None:
            return ()
        found = compared([project], [], self._last.snapshot, self._policy, lambda: self._past)
        return {as_stored(finding).id for stack in found.stacks for finding in (*stack.findings, *stack.ignored)}

    def interrupt(self) -> None:
        """Ends a look that waits for the host. Any thread may say so."""
        self._connection.interrupt()

    def close(self) -> None:
        """Lets go of the host."""
        self._connection.close()

    def _compare(self, snapshot: Snapshot, wanted: Wanted, began: float) -> Sight:
        policy = self._policy.with_rules(wanted.ignore)
        found = compared(wanted.projects, wanted.broken, snapshot, policy, lambda: self._past, self._memo)
        self._last, self._wanted = Sight(snapshot, found, began), wanted
        return self._last


def _claimed(project: DesiredProject | None) -> Collection[str]:
    """The names that a project's services give their containers."""
    if project is None:
        return ()
    named = (service.config.get("container_name") for service in project.services.values())
    return [name for name in named if isinstance(name, str)]
