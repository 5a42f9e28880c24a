"""The wheel, installed and run from a folder whose own `data` and `tools` must not be taken for the package's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    target = folder / "site"
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--target",
        str(target),
        str(wheel),
    ]
    subprocess.run(install, check=True, capture_output=True)
    return target


def test_the_wheel_holds_what_the_product_needs(installed: Path) -> None:
    for name in (
        "agent/prompts/tuned.txt",
        "data/schema/mygene.json",
        "data/snapshot/manifest.json",
        "data/LICENSES.md",
    ):
        assert (installed / name).is_file(), name
    assert not (installed / "tests").exists()


def test_the_command_runs_from_a_folder_with_other_packages(installed: Path, real_home: Path, tmp_path: Path) -> None:
    for name in ("tools", "data", "agent", "rag", "ui", "finetune"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('the wrong package')", "utf-8")
    (tmp_path / "data" / "schema").mkdir()
    (tmp_path / "data" / "schema" / "mygene.json").write_text("{}", "utf-8")
    environment = {**os.environ, "PYTHONPATH": str(installed), "BIOTHINGS_ASSISTANT_HOME": str(real_home)}
    command = [str(installed / "bin" / "biothings-assistant"), "run", "--backend", "offline", "--json"]
    done = subprocess.run(
        [*command, "mygene /v3/query?q=symbol:CDK2&fields=name"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "cyclin dependent kinase 2" in done.stdout
    where = [sys.executable, "-P", "-c", "from tools.paths import data_dir; print(data_dir())"]
    found = subprocess.run(where, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == str(installed / "data")
