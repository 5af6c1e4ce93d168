"""Which kind of value may stand where in a Compose file.

A variable that is set nowhere is replaced by a literal before Compose reads the file, and Compose must accept that literal
where it stands. Most places take any text. The others are listed here, after compose-go's `loader/interpolate.go` (casts),
`transform/` (sizes, durations) and `schema/compose-spec.json` (enumerations).
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import TypeAlias

Place: TypeAlias = tuple[str, ...]
"""Where a scalar stands in a file: keys from the top, `[]` for an element of a list."""

ITEM = "[]"


class Kind(Enum):
    """What may stand somewhere."""

    TEXT = "any text"
    WORDS = "a text that Compose splits into words"
    PATH = "a path on the host"
    NUMBER = "a number, or a size in bytes"
    DURATION = "a duration"
    BOOL = "true or false"
    IP = "an IPv4 address"
    IP6 = "an IPv6 address"
    SUBNET = "a subnet"
    MAC = "a MAC address"
    PORT = "a port in the short syntax"
    VOLUME = "a volume in the short syntax"
    FIXED = "one of a few words or figures"
    NAME = "the name of something else in the file"
    REFERENCE = "another file, which is looked at before"


def kind_at(place: Place) -> Kind:
    """The kind of value that Compose accepts at a place."""
    return next((_KINDS[pattern] for pattern in _patterns(place) if pattern in _KINDS), Kind.TEXT)


def _patterns(place: Place) -> Iterator[Place]:
    """The place itself, and with names that a user chose replaced by `*`."""
    if len(place) > _LONGEST:
        return
    heads: list[Place] = [()]
    for key in place:
        heads = [(*head, form) for head in heads for form in (key, "*")] if key != ITEM else [(*head, key) for head in heads]
    yield from heads


FIXED_VALUES = {
    "pull_policy": "always",
    "cgroup": "host",
    "order": "start-first",
    "failure_action": "continue",
    "max_failure_ratio": "0",
    "condition": "service_started",
    "selinux": "z",
    "recursive": "enabled",
    "oom_score_adj": "1",
    "weight": "100",
    "mode": "0444",
    "driver": "nvidia",
}
"""What stands in at a place of kind FIXED, by its last key."""

_NUMBERS = """
    cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus mem_limit mem_reservation
    memswap_limit mem_swappiness pids_limit scale shm_size build.shm_size healthcheck.retries ulimits.* ulimits.*.soft
    ulimits.*.hard build.ulimits.* build.ulimits.*.soft build.ulimits.*.hard expose.[] ports.[].target ports.[].published
    deploy.replicas deploy.update_config.parallelism deploy.rollback_config.parallelism deploy.restart_policy.max_attempts
    deploy.placement.max_replicas_per_node deploy.resources.limits.cpus deploy.resources.limits.memory
    deploy.resources.limits.pids deploy.resources.reservations.cpus deploy.resources.reservations.memory
    deploy.resources.reservations.pids deploy.resources.reservations.devices.[].count volumes.[].tmpfs.size
    volumes.[].tmpfs.mode networks.*.priority networks.*.gw_priority blkio_config.device_read_bps.[].rate
    blkio_config.device_write_bps.[].rate blkio_config.device_read_iops.[].rate blkio_config.device_write_iops.[].rate
"""
_DURATIONS = """stop_grace_period healthcheck.interval healthcheck.timeout healthcheck.start_period healthcheck.start_interval
    deploy.restart_policy.delay deploy.restart_policy.window deploy.update_config.delay deploy.update_config.monitor
    deploy.rollback_config.delay deploy.rollback_config.monitor pull_refresh_after"""
_BOOLS = """attach init privileged read_only stdin_open tty oom_kill_disable use_api_socket healthcheck.disable build.no_cache
    build.pull build.privileged volumes.[].read_only volumes.[].volume.nocopy volumes.[].bind.create_host_path
    depends_on.*.restart depends_on.*.required env_file.[].required"""
_FIXED = """pull_policy cgroup oom_score_adj blkio_config.weight blkio_config.weight_device.[].weight secrets.[].mode
    configs.[].mode deploy.update_config.order deploy.rollback_config.order deploy.update_config.failure_action
    deploy.rollback_config.failure_action deploy.update_config.max_failure_ratio deploy.rollback_config.max_failure_ratio
    depends_on.*.condition volumes.[].bind.selinux volumes.[].bind.recursive"""
_NAMES = """depends_on.[] networks.[] links.[] volumes_from.[] secrets.[] secrets.[].source configs.[] configs.[].source gpus
    gpus.[] develop provider models.[]"""
_IPS = "dns dns.[] networks.*.ipv4_address ports.[].host_ip"
_REFERENCES = """extends extends.file extends.service env_file env_file.[] env_file.[].path
    env_file.[].format label_file label_file.[]"""


_TOP = """name=name
    networks.*.external=bool networks.*.internal=bool networks.*.attachable=bool networks.*.enable_ipv4=bool
    networks.*.enable_ipv6=bool volumes.*.external=bool secrets.*.external=bool configs.*.external=bool
    networks.*.ipam.config.[].subnet=subnet networks.*.ipam.config.[].ip_range=subnet networks.*.ipam.config.[].gateway=ip
    networks.*.ipam.config.[].aux_addresses.*=ip secrets.*.file=path configs.*.file=path
    include=reference include.[]=reference include.[].path=reference include.[].path.[]=reference
    include.[].project_directory=reference include.[].env_file=reference include.[].env_file.[]=reference"""


def _kinds() -> Iterator[tuple[Place, Kind]]:
    for paths, kind in (
        (_NUMBERS, Kind.NUMBER),
        (_DURATIONS, Kind.DURATION),
        (_BOOLS, Kind.BOOL),
        (_FIXED, Kind.FIXED),
        (_NAMES, Kind.NAME),
        (_IPS, Kind.IP),
        ("networks.*.ipv6_address", Kind.IP6),
        ("mac_address networks.*.mac_address", Kind.MAC),
        ("ports.[]", Kind.PORT),
        ("volumes.[]", Kind.VOLUME),
        ("build build.context", Kind.PATH),
        ("command entrypoint", Kind.WORDS),
        (_REFERENCES, Kind.REFERENCE),
    ):
        for path in paths.split():
            yield ("services", "*", *path.split(".")), kind
    for pair in _TOP.split():
        path, _, name = pair.partition("=")
        yield tuple(path.split(".")), Kind[name.upper()]


_KINDS = dict(_kinds())
_LONGEST = max(map(len, _KINDS))
