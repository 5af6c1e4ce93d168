"""Where a file may lie, by what Linux says of its mounts, and by what the system really answers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from anchorwatch.store.place import NETWORK, filesystem_of

# the form of proc_pid_mountinfo(5), with its own example of a mount under an optional field
MOUNTS = r"""22 27 0:20 / /proc rw,nosuid,nodev,noexec,relatime shared:13 - proc proc rw
27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
36 27 98:0 /mnt1 /srv rw,noatime master:1 - nfs4 nas:/srv rw,errors=continue
37 36 8:2 / /srv/local rw,relatime - xfs /dev/sdb1 rw
38 27 0:50 / /media/a\040b rw,relatime - fuse.sshfs admin@pi5:/ rw
39 27 0:51 / /srv/twice rw - nfs nas:/twice rw
40 39 0:52 / /srv/twice rw - tmpfs tmpfs rw
a line that nobody understands"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib/anchorwatch", "ext4"),
        ("/srv", "nfs4"),
        ("/srv/state", "nfs4"),
        ("/srv/local/state", "xfs"),
        ("/srv/locals", "nfs4"),
        ("/srvs", "ext4"),
        ("/media/a b/c", "fuse.sshfs"),
        ("/srv/twice", "tmpfs"),
    ],
)
def test_the_file_system_of_a_folder(folder: str, kind: str) -> None:
    assert filesystem_of(Path(folder), MOUNTS) == kind


def test_without_mounts_nothing_is_said() -> None:
    assert filesystem_of(Path("/"), "") is None


@pytest.mark.parametrize("folder", ["/", "/proc", "/dev/shm", "/sys", "/tmp"])
def test_agrees_with_findmnt(folder: str) -> None:
    said = subprocess.run(["findmnt", "-n", "-o", "FSTYPE", "-T", folder], capture_output=True, text=True, check=True)
    assert filesystem_of(Path(folder), Path("/proc/self/mountinfo").read_text()) == said.stdout.split()[-1]


def test_network_file_systems_are_known() -> None:
    assert {"nfs", "nfs4", "cifs", "fuse.sshfs"} <= NETWORK
    assert not NETWORK & {"ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "f2fs"}
