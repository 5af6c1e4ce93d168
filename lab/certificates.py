"""A certificate authority made on the spot, for engines that listen on TCP with TLS."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import tools
from lab.errors import LabError

if TYPE_CHECKING:
    from pathlib import Path

NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
DAYS = ("-days", "30")
# Python 3.13 verifies as RFC 5280 says: an authority must say what its key is for.
AUTHORITY = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")


@dataclass(frozen=True, slots=True)
class Certificates:
    """Paths of PEM files: the authority, an engine's pair (for 127.0.0.1 and localhost) and a client's pair."""

    ca: Path
    server_cert: Path
    server_key: Path
    client_cert: Path
    client_key: Path


def make_certificates(folder: Path) -> Certificates:
    """Makes them all in `folder`, valid for 30 days. Raises LabError."""
    folder.mkdir(parents=True, exist_ok=True)
    _openssl(folder, "req", "-x509", *NEW_KEY, "-keyout", "ca-key.pem", "-out", "ca.pem", "-subj", "/CN=lab", *DAYS, *AUTHORITY)
    for name, names in (("server", "subjectAltName=IP:127.0.0.1,DNS:localhost"), ("client", "")):
        use = f"extendedKeyUsage={name}Auth\nauthorityKeyIdentifier=keyid\n{names}\n"
        (folder / f"{name}.ext").write_text(use)
        key, request = f"{name}-key.pem", f"{name}.csr"
        _openssl(folder, "req", *NEW_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        signing = ("-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-extfile", f"{name}.ext")
        _openssl(folder, "x509", "-req", "-in", request, "-out", f"{name}.pem", *signing, *DAYS)
    paths = ("ca.pem", "server.pem", "server-key.pem", "client.pem", "client-key.pem")
    return Certificates(*(folder / path for path in paths))


def _openssl(folder: Path, *arguments: str) -> None:
    openssl = tools.program("openssl")
    done = subprocess.run(
        [openssl, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=tools.environment_for(openssl),
    )
    if done.returncode:
        raise LabError(f"`openssl {arguments[0]}` failed: {done.stderr.strip()[-400:]}")
