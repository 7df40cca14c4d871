"""A warehouse to be killed, filled up or damaged, and what tells whether a release in it is whole."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import duckdb
from bad_files import incidents

from flows.core import verifying
from flows.settings import Settings


class Warehouse:
    """A raw folder with a warehouse that holds a release of it."""

    def __init__(self, folder: Path) -> None:
        self.raw, self.out = folder / "raw", folder / "out"

    @property
    def options(self) -> tuple[object, ...]:
        return "--direct", "--raw", self.raw, "--out", self.out

    @property
    def settings(self) -> Settings:
        return Settings(raw=self.raw, out=self.out).resolved()

    def deliver(self, name: str, rows: int = 20) -> None:
        """One more delivery, so that the next run has something to do; one of its rows is bad."""
        (self.raw / f"{name}.csv").write_text(incidents(name, rows, {5: {"categorie": "?"}}))

    def release(self) -> str:
        return (self.out / "current").resolve().name

    def tables(self) -> dict[str, str]:
        """The content hash of each published table that does not speak of earlier releases."""
        manifest = json.loads((self.out / "current" / "manifest.json").read_text())
        return {name: table["content_sha256"] for name, table in manifest["tables"].items() if not table["history"]}


def is_whole(release: Path) -> bool:
    """Whether a release holds the files that its manifest names, no other ones, and they are what it says."""
    manifest = json.loads((release / "manifest.json").read_text())
    files = {str(path.relative_to(release)): path for path in release.rglob("*") if path.is_file()}
    noted = files.pop("manifest.sha256").read_text()
    assert noted.split()[0] == hashlib.sha256(files.pop("manifest.json").read_bytes()).hexdigest()
    hashes = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    hashes |= {name: None for name in hashes if name.startswith("letters/")}  # a hash would give its few counts away
    assert hashes == {name: entry["sha256"] for name, entry in manifest["files"].items()}
    with duckdb.connect(str(release / "campaign.duckdb"), read_only=True) as con:
        counts = {name: con.execute(f"select count(*) from {name}").fetchone()[0] for name in manifest["tables"]}
    return counts == {name: table["rows"] for name, table in manifest["tables"].items()}


def differing(warehouse: Warehouse) -> list[str]:
    """What `barometer verify` finds in the current release of a warehouse."""
    current = (warehouse.out / "current").resolve()
    verified = verifying.verify(warehouse.settings, current, None, lambda *_: None, lambda *_: None)
    return [f"{finding.subject}: {finding.text}" for finding in verified.differing]


def copied(warehouse: Warehouse, folder: Path) -> Warehouse:
    shutil.copytree(warehouse.raw, folder / "raw")
    shutil.copytree(warehouse.out, folder / "out", symlinks=True)
    return Warehouse(folder)


def remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
