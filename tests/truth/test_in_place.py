"""What can change in a container without making it anew: `docker update`, `rename`, `network connect` and `disconnect`.

`docker compose up` repairs none of it: the fix has to say `--force-recreate`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from lab import tools

from anchorwatch.model.findings import Finding
from tests.truth.conftest import SiteOf
from tests.truth.deployment import Site
from tests.truth.judging import judged, resolved
from tests.truth.random_projects import ProjectText
from tests.truth.sites import PLAIN, Combination

FILE = """
name: inplace
services:
  limited:
    image: truth/hold:1
    mem_limit: 64m
    mem_reservation: 32m
    memswap_limit: 128m
    cpu_shares: 512
    cpuset: "0"
    pids_limit: 50
    restart: on-failure:3
  quota:
    image: truth/hold:1
    cpu_period: 100000
    cpu_quota: 50000
  share:
    image: truth/hold:1
    cpus: 0.5
  deployed:
    image: truth/hold:1
    deploy:
      resources:
        limits: {cpus: "0.5", memory: 64m, pids: 50}
        reservations: {memory: 32m}
      restart_policy: {condition: on-failure, max_attempts: 3}
  bare:
    image: truth/hold:1
  networked:
    image: truth/hold:1
    networks:
      front: {aliases: [www], ipv4_address: 10.218.7.9}
      back: {}
networks:
  front: {ipam: {config: [{subnet: 10.218.7.0/24}]}}
  back: {}
"""
TEXT = ProjectText("inplace", {"compose.yaml": FILE})


class Deployed:
    """The project of this module, running, and a `docker` for its engine."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.project = resolved(site, site.project_folder(TEXT))

    def docker(self, *arguments: str) -> None:
        environment = {"PATH": tools.SYSTEM_PATH, "HOME": str(self.site.folder), "DOCKER_HOST": self.site.docker}
        done = subprocess.run([tools.docker(), *arguments], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def findings(self) -> Sequence[Finding]:
        found = judged(self.site, self.project)
        assert list(found.notes) == []
        assert list(found.unknown) == []
        return found.findings


@contextmanager
def running(site: Site) -> Iterator[Deployed]:
    with site.deployed(TEXT) as folder:
        site.start(folder, [])
        yield Deployed(site)


SWAP = ("--memory-swap", "128m")
LIMITS, RESERVATIONS = "deploy.resources.limits.", "deploy.resources.reservations."

UPDATES: tuple[tuple[str, tuple[str, ...], tuple[str, ...], str, str | None, str | None], ...] = (
    # service, docker update, what puts it back (nothing does, for some), path, Git's value, the container's value
    ("limited", ("--memory", "96m"), ("--memory", "64m"), "mem_limit", "64 MiB", "96 MiB"),
    ("limited", ("--memory-reservation", "16m"), ("--memory-reservation", "32m"), "mem_reservation", "32 MiB", "16 MiB"),
    ("limited", ("--memory-swap", "256m"), ("--memory-swap", "128m"), "memswap_limit", "128 MiB", "256 MiB"),
    ("limited", ("--cpu-shares", "256"), ("--cpu-shares", "512"), "cpu_shares", "512", "256"),
    ("limited", ("--cpuset-cpus", "0-1"), ("--cpuset-cpus", "0"), "cpuset", "0", "0-1"),
    ("limited", ("--pids-limit", "60"), ("--pids-limit", "50"), "pids_limit", "50", "60"),
    ("limited", ("--pids-limit", "-1"), ("--pids-limit", "50"), "pids_limit", "50", None),
    ("limited", ("--restart", "always"), ("--restart", "on-failure:3"), "restart", "on-failure:3", "always"),
    ("limited", ("--restart", "no"), ("--restart", "on-failure:3"), "restart", "on-failure:3", "no"),
    ("limited", ("--cpuset-mems", "0"), (), "cpuset_mems", None, "0"),
    ("quota", ("--cpu-period", "90000"), ("--cpu-period", "100000"), "cpu_period", "100000", "90000"),
    ("quota", ("--cpu-quota", "60000"), ("--cpu-quota", "50000"), "cpu_quota", "50000", "60000"),
    ("share", ("--cpus", "0.7"), ("--cpus", "0.5"), "cpus", "0.5", "0.7"),
    ("deployed", ("--cpus", "0.7"), ("--cpus", "0.5"), LIMITS + "cpus", "0.5", "0.7"),
    ("deployed", ("--memory", "96m", *SWAP), ("--memory", "64m", *SWAP), LIMITS + "memory", "64 MiB", "96 MiB"),
    ("deployed", ("--memory-reservation", "16m"), ("--memory-reservation", "32m"), RESERVATIONS + "memory", "32 MiB", "16 MiB"),
    ("deployed", ("--pids-limit", "60"), ("--pids-limit", "50"), LIMITS + "pids", "50", "60"),
    ("deployed", ("--restart", "always"), ("--restart", "on-failure:3"), "deploy.restart_policy.condition", "on-failure", "any"),
    ("deployed", ("--restart", "on-failure:9"), ("--restart", "on-failure:3"), "deploy.restart_policy.max_attempts", "3", "9"),
    ("bare", ("--memory", "96m", "--memory-swap", "192m"), (), "mem_limit", None, "96 MiB"),
    ("bare", ("--cpu-shares", "256"), (), "cpu_shares", None, "256"),
    ("bare", ("--restart", "unless-stopped"), ("--restart", "no"), "restart", None, "unless-stopped"),
)  # fmt: skip


def test_every_flag_of_docker_update_is_found_as_its_key(far_site: Site) -> None:
    with running(far_site) as deployed:
        lasting: set[tuple[str, str]] = set()
        for service, update, back, path, git, host in UPDATES:
            deployed.docker("update", *update, f"inplace-{service}-1")
            found = [finding for finding in deployed.findings() if (finding.service, finding.path) not in lasting]
            assert [(one.service, one.path, one.desired, one.observed) for one in found] == [(service, path, git, host)], update
            assert "--force-recreate" in (found[0].fix or ""), update
            if back:
                deployed.docker("update", *back, f"inplace-{service}-1")
            else:
                lasting.add((service, path))


def test_a_renamed_container_is_found(newest_site: Site) -> None:
    with running(newest_site) as deployed:
        deployed.docker("rename", "inplace-bare-1", "somebody")
        (found,) = deployed.findings()
    assert (found.service, found.path, found.desired, found.observed) == ("bare", "container_name", "inplace-bare-1", "somebody")
    assert "--force-recreate" in (found.fix or "")


@pytest.mark.parametrize(("combination", "state"), [(PLAIN[0], "running"), (PLAIN[0], "exited"), (PLAIN[-1], "running")], ids=str)
def test_networks_that_come_and_go_are_found(site_of: SiteOf, combination: Combination, state: str) -> None:
    def paths() -> list[str]:
        return sorted(str(one.path) for one in deployed.findings() if one.kind == "changed")

    with running(site_of(combination)) as deployed:
        name = "inplace-networked-1"
        if state == "exited":
            deployed.docker("stop", "-t", "1", name)
        deployed.docker("network", "disconnect", "inplace_back", name)
        assert paths() == ["networks.back"]
        deployed.docker("network", "connect", "--alias", "networked", "--alias", name, "inplace_back", name)
        assert paths() == []
        deployed.docker("network", "connect", "inplace_default", name)
        assert paths() == ["networks.default"]
        deployed.docker("network", "disconnect", "inplace_default", name)
        deployed.docker("network", "disconnect", "inplace_front", name)
        deployed.docker("network", "connect", "--ip", "10.218.7.9", "inplace_front", name)
        assert paths() == ["networks.front.aliases"], "the aliases are lost"
        deployed.docker("network", "disconnect", "inplace_front", name)
        aliases = ("--alias", "www", "--alias", "networked", "--alias", name)
        deployed.docker("network", "connect", *aliases, "--ip", "10.218.7.10", "inplace_front", name)
        assert paths() == ["networks.front.ipv4_address"]
