"""Every mistake at once, each with its file, line, key and what to write instead; and never a secret in one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anchorwatch.config import load
from anchorwatch.errors import ConfigError
from tests.config.reading import mistakes, variables, write

Expected = tuple[int, str, str, str]
"""Line, key, and a piece each of what is wrong and of what to write instead."""

HOST = "  h: {docker: 'ssh://h', stacks: [a]}\n"

ONE_MISTAKE: list[tuple[str, Expected]] = [
    # keys
    ("repo:\n  pth: /x\n", (2, "repo.pth", "no key here", "did you mean path?")),
    ("hosts:\n" + HOST + "  i: {docker: 'ssh://h', stack: [b], stacks: [a]}\n", (3, "hosts.i.stack", "no key here", "stacks")),
    ("\n\nsettle: 5s\n", (3, "settle", "no key here", "it belongs below watch")),
    ("stacks: [a/*]\n", (1, "stacks", "no key here", "it belongs below hosts.NAME")),
    ("Hosts: {}\n", (1, "Hosts", "no key here", "did you mean hosts?")),
    ("repo: {token-file: x}\n", (1, "repo.token-file", "no key here", "write the path of a file")),
    ("repo:\n  branch: a\n  poll: 1s\n  branch: b\n", (4, "repo.branch", "stands in line 2 already", "keep one")),
    ("hosts:\n  h:\n    docker: ssh://h\n", (2, "hosts.h.stacks", "is missing", '["proxmox/*"]')),
    ("hosts:\n  h:\n    stacks: [a]\n", (2, "hosts.h.docker", "is missing", "write docker: ssh://admin@pi5")),
    ("repo: {webhook: {provider: gitea}}\n", (1, "repo.webhook.secret", "is missing", "write secret_file: /run/secrets/webhook")),
    ("notify:\n  destinations:\n    - name: a\n", (3, "notify.destinations[0].url", "is missing", "url_file")),
    ("declared_elsewhere:\n  - because: x\n", (2, "declared_elsewhere[0].stack", "is missing", "write stack: proxmox/")),
    # shapes
    ("hosts:\n  - docker: ssh://h\n", (1, "hosts", "wants a mapping, and there is a list", "names, each with a colon")),
    ("hosts:\n  h: ssh://h\n", (2, "hosts.h", "wants a mapping, and there is a text", "docker:")),
    ("watch:\n- settle\n", (1, "watch", "wants a mapping, and there is a list", "settle:")),
    (
        "hosts:\n" + HOST + "  i: {docker: 'ssh://h', stacks: i/*}\n",
        (3, "hosts.i.stacks", "wants a list, and there is a text", '["pi5/*"]'),
    ),
    ("one_shot: {a: b}\n", (1, "one_shot", "wants a list, and there is a mapping", '["*/migrate"]')),
    ("repo:\n  branch: [main]\n", (2, "repo.branch", "wants a text, and there is a list", "")),
    ("one_shot:\n  - a\n  -\n", (3, "one_shot[1]", "wants a text, and there is nothing", "")),
    ("repo:\n  branch: ''\n", (2, "repo.branch", "is empty", "take the key out")),
    ("hosts:\n  h: {docker: 'ssh://h', stacks: [a], env: {A: }}\n", (2, "hosts.h.env.A", "there is nothing", 'write ""')),
    ("ignore:\n  - kind\n", (2, "ignore[0]", "wants a mapping, and there is a text", "service:")),
    # values
    ("watch:\n  grace: 30\n", (2, "watch.grace", "'30' is no duration", "30s")),
    ("watch: {resync: 5 parsecs}\n", (1, "watch.resync", "'5 parsecs' is no duration", "1h30m")),
    ("watch: {resync: 0s}\n", (1, "watch.resync", "no time at all", "more than 0s")),
    ("history:\n  max_size: 2\n", (2, "history.max_size", "'2' is no size", "2GB")),
    ("hosts:\n  h: {docker: 'ssh://h', stacks: [a], unmanaged: maybe}\n", (2, "hosts.h.unmanaged", "'maybe'", "on or off")),
    ("watch: {listen: '8899'}\n", (1, "watch.listen", "no address to listen at", "127.0.0.1:8899")),
    ("watch: {listen: 'localhost:99999'}\n", (1, "watch.listen", "no address to listen at", "127.0.0.1:8899")),
    ("severity:\n  - path: x\n    is: dreadful\n", (3, "severity[0].is", "'dreadful' is no severity", "info, warning, critical")),
    ("ignore:\n  - kind: gone\n", (2, "ignore[0].kind", "'gone' is no kind of drift", "missing, unmanaged, changed")),
    ("ignore:\n  - {host: a}\n  - because: x\n", (3, "ignore[1]", "nothing of what to ignore", "add one of host, stack")),
    ("ignore:\n  - {path: 'a[b'}\n", (2, "ignore[0].path", "opens a [", "close the bracket")),
    # addresses
    ("hosts:\n  h: {docker: 'http://h', stacks: [a]}\n", (2, "hosts.h.docker", "scheme http://", "ssh://user@host")),
    ("hosts:\n  h: {docker: h, stacks: [a]}\n", (2, "hosts.h.docker", "does not say how", "ssh://user@host")),
    ("hosts:\n  h: {docker: 'unix://run/x', stacks: [a]}\n", (2, "hosts.h.docker", "absolute path", "unix:///")),
    ("hosts:\n  h: {docker: 'ssh://-oProxyCommand=x', stacks: [a]}\n", (2, "hosts.h.docker", "no address", "ssh://")),
    ("hosts:\n  h: {docker: 'ssh://-l@h', stacks: [a]}\n", (2, "hosts.h.docker", "no address", "ssh://")),
    ("hosts:\n  h: {docker: 'ssh://h:99999', stacks: [a]}\n", (2, "hosts.h.docker", "no address", "ssh://")),
    ("hosts:\n  h: {docker: 'context:', stacks: [a]}\n", (2, "hosts.h.docker", "no Docker context", "context:NAME")),
    ("hosts:\n  h: {docker: 'tcp://u@h', stacks: [a]}\n", (2, "hosts.h.docker", "has a user", "tcp://host:port")),
    ("hosts:\n  h/i: {docker: 'ssh://h', stacks: [a]}\n", (2, "hosts.h/i", "'h/i' is no name for a host", "letters, digits")),
    ("repo: {url: 'ftp://x/y'}\n", (1, "repo.url", "scheme ftp://", "https://")),
    ("repo: {url: 'ext::sh -c x'}\n", (1, "repo.url", "is no URL", "https://")),
    ("repo: {url: /srv/repo}\n", (1, "repo.url", "is no URL", "path: instead")),
    ("repo: {url: 'https://forge'}\n", (1, "repo.url", "names no repository", "https://")),
    ("database: mysql://h/db\n", (1, "database", "scheme mysql://", "postgresql+psycopg://")),
    ("database: 'sqlite://'\n", (1, "database", "names no file", "four slashes")),
    ("notify: {destinations: [{name: a, url: somewhere}]}\n", (1, "notify.destinations[0].url", "is no URL", "Apprise")),
    # stacks
    (
        "hosts:\n  h:\n    docker: ssh://h\n    stacks:\n      - a\n      - /srv/b\n",
        (6, "hosts.h.stacks[1]", "'/srv/b' is absolute", "inside the repo"),
    ),
    ("hosts:\n  h: {docker: 'ssh://h', stacks: ['../b']}\n", (2, "hosts.h.stacks[0]", "leaves the repo", "without ..")),
    ("hosts:\n  h: {docker: 'ssh://h', stacks: ['!b']}\n", (2, "hosts.h.stacks[0]", "begins with !", "exclude")),
    ("hosts:\n  h: {docker: 'ssh://h', stacks: ['a//b']}\n", (2, "hosts.h.stacks[0]", "empty segment", "proxmox/*")),
    ("hosts:\n  h: {docker: 'ssh://h', stacks: ['a\\b']}\n", (2, "hosts.h.stacks[0]", "a backslash", "write /")),
    ("hosts:\n  h: {docker: 'ssh://h', stacks: [a], exclude: ['a[']}\n", (2, "hosts.h.exclude[0]", "opens a [", "close")),
    ("declared_elsewhere: [{stack: ~/x}]\n", (1, "declared_elsewhere[0].stack", "is absolute", "inside the repo")),
    ("hosts:\n  h: {docker: 'ssh://h', stacks: [a], root: opt/x}\n", (2, "hosts.h.root", "is not absolute", "/opt/stacks")),
    (
        "hosts:\n  h: {docker: 'ssh://h', stacks: [a], per_stack: {x: {project: A}}}\n",
        (2, "hosts.h.per_stack.x.project", "'A'", "small"),
    ),
    (
        "hosts:\n  h: {docker: 'ssh://h', stacks: [a], pass_environment: [A=b]}\n",
        (2, "hosts.h.pass_environment[0]", "no name", "alone"),
    ),
    # between keys
    ("repo:\n  path: /x\n  url: https://h/x\n", (3, "repo.url", "is given beside path", "keep one")),
    ("hosts:\n  h: {docker: 'ssh://h', stacks: [a], tls: {}}\n", (2, "hosts.h.tls", "does nothing", "tcp://")),
    ("hosts:\n  h: {docker: 'unix:///x', stacks: [a], ssh: {key: x}}\n", (2, "hosts.h.ssh", "does nothing", "ssh://")),
    ("hosts:\n  h: {docker: 'tcp://h', stacks: [a], tls: {cert: x}}\n", (2, "hosts.h.tls", "a cert and no key", "add key:")),
    ("deployers: [{}]\n", (1, "deployers[0]", "has to name one map", "komodo:")),
    (
        "hosts:\n" + HOST + "deployers:\n  - {komodo: x.toml, servers: {s: i}}\n",
        (4, "deployers[0].servers.s", "no host of this config", "write one of h"),
    ),
    (
        "notify:\n  destinations:\n    - {name: a, url: 'json://h'}\n    - {name: a, url: 'json://h'}\n",
        (4, "notify.destinations[1].name", "another destination", "a name of its own"),
    ),
    (
        "notify: {destinations: [{name: a, url: 'json://h', digest: daily}]}\n",
        (1, "notify.destinations[0].digest", "'daily'", "daily 08:00"),
    ),
    (
        "notify: {destinations: [{name: a, url: 'json://h', on: [seen]}]}\n",
        (1, "notify.destinations[0].on[0]", "'seen' is no event", "appeared"),
    ),
    (
        "notify: {destinations: [{name: a, url: 'json://h', quiet_hours: '22:00-7:00 Atlantis'}]}\n",
        (1, "notify.destinations[0].quiet_hours", "time zone", "Europe/Berlin"),
    ),
    (
        "notify:\n  destinations:\n    - name: a\n      url: json://h\n      rate_limit: often\n",
        (5, "notify.destinations[0].rate_limit", "'often' is no limit", "30 per hour"),
    ),
    (
        "notify:\n  destinations:\n    - name: a\n      url: json://h\n      only:\n        - {kind: gone}\n",
        (6, "notify.destinations[0].only[0].kind", "'gone' is no kind of drift", "missing, unmanaged, changed"),
    ),
    (
        "notify:\n  destinations:\n    - {name: a, url: 'json://h', only: [{}]}\n",
        (3, "notify.destinations[0].only[0]", "says nothing of what is wanted", "add one of host, stack"),
    ),
    (
        "notify:\n  destinations:\n    - {name: a, url: 'json://h', critical_at_once: maybe}\n",
        (3, "notify.destinations[0].critical_at_once", "'maybe' is neither on nor off", "on or off"),
    ),
    ("notify:\n  base_url: anchorwatch.example\n", (2, "notify.base_url", "is no address of a page", "https://host/path")),
    ("notify:\n  heartbeat: ftp://x/y\n", (2, "notify.heartbeat", "is no address of a page", "https://host/path")),
    # YAML
    ("repo:\n  path: [a\nhosts: {}\n", (3, "", "is no YAML", "brackets")),
    ("repo:\n\tpath: a\n", (2, "", "a tab", "spaces")),
    ("hosts:\n  h:\n    exclude: [*/x]\n", (3, "", "begins with *", "quote it")),
    ("a: b: c\n", (1, "", "a colon stands where", "quote")),
    ("repo:\n  token: @x\n", (2, "", "begins with a character", "quote")),
    ("repo: {}\n---\nrepo: {}\n", (2, "", "second YAML document", "take the --- out")),
    ("repo:\n  branch: !x main\n", (2, "repo.branch", "has a tag", "begins with !")),
    ("repo: &a\n  webhook: *a\n", (2, "", "an alias holds itself", "take the alias out")),
    ("- repo\n", (1, "", "is no mapping", "repo:")),
    ("repo: {}\n? [a]\n: b\n", (2, "", "a key is a list", "a name and a colon")),
    ("\nrepo: " + "[" * 50_000, (2, "", "nested more than 100", "brackets")),
    ("repo:\n  path: \x07\n", (2, "", "control character", "take it out")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), ONE_MISTAKE, ids=[f"{case[1][1]}-{case[1][2]}" for case in ONE_MISTAKE])
def test_a_mistake_has_its_line_its_key_and_what_to_write(tmp_path: Path, text: str, expected: Expected) -> None:
    line, key, problem, instead = expected
    found = mistakes(tmp_path, text)
    assert [(mistake.line, mistake.key) for mistake in found] == [(line, key)], found
    assert found[0].file == str(tmp_path / "anchorwatch.yml")
    assert problem in found[0].problem
    assert instead in (found[0].instead or "")


def test_five_mistakes_are_named_at_once(tmp_path: Path) -> None:
    found = mistakes(
        tmp_path,
        """
repo:
  pol: 60s
hosts:
  pi5:
    docker: http://pi5
    grace: soon
notify:
  destinations:
    - {name: a, url_file: nowhere}
""",
        WATCH__RESYNC="often",
    )
    assert [(mistake.line, mistake.key) for mistake in found] == [
        (3, "repo.pol"),
        (5, "hosts.pi5.stacks"),
        (6, "hosts.pi5.docker"),
        (7, "hosts.pi5.grace"),
        (10, "notify.destinations[0].url_file"),
        (None, "ANCHORWATCH_WATCH__RESYNC"),
    ]
    assert len(str(ConfigError(found)).splitlines()) == 6


def test_a_mistake_that_was_merged_in_points_to_where_it_was_written(tmp_path: Path) -> None:
    found = mistakes(tmp_path, "x-a: &a\n  grace: soon\nhosts:\n  h:\n    <<: *a\n    docker: ssh://h\n    stacks: [a]\n")
    assert [(mistake.line, mistake.key) for mistake in found] == [(2, "hosts.h.grace")]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path, environ in ((tmp_path / "none.yml", {}), (None, {"ANCHORWATCH_CONFIG": str(tmp_path / "none.yml")})):
        with pytest.raises(ConfigError) as caught:
            load(path, environ)
        (mistake,) = caught.value.mistakes
        assert (mistake.file, mistake.line) == (str(tmp_path / "none.yml"), None)
        assert "no such file" in mistake.problem
        assert "anchorwatch init" in (mistake.instead or "")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path, {})


def test_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "anchorwatch.yml"
    file.write_bytes(b"repo:\n  branch: m\xe4in\n")
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    assert [(mistake.line, mistake.problem) for mistake in caught.value.mistakes] == [(2, "is not UTF-8")]


def test_a_file_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "anchorwatch.yml"
    file.write_bytes(b"\xef\xbb\xbfcompose: x\n")
    assert load(file, {}).compose == "x"


def test_a_file_that_unfolds_without_end_is_refused(tmp_path: Path) -> None:
    lines = ["x0: &x0 [a, a, a, a, a, a, a, a, a, a]"]
    lines += [f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * 10)}]" for i in range(1, 10)]
    (found,) = mistakes(tmp_path, "\n".join(lines))
    assert "unfolds" in found.problem


CANARY = "Hunter2-canary"
SECRET_PLACES = [
    "repo: {url: 'https://h/x', token: %s}\n",
    "repo: {url: 'https://h/x', password: %s, poll: x}\n",
    "repo: {url: %s}\n",
    "repo: {webhook: {provider: x, secret: %s}}\n",
    "hosts: {h: {docker: %s}}\n",
    "hosts: {h: {docker: 'ssh://h', env: {A: %s}}}\n",
    "hosts: {h: {docker: 'ssh://h', env: %s}}\n",
    "notify: {destinations: [{name: a, name: b, url: %s}]}\n",
    "database: %s\npoll: 1s\n",
    "repo:\n  token: %s\n   bad: indent\n",
]
SHAPES = [
    f"{CANARY}",
    f"'{CANARY}",
    f'"{CANARY}\\q"',
    f"*{CANARY}",
    f"&{CANARY}",
    f"&{CANARY} &{CANARY} x",
    f"!{CANARY}",
    f"!{CANARY}!x y",
    f"@{CANARY}",
    f"%{CANARY}",
    f"[{CANARY}]",
    f"[{CANARY}",
    f"{{x: {CANARY}}}",
    f"{{NAME={CANARY}}}",
    f"x={CANARY}: y",
    f"'https://u:{CANARY}@['",
    f"'ssh://u:{CANARY}@h'",
    f"'ssh://{CANARY}@h:99999'",
    f"'mysql://u:{CANARY}@h/d'",
    f"'https://u:{CANARY}@h:port/x'",
    f"'https://{CANARY}@'",
    f"'{CANARY}\\0'",
    f'"{CANARY}\\0"',
    f"|\n  {CANARY}\n ",
]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("place", SECRET_PLACES)
def test_no_message_repeats_a_secret(tmp_path: Path, place: str, shape: str) -> None:
    for found in mistakes(tmp_path, place % shape):
        assert CANARY not in str(found)


def test_no_message_repeats_what_a_file_held(tmp_path: Path) -> None:
    (tmp_path / "s").write_text(CANARY)
    keys = "watch: {grace_file: s, listen_file: s}\nhosts: {h: {docker_file: s, root_file: s, unmanaged_file: s, stacks: [a]}}\n"
    found = mistakes(tmp_path, keys + "history: {max_size_file: s}\nseverity: [{path: x, is_file: s}]\n")
    assert {mistake.key for mistake in found} == {
        "watch.grace_file", "watch.listen_file", "hosts.h.docker_file", "hosts.h.root_file", "hosts.h.unmanaged_file",
        "history.max_size_file", "severity[0].is_file",
    }  # fmt: skip
    assert not any(CANARY in str(mistake) for mistake in found)


def test_no_representation_shows_a_secret(tmp_path: Path) -> None:
    text = (
        "repo: {url: 'https://u:%s@h/x', token: %s, webhook: {provider: gitea, secret: %s}}\n"
        "hosts: {h: {docker: 'ssh://h', stacks: [a], env: {A: %s}, per_stack: {s: {env: {B: %s}}}}}\n"
        "notify: {destinations: [{name: a, url: 'json://%s'}]}\ndatabase: 'postgresql+psycopg://u:%s@h/d'\n"
    ).replace("%s", CANARY)
    config = load(write(tmp_path, text), variables({}))
    assert CANARY not in repr(config)
    assert CANARY not in repr(config.service())


@given(st.text(max_size=200) | st.text(alphabet="ab:{}[]-#&*!|>'\"\n \t%@,?~<", max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_text_is_a_config_or_a_list_of_mistakes(tmp_path: Path, text: str) -> None:
    for mistake in mistakes(tmp_path, text.encode("utf-8", "replace").decode()):
        assert mistake.problem
        assert mistake.file
