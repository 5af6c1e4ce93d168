"""One stack, from its files to Compose's JSON with stand-ins: the part that starts Compose, or finds that it need not.

`resolve` gives a `Resolution`: all that `project` needs to make a `DesiredProject`, free of anything from outside Git, and
so the very thing that the cache keeps.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from anchorwatch.desired import dotenv
from anchorwatch.desired.cache import Cache
from anchorwatch.desired.compose import Compose, run
from anchorwatch.desired.contents import Contents, Shelf
from anchorwatch.desired.export import export_folder, lay_out
from anchorwatch.desired.inputs import Inputs, gather, items, pairs, scalars
from anchorwatch.desired.kept import name_of, settings
from anchorwatch.desired.memory import Given, Memory
from anchorwatch.desired.outside import Outside
from anchorwatch.desired.project import gives_the_same
from anchorwatch.desired.project_name import VARIABLE
from anchorwatch.desired.resolution import Resolution, Resolved
from anchorwatch.desired.rewriting import Rewriting
from anchorwatch.desired.stand_ins import StandIns
from anchorwatch.errors import StackError
from anchorwatch.model.desired import Stack
from anchorwatch.model.secrecy import redact

_ATTEMPTS = 4
"""So many keys that Compose stumbles over are left out one by one; then all that hang on something unknown."""
_NEVER_PASSED = re.compile(
    r"LD_|OTEL_|COMPOSE_|DOCKER_(?:HOST|CONTEXT|CONFIG|TLS|TLS_VERIFY|CERT_PATH|API_VERSION)$|GO(?:DEBUG|GC|MEMLIMIT|MAXPROCS|TRACEBACK)$"
    r"|(?:PATH|HOME|TMPDIR)$"
)
"""Names that the program itself, or what loads it, would take for orders."""
_REPEATED = re.compile(
    r"(?<=You may need to escape any \$ with another \$\.)\n.*|(?<=Invalid template): \".*\"|(?<=unterminated quoted value) .*"
    r"|(?<=in variable name) .*",
    re.DOTALL,
)
"""What Compose could not read, and repeats: often a password with a `$` or a quotation mark in it. Where, it has said before."""


def resolve(
    stack: Stack,
    shelf: Shelf,
    outside: Outside,
    compose: Compose,
    cache: Cache,
    before: Resolution | None = None,
    memory: Memory | None = None,
) -> Resolved:
    """What Compose makes of the stack, asked now. Raises StackError.

    `before` is a resolution that still holds, but into which the real values cannot be put: then only those are asked for.
    """
    name = name_of(stack, shelf, outside, compose)
    given, contents, memory = Given.of(outside), Contents(shelf), memory or Memory()
    known = memory.failure(name, given, shelf.id)
    if known is not None:
        raise known
    try:
        fresh = _resolve(stack, contents, outside, compose, cache.key, before)
    except StackError as error:
        memory.failed(name, given, contents.looked_at, error)
        raise
    if fresh.resolution is not before and not any(map(shelf.damaged, fresh.resolution.looked_at)):
        cache.store(name, asdict(fresh.resolution))
        cache.resolutions.put(name, fresh.resolution)
    if fresh.real is not None:
        cache.memory.put(name, (fresh.resolution.digest, fresh.real))
    return fresh


def _resolve(
    stack: Stack, contents: Contents, outside: Outside, compose: Compose, key: bytes, before: Resolution | None
) -> Resolved:
    inputs = gather(contents, stack, outside)
    stand_ins = StandIns(inputs, outside)
    runs = _Runs(inputs, stand_ins, compose, outside, settings(outside))
    given = sorted(stand_ins.names & outside.values.keys())
    name = contents.shelf.files.name
    from_outside = bool(given or outside.opened)
    with export_folder(name) as root:
        runs.root = root
        at_once = runs.both(name) if from_outside and before is None else None
        real = at_once[0] if at_once is not None else runs.real() if from_outside else None
        if before is not None and real is not None:
            # The same literals stand in the same places, since nothing that they are made from has changed.
            return Resolved(before, real.replace(str(root), before.root))
        try:
            out = runs.with_stand_ins() if at_once is None else at_once[1]
        except StackError:
            if real is None:
                raise
            out = real  # Compose takes the real values only; `whole` is False, and nothing of it is kept on disk
    marks = _final_marks(inputs, stand_ins)
    raw_name = _raw_name(inputs)
    if outside.project or settings(outside).get(VARIABLE) or (raw_name and "$" not in raw_name):
        marks = [mark for mark in marks if mark[:2] != (None, "name")]  # the `name:` with the variable is not the one that counts
    resolution = Resolution(
        out="" if real is not None and out is real else out,
        root=str(root),
        home=runs.home,
        folder=inputs.folder,
        letters=stand_ins.letters,
        found={literal: asdict(stand_in) for literal, stand_in in stand_ins.found.items()},
        marks=[*map(list, marks)],
        names=sorted(stand_ins.names),
        given=given,
        digest=outside.digest(given, key),
        scopes=inputs.scopes,
        looked_at=contents.looked_at,
        env_files=[file.because for file in inputs.env_files.values()],
        env_names=sorted(_names_from_env_files(inputs)),
        label_files=_label_files(inputs),
        opened={path: list(how) for path, how in inputs.opened.items()},
        encrypted=sorted(inputs.encrypted),
        dotenv=posixpath.join(inputs.folder, ".env"),
        profiles=inputs.scopes[0].get("COMPOSE_PROFILES", ""),
        compose=compose.version,
        veiled=sorted(stand_ins.veiled),
        name=raw_name if any(mark[:2] == (None, "name") for mark in marks) else "",
        whole=real is None,
    )
    if real is not None and resolution.out and gives_the_same(resolution, real, outside):
        return Resolved(replace(resolution, whole=True))
    return Resolved(resolution, real)


@dataclass(slots=True)
class _Runs:
    """The runs of Compose over one stack, from the hopeful to the sparing."""

    inputs: Inputs
    stand_ins: StandIns
    compose: Compose
    outside: Outside
    settings: Mapping[str, str]
    root: Path = Path()

    @property
    def home(self) -> str:
        return f"/{self.stand_ins.letters}home"

    def with_stand_ins(self) -> str:
        return self._first_good(real=False)

    def real(self) -> str:
        return self._first_good(real=True)

    def both(self, name: str) -> tuple[str, str] | None:
        """With the real values and with stand-ins, at the same time; None where one of them is not to be had at the first go."""
        with export_folder(name) as aside, ThreadPoolExecutor(1, thread_name_prefix="compose") as pool:
            other = replace(self, root=aside)
            other._write(real=True, sparing=False, spared=frozenset())
            self._write(real=False, sparing=False, spared=frozenset())
            asked = pool.submit(other._ask_for_all, real=True)
            try:
                out, _ = self._ask_for_all(real=False)
                real, _ = asked.result()
            except StackError:
                return None
        return None if out is None or real is None else (real.replace(str(aside), str(self.root)), out)

    def _first_good(self, *, real: bool) -> str:
        """Compose's JSON: over all that is there; else without the keys that it stumbles over; else sparing."""
        marks = list(self.stand_ins.marks)
        spared: set[tuple[str, str]] = set()
        sparing = False
        first: StackError | None = None
        while True:
            self.stand_ins.marks[:] = marks
            self._write(real=real, sparing=sparing, spared=frozenset(spared))
            answer, said = self._ask_for_all(real=real)
            if answer is not None:
                return answer
            first = first or self._problem(said)
            if sparing or not (self.stand_ins.found or self.stand_ins.marks):
                raise first
            culprits = _culprits(said) - spared
            spared |= culprits
            sparing = not culprits or len(spared) > _ATTEMPTS

    def _ask_for_all(self, *, real: bool) -> tuple[str | None, str]:
        """With every profile; where that fails, a disabled service may be to blame."""
        answer, said = self._ask(real=real, every_profile=True)
        if answer is None and self._has_profiles():
            without, _ = self._ask(real=real, every_profile=False)
            return without, said
        return answer, said

    def _write(self, *, real: bool, sparing: bool, spared: frozenset[tuple[str, str]]) -> None:
        rewriting = Rewriting(self.stand_ins, str(self.root), real=real, sparing=sparing, spared=spared)
        texts = {document.path: rewriting.compose_file(document) for document in self.inputs.documents}
        texts |= {file.path: rewriting.env_file(file) for file in self.inputs.env_files.values()}
        for path, text in self.inputs.dotenvs.items():
            texts.setdefault(path, text)
        lay_out(self.root, texts)

    def _ask(self, *, real: bool, every_profile: bool) -> tuple[str | None, str]:
        arguments = ["--profile", "*"] if every_profile else []
        if self.outside.project:
            arguments += ["--project-name", self.outside.project]
        for path in self.inputs.stack.files:
            arguments += ["-f", f"{self.root}/{path}"]
        values = dict(self.settings)
        if real:
            given = self.stand_ins.names & self.outside.values.keys()
            values |= {name: self.outside.values[name] for name in given if not _NEVER_PASSED.match(name)}
        folder = self.root / self.inputs.folder
        answer = run(self.compose, [*arguments, "config", "--format", "json"], folder=folder, home=self.home, values=values)
        return answer.out, answer.err

    def _has_profiles(self) -> bool:
        return any(
            key == "profiles"
            for document in self.inputs.documents
            for top in document.nodes
            for _, service in pairs(dict(pairs(top)).get("services"))
            for key, _ in pairs(service)
        )

    def _problem(self, said: str) -> StackError:
        """What Compose says, without our folders, stand-ins and anything that may be a secret."""
        lines = [line for line in said.splitlines() if line.strip() and "level=warning" not in line]
        text = "\n".join(lines) or "Compose failed and said nothing"
        text = _REPEATED.sub("", text.replace(f"{self.root}/", "").replace(str(self.root), "."))
        for literal, stand_in in self.stand_ins.found.items():
            text = text.replace(literal, f"${{{stand_in.variable}}}")
        secret = {*self.outside.values.values(), *self.stand_ins.veiled}
        for value in sorted((value for value in secret if len(value) > 2), key=len, reverse=True):
            text = text.replace(value, "••••")
        kind = "bad_yaml" if text.startswith("yaml:") else "bad_schema"
        hint = "`docker compose config` in that folder says the same"
        tops = {key for document in self.inputs.documents for top in document.nodes for key, _ in pairs(top)}
        if tops.isdisjoint({"services", "include"}):
            hint = "this is the format before `services:`, which Compose no longer reads; indent it below `services:`"
        return StackError(kind, f"{self.inputs.stack.path}: {redact(_in_order(text))[:1000]}", hint=hint)


def _in_order(said: str) -> str:
    """Compose's message with the keys it lists sorted: it lists them in another order each time, and a message that
    changes looks like news."""
    return re.sub(r"'[^'\n]*'(?:, '[^'\n]*')+", lambda match: ", ".join(sorted(match[0].split(", "))), said)


def _culprits(said: str) -> set[tuple[str, str]]:
    """The (service, key) that Compose's message names."""
    found = {(match[1], match[2]) for match in re.finditer(r"services(?:\.|\[)([\w.-]+?)(?:\.|\]\.)([a-z_]+)", said)}
    for match in re.finditer(r'service "([^"]+)" (?:refers to undefined (network|volume|secret|config)|depends on)', said):
        found.add((match[1], f"{match[2]}s" if match[2] else "depends_on"))
    return found


def _final_marks(inputs: Inputs, stand_ins: StandIns) -> list[tuple[str | None, str, str]]:
    """The marks on the project's services: one in an extended service counts for those that extend it."""
    heirs: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for document in inputs.documents:
        for service, base in document.bases.items():
            heirs.setdefault(base, []).append((document.path, service))
    main = {document.path for document in inputs.documents if document.main}
    final: dict[tuple[str | None, str, str], None] = {}
    for mark in stand_ins.marks:
        if mark.service is None:
            final[None, mark.path, mark.variable] = None
            continue
        reached = [(mark.file, mark.service)]
        for place in reached:
            reached += [heir for heir in heirs.get(place, ()) if heir not in reached]
        for file, service in reached:
            if file in main:
                final[service, mark.path, mark.variable] = None
    return list(final)


def _raw_name(inputs: Inputs) -> str:
    """The `name:` of the last file that has one, as it stands there; blank where none has."""
    files = {document.path: document for document in inputs.documents if document.main}
    for path in reversed(inputs.stack.files):
        for top in reversed(files[path].nodes if path in files else ()):
            for name in scalars(dict(pairs(top)).get("name")):
                if name.value:
                    return str(name.value)
    return ""


def _names_from_env_files(inputs: Inputs) -> set[str]:
    names: set[str] = set()
    for file in inputs.env_files.values():
        if not file.labels:
            try:
                names |= {statement.name for statement in dotenv.statements(file.text)}
            except ValueError:
                continue
    for document in inputs.documents:
        for top in document.nodes:
            for _, service in pairs(dict(pairs(top)).get("services")):
                environment = dict(pairs(service)).get("environment")
                names -= {key for key, _ in pairs(environment)}
                names -= {scalar.value.partition("=")[0] for scalar in scalars(environment)} if items(environment) else set()
    return names


def _label_files(inputs: Inputs) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for document in inputs.documents:
        for top in document.nodes if document.main else ():
            for name, service in pairs(dict(pairs(top)).get("services")):
                paths = [scalar.value for item in items(dict(pairs(service)).get("label_file")) for scalar in scalars(item)]
                if paths:
                    found[name] = paths
    return found
