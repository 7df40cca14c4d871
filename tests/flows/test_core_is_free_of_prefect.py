"""What core may import, and how little a run with nothing to do imports."""

from __future__ import annotations

import subprocess
import sys

import pytest

IMPORT_ALL_OF_CORE = """
import importlib, pkgutil, sys
import flows.core
names = [m.name for m in pkgutil.walk_packages(flows.core.__path__, "flows.core.")]
for name in names:
    importlib.import_module(name)
assert "flows.core.pipeline" in names and "flows.core.validation" in names
print(*sorted(name for name in sys.modules if name.split(".")[0] == "prefect"))
"""

RUN_AND_TELL_HEAVY_IMPORTS = """
import sys
from flows import cli
try:
    sys.exit(cli.command())
except SystemExit as end:
    assert not end.code, end.code
print("imported:", *sorted({"prefect", "pandas", "great_expectations"} & set(sys.modules)))
"""


def test_no_module_of_core_imports_prefect(clean_environment):
    run = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL_OF_CORE], env=clean_environment, capture_output=True, text=True, timeout=600
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == ""


@pytest.mark.parametrize("how", [["--direct"], []], ids=["direct", "by Prefect"])
def test_a_run_with_nothing_to_do_imports_nothing_heavy(how, direct_run, clean_environment):
    raw, out = direct_run
    run = subprocess.run(
        [sys.executable, "-c", RUN_AND_TELL_HEAVY_IMPORTS, "run", "--raw", raw, "--out", out, *how],
        env=clean_environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert run.returncode == 0, run.stderr
    assert "Nothing changed" in run.stdout
    assert run.stdout.splitlines()[-1] == "imported:"
