"""A config that is read, and not judged yet.

Reading costs a few milliseconds, judging it costs ten times that (the library that does it has to be loaded first), and a
handshake with an ssh host costs more than both. So a verb that asks hosts takes the `Draft`, lets the connections to its
`addresses` begin, and has it judged (`config`) meanwhile.

A draft is the file, the environment laid over it, and the values that `_file` keys name read from their files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anchorwatch.config.document import Document, Place, Tree, is_env, spell
from anchorwatch.config.environment import ENVIRONMENT, lay_over
from anchorwatch.config.places import Places, find_file
from anchorwatch.config.quantities import duration
from anchorwatch.config.texts import docker_address, host_name
from anchorwatch.config.wrong import WrongValue
from anchorwatch.errors import ConfigError, Mistake
from anchorwatch.model.address import HostAddress, SshOptions, TlsOptions
from anchorwatch.model.values import Secret

if TYPE_CHECKING:
    from anchorwatch.config.config import Config

_FILE = "_file"
_NOT_FILES = frozenset({"host_env_file"})
"""Keys that end in `_file` and mean a file themselves."""
_LARGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Draft:
    """What was read. `from_files`: where a value came out of a `_file`; `failed`: where that file could not be read."""

    document: Document
    places: Places
    environ: Mapping[str, str]
    file: str | None
    from_files: set[Place] = field(default_factory=set)
    failed: set[Place] = field(default_factory=set)

    def addresses(self) -> tuple[HostAddress, ...]:
        """The hosts whose address can be told already, as `config` will give them too; none where a mistake is known.

        For beginning to connect, and for nothing else: `config` has the last word, and may raise.
        """
        hosts = self.document.tree.get("hosts")
        if self.document.mistakes or not isinstance(hosts, dict):
            return ()
        found = (self._address(name, host) for name, host in hosts.items() if isinstance(host, dict))
        return tuple(address for address in found if address is not None)

    def destinations(self) -> Mapping[Place, Secret]:
        """The URLs of destinations, by where they stand, as far as they are texts: for asking whoever knows the services."""
        notify = self.document.tree.get("notify")
        found = notify.get("destinations") if isinstance(notify, dict) else None
        urls = [one.get("url") if isinstance(one, dict) else None for one in (found if isinstance(found, list) else ())]
        return {("notify", "destinations", i, "url"): Secret(url) for i, url in enumerate(urls) if isinstance(url, str) and url}

    def mistakes(self, others: Iterable[tuple[Place, str, str | None]] = ()) -> Sequence[Mistake]:
        """Every mistake, in the order of the file. `others` are those that others know of: where, what, and what to write."""
        from anchorwatch.config.judge import in_order
        from anchorwatch.config.mistakes import point_at

        found: Sequence[Mistake] = ()
        try:
            self.config()
        except ConfigError as error:
            found = error.mistakes
        known = {(one.file, one.line, one.key) for one in found}
        more = (point_at(self, *other) for other in others)
        return in_order([*found, *(one for one in more if (one.file, one.line, one.key) not in known)])

    def config(self) -> Config:
        """The config, judged. Raises `ConfigError` with every mistake at once."""
        from anchorwatch.config.config import Config

        if not self.document.whole:
            raise ConfigError(self.document.mistakes)
        if not self.document.tree and not self.document.mistakes:
            return Config.default(self.environ, file=self.file)
        from anchorwatch.config.judge import judge

        return judge(self)

    def _address(self, name: str, host: dict[str, Tree]) -> HostAddress | None:
        ssh, tls = host.get("ssh") or {}, host.get("tls")
        if not isinstance(ssh, dict) or not isinstance(tls, dict | None):
            return None
        try:
            seconds = {key: duration(value) for key in ("timeout", "deadline") if isinstance(value := host.get(key), str)}
            return HostAddress(
                name=host_name(name),
                docker=docker_address(host.get("docker")),
                ssh=SshOptions(**self._paths(ssh, ("key", "known_hosts"))),
                tls=None if tls is None else TlsOptions(**self._paths(tls, ("ca", "cert", "key"))),
                **seconds,
            )
        except WrongValue:
            return None

    def _paths(self, options: dict[str, Tree], known: tuple[str, ...]) -> dict[str, Any]:
        if not options.keys() <= set(known):
            raise WrongValue("has a key that is not known")
        return {key: self.places.local(value) for key, value in options.items() if value is not None}


def read_draft(path: Path | None, environ: Mapping[str, str]) -> Draft:
    """Reads the config file (see `find_file`), the environment, and the files that they name.

    Never raises: what is wrong is kept for `Draft.config` to raise.
    """
    file = find_file(path, environ)
    document = Document("") if file is None else _read(file)
    draft = Draft(document, Places.of(file, environ), environ, None if file is None else str(Path.cwd() / file))
    if document.whole:
        for key in [key for key in document.tree if key.startswith("x-")]:  # where people keep their anchors
            del document.tree[key]
        lay_over(document, environ)
        _read_files(draft, document.tree, ())
    return draft


def _read(file: Path) -> Document:
    from anchorwatch.config.yaml_file import read_document

    return read_document(file)


def _read_files(draft: Draft, tree: Tree, place: Place) -> None:
    """Sets `token` where there is a `token_file`, all over the tree but below `env`."""
    if is_env(place):
        return
    if isinstance(tree, list):
        for i, item in enumerate(tree):
            _read_files(draft, item, (*place, i))
    if not isinstance(tree, dict):
        return
    for key, value in list(tree.items()):
        if isinstance(value, str) and key.endswith(_FILE) and key not in _NOT_FILES:
            _read_file(draft, tree, (*place, key), value)
        else:
            _read_files(draft, value, (*place, key))


def _read_file(draft: Draft, tree: dict[str, Tree], place: Place, value: str) -> None:
    written = str(place[-1])
    key = written.removesuffix(_FILE)
    target = (*place[:-1], key)
    where = draft.document.where.get(place)
    del tree[written]
    try:
        if tree.get(key) is not None:
            raise WrongValue(f"is given beside {key}", instead="keep one of the two")
        tree[key] = _content(draft.places.local(value))
        draft.from_files.add(target)
        if where is not None:
            draft.document.where[target] = where
    except WrongValue as wrong:
        draft.failed.add(target)
        name, line, shown = (where.file, where.line, where.key) if where else (ENVIRONMENT, None, spell(place))
        draft.document.mistakes.append(Mistake(name, line, shown, wrong.problem, wrong.instead))


def _content(path: str) -> str:
    """The text of the file without the line ends at its end. Raises `WrongValue`."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise WrongValue(f"names {path}, which is longer than 64 KiB", instead="keep the value alone in the file")
        value = content.decode().rstrip("\r\n")
    except IsADirectoryError:
        instead = "write the path of a file (Docker makes an empty folder where the file of a bind mount is missing)"
        raise WrongValue(f"names {path}, which is a folder", instead=instead) from None
    except OSError as error:
        instead = "look at the path, and whether this user may read it"
        raise WrongValue(f"names {path}, which cannot be read: {error.strerror}", instead=instead) from None
    except UnicodeDecodeError:
        raise WrongValue(f"names {path}, which is no UTF-8 text", instead="keep the value alone in the file") from None
    if not value:
        raise WrongValue(f"names {path}, which is empty", instead="write the value into it")
    return value
