"""Keys that leave the file together, or while others change, in commits that nobody has rolled out: what the past tells of them.

Random pairs and triples of keys that an engine's default, an image's VOLUME or another spelling would explain as well; half of
them with other changes of the same commit. What is expected is what was taken out of the file, key by key.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from lab.compose import Compose

from anchorwatch.check.made_from import compared
from anchorwatch.compare import HostComparison, compare_host
from anchorwatch.compare.deployed import was_made_from
from anchorwatch.compare.host_view import HostView
from anchorwatch.desired.past import Past
from anchorwatch.model.address import HostAddress
from anchorwatch.model.desired import DesiredProject, ProjectKey
from anchorwatch.model.observed import Snapshot
from anchorwatch.model.settings import HostLayout, Policy, RepoSource
from anchorwatch.watch.eyes import Eyes, Wanted
from anchorwatch.watch.heard import Heard
from tests.desired.trees import commit, repo
from tests.truth import sites
from tests.truth.conftest import SiteOf
from tests.truth.deployment import Site
from tests.truth.judging import HOST, but_created, resolved, snapshot
from tests.truth.random_projects import ProjectText
from tests.watch.following import reader_of, sources

LOG = "{driver: json-file, options: {max-size: 10m, max-file: '3', compress: 'true'}}"
GONE: Mapping[str, tuple[str, str, Sequence[str]]] = {
    # key, value, the paths that are drift when it has left
    "shm": ("shm_size", "96m", ["shm_size"]),
    "log": ("logging", LOG, [f"logging.options.{name}" for name in ("max-size", "max-file", "compress")]),
    "driver": ("logging", "{driver: local, options: {max-size: 5m}}", ["logging.driver", "logging.options.max-size"]),
    "files": ("ulimits", "{nofile: {soft: 1024, hard: 2048}, nproc: 70}", ["ulimits.nofile", "ulimits.nproc"]),
    "core": ("ulimits", "{core: 0}", ["ulimits.core"]),
    "ipc": ("ipc", "shareable", ["ipc"]),
    "cgroup": ("cgroup", "private", ["cgroup"]),
    "limits": ("deploy", "{resources: {limits: {memory: 64M, cpus: '0.5'}}}",
               ["deploy.resources.limits.memory", "deploy.resources.limits.cpus"]),
    "limit": ("mem_limit", "64m", ["mem_limit"]),
    "policy": ("deploy", "{restart_policy: {condition: on-failure, max_attempts: 3}}", ["deploy.restart_policy.condition"]),
    "bind": ("volumes", "['./have:/data', './have:/x:ro']", ["volumes./data", "volumes./x"]),
    "named": ("volumes", "['named:/data']", ["volumes./data"]),
    "config": ("configs", "[conf]", ["configs.conf"]),
    "secret": ("secrets", "[conf]", ["secrets.conf"]),
}  # fmt: skip
CHANGED: Sequence[tuple[str, str, str, Sequence[str]]] = (
    # key, value before and after ("" where it has none), the paths that are drift
    ("image", "truth/rich:1", "truth/rich:2", ["image"]),
    ("environment", "", "{ADDED: x}", ["environment.ADDED"]),
    ("environment", "{MODE: a}", "{MODE: b}", ["environment.MODE"]),
    ("environment", "{MODE: a}", "", ["environment.MODE"]),
    ("labels", "", "{added: x}", ["labels.added"]),
    ("command", "[a]", "[b]", ["command"]),
    ("ports", "['80']", "['81']", ["ports.80/tcp", "ports.81/tcp"]),
)
TOP = """
networks: {default: {}}
volumes: {named: {}}
configs: {conf: {file: ./have/conf}}
secrets: {conf: {file: ./have/secret}}
"""
NAMED = "volumes: {named: {}}\n"
USER = "configs: [{source: conf, target: /u}], secrets: [{source: conf, target: /u2}]"
"""Compose drops a config that nobody uses."""


@dataclass(frozen=True)
class Case:
    """One service, with the keys that leave it and what else changes with them."""

    name: str
    gone: Sequence[str]
    changed: Sequence[int]

    def text(self, *, after: bool) -> str:
        keys = {"image": "truth/rich:1"} | ({} if after else {GONE[one][0]: GONE[one][1] for one in self.gone})
        keys |= {CHANGED[one][0]: CHANGED[one][2] if after else CHANGED[one][1] for one in self.changed}
        return f"  {self.name}: {{{', '.join(f'{key}: {value}' for key, value in keys.items() if value)}}}\n"

    @property
    def paths(self) -> set[str]:
        return {path for one in self.gone for path in GONE[one][2]} | {path for one in self.changed for path in CHANGED[one][3]}


def cases(seed: int, count: int) -> Iterator[Case]:
    dice = random.Random(seed)
    while count:
        gone, changed = (
            dice.sample(sorted(GONE), dice.choice([2, 2, 3])),
            dice.sample(range(len(CHANGED)), dice.choice([0, 0, 1, 2])),
        )
        keys = [GONE[one][0] for one in gone] + [CHANGED[one][0] for one in changed]
        if len(keys) == len(set(keys)) and not {"limits", "limit"} <= set(gone):
            count -= 1
            yield Case(f"s{count}", gone, changed)


def text(some: Sequence[Case], *, after: bool, witness: bool = False) -> ProjectText:
    """`witness`: one container is as the file says, and so tells what the engine fills in."""
    services = "".join(one.text(after=after) for one in some)
    label = "after" if after and not witness else "before"
    services += f"  user: {{image: 'truth/rich:1', labels: {{is: {label}}}, {USER}}}\n"
    files = {"compose.yaml": f"name: together\nservices:\n{services}{TOP}", "have/conf": "x", "have/secret": "x"}
    return ProjectText("together", files)


def with_past(now: DesiredProject, before: DesiredProject, seen: Snapshot) -> HostComparison:
    """The comparison with what was proved of those that it is in doubt of."""
    doubts = compare_host([now], (), seen, Policy()).doubts
    proved = {one.container.id: before for one in doubts if was_made_from(one, before, HostView(seen), None)}
    return compare_host([now], (), seen, Policy(), made_from=proved)


def wrong(found: HostComparison, some: Sequence[Case], silent: frozenset[str] = frozenset()) -> list[object]:
    """The cases of which something else than their paths is said. `silent`: what may be missing."""
    said: list[object] = []
    (stack,) = found.stacks
    for case in some:
        have = {one.path for one in but_created(stack.findings) if one.service == case.name}
        open_still = [one for one in (*stack.unknown, *found.unseen.get(stack.project, ())) if one.service == case.name]
        if not case.paths - silent <= have <= case.paths or open_still:
            said.append((case.gone, case.changed, have ^ case.paths, open_still))
    return said


@pytest.mark.parametrize("witness", [False, True])
def test_each_is_found_where_the_file_had_it(far_site: Site, witness: bool) -> None:
    some = list(cases(11, 40))
    with far_site.deployed(text(some, after=False)) as folder:
        before, seen = resolved(far_site, folder), snapshot(far_site)
        far_site.write(text(some, after=True, witness=witness))
        now = resolved(far_site, folder)
        assert wrong(compare_host([now], (), seen, Policy()), some), "the hash with one key put back does not tell"
        assert wrong(with_past(now, before, seen), some) == []


FILLED_IN = frozenset({"ipc", "cgroup", "ulimits.core"})
"""What that engine fills in by itself, just as some of the files said it."""


def test_what_the_engine_fills_in_by_itself_is_no_drift(site_of: SiteOf) -> None:
    """Every default of the engine is another than the built-in one, and shows in each container whose file leaves it open."""
    site = site_of(sites.Combination("newest", "newest", sites.SETTINGS))
    some = list(cases(12, 40))
    with site.deployed(text(some, after=False)) as folder:
        before, seen = resolved(site, folder), snapshot(site)
        for witness in (False, True):
            site.write(text(some, after=True, witness=witness))
            found = with_past(resolved(site, folder), before, seen)
            assert wrong(found, some, FILLED_IN) == []
            if witness:
                assert not FILLED_IN & {one.path for one in found.stacks[0].findings}


def test_what_was_carried_over_before_is_no_drift(far_site: Site) -> None:
    """A volume that left the file once, and was carried over by the container that the file was deployed with then."""

    def project(keys: str) -> ProjectText:
        return ProjectText("kept", {"compose.yaml": f"name: kept\nservices:\n  web: {{image: 'truth/rich:1'{keys}}}\n{NAMED}"})

    with far_site.deployed(project(", volumes: ['named:/data']")) as folder:
        far_site.write(project(""))
        far_site.create(folder)
        before, seen = resolved(far_site, folder), snapshot(far_site)
        far_site.write(project(", labels: {a: b}"))
        now = resolved(far_site, folder)
        alone, found = compare_host([now], (), seen, Policy()), with_past(now, before, seen)
        assert "volumes./data" in {one.path for one in alone.unseen["kept"]}, "without the past that cannot be told"
        assert "volumes./data" not in {one.path for one in found.unseen["kept"]}
        assert [one.path for one in but_created(found.stacks[0].findings)] == ["labels.a"]


def test_the_commits_of_the_repo_tell(newest_site: Site, newest_compose: Compose, tmp_path: Path) -> None:
    """Real git, real Compose, a real engine: for a check, and for the service's eyes."""

    def files(keys: str) -> dict[str, str | bytes]:
        return {"together/compose.yaml": f"name: together\nservices:\n  web: {{image: 'truth/rich:1', {keys}}}\n{NAMED}"}

    full = f"shm_size: 96m, logging: {LOG}, deploy: {{resources: {{limits: {{memory: 64M}}}}}}, volumes: ['named:/data'], "
    with tempfile.TemporaryDirectory(dir=newest_site.folder) as place:
        ops = repo(Path(place) / "ops", files("labels: {is: first}"))
        commit(ops, files(full + "labels: {is: deployed}"))
        deployed = ProjectText("together", {})
        try:
            newest_site.create(ops / "together")
            for label in ("later", "still later", "last"):
                commit(ops, files(f"labels: {{is: {label}}}"))
            layout = HostLayout(HOST, ("together",))
            where = sources(RepoSource(str(ops)), newest_compose, tmp_path, layout)
            reader, seen = reader_of(where), snapshot(newest_site)
            desired, past = reader.read(), Past(reader)
            paths = {
                "deploy.resources.limits.memory", "labels.is", "shm_size", "volumes./data",
                *(f"logging.options.{name}" for name in ("max-size", "max-file", "compress")),
            }  # fmt: skip
            there = reader_of(replace(where, worktree=True)).read()
            assert there.revision is None
            for state in (desired, there):
                found = compared(state.projects, (), seen, Policy(), lambda: past)
                assert {one.path for one in but_created(found.stacks[0].findings)} == paths
                assert (found.stacks[0].unknown, found.unseen.get("together", ())) == ((), ())
            eyes = Eyes(HostAddress(HOST, newest_site.docker), Policy(), Heard(), past)
            try:
                for due in (0.0, float("inf")):  # the second look takes what has not changed from the first
                    sight = eyes.look(ProjectKey(HOST, "together"), Wanted.of(desired, HOST), due)
                    assert {one.path for one in but_created(sight.compared.stacks[0].findings)} == paths
            finally:
                eyes.close()
        finally:
            newest_site.remove(deployed)
