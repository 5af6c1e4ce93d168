"""A repo that is followed: the listener, in a thread or turn by turn, and everything that it says, in order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lab.compose import Compose
from lab.waiting import eventually

from anchorwatch.desired.reader import DesiredReader, Sources
from anchorwatch.errors import AnchorwatchError
from anchorwatch.model.desired import DesiredProject, DesiredState
from anchorwatch.model.settings import HostLayout, RepoSource
from anchorwatch.model.timeline import Push
from anchorwatch.watch.git_commits import GitListener

STACKS = {"web/compose.yml": "services: {web: {image: 'web:1'}}\n", "db/compose.yml": "services: {db: {image: 'db:1'}}\n"}
LAYOUT = HostLayout("pi5", ("*",))


@dataclass
class Heard:
    """What the listener said."""

    words: list[str] = field(default_factory=list)
    pushes: list[Push] = field(default_factory=list)
    states: list[DesiredState] = field(default_factory=list)
    errors: list[AnchorwatchError] = field(default_factory=list)

    def committed(self, before: DesiredState | None, after: DesiredState, push: Push) -> None:
        assert before is (self.states[-1] if self.states else None)
        self.states.append(after)
        self.pushes.append(push)
        self.words.append("committed")

    def blind(self, error: AnchorwatchError) -> None:
        self.errors.append(error)
        self.words.append("blind")

    def sees(self) -> None:
        self.words.append("sees")

    def comes_to(self, revision: str) -> None:
        """Waits for the state of that commit."""
        eventually(lambda: self.states and self.states[-1].revision == revision, within=30, what=f"the state of {revision}")

    def image(self, stack: str) -> str | None:
        """What the state in force wants a stack's only service to run; None where it has no such stack."""
        found = project_of(self.states[-1], stack) if self.states else None
        return None if found is None else next(str(service.config["image"]) for service in found.services.values())


def project_of(state: DesiredState, stack: str) -> DesiredProject | None:
    return next((project for project in state.projects if project.stack.name == stack), None)


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    at: float = 1000.0

    def __call__(self) -> float:
        return self.at


def sources(repo: RepoSource, compose: Compose | str, state: Path, *layouts: HostLayout, worktree: bool = False) -> Sources:
    program = compose if isinstance(compose, str) else str(compose.program)
    return Sources(repo, state, "box", layouts or (LAYOUT,), compose=program, worktree=worktree)


def reader_of(wanted: Sources) -> DesiredReader:
    return DesiredReader(wanted, {"XDG_CACHE_HOME": str(wanted.state / "cache")})


@dataclass
class Follower:
    """A listener, and what it said."""

    listener: GitListener
    heard: Heard
    clock: Clock

    def turn(self, after: float = 0.0) -> float:
        """One turn, so many seconds later."""
        self.clock.at += after
        return self.listener.turn()


def follower(wanted: Sources, *, poll: float = 60.0, since: str | None = None) -> Follower:
    """Turn by turn."""
    heard, clock = Heard(), Clock()
    return Follower(GitListener(reader_of(wanted), heard, poll=poll, since=since, clock=clock, dice=lambda: 0.5), heard, clock)


@contextmanager
def following(wanted: Sources, *, poll: float = 60.0) -> Iterator[tuple[GitListener, Heard]]:
    """In a thread, by the real clock."""
    heard = Heard()
    listener = GitListener(reader_of(wanted), heard, poll=poll)
    stop = threading.Event()
    thread = threading.Thread(target=listener.run, args=(stop,), name="repo")
    thread.start()
    try:
        eventually(lambda: heard.states, within=30, what="the first state")
        yield listener, heard
    finally:
        stop.set()
        listener.close()
        thread.join(10)
        assert not thread.is_alive()
