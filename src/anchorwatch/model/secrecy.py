"""What may be a secret, told by its name or its look. Pure, for every room.

Better hidden once too often than shown once: a name that speaks of a password hides its value whatever that looks like, and a
value that looks like a token is hidden whatever its name. Addresses of files that hold secrets (`…_FILE`) are shown.
"""

from __future__ import annotations

import re

from anchorwatch.model.values import Secret, Template, Text

HIDDEN = "••••"

_WORDS = r"""
    pass|passwd|passwords?|passphrase|passcode|pwd|pw|secrets?|tokens?|apikeys?|keys?|credentials?|creds?|auth|authkey|
    authtoken|cookies?|salt|pepper|jwt|pin|otp|totp|psk|bearer|webhook|dsn|htpasswd|basicauth|signature|seed|mnemonic|
    license
"""
_NAME = re.compile(
    rf"(?:^|[^a-z])(?:{_WORDS})(?:$|[^a-z])"
    r"|password|passwd|secret|apikey|authkey|accesskey|privatekey|encryptionkey|token(?:$|[^a-z])",
    re.IGNORECASE | re.VERBOSE,
)
_HARMLESS_NAME = re.compile(
    r"(?:_(?:FILE|PATH|DIR|TTL|EXPIRY|EXPIRES_IN|EXPIRATION|LENGTH|ENABLED?|DISABLED?|MODE|TYPE|METHOD|HEADER|NAME|ALGORITHM|PORT)"
    r"|PUBLIC_?KEY)$|^(?:auth|pin)$",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_TOKENS = (
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
    r"AGE-SECRET-KEY-1[0-9A-Z]+",
    r"(?:gh[pousr]|github_pat|glpat|gldt|glrt|dckr_pat|xox[abeoprs]|sk|pk|rk|tskey|hvs|npm|pypi|dop_v1|shpat|SG|key)"
    r"[-_][A-Za-z0-9_\-.]{16,}",
    r"AKIA[0-9A-Z]{16}",
    r"AIza[0-9A-Za-z_\-]{30,}",
    r"eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]*)?",
    r"(?<![0-9A-Za-z])[0-9]{8,11}:[A-Za-z0-9_\-]{33,}",
    r"\$(?:2[abxy]|apr1|1|5|6|y|argon2(?:id|i|d)|pbkdf2[-a-z0-9]*|scrypt)\$[^\s,\"']+",
    r"\{SHA\}[A-Za-z0-9+/=]{20,}",
    r"(?<=/api/webhooks/)[0-9]+/[A-Za-z0-9_\-]+",
    r"(?<=hooks\.slack\.com/services/)[A-Za-z0-9/]+",
)
_SPAN = re.compile(
    r"(?<![a-zA-Z0-9+.\-])[a-zA-Z][a-zA-Z0-9+.\-]{0,30}://[^\s:@/\"']*:(?P<password>[^\s@/\"']+)@|https?://(?P<login>[^\s:@/\"']+)@"
    rf"|(?P<token>{'|'.join(_TOKENS)})",
    re.DOTALL,
)
_PAIR = re.compile(
    r"(?<![A-Za-z0-9_.\-])-{0,2}(?P<name>[A-Za-z][A-Za-z0-9_.\-]*)(?:=|:[ ]|:(?=[^/\s:]))(?P<quote>[\"']?)(?P<value>[^\s\"'&;,]+)"
)
_RANDOM = re.compile(r"[A-Za-z0-9+/_\-]{32,}={0,2}")
_LONGEST = 16_384
"""A longer text is hidden whole: nobody reads it, and looking for a secret's shape in it takes time."""
_HEX = re.compile(r"[0-9a-fA-F]{32,}")


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
    match = _SPAN.fullmatch(text)
    return match is not None and match["token"] is not None


def secret_spans(text: str) -> list[tuple[int, int]]:
    """Where secrets stand within a text: logins in URLs, tokens, and what follows `password=`."""
    if len(text) > _LONGEST:
        return [(0, len(text))]
    spans = []
    for match in _SPAN.finditer(text):
        group = next(name for name in ("password", "login", "token") if match[name] is not None)
        spans.append(match.span(group))
    for match in _PAIR.finditer(text):
        if name_says_secret(match["name"].lstrip("-")):
            spans.append(match.span("value"))
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


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
    parts: list[str | Secret] = []
    at = 0
    for start, end in secret_spans(value):
        parts += [value[at:start], Secret(value[start:end])]
        at = end
    if not parts:
        return value
    kept = [part for part in (*parts, value[at:]) if not isinstance(part, str) or part]
    return kept[0] if len(kept) == 1 else Template(tuple(kept))


def guarded_words(words: list[Text]) -> list[Text]:
    """A command's words: each by itself, and the word behind `--password` too."""
    made: list[Text] = []
    before = ""
    for word in words:
        if not isinstance(word, str):
            made.append(word)
            before = ""
            continue
        option = before if before.startswith("-") and "=" not in before else ""
        made.append(guarded(option.lstrip("-"), word) if not word.startswith("-") else guarded("", word))
        before = word
    return made
