"""Hashes that a release must not tell: of exact counts, which anybody could find by trying the few that are possible.

Hidden is no count whose hash is published beside all that surrounds it. So the hashes by which a run knows what has changed (of
intermediate tables, and of all that a table or a result depends on), and those of the letters, lie in the internal
`runs/<release>.withheld.json`. The fingerprints of what is published stay in the manifest. Without the file a run builds
everything anew, and `verify` says that it could not compare the letters.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from flows.core import ledger

LETTERS = "letters/"


def path_of(runs: Path, release: str) -> Path:
    """Where the hashes of a release are kept."""
    return runs / f"{release}.withheld.json"


def take_out(manifest: dict) -> dict:
    """Take the hashes out of a manifest; returns what was taken."""
    letters = {name: dict(entry) for name, entry in manifest["files"].items() if name.startswith(LETTERS)}
    for name in letters:
        manifest["files"][name] = {"sha256": None, "bytes": None}
    return {
        "intermediates": manifest.pop("intermediates"),
        "fingerprints": {name: table.pop("fingerprint") for name, table in manifest["tables"].items()},
        "depends_on": {name: _take_from_checks(table) for name, table in manifest["tables"].items()},
        "letters": letters,
        "certificate_depends_on": manifest["certificate"].pop("depends_on", None),
    }


def _take_from_checks(table: dict) -> dict:
    taken = {check["expectation_id"]: check.get("depends_on") for check in table["checks"]}
    table["checks"] = [
        {name: told for name, told in check.items() if name != "depends_on"} for check in table["checks"]
    ]
    return taken


def put_back(manifest: Mapping, taken: Mapping | None) -> dict:
    """The manifest as the run knew it that made it; without what was taken nothing of it can be used again."""
    taken = taken or {}
    tables = {}
    for name, table in manifest.get("tables", {}).items():
        depends_on = taken.get("depends_on", {}).get(name, {})
        checks = [{**check, "depends_on": depends_on.get(check["expectation_id"])} for check in table["checks"]]
        tables[name] = {**table, "fingerprint": taken.get("fingerprints", {}).get(name), "checks": checks}
    known = {"intermediates": taken.get("intermediates", {}), "tables": tables}
    if "certificate" in manifest:
        known["certificate"] = {**manifest["certificate"], "depends_on": taken.get("certificate_depends_on")}
    return {**manifest, **known}


def of_release(runs: Path, release: Path) -> dict | None:
    """What was taken out of a release's manifest; None when it is gone or damaged."""
    return ledger.read_json(path_of(runs, release.name))
