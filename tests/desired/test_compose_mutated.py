"""Any text of any file may come from a variable: a file that sets every key, with some of its texts taken out of Git at random.

Real Compose, given the values, says what is true; of the file without them nothing else may be said, and it must be judged.
"""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from lab.compose import Compose

from tests.desired.agreement import compose_model, disagreements
from tests.desired.resolving import resolved

HERE = Path(__file__).parent
FILES = {
    "everywhere": HERE.parent / "truth/kitchen_sink/everywhere/compose.yaml",
    "created": HERE.parent / "truth/kitchen_sink/created/compose.yaml",
    "newest": HERE.parent / "truth/kitchen_sink/newest/compose.yaml",
    "plain": HERE / "homelab/plain/compose.yml",
    "yaml11": HERE / "homelab/yaml11/compose.yml",
}
KEPT = {"include", "extends", "env_file", "label_file", "name", "version", "profiles"}
"""Keys without which Compose would read other files, or call the project something else."""
HOME = "/home/bob"
SEEDS = range(8)


def taken_out(value: Any, chance: random.Random, share: float, values: dict[str, str]) -> Any:
    """The value with some of its texts, or pieces of them, replaced by variables, whose values go to `values`."""
    if isinstance(value, dict):
        return {key: below if key in KEPT else taken_out(below, chance, share, values) for key, below in value.items()}
    if isinstance(value, list):
        return [taken_out(item, chance, share, values) for item in value]
    text = str(value).lower() if isinstance(value, bool) else str(value)
    # A piece of `../x` in a variable is a path that nobody writes: its value would climb out of what stands before it.
    if value is None or not text or "$" in text or ".." in text or chance.random() > share:
        return value
    name = f"V{len(values)}"
    if isinstance(value, str) and len(text) > 3 and chance.random() < 0.5:
        start = chance.randrange(len(text))
        end = chance.randrange(start + 1, len(text) + 1)
        values[name] = text[start:end]
        return f"{text[:start]}${{{name}}}{text[end:]}"
    values[name] = text
    return f"${{{name}}}"


@pytest.mark.parametrize("name", FILES)
def test_a_file_with_texts_taken_out_is_judged_and_nothing_false_is_said(
    name: str, newest_compose: Compose, tmp_path: Path
) -> None:
    source = FILES[name]
    accepted = 0
    for seed in SEEDS:
        chance = random.Random(f"{name} {seed}")
        values: dict[str, str] = {}
        mutated = taken_out(yaml.safe_load(source.read_text()), chance, chance.choice([0.05, 0.15, 0.4]), values)
        folder = tmp_path / str(seed) / "project"
        shutil.copytree(source.parent, folder)
        (folder / source.name).unlink()
        (folder / "compose.yaml").write_text(yaml.safe_dump(mutated, sort_keys=False))
        truth = subprocess.run(
            [str(newest_compose.program), "--profile", "*", "-f", "compose.yaml", "config", "--format", "json"],
            cwd=folder, env={"HOME": HOME, **values}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if truth.returncode:
            continue  # a place that takes no text, so that no variable can stand there
        accepted += 1
        project = resolved(folder.parent, ["project/compose.yaml"], newest_compose.program)
        said = disagreements(project, compose_model(truth.stdout), folder=str(folder), home=HOME)
        # Compose adds who must be started first from namespaces that are joined; no container shows it.
        assert [line for line in said if "depends_on" not in line] == [], f"seed {seed}"
    assert accepted >= 2
