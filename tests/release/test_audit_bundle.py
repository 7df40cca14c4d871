"""The audit bundle verifies itself with Python's standard library alone, and whatever is changed in it is found."""

from __future__ import annotations

import ast
import hashlib
import json
import random
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from flows.core import bundling, offline, publishing
from flows.core.errors import ReleaseDiffers, UsageProblem

RANDOM = random.Random(2026)


def packed(settings, to: Path, most_megabytes: float = 100) -> bundling.Bundle:
    release = publishing.current_release(settings.current)
    return bundling.write(settings, release, to, most_megabytes, lambda *_: None, lambda *_: None)


@pytest.fixture(scope="module")
def bundle(sample_run, tmp_path_factory) -> bundling.Bundle:
    return packed(sample_run[0], tmp_path_factory.mktemp("bundle") / "audit.zip")


@pytest.fixture(scope="module")
def unpacked(bundle, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(bundle.path) as packed:
        packed.extractall(folder)
    return next(folder.iterdir())


@pytest.fixture
def copy(unpacked, tmp_path) -> Path:
    return shutil.copytree(unpacked, tmp_path / "audit")


def run(folder: Path) -> subprocess.CompletedProcess:
    """The script as an auditor runs it, where nothing but Python's own library can be imported."""
    elsewhere = folder.parent / "empty"
    elsewhere.mkdir(exist_ok=True)
    command = [sys.executable, "-I", "-S", "-X", "utf8=0", str(folder / "verify.py")]
    return subprocess.run(command, cwd=elsewhere, env={}, capture_output=True, text=True, encoding="utf-8", timeout=600)


def differing(folder: Path) -> list[str]:
    done = run(folder)
    lines = [line for line in done.stdout.splitlines() if line.startswith("  DIFFERS")]
    assert (done.returncode == 1) == bool(lines), done.stdout + done.stderr
    return lines


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[RANDOM.randrange(len(content))] ^= 1 << RANDOM.randrange(8)
    path.write_bytes(content)


def listed_anew(folder: Path, *names: str) -> None:
    """Give files the hashes that they have now, as a forger would."""
    listed = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    for name in names:
        listed["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    content = json.dumps(listed).encode()
    (folder / "bundle.json").write_bytes(content)
    (folder / "bundle.sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  bundle.json\n")


def test_it_verifies_with_the_standard_library_alone(unpacked) -> None:
    done = run(unpacked)
    assert done.returncode == 0, done.stdout + done.stderr
    tables = json.loads((unpacked / "manifest.json").read_text())["tables"]
    assert f"{len(tables) - 2} of {len(tables)} fingerprints derived" in done.stdout
    assert "concorde" in done.stdout and "give the code version" in done.stdout


def test_the_script_is_python_3_9() -> None:
    ast.parse(Path(offline.__file__).read_text(encoding="utf-8"), feature_version=(3, 9))


def test_the_same_release_gives_the_same_bytes(bundle, sample_run, tmp_path) -> None:
    again = packed(sample_run[0], tmp_path / "again.zip")
    assert again.sha256 == bundle.sha256 == hashlib.sha256(bundle.path.read_bytes()).hexdigest()


def test_what_is_in_it_and_what_is_not(unpacked, bundle) -> None:
    present = {p.relative_to(unpacked).as_posix() for p in unpacked.rglob("*") if p.is_file()}
    manifest = json.loads((unpacked / "manifest.json").read_text())
    assert set(manifest["files"]) - present == set(bundle.left_out)
    letters = {name for name in manifest["files"] if name.startswith("letters/")}
    assert letters and set(bundle.left_out) == {"campaign.duckdb", "code.zip"} | letters
    assert {"code/sql/3_marts/zones.sql", "code/sql/0_sources/zones.yml", "code/sql/reference/claims.csv"} <= present
    assert {
        "code/core/pipeline.py",
        "receipts.json",
        "fingerprints.json",
        "README.txt",
        "validation/checks.json",
    } <= present
    receipts = json.loads((unpacked / "receipts.json").read_text())["deliveries"]
    assert len(receipts) == len(manifest["deliveries"])
    assert {"licence", "citation", "received_at", "verdict"} <= set(receipts[0]) and "sender" not in receipts[0]


def test_letters_and_what_is_not_known_stay_at_home() -> None:
    size = {"sha256": "", "bytes": 1}
    names = ("letters/a.txt", "quarantine/b.parquet", "dictionary/index.html", "parquet/marts.x.parquet", "other.txt")
    left_out = bundling._left_out({"files": dict.fromkeys(names, size)}, 100)
    assert set(left_out) == {"letters/a.txt", "quarantine/b.parquet", "other.txt"}


def test_large_tables_are_left_out_and_told(sample_run, tmp_path) -> None:
    bundle = packed(sample_run[0], tmp_path / "small.zip", 0.01)
    assert any(name.startswith("parquet/") for name in bundle.left_out)
    with zipfile.ZipFile(bundle.path) as archive:
        archive.extractall(tmp_path)
    folder = next(path for path in tmp_path.iterdir() if path.name.startswith("audit-"))
    done = run(folder)
    assert done.returncode == 0 and "--tables-up-to decides" in done.stdout


def test_one_byte_in_any_file_is_found(copy) -> None:
    files = [
        p for p in copy.rglob("*") if p.is_file() and p.stat().st_size and p.name not in ("bundle.json", "verify.py")
    ]
    assert len(files) > 300
    for path in files:
        flip(path)
    told = "\n".join(differing(copy))
    unnamed = [p for p in files if p.name != "bundle.sha256" and p.relative_to(copy).as_posix() not in told]
    assert unnamed == []


@pytest.mark.parametrize("name", ["bundle.json", "bundle.sha256", "manifest.json", "manifest.sha256", "chain.json"])
def test_one_byte_in_what_holds_the_hashes_is_found(name, copy) -> None:
    flip(copy / name)
    assert differing(copy)


def test_one_byte_in_the_script_is_found_or_breaks_it(copy) -> None:
    whole = (copy / "verify.py").read_bytes()
    for _ in range(5):
        flip(copy / "verify.py")
        assert run(copy).returncode != 0
        (copy / "verify.py").write_bytes(whole)


def test_a_file_more_or_less_or_a_link_is_found(copy) -> None:
    (copy / "code/sql/more.sql").write_text("select 1")
    (copy / "README.txt").unlink()
    (copy / "receipts.json").rename(copy.parent / "receipts.json")
    (copy / "receipts.json").symlink_to(copy.parent / "receipts.json")
    told = "\n".join(differing(copy))
    assert all(
        name in told for name in ("code/sql/more.sql", "README.txt is missing", "receipts.json is no plain file")
    )


FORGERIES = {
    "rows": ("rows/marts.scorecard.tsv", lambda text: text.replace("125", "126", 1), "other rows"),
    "a_row_less": ("rows/marts.zones.tsv", lambda text: text[text.index("\n") + 1 :], "rows, the manifest says"),
    "a_cut_line": ("rows/marts.zones.tsv", lambda text: text[:-1], "cut"),
    "code": ("code/sql/3_marts/scorecard.sql", lambda text: text + " ", "code version"),
    "receipts": ("receipts.json", lambda text: text.replace('"bytes": 1', '"bytes": 2', 1), "receipts agree"),
    "chain": ("chain.json", lambda text: text.replace("[]", '[{"release": "x"}]'), "chain.json"),
    "table": ("datapackage.json", lambda text: text + " ", "not the file of the release"),
    "no_json": ("manifest.json", lambda text: "{", "not readable"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forger_who_lists_the_files_anew_is_found_by_the_manifest(forgery, copy) -> None:
    name, change, wanted = FORGERIES[forgery]
    text = (copy / name).read_text(encoding="utf-8")
    assert change(text) != text
    (copy / name).write_text(change(text), encoding="utf-8")
    listed_anew(copy, name)
    assert any(wanted in line for line in differing(copy))


def test_a_release_that_is_not_whole_is_not_packed(sample_run, tmp_path) -> None:
    settings = replace(sample_run[0], out=tmp_path / "out")
    release = publishing.current_release(sample_run[0].current)
    shutil.copytree(release, settings.releases / release.name)
    publishing.switch(settings.current, settings.releases / release.name)
    flip(settings.current / "datapackage.json")
    with pytest.raises(ReleaseDiffers, match="1 places"):
        packed(settings, tmp_path / "audit.zip")
    assert not list(tmp_path.glob("*.zip"))


def test_a_place_that_cannot_be_written_is_told(sample_run, tmp_path) -> None:
    with pytest.raises(UsageProblem, match="cannot be written"):
        packed(sample_run[0], tmp_path / "nowhere" / "audit.zip")


def test_the_command_packs_into_a_folder(sample_run, barometer, tmp_path) -> None:
    done = barometer("audit-bundle", sample_run[1].release.name, "--out", sample_run[0].out, "--to", tmp_path)
    assert done.returncode == 0, done.stderr
    made = tmp_path / f"audit-{sample_run[1].release.name}.zip"
    assert hashlib.sha256(made.read_bytes()).hexdigest() in done.stdout
