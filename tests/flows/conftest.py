"""A small folder of deliveries, and the command in an environment without the settings of whoever runs the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flows.settings import PROJECT

ZONES = """\
code_zone;type_zone;nom;code_parent;zone_prioritaire
R84;Région;Auvergne-Rhône-Alpes;;Non
D63;Département;Puy-de-Dôme;R84;Non
63113;Commune;Clermont-Ferrand;D63;Non
CF01;Quartier;Centre;63113;Non
"""
POPULATIONS = """\
code_zone;annee;population;source
63113;2024;147000;essai
CF01;2024;9000;essai
"""
INCIDENTS = """\
id_incident;date_heure;code_quartier;categorie;lien_trafic;version_regle;service
INC-1;01/02/2024 09:37;CF01;Violences;Non;R1;Police nationale
INC-2;03/02/2024 16:53;CF01;Intimidation;Non;R1;Police municipale
INC-3;09/03/2024 21:47;CF01;Coups de feu;Oui;R1;Police nationale
"""


@pytest.fixture(scope="session")
def deliveries(tmp_path_factory) -> Path:
    """Three small deliveries with their receipts, so that every run of them is the same run."""
    from flows.core import landing

    raw = tmp_path_factory.mktemp("deliveries") / "raw"
    for name, text in {
        "reference/zones.csv": ZONES,
        "reference/populations.csv": POPULATIONS,
        "police/incidents-2024.csv": INCIDENTS,
    }.items():
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_text(text, encoding="utf-8")
        receipt = landing.new_receipt(raw / name, landing.sha256_of(raw / name), received_at="2024-04-02T08:00:00Z")
        landing.write_receipt(raw / f"{name}{landing.RECEIPT_ENDING}", receipt)
    return raw


@pytest.fixture
def raw(deliveries, tmp_path) -> Path:
    """A copy of the deliveries that a test may change."""
    return shutil.copytree(deliveries, tmp_path / "raw")


@pytest.fixture(scope="session")
def clean_environment():
    """The environment without anything that steers Prefect, the barometer or make; its server may start slowly, since other
    work runs beside the tests."""
    foreign = ("PREFECT_", "BAROMETER_", "MAKE", "MFLAGS")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)} | {
        "PYTHONPATH": str(PROJECT),
        "COLUMNS": "200",
        "NO_COLOR": "1",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "600",
    }


@pytest.fixture(scope="session")
def run_barometer(clean_environment):
    """The command as a user runs it: run_barometer("run", …) gives the finished process."""

    def run(*arguments: object, timeout: float = 600, cwd: Path = PROJECT, **environment: object):
        return subprocess.run(
            [sys.executable, "-m", "flows.cli", *map(str, arguments)],
            env=clean_environment | {name: str(value) for name, value in environment.items()},
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )

    return run


@pytest.fixture(scope="session")
def prefect_at_home(tmp_path_factory):
    """Prefect, imported with a home of the tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(tmp_path_factory.mktemp("prefect_home")))
        patch.setenv("DO_NOT_TRACK", "1")
        import prefect
    return prefect


@pytest.fixture(scope="session")
def direct_run(deliveries, run_barometer, shared_by_all):
    """The deliveries, run once without Prefect: (raw, out). Not to be changed by a test."""

    def run(folder: Path) -> tuple[Path, Path]:
        raw = shutil.copytree(deliveries, folder / "raw")
        done = run_barometer("run", "--direct", "--raw", raw, "--out", folder / "out")
        assert done.returncode == 0, done.stdout + done.stderr
        return raw, folder / "out"

    return shared_by_all("direct", run)


@pytest.fixture(scope="session")
def processes_that_know():
    """Running processes with a folder in their command or environment (on Linux; elsewhere none are found)."""

    def find(folder: Path) -> list[str]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                command = (process / "cmdline").read_bytes()
                environment = (process / "environ").read_bytes()
            except OSError:
                continue
            if os.fsencode(folder) in command + environment and process.name != str(os.getpid()):
                found.append(command.replace(b"\0", b" ").decode(errors="replace"))
        return found

    return find
