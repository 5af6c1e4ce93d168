"""Following a clone on this machine: real git, real Compose, real file events."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab.compose import Compose

from anchorwatch.errors import ComposeError, GitFailed, NotARepo, RevisionNotFound
from anchorwatch.model.settings import HostLayout, RepoSource, StackValues
from anchorwatch.watch.triggers import of_commit
from tests.desired.trees import commit, git, repo, write
from tests.lab_fixtures import eventually
from tests.watch.following import LAYOUT, STACKS, Follower, follower, following, project_of, reader_of, sources


@pytest.fixture
def ops(tmp_path: Path) -> Path:
    return repo(tmp_path / "ops", STACKS)


@pytest.fixture
def one(ops: Path, tmp_path: Path, newest_compose: Compose) -> Follower:
    """Turn by turn, after the first."""
    made = follower(sources(RepoSource(str(ops), branch="main"), newest_compose, tmp_path))
    made.turn()
    assert made.heard.words == ["committed"]
    return made


def web(tag: int) -> dict[str, str | bytes]:
    return {"web/compose.yml": f"services: {{web: {{image: 'web:{tag}'}}}}\n"}


def test_a_commit_is_told_with_the_stacks_that_it_touched(ops: Path, one: Follower) -> None:
    first = git(ops, "rev-parse", "HEAD")
    write(ops, web(2))
    git(ops, "commit", "--quiet", "--all", "--message", "web: 2\n\nat last", at=1_700_000_000)
    second = git(ops, "rev-parse", "HEAD")
    one.turn(3)
    push = one.heard.pushes[-1]
    assert (push.before, push.after, push.forced, push.more) == (first, second, False, False)
    (seen,) = push.commits
    assert seen.stacks == (("pi5", "web"),)
    assert (seen.commit.revision, seen.commit.parent, seen.commit.author) == (second, first, "Ada")
    assert (seen.commit.subject, seen.commit.committed_at.timestamp()) == ("web: 2", 1_700_000_000)
    assert one.heard.image("web") == "web:2"
    hint = of_commit(*one.heard.states)
    assert hint is not None
    assert {key.project for key in hint.keys} == {"web"}
    revisions = {project.stack.name: project.revision for project in one.heard.states[-1].projects}
    assert revisions == {"web": second, "db": first}
    assert one.heard.pushes[0].commits == ()


def test_all_that_came_at_once_is_told_at_once(ops: Path, one: Follower) -> None:
    made = [commit(ops, web(2)), commit(ops, {"README.md": "1"}), commit(ops, {"db/.env": "A=1\n", "web/app.env": "B=1\n"})]
    one.turn(3)
    commits = one.heard.pushes[-1].commits
    assert [seen.commit.revision for seen in commits] == made[::-1]
    assert [seen.stacks for seen in commits] == [(("pi5", "db"),), (), (("pi5", "web"),)]


def test_a_stack_that_goes_was_touched_too(ops: Path, one: Follower) -> None:
    git(ops, "rm", "--quiet", "-r", "db")
    commit(ops, {"new/compose.yml": ""})
    one.turn(3)
    assert one.heard.pushes[-1].commits[0].stacks == (("pi5", "db"), ("pi5", "new"))


def test_a_merge_stands_for_what_it_brought(ops: Path, one: Follower) -> None:
    git(ops, "checkout", "--quiet", "-b", "topic")
    commit(ops, web(2))
    commit(ops, web(3))
    git(ops, "checkout", "--quiet", "main")
    git(ops, "merge", "--quiet", "--no-ff", "--message", "Merge topic", "topic")
    one.turn(3)
    (seen,) = one.heard.pushes[-1].commits
    assert (seen.commit.subject, seen.stacks) == ("Merge topic", (("pi5", "web"),))


def test_more_commits_than_are_told(ops: Path, one: Follower) -> None:
    lines = "".join(
        f"commit refs/heads/main\ncommitter A <a@b> {1_700_000_000 + number} +0000\ndata 1\nx\n"
        + ("from refs/heads/main^0\n" if number == 0 else "")
        + f"M 100644 inline n\ndata {len(str(number))}\n{number}\n"
        for number in range(205)
    )
    subprocess.run(["git", "fast-import", "--quiet"], cwd=ops, input=lines.encode(), check=True)
    one.turn(3)
    push = one.heard.pushes[-1]
    assert (len(push.commits), push.more, push.forced) == (200, True, False)


def test_a_rewritten_history_is_reported(ops: Path, one: Follower) -> None:
    old = commit(ops, web(2))
    one.turn(3)
    write(ops, web(3))
    git(ops, "commit", "--quiet", "--all", "--amend", "--message", "amended")
    new = git(ops, "rev-parse", "HEAD")
    one.turn(3)
    push = one.heard.pushes[-1]
    assert (push.before, push.after, push.forced) == (old, new, True)
    assert [seen.commit.subject for seen in push.commits] == ["amended"]
    git(ops, "reset", "--quiet", "--hard", "HEAD~1")
    one.turn(3)
    assert (one.heard.pushes[-1].forced, one.heard.pushes[-1].commits, one.heard.image("web")) == (True, (), "web:1")
    git(ops, "checkout", "--quiet", "--orphan", "fresh")
    commit(ops, web(4))
    git(ops, "branch", "--force", "main", "fresh")
    one.turn(3)
    assert (one.heard.pushes[-1].forced, one.heard.image("web")) == (True, "web:4")
    assert "blind" not in one.heard.words


def test_an_old_commit_that_is_gone_does_not_tell(ops: Path, one: Follower) -> None:
    write(ops, web(2))
    git(ops, "commit", "--quiet", "--all", "--amend", "--message", "amended")
    git(ops, "reflog", "expire", "--expire=now", "--all")
    git(ops, "gc", "--quiet", "--prune=now")
    one.turn(3)
    assert (one.heard.pushes[-1].forced, one.heard.pushes[-1].commits) == (None, ())
    assert one.heard.image("web") == "web:2"


def test_a_shallow_clone_does_not_tell_of_what_it_has_not(ops: Path, tmp_path: Path, newest_compose: Compose) -> None:
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{ops}", "shallow")
    shallow = tmp_path / "shallow"
    made = follower(sources(RepoSource(str(shallow), branch="main"), newest_compose, tmp_path))
    made.turn()
    commit(ops, web(2))
    commit(ops, web(3))
    git(shallow, "fetch", "--quiet", "--depth=1", "origin", "main")
    git(shallow, "reset", "--quiet", "--hard", "FETCH_HEAD")
    made.turn(3)
    assert made.heard.pushes[-1].forced is None
    assert made.heard.image("web") == "web:3"
    assert made.heard.errors == []


def test_where_an_earlier_process_left_off(ops: Path, tmp_path: Path, newest_compose: Compose) -> None:
    first = git(ops, "rev-parse", "HEAD")
    second = commit(ops, web(2))
    made = follower(sources(RepoSource(str(ops)), newest_compose, tmp_path), since=first)
    made.turn()
    (push,) = made.heard.pushes
    assert (push.before, push.after) == (first, second)
    assert [(seen.commit.revision, seen.stacks) for seen in push.commits] == [(second, (("pi5", "web"),))]


def test_a_rebase_does_not_take_head_along(ops: Path, tmp_path: Path, newest_compose: Compose) -> None:
    made = follower(sources(RepoSource(str(ops)), newest_compose, tmp_path))
    git(ops, "checkout", "--quiet", "-b", "topic")
    commit(ops, web(2))
    topic = commit(ops, {"db/.env": "A=1\n"})
    git(ops, "checkout", "--quiet", "main")
    commit(ops, web(3))
    git(ops, "checkout", "--quiet", "topic")
    made.turn()
    git(ops, "rebase", "--quiet", "main", check=False)
    assert git(ops, "rev-parse", "HEAD") != topic
    made.turn(3)
    assert made.listener.state is not None
    assert made.listener.state.revision == topic
    write(ops, web(4))
    git(ops, "add", "--all")
    git(ops, "-c", "core.editor=true", "rebase", "--continue")
    made.turn(3)
    assert made.heard.image("web") == "web:4"
    assert made.heard.pushes[-1].forced is True
    assert made.heard.words == ["committed", "committed"]


def test_a_branch_that_is_gone_is_unknown_and_not_empty(ops: Path, tmp_path: Path, newest_compose: Compose) -> None:
    git(tmp_path, "clone", "--quiet", str(ops), "clone")
    clone = tmp_path / "clone"
    commit(ops, web(9))
    git(clone, "fetch", "--quiet")
    made = follower(sources(RepoSource(str(clone), branch="main"), newest_compose, tmp_path))
    made.turn()
    here = git(clone, "rev-parse", "main")
    git(clone, "checkout", "--quiet", "--detach")
    git(clone, "branch", "--quiet", "-D", "main")
    made.turn(3)
    made.turn(60)
    assert made.heard.words == ["committed", "blind"]
    assert isinstance(made.heard.errors[0], RevisionNotFound)
    assert made.heard.image("web") == "web:1", "what origin has is not what was followed"
    pulse = made.listener.pulse
    assert (pulse.ok, pulse.error is not None and pulse.error.kind) == (False, "no_revision")
    git(clone, "branch", "--quiet", "main", here)
    made.turn(3)
    assert made.heard.words == ["committed", "blind", "sees"]
    assert made.listener.pulse.ok


def test_a_repo_that_moves_away_and_comes_back(ops: Path, one: Follower) -> None:
    ops.rename(ops.with_name("elsewhere"))
    one.turn(3)
    assert [type(error) for error in one.heard.errors] == [NotARepo]
    one.turn(30)
    assert len(one.heard.errors) == 1, "said once"
    ops.with_name("elsewhere").rename(ops)
    commit(ops, web(2))
    one.turn(3)
    assert one.heard.words == ["committed", "blind", "sees", "committed"]


def test_damage_is_said_and_the_old_state_stays(ops: Path, one: Follower) -> None:
    commit(ops, web(2))
    tree = git(ops, "rev-parse", "HEAD^{tree}")
    place = ops / ".git" / "objects" / tree[:2] / tree[2:]
    place.chmod(0o644)
    sound = place.read_bytes()
    place.write_bytes(b"\0" * len(sound))
    one.turn(3)
    assert isinstance(one.heard.errors[0], GitFailed)
    assert one.heard.image("web") == "web:1"
    place.write_bytes(sound)
    one.turn(60)
    assert one.heard.words == ["committed", "blind", "sees", "committed"]
    assert one.heard.image("web") == "web:2"


def test_one_damaged_file_costs_its_own_stack(ops: Path, one: Follower) -> None:
    commit(ops, web(2))
    blob = git(ops, "rev-parse", "HEAD:web/compose.yml")
    place = ops / ".git" / "objects" / blob[:2] / blob[2:]
    place.chmod(0o644)
    sound = place.read_bytes()
    place.write_bytes(b"garbage")
    one.turn(3)
    state = one.heard.states[-1]
    assert [project.stack.name for project in state.projects] == ["db"]
    assert [broken.stack.name for broken in state.broken] == ["web"]
    place.write_bytes(sound)
    one.turn(300)
    assert one.heard.image("web") == "web:2"


def test_an_index_lock_that_was_left_hinders_nobody(ops: Path, one: Follower) -> None:
    other = ops.parent / "other"
    git(ops.parent, "clone", "--quiet", str(ops), "other")
    new = commit(other, web(2))
    (ops / ".git" / "index.lock").touch()
    git(ops, "fetch", "--quiet", str(other), "main")
    git(ops, "update-ref", "refs/heads/main", new)
    one.turn(3)
    assert one.heard.image("web") == "web:2"
    assert (ops / ".git" / "index.lock").exists()


def fingerprint(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(folder)): (path.lstat().st_mtime_ns, path.lstat().st_ino) for path in (folder, *folder.rglob("*"))
    }


def test_nothing_is_written_into_a_repo_of_somebody_else(ops: Path, tmp_path: Path, newest_compose: Compose) -> None:
    for path in (ops, *ops.rglob("*")):
        os.chown(path, 4711, 4711, follow_symlinks=False)
    before = fingerprint(ops)
    made = follower(sources(RepoSource(str(ops), branch="main"), newest_compose, tmp_path))
    made.turn()
    made.turn(60)
    made.listener.nudge()
    made.turn(3)
    assert made.heard.words == ["committed"]
    assert fingerprint(ops) == before


def test_what_is_not_git_is_looked_at_too(ops: Path, tmp_path: Path, newest_compose: Compose) -> None:
    env = tmp_path / "pi5.env"
    env.write_text("TAG=1\n")
    commit(ops, {"web/compose.yml": "services: {web: {image: 'web:${TAG}'}}\n"})
    layout = HostLayout("pi5", ("*",), values=StackValues(env_files=(str(env),)))
    made = follower(sources(RepoSource(str(ops)), newest_compose, tmp_path, layout))
    made.turn()
    env.write_text("TAG=22\n")
    made.turn(3)
    assert (made.heard.pushes[-1].commits, made.heard.pushes[-1].forced) == ((), False)
    assert made.heard.pushes[-1].before == made.heard.pushes[-1].after
    hint = of_commit(*made.heard.states)
    assert hint is not None
    assert ({key.project for key in hint.keys}, hint.reason) == ({"web"}, "values outside Git")
    env.touch()
    made.turn(3)
    assert made.heard.words == ["committed", "committed"], "touched, and the same"


def test_compose_that_is_not_there_and_comes(ops: Path, tmp_path: Path, newest_compose: Compose) -> None:
    program = tmp_path / "bin" / "docker-compose"
    made = follower(sources(RepoSource(str(ops)), str(program), tmp_path))
    made.turn()
    assert [type(error) for error in made.heard.errors] == [ComposeError]
    assert (made.listener.state, made.listener.pulse.ok) == (None, False)
    program.parent.mkdir()
    program.symlink_to(newest_compose.program)
    made.turn(3)
    assert made.heard.words == ["blind", "sees", "committed"]


def test_git_is_asked_now_and_then_though_nothing_was_touched(ops: Path, one: Follower) -> None:
    """A branch that is a symbolic reference: the file that tells its commit is another one."""
    git(ops, "branch", "real")
    git(ops, "symbolic-ref", "refs/heads/main", "refs/heads/real")
    one.turn(3)
    git(ops, "checkout", "--quiet", "real")
    commit(ops, web(2))
    one.turn(40)
    assert one.heard.image("web") == "web:2"


@pytest.fixture
def left() -> Iterator[None]:
    """Nothing is left behind: no descriptor, no thread, no child."""

    def held() -> tuple[int, int, list[str]]:
        own = Path(f"/proc/self/task/{threading.get_native_id()}/children")
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), own.read_text().split()

    before = held()
    yield
    eventually(lambda: held() == before, within=20, what=f"as it was: {before}")


@pytest.mark.usefixtures("left")
def test_followed_in_a_thread(ops: Path, tmp_path: Path, newest_compose: Compose) -> None:
    """Every way in which a branch comes to another commit is found by file events or a look."""
    bare = tmp_path / "bare.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(ops), str(bare))
    git(ops, "worktree", "add", "--quiet", "-b", "linked", str(tmp_path / "linked"))
    tag = 1
    for place, branch in ((ops, "main"), (ops, None), (bare, "main"), (tmp_path / "linked", None)):
        with following(sources(RepoSource(str(place), branch=branch), newest_compose, tmp_path)) as (_, heard):
            tag += 1
            new = commit(tmp_path / "linked" if place.name == "linked" else ops, web(tag))
            if place is bare:
                git(ops, "push", "--quiet", str(bare), "main")
            heard.comes_to(new)
            if place is ops:
                git(ops, "pack-refs", "--all")
                tag += 1
                heard.comes_to(commit(ops, web(tag)))
            assert heard.errors == []


def test_packed_cleared_and_committed_to_while_it_is_read(ops: Path, tmp_path: Path, newest_compose: Compose) -> None:
    with following(sources(RepoSource(str(ops), branch="main"), newest_compose, tmp_path)) as (listener, heard):
        for number in range(12):
            last = commit(ops, web(100 + number))
            if number % 3 == 0:
                git(ops, "gc", "--quiet", "--prune=now")
            else:
                git(ops, "pack-refs", "--all", "--prune")
            listener.nudge()
        heard.comes_to(last)
        assert heard.errors == []
        told = [seen.commit.revision for push in heard.pushes[1:] for seen in reversed(push.commits)]
        first = heard.states[0].revision
        expected = git(ops, "rev-list", "--reverse", f"{first}..{last}").split()
        assert told == expected, "each commit once, in order"


@pytest.mark.parametrize("in_git", [True, False])
def test_files_as_they_lie_there(tmp_path: Path, newest_compose: Compose, in_git: bool) -> None:
    folder = repo(tmp_path / "ops", STACKS) if in_git else write(tmp_path / "ops", STACKS)
    wanted = sources(RepoSource(str(folder)), newest_compose, tmp_path, worktree=in_git)
    with following(wanted) as (_, heard):
        write(folder, web(2))
        eventually(lambda: heard.image("web") == "web:2", within=30, what="the file")
        write(folder, {"new/compose.yml": "services: {new: {image: 'new:1'}}\n"})
        eventually(lambda: heard.image("new") == "new:1", within=30, what="the folder")
        assert {push.after for push in heard.pushes} == {None}


def test_a_folder_in_which_data_is_written_all_the_time(tmp_path: Path, newest_compose: Compose) -> None:
    folder = write(tmp_path / "ops", {**STACKS, "web/data/log/a.db": "1"})
    wanted = sources(RepoSource(str(folder)), newest_compose, tmp_path)
    reader, made = reader_of(wanted), follower(wanted)
    reader.read()
    assert {str(path.relative_to(folder)) for path in reader.signs().folders} == {".", "web", "db"}
    for _ in range(20):
        made.listener.nudge()
        made.turn(0.5)
    reads = made.listener.pulse.details["reads"]
    assert isinstance(reads, int)
    assert reads <= 6, "in 10 s"


def test_files_that_stay_as_they_are_are_no_news(tmp_path: Path, newest_compose: Compose) -> None:
    folder = write(
        tmp_path / "ops", {**STACKS, "bad/compose.yml": "services: {a: {image: 'a', colour: red}}\n", "empty/x.yml": "a"}
    )
    made = follower(sources(RepoSource(str(folder)), newest_compose, tmp_path))
    for _ in range(3):
        made.turn(70)
    assert made.heard.words == ["committed"]


DEAF = textwrap.dedent(
    """
    import sys, threading
    from pathlib import Path
    from anchorwatch.model.settings import RepoSource
    from tests.desired.trees import commit
    from tests.watch.following import following, sources
    ops, compose, state = sys.argv[1:]
    with following(sources(RepoSource(ops, branch="main"), compose, Path(state))) as (listener, heard):
        heard.comes_to(commit(Path(ops), {"web/compose.yml": "services: {web: {image: 'web:2'}}"}))
        print(listener.pulse.ok, listener.pulse.error.kind)
    """
)


def test_without_file_events_it_is_found_by_looking(ops: Path, tmp_path: Path, newest_compose: Compose) -> None:
    """In a user namespace that may not have a single inotify instance."""
    command = ["sh", "-c", 'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"', "sh"]
    words = [sys.executable, "-c", DEAF, str(ops), str(newest_compose.program), str(tmp_path)]
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", *command, *words], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.split()) == (0, ["True", "file_events"]), done.stderr


def test_a_folder_that_was_put_in_the_place_of_another_is_followed(ops: Path, tmp_path: Path, newest_compose: Compose) -> None:
    """File events of the old one never come again."""
    with following(sources(RepoSource(str(ops), branch="main"), newest_compose, tmp_path)) as (_, heard):
        git(tmp_path, "clone", "--quiet", str(ops), "copy")
        ops.rename(tmp_path / "old")
        (tmp_path / "copy").rename(ops)
        shutil.rmtree(tmp_path / "old")
        heard.comes_to(commit(ops, web(2)))
        heard.comes_to(commit(ops, web(3)))


def test_it_ends_soon_whatever_it_does(ops: Path, tmp_path: Path, newest_compose: Compose) -> None:
    wanted = sources(RepoSource(str(ops), branch="main"), newest_compose, tmp_path)
    for ending in ("close", "stop"):
        made, stop = follower(wanted), threading.Event()
        made.turn()
        thread = threading.Thread(target=made.listener.run, args=(stop,))
        thread.start()
        began = time.monotonic()
        made.listener.close() if ending == "close" else stop.set()
        thread.join(10)
        assert time.monotonic() - began < 4, ending


def test_the_layout_is_followed(ops: Path, one: Follower) -> None:
    git(ops, "mv", "web", "shop")
    moved = commit(ops, {})
    one.turn(3)
    assert {project.stack.name for project in one.heard.states[-1].projects} == {"db", "shop"}
    assert one.heard.pushes[-1].commits[0].stacks == (("pi5", "shop"), ("pi5", "web"))
    shop = project_of(one.heard.states[-1], "shop")
    assert shop is not None
    assert (shop.revision, shop.paths) == (moved, ("shop/.env", "shop/compose.yml"))
    assert LAYOUT.name == shop.stack.host
