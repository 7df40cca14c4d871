"""`barometer run` as a Prefect flow, without a server of one's own: the same result, quiet, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

pytestmark = pytest.mark.live

PAGE = "<html><body>Votre session a expiré</body></html>\n"


def entries(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def content(out: Path) -> dict[str, str]:
    manifest = json.loads((out / "current" / "manifest.json").read_text(encoding="utf-8"))
    return {name: table["content_sha256"] for name, table in manifest["tables"].items()}


def asked(out: Path, question: str) -> list[tuple]:
    with closing(sqlite3.connect(out / "prefect" / "prefect.db")) as con:
        return con.execute(question).fetchall()


@pytest.fixture(scope="module")
def prefect_run(deliveries, run_barometer, tmp_path_factory):
    """The deliveries, run once through Prefect in an empty home: (finished process, out, folders to stay empty)."""
    folder = tmp_path_factory.mktemp("prefect")
    empty = {name: folder / name for name in ("home", "cwd", "tmp")}
    for place in empty.values():
        place.mkdir()
    before = entries(deliveries)
    out = folder / "out"
    run = run_barometer(
        "run", "--raw", deliveries, "--out", out, cwd=empty["cwd"], HOME=empty["home"], TMPDIR=empty["tmp"]
    )
    assert entries(deliveries) == before
    return run, out, empty


def test_it_publishes_and_says_so(prefect_run):
    run, out, _ = prefect_run
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Published" in run.stdout
    assert (out / "current" / "campaign.duckdb").is_file()


def test_it_is_quiet(prefect_run):
    run, _, _ = prefect_run
    told = [line.split(" (")[0] for line in run.stderr.splitlines()]
    assert told == [
        "Receiving deliveries",
        "Starting Prefect",
        "Reading and validating",
        "Building the tables",
        "Proving that nothing hidden can be worked out",
        "Verifying what was built",
        "Publishing",
    ]


def test_nothing_is_written_elsewhere(prefect_run):
    _, _, empty = prefect_run
    assert {name: entries(folder) for name, folder in empty.items()} == {"home": [], "cwd": [], "tmp": []}


def test_prefect_keeps_every_task_and_both_artifacts(prefect_run):
    _, out, _ = prefect_run
    assert asked(out, "select state_type from flow_run") == [("COMPLETED",)]
    tasks = asked(out, "select name, state_type from task_run order by start_time")
    assert {name for name, _ in tasks} >= {"land", "build", "verify", "publish", "police/incidents-2024.csv"}
    assert {state for _, state in tasks} == {"COMPLETED"}
    assert set(asked(out, "select key, type from artifact")) == {("run-summary", "markdown"), ("verdicts", "table")}


def test_the_server_is_gone_and_its_log_has_no_traceback(prefect_run, processes_that_know):
    _, out, _ = prefect_run
    assert "Traceback" not in (out / "prefect" / "server.log").read_text(encoding="utf-8")
    assert processes_that_know(out) == []


def test_direct_and_prefect_give_equal_tables(prefect_run, direct_run):
    _, through_prefect, _ = prefect_run
    _, direct = direct_run
    assert len(content(direct)) > 5
    assert content(through_prefect) == content(direct)


def test_a_refused_delivery_ends_with_code_1(prefect_run, raw, run_barometer):
    _, out, _ = prefect_run
    (raw / "police" / "export.csv").write_text(PAGE, encoding="utf-8")
    run = run_barometer("run", "--raw", raw, "--out", out)
    assert run.returncode == 1, run.stderr
    assert "Traceback" not in run.stderr
    message = asked(out, "select message from flow_run_state where type = 'COMPLETED' order by timestamp desc limit 1")
    assert "1 of 4 deliveries refused: police/export.csv" in message[0][0]


def test_an_error_of_the_run_keeps_its_own_code(raw, tmp_path, run_barometer):
    for file in raw.rglob("*.csv"):
        file.write_text(PAGE, encoding="utf-8")
    run = run_barometer("run", "--raw", raw, "--out", tmp_path / "out")
    assert run.returncode == 8, run.stdout + run.stderr
    assert "no delivery was admitted" in run.stderr and "To mend it:" in run.stderr
    assert "Traceback" not in run.stderr
    failed = asked(tmp_path / "out", "select message from flow_run_state where type = 'FAILED'")
    assert "no delivery was admitted" in failed[0][0] and "Traceback" not in failed[0][0]


def test_a_server_that_does_not_answer_is_named_at_once(raw, tmp_path, run_barometer):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    started = time.monotonic()
    run = run_barometer("run", "--raw", raw, "--out", tmp_path / "out", PREFECT_API_URL=f"http://127.0.0.1:{port}/api")
    assert run.returncode == 12
    assert f"no Prefect server at PREFECT_API_URL=http://127.0.0.1:{port}/api" in run.stderr
    assert "--direct" in run.stderr
    assert time.monotonic() - started < 90


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_an_interrupted_run_leaves_no_server(sent, raw, tmp_path, clean_environment, processes_that_know):
    command = [sys.executable, "-m", "flows.cli", "run", "--raw", str(raw), "--out", str(tmp_path / "out")]
    run = subprocess.Popen(command, env=clean_environment, stderr=subprocess.PIPE, text=True, start_new_session=True)
    for line in run.stderr:
        if line.startswith("Starting Prefect"):
            break
    time.sleep(1)
    os.killpg(run.pid, sent)
    told = run.communicate(timeout=600)[1]
    assert run.returncode == (130 if sent is signal.SIGINT else -signal.SIGKILL)
    assert "Traceback" not in told
    give_up_at = time.monotonic() + 300
    while (left := processes_that_know(tmp_path)) and time.monotonic() < give_up_at:
        time.sleep(0.2)
    assert left == []
