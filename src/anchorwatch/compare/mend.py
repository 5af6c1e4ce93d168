"""The command that mends a drift, shell-quoted, as it would be run on the host."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Sequence

from anchorwatch.compare.match import deployed_from
from anchorwatch.model.desired import DesiredProject
from anchorwatch.model.observed import Container

CHANGES_IN_PLACE = frozenset(
    {
        "blkio_config.weight",
        "container_name",
        "cpu_period",
        "cpu_quota",
        "cpu_rt_period",
        "cpu_rt_runtime",
        "cpu_shares",
        "cpus",
        "cpuset",
        "cpuset_mems",
        "deploy.resources.limits.cpus",
        "deploy.resources.limits.memory",
        "deploy.resources.limits.pids",
        "deploy.resources.reservations.memory",
        "deploy.restart_policy.condition",
        "deploy.restart_policy.max_attempts",
        "kernel_memory",
        "mem_limit",
        "mem_reservation",
        "memswap_limit",
        "pids_limit",
        "restart",
    }
)
"""What `docker update` and `docker rename` change without re-creating a container, and `docker compose up` does not repair."""


def compose_command(project: DesiredProject, deployed: Sequence[Container], root: str | None, place: str | None) -> list[str]:
    """`docker compose` with the files of the stack, as they lie in the repo: where the newest container says that was deployed
    from its folder, else below `root`. Where neither is known: those that the newest one names, else those below `place`."""
    told = [one for one in deployed if one.deployed_in and one.compose_label("project.config_files")]
    own = [one for one in told if deployed_from(one, project.stack, root)]
    known = own if own or root is not None else told
    newest = max(known, key=lambda one: (one.created_at is not None, one.created_at), default=None)
    command = ["docker", "compose", "-p", project.name]
    if newest is None:
        paths = [posixpath.join(root or place or "", path) for path in project.stack.files]
    else:
        names = ("project.working_dir", "project.config_files", "project.environment_file")
        folder, files, given = (newest.compose_label(name) or "" for name in names)
        command += ["--project-directory", folder]
        base = folder.removesuffix(project.stack.folder)
        paths = [posixpath.join(base, path) for path in project.stack.files] if own else files.split(",")
        for path in given.split(",") if given else ():
            command += ["--env-file", path]
    for path in paths:
        command += ["-f", path]
    return command


def up(command: Sequence[str], *words: str) -> str:
    """`… up -d WORDS`, quoted."""
    return shlex.join([*command, "up", "-d", *words])


def replace_by(command: Sequence[str], container: Container, *words: str) -> str:
    """Takes a container out of the way that Compose does not know as its own, and makes the declared one."""
    return f"{shlex.join(['docker', 'rm', '-f', container.name])} && {up(command, *words)}"


def remake(command: Sequence[str]) -> str:
    """Takes the project down and up again; its volumes stay."""
    return f"{shlex.join([*command, 'down'])} && {up(command)}"


def needs_force(path: str, hash_matches: bool | None) -> bool:
    """Whether a plain `up` would say "Running": it compares the definition's hash and looks at nothing else."""
    if hash_matches is not None:
        return hash_matches
    return path in CHANGES_IN_PLACE or path.startswith("networks.")
