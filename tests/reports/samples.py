"""Two reports to show: the contract's own example, and a morning on which everything is wrong at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from anchorwatch.errors import HostRefused, StackError
from anchorwatch.model.desired import NotStack, UnknownValue
from anchorwatch.model.findings import Finding, Kind, Note, Severity
from anchorwatch.model.report import CheckReport, ErrorInfo, HostReport, HostStatus, StackReport, StackStatus

REVISION = "4f0c" + "0123456789ab" * 3

MEMORY = Finding(
    host="pi5",
    kind=Kind.CHANGED,
    message="memory limit is 1 GiB, Git says 512 MiB",
    stack="mealie",
    project="mealie",
    service="mealie",
    container="mealie",
    path="mem_limit",
    desired="512 MiB",
    observed="1 GiB",
    fix="docker compose -p mealie -f pi5/mealie/compose.yml up -d --force-recreate mealie",
)

CONTRACT = CheckReport(
    checked_at=datetime(2026, 11, 22, 23, 40, 0, 123_456, tzinfo=timezone(timedelta(hours=1))),
    revision=REVISION,
    hosts=(HostReport("pi5", "ssh://admin@pi5", HostStatus.OK, None, "28.5.2", 7),),
    stacks=(
        StackReport(
            host="pi5",
            stack="mealie",
            path="pi5/mealie/compose.yml",
            project="mealie",
            revision=REVISION,
            status=StackStatus.DRIFTED,
            unknown=(UnknownValue("mealie", "environment.DB_PASSWORD", "DB_PASSWORD is set nowhere"),),
            notes=(Note("mealie", "image", "runs an older build of ghcr.io/mealie:v2 than the host has under that tag"),),
            services=("mealie",),
        ),
    ),
    not_stacks=(NotStack("common/labels.yml", "fragment"),),
    findings=(MEMORY,),
)

EVERYTHING = CheckReport(
    checked_at=datetime(2026, 11, 22, 22, 40, 0, tzinfo=UTC),
    revision=None,
    hosts=(
        HostReport("proxmox", "unix:///var/run/docker.sock", HostStatus.LIMITED, None, "20.10.24", 14),
        HostReport(
            "pi5",
            "ssh://admin@pi5",
            HostStatus.UNREACHABLE,
            ErrorInfo.of(HostRefused("pi5 refuses the connection (port 22)", hint="is sshd running there?")),
        ),
    ),
    stacks=(
        StackReport(
            "proxmox", "dns", "proxmox/dns/compose.yml", "dns", None, StackStatus.IN_SYNC, services=("pihole", "unbound")
        ),
        StackReport(
            host="proxmox",
            stack="media",
            path="proxmox/media/compose.yml",
            project="media",
            revision=None,
            status=StackStatus.DRIFTED,
            unknown=(
                UnknownValue("plex", "environment.CLAIM", "CLAIM is set nowhere"),
                UnknownValue("plex", "labels.claim", "CLAIM is set nowhere"),
            ),
            services=("plex", "sonarr"),
        ),
        StackReport(
            "proxmox",
            "broken",
            "proxmox/broken/compose.yml",
            None,
            None,
            StackStatus.UNKNOWN,
            ErrorInfo.of(StackError("bad_yaml", "proxmox/broken/compose.yml, line 3: a tab", hint="indent with spaces")),
        ),
        StackReport("pi5", "mealie", "pi5/mealie/compose.yml", "mealie", None, StackStatus.UNKNOWN, services=("mealie",)),
    ),
    findings=(
        Finding(
            host="proxmox",
            kind=Kind.CHANGED,
            message="privileged is true, Git does not set it",
            severity=Severity.CRITICAL,
            stack="media",
            project="media",
            service="plex",
            container="plex",
            path="privileged",
            observed="true",
            fix="docker compose -p media up -d plex",
        ),
        Finding(
            host="proxmox",
            kind=Kind.CHANGED,
            message="variable TZ is UTC, Git says Europe/Berlin",
            severity=Severity.INFO,
            stack="media",
            project="media",
            service="plex",
            container="plex",
            path="environment.TZ",
            desired="Europe/Berlin",
            observed="UTC",
            fix="docker compose -p media up -d plex",
        ),
        Finding(
            host="proxmox",
            kind=Kind.MISSING,
            message="media-sonarr-2 does not run: exited (137)",
            stack="media",
            project="media",
            service="sonarr",
            container="media-sonarr-2",
            number=2,
            desired="running",
            observed="exited (137)",
            fix="docker compose -p media up -d sonarr",
        ),
        Finding(
            host="proxmox",
            kind=Kind.CHANGED,
            message="networks.back.internal is not set, Git says true",
            stack="media",
            project="media",
            path="networks.back.internal",
            desired="true",
        ),
        Finding(
            host="proxmox",
            kind=Kind.UNMANAGED,
            message="watchtower runs, Git does not declare it",
            container="watchtower",
            observed="running",
            fix="docker rm -f watchtower",
        ),
    ),
    ignored=2,
    hidden=1,
)

CLEAN = CheckReport(
    checked_at=datetime(2026, 11, 22, 22, 40, 0, tzinfo=UTC),
    revision=REVISION,
    hosts=(
        HostReport("proxmox", "unix:///var/run/docker.sock", HostStatus.OK, None, "28.5.2", 14),
        HostReport("pi5", "ssh://admin@pi5", HostStatus.OK, None, "28.5.2", 7),
    ),
    stacks=(
        StackReport("proxmox", "dns", "proxmox/dns/compose.yml", "dns", REVISION, StackStatus.IN_SYNC, services=("pihole",)),
        StackReport("pi5", "mealie", "pi5/mealie/compose.yml", "mealie", REVISION, StackStatus.IN_SYNC, services=("mealie",)),
    ),
)
