"""What may be a secret, told by its name, its look, or the option that it follows. Pure, for every room.

Better hidden once too often than shown once: a name that speaks of a password hides its value whatever that looks like, and a
value that looks like a token is hidden whatever its name. Addresses of files that hold secrets (`…_FILE`) are shown, and so is a
value that only names a variable of the shell (`$DB_PASSWORD`). `docs/secrets.md` lists it all for users, and what cannot be told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from anchorwatch.model.values import Secret, Template, Text

HIDDEN = "••••"

_WORDS = r"""
    pass|passwd|passwords?|passphrase|passcode|pwd|pw|secrets?|tokens?|apikeys?|keys?|credentials?|creds?|authkey|masterauth|
    authtoken|authorization|cookies?|salt|pepper|jwt|pin|otp|totp|psk|bearer|webhook|dsn|htpasswd|basicauth|digestauth|signature|
    seed|mnemonic|license|pat|(?:notifications?|shoutrrr|apprise)_urls?|mot_?de_?passe
"""
_KEYS = (
    "access|admin|api|app|auth|client|crypt|encryption|licen[cs]e|master|priv|private|security|server|session|shared|signing|ssh"
)
_NAME = re.compile(
    rf"(?:^|[^a-z])(?:{_WORDS})(?:$|[^a-z])"
    rf"|password|passwort|kennwort|wachtwoord|contrase|passwd|secret|(?:{_KEYS})keys?(?:$|[^a-z])|token(?:$|[^a-z])"
    r"|(?<!com)(?<!by)(?<!tres)pass(?:$|[^a-z])|pw(?:$|[^a-z])|(?:^|[^a-z])auth$",
    re.IGNORECASE | re.VERBOSE,
)
_HARMLESS_NAME = re.compile(
    r"(?:[_.\-](?:FILE|PATH|DIR|TTL|EXPIRY|EXPIRES_IN|EXPIRATION|LENGTH|ENABLED?|DISABLED?|MODE|TYPE|METHOD|HEADER|NAME|ALGORITHM|PORT)"
    r"|PUBLIC_?KEY)$|^(?:auth|pin)$",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_TOKENS = (
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    r"AGE-SECRET-KEY-1[0-9A-Z]+",
    r"(?<![A-Za-z0-9])(?:gh[pousr]|github_pat|gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat)|dckr_[po]at|xox[abeoprs]|sk|pk|rk|tskey"
    r"|npm|pypi|dop_v1|shpat|key|whsec|claim|hf|tk|gsk)[-_](?=[A-Za-z_\-.]{0,60}[0-9])[A-Za-z0-9_\-.]{16,}",
    r"(?<![A-Za-z0-9])hv[bsr]\.[A-Za-z0-9_\-]{20,}",
    r"(?<![A-Za-z0-9])SG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}",
    r"AKIA[0-9A-Z]{16}",
    r"AIza[0-9A-Za-z_\-]{30,}",
    r"eyJ[A-Za-z0-9_\-]{8,1024}\.[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*)?",
    r"(?<![0-9])[0-9]{8,11}:[A-Za-z0-9_\-]{33,}",
    r"\${1,2}(?:2[abxy]|apr1|1|5|6|y|argon2(?:id|i|d)|pbkdf2[-a-z0-9]*|scrypt)\$[^\s,\"']+",
    r"\{SHA\}[A-Za-z0-9+/=]{20,}",
    r"(?<=/api/webhooks/)[0-9]+/[A-Za-z0-9_\-]+",
    r"(?<=hooks\.slack\.com/services/)[A-Za-z0-9/]+",
    r"(?<=/api/push/)[A-Za-z0-9_\-]{8,}",
    r"(?<=/hc-ping\.com/)[A-Za-z0-9/_\-]+",
    r"(?<=Bearer )[^\s\"',;]+",
    r"(?<=Basic )(?=[A-Za-z+/]*(?:[a-z][A-Z]|[0-9=]))[A-Za-z0-9+/]{8,}={0,2}",
)
_NOTIFIED = (
    "bark|discord|gchat|googlechat|gotifys?|ifttt|mailgun|matrixs?|mattermost|mmosts?|msteams|ntfys?|opsgenie|pbul|pover|pushbullet"
    "|pushover|rocketchat|rockets?|sendgrid|signals?|slack|teams|telegram|tgram|twilio|zulip"
)
"""Schemes of the URLs that Apprise and shoutrrr take for a service of messages: anything in such a URL may be its token."""
_LOGIN = r"(?<![a-zA-Z0-9+.\-])[a-zA-Z][a-zA-Z0-9+.\-]{0,30}://[^\s:@/\"'\[]*:"
_ADDRESS = re.compile(
    rf"{_LOGIN}(?P<password>(?![0-9]{{1,5}}(?:[/?\#]|$))(?:(?!://)[^\s\"]){{1,2048}})@"
    r"|https?://(?P<login>[^\s:@/\"']+)@"
    r"|(?<![^\s\"'=])[^\s:@/\"'=]{1,64}:(?P<source>[^\s\"]{1,2048})@(?:tcp|unix)\("
    rf"|(?<![a-zA-Z0-9+.\-])(?:{_NOTIFIED})://(?P<service>[^\s\"',]+)"
)
_TOKEN = re.compile("|".join(_TOKENS), re.DOTALL)
_PAIR = re.compile(
    r"(?<![A-Za-z0-9_.\-])(?<!//)-{0,2}(?P<name>[A-Za-z][A-Za-z0-9_.\-]*)\\*[\"']?(?:[ ]?=[ ]?|[ ]?:[ ]+|:(?=[^/\s:]))"
)
_VALUE = re.compile(
    r"(?P<quote>\\*[\"'])?(?:(?:Bearer|Basic|Token|Digest|ApiKey)[ ]+)?"
    # to the quote that ends it; else to a blank, or to a separator behind which the next `name=` stands
    r"(?P<value>(?(quote)(?:(?!(?P=quote))(?:\\.|[^\n]))+"
    r"|(?:\$\([^)\n]*\)|(?![&;,]+[ ]?\\*[\"']?[\w.\-\[\]]+\\*[\"']?[=:])(?:\\[ ]|[^\s\"']|[\"'](?=[A-Za-z0-9])))+))"
)
_LINE = re.compile(r"^[ \t]*(?P<name>[A-Za-z][\w.\-]*)[ \t]+(?P<value>\S+)[ \t]*$", re.MULTILINE)
_RANDOM = re.compile(r"[A-Za-z0-9+/_\-]{32,}={0,2}")
_HEX = re.compile(r"[0-9a-fA-F]{32,}")
_LONGEST = 16_384
"""A longer text is hidden whole: nobody reads it, and looking for a secret's shape in it takes time."""
_VARIABLE = re.compile(r"[\"']?\$(?:[A-Z_][A-Z0-9_]*|\{[A-Z_][A-Z0-9_]*\}|\(cat [\w./\-]+\))[\"']?")

_PROGRAMS = {
    **dict.fromkeys(("redis-cli", "valkey-cli", "keydb-cli"), ("-a",)),
    **dict.fromkeys(
        ("mysql", "mysqladmin", "mysqldump", "mysqlcheck", "mariadb", "mariadb-admin", "mariadb-dump", "mariadb-check",
         "mongo", "mongosh", "mongodump", "mongorestore", "sshpass", "cqlsh", "mcrcon"), ("-p",)),
    **dict.fromkeys(("sqlcmd", "mosquitto_sub", "mosquitto_pub", "mosquitto_rr"), ("-P",)),
    **dict.fromkeys(("ldapsearch", "ldapwhoami", "ldapadd", "ldapmodify", "ldapdelete"), ("-w",)),
    "curl": ("-u", "-U", "--user", "--proxy-user"),
    "etcdctl": ("--user",),
    "smbclient": ("-U",),
    "transmission-remote": ("-n",),
}  # fmt: skip
"""Programs of health checks and backups, and the options by which they take a password that no name tells."""
_SHELL_WORD = re.compile(r"(?:\"(?:\\.|[^\"\\])*\"|'[^']*'|\\.|\$\([^)\n]*\)|[^\s\"'|;&()])+|[|;&]")
_DEEPEST = 3
"""Levels of quoting, as in `su -c "sh -c '…'"`."""


@lru_cache(4096)
def name_says_secret(name: str) -> bool:
    """Whether a variable, label or option of this name is expected to hold a secret."""
    spaced = _CAMEL.sub("_", name)
    return _NAME.search(spaced) is not None and _HARMLESS_NAME.search(spaced) is None


def looks_like_secret(value: str) -> bool:
    """Whether the value as a whole is a token, a key, a password's hash, or random enough to be one."""
    text = value.strip()
    if len(text) > _LONGEST:
        return True
    if _HEX.fullmatch(text):
        return True
    if _RANDOM.fullmatch(text) and all(re.search(kind, text) for kind in ("[a-z]", "[A-Z]", "[0-9]")) and text.count("/") < 3:
        return True
    return _TOKEN.fullmatch(text) is not None


def secret_spans(text: str, depth: int = 0) -> list[tuple[int, int]]:
    """Where secrets stand within a text: logins in URLs, tokens, what follows `password=`, and what follows `--password`."""
    if len(text) > _LONGEST:
        return [(0, len(text))]
    spans = [match.span() for match in _TOKEN.finditer(text)]
    if "@" in text or "//" in text:
        spans += [match.span(match.lastgroup or 0) for match in _ADDRESS.finditer(text)]
    spans += _behind_names(text)
    spans += _behind_options(text, depth)
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _behind_names(text: str) -> Iterator[tuple[int, int]]:
    """Where secrets stand behind a name that says so: `password=…`, `"password": "…"`, and a line of a name and its value."""
    done = 0
    for pair in _PAIR.finditer(text):
        if pair.end() >= done and name_says_secret(pair["name"]):
            found = _VALUE.match(text, pair.end())
            if found is not None and not _VARIABLE.fullmatch(found["value"]):
                done = found.end()
                yield found.span("value")
    for line in _LINE.finditer(text) if "\n" in text else ():
        if name_says_secret(line["name"]) and not _VARIABLE.fullmatch(line["value"]):
            yield line.span("value")


def _behind_options(text: str, depth: int) -> Iterator[tuple[int, int]]:
    """Where secrets stand in a text that is read as a shell reads it."""
    if "-" not in text:
        return
    found = list(_SHELL_WORD.finditer(text))
    for number, start in _secret_words([match[0].strip("\"'") for match in found]):
        whole = found[number]
        yield whole.start() + (start and start + len(whole[0]) - len(whole[0].lstrip("\"'"))), whole.end()
    for match in found if depth < _DEEPEST else ():
        if match[0][0] in "\"'" and " " in match[0]:
            for start, end in secret_spans(match[0][1:-1], depth + 1):
                yield match.start() + 1 + start, match.start() + 1 + end


def _secret_words(words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Which of a command's words hold a secret that their option tells, and where in the word it begins."""
    options: tuple[str, ...] = ()
    expected = False
    for number, word in enumerate(words):
        if word and not word.strip("|;&"):
            options, expected = (), False
            continue
        if not word.startswith("-"):
            if expected and not _VARIABLE.fullmatch(word):
                yield number, 0
            options = options if expected else _PROGRAMS.get(word.rpartition("/")[2], options)
            expected = False
            continue
        name, given, _ = word.partition("=")
        letters = [one for one in options if len(one) == len("-p")]
        if any(word.startswith(one) and word != one for one in letters):  # -pPASSWORD
            begin, expected = 2, False
        else:
            in_a_row = any(re.fullmatch(f"-[A-Za-z]*{one[1]}", word) for one in letters)  # curl -fsSu
            says = name_says_secret(name.lstrip("-")) or name in options or in_a_row
            begin, expected = len(name) + 1 if says and given else 0, says and not given
        if begin and word[begin:] and not _VARIABLE.fullmatch(word[begin:]):
            yield number, begin


def redact(text: str) -> str:
    """The text with every secret in it hidden: for messages of programs and libraries."""
    for start, end in reversed(secret_spans(text)):
        text = text[:start] + HIDDEN + text[end:]
    return text


def guarded(name: str, value: str) -> Text:
    """A text as it may be kept: a `Secret` if its name or look says so, a `Template` if only a part of it is one."""
    if not value:
        return value
    if name_says_secret(name) or looks_like_secret(value):
        return Secret(value)
    return _pieces(value, secret_spans(value))


def guarded_words(words: list[Text]) -> list[Text]:
    """A command's words: each by itself, and what an option like `--password` says of it or of the word behind it."""
    told = dict(_secret_words([word if isinstance(word, str) else "" for word in words]))
    made: list[Text] = []
    for number, word in enumerate(words):
        if not isinstance(word, str):
            made.append(word)
        elif number in told:
            made.append(_pieces(word, [(told[number], len(word))]))
        else:
            made.append(guarded("", word))
    return made


def _pieces(text: str, spans: Sequence[tuple[int, int]]) -> Text:
    parts: list[str | Secret] = []
    at = 0
    for start, end in spans:
        parts += [text[at:start], Secret(text[start:end])]
        at = end
    kept = [part for part in (*parts, text[at:]) if not isinstance(part, str) or part]
    if not kept:
        return text
    return kept[0] if len(kept) == 1 else Template(tuple(kept))
