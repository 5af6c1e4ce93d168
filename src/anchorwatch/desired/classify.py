"""What a file is, by its content: a Compose file that can be deployed, a fragment, a template, encrypted, or something else.

Nothing here raises: a file that cannot be read as YAML is what it is (`error`), and costs only its own stack. Pure.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from anchorwatch.desired.names import is_template, looks_like_compose
from anchorwatch.desired.yaml_reader import read_mapping
from anchorwatch.errors import StackError

Kind = Literal["stack", "fragment", "template", "encrypted", "other", "broken"]

_ENCRYPTED_HEADS = (
    (b"\x00GITCRYPT\x00", "git-crypt"),
    (b"$ANSIBLE_VAULT;", "ansible-vault"),
    (b"age-encryption.org/v1", "age"),
    (b"-----BEGIN AGE ENCRYPTED FILE-----", "age"),
    (b"-----BEGIN PGP MESSAGE-----", "PGP"),
)
_COMPOSE_KEYS = frozenset({"services", "networks", "volumes", "configs", "secrets", "include", "models", "name", "version"})
_YTT = re.compile(
    rb"(?m)^\s*#@\s*(?:data/|overlay/|library/|schema/|yaml/|load\(|def\b|if\b|for\b|end\b|library\b)|:[ \t]+#@[ \t]+\S"
)
_JINJA_BLOCK = re.compile(rb"\{%[-+]?\s*\w")
_JINJA = re.compile(r"\{\{[-+]?\s*[A-Za-z_][\w.]*(?:\[[^\]}]*\])?\s*(?:\|[^}]*)?[-+]?\}\}")
_SERVICES = re.compile(rb"(?m)^(?:services|include)\s*:")
_TEMPLATED_KEYS = ("image", "container_name", "restart", "hostname")


@dataclass(frozen=True, slots=True)
class ComposeFile:
    """What one file says of itself."""

    path: str
    kind: Kind
    name: str | None = None
    """The top-level `name`, raw: it may hold variables."""
    services: frozenset[str] = frozenset()
    complete: frozenset[str] = frozenset()
    """The services that have an image, a build or the like, so that they could run."""
    weight: int = 0
    """How many keys its services have together."""
    included: tuple[str, ...] = ()
    """Files of the repo that `include` names, as paths in the repo; remote ones and those with variables are left out."""
    extended: tuple[str, ...] = ()
    """Likewise for `extends: file:`."""
    error: StackError | None = None
    """Why it is `broken` or `encrypted`."""


def read_compose_file(path: str, content: bytes) -> ComposeFile:
    """Look into a file. `path` is its path in the repo, which what it includes is relative to."""
    for head, how in _ENCRYPTED_HEADS:
        if content.startswith(head):
            return _encrypted(path, how)
    if is_template(path, spelled=path.count("/")) or _YTT.search(content):
        return ComposeFile(path, "template")
    try:
        top = read_mapping(content, path)
    except StackError as error:
        templated = _JINJA_BLOCK.search(content) or _JINJA.search(content.decode("utf-8", "replace"))
        if error.kind == "bad_yaml" and templated:
            return ComposeFile(path, "template")
        return ComposeFile(path, "broken", error=error)
    if isinstance(top.get("sops"), dict) and not {"mac", "version", "lastmodified"}.isdisjoint(top["sops"]):
        return _encrypted(path, "SOPS")
    return _read(path, top)


def _read(path: str, top: Mapping[str, Any]) -> ComposeFile:
    services = {str(name): body for name, body in _mapping(top.get("services")).items()}
    if _is_templated(services):
        return ComposeFile(path, "template")
    includes = list(_included(top.get("include")))
    complete = frozenset(name for name, body in services.items() if _could_run(body))
    kind: Kind
    if complete or includes or (looks_like_compose(posixpath.basename(path)) and _is_first_format(top)):
        kind = "stack"
    elif services or _COMPOSE_KEYS.issuperset(key for key in top if not key.startswith("x-")):
        kind = "fragment"
    else:
        kind = "other"
    name = top.get("name")
    return ComposeFile(
        path,
        kind,
        name=str(name) if isinstance(name, str | int | float) and name != "" else None,
        services=frozenset(services),
        complete=complete,
        weight=sum(len(_mapping(body)) for body in services.values()),
        included=tuple(_beside(path, includes)),
        extended=tuple(_beside(path, _extended(services))),
    )


def may_be_compose(content: bytes) -> bool:
    """Whether it is worth while to read a YAML file whose name does not tell."""
    return _SERVICES.search(content) is not None


def is_compose(file: ComposeFile) -> bool:
    """Whether a file under any name is a Compose file at all (and not a manifest or settings of something else)."""
    return file.kind in ("stack", "encrypted") or (file.kind == "fragment" and bool(file.services))


def stands_alone(own: ComposeFile, default: ComposeFile) -> bool:
    """Whether a file beside the default one is a stack of its own, not something to be merged over it: it says as much."""
    return own.kind == "stack" and own.complete == own.services and own.weight >= default.weight


def _could_run(body: object) -> bool:
    return isinstance(body, dict) and not {"image", "build", "extends", "provider"}.isdisjoint(body)


def _is_first_format(top: Mapping[str, Any]) -> bool:
    """A file of the format before `services:`; Compose refuses it, and says why better than we could."""
    bodies = [body for body in top.values() if isinstance(body, dict)]
    return "services" not in top and any(not {"image", "build"}.isdisjoint(body) for body in bodies)


def _is_templated(services: Mapping[str, object]) -> bool:
    """Placeholders of Jinja where Compose would take them for a name. Elsewhere braces are common: log tags, dashboards."""
    for name, body in services.items():
        if _JINJA.search(name):
            return True
        told = _mapping(body)
        ports = told.get("ports")
        texts: Iterable[object] = [told.get(key) for key in _TEMPLATED_KEYS] + (ports if isinstance(ports, list) else [])
        if any(isinstance(text, str) and _JINJA.search(text) for text in texts):
            return True
    return False


def _included(include: object) -> Iterable[str]:
    for item in include if isinstance(include, list) else []:
        paths = item.get("path") if isinstance(item, dict) else item
        yield from (path for path in (paths if isinstance(paths, list) else [paths]) if isinstance(path, str))


def _extended(services: Mapping[str, object]) -> Iterable[str]:
    for body in services.values():
        extends = _mapping(body).get("extends")
        file = _mapping(extends).get("file")
        if isinstance(file, str):
            yield file


def _beside(path: str, named: Iterable[str]) -> Iterable[str]:
    for one in named:
        if "$" in one or "://" in one or one.startswith(("/", "~")):
            continue
        found = posixpath.normpath(posixpath.join(posixpath.dirname(path), one))
        if not found.startswith("../") and found != path:
            yield found


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _encrypted(path: str, how: str) -> ComposeFile:
    hint = "exclude it, or commit the Compose file in clear and encrypt only its values (an env file)"
    return ComposeFile(path, "encrypted", error=StackError("encrypted", f"{path} is encrypted with {how}", hint=hint))
