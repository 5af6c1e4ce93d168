"""What counts as a secret by its name or look."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchorwatch.model.secrecy import guarded, guarded_words, looks_like_secret, name_says_secret, redact
from anchorwatch.model.values import Secret, Template, reveal

TOKENS = [
    "ghp_0123456789abcdefghijklmnopqrstuvwxyz",
    "glpat-0123456789abcdefghij",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----",
    "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0",
    "$2y$05$abcdefghijklmnopqrstuv",
    "0123456789abcdef0123456789abcdef",
    "Zm9vYmFyMTIzNDU2Nzg5MEFCQ0RFRkdISUpL",
]


@pytest.mark.parametrize(
    "name",
    [
        "DB_PASSWORD",
        "PGPASSWORD",
        "MYSQL_ROOT_PASSWORD",
        "JWT_SECRET",
        "API_KEY",
        "APIKEY",
        "ADMIN_PASS",
        "TOKEN",
        "GITHUB_TOKEN",
        "dbPassword",
        "SECRET_KEY_BASE",
        "TS_AUTHKEY",
        "WEBPASSWORD",
        "SMTP_PW",
        "traefik.http.middlewares.a.basicauth.users",
        "clientSecret",
        "RESTIC_PASSWORD",
        "S3_ACCESS_KEY",
    ],
)
def test_names_that_say_secret(name: str) -> None:
    assert name_says_secret(name)
    assert guarded(name, "8080") == Secret("8080")
    assert isinstance(guarded(name, "8080"), Secret)


@pytest.mark.parametrize(
    "name",
    [
        "TZ",
        "PUID",
        "KEYCLOAK_URL",
        "MONKEY",
        "KEYBOARD",
        "COMPASS",
        "PASSIVE",
        "POSTGRES_PASSWORD_FILE",
        "TOKEN_TTL",
        "PUBLIC_KEY",
        "HOST",
        "MYSQL_USER",
    ],
)
def test_names_that_do_not(name: str) -> None:
    assert not name_says_secret(name)
    assert guarded(name, "8080") == "8080"


@pytest.mark.parametrize("value", TOKENS)
def test_values_that_look_like_secrets(value: str) -> None:
    assert looks_like_secret(value)
    assert isinstance(guarded("ANYTHING", value), Secret)


@pytest.mark.parametrize(
    "value", ["latest", "nginx:1.27", "0.0.0.0:80", "/srv/data", "Europe/Berlin", "Host(`a.b`) && Path(`/x`)", "", "10m"]
)
def test_values_that_do_not(value: str) -> None:
    assert not looks_like_secret(value)
    assert guarded("ANYTHING", value) == value
    assert redact(value) == value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://app:hunter2@db/app", "postgres://app:••••@db/app"),
        ("fatal: https://tok3n@git.example/x.git not found", "fatal: https://••••@git.example/x.git not found"),
        ("ssh://admin@pi5", "ssh://admin@pi5"),
        ("run --password=abc --port=80", "run --password=•••• --port=80"),
        ("https://discord.com/api/webhooks/1/abc-d", "https://discord.com/api/webhooks/••••"),
    ],
)
def test_texts_are_shown_without_their_secrets(text: str, shown: str) -> None:
    assert redact(text) == shown
    kept = guarded("", text)
    assert reveal(kept) == text
    assert isinstance(kept, Template) == (text != shown)


def test_the_word_behind_an_option_that_says_secret() -> None:
    words = guarded_words(["serve", "--password", "hunter2", "--port", "80", "--token", "--verbose"])
    assert words == ["serve", "--password", Secret("hunter2"), "--port", "80", "--token", "--verbose"]
    assert "hunter2" not in repr(words)


@given(st.text(max_size=60), st.sampled_from(["TZ", "DB_PASSWORD", "", "labels.x"]))
def test_nothing_is_lost(value: str, name: str) -> None:
    assert reveal(guarded(name, value)) == value
