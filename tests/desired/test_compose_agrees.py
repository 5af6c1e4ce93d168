"""What is said of a stack whose values are not in Git must be true whatever those values turn out to be.

The files under `homelab` are resolved with every value unknown; then real Compose is given values, the missing files are put
in their places, and nothing that was said before may be wrong.
"""

from __future__ import annotations

import random
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from lab.compose import Compose

from tests.desired.agreement import compose_model, disagreements
from tests.desired.resolving import resolved

HERE = Path(__file__).parent
HOME = "/home/bob"

MEDIA = {
    "PUID": "1000", "PGID": "1000", "CONFIG_DIR": "/cfg", "MEDIA": "/srv/media", "SONARR_PORT": "8989", "EXTRA": "99",
    "DOMAIN": "example.org", "NAME": "son", "MEM": "512m", "PLEX_CLAIM": "claim-x", "HOST_IP": "1.2.3.4", "GPU": "/dev/gpu",
    "CPUS": "0.5", "MEMG": "2", "INT": "30s", "RET": "3",
}  # fmt: skip
DB = {
    "PG": "16", "PUID": "1", "PGID": "2", "PW": "s3cret", "DEBUG": "1", "B": "bb", "BUF": "128MB", "Q": "q q", "GRACE": "1m30s",
    "PRIV": "true", "NOFILE": "1024", "SOMAX": "512", "TMP": "64m", "GW": "10.0.0.1", "DNS1": "8.8.8.8", "IP4": "10.9.0.5",
    "ALIAS": "al", "PIDS": "100", "HOSTNAME_X": "hx", "HOSTNAME": "hh", "BUILD_DIR": "./b", "CN": "cn", "PP": "always",
    "EXP": "8080", "INIT": "false", "SECRETS": "/sec", "SUBNET": "10.9.0.0/24", "FRONT": "proxy",
}  # fmt: skip
LONG = {
    "P80": "8088", "HIP": "127.0.0.1", "TG": "443", "R1": "7100", "R2": "7101", "ONLY": "9090", "PROTO": "udp", "PP": "1",
    "SRC": "/src", "ROV": "true", "SUB": "s", "VT": "volume", "TS": "100", "VOLSPEC": "/vs:/vt", "SFX": "", "DISK": "d1",
    "MODE": "ro", "REL": "r", "A1": "/a1", "A2": "/a2", "DEP": "w2", "NETX": "netx", "LINK": "w2", "TAG": "t", "GPUS": "all",
    "ECHO": "e", "CPW": "pw", "CX": "x", "WD": "wd", "SIG": "SIGINT", "RT": "runc", "OOM": "5", "PLAT": "linux/amd64",
    "UN": "host", "IPC": "host", "CG": "host", "GID": "44", "AN": "an",
}  # fmt: skip
INC = {"BPRIV": "false", "RCPU": "1.5", "PWD": "/root/zz", "UNSETX": "ux", "SD": "/sd", "OP": "8081"}
ENVS = {"PW2": "pw2", "WHICH": "v-which", "TOKEN": "tok", "NOWHERE": "nw", "PASSED": "p", "LV": "lv"}
OVER = {"T": "1", "X": "/x", "M": "5m", "P": "82", "A": "a"}
STACKS = {
    "media": (["media/docker-compose.yml"], MEDIA),
    "db": (["db/compose.yaml"], DB),
    "long": (["long/compose.yml"], LONG),
    "inc": (["inc/compose.yml"], INC),
    "envs": (["envs/compose.yml"], ENVS),
    "over": (["over/docker-compose.yml", "over/docker-compose.override.yml"], OVER),
    "merge": (["merge/compose.yml"], {"MA": "32m", "PB": "true"}),
    "yaml11": (["yaml11/compose.yml"], {"J": "j", "G": "g", "H": "h"}),
    "plain": (["plain/compose.yml"], {}),
}
OTHERS = ["/srv/other", "8123", "word", "10.0.0.5", "true", "96m", "45s", "a b", "./rel", "1.5", "7", "../up", "a:b", ""]


def answers(
    compose: Compose, repo: Path, files: list[str], assignments: list[dict[str, str]]
) -> list[tuple[dict[str, str], str]]:
    """What real Compose says with each assignment that it accepts."""
    folder = repo / Path(files[0]).parent
    command = [str(compose.program), "--profile", "*", *(part for file in files for part in ("-f", str(repo / file)))]

    def ask(values: dict[str, str]) -> str | None:
        answer = subprocess.run(
            [*command, "config", "--format", "json"],
            cwd=folder,
            env={"HOME": HOME, **values},
            capture_output=True,
            text=True,
            check=False,
        )
        return answer.stdout if answer.returncode == 0 else None

    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(ask, assignments))
    return [(values, out) for values, out in zip(assignments, said, strict=True) if out is not None]


@pytest.mark.parametrize("name", STACKS)
@pytest.mark.parametrize("version", ["oldest", "newest"])
def test_nothing_is_said_that_a_value_could_make_wrong(
    name: str, version: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    compose: Compose = request.getfixturevalue(f"{version}_compose")
    files, values = STACKS[name]
    project = resolved(HERE / "homelab", files, compose.program)
    whole = tmp_path / "homelab"
    shutil.copytree(HERE / "homelab", whole)
    shutil.copytree(HERE / "homelab_missing", whole, dirs_exist_ok=True)
    envs = whole / "envs/compose.yml"
    envs.write_text(envs.read_text().replace("/opt/secrets/a.env", str(whole / "shared/s.env")))
    chosen = random.Random(name)
    changed = [{**values, one: other} for one in values for other in chosen.sample(OTHERS, 1 if version == "oldest" else 2)]
    accepted = answers(compose, whole, files, [values, *changed])
    assert accepted
    assert accepted[0][0] == values, "Compose must accept the values that the test gives"
    wrong = {
        line: assignment
        for assignment, out in accepted
        for line in disagreements(project, compose_model(out), folder=str((whole / files[0]).parent), home=HOME)
    }
    assert wrong == {}


@pytest.mark.parametrize("name", STACKS)
def test_with_every_value_known_nothing_is_unknown_and_all_agrees(name: str, newest_compose: Compose, tmp_path: Path) -> None:
    files, values = STACKS[name]
    whole = tmp_path / "homelab"
    shutil.copytree(HERE / "homelab", whole)
    shutil.copytree(HERE / "homelab_missing", whole, dirs_exist_ok=True)
    envs = whole / "envs/compose.yml"
    envs.write_text(envs.read_text().replace("/opt/secrets/a.env", "../shared/s.env"))
    project = resolved(whole, files, newest_compose.program, values=values)
    [(_, out)] = answers(newest_compose, whole, files, [values])
    truth = compose_model(out)
    assert disagreements(project, truth, folder=str((whole / files[0]).parent), home=HOME) == []
    # What is left hangs on the shell of whoever deploys, or on a line of `.env` that has no value itself.
    left = {entry.path for service in project.services.values() for entry in service.unknown} | {u.path for u in project.unknown}
    assert left <= {"environment.HOME", "domainname", "volumes./z", "environment.G"}
    for service in project.services.values():
        assert truth["services"][service.name].keys() == service.config.keys()
