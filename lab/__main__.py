"""`python3 -m lab`: the lab's command line."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from lab import image, tools
from lab.debian import require_root
from lab.demo import demo
from lab.errors import LabError
from lab.homelab import Choices, Homelab, sweep

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        require_root()
        if chosen.command == "up":
            _up(Choices(chosen.proxmox, chosen.pi5, chosen.compose, chosen.ssh_both))
        elif chosen.command == "down":
            Homelab.clear_away()
        elif chosen.command == "sweep":
            sweep()
        elif chosen.command == "status":
            print(*Homelab.attach().status(), sep="\n")
        elif chosen.command == "fetch":
            _fetch()
        elif chosen.command == "demo":
            demo()
        elif chosen.command == "image":
            image.try_it()
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


def _up(choices: Choices) -> None:
    homelab = Homelab(choices=choices, detached=True)
    homelab.up()
    print(*homelab.status(), sep="\n")


def _fetch() -> None:
    tools.fetch()
    for engine_role in tools.ENGINE_ROLES:
        print(f"engine  {engine_role:7} {tools.engine(engine_role).version}")
    for compose_role in tools.COMPOSE_ROLES:
        build = tools.compose(compose_role)
        print(f"compose {compose_role:7} {build.version:8} {build.folder}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m lab", description="Real Docker hosts on this machine, to try things on.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="start two hosts, proxmox and pi5, and deploy examples/homelab on them")
    up.add_argument("--proxmox", choices=tools.ENGINE_ROLES, default="newest", help="its engine (newest)")
    up.add_argument("--pi5", choices=tools.ENGINE_ROLES, default="old", help="its engine (old: 20.10)")
    up.add_argument("--compose", choices=tools.COMPOSE_ROLES, default="newest", help="what deploys (newest)")
    up.add_argument("--ssh-both", action="store_true", help="proxmox behind an sshd too, not only pi5")
    commands.add_parser("down", help="take all of it down; nothing is left behind")
    commands.add_parser("sweep", help="remove what is left of machines whose maker was killed")
    commands.add_parser("status", help="what runs, and where")
    commands.add_parser("fetch", help="fetch every engine and Compose now, for later")
    commands.add_parser("demo", help="up, check, four drifts, check, down")
    commands.add_parser("image", help="build the container image, run it as docker-compose.yml says, and say what it is like")
    return parser


if __name__ == "__main__":
    sys.exit(main())
