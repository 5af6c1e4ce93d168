"""Random values for what a container is connected to: networks, mounts, files, and what Docker does not show."""

from __future__ import annotations

from typing import Any

from tests.truth.random_values import Chooser, Service, Value


class NetworkKeys(Chooser):
    """Networks, ports, names of other hosts."""

    def network_mode(self, _: Service) -> Value:
        return self.one(
            "none", "host", "bridge", f"container:{self.around.outsider}", *(f"service:{name}" for name in self.around.earlier)
        )

    def networks(self, _: Service) -> Value:
        names = self.some(list(self.around.networks), 1, 3)
        return names if self.maybe(0.3) else {name: self._attachment(name) for name in names}

    def _attachment(self, name: str) -> Value:
        host = self.chance.randint(20, 250)
        pool = self.around.networks[name]
        choices: dict[str, Value] = {
            "aliases": [self.word() for _ in range(self.chance.randint(1, 3))],
            "priority": self.chance.randint(0, 1000),
            "link_local_ips": [f"169.254.8.{host}"],
        }
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
            str(target),
            target,
            f"{out}:{target}",
            f"127.0.0.1:{out}:{target}/udp",
            f"{out}-{out + 2}:{target}-{target + 2}",
            f"{out}-{out + 9}:{target}",
            f"[::1]:{out}:{target}",
            f"127.0.0.1::{target}",
            f"{target}/udp",
            f"{target}-{target + 1}",
            f"{out}:{target}/sctp",
            f"0.0.0.0:{out}:{target}",
            f"127.0.0.1:{out}-{out + 1}:{target}-{target + 1}",
            {"target": target},
            {"target": target, "published": str(out)},
            {"target": target, "published": out, "mode": "host"},
            {"target": target, "published": f"{out}-{out + 5}", "host_ip": "127.0.0.1", "protocol": "udp"},
            {"target": target, "protocol": "tcp", "host_ip": "::1", "published": str(out)},
            {"target": target, "published": str(out), "name": "web", "app_protocol": "http"},
        ]
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
        return [
            f"{name}{separator}{'[::1]' if address == '::1' and self.maybe() else address}" for name, address in found.items()
        ]

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
        return {
            name: {"condition": self.chance.choice(conditions), "restart": self.maybe(), "required": self.maybe()}
            for name in names
        }


class FileKeys(Chooser):
    """Mounts, configs, secrets."""

    def volumes(self, _: Service) -> Value:
        found: dict[str, Value] = {}
        for _turn in range(self.chance.randint(1, 4)):
            target, value = self._mount()
            found[target] = value
        return list(found.values())

    def _mount(self) -> tuple[str, Value]:
        where = self.one("/mnt/a", "/mnt/b", "/data", "/var/lib/rich", "/deep/er/path", "/mnt/ünïcödé")
        named = self.chance.choice(self.around.volumes)
        source = self.one(
            "./data", ".", "./a.env", "../", "/etc", "/etc/hostname", "/var/", "/", "~/homely", "./not/there/yet", "/srv//x/"
        )
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
            "propagation": self.one("rprivate", "private", "rshared", "shared", "rslave", "slave"),
            "create_host_path": True,
            "selinux": self.one("z", "Z"),
        }
        if self.around.api >= (1, 44) and self.around.compose >= (2, 29, 3):
            bind["recursive"] = self.one("enabled", "disabled", "writable")
        tmpfs = {"size": self.one("10m", 1048576), "mode": self.one(0o1770, 0o700)}
        choices: list[Value] = [
            spelled,
            f"{source}:{spelled}",
            f"{source}:{spelled}:{self.one('ro', 'rw', 'z', 'ro,Z', 'rslave', 'ro,rshared')}",
            f"{named}:{spelled}",
            f"{named}:{spelled}:{self.one('ro', 'rw', 'nocopy', 'ro,nocopy')}",
            {"type": "bind", "source": there, "target": spelled, "read_only": self.maybe()},
            {"type": "bind", "source": there, "target": spelled, "bind": {key: bind[key] for key in self.some(list(bind), 0, 2)}},
            {"type": "bind", "source": "/etc", "target": spelled, "bind": {"create_host_path": False}, "consistency": "cached"},
            {"type": "volume", "source": named, "target": spelled, "read_only": self.maybe()},
            {
                "type": "volume",
                "source": named,
                "target": spelled,
                "volume": {key: volume[key] for key in self.some(list(volume), 0, 2)},
            },
            {"type": "volume", "target": spelled},
            {"type": "tmpfs", "target": spelled},
            {"type": "tmpfs", "target": spelled, "tmpfs": {key: tmpfs[key] for key in self.some(list(tmpfs))}},
            {"type": "tmpfs", "target": spelled, "read_only": True},
        ]
        if self.around.api >= (1, 48) and self.around.compose >= (2, 36):
            choices.append(
                {"type": "image", "source": "truth/hold:1", "target": spelled, **self.one({}, {"image": {"subpath": "etc"}})}
            )
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
            found.append(
                name if self.maybe() else {"source": name, **{key: extras[key] for key in self.some(list(extras), 0, 3)}}
            )
        return found

    def use_api_socket(self, _: Service) -> Value:
        return True

    def storage_opt(self, _: Service) -> Value:
        return {}


class UnseenKeys(Chooser):
    """What leaves no trace in a container."""

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
