"""Whether what should run runs, and what runs that should not: every state a container can be found in."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from lab import tools
from lab.waiting import eventually

from anchorwatch.model.findings import Finding
from tests.truth.deployment import HOLD, Site
from tests.truth.judging import compared, resolved, snapshot
from tests.truth.random_projects import ProjectText

FILE = """
name: states
services:
  web:
    image: truth/hold:1
    restart: unless-stopped
  job:
    image: truth/hold:1
    entrypoint: ["/bin/busybox", "true"]
  fails:
    image: truth/hold:1
    entrypoint: ["/bin/busybox", "false"]
    restart: on-failure:1
  tries:
    image: truth/hold:1
    entrypoint: ["/bin/busybox", "true"]
    restart: on-failure
  many:
    image: truth/hold:1
    scale: 2
  none:
    image: truth/hold:1
    scale: 0
  optional:
    image: truth/hold:1
    profiles: [debug]
  own:
    image: truth/hold:1
    container_name: states-own-name
"""
TEXT = ProjectText("states", {"compose.yaml": FILE})
WITHOUT_WEB = ProjectText(
    "states", {"compose.yaml": FILE.replace("  web:\n    image: truth/hold:1\n    restart: unless-stopped\n", "")}
)


@dataclass(frozen=True)
class Deployed:
    site: Site
    folder: Path

    def docker(self, *arguments: str) -> str:
        environment = {"PATH": tools.SYSTEM_PATH, "HOME": str(self.site.folder), "DOCKER_HOST": self.site.docker}
        done = subprocess.run([tools.docker(), *arguments], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def all(self, later: timedelta = timedelta(0)) -> list[Finding]:
        seen = snapshot(self.site)
        found = compared([resolved(self.site, self.folder)], replace(seen, taken_at=seen.taken_at + later))
        return [*found.stacks[0].findings, *found.unmanaged]

    def said(self) -> list[tuple[str, str | None, str | None, str | None]]:
        """Kind, service, path and observed value of every finding but the one that this project always has."""
        found = [(str(one.kind), one.service, one.path, one.observed) for one in self.all()]
        return sorted((one for one in found if one != ("missing", "fails", None, "exited (1)")), key=str)

    def settled(self) -> bool:
        states = self.docker(
            "ps", "-a", "--filter", "label=com.docker.compose.project=states", "--format", "{{.Names}} {{.State}}"
        )
        ended = {line.split()[0] for line in states.splitlines() if line.endswith("exited")}
        return {"states-job-1", "states-fails-1", "states-tries-1"} <= ended


@contextmanager
def deployed(site: Site, *services: str) -> Iterator[Deployed]:
    with site.deployed(TEXT) as folder:
        one = Deployed(site, folder)
        site.start(folder, services or ("web", "job", "fails", "tries", "many", "none", "own"))
        if not services:
            eventually(one.settled, within=20)
        one.docker("rm", "-f", "states-optional-1")  # the suite makes every container, also of inactive profiles
        yield one


def test_what_runs_as_it_should_or_finished_is_no_drift(far_site: Site) -> None:
    with deployed(far_site) as one:
        assert one.said() == []
        assert [finding.service for finding in one.all()] == ["fails"], "on-failure, and given up"


def test_every_state_that_is_not_running_is_missing(far_site: Site) -> None:
    with deployed(far_site) as one:
        one.docker("stop", "-t", "1", "states-web-1")
        assert one.said() == [("missing", "web", None, "exited (0)")]
        one.docker("start", "states-web-1")
        one.docker("pause", "states-web-1")
        assert one.said() == [("missing", "web", None, "paused")]
        one.docker("unpause", "states-web-1")
        one.docker("kill", "-s", "KILL", "states-web-1")
        assert one.said() == [("missing", "web", None, "exited (137)")]
        one.docker("rm", "states-web-1")
        assert one.said() == [("missing", "web", None, "absent")]
        far_site.run(one.folder, "up", "--no-start", "--no-build", "--pull", "never", "web")
        assert one.said() == [("missing", "web", None, "created")]


def test_the_number_of_replicas_is_the_path_scale(newest_site: Site) -> None:
    with deployed(newest_site) as one:
        newest_site.run(one.folder, "up", "-d", "--no-build", "--scale", "many=3", "many")
        (found,) = [finding for finding in one.all() if finding.service == "many"]
        assert (found.kind, found.path, found.desired, found.observed) == ("changed", "scale", "2", "3")
        newest_site.run(one.folder, "up", "-d", "--no-build", "--scale", "many=1", "--timeout", "1", "many")
        (found,) = [finding for finding in one.all() if finding.service == "many"]
        assert (found.kind, found.path, found.desired, found.observed) == ("changed", "scale", "2", "1")
        newest_site.run(one.folder, "up", "-d", "--no-build", "--scale", "none=1", "none")
        assert ("changed", "none", "scale", "1") in one.said()


def test_a_service_of_an_inactive_profile_may_run_and_need_not(newest_site: Site) -> None:
    with deployed(newest_site) as one:
        assert one.said() == []
        newest_site.start(one.folder, ["optional"])
        assert one.said() == []
        one.docker("update", "--cpu-shares", "77", "states-optional-1")
        assert one.said() == [("changed", "optional", "cpu_shares", "77")]


def test_what_nobody_declares_is_unmanaged(newest_site: Site) -> None:
    with deployed(newest_site) as one:
        one.docker("run", "-d", "--name", "by-hand", HOLD)
        try:
            assert one.said() == [("unmanaged", None, None, "running")]
            one.docker("pause", "by-hand")
            assert one.said() == [("unmanaged", None, None, "paused")]
            one.docker("unpause", "by-hand")
            one.docker("stop", "-t", "1", "by-hand")
            assert one.said() == []
        finally:
            one.docker("rm", "-f", "by-hand")


def test_a_service_that_left_the_file_is_unmanaged(newest_site: Site) -> None:
    with deployed(newest_site) as one:
        newest_site.write(WITHOUT_WEB)
        (found,) = [finding for finding in one.all() if finding.service != "fails"]
        assert (found.kind, found.service, found.container, found.stack) == ("unmanaged", "web", "states-web-1", "states")
        assert "--remove-orphans" in (found.fix or "")


def test_leftovers_of_run_are_no_drift(far_site: Site) -> None:
    with deployed(far_site) as one:
        far_site.run(one.folder, "run", "-d", "--no-deps", "web")
        far_site.run(one.folder, "run", "-d", "--no-deps", "--name", "by-run", "web")
        assert one.said() == []


def test_a_recreate_under_way_is_no_drift_and_one_that_was_cut_off_is(newest_site: Site) -> None:
    """Compose makes the new container as `<12 hex>_<name>`, stops and removes the old one, then renames the new one."""
    with deployed(newest_site) as one:
        (old,) = [entry for entry in newest_site.containers("states") if entry["Names"] == ["/states-web-1"]]
        labels = [f"--label={name}={value}" for name, value in old["Labels"].items()]
        labels += [f"--label=com.docker.compose.replace={old['Id'][:12]}"]
        temporary = f"{old['Id'][:12]}_states-web-1"
        aliases = (
            "--network-alias",
            "states-web-1",
            "--network-alias",
            "web",
            "--network",
            "states_default",
            "--restart",
            "unless-stopped",
        )
        one.docker("create", "--name", temporary, *labels, *aliases, HOLD)
        assert one.said() == [], "both are there"
        one.docker("rm", "-f", "states-web-1")
        assert one.said() == [], "the new one is not started and not renamed yet"
        one.docker("start", temporary)
        assert one.said() == [], "it is not renamed yet"
        found = one.all(later=timedelta(minutes=10))
        assert [(entry.service, entry.path, entry.observed) for entry in found if entry.service == "web"] == [
            ("web", "container_name", temporary)
        ]


def test_a_container_without_labels_is_known_by_its_wanted_name(newest_site: Site) -> None:
    with deployed(newest_site) as one:
        one.docker("rm", "-f", "states-own-name")
        one.docker(
            "run", "-d", "--name", "states-own-name", "--network", "states_default", "--network-alias", "own", HOLD, "other"
        )
        try:
            said = {finding[:3] for finding in one.said()}
        finally:
            one.docker("rm", "-f", "states-own-name")
        assert {("changed", "own", "command"), ("changed", "own", "networks.default.aliases")} <= said
        assert {(kind, service) for kind, service, _ in said} == {("changed", "own")}
