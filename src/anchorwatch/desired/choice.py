"""Which files of a claimed folder are meant, once their contents are known. Pure but for the files that were read before."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, replace

from anchorwatch.desired import names, project_name
from anchorwatch.desired.classify import ComposeFile, is_compose, stands_alone
from anchorwatch.desired.compose_files import ComposeFiles
from anchorwatch.desired.layout import Claim, stack_name, with_names_of_their_own
from anchorwatch.errors import StackError
from anchorwatch.model.desired import BrokenStack, NotStack, Stack


@dataclass(frozen=True, slots=True)
class Choice:
    """What has become of one claim: stacks still to be judged by content, an error, or files that are none."""

    claims: tuple[Claim, ...] = ()
    broken: BrokenStack | None = None
    not_stacks: tuple[NotStack, ...] = ()


def redirected(claim: Claim, reader: ComposeFiles) -> Claim:
    """The claim with the files that the folder's `.env` tells Compose to take (COMPOSE_FILE), if it does."""
    told = project_name.compose_files(reader.settings.get(claim.folder, {}))
    if told is None or claim.how not in ("folder", "any"):
        return claim
    paths = tuple(posixpath.normpath(posixpath.join(claim.folder, path)) for path in told)
    return replace(claim, files=paths, own=None, how="files")


def choose(claim: Claim, reader: ComposeFiles) -> Choice:
    """Settle which files are meant; each file may turn out to be a stack of its own."""
    if claim.own is not None:
        return Choice((_with_own(claim, claim.own, reader.known[claim.own], reader.known[claim.files[0]]),))
    if claim.how != "any":
        return Choice((claim,))
    known = [reader.known[path] for path in claim.files]
    stacks = [file.path for file in known if is_compose(file) and file.kind != "fragment"]
    stacks = stacks or [file.path for file in known if file.kind == "broken" and names.looks_like_compose(_name(file.path))]
    aside = [NotStack(file.path, file.kind) for file in known if file.kind in ("template", "fragment") and _is_named_so(file)]
    serious = [path for path in stacks if not names.is_variant(_name(path))]
    if serious:
        aside += [NotStack(path, "fragment") for path in stacks if path not in serious]
        stacks = serious
    if not stacks and aside:
        return Choice((), None, tuple(aside))
    if len(stacks) < 2:
        return Choice((replace(claim, files=tuple(stacks)),), None, tuple(aside))
    if _share(stacks, reader):
        return Choice((), _undecided(claim, stacks), tuple(aside))
    each = [replace(claim, files=(path,), how="file", name=_named(claim, path)) for path in stacks]
    return Choice(tuple(with_names_of_their_own(each)), None, tuple(aside))


def _with_own(claim: Claim, own: str, beside: ComposeFile, default: ComposeFile) -> Claim:
    """A default file and one that names the host: a whole stack stands for the default one, less than that is merged over it."""
    if beside.kind in ("template", "other"):
        return replace(claim, own=None)
    files = (own,) if stands_alone(beside, default) else (claim.files[0], own)
    return replace(claim, files=files, own=None, how="files")


def _share(paths: Iterable[str], reader: ComposeFiles) -> bool:
    services = [name for path in paths for name in reader.known[path].services]
    return len(services) != len(set(services))


def _undecided(claim: Claim, paths: list[str]) -> BrokenStack:
    shown = ", ".join(_name(path) for path in paths[:6])
    where = claim.folder or "the topmost folder"
    message = f"{where} has several Compose files with the same services ({shown}), and none that Compose takes by itself"
    hint = f'name in `stacks` the one that is deployed, "{paths[0]}", or all that are merged: "{paths[0]} + {_name(paths[1])}"'
    stack = Stack(claim.host, claim.name, claim.folder, tuple(paths))
    return BrokenStack(stack, StackError("no_compose_file", message, hint=hint))


def _named(claim: Claim, path: str) -> str:
    return stack_name(claim.host, claim.folder, _name(path), claim.entry.glob)


def _is_named_so(file: ComposeFile) -> bool:
    return names.looks_like_compose(_name(file.path)) or is_compose(file)


def _name(path: str) -> str:
    return posixpath.basename(path)
