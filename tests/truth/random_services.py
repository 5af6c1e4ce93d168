"""Random Compose services over every key of the specification, in every spelling.

One chooser a key: given the surroundings and the service so far, it gives a value as a user may write it. What contradicts
itself (Compose or the engine refuses it) is taken out afterwards in one place, `without_contradictions`. Everything comes
from one `random.Random`, so a seed says it all.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Value = Any
Service = dict[str, Any]

TEXTS = (
    "", "plain", "two words", "a=b=c", "line one\nline two", "$HOME", "cost $$5 ${NOT_A_VARIABLE}", "ünïcödé ✓ 日本",
    'quo"te', "it's", "back\\slash", "<a> & b", "sep\u2028arator", "  padded  ", "# no comment", "yes", "0123", "1.50", "null",
    "tab\there", "100%", "{{.Name}}", "trailing=", "sha256:0123456789abcdef", "postgres://user:p%40ss@db:5432/x?y=z", "a,b;c|d", "\\n",
)  # fmt: skip
WORDS = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett")
NAMES = ("TZ", "LANG", "SHARED", "EMPTY", "PASSWORD", "DB_URL", "lower_case", "With.Dots", "PATH", "A", "X-DASH", "ÜMLAUT", "RICH")
LABELS = (
    "traefik.enable", "shared", "rich.label", "com.example/slash", "empty", "with space", "traefik.http.routers.a.rule", "d$llar",
    "UPPER", "x", "org.opencontainers.image.title", "ünïcödé",
)  # fmt: skip
CAPABILITIES = ("NET_ADMIN", "SYS_TIME", "CAP_SYS_PTRACE", "net_raw", "chown", "ALL", "MKNOD", "cap_kill")
SIZES = ("64m", "128M", "96mb", "1g", "1GB", 100663296, "134217728b", "200000k", "0.25g", "1.5g")
DURATIONS = ("1s", "1m30s", "90s", "500ms", "1h", "2m", "1.5s", "10s", "1h1m1s", "0s")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The engine and the Compose that the services are meant for, and what of the project they can refer to."""

    api: tuple[int, int]
    compose: tuple[int, ...]
    images: tuple[str, ...] = ("truth/hold:1", "truth/rich:1")
    outsider: str = "truth-outsider"
    """A container that belongs to nobody's project."""
    networks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    configs: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ("a.env", "b.env")
    earlier: tuple[str, ...] = ()
    """Services that this one may refer to."""
    sharing: tuple[str, ...] = ()
    """Those of them whose mounts another container can take over."""


class Chooser:
    """Makes one random service; see `KEYS` for the keys it knows."""

    def __init__(self, chance: random.Random, around: Surroundings, name: str) -> None:
        self.chance = chance
        self.around = around
        self.name = name

    # -- spellings ---------------------------------------------------------------------------------------------------------

    def one(self, *values: Value) -> Value:
        return self.chance.choice(values)

    def some(self, values: tuple[Value, ...] | list[Value], least: int = 1, most: int = 4) -> list[Value]:
        count = min(len(values), self.chance.randint(least, most))
        return self.chance.sample(list(values), count)

    def maybe(self, often: float = 0.5) -> bool:
        return self.chance.random() < often

    def text(self) -> str:
        return str(self.chance.choice(TEXTS))

    def word(self) -> str:
        return f"{self.chance.choice(WORDS)}{self.chance.randint(0, 99)}"

    def one_or_list(self, values: list[Value]) -> Value:
        return values[0] if len(values) == 1 and self.maybe() else values

    def map_or_list(self, mapping: dict[str, Value], separator: str = "=") -> Value:
        if self.maybe(0.6):
            return mapping
        return [key if value is None else f"{key}{separator}{_spelled(value)}" for key, value in mapping.items()]

    # -- process -----------------------------------------------------------------------------------------------------------

    def image(self, _: Service) -> Value:
        return self.chance.choice(self.around.images)

    def command(self, _: Service) -> Value:
        words = [self.word() for _ in range(self.chance.randint(1, 3))]
        return self.one(None, [], "", " ".join(words), words, ["sh", "-c", self.text()], [self.text(), "--flag=$x"], 'run "two words" \'x y\'')

    def entrypoint(self, _: Service) -> Value:
        return self.one(None, [], "", "/bin/hold", ["/bin/hold"], ["/bin/hold", self.text()], "/bin/hold --with 'a b'")

    def environment(self, _: Service) -> Value:
        values = (self.text(), self.text(), self.text(), 1, 0, 1.5, True, False, None, "")
        return self.map_or_list({name: self.chance.choice(values) for name in self.some(NAMES, 1, 6)})

    def env_file(self, _: Service) -> Value:
        files = self.some(self.around.env_files, 1, 2)
        if self.maybe(0.3):
            return [{"path": f"./{file}", "required": self.maybe()} for file in files] + [{"path": "absent.env", "required": False}]
        return self.one_or_list([f"./{file}" if self.maybe() else file for file in files])

    def user(self, _: Service) -> Value:
        return self.one("1000", "1000:1000", "0", "root", "app:app", "")

    def working_dir(self, _: Service) -> Value:
        return self.one("/tmp", "/tmp/../tmp/", "/srv/./x//y/", "/", "/data")

    def tty(self, _: Service) -> Value:
        return self.maybe()

    stdin_open = init = read_only = privileged = tty

    def hostname(self, _: Service) -> Value:
        return self.one("box", "box.example.org", "UPPER", self.word())

    def domainname(self, _: Service) -> Value:
        return self.one("example.org", "lan")

    def stop_signal(self, _: Service) -> Value:
        return self.one("SIGTERM", "SIGUSR1", "SIGINT", "USR2", "9")

    def stop_grace_period(self, _: Service) -> Value:
        return self.chance.choice(DURATIONS)

    def healthcheck(self, _: Service) -> Value:
        if self.maybe(0.15):
            return {"disable": True}
        tests = (
            "exit 0", ["CMD", "/bin/busybox", "true"], ["CMD-SHELL", f"echo '{self.text()}' | cat"], ["NONE"], [],
            "curl -f http://localhost:$$PORT || exit 1",
        )  # fmt: skip
        choices: dict[str, Value] = {
            "test": self.chance.choice(tests), "interval": self.one("10s", "1m30s", "2h", "1.5s"), "timeout": self.one("3s", "500ms"),
            "retries": self.one(0, 3, 10), "start_period": self.one("0s", "5s", "1m"),
        }  # fmt: skip
        if self.around.api >= (1, 44):
            choices["start_interval"] = self.one("1s", "2s")
        if self.around.compose < (2, 30) and choices["test"] == []:
            del choices["test"]  # refused when an override file is merged
        found = {key: choices[key] for key in self.some(list(choices), 1, 6)}
        if "start_interval" in found:
            found["start_period"] = "30s"
        return found

    # -- names and labels --------------------------------------------------------------------------------------------------

    def container_name(self, _: Service) -> Value:
        return f"own-{self.name}-{self.word()}"

    def labels(self, _: Service) -> Value:
        values = (self.text(), self.text(), 1, True, None, "", 2.5)
        return self.map_or_list({name: self.chance.choice(values) for name in self.some(LABELS, 1, 6)})

    def label_file(self, _: Service) -> Value:
        return self.one("./a.labels", ["a.labels"])

    def annotations(self, _: Service) -> Value:
        return self.map_or_list({name: self.text() for name in self.some(("a.example", "b", "c.d/e"), 1, 2)})

    # -- resources ---------------------------------------------------------------------------------------------------------

    def mem_limit(self, _: Service) -> Value:
        return self.chance.choice(SIZES)

    def mem_reservation(self, _: Service) -> Value:
        return self.one("32m", "16M", 33554432)

    def memswap_limit(self, _: Service) -> Value:
        return self.one(-1, "4g", "2g", 0)

    def mem_swappiness(self, _: Service) -> Value:
        return self.one(0, 10, 60, 100, "30")

    def shm_size(self, _: Service) -> Value:
        return self.one("32m", 67108864, "128m", "64m")

    def cpus(self, _: Service) -> Value:
        return self.one(0.5, "0.25", 1, 1.234567, 0.123456789, "1.5", 0.1)

    def cpu_shares(self, _: Service) -> Value:
        return self.one(512, "1024", 2)

    def cpu_period(self, _: Service) -> Value:
        return self.one(100000, "20000")

    def cpu_quota(self, _: Service) -> Value:
        return self.one(50000, "25000", -1)

    def cpu_count(self, _: Service) -> Value:
        return self.one(1, 2)

    def cpu_percent(self, _: Service) -> Value:
        return self.one("10", "50")

    def cpuset(self, _: Service) -> Value:
        return self.one("0", "0,1", "0-1")

    def pids_limit(self, _: Service) -> Value:
        return self.one(100, -1, 0, 1)

    def oom_kill_disable(self, _: Service) -> Value:
        return self.maybe(0.7)

    def oom_score_adj(self, _: Service) -> Value:
        return self.one(-500, 0, 500, 1000)

    def ulimits(self, _: Service) -> Value:
        limits = (1024, 65535, {"soft": 1024, "hard": 2048}, {"soft": 0, "hard": 0}, 0, {"soft": 100, "hard": 100}, -1)
        return {name: self.chance.choice(limits) for name in self.some(("nofile", "nproc", "core", "memlock", "stack"), 1, 3)}

    def blkio_config(self, _: Service) -> Value:
        rate = [{"path": "/dev/vda", "rate": self.one("1mb", 1024, "12k")}, {"path": "/dev/null", "rate": 5}]
        choices = {
            "weight": self.one(100, 300), "weight_device": [{"path": "/dev/vda", "weight": 200}],
            "device_read_bps": self.some(rate), "device_write_bps": self.some(rate),
            "device_read_iops": self.some(rate[1:]), "device_write_iops": self.some(rate[1:]),
        }  # fmt: skip
        return {key: choices[key] for key in self.some(list(choices), 1, 3)}

    def deploy(self, _: Service) -> Value:
        choices: dict[str, Callable[[], Value]] = {
            "resources": self._resources, "restart_policy": self._restart_policy, "replicas": lambda: self.one(1, 2),
            "mode": lambda: "replicated", "labels": lambda: {"swarm": "only"}, "endpoint_mode": lambda: "vip",
            "placement": lambda: {"constraints": ["node.role==manager"], "max_replicas_per_node": 1},
            "update_config": lambda: {"parallelism": 2, "delay": "10s", "order": "start-first"},
            "rollback_config": lambda: {"parallelism": 0, "failure_action": "pause"},
        }  # fmt: skip
        keys = self.some(["resources", "resources", "restart_policy", "restart_policy", *choices], 1, 4)
        return {key: choices[key]() for key in keys}

    def _resources(self) -> Value:
        found: dict[str, Any] = {}
        if self.maybe(0.8):
            limits = {"cpus": self.one("0.50", 0.75, "1"), "memory": self.one("256m", "1g", "268435456"), "pids": self.one(50, 0, -1)}
            found["limits"] = {key: limits[key] for key in self.some(list(limits))}
        if self.maybe(0.5):
            reservations = {
                "cpus": "0.1", "memory": self.one("20m", "48M"),
                "devices": [{"capabilities": ["gpu"], **self.one({"count": 1}, {"count": "all"}, {"device_ids": ["0", "3"]}), **self.one({}, {"driver": "nvidia"})}],
                "generic_resources": [{"discrete_resource_spec": {"kind": "gpu", "value": 2}}],
            }  # fmt: skip
            found["reservations"] = {key: reservations[key] for key in self.some(list(reservations), 1, 3)}
        return found

    def _restart_policy(self) -> Value:
        if self.maybe(0.4):
            return {"condition": "on-failure", "max_attempts": self.one(0, 3)}
        choices = {"condition": self.one("none", "any", "on-failure"), "delay": "5s", "window": "2m"}
        return {key: choices[key] for key in self.some(list(choices))}

    def restart(self, _: Service) -> Value:
        return self.one("no", "always", "on-failure", "on-failure:5", "unless-stopped")

    def scale(self, _: Service) -> Value:
        return self.one(1, 2, 3, 0)

    # -- rights ------------------------------------------------------------------------------------------------------------

    def cap_add(self, _: Service) -> Value:
        return self.some(CAPABILITIES)

    cap_drop = cap_add

    def security_opt(self, _: Service) -> Value:
        return self.some((
            "no-new-privileges:true", "label=disable", "label:user:USER", "apparmor=unconfined", "apparmor:unconfined",
            self.one("seccomp=unconfined", "seccomp:unconfined", "seccomp=./seccomp.json", "seccomp:seccomp.json"), "systempaths=unconfined",
        ), 1, 3)  # fmt: skip

    def group_add(self, _: Service) -> Value:
        return self.some(["adm", "1001", 998, "root"])

    def devices(self, _: Service) -> Value:
        spellings: list[Value] = ["/dev/null", "/dev/null:/dev/other", "/dev/zero:/dev/zero:r", "/dev/fuse:/dev/fuse:rwm"]
        if self.around.compose >= (2, 30):
            spellings += [{"source": "/dev/full", "target": "/dev/full"}, {"source": "/dev/tty", "target": "/dev/tty9", "permissions": "rw"}, "vendor.com/class=one"]
        return self.some(spellings, 1, 3)

    def device_cgroup_rules(self, _: Service) -> Value:
        return self.some(["c 1:3 mr", "a 7:* rmw", "c 42:* rwm"])

    def gpus(self, _: Service) -> Value:
        return self.one("all", [{"count": 1}], [{"driver": "nvidia", "device_ids": ["a"], "capabilities": ["utility"]}], [{"count": "all", "options": {"k": "v"}}])

    def userns_mode(self, _: Service) -> Value:
        return "host"

    def uts(self, _: Service) -> Value:
        return "host"

    def cgroup(self, _: Service) -> Value:
        return self.one("host", "private")

    def cgroup_parent(self, _: Service) -> Value:
        return self.one("/truth", "truth-parent")

    def isolation(self, _: Service) -> Value:
        return "default"

    def runtime(self, _: Service) -> Value:
        return self.one("runc", "io.containerd.runc.v2") if self.around.api >= (1, 44) else "runc"

    def sysctls(self, _: Service) -> Value:
        values = {"net.core.somaxconn": 1024, "net.ipv4.tcp_syncookies": "0", "kernel.msgmax": 65536, "net.ipv4.ip_forward": 1}
        return self.map_or_list({key: values[key] for key in self.some(list(values))})

    def pid(self, _: Service) -> Value:
        return self.one("host", *(f"service:{name}" for name in self.around.earlier), f"container:{self.around.outsider}")

    def ipc(self, _: Service) -> Value:
        return self.one("host", "private", "shareable", "none", *(f"service:{name}" for name in self.around.earlier))

    def logging(self, _: Service) -> Value:
        options = {"max-size": "10m", "max-file": "3", "tag": "{{.Name}}", "labels": "a,b", "env": "TZ", "compress": "true"}
        choices: tuple[Value, ...] = (
            {"driver": "json-file"}, {"driver": "json-file", "options": {key: options[key] for key in self.some(list(options))}},
            {"driver": "local", "options": {"max-size": "5m"}}, {"driver": "none"}, {"options": {"max-file": "2", "max-size": "1m"}},
            {"driver": "syslog", "options": {"syslog-address": "udp://127.0.0.1:514", "tag": "x"}}, {"driver": "local"},
        )  # fmt: skip
        return self.chance.choice(choices)

    # -- network -----------------------------------------------------------------------------------------------------------

    def network_mode(self, _: Service) -> Value:
        return self.one("none", "host", "bridge", f"container:{self.around.outsider}", *(f"service:{name}" for name in self.around.earlier))

    def networks(self, _: Service) -> Value:
        names = self.some(list(self.around.networks), 1, 3)
        return names if self.maybe(0.3) else {name: self._attachment(name) for name in names}

    def _attachment(self, name: str) -> Value:
        host = self.chance.randint(20, 250)
        pool = self.around.networks[name]
        choices: dict[str, Value] = {
            "aliases": [self.word() for _ in range(self.chance.randint(1, 3))],
            "priority": self.chance.randint(0, 1000), "link_local_ips": [f"169.254.8.{host}"],
        }  # fmt: skip
        if "v4" in pool:
            choices["ipv4_address"] = f"{pool['v4']}.{host}"
        if "v6" in pool:
            choices["ipv6_address"] = self.one(f"{pool['v6']}::{host:x}", f"{pool['v6']}:0:0:0:0:{host:x}".upper())
        if self.around.compose >= (2, 27, 1):
            choices["driver_opts"] = {"com.example.option": self.text(), "number": 5}
        if self.around.api >= (1, 44) and self.around.compose >= (2, 32):
            choices["mac_address"] = f"02:42:AC:11:00:{host:02X}"
        if self.around.api >= (1, 49) and self.around.compose >= (2, 36):
            choices["gw_priority"] = self.chance.randint(-5, 5)
            choices["interface_name"] = f"eth{self.chance.randint(5, 9)}"
        found = {key: choices[key] for key in self.some(list(choices), 0, 3)}
        return found or self.one(None, {})

    def ports(self, _: Service) -> Value:
        target, out = self.chance.randint(1000, 5000), self.chance.randint(6000, 30000)
        spellings: list[Value] = [
            str(target), target, f"{out}:{target}", f"127.0.0.1:{out}:{target}/udp", f"{out}-{out + 2}:{target}-{target + 2}",
            f"{out}-{out + 9}:{target}", f"[::1]:{out}:{target}", f"127.0.0.1::{target}", f"{target}/udp", f"{target}-{target + 1}",
            f"{out}:{target}/sctp", f"0.0.0.0:{out}:{target}", f"127.0.0.1:{out}-{out + 1}:{target}-{target + 1}",
            {"target": target}, {"target": target, "published": str(out)}, {"target": target, "published": out, "mode": "host"},
            {"target": target, "published": f"{out}-{out + 5}", "host_ip": "127.0.0.1", "protocol": "udp"},
            {"target": target, "protocol": "tcp", "host_ip": "::1", "published": str(out)},
            {"target": target, "published": str(out), "name": "web", "app_protocol": "http"},
        ]  # fmt: skip
        return self.some(spellings, 1, 4)

    def expose(self, _: Service) -> Value:
        return self.some(["3000", 3001, "8000-8003", "53/udp", "8080", "9000/tcp", "7000-7001/udp"])

    def dns(self, _: Service) -> Value:
        return self.one_or_list(self.some(["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111"]))

    def dns_opt(self, _: Service) -> Value:
        return self.some(["ndots:2", "use-vc", "no-tld-query"])

    def dns_search(self, _: Service) -> Value:
        return self.one_or_list(self.some(["example.org", "lan", "."]))

    def extra_hosts(self, _: Service) -> Value:
        hosts = {"a": "10.0.0.1", "host.docker.internal": "host-gateway", "six": "::1", "b.example.org": "192.0.2.7"}
        found = {name: hosts[name] for name in self.some(list(hosts))}
        if self.maybe():
            return found if self.maybe(0.7) else {**found, "many": ["10.0.0.2", "10.0.0.3"]}
        separator = self.one(":", "=")
        return [f"{name}{separator}{'[::1]' if address == '::1' and self.maybe() else address}" for name, address in found.items()]

    def mac_address(self, _: Service) -> Value:
        return self.one("02:42:ac:11:65:43", "02:42:AC:11:65:44")

    def links(self, _: Service) -> Value:
        return [name if self.maybe() else f"{name}:{self.word()}" for name in self.some(list(self.around.earlier), 1, 2)]

    def external_links(self, _: Service) -> Value:
        return [self.around.outsider, f"{self.around.outsider}:{self.word()}"][: self.chance.randint(1, 2)]

    def depends_on(self, _: Service) -> Value:
        names = self.some(list(self.around.earlier), 1, 3)
        conditions = ("service_started", "service_healthy", "service_completed_successfully")
        if self.maybe():
            return names
        return {name: {"condition": self.chance.choice(conditions), "restart": self.maybe(), "required": self.maybe()} for name in names}

    # -- files -------------------------------------------------------------------------------------------------------------

    def volumes(self, _: Service) -> Value:
        found: dict[str, Value] = {}
        for _turn in range(self.chance.randint(1, 4)):
            target, value = self._mount()
            found[target] = value
        return list(found.values())

    def _mount(self) -> tuple[str, Value]:
        where = self.one("/mnt/a", "/mnt/b", "/data", "/var/lib/rich", "/deep/er/path", "/mnt/ünïcödé")
        named = self.chance.choice(self.around.volumes)
        source = self.one("./data", ".", "./a.env", "../", "/etc", "/etc/hostname", "/var/", "/", "~/homely", "./not/there/yet", "/srv//x/")
        there = self.one("./data", "./a.env", "..", "/etc", "/etc/hostname", "/var/", "/", "~/homely")
        if where in {"/data", "/var/lib/rich"}:  # folders in the image: an engine cannot lay a file over them
            source, there = (path if "a.env" not in path and "hostname" not in path else "./data" for path in (source, there))
        spelled = where + self.one("", "", "/")
        volume: dict[str, Any] = {"nocopy": self.maybe()}
        if self.around.api >= (1, 45) and self.around.compose >= (2, 29):
            volume["subpath"] = self.one("sub", "sub/dir")
        if self.around.compose >= (2, 40):
            volume["labels"] = {"anonymous": "label"}
        bind: dict[str, Any] = {
            "propagation": self.one("rprivate", "private", "rshared", "shared", "rslave", "slave"), "create_host_path": True,
            "selinux": self.one("z", "Z"),
        }  # fmt: skip
        if self.around.api >= (1, 44) and self.around.compose >= (2, 29, 3):
            bind["recursive"] = self.one("enabled", "disabled", "writable")
        tmpfs = {"size": self.one("10m", 1048576), "mode": self.one(0o1770, 0o700)}
        choices: list[Value] = [
            spelled, f"{source}:{spelled}", f"{source}:{spelled}:{self.one('ro', 'rw', 'z', 'ro,Z', 'rslave', 'ro,rshared')}",
            f"{named}:{spelled}", f"{named}:{spelled}:{self.one('ro', 'rw', 'nocopy', 'ro,nocopy')}",
            {"type": "bind", "source": there, "target": spelled, "read_only": self.maybe()},
            {"type": "bind", "source": there, "target": spelled, "bind": {key: bind[key] for key in self.some(list(bind), 0, 2)}},
            {"type": "bind", "source": "/etc", "target": spelled, "bind": {"create_host_path": False}, "consistency": "cached"},
            {"type": "volume", "source": named, "target": spelled, "read_only": self.maybe()},
            {"type": "volume", "source": named, "target": spelled, "volume": {key: volume[key] for key in self.some(list(volume), 0, 2)}},
            {"type": "volume", "target": spelled},
            {"type": "tmpfs", "target": spelled}, {"type": "tmpfs", "target": spelled, "tmpfs": {key: tmpfs[key] for key in self.some(list(tmpfs))}},
            {"type": "tmpfs", "target": spelled, "read_only": True},
        ]  # fmt: skip
        if self.around.api >= (1, 48) and self.around.compose >= (2, 36):
            choices.append({"type": "image", "source": "truth/hold:1", "target": spelled, **self.one({}, {"image": {"subpath": "etc"}})})
        return where, self.chance.choice(choices)

    def tmpfs(self, _: Service) -> Value:
        return self.one_or_list(self.some(["/run", "/tmp:size=64m,mode=1770", "/cache:uid=1000,gid=1000", "/scratch:ro"], 1, 2))

    def volumes_from(self, _: Service) -> Value:
        sources = [*self.around.sharing, f"container:{self.around.outsider}"]
        return [f"{name}{self.one('', ':ro', ':rw')}" for name in self.some(sources, 1, 2)]

    def configs(self, _: Service) -> Value:
        return self._files(self.around.configs, "/etc/app/")

    def secrets(self, _: Service) -> Value:
        return self._files(self.around.secrets, "inside-")

    def _files(self, names: tuple[str, ...], prefix: str) -> Value:
        found: list[Value] = []
        for name in self.some(names, 1, 2):
            extras = {"target": f"{prefix}{self.word()}", "uid": "103", "gid": "103", "mode": self.one(0o440, "0400")}
            found.append(name if self.maybe() else {"source": name, **{key: extras[key] for key in self.some(list(extras), 0, 3)}})
        return found

    def use_api_socket(self, _: Service) -> Value:
        return True

    def storage_opt(self, _: Service) -> Value:
        return {}

    # -- what Docker does not show -----------------------------------------------------------------------------------------

    def attach(self, _: Service) -> Value:
        return self.maybe()

    def build(self, _: Service) -> Value:
        return self.one(".", {"context": ".", "args": {"A": "1"}, "target": "final"})

    def develop(self, _: Service) -> Value:
        return {"watch": [{"path": ".", "action": "sync", "target": "/x"}]}

    def platform(self, _: Service) -> Value:
        return "linux/amd64"

    def profiles(self, _: Service) -> Value:
        return self.some(["debug", "tools"], 1, 2)

    def pull_policy(self, _: Service) -> Value:
        return self.one("never", "missing", "if_not_present")

    def credential_spec(self, _: Service) -> Value:
        return {"file": "spec.json"}

    def post_start(self, _: Service) -> Value:
        return [{"command": ["/bin/busybox", "true"], "user": "root"}]

    pre_stop = post_start


def _spelled(value: Value) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


NOT_MADE = {
    "extends": "written by the project, not by the service (see random_projects)",
    "models": "needs Docker's model runner, which no engine of the lab has",
    "provider": "makes no container: see test_states",
    "cpu_rt_period": "the lab's kernel has no real-time groups: the engine refuses it",
    "cpu_rt_runtime": "the lab's kernel has no real-time groups: the engine refuses it",
    "pull_refresh_after": "needs a registry",
}
"""Keys of the specification that no random service has, and why."""

KEYS: tuple[str, ...] = tuple(
    name for name, member in vars(Chooser).items() if callable(member) and not name.startswith("_") and name not in
    {"one", "some", "maybe", "text", "word", "one_or_list", "map_or_list", "image"}
)  # fmt: skip
RARE = {"build", "use_api_socket", "privileged", "network_mode", "pid", "ipc", "uts", "userns_mode", "scale", "storage_opt", "profiles"}
NEEDS_EARLIER = {"links", "depends_on", "volumes_from"}
SINCE_COMPOSE = {"gpus": (2, 30), "use_api_socket": (2, 37), "post_start": (2, 30), "pre_stop": (2, 30), "annotations": (2, 26), "label_file": (2, 32)}


def random_service(chance: random.Random, around: Surroundings, name: str) -> Service:
    """A service that Compose accepts, and of which `around`'s engine makes a container."""
    chooser = Chooser(chance, around, name)
    service: Service = {"image": chooser.image({})}
    wanted = chance.sample(KEYS, chance.randint(2, 22))
    for key in wanted:
        if key in NEEDS_EARLIER and not around.earlier:
            continue
        if around.compose < SINCE_COMPOSE.get(key, (0,)) or (key in RARE and chance.random() < 0.6):
            continue
        service[key] = getattr(chooser, key)(service)
    return without_contradictions(service, around)


def without_contradictions(service: Service, around: Surroundings) -> Service:
    """`service` without what Compose or the engine refuses beside something else that it says."""
    found = dict(service)
    mode = str(found.get("network_mode", ""))
    joined = mode.startswith(("container:", "service:"))
    if mode:
        _drop(found, "networks", "mac_address", "links", "external_links")
    if joined:
        _drop(found, "ports", "expose", "hostname", "domainname", "dns", "dns_search", "dns_opt", "extra_hosts", "scale")
    if mode in {"host", "none"} or joined or found.get("uts") == "host":
        _drop(found, "hostname", "domainname")
    if mode == "host":
        _drop(found, "sysctls")
    if found.get("ipc") in {"host"} or str(found.get("ipc", "")).startswith("service:"):
        _drop(found, "sysctls")
    if str(found.get("ipc", "")).startswith("service:") or found.get("ipc") == "host":
        _drop(found, "shm_size")
    deploy = found.get("deploy") or {}
    limits, reservations = (deploy.get("resources", {}).get(kind, {}) for kind in ("limits", "reservations"))
    if limits:
        _drop(found, "cpus", "mem_limit", "pids_limit")
    if reservations:
        _drop(found, "mem_reservation")
    if "replicas" in deploy:
        _drop(found, "scale")
    if "cpus" in found or "cpus" in limits:
        _drop(found, "cpu_period", "cpu_quota", "cpu_percent", "cpu_count")
    if "mem_limit" not in found and "memory" not in limits:
        _drop(found, "memswap_limit")
    if found.get("privileged") and "userns_mode" in found:
        _drop(found, "userns_mode")
    if "container_name" in found:
        _drop(found, "scale")
        deploy.pop("replicas", None)
    count = found.get("scale", deploy.get("replicas", 1))
    if count > 1 and isinstance(found.get("networks"), dict):
        for attachment in found["networks"].values():
            _drop(attachment or {}, "ipv4_address", "ipv6_address", "mac_address", "link_local_ips")
    if found.get("image") == around.images[0] and found.get("entrypoint", "x") in ("", []) and not found.get("command"):
        found["command"] = ["something"]
    if isinstance(found.get("networks"), dict) and any("mac_address" in (one or {}) for one in found["networks"].values()):
        _drop(found, "mac_address")
    if "build" in found:
        _drop(found, "image", "pull_policy")
    if "read_only" in found or around.api < (1, 42):  # the engine cannot copy into such a container, or not for its user
        for kind in ("configs", "secrets"):
            filed = [one for one in found.pop(kind, ()) if (one if isinstance(one, str) else one["source"]) in {"filed", "below"}]
            if filed:
                found[kind] = filed
    if found.get("deploy") == {}:
        _drop(found, "deploy")
    return found


def _drop(mapping: dict[str, Any], *keys: str) -> None:
    for key in keys:
        mapping.pop(key, None)
