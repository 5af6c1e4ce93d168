"""The way to the desired state, over days: what is remembered is never taken for what is."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from lab.compose import Compose

from anchorwatch.desired.memory import Recent
from anchorwatch.desired.reader import DesiredReader, Sources
from anchorwatch.errors import GitFailed, RevisionNotFound, UsageError
from anchorwatch.model.address import HostAddress
from anchorwatch.model.desired import DesiredState
from anchorwatch.model.settings import Deployer, HostLayout, RepoSource, StackValues
from tests.desired.resolving import counting
from tests.desired.trees import commit, git, repo
from tests.watch.following import STACKS, reader_of, sources


@pytest.fixture
def ops(tmp_path: Path) -> Path:
    return repo(tmp_path / "ops", STACKS)


def names(state: DesiredState) -> set[str]:
    return {str(project.stack) for project in state.projects}


def test_only_the_stack_that_a_commit_touches_is_resolved(ops: Path, tmp_path: Path, newest_compose: Compose) -> None:
    program, count = counting(tmp_path / "bin", newest_compose.program)
    reader = reader_of(sources(RepoSource(str(ops)), str(program), tmp_path))
    reader.read()
    for files, runs in (
        ({"web/compose.yml": "services: {web: {image: 'web:2'}}\n"}, 1),
        ({"README.md": "1"}, 0),
        ({"web/.env": "A=1\n", "db/.env": "A=1\n"}, 2),
        ({"web/notes.txt": "1"}, 0),
    ):
        before = count()
        commit(ops, dict(files))
        reader.read()
        assert count() - before == runs, files


def test_a_stack_that_cannot_be_resolved_is_not_tried_again_until_it_changes(
    ops: Path, tmp_path: Path, newest_compose: Compose
) -> None:
    program, count = counting(tmp_path / "bin", newest_compose.program)
    reader = reader_of(sources(RepoSource(str(ops)), str(program), tmp_path))
    commit(ops, {"web/compose.yml": "services: {web: {image: a, env_file: app.env, colour: red}}\n", "web/app.env": "A=1\n"})
    first = reader.read()
    asked = count()
    commit(ops, {"README.md": "1"})
    again = reader.read()
    assert ([one.error for one in again.broken], count()) == ([one.error for one in first.broken], asked)
    commit(ops, {"web/app.env": "A=2\n"})
    reader.read()
    assert count() > asked
    commit(ops, {"web/compose.yml": "services: {web: {image: a}}\n"})
    assert reader.read().broken == ()


FILES = ("a/compose.yml", "a/.env", "a/app.env", "b/compose.yml", "b/c/compose.yml", "common/base.yml", "README.md", ".env")


def random_files(chance: random.Random) -> dict[str, str]:
    made = {}
    for path in FILES:
        if chance.random() < 0.3:
            continue
        number = chance.randrange(3)
        if path.endswith("compose.yml"):
            include = "include: [../common/base.yml]\n" if number == 2 and path[0] == "a" else ""
            broken = ", colour: red" if chance.random() < 0.1 else ""
            made[path] = f"{include}services: {{s{number}: {{image: 'i:${{TAG:-{number}}}', env_file: app.env{broken}}}}}\n"
        elif path == "common/base.yml":
            made[path] = f"services: {{extra: {{image: 'extra:{number}'}}}}\n"
        else:
            made[path] = f"TAG={number}\n"
    return made


@pytest.mark.parametrize("seed", range(2))
def test_what_is_remembered_changes_nothing(tmp_path: Path, newest_compose: Compose, seed: int) -> None:
    """A reader that has read every commit says of each what one says that reads it for the first time."""
    chance = random.Random(seed)
    ops = repo(tmp_path / "ops", {"README.md": "0"})
    env = tmp_path / "outside.env"
    layout = HostLayout("pi5", ("**",), values=StackValues(env_files=(str(env),)))
    wanted = sources(RepoSource(str(ops)), newest_compose, tmp_path, layout)
    old = reader_of(wanted)
    for _ in range(6):
        for path in FILES:
            (ops / path).unlink(missing_ok=True)
        commit(ops, dict(random_files(chance)))
        if chance.random() < 0.5:
            env.write_text(f"TAG=out{chance.randrange(2)}\n")
        if chance.random() < 0.3:
            git(ops, "reset", "--quiet", "--hard", "HEAD~1")
        fresh = reader_of(replace(wanted, state=tmp_path / str(chance.random())))
        assert old.read() == fresh.read()


def test_the_repos_own_layout_is_followed(tmp_path: Path, newest_compose: Compose) -> None:
    """No config: a host's folder that is added, and a stack that moves from host to host."""
    ops = repo(tmp_path / "ops", {"pi5/web/compose.yml": "", "nas/db/compose.yml": ""})
    reader = reader_of(replace(sources(RepoSource(str(ops)), newest_compose, tmp_path), layouts=()))
    assert names(reader.read()) == {"pi5/web", "nas/db"}
    commit(ops, {"vps/mail/compose.yml": ""})
    assert names(reader.read()) == {"pi5/web", "nas/db", "vps/mail"}
    git(ops, "mv", "pi5/web", "vps/web")
    commit(ops, {"pi5/dns/compose.yml": ""})
    assert names(reader.read()) == {"pi5/dns", "nas/db", "vps/mail", "vps/web"}


def test_a_deployers_map_is_followed(tmp_path: Path, newest_compose: Compose) -> None:
    toml = '[[stack]]\nname = "{0}"\n[stack.config]\nserver = "pi5"\nrun_directory = "{0}"\n'
    ops = repo(tmp_path / "ops", {**STACKS, "komodo.toml": toml.format("web")})
    wanted = replace(
        sources(RepoSource(str(ops)), newest_compose, tmp_path, HostLayout("pi5", ())),
        deployers=(Deployer("komodo", "komodo.toml"),),
    )
    reader = reader_of(wanted)
    assert names(reader.read()) == {"pi5/web"}
    commit(ops, {"komodo.toml": toml.format("db")})
    assert names(reader.read()) == {"pi5/db"}


def test_a_machine_that_the_layout_does_not_name(tmp_path: Path, newest_compose: Compose) -> None:
    ops = repo(tmp_path / "ops", {"pi5/web/compose.yml": "", "nas/db/compose.yml": ""})
    wanted = replace(
        sources(RepoSource(str(ops)), newest_compose, tmp_path),
        layouts=(),
        hosts=frozenset({"here"}),
        addresses=(HostAddress("here", "unix:///nowhere"),),
    )
    with pytest.raises(UsageError, match="names the hosts"):
        reader_of(wanted).read()
    assert names(reader_of(replace(wanted, hostname="PI5")).read()) == {"here/web"}


def test_a_folder_in_which_there_is_nothing(tmp_path: Path, newest_compose: Compose) -> None:
    """Most likely it is the wrong one: it does not say that nothing should run."""
    for folder in (repo(tmp_path / "ops", {"README.md": "1"}), tmp_path / "none"):
        folder.mkdir(exist_ok=True)
        reader = reader_of(replace(sources(RepoSource(str(folder)), newest_compose, tmp_path), layouts=()))
        with pytest.raises(UsageError, match=f"there is no Compose file in {folder.name}"):
            reader.read()


def test_a_state_is_of_one_commit(ops: Path, tmp_path: Path, newest_compose: Compose) -> None:
    """Read while the branch goes on: what is read was in one commit together."""
    reader = reader_of(sources(RepoSource(str(ops), branch="main"), newest_compose, tmp_path))
    ended = threading.Event()
    revisions = {git(ops, "rev-parse", "main"): "1"}

    def go_on() -> None:
        for number in range(2, 25):
            files = {path: text.replace(":1", f":{number}") for path, text in STACKS.items()}
            revisions[commit(ops, dict(files))] = str(number)
        ended.set()

    thread = threading.Thread(target=go_on)
    thread.start()
    states = []
    while not ended.is_set():
        states.append(reader.read())
    thread.join()
    assert len(states) > 2
    for state in states:
        images = {str(service.config["image"]) for project in state.projects for service in project.services.values()}
        tag = revisions[str(state.revision)]
        assert images == {f"web:{tag}", f"db:{tag}"}


def test_an_earlier_commit(ops: Path, tmp_path: Path, newest_compose: Compose) -> None:
    first = git(ops, "rev-parse", "HEAD")
    reader = reader_of(sources(RepoSource(str(ops)), newest_compose, tmp_path))
    before = reader.read()
    commit(ops, {"new/compose.yml": ""})
    assert names(reader.read()) == names(before) | {"pi5/new"}
    assert reader.read(first) == before
    with pytest.raises(RevisionNotFound, match="has no commit 000000000000"):
        reader.read("0" * 40)


def test_a_folder_within_a_repository(tmp_path: Path, newest_compose: Compose) -> None:
    top = repo(tmp_path / "mono", {f"docker/{path}": text for path, text in STACKS.items()})
    reader = reader_of(sources(RepoSource(str(top / "docker")), newest_compose, tmp_path))
    before = reader.read()
    commit(top, {"other/file": "1"})
    new = commit(top, {"docker/web/compose.yml": "services: {web: {image: 'web:2'}}\n"})
    after = reader.read()
    push = reader.push(before.revision, after, before)
    assert [seen.stacks for seen in push.commits] == [(("pi5", "web"),), ()]
    assert {project.name: project.revision for project in after.projects} == {"web": new, "db": before.projects[0].revision}


def test_a_file_behind_a_symlink(ops: Path, tmp_path: Path, newest_compose: Compose) -> None:
    (ops / "linked").mkdir()
    (ops / "linked" / "compose.yml").symlink_to("../shared/base.yml")
    commit(ops, {"shared/base.yml": "services: {linked: {image: 'linked:1'}}\n"})
    reader = reader_of(sources(RepoSource(str(ops)), newest_compose, tmp_path))
    before = reader.read()
    commit(ops, {"shared/base.yml": "services: {linked: {image: 'linked:2'}}\n"})
    after = reader.read()
    push = reader.push(before.revision, after, before)
    assert ("pi5", "linked") in push.commits[0].stacks


def test_signs_stay_while_nothing_happens(ops: Path, tmp_path: Path, newest_compose: Compose) -> None:
    for source in (RepoSource(str(ops)), RepoSource(str(ops), branch="main")):
        reader = reader_of(sources(source, newest_compose, tmp_path))
        reader.read()
        before = reader.signs()
        git(ops, "status")
        assert reader.signs() == before
        seen = [before]
        for what in (["commit", "--allow-empty", "--quiet", "-m", "x"], ["pack-refs", "--all"], ["reset", "--quiet", "HEAD~1"]):
            git(ops, *what)
            seen.append(reader.signs())
            assert seen[-1].reference != seen[-2].reference, what
        assert ops / ".git" / "refs" / "heads" in before.folders


def test_what_is_closed_fetches_no_more(ops: Path, tmp_path: Path, newest_compose: Compose) -> None:
    reader = reader_of(sources(RepoSource(url=f"file://{ops}", branch="main"), newest_compose, tmp_path))
    assert reader.revision() == git(ops, "rev-parse", "main")
    reader.close()
    with pytest.raises(GitFailed, match="stopping"):
        reader.revision()


def test_without_a_folder_for_the_cache(ops: Path, tmp_path: Path, newest_compose: Compose) -> None:
    """A read-only file system: what was resolved is remembered as long as the process lives."""
    program, count = counting(tmp_path / "bin", newest_compose.program)
    wanted: Sources = sources(RepoSource(str(ops)), str(program), tmp_path)
    reader = DesiredReader(wanted, {"XDG_CACHE_HOME": "/proc/nowhere"})
    reader.read()
    asked = count()
    commit(ops, {"README.md": "1"})
    reader.read()
    assert count() == asked


def test_recent_values_within_a_limit() -> None:
    recent: Recent[str, bytes] = Recent(10, len)
    recent.put("a", b"12345")
    recent.put("b", b"123")
    assert recent.get("a") == b"12345"
    recent.put("c", b"1234")
    assert (recent.get("a"), recent.get("b"), recent.get("c")) == (b"12345", None, b"1234")
    recent.put("a", b"1")
    recent.put("d", b"12345")
    assert [recent.get(key) for key in "acd"] == [b"1", b"1234", b"12345"]
    recent.put("huge", b"1" * 11)
    assert len(recent) == 0
