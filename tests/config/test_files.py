"""Values that a key with `_file` reads from a file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.config.reading import mistakes, read


@pytest.mark.parametrize(
    ("content", "value"),
    [(b"x", "x"), (b"x\n", "x"), (b"x\r\n", "x"), (b"x\n\n", "x"), (b" x \n", " x "), (b"a\nb\n", "a\nb"), ("ä".encode(), "ä")],
)
def test_line_ends_at_the_end_are_taken_off_and_nothing_else(tmp_path: Path, content: bytes, value: str) -> None:
    (tmp_path / "token").write_bytes(content)
    assert read(tmp_path, "repo: {url: 'https://h/x', token_file: token}\n").repo.token == value


def test_any_key_with_a_single_value_can_be_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "docker").write_text("ssh://pi5\n")
    (tmp_path / "grace").write_text("5m\n")
    (tmp_path / "db").write_text("sqlite:///relative.db\n")
    config = read(
        tmp_path, "database_file: db\nhosts:\n  h: {docker_file: docker, stacks: [a], per_stack: {s: {grace_file: ./grace}}}\n"
    )
    assert config.hosts["h"].address.docker == "ssh://pi5"
    assert config.service().grace.of("h", "s") == 300
    assert config.database == f"sqlite:///{tmp_path}/relative.db"


def test_what_only_looks_like_it_is_left_alone(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        "hosts:\n  my_file: {docker: 'ssh://h', stacks: [a], host_env_file: /x/.env, env: {db_password_file: /run/secrets/db}}\n",
    )
    values = config.hosts["my_file"].layout.values
    assert (values.host_env_file, values.env) == ("/x/.env", {"db_password_file": "/run/secrets/db"})


@pytest.mark.parametrize(
    ("make", "problem", "instead"),
    [
        (lambda path: None, "cannot be read: No such file", "look at the path"),
        (lambda path: path.mkdir(), "which is a folder", "bind mount"),
        (lambda path: path.touch(), "which is empty", "write the value"),
        (lambda path: path.write_text("\n\n"), "which is empty", "write the value"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "no UTF-8", "alone"),
        (lambda path: path.write_bytes(b"x" * 65_537), "longer than 64 KiB", "alone"),
        (lambda path: path.symlink_to(path), "cannot be read", "look at the path"),
        (lambda path: path.symlink_to("/dev/zero"), "longer than 64 KiB", "alone"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_mistake(
    tmp_path: Path, make: Callable[[Path], object], problem: str, instead: str
) -> None:
    make(tmp_path / "secret")
    (found,) = mistakes(tmp_path, "repo:\n  webhook:\n    provider: gitea\n    secret_file: secret\n")
    assert (found.line, found.key) == (4, "repo.webhook.secret_file")
    assert problem in found.problem
    assert str(tmp_path / "secret") in found.problem
    assert instead in (found.instead or "")


def test_a_value_and_its_file_are_one_too_many(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("x")
    (found,) = mistakes(tmp_path, "repo:\n  token: a\n  token_file: t\n")
    assert (found.line, found.key, found.problem) == (3, "repo.token_file", "is given beside token")


def test_a_value_may_come_through_a_pipe(tmp_path: Path) -> None:
    """As `token_file: /dev/fd/3` does, which a shell's `<(pass show token)` makes."""
    reading, writing = os.pipe()
    os.write(writing, b"piped\n")
    os.close(writing)
    try:
        assert read(tmp_path, f"repo: {{url: 'https://h/x', token_file: /dev/fd/{reading}}}\n").repo.token == "piped"
    finally:
        os.close(reading)
