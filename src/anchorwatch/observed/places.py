"""The part of an address behind `ssh://` or `tcp://`: `user@host:port/path`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from anchorwatch.errors import HostAuthError, HostError
from anchorwatch.observed import redaction

_PLACE = re.compile(r"(?:(?P<user>[^@/]*)@)?(?P<host>\[[0-9a-fA-F:.%\w]+\]|[\w.-]*)(?::(?P<port>\d{1,5}))?(?P<path>/.*)?")


@dataclass(frozen=True, slots=True)
class Place:
    """A host on the network. The host's name is kept as it is written: ssh looks it up in its own configuration."""

    host: str
    port: int | None = None
    user: str | None = None
    path: str = ""

    @property
    def named(self) -> str:
        """The host as it stands in an address: an IPv6 address in brackets."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @classmethod
    def parse(cls, scheme: str, text: str) -> Place:
        """The place that `text` names. Raises `HostError`, also for what a program could take for an option."""
        shown = redaction.address(f"{scheme}://{text}")
        found = _PLACE.fullmatch(text)
        user = found["user"] if found else None
        if user is not None and ":" in user:
            raise HostAuthError(
                f"{shown}: a password in an address is not supported", hint="log in with a key (`ssh: {key: …}`) or an ssh agent"
            )
        if found is None or (found["port"] and not 0 < int(found["port"]) < 65536):
            raise HostError(f"{shown} is no address", hint=f"write {scheme}://host:port, an IPv6 address in brackets")
        host = found["host"].strip("[]")
        if host.startswith("-") or (user or "").startswith("-"):
            raise HostError(f"{shown}: neither host nor user may begin with a dash", hint="is it a slip of the pen?")
        return cls(host, int(found["port"]) if found["port"] else None, user or None, (found["path"] or "").rstrip("/"))
