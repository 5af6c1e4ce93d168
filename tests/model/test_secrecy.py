"""What counts as a secret by its name or look."""

from __future__ import annotations

import shlex

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
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "claim-xY3kD9_fGh2LmN4pQr7s",
    "hvs.CAESIJlk3tDAq2d9xQYpFzAbCdEf",
    "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",
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
        "DBPASS",
        "REDIS_REQUIREPASS",
        "ROOTPW",
        "MASTERKEY",
        "SSHKEY",
        "WG_PRESHAREDKEY",
        "GITHUB_PAT",
        "HTTP_AUTH",
        "DB_PASSWORT",
        "MOT_DE_PASSE",
        "WATCHTOWER_NOTIFICATION_URL",
        "traefik.http.middlewares.a.digestauth.users",
        "X-Authorization",
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
        "BYPASS",
        "TURKEY",
        "OAUTH_ISSUER",
        "GF_AUTH_GENERIC_OAUTH_SCOPES",
        "traefik.http.middlewares.auth.forwardauth.address",
        "token-file",
        "auth.token.ttl",
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
        ("postgres://app:p@ss/w#rd@db/app", "postgres://app:••••@db/app"),
        ("redis://:a@h:1,redis://:b@h:2", "redis://:••••@h:1,redis://:••••@h:2"),
        ("fatal: https://tok3n@git.example/x.git not found", "fatal: https://••••@git.example/x.git not found"),
        ("https://x-access-token:t0ken@git.example/x.git", "https://x-access-token:••••@git.example/x.git"),
        ("root:pw@tcp(db:3306)/app", "root:••••@tcp(db:3306)/app"),
        ("ssh://admin@pi5", "ssh://admin@pi5"),
        ("discord://tok3n@123456", "discord://••••"),
        ("run --password=abc --port=80", "run --password=•••• --port=80"),
        ("https://discord.com/api/webhooks/1/abc-d", "https://discord.com/api/webhooks/••••"),
        (
            "https://api.telegram.org/bot123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0/getMe",
            "https://api.telegram.org/bot••••/getMe",
        ),
        ("url=http://h/?a=b&token=x&c=d", "url=http://h/?a=b&token=••••&c=d"),
        ('{"user": "a", "password": "p w", "pin": 1}', '{"user": "a", "password": "••••", "pin": 1}'),
        (r'{"a": "{\"password\":\"pw\"}"}', r'{"a": "{\"password\":\"••••\"}"}'),
        (r'password="a\"b" x', 'password="••••" x'),
        ("host=db password='two words' user=x", "host=db password='••••' user=x"),
        ("Server=db;Password=a,b;Encrypt=true", "Server=db;Password=••••;Encrypt=true"),
        ("username=u,password=a,b,vers=3.0", "username=u,password=••••,vers=3.0"),
        ('note="password=abc"', 'note="password=••••"'),
        ("port 1\nrequirepass abc\nuser x", "port 1\nrequirepass ••••\nuser x"),
        ('header_up Authorization "Bearer abc"', 'header_up Authorization "Bearer ••••"'),
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


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("redis-server --requirepass PW --port 1", "redis-server --requirepass •••• --port 1"),
        ("redis-cli -h redis -p 6379 -a PW ping", "redis-cli -h redis -p 6379 -a •••• ping"),
        ("/usr/bin/mysqladmin ping -uroot -pPassword1 -h db", "/usr/bin/mysqladmin ping -uroot -p•••• -h db"),
        ("mongosh -u root -p PW --eval x", "mongosh -u root -p •••• --eval x"),
        ("sqlcmd -U sa -P PW -Q x", "sqlcmd -U sa -P •••• -Q x"),
        ("curl -fsSu user:PW http://x", "curl -fsSu •••• http://x"),
        ("curl --user user:PW http://x", "curl --user •••• http://x"),
        ("cloudflared tunnel run --token PW", "cloudflared tunnel run --token ••••"),
        ("influx -token PW", "influx -token ••••"),
        ("a | redis-cli -a PW || psql -a x", "a | redis-cli -a •••• || psql -a x"),
        # what only names where the secret is, and what only looks like an option for one, is shown
        ('redis-cli -a "$REDIS_PASSWORD" ping', 'redis-cli -a "$REDIS_PASSWORD" ping'),
        ("mysqladmin ping -p$MYSQL_ROOT_PASSWORD", "mysqladmin ping -p$MYSQL_ROOT_PASSWORD"),
        ("PGPASSWORD=${PW} pg_isready -p 5432", "PGPASSWORD=${PW} pg_isready -p 5432"),
        ('mariadb-admin "-p$(cat /run/secrets/db)" ping', 'mariadb-admin "-p$(cat /run/secrets/db)" ping'),
        ("app -p 8080 -a --token-file /run/token", "app -p 8080 -a --token-file /run/token"),
        ("mysqld --default-authentication-plugin=x", "mysqld --default-authentication-plugin=x"),
        ("mkdir -p /data && curl -fsS http://x:80/y", "mkdir -p /data && curl -fsS http://x:80/y"),
    ],
)
def test_a_command_as_a_text_as_words_and_within_another(command: str, shown: str) -> None:
    assert redact(command) == shown
    assert redact(f"sh -c '{command}'") == f"sh -c '{shown}'"
    shell = guarded_words(["sh", "-c", command])
    assert [reveal(word) for word in shell] == ["sh", "-c", command]
    assert "PW" not in str(shell[2]).replace("${PW}", "")
    words = guarded_words([*shlex.split(command)])
    assert [reveal(word) for word in words] == shlex.split(command)
    assert [isinstance(word, str) for word in words] == ["••••" not in word for word in shlex.split(shown)]


def test_a_word_of_a_command_is_hidden_to_its_end() -> None:
    words = guarded_words(["run", "--password=a b&c;d", "-H", "Authorization: Basic x y", "--key"])
    assert words[1] == Template(("--password=", Secret("a b&c;d")))
    assert "--key" in words


@pytest.mark.parametrize(
    "text",
    [
        "network-monitoring-agent",
        "task-scheduler-service-2",
        "/srv/npm-letsencrypt-data",
        "turnkey-linux-something-1.2",
        "http://host:8080/@user",
        "ghcr.io/x/app@sha256:00",
        "yaml: line 3: mapping values are not allowed in this context",
        "fatal: Authentication failed for 'https://git.example/y.git'",
        "Basic Authentication is refused",
        "--password-file=/run/secrets/x",
    ],
)
def test_what_only_resembles_a_secret_is_shown(text: str) -> None:
    assert redact(text) == text


@given(st.text(max_size=60), st.sampled_from(["TZ", "DB_PASSWORD", "", "labels.x"]))
def test_nothing_is_lost(value: str, name: str) -> None:
    assert reveal(guarded(name, value)) == value


@given(st.lists(st.text(max_size=20) | st.sampled_from(["-p", "--token", "mysql", "-pX", "curl", "-u", "a=b"]), max_size=8))
def test_no_word_is_lost(words: list[str]) -> None:
    assert [reveal(word) for word in guarded_words(list(words))] == words
    assert reveal(guarded("", " ".join(words))) == " ".join(words)
