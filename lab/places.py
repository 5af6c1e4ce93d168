"""Where the lab keeps its things: everything lies in one folder, `.lab/` beside this package.

`$ANCHORWATCH_LAB` names another folder: paths of sockets may have 107 characters and no more.
"""

from __future__ import annotations

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def lab_folder() -> Path:
    """The lab's folder; it may not exist yet."""
    return Path(os.environ.get("ANCHORWATCH_LAB") or CHECKOUT / ".lab").resolve()


def layers_folder() -> Path:
    """Unpacked packages, one folder a set; kept between runs."""
    return lab_folder() / "layers"


def machines_folder() -> Path:
    """One folder for each private machine that runs; gone when it is stopped."""
    return lab_folder() / "machines"


def homelab_folder() -> Path:
    """What `lab up` leaves for its user: the Git clone, the config, the keys."""
    return lab_folder() / "homelab"
