"""`silence`, `accept`, `ignore` and `notify` as a user runs them: what they say, what they do, and their exit codes."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from anchorwatch import clock
from anchorwatch.app import writing
from anchorwatch.config import load
from anchorwatch.ledger.farewell import part_with
from anchorwatch.model.drifts import Acceptance, Delivery, DeliveryState, DriftState
from anchorwatch.model.findings import Kind
from anchorwatch.model.timeline import StackSeen
from anchorwatch.notify.fates import SAID, Fate
from anchorwatch.store import Store, deliveries, drifts, silences, stacks, transitions
from anchorwatch.web.control import asgi, socket_of
from anchorwatch.web.server import Server
from tests.cli.program import run
from tests.notify.endpoints import Web, web
from tests.store import make
from tests.store.make import finding
from tests.store.places import Place

DRIFT = finding()
STRAY = finding(None, kind=Kind.UNMANAGED, stack=None, project=None, service=None, container="w[1]*", message="w[1]* runs")
CONFIG = """\
# what we watch
hosts:
  pi5: {{docker: "ssh://pi5", stacks: ["pi5/*"]}}   # the small one
ignore:
  - {{host: nas}}   # somebody else's
repo: {{path: {repo}}}
database: {url}
secrets_key: {folder}/key
notify:
  destinations:
    - {{name: chat, url: "{chat}"}}
    - {{name: mail, url: "{chat}", only: [{{kind: missing}}]}}
"""


@pytest.fixture
def config(ready_sqlite_place: Place, tmp_path: Path) -> Path:
    (tmp_path / "repo").mkdir()
    file = tmp_path / "anchorwatch.yml"
    place = ready_sqlite_place
    file.write_text(
        CONFIG.format(url=place.url, folder=place.folder, repo=tmp_path / "repo", chat="json://127.0.0.1:9/x"), encoding="utf-8"
    )
    return file


@pytest.fixture
def place(ready_sqlite_place: Place) -> Place:
    """With two drifts that are open for an hour."""
    with ready_sqlite_place.open() as store:
        happened(store)
    return ready_sqlite_place


def happened(store: Store) -> None:
    at = clock.now() - timedelta(hours=1)
    with store.write() as write:
        for one in (DRIFT, STRAY):
            drift = replace(make.drift(one, at), state=DriftState.OPEN, opened_at=at, opens_at=None)
            drifts.save(write, [drift])
            transitions.add(write, [make.appeared(drift, at=at, from_state="pending", reason="grace over")])


def anchorwatch(config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run(*words, "--config", str(config), cwd="/")


def asked(config: Path, *words: str) -> dict[str, Any]:
    done = anchorwatch(config, *words, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(done.stdout))


def test_a_silence_is_made_listed_and_lifted(config: Path, place: Place) -> None:
    made = asked(config, "silence", "pi5/mealie", "path=mem*", "--for", "2h", "--reason", "new disk")
    assert (made["drifts"], made["silence"]["matcher"]) == (1, {"stack": "pi5/mealie", "path": "mem*"})
    with place.open() as store, store.read() as read:
        (found,) = silences.in_force(read, clock.now())
        assert timedelta(minutes=119) < found.until_at - clock.now() <= timedelta(hours=2)
    shown = anchorwatch(config, "silence").stdout
    assert "stack=pi5/mealie, path=mem*" in shown
    assert "new disk" in shown
    assert asked(config, "silence", "--end", str(found.id))["silence"]["id"] == found.id
    assert asked(config, "silence")["silences"] == []
    assert anchorwatch(config, "silence").stdout == "nothing is silent\n"


@pytest.mark.parametrize(
    ("words", "problem", "hint"),
    [
        (["pi5"], "how long", "--for 2h"),
        (["pi5", "--for", "soon"], "no duration", "30s"),
        (["pi5", "--for", "2h", "--until", "07:00"], "both", "keep one"),
        (["pi5", "--until", "2020-01-01"], "over already", "--for 2h"),
        (["colour=red", "--for", "2h"], "nothing to choose by", "host, stack"),
        (["kind=gone", "--for", "2h"], "no kind of drift", "missing"),
        (["host=", "--for", "2h"], "without a value", "host=pi5"),
        (["pi5", "host=nas", "--for", "2h"], "twice", "host=pi5"),
        (["--end", "77"], "no silence 77", "lists them"),
        (["--end", "1", "pi5"], "nothing but a number", "--end 3"),
    ],
)
def test_what_cannot_be_silent_says_why(config: Path, place: Place, words: list[str], problem: str, hint: str) -> None:
    done = anchorwatch(config, "silence", *words)
    assert done.returncode == 2
    assert problem in done.stderr
    assert hint in done.stderr


@pytest.fixture
def stacks_are_known(place: Place) -> None:
    with place.open() as store, store.write() as write:
        seen = [StackSeen(make.stack(name), project=name, revision="a" * 40) for name in ("mealie", "promtail")]
        stacks.record(write, seen, clock.now())


@pytest.mark.parametrize(
    ("words", "problem", "hint"),
    [
        (["pi6"], "no host 'pi6'", "did you mean pi5?"),
        (["zzz"], "no host 'zzz'", "there is pi5"),
        (["mealie"], "no host 'mealie'", "did you mean pi5/mealie?"),
        (["pi5/meale"], "no stack 'pi5/meale'", "did you mean pi5/mealie?"),
        (["host=pi5", "stack=promptail"], "no stack 'promptail' on pi5", "did you mean pi5/promtail?"),
        (["pi6", "path=image"], "no host 'pi6'", "one still to come: host=pi6*"),
        (["pi5/new"], "no stack 'pi5/new'", "one that was just committed, or is still to come: stack=pi5/new*"),
        (["id=ffffffff"], "no drift 'ffffffff'", "anchorwatch status"),
    ],
)
@pytest.mark.usefixtures("stacks_are_known")
def test_a_name_that_is_none_is_not_silent(config: Path, place: Place, words: list[str], problem: str, hint: str) -> None:
    done = anchorwatch(config, "silence", *words, "--for", "2h")
    assert (done.returncode, problem in done.stderr, hint in done.stderr) == (2, True, True), done.stderr
    assert asked(config, "silence")["silences"] == []


@pytest.mark.usefixtures("stacks_are_known")
def test_what_is_known_or_still_to_come_is_silent(config: Path, place: Place) -> None:
    for words in (["pi5"], ["stack=mealie"], ["pi5/promtail"], ["host=pi6*"], ["stack=pi5/new*"], ["everything"]):
        asked(config, "silence", *words, "--for", "2h")
    assert asked(config, "silence", f"id={DRIFT.id[:6]}", "--for", "2h")["silence"]["matcher"] == {"id": DRIFT.id}
    said = anchorwatch(config, "silence", "pi5", "path=mem*", "--for", "2h").stdout
    assert said.startswith("silent, 1 drift now: host=pi5, path=mem* until ")
    assert anchorwatch(config, "silence", "pi5", "path=x", "--for", "2h").stdout.startswith("silent, 0 drifts now: ")


def test_a_drift_is_accepted_and_that_is_taken_back(config: Path, place: Place) -> None:
    answer = asked(config, "accept", DRIFT.id[:6], "--for", "30d", "--reason", "new disk")
    assert (answer["id"], answer["reason"]) == (DRIFT.id, "new disk")
    with place.open() as store, store.read() as read:
        accepted = drifts.get(read, DRIFT.id)
        assert accepted is not None
        assert isinstance(accepted.acceptance, Acceptance)
        assert (accepted.acceptance.observed, accepted.acceptance.reason) == ("1 GiB", "new disk")
    assert (
        "pi5/mealie mealie memory limit is 1 GiB, Git says 512 MiB: accepted until "
        in anchorwatch(config, "accept", DRIFT.id, "--until", "2200-01-01").stdout
    )
    assert anchorwatch(config, "accept", DRIFT.id, "--end").stdout.endswith("not accepted any more\n")
    with place.open() as store, store.read() as read:
        over = drifts.get(read, DRIFT.id)
        assert over is not None
        assert over.acceptance is not None
        assert over.acceptance.until is not None
        assert over.acceptance.until <= clock.now()
    again = anchorwatch(config, "accept", DRIFT.id, "--end")
    assert (again.returncode, "is not accepted" in again.stderr) == (2, True)


def test_what_cannot_be_accepted_says_why(config: Path, place: Place) -> None:
    for words, problem in (
        (["nothing"], "there is no drift 'nothing'"),
        ([DRIFT.id, "--until", "2020-01-01"], "over already"),
        ([STRAY.id, "--end"], "not accepted"),
        ([DRIFT.id, "--end", "--for", "2h"], "nothing but an ID"),
    ):
        done = anchorwatch(config, "accept", *words)
        assert (done.returncode, problem in done.stderr) == (2, True), done.stderr


def test_the_running_service_does_it(config: Path, place: Place, tmp_path: Path) -> None:
    with place.open(who="anchorwatch watch") as store:
        control = Server(asgi(writing.served(store)), socket_of(place.url, place.folder))
        control.start()
        try:
            asked(config, "accept", DRIFT.id)
            asked(config, "silence", "everything", "--for", "1h")
            assert "nothing but" not in anchorwatch(config, "silence").stdout
        finally:
            control.stop()
        with store.read() as read:
            found = drifts.get(read, DRIFT.id)
            assert found is not None
            assert found.acceptance is not None
            assert len(silences.in_force(read, clock.now())) == 1


def test_a_rule_is_shown_and_then_written_and_nothing_else_is_changed(config: Path, place: Place) -> None:
    before = config.read_text()
    assert anchorwatch(config, "ignore", DRIFT.id, "--because", "it is so").stdout == (
        'ignore:\n  - {host: pi5, stack: mealie, service: mealie, path: mem_limit, because: "it is so"}\n'
    )
    assert config.read_text() == before
    done = anchorwatch(config, "ignore", DRIFT.id, "--because", "it is so", "--write")
    assert done.returncode == 0, done.stderr
    new = '  - {host: pi5, stack: mealie, service: mealie, path: mem_limit, because: "it is so"}\n'
    assert config.read_text() == before.replace("# somebody else's\n", "# somebody else's\n" + new)
    then = "a service that runs takes it at SIGHUP (`systemctl reload`) or its next start"
    assert done.stdout.endswith(f"written to {config}\n{then}\n")
    done = anchorwatch(config, "ignore", DRIFT.id, "--because", "it is so", "--write", "--into", "repo")
    assert done.stdout.endswith(".anchorwatch.yml\nit counts once it is committed\n")


def test_a_rule_that_cannot_be_written_can_still_be_had(config: Path, place: Place, tmp_path: Path) -> None:
    (tmp_path / "repo").rmdir()
    (tmp_path / "repo").write_text("no folder")
    done = anchorwatch(config, "ignore", DRIFT.id, "--because", "it is so", "--write", "--into", "repo")
    assert (done.returncode, done.stdout) == (2, "")
    assert "hint: without --write the rule is only shown: add it by hand" in done.stderr


def test_a_rule_for_one_drift_says_why_before_it_is_written(config: Path, place: Place) -> None:
    before = config.read_text()
    rule = "{host: pi5, stack: mealie, service: mealie, path: mem_limit}"
    assert asked(config, "ignore", DRIFT.id)["rules"] == [rule]
    assert anchorwatch(config, "ignore", DRIFT.id).stdout == (
        f'ignore:\n  - {rule}\n--because "…" says why, for whoever finds the rule in a year\n'
    )
    for words in ([], ["--because", " "]):
        done = anchorwatch(config, "ignore", DRIFT.id, "--write", *words)
        assert (done.returncode, "has to say why" in done.stderr, "--because" in done.stderr) == (2, True, True)
    assert config.read_text() == before


def test_everything_that_is_drifted_is_ignored_from_now_on(config: Path, place: Place, tmp_path: Path) -> None:
    answer = asked(config, "ignore", "--from-now", "--write", "--into", "repo")
    own = tmp_path / "repo" / ".anchorwatch.yml"
    assert answer["written"] == str(own)
    assert len(answer["rules"]) == 2
    assert all(f'because: "so already on {clock.now():%Y-%m-%d}"' in rule for rule in answer["rules"])
    from anchorwatch.compare.ignore import ignored_by
    from anchorwatch.config.own_rules import parse_rules

    found = parse_rules(own.name, own.read_bytes())
    assert found.mistakes == ()
    assert all(ignored_by(one, None, found.rules) for one in (DRIFT, STRAY))
    assert ignored_by(replace(STRAY, container="w1x"), None, found.rules) is None
    again = asked(config, "ignore", STRAY.id, "--because", "x", "--write", "--into", "repo")
    assert len(parse_rules(own.name, own.read_bytes()).rules) == 3
    assert again["rules"] == ['{host: pi5, container: "w[[]1][*]", kind: unmanaged, because: x}']
    load(config, {"HOME": "/root"})


def test_status_says_what_never_arrived(config: Path, place: Place) -> None:
    with place.open() as store, store.write() as write:
        for number in (1, 2):
            one = Delivery(number, "chat", clock.now(), state=DeliveryState.DEAD, reason=Fate.GIVEN_UP, message=f"n-{number}-1")
            deliveries.promise(write, [one])
    assert "✗ 2 messages to chat never arrived" in anchorwatch(config, "status").stdout
    with place.open() as store, store.write() as write:
        deliveries.say(write, ["n-1-1", "n-2-1"], SAID)
    assert "never arrived" not in anchorwatch(config, "status").stdout


def test_ignore_wants_to_know_what(config: Path, place: Place) -> None:
    for words in ([], [DRIFT.id, "--from-now"]):
        done = anchorwatch(config, "ignore", *words)
        assert (done.returncode, "one of ID and --from-now" in done.stderr) == (2, True)


def with_chat(config: Path, site: Web, what: str) -> Path:
    config.write_text(config.read_text().replace("json://127.0.0.1:9/x", site.url(what)))
    return config


def test_a_test_message_goes_to_each_destination(config: Path, place: Place) -> None:
    with web() as site:
        done = anchorwatch(with_chat(config, site, "ok"), "notify", "test")
        assert (done.returncode, done.stdout) == (0, "✓ chat has taken it\n✓ mail has taken it\n")
        assert len(site.requests) == 2
        one = anchorwatch(config, "notify", "test", "mail")
        assert (one.returncode, len(site.requests)) == (0, 3)


def test_a_test_message_that_is_refused(config: Path, place: Place) -> None:
    with web() as site:
        done = anchorwatch(with_chat(config, site, "404"), "notify", "test", "chat")
    assert done.returncode == 1
    assert done.stdout.startswith("✗ chat: ")
    assert anchorwatch(config, "notify", "test", "pager").returncode == 2


def test_what_would_have_been_sent(config: Path, place: Place) -> None:
    found = asked(config, "notify", "preview", "--since", "7d")
    assert (found["transitions"], [one["destination"] for one in found["messages"]]) == (2, ["chat"])
    assert "mealie" in found["messages"][0]["text"]
    assert found["not_sent"] == {"meant for others": 2}
    assert "2 changes would have made 1 message" in anchorwatch(config, "notify", "preview").stdout
    assert asked(config, "notify", "preview", "--since", "10m")["messages"] == []
    with place.open() as store, store.read() as read:
        assert deliveries.counts(read) == {}


def test_what_is_not_watched_any_more_would_not_have_been_told_as_mended(config: Path, place: Place) -> None:
    with place.open() as store, store.write() as write:
        assert part_with(write, [], clock.now() - timedelta(minutes=30)) == 2
    found = asked(config, "notify", "preview", "--since", "7d")
    assert (found["transitions"], len(found["messages"])) == (4, 1)
