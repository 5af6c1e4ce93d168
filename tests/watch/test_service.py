"""The service as a whole, without a host: it begins, takes another config or does not, and ends; real database, real threads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lab.compose import Compose

from anchorwatch.check.memory import Ground
from anchorwatch.desired.past import Past
from anchorwatch.errors import ServiceFailed
from anchorwatch.model.health import judged
from anchorwatch.model.service import HistorySettings
from anchorwatch.model.settings import RepoSource
from anchorwatch.notify.dispatch import Dispatcher
from anchorwatch.notify.render import render
from anchorwatch.notify.send import Sender
from anchorwatch.notify.telling import Telling
from anchorwatch.store import Store
from anchorwatch.watch.fleet import FleetWatch
from anchorwatch.watch.git_commits import GitListener
from anchorwatch.watch.host import Surroundings
from anchorwatch.watch.service import Service, Setting
from tests.desired.trees import repo
from tests.lab_fixtures import eventually
from tests.ledger.looks import PATIENCES
from tests.store.places import Place
from tests.watch.following import reader_of, sources


class Configs:
    """What the config says, each time that it is read: a fleet without hosts, or what is raised instead."""

    def __init__(self, store: Store, compose: Compose, folder: Path) -> None:
        self.store, self.compose, self.folder = store, compose, folder
        self.problem: Exception | None = None
        self.breaks_late = False
        self.fleets: list[FleetWatch] = []

    def __call__(self, tell: Callable[[], None]) -> Setting:
        if self.problem is not None and not self.breaks_late:
            raise self.problem
        sender = Sender()
        to_nobody = Telling((), PATIENCES.grace)
        messenger = Dispatcher(self.store, to_nobody, render, sender.send, done=tell, stop_sending=sender.close)
        return Setting(self.fleet, messenger, 300.0, HistorySettings())

    def fleet(self, run: int, died: Callable[[str, BaseException | None], None]) -> FleetWatch:
        if self.problem is not None:
            raise self.problem
        reader = reader_of(sources(RepoSource(str(self.folder / "ops")), self.compose, self.folder))
        around = Surroundings(Ground(self.store, PATIENCES, Past(reader), lambda *_: None, run), 0.5, lambda: None, lambda: None)
        made = FleetWatch([], around, lambda ears: GitListener(reader, ears, since=ears.recorded), died)
        self.fleets.append(made)
        return made


@pytest.fixture
def place(tmp_path: Path) -> Place:
    repo(tmp_path / "ops", {"README.md": "no stack"})
    return Place(f"sqlite:///{tmp_path}/state/anchorwatch.db", tmp_path / "state")


@pytest.fixture
def configs(place: Place, newest_compose: Compose, tmp_path: Path) -> Iterator[Configs]:
    with place.open() as store:
        yield Configs(store, newest_compose, tmp_path)


@contextmanager
def running(service: Service) -> Iterator[list[Exception]]:
    """It runs in a thread; what it raised is there at the end."""
    raised: list[Exception] = []

    def run() -> None:
        try:
            service.run()
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield raised
    finally:
        service.stop()
        thread.join(20)
    assert not thread.is_alive()


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


@pytest.mark.usefixtures("nothing_left_behind")
def test_it_is_well_and_leaves_nothing_behind(configs: Configs, place: Place) -> None:
    service = Service(configs.store, configs)
    with running(service) as raised:
        eventually(lambda: judged(service.health()).well, within=20, what="the service to be well")
        assert {due.name for due in service.health().due} == {"chores", "messages", "repo"}
    assert raised == []
    assert place.rows("SELECT ended_at IS NOT NULL FROM runs") == [(1,)]


@pytest.mark.parametrize("late", [False, True])
def test_a_config_that_cannot_be_taken_changes_nothing(configs: Configs, late: bool, caplog: pytest.LogCaptureFixture) -> None:
    service = Service(configs.store, configs)
    with running(service) as raised:
        eventually(lambda: judged(service.health()).well, within=20, what="the service to be well")
        configs.problem, configs.breaks_late = OSError("no descriptors left"), late
        service.reload()
        eventually(lambda: "not taken: OSError" in caplog.text, within=10, what="the config to be refused")
        assert judged(service.health()).well
        assert {"repo", "messages"} <= threads()
    assert raised == []


@pytest.mark.usefixtures("nothing_left_behind")
def test_a_new_config_takes_the_place_of_the_old_one(configs: Configs) -> None:
    service = Service(configs.store, configs)
    with running(service) as raised:
        eventually(lambda: judged(service.health()).well, within=20, what="the service to be well")
        service.reload()
        eventually(lambda: len(configs.fleets) == 2 and configs.fleets[1].desired, within=20, what="the new fleet to watch")
        assert configs.fleets[0].stop(0.0) == []
        assert [thread.name for thread in threading.enumerate()].count("repo") == 1
    assert raised == []


def test_a_thread_that_dies_ends_it(configs: Configs) -> None:
    service = Service(configs.store, configs)
    with running(service) as raised:
        eventually(lambda: configs.fleets[0].desired, within=20, what="the repo to be read")
        service._died("repo", MemoryError())
        eventually(lambda: raised, within=20, what="the service to end")
    assert isinstance(raised[0], ServiceFailed)


def test_it_can_be_stopped_while_it_starts(tmp_path: Path) -> None:
    """The config is a pipe that nobody writes to: its start takes for ever."""
    config = tmp_path / "anchorwatch.yml"
    os.mkfifo(config)
    words = [sys.executable, "-m", "anchorwatch.cli", "watch", "--config", str(config)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as started:
        children = Path(f"/proc/{started.pid}/task/{started.pid}/children")
        child = eventually(lambda: children.read_text().split(), within=20, what="the process that reads the config")
        started.send_signal(signal.SIGHUP)
        started.terminate()
        _, said = started.communicate(timeout=10)
    assert (started.returncode, said) == (0, "")
    assert not Path(f"/proc/{child[0]}").exists()
