"""How long resolving takes: cold and warm, beside one `docker compose config` call a stack.

    python -m bench.resolve [--stacks 200] [--compose PROGRAM]

Every stack has variables that are set nowhere, an env file and a `.env`; a tenth has values from outside Git, a tenth an include.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from anchorwatch.desired.cache import Cache
from anchorwatch.desired.compose import find_compose
from anchorwatch.desired.repo import open_repo
from anchorwatch.desired.state import read_state
from anchorwatch.model.settings import HostLayout, StackValues

STACK = """services:
  app:
    image: registry.example/app{number}:${{TAG:-1.0}}
    restart: unless-stopped
    env_file: app.env
    environment:
      TZ: ${{TZ}}
      DB_URL: postgres://app:${{DB_PASSWORD}}@db/app
    ports: ["${{PORT}}:8080", "{port}:9090"]
    volumes: ["${{DATA}}/app{number}:/data", "./conf:/conf:ro"]
    labels:
      - traefik.http.routers.app{number}.rule=Host(`app{number}.${{DOMAIN}}`)
    mem_limit: ${{MEM}}
  db:
    image: postgres:16
    environment: {{POSTGRES_PASSWORD: "${{DB_PASSWORD}}"}}
    volumes: ["db:/var/lib/postgresql/data"]
volumes: {{db: {{}}}}
"""
COMMON = "services: {extra: {image: 'extra:1', restart: always}}\n"
OUTSIDE = {"DB_PASSWORD": "secret", "TZ": "UTC", "DATA": "/srv"}


def make_repo(folder: Path, stacks: int) -> None:
    """A repo of that many stacks, committed."""
    for number in range(stacks):
        stack = folder / "host" / f"stack{number:03}"
        stack.mkdir(parents=True)
        include = "include: [../../common.yml]\n" if number % 10 == 5 else ""
        (stack / "compose.yml").write_text(include + STACK.format(number=number, port=10000 + number))
        (stack / ".env").write_text("TAG=2.1\n")
        (stack / "app.env").write_text("LEVEL=info\nTOKEN=${APP_TOKEN}\n")
    (folder / "common.yml").write_text(COMMON)
    for words in (
        ["init", "--quiet"],
        ["add", "--all"],
        ["-c", "user.name=b", "-c", "user.email=b@b", "commit", "--quiet", "-m", "x"],
    ):
        subprocess.run(["git", *words], cwd=folder, check=True)


def timed(action: Callable[[], object]) -> float:
    """Seconds."""
    before = time.perf_counter()
    action()
    return time.perf_counter() - before


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stacks", type=int, default=200)
    parser.add_argument("--compose", help="the program to use; else the one that `docker compose` would start")
    parser.add_argument("--runs", type=int, default=10, help="warm runs")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder, kept = Path(scratch) / "repo", Path(scratch) / "cache"
        make_repo(folder, arguments.stacks)
        per_stack = {f"stack{number:03}": StackValues(env=OUTSIDE) for number in range(0, arguments.stacks, 10)}
        layout = HostLayout("host", ("host/*",), per_stack=per_stack)
        compose = find_compose(arguments.compose, Cache(kept).folder)

        def read() -> None:
            state = read_state(open_repo(folder), [layout], compose=lambda: compose, cache=Cache(kept))
            if len(state.projects) != arguments.stacks:
                sys.exit(f"{len(state.projects)} of {arguments.stacks} resolved: {state.broken[:1]}")

        def call_compose() -> None:
            for number in range(arguments.stacks):
                stack = folder / "host" / f"stack{number:03}"
                command = [*compose.command, "config", "--format", "json"]
                environment = {"HOME": "/root", "PORT": "80", "DATA": "/srv", "MEM": "1g", **OUTSIDE}
                subprocess.run(command, cwd=stack, env=environment, capture_output=True, check=True)

        beside = timed(call_compose)
        cold = timed(read)
        warm = [timed(read) for _ in range(arguments.runs)]
        one = folder / "host" / "stack000" / "app.env"
        one.write_text("LEVEL=debug\n")
        subprocess.run(
            ["git", "-c", "user.name=b", "-c", "user.email=b@b", "commit", "--quiet", "-am", "y"], cwd=folder, check=True
        )
        touched = timed(read)
    warmed = statistics.median(warm)
    print(f"{arguments.stacks} stacks, Compose {compose.version}")
    for what, seconds in (
        ("one `compose config` call a stack, one after the other", beside),
        ("cold: nothing cached", cold),
        ("after a commit that touches one stack", touched),
        (f"warm, median of {len(warm)}", warmed),
    ):
        print(f"{what:55}  {seconds:7.3f} s  {seconds / arguments.stacks * 1000:7.2f} ms a stack")
    print(f"cold / one call a stack: {cold / beside:.2f}   warm / one call a stack: {warmed / beside:.4f}")


if __name__ == "__main__":
    main()
