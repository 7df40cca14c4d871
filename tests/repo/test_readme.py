"""Every command in the README is run, in a copy of the project, in the order in which a reader meets them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flows.settings import PROJECT

README = (PROJECT / "README.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines() if line]
RUN_ELSEWHERE = {"make server", "make deploy", "make worker"}
"""They do not end by themselves: tests/flows/test_live.py brings all three up and sees runs complete."""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    """The files that a commit would hold, with the environment of this test as their .venv."""
    folder = tmp_path_factory.mktemp("readme") / "checkout"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, folder / name)
    (folder / ".venv").symlink_to(sys.prefix)
    for made in (".ready", ".at-hand"):
        (Path(sys.prefix) / made).touch()
    return folder


@pytest.fixture(scope="module")
def results(checkout) -> dict[str, subprocess.CompletedProcess]:
    """What each command gave, run one after the other."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "NO_COLOR": "1", "HOME": str(checkout / "build" / "home")}
    environment.pop("PREFECT_API_URL", None)
    (checkout / "build" / "home").mkdir(parents=True)
    return {command: _run(command, checkout, environment) for command in COMMANDS if command not in RUN_ELSEWHERE}


def _run(command: str, folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess:
    if command == "make test":  # this very test is part of it: see that it finds the tests, do not run them again
        environment = {**environment, "PYTEST_ADDOPTS": "--collect-only -q"}
    return subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        stdin=subprocess.DEVNULL,
    )


def test_the_readme_has_commands() -> None:
    assert {"make run", "make test"} <= set(COMMANDS) and len(COMMANDS) >= 9


@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in RUN_ELSEWHERE])
def test_command(command, results) -> None:
    finished = results[command]
    assert finished.returncode == 0, finished.stdout[-3000:] + finished.stderr[-3000:]
    assert "Traceback" not in finished.stdout + finished.stderr


def test_the_default_run_publishes_the_sample(results, checkout) -> None:
    assert "Published:" in results["make run"].stdout
    manifest = json.loads((checkout / "data/warehouse/current/manifest.json").read_text())
    assert len(manifest["deliveries"]) >= 24


def test_make_run_again_says_that_nothing_changed(results, checkout) -> None:
    again = _run("make run", checkout, {**os.environ, "PYTHONPATH": str(checkout), "NO_COLOR": "1"})
    assert again.returncode == 0 and "Nothing changed" in again.stdout
    assert "Setting up" not in again.stdout


@pytest.mark.parametrize("command", sorted(RUN_ELSEWHERE))
def test_long_running_commands_are_make_targets(command, checkout) -> None:
    shown = subprocess.run([*command.split(), "--dry-run"], cwd=checkout, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr


def test_the_shown_table_of_deliveries_is_the_real_one(results) -> None:
    shown = re.search(r"<!-- output:run -->\n```\n(.*?)```", README, re.DOTALL)
    assert shown, "the README shows what make run prints"
    printed = {" ".join(line.split()) for line in results["make run"].stdout.splitlines()}
    lines = [" ".join(line.split()) for line in shown.group(1).splitlines() if line.strip() and line.strip() != "…"]
    missing = [line for line in lines if line not in printed and not line.startswith("Published:")]
    assert not missing


QUERY = r"<!-- query:(\w+) -->\n```sql\n(.*?)```\n\n```\n(.*?)```"
QUERIES = {name: (sql, shown) for name, sql, shown in re.findall(QUERY, README, re.DOTALL)}


def test_the_readme_shows_the_scorecard() -> None:
    assert {"scorecard", "verdicts"} <= set(QUERIES)


@pytest.mark.parametrize("name", QUERIES)
def test_the_shown_result_is_the_real_one(name, results, checkout) -> None:
    import duckdb

    query, shown = QUERIES[name]
    with duckdb.connect(str(checkout / "data/warehouse/current/campaign.duckdb"), read_only=True) as con:
        rows = con.execute(query).fetchall()
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in shown.splitlines()]
    assert [["" if v is None else str(v) for v in row] for row in rows] == table[2:]
