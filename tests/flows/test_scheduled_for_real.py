"""The whole of it on loopback: make's server, deployments and worker, a run that is triggered and one that is due."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from flows.settings import PROJECT

pytestmark = pytest.mark.live

FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


class Machine:
    """What `make server`, `make deploy` and `make worker` bring up, with all they write below one folder."""

    def __init__(self, folder: Path, raw: Path, environment: dict[str, str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.folder, self.out, self._environment = folder, folder / "out", environment
        self._running: list[subprocess.Popen] = []
        (folder / "Makefile").write_text(f"setup:\n\t@true\ninclude {PROJECT / 'deploy.mk'}\n")
        table = yaml.safe_load((PROJECT / "prefect.yaml").read_text(encoding="utf-8"))
        for deployment in table["deployments"]:
            deployment["parameters"] |= {"raw": str(raw), "out": str(self.out), "settle_seconds": 1}
            deployment["schedules"] = []
        (folder / "prefect.yaml").write_text(yaml.safe_dump(table))

    def make(self, target: str) -> list[str]:
        named = {"VENV": sys.prefix, "PORT": self.port, "PREFECT_HOME": self.folder / "prefect"}
        named |= {"DEPLOYMENTS": self.folder / "prefect.yaml"}
        return [
            "make",
            "-f",
            str(self.folder / "Makefile"),
            target,
            *(f"{name}={value}" for name, value in named.items()),
        ]

    def start(self, target: str) -> None:
        with (self.folder / f"{target}.log").open("wb") as log:
            self._running.append(
                subprocess.Popen(
                    self.make(target),
                    cwd=PROJECT,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )

    def finish(self, target: str, timeout: float) -> str:
        run = subprocess.run(
            self.make(target), cwd=PROJECT, env=self._environment, capture_output=True, text=True, timeout=timeout
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    def ask(self, path: str, content: object = None, method: str | None = None) -> object:
        """The server's answer. While others write, its SQLite may be locked: it then answers 503, having done nothing, and
        wants to be asked again, as Prefect's own clients do."""
        body = None if content is None else json.dumps(content).encode()
        url, headers = f"http://127.0.0.1:{self.port}/api/{path}", {"Content-Type": "application/json"}
        request = urllib.request.Request(url, body, headers, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        give_up_at = time.monotonic() + 120
        while True:
            try:
                with opener.open(request, timeout=120) as answer:
                    return json.loads(answer.read() or "null")
            except urllib.error.HTTPError as refused:
                if refused.code != 503 or time.monotonic() > give_up_at:
                    raise
            time.sleep(1)

    def runs(self, deployment_id: str) -> list[dict]:
        return self.ask("flow_runs/filter", {"deployments": {"id": {"any_": [deployment_id]}}})

    def wait_for(self, found, timeout: float) -> dict:
        """The first run that `found` gives, once it has ended."""
        give_up_at = time.monotonic() + timeout
        while time.monotonic() < give_up_at:
            run = found()
            if run is not None and run["state_type"] in FINAL:
                return run
            time.sleep(0.5)
        pytest.fail(f"no run ended within {timeout} s\n{self.logs()}")

    def logs(self) -> str:
        return "\n".join(
            f"== {log.name}\n{log.read_text(errors='replace')[-3000:]}" for log in self.folder.glob("*.log")
        )

    def stop(self, processes_that_know) -> None:
        for sent, patience in ((signal.SIGINT, 5), (signal.SIGTERM, 5), (signal.SIGKILL, 60)):
            for process in reversed(self._running):
                try:
                    os.killpg(process.pid, sent)
                except ProcessLookupError:
                    continue
            give_up_at = time.monotonic() + patience
            while processes_that_know(self.folder) and time.monotonic() < give_up_at:
                for process in self._running:
                    process.poll()
                time.sleep(0.2)


@pytest.fixture
def machine(raw, tmp_path, clean_environment, processes_that_know):
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    (tmp_path / "machine").mkdir()
    machine = Machine(tmp_path / "machine", raw, clean_environment)
    try:
        yield machine
    finally:
        machine.stop(processes_that_know)
    assert processes_that_know(machine.folder) == []


def test_a_deployed_run_and_a_schedule_that_starts_by_itself(machine):
    machine.start("server")
    machine.finish("deploy", timeout=600)
    machine.start("worker")
    assert machine.ask("work_pools/barometer")["concurrency_limit"] == 1
    nightly = machine.ask("deployments/name/refresh/nightly")

    triggered = machine.ask(f"deployments/{nightly['id']}/create_flow_run", {})
    ended = machine.wait_for(lambda: machine.ask(f"flow_runs/{triggered['id']}"), timeout=600)
    assert ended["state_type"] == "COMPLETED", machine.logs()
    assert ended["name"].startswith("nightly ")
    manifest = json.loads((machine.out / "current" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["release"] in ended["state"]["message"]

    artifacts = machine.ask("artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [triggered["id"]]}}})
    shown = {artifact["key"]: artifact["data"] for artifact in artifacts}
    assert set(shown) == {"run-summary", "verdicts"}
    assert manifest["release"] in shown["run-summary"]
    assert {row["file"] for row in json.loads(shown["verdicts"])} == {
        "reference/zones.csv",
        "reference/populations.csv",
        "police/incidents-2024.csv",
    }

    due_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=20)
    schedule = {"interval": 3600, "anchor_date": due_at.isoformat(), "timezone": "Europe/Paris"}
    machine.ask(f"deployments/{nightly['id']}", {"schedules": [{"active": True, "schedule": schedule}]}, "PATCH")

    def due_now() -> dict | None:
        scheduled = [run for run in machine.runs(nightly["id"]) if run["auto_scheduled"]]
        return min(scheduled, key=lambda run: run["expected_start_time"], default=None)

    ended = machine.wait_for(due_now, timeout=600)
    assert ended["state_type"] == "COMPLETED", machine.logs()
    assert ended["state_name"] == "Unchanged"
    assert datetime.fromisoformat(ended["expected_start_time"]) == due_at
    # a worker takes up a run shortly before it is due, and was seen to start it 0.3 s early
    assert datetime.fromisoformat(ended["start_time"]) >= due_at - timedelta(seconds=10)
