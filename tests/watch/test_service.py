"""The service as a whole, without a host: it begins, takes another config or does not, and ends; real database, real threads."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from lab.compose import Compose
from lab.watcher import Watcher

from anchorwatch import clock
from anchorwatch.check.memory import Ground
from anchorwatch.desired.past import Past
from anchorwatch.errors import ServiceFailed
from anchorwatch.model.drifts import Delivery, DeliveryState, DriftState
from anchorwatch.model.health import judged
from anchorwatch.model.service import Destination, HistorySettings
from anchorwatch.model.settings import RepoSource
from anchorwatch.model.values import Secret
from anchorwatch.notify.dispatch import Dispatcher
from anchorwatch.notify.render import render
from anchorwatch.notify.send import Sender
from anchorwatch.notify.telling import Lane, Telling
from anchorwatch.store import Store, deliveries, drifts, moment, retention, runs, transitions
from anchorwatch.watch.fleet import FleetWatch
from anchorwatch.watch.git_commits import GitListener
from anchorwatch.watch.host import Surroundings
from anchorwatch.watch.service import STOP_WITHIN, Service, Setting
from anchorwatch.watch.watchdog import Vigil
from tests.desired.trees import repo
from tests.lab_fixtures import eventually
from tests.ledger.looks import PATIENCES
from tests.notify.endpoints import web
from tests.store import make
from tests.store.make import BEGIN
from tests.store.places import Place
from tests.store.server import Server
from tests.store.test_clock import waiting
from tests.watch.following import reader_of, sources


class Configs:
    """What the config says, each time that it is read: a fleet without hosts, or what is raised instead."""

    def __init__(self, store: Store, compose: Compose, folder: Path) -> None:
        self.store, self.compose, self.folder = store, compose, folder
        self.problem: Exception | None = None
        self.breaks_late = False
        self.fleets: list[FleetWatch] = []
        self.urls: dict[str, str] = {}
        """Of its destinations, by name."""
        self.listener = GitListener

    def __call__(self, tell: Callable[[], None]) -> Setting:
        if self.problem is not None and not self.breaks_late:
            raise self.problem
        sender = Sender()
        lanes = tuple(Lane(Destination(name, Secret(url))) for name, url in self.urls.items())
        telling = Telling(lanes, PATIENCES.grace)
        messenger = Dispatcher(self.store, telling, render, sender.send, done=tell, stop_sending=sender.close)
        return Setting(self.fleet, messenger, 300.0, HistorySettings(), destinations=tuple(self.urls))

    def fleet(self, run: int, died: Callable[[str, BaseException | None], None]) -> FleetWatch:
        if self.problem is not None:
            raise self.problem
        reader = reader_of(sources(RepoSource(str(self.folder / "ops")), self.compose, self.folder))
        around = Surroundings(Ground(self.store, PATIENCES, Past(reader), lambda *_: None, run), 0.5, lambda: None, lambda: None)
        made = FleetWatch([], around, lambda ears: self.listener(reader, ears, since=ears.recorded), died)
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
        eventually(lambda: judged(service.health()).well, within=60, what="the service to be well")
        assert {due.name for due in service.health().due} == {"chores", "messages", "repo"}
    assert raised == []
    assert place.rows("SELECT ended_at IS NOT NULL FROM runs") == [(1,)]


def test_what_was_told_is_counted_from_the_start_on(configs: Configs) -> None:
    """As a Prometheus counter has to be: 0 before the first, and never less than before, though the history is pruned, and the
    config read again."""
    configs.urls = {name: f"json://127.0.0.1/{name}" for name in ("chat", "mail")}
    rows = [
        Delivery(1, "chat", BEGIN, state=DeliveryState.SENT, done_at=BEGIN),
        Delivery(2, "gone", BEGIN),
        Delivery(3, "gone", BEGIN),
    ]
    with configs.store.write() as write:
        drift = make.drift(state=DriftState.RESOLVED, resolved_at=BEGIN)
        drifts.save(write, [drift])
        transitions.add(write, [make.appeared(drift) for _ in rows])
        deliveries.promise(write, rows)
    none = {(name, state): 0 for name in configs.urls for state in deliveries.FINISHED}
    skipped = {**none, ("gone", DeliveryState.SKIPPED): 2}
    service = Service(configs.store, configs)
    assert service.health().tallies.messages == none
    assert service.health().tallies.messages_waiting == {"chat": 0, "mail": 0, "gone": 2}
    with running(service):
        eventually(lambda: service.health().tallies.messages == skipped, within=30, what="what nobody is told of to be counted")
        retention.prune(configs.store, HistorySettings(keep=60.0), clock.now())
        with configs.store.read() as read:
            assert deliveries.counts(read) == {}
        service.reload()
        eventually(lambda: len(configs.fleets) == 2, within=60, what="the config to be read again")
        with configs.store.write() as write:
            drifts.save(write, [drift])
            (appeared,) = transitions.add(write, [make.appeared(drift)])
            deliveries.promise(write, [Delivery(appeared.id or 0, "gone", BEGIN)])
        service.tell()
        skipped["gone", DeliveryState.SKIPPED] += 1
        eventually(lambda: service.health().tallies.messages == skipped, within=30, what="one more to be counted")


def test_a_clock_that_is_set_right_keeps_nothing_waiting(
    configs: Configs, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """It stood a year ahead when the service began, and a message was held back for an hour."""
    ahead = timedelta(days=365)

    def now() -> datetime:
        return clock.now() + ahead

    service = Service(configs.store, configs, now=now)
    with configs.store.write() as write:
        waiting(write, now() + timedelta(hours=1))
    begun_at = clock.now()
    with running(service) as raised:
        ahead = timedelta()
        eventually(lambda: "has jumped by -3153" in caplog.text, within=60, what="the jump to be seen")
        eventually(lambda: service.started_at < begun_at, within=60, what="the service to have begun by now")
    assert raised == []
    with configs.store.read() as read:
        (held,) = deliveries.unfinished(read, "mail", "")
        assert held.next_at is not None
        assert begun_at < held.next_at < clock.now() + timedelta(hours=2)
        assert moment.now(read, clock.now()).run is not None
    assert place.rows("SELECT started_at <= ended_at FROM runs") == [(1,)]


def test_a_clock_that_was_set_back_meanwhile_is_said(configs: Configs, caplog: pytest.LogCaptureFixture) -> None:
    with configs.store.write() as write:
        runs.begin(write, "1", clock.now() + timedelta(days=2, hours=1, minutes=30))
    Service(configs.store, configs)
    assert "was here last when it was 2d 1h later than it is now" in caplog.text


@pytest.mark.parametrize("late", [False, True])
def test_a_config_that_cannot_be_taken_changes_nothing(configs: Configs, late: bool, caplog: pytest.LogCaptureFixture) -> None:
    service = Service(configs.store, configs)
    with running(service) as raised:
        eventually(lambda: judged(service.health()).well, within=60, what="the service to be well")
        configs.problem, configs.breaks_late = OSError("no descriptors left"), late
        service.reload()
        eventually(lambda: "not taken: OSError" in caplog.text, within=30, what="the config to be refused")
        assert judged(service.health()).well
        assert {"repo", "messages"} <= threads()
    assert raised == []


@pytest.mark.usefixtures("nothing_left_behind")
def test_a_new_config_takes_the_place_of_the_old_one(configs: Configs) -> None:
    service = Service(configs.store, configs)
    with running(service) as raised:
        eventually(lambda: judged(service.health()).well, within=60, what="the service to be well")
        service.reload()
        eventually(lambda: len(configs.fleets) == 2 and configs.fleets[1].desired, within=60, what="the new fleet to watch")
        assert configs.fleets[0].stop(0.0) == []
        assert [thread.name for thread in threading.enumerate()].count("repo") == 1
    assert raised == []


def test_a_thread_that_dies_ends_it(configs: Configs) -> None:
    service = Service(configs.store, configs)
    with running(service) as raised:
        eventually(lambda: configs.fleets[0].desired, within=60, what="the repo to be read")
        service.died("repo", MemoryError())
        eventually(lambda: raised, within=60, what="the service to end")
    assert isinstance(raised[0], ServiceFailed)


def test_a_thread_that_hangs_ends_it(configs: Configs) -> None:
    """Whatever else hangs: `ends` is called before anything is waited for."""
    let_go, codes = threading.Event(), list[int]()

    class Hanging(GitListener):
        def run(self, stop: threading.Event) -> None:
            self.turn_within = 0.1
            let_go.wait(60)

    configs.listener = Hanging
    service = Service(configs.store, configs, ends=codes.append, vigil=Vigil(every=0.02, hung_for=0.2))
    with running(service) as raised:
        eventually(lambda: codes, within=30, what="the service to be given up")
        let_go.set()
        eventually(lambda: raised, within=30, what="the service to end")
    assert set(codes) == {2}
    assert isinstance(raised[0], ServiceFailed)
    assert raised[0].message.startswith("repo hung for")


def test_a_database_server_that_stands_still_ends_it(newest_compose: Compose, tmp_path: Path) -> None:
    """It keeps whoever asks it waiting for ever, which may be the main thread; never the watchdog."""
    repo(tmp_path / "ops", {"README.md": "no stack"})
    codes = list[int]()
    with Server() as server, Place(server.url(server.new_database()), tmp_path / "state").open() as store:
        service = Service(
            store,
            Configs(store, newest_compose, tmp_path),
            ends=codes.append,
            vigil=Vigil(every=0.02, hung_for=0.2, chores=2.0, messages=1.0),
        )
        with running(service) as raised:
            eventually(lambda: judged(service.health()).well, within=60, what="the service to be well")
            server.freeze()
            service.tell()
            try:
                eventually(lambda: codes, within=30, what="the service to be given up")
            finally:
                server.thaw()
            eventually(lambda: raised, within=30, what="the service to end")
    assert set(codes) == {2}
    assert isinstance(raised[0], ServiceFailed)


def test_a_new_config_that_waits_for_a_message_does_not_keep_it_from_ending(configs: Configs) -> None:
    with web() as mailbox:
        configs.urls["chat"] = mailbox.url("hang")
        drift = make.drift(state=DriftState.OPEN)
        service = Service(configs.store, configs)
        with running(service):
            eventually(lambda: judged(service.health()).well, within=60, what="the service to be well")
            with configs.store.write() as write:
                drifts.save(write, [drift])
                (appeared,) = transitions.add(write, [make.appeared(drift)])
                deliveries.promise(write, [Delivery(appeared.id or 0, "chat", BEGIN)])
            service.tell()
            eventually(lambda: mailbox.requests, within=30, what="the message to be handed over")
            service.reload()
            eventually(lambda: "closing" in threads(), within=30, what="the message to be waited for")
            began = time.monotonic()  # leaving the block stops it
        assert time.monotonic() - began < STOP_WITHIN


DEAF = """
import sqlite3, sys
from anchorwatch.cli.serving import _Orders

orders, connection = _Orders(), sqlite3.connect(sys.argv[1], timeout=60)
words = ["ready"]
while True:
    try:
        while words:
            print(words.pop(), flush=True)
        connection.execute("BEGIN IMMEDIATE")
    except BaseException:
        pass
"""
"""A main thread that is inside SQLite, where Python handles no signal, or does not heed one."""


def test_it_ends_in_time_though_the_main_thread_heeds_no_signal(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "locked.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        words = [sys.executable, "-c", DEAF, str(tmp_path / "locked.db")]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
            assert started.stdout is not None
            started.stdout.readline()
            began = time.monotonic()
            started.terminate()
            _, said = started.communicate(timeout=30)
    assert started.returncode == 0
    assert time.monotonic() - began < 10
    assert "did not end within 8.0 s" in said


def test_another_database_of_a_server_is_named_with_what_to_do(tmp_path: Path) -> None:
    with Server() as server:
        config = tmp_path / "anchorwatch.yml"
        state = tmp_path / "state"
        Place(server.url(server.new_database()), state).open().close()
        other = server.url(server.new_database())
        config.write_text(f"database: {other}\nsecrets_key: {state}/secrets.key\nrepo: {{path: {tmp_path}}}\n")
        words = [sys.executable, "-m", "anchorwatch.cli", "watch", "--config", str(config)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "is empty; the database of" in done.stderr
    assert f"To begin anew with this one, delete {state}/postgresql.instance" in done.stderr


def test_a_config_that_names_no_host_any_more_is_refused(tmp_path: Path) -> None:
    """An editor that empties a file before it writes it; with it would go what is accepted, and what is known to be open."""
    repo(tmp_path / "ops", {"README.md": "no stack"})
    config = tmp_path / "anchorwatch.yml"
    config.write_text(
        f"repo: {{path: {tmp_path}/ops}}\nhosts: {{pi5: {{docker: 'unix://{tmp_path}/no.sock', stacks: ['x/*']}}}}\n"
    )
    with Watcher(config, tmp_path / "watch") as watcher:
        watcher.config.write_text("")
        watcher.send(signal.SIGHUP)
        eventually(lambda: "not taken: it names no host" in watcher.log.read_text(), within=60, what="it to be refused")
        assert watcher.stop() == 0


def test_it_can_be_stopped_while_it_starts(tmp_path: Path) -> None:
    """The config is a pipe that nobody writes to: its start takes for ever."""
    config = tmp_path / "anchorwatch.yml"
    os.mkfifo(config)
    words = [sys.executable, "-m", "anchorwatch.cli", "watch", "--config", str(config)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as started:
        children = Path(f"/proc/{started.pid}/task/{started.pid}/children")
        child = eventually(lambda: children.read_text().split(), within=60, what="the process that reads the config")
        started.send_signal(signal.SIGHUP)
        started.terminate()
        _, said = started.communicate(timeout=30)
    assert (started.returncode, said) == (0, "")
    assert not Path(f"/proc/{child[0]}").exists()
