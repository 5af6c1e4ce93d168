"""Answers of engines that nobody foresaw: each costs what hangs on it, and never the comparison."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from anchorwatch.compare import Memo, compare_host
from anchorwatch.model.settings import Policy
from tests.compare.make import container, project, snapshot

MEMBERS = [
    "Annotations", "AutoRemove", "Binds", "BlkioDeviceReadBps", "BlkioWeight", "BlkioWeightDevice", "CapAdd",
    "CgroupnsMode", "CpuPeriod", "CpuShares", "CpusetCpus", "DeviceCgroupRules", "DeviceRequests", "Devices", "Dns",
    "DnsOptions", "ExtraHosts", "GroupAdd", "Init", "IpcMode", "KernelMemory", "Links", "LogConfig", "MaskedPaths",
    "Memory", "MemoryReservation", "MemorySwap", "MemorySwappiness", "Mounts", "NanoCpus", "NetworkMode",
    "OomKillDisable", "PidMode", "PidsLimit", "PortBindings", "Privileged", "RestartPolicy", "Runtime", "SecurityOpt",
    "ShmSize", "StorageOpt", "Sysctls", "Tmpfs", "Ulimits", "UTSMode", "VolumesFrom",
]  # fmt: skip
OF_CONFIG = [
    "Cmd", "Domainname", "Entrypoint", "ExposedPorts", "Healthcheck", "Hostname", "Image", "MacAddress", "OpenStdin",
    "StopSignal", "StopTimeout", "Tty", "User", "Volumes", "WorkingDir",
]  # fmt: skip
WANTED: dict[str, Any] = {
    "mem_limit": "512",
    "cpus": 1.5,
    "cpu_shares": 5,
    "pids_limit": 9,
    "shm_size": "64",
    "stop_grace_period": "10s",
    "healthcheck": {"test": ["CMD", "true"], "interval": "5s"},
    "ports": [{"target": 80, "published": "80"}],
    "cap_add": ["SYS_TIME"],
    "devices": [{"source": "/dev/a", "target": "/dev/a", "permissions": "rwm"}],
    "logging": {"options": {"max-size": "1m"}},
    "ulimits": {"nofile": 5},
    "tmpfs": ["/t"],
    "sysctls": {"net.x": "1"},
    "extra_hosts": ["a=1.2.3.4"],
    "dns": ["1.1.1.1"],
    "volumes": [{"type": "bind", "source": "/a", "target": "/a"}],
    "labels": {"a": "b"},
    "restart": "always",
    "stop_signal": "SIGINT",
}
PLAIN = st.none() | st.booleans() | st.integers(-2, 2**40) | st.floats(allow_nan=True) | st.text(max_size=6)
JSON = st.recursive(
    PLAIN, lambda below: st.lists(below, max_size=2) | st.dictionaries(st.text(max_size=5), below, max_size=2), max_leaves=5
)


@given(st.dictionaries(st.sampled_from(MEMBERS), JSON, max_size=4), st.dictionaries(st.sampled_from(OF_CONFIG), JSON, max_size=3))
@settings(max_examples=250, deadline=None)
def test_no_answer_costs_the_comparison(host_config: dict[str, Any], config: dict[str, Any]) -> None:
    garbled = container("media-web-1", "web", host_config=host_config, config=config)
    sound = container("media-db-1", "db")
    result = compare_host([project(web=WANTED, db={"mem_limit": "5"})], [], snapshot(garbled, sound), Policy(), Memo())
    of_db = {one.path for one in result.stacks[0].findings if one.service == "db"}
    assert of_db >= {"mem_limit"}, "its neighbour is judged all the same"
