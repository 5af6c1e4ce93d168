"""What Compose would read for a stack, found by reading the files ourselves, before Compose is started.

Compose opens whatever a file names: env files by absolute path, files above the repo, other people's Git repositories. So the
`include`, `extends`, `env_file` and `label_file` of every file are followed here by their text alone, within the repo's
tracked files; nothing else is handed to Compose, and what Compose gets is written anew from what was read here, so that
nothing can hide from this reader in a corner of YAML that the other one sees.

An include or extends that leaves the repo, or comes over the network, ends in a `StackError`; an env file that is missing, or
lies outside, does not: its values are unknown.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from anchorwatch.desired import dotenv
from anchorwatch.desired.contents import Contents
from anchorwatch.desired.interpolation import interpolate, variables
from anchorwatch.desired.outside import Outside
from anchorwatch.desired.resolution import OF_THE_DEPLOYER
from anchorwatch.desired.yaml_reader import read_documents
from anchorwatch.errors import StackError
from anchorwatch.model.desired import Stack
from anchorwatch.model.secrecy import redact

if TYPE_CHECKING:
    import yaml

MAX_FILES = 200
"""So many files one stack may be made of."""

_REMOTE = re.compile(r"[a-z][a-z0-9+.-]*://|git@|github\.com/|oci:|[^/]+@[^/]+:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Document:
    """One Compose file: what YAML made of it, and the paths that its references lead to."""

    path: str
    nodes: tuple[yaml.Node, ...]
    scope: int
    """Index of the values that are known from Git while it is read."""
    main: bool
    """Whether its services are the project's (an extended file's are not)."""
    targets: dict[int, str]
    """For each scalar that names a file (by `id` of its node): the path in the export that it is to name instead."""
    bases: dict[str, tuple[str, str]]
    """service -> (file, service) that it extends."""


@dataclass(frozen=True, slots=True)
class EnvFile:
    """One env file or label file. `path` is where it will lie in the export."""

    path: str
    text: str
    origin: Literal["git", "outside", "encrypted", "missing"]
    labels: bool = False
    verbatim: bool = False
    """`format: raw`: nothing in it is interpolated."""
    because: str = ""
    """For `missing` and `encrypted`: a clause that says what is the matter with it."""


@dataclass(slots=True)
class Inputs:
    """Everything that Compose will read for a stack."""

    stack: Stack
    folder: str
    """The project's folder: that of the first Compose file."""
    documents: list[Document] = field(default_factory=list)
    env_files: dict[str, EnvFile] = field(default_factory=dict)
    scopes: list[dict[str, str]] = field(default_factory=list)
    """Values known from Git: of the project's `.env`, and for each include that has one of its own that and the project's."""
    dotenvs: dict[str, str] = field(default_factory=dict)
    """Path -> text of the `.env` files that Compose will interpolate with."""
    encrypted: set[str] = field(default_factory=set)
    """Paths of the `.env` files in the repo that SOPS encrypted."""
    opened: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Env files from outside Git, by their path in the export: ("sops", path in the repo) or ("like", path as named)."""


def gather(contents: Contents, stack: Stack, outside: Outside) -> Inputs:
    """Read a stack's files and all that they name. Raises StackError."""
    return _Reading(contents, stack, outside).inputs


class _Reading:
    def __init__(self, contents: Contents, stack: Stack, outside: Outside) -> None:
        if not stack.files:
            raise StackError(
                "no_compose_file", f"{stack.folder or '.'} has no Compose file", hint="add one, or exclude the folder"
            )
        self.contents = contents
        self.outside = outside
        self.seen: set[tuple[str, str]] = set()
        folder = posixpath.dirname(stack.files[0])
        self.inputs = Inputs(stack, folder)
        self.inputs.scopes.append({})
        self.inputs.scopes[0].update(self.dotenv(posixpath.join(folder, ".env"), 0))
        for path in stack.files:
            self.document(path, folder, 0, main=True)

    # -- files ------------------------------------------------------------------------------------------------------------

    def document(self, path: str, base: str, scope: int, *, main: bool, asked_by: str = "") -> Document:
        if len(self.seen) >= MAX_FILES:
            raise StackError("too_large", f"{self.inputs.stack}: more than {MAX_FILES} files", hint="does a file include itself?")
        self.seen.add((path, base))
        content = self.contents.get(path)
        if content is None:
            raise self.unreadable(path, asked_by)
        nodes = _nodes(content, path)
        targets: dict[int, str] = {}
        bases: dict[str, tuple[str, str]] = {}
        document = Document(path, nodes, scope, main, targets, bases)
        self.inputs.documents.append(document)
        for top in nodes:
            keys = dict(pairs(top))
            if main:
                self.includes(keys.get("include"), path, base, scope, targets)
            for name, service in pairs(keys.get("services")):
                self.service(name, dict(pairs(service)), path, base, scope, document)
        return document

    def unreadable(self, path: str, asked_by: str) -> StackError:
        why = self.contents.why_not(path)
        if self.contents.too_large(path):
            return StackError("too_large", f"{path} {why}", hint="exclude it, or split it")
        if self.contents.is_symlink(path):
            return StackError("outside_repo", f"{path} {why}", hint="put the file itself into the repo")
        if not asked_by:
            return StackError("no_compose_file", f"{path} {why}", hint="commit it, or correct the globs of the host")
        return StackError(
            "missing_include",
            f"{asked_by} needs {path}, which {why}",
            hint="commit the file, or exclude the stack if others include it",
        )

    def includes(self, node: yaml.Node | None, path: str, base: str, scope: int, targets: dict[int, str]) -> None:
        for entry in items(node):
            keys = dict(pairs(entry)) or {"path": entry}
            files = [self.reference(scalar, path, base, scope, targets, "include") for scalar in scalars(keys.get("path"))]
            if not files:
                continue
            home = posixpath.dirname(files[0])
            if "project_directory" in keys:
                for scalar in scalars(keys["project_directory"]):
                    home = self.reference(scalar, path, base, scope, targets, "include")
            inner = dict(self.inputs.scopes[scope])
            named = scalars(keys.get("env_file"))
            env_files = [self.reference(scalar, path, base, scope, targets, "env_file of include") for scalar in named]
            for env_file in env_files or [posixpath.join(home, ".env")]:
                if env_files and self.contents.get(env_file) is None:
                    self.inputs.dotenvs.setdefault(env_file, "")
                inner = {**self.dotenv(env_file, scope), **inner}
            self.inputs.scopes.append(inner)
            below = len(self.inputs.scopes) - 1
            for file in files:
                if (file, home) not in self.seen:
                    self.document(file, home, below, main=True, asked_by=f"the include in {path}")

    def service(self, name: str, keys: dict[str, yaml.Node], path: str, base: str, scope: int, document: Document) -> None:
        targets = document.targets
        extends = keys.get("extends")
        if extends is not None:
            parts = dict(pairs(extends))
            other = next((s.value for s in scalars(parts.get("service", extends))), "")
            file = path
            for scalar in scalars(parts.get("file")):
                file = self.reference(scalar, path, base, scope, targets, "extends")
                home = posixpath.dirname(file)
                if (file, home) not in self.seen and file not in {d.path for d in self.inputs.documents}:
                    self.document(file, home, scope, main=False, asked_by=f"extends of {name} in {path}")
            document.bases[name] = (file, other)
        for entry in items(keys.get("env_file")):
            parts = dict(pairs(entry)) or {"path": entry}
            verbatim = any(scalar.value == "raw" for scalar in scalars(parts.get("format")))
            for scalar in scalars(parts.get("path")):
                targets[id(scalar)] = self.env_file(scalar.value, base, scope, labels=False, verbatim=verbatim)
        for entry in items(keys.get("label_file")):
            for scalar in scalars(entry):
                targets[id(scalar)] = self.env_file(scalar.value, base, scope, labels=True, verbatim=False)

    # -- references -------------------------------------------------------------------------------------------------------

    def known(self, scope: int, name: str) -> str | None:
        if name in self.outside.values:
            return self.outside.values[name]
        return None if name in OF_THE_DEPLOYER else self.inputs.scopes[scope].get(name)

    def unset(self, text: str, scope: int) -> str | None:
        """The first variable in the text whose value decides and is set nowhere."""
        return next((use.name for use in variables(text) if use.demands and self.known(scope, use.name) is None), None)

    def reference(self, scalar: yaml.ScalarNode, path: str, base: str, scope: int, targets: dict[int, str], what: str) -> str:
        """The path in the repo that an `include` or `extends` leads to. Raises StackError."""
        text = str(scalar.value)
        where = f"{path}: {what} {redact(text)}"
        missing = self.unset(text, scope)
        if missing is not None:
            raise StackError(
                "missing_include",
                f"{where}: {missing} is set nowhere",
                hint=f"set {missing} in .env, or give it in the config under env: or env_files:",
            )
        target = interpolate(text, lambda name: self.known(scope, name))
        if _REMOTE.match(target):
            hint = "copy the file into the repo: anchorwatch fetches nothing"
            raise StackError("remote_include", f"{where} comes over the network", hint=hint)
        inside = _inside(base, target)
        if inside is None:
            hint = "put the file into the repo and name it by a relative path"
            raise StackError("outside_repo", f"{where} leaves the repo", hint=hint)
        targets[id(scalar)] = inside
        return inside

    def env_file(self, text: str, base: str, scope: int, *, labels: bool, verbatim: bool) -> str:
        """The path in the export of what an `env_file` or `label_file` leads to."""
        missing = self.unset(text, scope)
        target = text if missing is not None else interpolate(text, lambda name: self.known(scope, name))
        inside = None if missing is not None else _inside(base, target)
        if inside in self.inputs.env_files:
            return inside
        found = self._env_file(inside, target, missing, labels=labels, verbatim=verbatim)
        self.inputs.env_files.setdefault(found.path, found)
        return found.path

    def _env_file(self, inside: str | None, target: str, missing: str | None, *, labels: bool, verbatim: bool) -> EnvFile:
        number = len(self.inputs.env_files)
        elsewhere = f".anchorwatch/{number}.env"
        content = None if inside is None else self.contents.get(inside)
        if content is not None and inside is not None:
            text = dotenv.text_of(content)
            if not is_encrypted(text):
                return EnvFile(inside, text, "git", labels, verbatim)
            opened = self.outside.decrypt(inside, content)
            if opened is not None:
                self.inputs.opened[inside] = ("sops", inside)
                self.outside.open(inside, opened)
                return EnvFile(inside, opened, "outside", labels, verbatim)
            return EnvFile(inside, text, "encrypted", labels, verbatim, f"is encrypted in {inside}: {self.outside.why_encrypted}")
        given = self.outside.file_like(inside or target)
        if given is not None:
            self.inputs.opened[elsewhere] = ("like", inside or target)
            self.outside.open(elsewhere, given)
            return EnvFile(elsewhere, given, "outside", labels, verbatim)
        if missing is not None:
            why = f"{target} names it, and {missing} is set nowhere"
        elif inside is None:
            why = f"{target} lies outside the repo"
        else:
            why = f"{inside} {self.contents.why_not(inside)}"
        return EnvFile(elsewhere, "", "missing", labels, verbatim, why)

    def dotenv(self, path: str, scope: int) -> dict[str, str]:
        """What a `.env` of the repo sets, as far as Git alone tells it. Its text goes into the export."""
        content = self.contents.get(path)
        if content is None:
            return {}
        text = dotenv.text_of(content)
        if is_encrypted(text):
            self.inputs.encrypted.add(path)
            opened = self.outside.decrypt(path, content)
            if opened is not None:
                self.outside.add(opened)
            return {}
        try:
            kept, values = self._certain(text, scope)
        except ValueError as error:
            raise StackError("bad_schema", f"{path}: {error}", hint="Compose refuses this file too") from None
        self.inputs.dotenvs[path] = kept
        return values

    def _certain(self, text: str, scope: int) -> tuple[str, dict[str, str]]:
        """The text without the lines whose value hangs on something that Git does not tell, and what the others set."""
        inner = self.inputs.scopes[scope] if scope < len(self.inputs.scopes) else {}
        known = dict(inner)
        kept: list[str] = []
        at = 0
        for statement in dotenv.statements(text):
            raw = "" if statement.inherited else dotenv.raw_value(text, statement)
            uses = [] if statement.quote == "'" else list(variables(raw))
            names = [use.name for use in uses if use.demands or use.name in self.outside.values]
            if statement.inherited or any(name not in known or name in self.outside.values for name in names):
                kept.append(text[at : statement.begin])
                at = statement.end
            else:
                known[statement.name] = ""
        kept.append(text[at:])
        certain = "".join(kept)
        return certain, dotenv.values(certain, inner)


def is_encrypted(text: str) -> bool:
    """Whether SOPS encrypted this env file (getsops.io: `sops_version=` among the names, values `ENC[AES256_GCM,…]`)."""
    return "ENC[AES256_GCM," in text and "sops_" in text


def _inside(base: str, target: str) -> str | None:
    """The path in the repo; None for one that is absolute, begins with `~`, or climbs out."""
    if target.startswith(("/", "~")) or "\0" in target or not target:
        return None
    path = posixpath.normpath(posixpath.join(base, target))
    return None if path == ".." or path.startswith("../") else ("" if path == "." else path)


# -- YAML nodes -----------------------------------------------------------------------------------------------------------


def _nodes(content: bytes, path: str) -> tuple[yaml.Node, ...]:
    """The file's documents as nodes, counted first. Raises StackError."""
    import yaml

    read_documents(content, path)
    return tuple(yaml.compose_all(content, Loader=yaml.CSafeLoader))


def pairs(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    """Keys and values of a mapping, the merged ones (`<<`) included unless the mapping has the key itself; else nothing."""
    import yaml

    if not isinstance(node, yaml.MappingNode):
        return
    own = {key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue
        if key.value != "<<":
            yield key.value, value
            continue
        for merged in [value] if isinstance(value, yaml.MappingNode) else items(value):
            for name, below in pairs(merged):
                if name not in own:
                    own.add(name)
                    yield name, below


def items(node: yaml.Node | None) -> list[yaml.Node]:
    """The elements of a sequence; a node that is none stands for itself alone."""
    import yaml

    if node is None:
        return []
    return list(node.value) if isinstance(node, yaml.SequenceNode) else [node]


def scalars(node: yaml.Node | None) -> list[yaml.ScalarNode]:
    """The scalars among `items`."""
    import yaml

    return [item for item in items(node) if isinstance(item, yaml.ScalarNode)]
