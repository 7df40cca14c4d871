"""The repository's own rules: where libraries may be imported, what may not be committed, what the lock file holds."""

from __future__ import annotations

import re
import subprocess

from longest_first import LONGEST_FIRST, place_of

from flows.settings import PROJECT


def _committed() -> list[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if (PROJECT / name).is_file()]


def _lines(pattern: str, names: list[str]) -> list[str]:
    found = []
    for name in names:
        text = (PROJECT / name).read_text(encoding="utf-8", errors="replace")
        found += [f"{name}: {line.strip()[:120]}" for line in text.splitlines() if re.search(pattern, line)]
    return found


def test_core_imports_no_prefect() -> None:
    names = [n for n in _committed() if n.startswith("flows/core/") and n.endswith(".py")]
    assert names
    assert not _lines(r"^\s*(import|from) prefect\b", names)


def test_great_expectations_is_imported_in_one_module() -> None:
    names = [n for n in _committed() if n.startswith("flows/") and n.endswith(".py")]
    importing = {line.partition(":")[0] for line in _lines(r"^\s*(import|from) great_expectations\b", names)}
    assert importing == {"flows/core/validation.py"}


def test_no_machine_and_no_registry_is_named() -> None:
    names = [n for n in _committed() if not n.startswith("data/raw/") and n != "tests/repo/test_repository.py"]
    assert not _lines(r"(?<![\w/.])/(root|home|work)/\w", names)
    assert not _lines(r"pypi\.org|pythonhosted|--index-url|--extra-index|find-links", names)


def test_the_lock_file_holds_names_versions_and_hashes_only() -> None:
    lines = (PROJECT / "requirements.lock").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("    --hash=sha256:")]
    assert pins and all(re.match(r"^[a-z0-9][a-z0-9._-]*==\S+( ; [^\\]+)? \\$", line) for line in pins)
    hashes = [line for line in lines if line.startswith("    --hash")]
    assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line) for line in hashes)


def test_the_lock_file_follows_the_pins() -> None:
    import tomllib

    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    locked = (PROJECT / "requirements.lock").read_text()
    for pin in (d for d in project["dependencies"] if "==" in d):
        assert f"\n{pin} " in "\n" + locked, pin
    for dependency in project["dependencies"]:
        name = re.match(r"[a-z0-9-]+", dependency).group()
        assert re.search(rf"^{name}==", locked, re.MULTILINE), f"run make lock: {name} is not locked"


def test_the_sample_is_small() -> None:
    sizes = [(PROJECT / n).stat().st_size for n in _committed() if n.startswith("data/raw/")]
    assert sizes and sum(sizes) < 3_000_000


def test_ci_does_nothing_but_the_test_command() -> None:
    script = (PROJECT / ".ci" / "run").read_text()
    commands = [line for line in script.splitlines() if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == ["exec make test"]


def test_the_longest_test_files_begin_first() -> None:
    files = sorted((PROJECT / "tests").rglob("test_*.py"), key=place_of)
    assert [path.name for path in files[: len(LONGEST_FIRST)]] == list(LONGEST_FIRST)
    assert "--no-loadscope-reorder" in (PROJECT / "Makefile").read_text(encoding="utf-8"), "else the order is not kept"
