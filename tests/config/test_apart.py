"""The config as another process reads it, and what that process trusts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cli.program import DEADLINE, environment

READ = """
from pathlib import Path
from anchorwatch.app import apart
print(apart.load_config(Path("anchorwatch.yml")).database.reveal())
"""


def test_a_module_in_the_working_folder_is_not_run(tmp_path: Path) -> None:
    """The folder is often the repo, and whoever may push to that is not whoever runs the service."""
    (tmp_path / "anchorwatch.yml").write_text("database: sqlite:///here.db\n")
    for name in ("pydantic", "yaml", "alembic", "types", "anchorwatch"):
        (tmp_path / f"{name}.py").write_text("from pathlib import Path\nPath('run').touch()\n")
    done = subprocess.run(
        [sys.executable, "-P", "-c", READ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment(),
        timeout=DEADLINE,
        check=False,
    )
    assert (done.returncode, done.stdout.endswith("here.db\n")) == (0, True), done.stderr
    assert not (tmp_path / "run").exists()
