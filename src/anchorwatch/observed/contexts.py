"""Docker contexts: which engine a name means, and which one is meant where nothing is said.

Read as docker/cli does (`cli/command/cli.go` `resolveContextName`, `cli/context/store`): `DOCKER_HOST`, then
`DOCKER_CONTEXT`, then `currentContext` of the CLI's `config.json`, then the socket of this machine. The SDK's
`docker.context` looks for contexts in the current folder where there is no `config.json` (a context does not need one),
and drops a CA that comes without a client certificate.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from anchorwatch.errors import HostError
from anchorwatch.model.address import HostAddress, TlsOptions
from anchorwatch.observed.lines import DEFAULT_SOCKET

PREFIX = "context:"
DEFAULT = "default"


def current_address(environ: Mapping[str, str], name: str = "") -> HostAddress:
    """The engine that `docker` itself would ask here, as the host `name` (else: the context's name).

    Raises `HostError` where the current context does not exist.
    """
    context = _current(environ)
    return resolve(HostAddress(name=name or context, docker=PREFIX + context), environ)


def known_contexts(environ: Mapping[str, str]) -> dict[str, str]:
    """The stored Docker contexts and the addresses they stand for; one that cannot be read is left out."""
    found: dict[str, str] = {}
    for file in sorted((_folder(environ) / "contexts" / "meta").glob("*/meta.json")):
        name = _text(_read(file), "Name")
        if name is None:
            continue
        with contextlib.suppress(HostError):
            found[name] = _stored(name, _folder(environ))[0]
    return found


def resolve(address: HostAddress, environ: Mapping[str, str]) -> HostAddress:
    """`address` with `context:NAME` replaced by what the context says; any other address as it is. Raises `HostError`."""
    if not address.docker.startswith(PREFIX):
        return address
    name = address.docker.removeprefix(PREFIX)
    docker, tls = _default(environ) if name == DEFAULT else _stored(name, _folder(environ))
    return replace(address, docker=docker, tls=address.tls or tls)


def _current(environ: Mapping[str, str]) -> str:
    if environ.get("DOCKER_HOST"):
        return DEFAULT
    return environ.get("DOCKER_CONTEXT") or _text(_read(_folder(environ) / "config.json"), "currentContext") or DEFAULT


def _default(environ: Mapping[str, str]) -> tuple[str, TlsOptions | None]:
    docker = environ.get("DOCKER_HOST", "").strip() or f"unix://{DEFAULT_SOCKET}"
    if "://" not in docker:
        docker = f"tcp://{docker}"
    verify = bool(environ.get("DOCKER_TLS_VERIFY"))
    if not docker.startswith("tcp://") or not (verify or environ.get("DOCKER_TLS")):
        return docker, None
    return docker, _tls(Path(environ.get("DOCKER_CERT_PATH") or _folder(environ)), verify=verify)


def _stored(name: str, folder: Path) -> tuple[str, TlsOptions | None]:
    import hashlib

    identity = hashlib.sha256(name.encode()).hexdigest()
    endpoint = _read(folder / "contexts" / "meta" / identity / "meta.json")
    for key in ("Endpoints", "docker"):
        endpoint = endpoint.get(key) if isinstance(endpoint, dict) else None
    docker = _text(endpoint, "Host")
    if not docker:
        raise HostError(
            f"there is no Docker context {name!r} in {folder}",
            hint="`docker context ls` shows those that the user who runs anchorwatch has; DOCKER_CONFIG names another folder",
        )
    certificates = folder / "contexts" / "tls" / identity / "docker"
    if not docker.startswith("tcp://") or not certificates.is_dir():
        return docker, None
    return docker, _tls(certificates, verify=not endpoint.get("SkipTLSVerify"))


def _tls(folder: Path, *, verify: bool) -> TlsOptions:
    ca, cert, key = (str(folder / name) if (folder / name).is_file() else None for name in ("ca.pem", "cert.pem", "key.pem"))
    return TlsOptions(ca, cert, key, verify=verify)


def _folder(environ: Mapping[str, str]) -> Path:
    named = environ.get("DOCKER_CONFIG")
    return Path(named) if named else Path(environ.get("HOME") or Path.home()) / ".docker"


def _read(file: Path) -> Any:
    """A JSON file's content; None where there is none that can be read, as docker/cli goes on without its config."""
    import json

    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None


def _text(document: Any, key: str) -> str | None:
    value = document.get(key) if isinstance(document, dict) else None
    return value if isinstance(value, str) else None
