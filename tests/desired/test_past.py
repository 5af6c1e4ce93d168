"""What earlier commits wanted, read from real repositories."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from lab.compose import Compose

from anchorwatch.desired.past import Past
from anchorwatch.desired.reader import DesiredReader
from anchorwatch.errors import GitFailed
from anchorwatch.model.desired import DesiredProject, ProjectKey
from anchorwatch.model.settings import HostLayout, RepoSource, StackValues
from tests.desired.resolving import counting
from tests.desired.trees import commit, git, repo, write
from tests.watch.following import STACKS, reader_of, sources

WEB = ProjectKey("pi5", "web")


@pytest.fixture
def ops(tmp_path: Path) -> Path:
    return repo(tmp_path / "ops", STACKS)


@pytest.fixture
def reader(ops: Path, tmp_path: Path, newest_compose: Compose) -> DesiredReader:
    return reader_of(sources(RepoSource(str(ops)), newest_compose, tmp_path))


def image(project: DesiredProject | None) -> str | None:
    return None if project is None else str(project.services["web"].config["image"])


def web(tag: int) -> dict[str, str | bytes]:
    return {"web/compose.yml": f"services: {{web: {{image: 'web:{tag}'}}}}\n"}


def test_a_project_as_each_commit_wanted_it(ops: Path, reader: DesiredReader) -> None:
    revisions = [git(ops, "rev-parse", "HEAD"), commit(ops, web(2)), commit(ops, {"README.md": "1"}), commit(ops, web(3))]
    git(ops, "rm", "--quiet", "-r", "web")
    revisions += [commit(ops, {}), commit(ops, {"web/compose.yml": "services: {web: {image: a, colour: red}}\n"})]
    past = Past(reader)
    for _ in range(2):
        assert [image(past.project(WEB, revision)) for revision in revisions] == ["web:1", "web:2", "web:2", "web:3", None, None]
    found = past.project(WEB, revisions[2])
    assert found is not None
    assert found.revision == revisions[2]


def test_it_is_found_under_another_name_and_in_another_place(ops: Path, reader: DesiredReader) -> None:
    before = git(ops, "rev-parse", "HEAD")
    git(ops, "mv", "web", "shop")
    commit(ops, {})
    named = commit(ops, {"shop/compose.yml": "name: web\nservices: {web: {image: 'web:2'}}\n"})
    variable = commit(ops, {"shop/compose.yml": "name: ${NAME:-web}\nservices: {web: {image: 'web:3'}}\n"})
    past = Past(reader)
    assert [image(past.project(WEB, one)) for one in (before, named, variable)] == ["web:1", "web:2", "web:3"]


def test_the_past_does_not_disturb_the_present(ops: Path, reader: DesiredReader) -> None:
    first = git(ops, "rev-parse", "HEAD")
    commit(ops, web(2))
    before = reader.read()
    assert image(Past(reader).project(WEB, first)) == "web:1"
    commit(ops, {"db/.env": "A=1\n"})
    after = reader.read()
    was = {project.name: project.revision for project in before.projects}
    now = {project.name: project.revision for project in after.projects}
    assert (now["web"], now["db"]) == (was["web"], after.revision)


def test_compose_is_asked_once_for_what_is_the_same(ops: Path, tmp_path: Path, newest_compose: Compose) -> None:
    program, count = counting(tmp_path / "bin", newest_compose.program)
    reader = reader_of(sources(RepoSource(str(ops)), str(program), tmp_path))
    reader.read()
    asked = count()
    first, second = git(ops, "rev-parse", "HEAD"), commit(ops, {"README.md": "1"})
    past = Past(reader)
    assert (image(past.project(WEB, first)), image(past.project(WEB, second))) == ("web:1", "web:1")
    assert count() == asked


def test_a_commit_that_is_not_there_any_more_is_unknown(ops: Path, reader: DesiredReader) -> None:
    reader.read()
    write(ops, web(2))
    git(ops, "commit", "--quiet", "--all", "--amend", "--message", "amended")
    gone = git(ops, "rev-parse", "ORIG_HEAD", check=False) or git(ops, "rev-parse", "HEAD@{1}")
    kept = git(ops, "rev-parse", "HEAD")
    git(ops, "reflog", "expire", "--expire=now", "--all")
    git(ops, "gc", "--quiet", "--prune=now")
    past = Past(reader)
    assert past.project(WEB, gone) is None
    assert past.commits(["web/compose.yml"], gone, kept) == ()
    assert past.commits(["web/compose.yml"], None, gone) == ()
    assert past.project(WEB, "0" * 40) is None
    assert image(past.project(WEB, kept)) == "web:2"


def test_a_commit_that_has_no_stack_at_all_has_not_that_one_either(tmp_path: Path, newest_compose: Compose) -> None:
    """Where the repo's own layout says which stacks there are: that of the commit that is asked for."""
    ops = repo(tmp_path / "ops", {"README.md": "to come"})
    first = git(ops, "rev-parse", "HEAD")
    second = commit(ops, STACKS)
    reader = reader_of(replace(sources(RepoSource(str(ops)), newest_compose, tmp_path), layouts=()))
    (key,) = (project.key for project in reader.read().projects if project.name == "web")
    past = Past(reader)
    assert past.project(key, first) is None
    assert image(past.project(key, second)) == "web:1"


def test_values_outside_git_are_those_of_now(ops: Path, tmp_path: Path, newest_compose: Compose) -> None:
    env = tmp_path / "values.env"
    env.write_text("TAG=1\n")
    first = commit(ops, {"web/compose.yml": "services: {web: {image: 'web:${TAG}'}}\n"})
    commit(ops, web(9))
    layout = HostLayout("pi5", ("*",), values=StackValues(env_files=(str(env),)))
    past = Past(reader_of(sources(RepoSource(str(ops)), newest_compose, tmp_path, layout)))
    before = past.project(WEB, first)
    env.touch()
    assert past.project(WEB, first) == before
    env.write_text("TAG=22\n")
    assert past.project(WEB, first) != before


def test_the_commits_that_a_host_is_behind(ops: Path, reader: DesiredReader) -> None:
    first = git(ops, "rev-parse", "HEAD")
    made = [commit(ops, web(2)), commit(ops, {"db/.env": "A=1\n"}), commit(ops, {"web/app.env": "B=1\n"}), commit(ops, web(3))]
    state = reader.read()
    paths = next(project.paths for project in state.projects if project.name == "web")
    past = Past(reader)
    assert paths == ("web/.env", "web/compose.yml")
    assert [one.revision for one in past.commits(paths, first, made[-1])] == [made[3], made[0]]
    assert [one.revision for one in past.commits([*paths, "web/app.env"], first, made[-1])] == [made[3], made[2], made[0]]
    assert [one.revision for one in past.commits(paths, made[0], made[2])] == []
    assert [one.revision for one in past.commits(paths, None, made[2])] == [made[0], first]
    assert [one.revision for one in past.commits(paths, first, made[-1], limit=1)] == [made[3]]
    assert past.commits([], first, made[-1]) == ()


def test_the_histories_of_many_are_those_of_each(ops: Path, reader: DesiredReader) -> None:
    first = git(ops, "rev-parse", "HEAD")
    made = [commit(ops, web(2)), commit(ops, {"db/.env": "A=1\n"}), commit(ops, web(3)), commit(ops, {"README.md": "1"})]
    state, past = reader.read(), Past(reader)
    asked = {project.key: (project.paths, project.revision or "HEAD") for project in state.projects}
    found = past.histories(asked)
    assert {key.project: [one.revision for one in history] for key, history in found.items()} == {
        "web": [made[2], made[0], first],
        "db": [made[1], first],
    }
    assert found == {key: Past(reader).commits(paths, None, upto) for key, (paths, upto) in asked.items()}
    for again in (past, Past(reader)):
        assert again.histories(asked, limit=1) == {key: history[:1] for key, history in found.items()}
        assert again.histories(asked) == found
    assert past.histories({}) == {}
    assert Past(reader).histories({WEB: (["web/compose.yml"], made[0])})[WEB] == found[WEB][1:]
    with pytest.raises(GitFailed):
        past.histories({WEB: (["web/compose.yml"], "0" * 40)})


def test_the_files_that_a_stack_is_made_of(ops: Path, reader: DesiredReader) -> None:
    files: dict[str, str | bytes] = {
        "web/compose.yml": "include: [../common/base.yml]\nservices: {web: {image: 'web:${TAG}', env_file: app.env}}\n",
        "web/.env": "TAG=1\n",
        "web/app.env": "LEVEL=info\n",
        "web/README.md": "not of it\n",
        "common/base.yml": "services: {extra: {image: 'extra:1'}}\n",
    }
    commit(ops, files)
    first = next(project for project in reader.read().projects if project.name == "web")
    assert set(first.paths) >= {"common/base.yml", "web/.env", "web/app.env", "web/compose.yml"}
    assert "web/README.md" not in first.paths
    (ops / "web/.env").unlink()
    gone = commit(ops, {})
    second = next(project for project in reader.read().projects if project.name == "web")
    assert (second.revision, second.services["web"].unknown != ()) == (gone, True), "what goes touches it, too"
    past = Past(reader)
    assert image(past.project(WEB, str(first.revision))) == "web:1"
    assert image(past.project(WEB, gone)) != "web:1"


def test_a_subject_is_fit_to_be_shown(ops: Path, reader: DesiredReader) -> None:
    first = git(ops, "rev-parse", "HEAD")
    write(ops, web(2))
    subject = "web\x1b[31m: https://ada:hunter2@git.example/x " + "long " * 100
    git(ops, "commit", "--quiet", "--all", "--message", subject + "\x01" + "a" * 40 + " 1700000000 \x01")
    (one,) = Past(reader).commits(["web/compose.yml"], first, git(ops, "rev-parse", "HEAD"))
    assert "hunter2" not in one.subject
    assert one.subject.isprintable()
    assert len(one.subject) <= 200
