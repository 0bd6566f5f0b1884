"""What the Makefile's own shell lines do, in a folder of their own with an environment of stand-ins."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ["extraction", "gate", "night", "similar", "dag_parse", "review"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    (project / ".venv" / "bin").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "requirements.txt", "requirements-dev.txt"):
        shutil.copyfile(ROOT / name, project / name)
    for name, script in (("python", 'echo "ran $1"; case "$1" in *gate*|*similar*) exit 1;; esac'), ("linli", 'echo "linli $*"')):
        program = project / ".venv" / "bin" / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    for name in (".ready", ".ready-dev"):
        (project / ".venv" / name).touch()
    return project


def make(project: Path, target: str, **env: str) -> tuple[int, list[str]]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("LINLI_", "MAKE"))}
    done = subprocess.run(["make", target], cwd=project, env=plain | env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.splitlines()


def test_bench_runs_every_benchmark_and_fails_at_the_end(project: Path) -> None:
    code, told = make(project, "bench")
    assert code != 0
    assert told == [*(f"ran benchmarks/{name}.py" for name in BENCHMARKS), "These failed or missed their figure: gate similar"]


def test_clean_says_which_folders_outside_it_leaves(project: Path) -> None:
    home, demo_home = project.parent / "my home", project.parent / "demo"
    for folder in (project / "var", project / ".demo", home, demo_home):
        folder.mkdir()
    code, told = make(project, "clean", LINLI_HOME=str(home), LINLI_DEMO_HOME=str(demo_home))
    assert code == 0 and told[-2:] == [
        f"Left, remove it yourself: {home} (LINLI_HOME)",
        f"Left, remove it yourself: {demo_home} (LINLI_DEMO_HOME)",
    ]
    assert home.exists() and demo_home.exists()
    assert sorted(path.name for path in project.iterdir()) == ["Makefile", "pyproject.toml", "requirements-dev.txt", "requirements.txt"]


def test_clean_says_nothing_of_folders_it_removes(project: Path) -> None:
    (project / "var").mkdir()
    code, told = make(project, "clean", LINLI_HOME=str(project / "var"))
    assert code == 0 and not any("Left" in line for line in told)
