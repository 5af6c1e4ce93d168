"""The key that fingerprints of secrets are made with: read where there is one, made once by the service."""

from __future__ import annotations

import os
from pathlib import Path

from anchorwatch.errors import UsageError

LEAST = 16
"""Bytes below which a key is no key."""
_MADE = 32


def use(path: Path) -> bool:
    """Fingerprints stay the same from run to run from now on; False where there is no key, or none that may be read."""
    from anchorwatch.model.values import use_fingerprint_key

    try:
        key = path.read_bytes()
    except OSError:
        return False
    if len(key) < LEAST:
        return False
    use_fingerprint_key(key)
    return True


def use_or_make(path: Path) -> None:
    """The same, and where there is no key yet one is made, which nobody else may read. Raises `UsageError`.

    One that is there and cannot be used is never replaced: every secret would look as if it had changed.
    """
    if use(path):
        return
    if path.exists():
        raise UsageError(
            f"{path} cannot be used as the key for fingerprints of secrets: it cannot be read, or has less than {LEAST} bytes",
            hint="look at its rights, or bring it back from a copy; with a new key every secret looks changed once",
        )
    import secrets
    import tempfile

    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".key-") as made:  # mode 0600
            made.write(secrets.token_bytes(_MADE))
            made.flush()
            os.fsync(made.fileno())
            os.link(made.name, path)
    except FileExistsError:
        pass  # somebody else was quicker
    except OSError as error:
        raise UsageError(
            f"the key for fingerprints of secrets cannot be made: {path}: {error.strerror}",
            hint="set `secrets_key:` to a file in a folder that this user may write to",
        ) from error
    if not use(path):
        raise UsageError(
            f"{path} was made as the key for fingerprints of secrets, and cannot be read",
            hint="look at what else writes there, and at its rights",
        )
