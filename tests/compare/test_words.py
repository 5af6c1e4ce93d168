"""Severity by blast radius, secrets by name and looks, ignore rules: tables written from the documentation."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.compare.difference import Difference
from anchorwatch.compare.ignore import ignored_by
from anchorwatch.compare.severity import repository, severity
from anchorwatch.compare.wording import both_shown, sentence
from anchorwatch.model.findings import Finding, Kind, Severity
from anchorwatch.model.secrecy import name_says_secret, redact
from anchorwatch.model.settings import IgnoreRule, SeverityRule
from anchorwatch.model.values import Json, Secret, Template, Unknown
from tests.compare.make import container


@pytest.mark.parametrize(
    ("path", "want", "have", "expected"),
    [
        ("privileged", False, True, Severity.CRITICAL),
        ("privileged", True, False, Severity.WARNING),
        ("network_mode", None, "host", Severity.CRITICAL),
        ("pid", None, "host", Severity.CRITICAL),
        ("cap_add", None, "NET_ADMIN", Severity.CRITICAL),
        ("cap_add", "NET_ADMIN, SYS_TIME", "NET_ADMIN", Severity.WARNING),
        ("volumes./var/run/docker.sock", None, "/var/run/docker.sock:/var/run/docker.sock", Severity.CRITICAL),
        ("volumes./data", "/a:/data", "/b:/data", Severity.WARNING),
        ("ports.80/tcp", None, "8080:80/tcp", Severity.CRITICAL),
        ("ports.80/tcp", "127.0.0.1:8080:80/tcp", "0.0.0.0:8080:80/tcp", Severity.CRITICAL),
        ("ports.80/tcp", "8080:80/tcp", "127.0.0.1:8080:80/tcp", Severity.WARNING),
        ("ports.80/tcp", "8080:80/tcp", None, Severity.WARNING),
        ("image", "nginx:1.27", "nginx:1.28", Severity.WARNING),
        ("image", "nginx:1.27", "evil.example/nginx:1.27", Severity.CRITICAL),
        ("image", "nginx", "docker.io/library/nginx:1", Severity.WARNING),
        ("mem_limit", "512 MiB", "1 GiB", Severity.WARNING),
        ("restart", "always", "no", Severity.WARNING),
        ("labels.traefik.enable", "true", None, Severity.INFO),
        ("environment.TZ", "UTC", "Europe/Berlin", Severity.INFO),
        ("environment.DB_HOST", "db", "other", Severity.WARNING),
    ],
)
def test_severity_is_the_blast_radius(path: str, want: Json, have: Json, expected: Severity) -> None:
    assert severity(Difference(path, want, have)) is expected


def test_the_config_overrides_severities_by_path() -> None:
    rules = [SeverityRule("labels.*", Severity.WARNING), SeverityRule("labels.traefik.*", Severity.CRITICAL)]
    assert severity(Difference("labels.traefik.enable", "true", None), rules) is Severity.CRITICAL
    assert severity(Difference("labels.other", "true", None), rules) is Severity.WARNING


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("nginx", "nginx"),
        ("library/nginx:1.27", "nginx"),
        ("localhost:5000/app:2", "localhost:5000/app"),
        ("ghcr.io/mealie-recipes/mealie:v2@sha256:00", "ghcr.io/mealie-recipes/mealie"),
    ],
)
def test_a_repository_is_a_reference_without_tag_and_digest(reference: str, expected: str) -> None:
    assert repository(reference) == expected


@pytest.mark.parametrize(
    "name", ["DB_PASSWORD", "MYSQL_ROOT_PASSWORD", "apiKey", "JWT_SECRET", "GITHUB_TOKEN", "SECRET_KEY_BASE"]
)
def test_names_that_say_secret(name: str) -> None:
    assert name_says_secret(name)


@pytest.mark.parametrize("name", ["TZ", "PUID", "DB_HOST", "KEYBOARD", "MONKEY_COUNT", "COMPASS", "AUTHOR", "LOG_LEVEL"])
def test_names_that_do_not(name: str) -> None:
    assert not name_says_secret(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgres://app:hunter2@db/app", "postgres://app:••••@db/app"),
        ("--password=hunter2 --verbose", "--password=•••• --verbose"),
        ("http://db:5432/app", "http://db:5432/app"),
        ("nginx -g daemon off;", "nginx -g daemon off;"),
    ],
)
def test_what_looks_like_a_secret_is_veiled(text: str, expected: str) -> None:
    assert redact(text) == expected


@pytest.mark.parametrize(
    ("want", "have", "shown"),
    [
        # what is hidden in Git is hidden for its form: so is what stands beside it, and no more
        (
            ["sh", "-c", Template(("mysqladmin -p", Secret("canary"), " ping"))],
            ["sh", "-c", "mysqladmin --silent -pcanary2 ping"],
            '["sh", "-c", "mysqladmin --silent -p•••• ping"]',
        ),
        (["run", "--token", Secret("canary"), "-v"], ["run", "--token", "canary2", "-q"], '["run", "--token", "••••", "-q"]'),
        (Template(("http://u:", Secret("canary"), "@a/b")), "http://u:canary2@c/d", "http://u:••••@c/d"),
        # a value from outside Git may have come to stand anywhere
        (["run", Template(("x-", Secret("canary"), "-y")), "-v"], ["run", "x-canary2-z", "canary3"], '["run", "x-••••", "••••"]'),
        (["run", Secret("canary")], ["canary2", "canary3"], '["••••", "••••"]'),
        (Template(("x-", Secret("canary"))), "canary2-x", "••••"),
        (Template((Secret("http://u:"), Secret("canary"), "@a")), "canary2://u:canary3@a", "••••@a"),
        (Template(("-p", Unknown("PW"), " --password=", Secret("canary"))), "-pcanary2 -v", "-p••••"),
    ],
)
def test_beside_what_is_hidden_for_its_form_the_rest_is_shown(want: Json, have: Json, shown: str) -> None:
    observed = [Secret(one) for one in have] if isinstance(have, list) else Secret(have)
    seen = both_shown(Difference("command", want, observed))[1]
    assert re.sub(r" \([0-9a-f]{4}\)", "", str(seen)) == shown


def test_an_observed_value_is_shown_only_beside_a_wanted_one() -> None:
    assert both_shown(Difference("environment.A", "x", Secret("y"))) == ("x", "y")
    assert both_shown(Difference("command", ["a", "b"], [Secret("a"), Secret("c")])) == ('["a", "b"]', '["a", "c"]')
    want, have = both_shown(Difference("environment.A", None, Secret("canary")))
    assert (want, "canary" in str(have)) == (None, False)
    want, have = both_shown(Difference("environment.URL", "http://db", Secret("http://u:canary@db")))
    assert (want, "canary" in str(have)) == ("http://db", False)


@given(st.text(alphabet="abcdef0123456789", min_size=12))
def test_no_wanted_secret_is_shown(text: str) -> None:
    mixed = Template(("postgres://app:", Secret(text), "@db/", Unknown("NAME")))
    shown = sentence("environment.X", *both_shown(Difference("environment.X", mixed, Secret(text + "!"))))
    assert text not in shown


def test_a_megabyte_is_cut() -> None:
    _, have = both_shown(Difference("hostname", "x", "y" * 2**20))
    assert have is not None
    assert len(have) < 300
    assert "1048576" in have
    assert both_shown(Difference("environment.A", "x", Secret("y" * 2**20)))[1] != "y" * 2**20


def test_an_ignore_rule_needs_all_its_globs_to_fit() -> None:
    seen = container("watchtower", "watchtower", labels={"com.example.team": Secret("infra")})
    finding = Finding(
        "pi5", Kind.CHANGED, "m", stack="infra", project="infra", service="watchtower", container="watchtower", path="image"
    )

    def ignored(**globs: object) -> bool:
        return ignored_by(finding, seen, [IgnoreRule(**globs)]) is not None  # type: ignore[arg-type]

    assert ignored(host="pi5", service="watch*", path="image")
    assert ignored(stack="pi5/infra")
    assert ignored(image="hold:*", kind=Kind.CHANGED)
    assert ignored(label="com.example.team")
    assert ignored(label="com.example.team=infra")
    assert not ignored(label="com.example.team=web")
    assert not ignored(host="pi5", path="labels.*")
    assert not ignored()


def test_an_empty_value_is_said_to_be_empty() -> None:
    assert sentence("environment.A", "", None) == "variable A is not set, Git says (empty)"
    assert sentence("environment.A", None, "") == "variable A is (empty), Git does not set it"
