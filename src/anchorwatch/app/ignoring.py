"""`ignore`: the standing rule that covers a drift, and the file that it goes into. The database is only read."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from anchorwatch.errors import UsageError
from anchorwatch.model.drifts import Drift, DriftState
from anchorwatch.model.findings import Finding, Kind
from anchorwatch.model.settings import IgnoreRule

if TYPE_CHECKING:
    from anchorwatch.config.config import Config

OWN_FILE = ".anchorwatch.yml"


def rule_for(finding: Finding, because: str) -> IgnoreRule:
    """The narrowest rule that covers a finding for good, whatever its values; a name's `*` stands for itself."""
    whole = finding.kind is not Kind.CHANGED
    return IgnoreRule(
        because=because,
        host=_literal(finding.host),
        stack=_literal(finding.stack),
        service=_literal(finding.service),
        container=_literal(finding.container) if finding.service is None else None,
        project=_literal(finding.project) if finding.stack is None else None,
        kind=finding.kind if whole else None,
        path=_literal(finding.path),
    )


def rules(config: Config, prefix: str | None, because: str) -> Sequence[IgnoreRule]:
    """The rules for the drift whose ID begins with `prefix`; None: for everything that is drifted now, one rule a place."""
    from anchorwatch.app.muting import one_drift
    from anchorwatch.store import Store, drifts

    with Store.open_to_read(config.database.reveal()) as store, store.read() as read:
        if prefix is not None:
            found: Sequence[Drift] = [one_drift(read, prefix)]
        else:
            found = [one for one in drifts.unresolved(read) if one.state is DriftState.OPEN]
    return tuple(dict.fromkeys(rule_for(one.finding, because) for one in found))


def file_for(config: Config, where: str | None) -> Path:
    """The file that rules are written into: the `config`, or the `repo`'s own. None: the config where there is a file.

    Raises `UsageError` where there is no such file to write to.
    """
    if where != "repo" and config.file is not None:
        return Path(config.file)
    if where == "config":
        raise UsageError("there is no config file to write to", hint="`anchorwatch init` writes one; or write --into repo")
    if config.repo.path is None and config.repo.url is not None:
        raise UsageError(
            "the repo is not on this machine", hint=f"put the rule into {OWN_FILE} at the top of the repo, and commit it"
        )
    return Path(config.repo.path or ".") / OWN_FILE


def add(file: Path, new: Sequence[IgnoreRule]) -> None:
    """Adds rules to a YAML file, which need not be there yet. Raises `ConfigError`; `UsageError` where it cannot be written."""
    from anchorwatch.config.append import with_rules

    try:
        content = file.read_text(encoding="utf-8") if file.exists() else ""
        _write(file.resolve(), with_rules(str(file), content, new))
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not UTF-8", hint="save the file as UTF-8") from None
    except OSError as error:
        hint = "without --write the rule is only shown: add it by hand"
        raise UsageError(f"{file} cannot be written: {error.strerror or error}", hint=hint) from error


def _literal(name: str | None) -> str | None:
    return None if name is None else glob.escape(name)


def _write(file: Path, content: str) -> None:
    """All of it or nothing; in place where the file itself is mounted into a container, and cannot be replaced."""
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    new = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if file.exists():
            shutil.copymode(file, new)
            _same_owner(file, new)
        else:
            new.chmod(0o644)
        try:
            new.replace(file)
        except OSError:
            file.write_text(content, encoding="utf-8", newline="")
    finally:
        new.unlink(missing_ok=True)


def _same_owner(file: Path, new: Path) -> None:
    owner = file.stat()
    if (owner.st_uid, owner.st_gid) != (new.stat().st_uid, new.stat().st_gid):
        os.chown(new, owner.st_uid, owner.st_gid)
