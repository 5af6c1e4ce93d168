"""Random values for what a container runs, what it may use, and what it may do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.truth.random_values import CAPABILITIES, DURATIONS, LABELS, NAMES, SIZES, Chooser, Service, Value


class ProcessKeys(Chooser):
    """The process, its names and its labels."""

    def image(self, _: Service) -> Value:
        return self.chance.choice(self.around.images)

    def command(self, _: Service) -> Value:
        words = [self.word() for _ in range(self.chance.randint(1, 3))]
        return self.one(
            None, [], "", " ".join(words), words, ["sh", "-c", self.text()], [self.text(), "--flag=$x"], "run \"two words\" 'x y'"
        )

    def entrypoint(self, _: Service) -> Value:
        return self.one(None, [], "", "/bin/hold", ["/bin/hold"], ["/bin/hold", self.text()], "/bin/hold --with 'a b'")

    def environment(self, _: Service) -> Value:
        values = (self.text(), self.text(), self.text(), 1, 0, 1.5, True, False, None, "")
        return self.map_or_list({name: self.chance.choice(values) for name in self.some(NAMES, 1, 6)})

    def env_file(self, _: Service) -> Value:
        files = self.some(self.around.env_files, 1, 2)
        if self.maybe(0.3):
            return [{"path": f"./{file}", "required": self.maybe()} for file in files] + [
                {"path": "absent.env", "required": False}
            ]
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
        tests: tuple[Value, ...] = (
            "exit 0",
            ["CMD", "/bin/busybox", "true"],
            ["CMD-SHELL", f"echo '{self.text()}' | cat"],
            ["NONE"],
            [],
            "curl -f http://localhost:$$PORT || exit 1",
        )
        choices: dict[str, Value] = {
            "test": self.chance.choice(tests),
            "interval": self.one("10s", "1m30s", "2h", "1.5s"),
            "timeout": self.one("3s", "500ms"),
            "retries": self.one(0, 3, 10),
            "start_period": self.one("0s", "5s", "1m"),
        }
        if self.around.api >= (1, 44):
            choices["start_interval"] = self.one("1s", "2s")
        if self.around.compose < (2, 30) and choices["test"] == []:
            del choices["test"]  # refused when an override file is merged
        found = {key: choices[key] for key in self.some(list(choices), 1, 6)}
        if "start_interval" in found:
            found["start_period"] = "30s"
        return found

    def container_name(self, _: Service) -> Value:
        return f"own-{self.name}-{self.word()}"

    def labels(self, _: Service) -> Value:
        values = (self.text(), self.text(), 1, True, None, "", 2.5)
        return self.map_or_list({name: self.chance.choice(values) for name in self.some(LABELS, 1, 6)})

    def label_file(self, _: Service) -> Value:
        return self.one("./a.labels", ["a.labels"])

    def annotations(self, _: Service) -> Value:
        return self.map_or_list({name: self.text() for name in self.some(("a.example", "b", "c.d/e"), 1, 2)})


class ResourceKeys(Chooser):
    """Limits, restarts, replicas."""

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
            "weight": self.one(100, 300),
            "weight_device": [{"path": "/dev/vda", "weight": 200}],
            "device_read_bps": self.some(rate),
            "device_write_bps": self.some(rate),
            "device_read_iops": self.some(rate[1:]),
            "device_write_iops": self.some(rate[1:]),
        }
        return {key: choices[key] for key in self.some(list(choices), 1, 3)}

    def deploy(self, _: Service) -> Value:
        choices: dict[str, Callable[[], Value]] = {
            "resources": self._resources,
            "restart_policy": self._restart_policy,
            "replicas": lambda: self.one(1, 2),
            "mode": lambda: "replicated",
            "labels": lambda: {"swarm": "only"},
            "endpoint_mode": lambda: "vip",
            "placement": lambda: {"constraints": ["node.role==manager"], "max_replicas_per_node": 1},
            "update_config": lambda: {"parallelism": 2, "delay": "10s", "order": "start-first"},
            "rollback_config": lambda: {"parallelism": 0, "failure_action": "pause"},
        }
        keys = self.some(["resources", "resources", "restart_policy", "restart_policy", *choices], 1, 4)
        return {key: choices[key]() for key in keys}

    def _resources(self) -> Value:
        found: dict[str, Any] = {}
        if self.maybe(0.8):
            limits = {
                "cpus": self.one("0.50", 0.75, "1"),
                "memory": self.one("256m", "1g", "268435456"),
                "pids": self.one(50, 0, -1),
            }
            found["limits"] = {key: limits[key] for key in self.some(list(limits))}
        if self.maybe(0.5):
            reservations = {
                "cpus": "0.1",
                "memory": self.one("20m", "48M"),
                "devices": [
                    {
                        "capabilities": ["gpu"],
                        **self.one({"count": 1}, {"count": "all"}, {"device_ids": ["0", "3"]}),
                        **self.one({}, {"driver": "nvidia"}),
                    }
                ],
                "generic_resources": [{"discrete_resource_spec": {"kind": "gpu", "value": 2}}],
            }
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


class RightsKeys(Chooser):
    """Privileges, devices, namespaces, logging."""

    def cap_add(self, _: Service) -> Value:
        return self.some(CAPABILITIES)

    cap_drop = cap_add

    def security_opt(self, _: Service) -> Value:
        return self.some(
            (
                "no-new-privileges:true",
                "label=disable",
                "label:user:USER",
                "apparmor=unconfined",
                "apparmor:unconfined",
                self.one("seccomp=unconfined", "seccomp:unconfined", "seccomp=./seccomp.json", "seccomp:seccomp.json"),
                "systempaths=unconfined",
            ),
            1,
            3,
        )

    def group_add(self, _: Service) -> Value:
        return self.some(["adm", "1001", 998, "root"])

    def devices(self, _: Service) -> Value:
        spellings: list[Value] = ["/dev/null", "/dev/null:/dev/other", "/dev/zero:/dev/zero:r", "/dev/fuse:/dev/fuse:rwm"]
        if self.around.compose >= (2, 30):
            spellings += [
                {"source": "/dev/full", "target": "/dev/full"},
                {"source": "/dev/tty", "target": "/dev/tty9", "permissions": "rw"},
                "vendor.com/class=one",
            ]
        return self.some(spellings, 1, 3)

    def device_cgroup_rules(self, _: Service) -> Value:
        return self.some(["c 1:3 mr", "a 7:* rmw", "c 42:* rwm"])

    def gpus(self, _: Service) -> Value:
        return self.one(
            "all",
            [{"count": 1}],
            [{"driver": "nvidia", "device_ids": ["a"], "capabilities": ["utility"]}],
            [{"count": "all", "options": {"k": "v"}}],
        )

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
            {"driver": "json-file"},
            {"driver": "json-file", "options": {key: options[key] for key in self.some(list(options))}},
            {"driver": "local", "options": {"max-size": "5m"}},
            {"driver": "none"},
            {"options": {"max-file": "2", "max-size": "1m"}},
            {"driver": "syslog", "options": {"syslog-address": "udp://127.0.0.1:514", "tag": "x"}},
            {"driver": "local"},
        )
        return self.chance.choice(choices)
