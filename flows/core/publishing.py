"""Publishing: a complete release folder, then one rename that makes it the current one."""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from flows.core import at_hand, chain, fingerprints, history, ledger, permissions, row_counts, withheld
from flows.core.building import Build, parquet_name
from flows.core.contracts import Contract
from flows.core.errors import UnknownRelease, UsageProblem
from flows.core.landing import sha256_of
from flows.core.ledger import Judged
from flows.core.models import Model
from flows.core.taking_over import take_over

RELEASE_NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}(-\d+)?")
TABLE_SCHEMA_TYPES = {
    "VARCHAR": "string",
    "BIGINT": "integer",
    "INTEGER": "integer",
    "DOUBLE": "number",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "datetime",
}


def current_release(current: Path) -> Path | None:
    """The folder of the release that `current` leads to, or None."""
    try:
        folder = current.resolve(strict=True)
    except OSError:
        return None
    return folder if (folder / "manifest.json").is_file() else None


def write_files(
    build: Build, con, contracts: Mapping[str, Contract], code: str, as_of: object, sql: Path
) -> dict[str, dict]:
    """Write what goes with the tables (code, chain, datapackage, checks, pages) into the release folder; return what the
    manifest tells of the tables, for `seal`. Raises UsageProblem when the code is no longer the one that the run began with.
    """
    tables = _tables(build, con)
    write_code(build.folder / chain.CODE, sql, code, build.previous)
    ledger.write_json(build.folder / chain.CHAIN, {"releases": build.chain})
    ledger.write_json(build.folder / "datapackage.json", _datapackage(build, tables, contracts))
    (build.folder / "validation").mkdir(exist_ok=True)
    ledger.write_json(build.folder / "validation" / "checks.json", _validation(build))
    _write_pages(build, con, contracts, code, as_of)
    return tables


def seal(
    build: Build, con, tables: dict[str, dict], keys: tuple[str, str], code: str, as_of: object
) -> tuple[dict, dict]:
    """Write the manifest, once the last fingerprint is taken; return it, and the hashes that it must not tell."""
    _add_fingerprints(build, con, tables)
    created_at = datetime.now(UTC)
    inputs_key, receipts_key = keys
    manifest = {
        "release": f"{created_at:%Y%m%dT%H%M%SZ}-{inputs_key[:8]}",
        "created_at": created_at.isoformat(timespec="seconds"),
        "as_of": str(as_of),
        "run_id": build.run_id,
        "inputs_key": inputs_key,
        "receipts_key": receipts_key,
        "code_version": code,
        "previous_release": build.previous.name if build.previous else None,
        "previous_manifest_sha256": build.chain[-1]["manifest_sha256"] if build.chain else None,
        "fingerprint_definition": fingerprints.DEFINITION,
        "compared_with": build.previous.name if build.before else None,
        "not_compared": build.not_compared,
        "row_counts": row_counts.told(),
        "deliveries": [delivery_entry(row) for row in build.public_rows],
        "certificate": build.certificate,
        "tables": tables,
        "intermediates": build.intermediates,
        "failing": history.remembered(
            build.memory, history.standing(build.memory, build.public_rows, build.model_checks), as_of
        ),
        "files": _files(build),
    }
    taken = withheld.take_out(manifest)
    ledger.write_json(build.folder / chain.MANIFEST, manifest)
    chain.note_hash(build.folder)
    return manifest, taken


def write_code(target: Path, sql: Path, code: str, previous: Path | None = None) -> None:
    """Pack the SQL, contracts, decisions and core that a release is made with: the same files, the same bytes. What the release
    before or set-up has packed is taken over where it holds the same.

    Raises UsageProblem when they are not those of the code version given.
    """
    files = ledger.code_files(sql)
    if ledger.version_of(files) != code:
        raise UsageProblem("sql/ or flows/core was changed while the run went on", "run again; nothing was published")
    if previous is not None and _holds(previous / chain.CODE, files):
        take_over(previous / chain.CODE, target)
    elif _holds(at_hand.FOLDER / at_hand.PACKED, files):
        shutil.copyfile(at_hand.FOLDER / at_hand.PACKED, target)
    else:
        pack_code(target, files)


def pack_code(target: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Write files, by name, into a package that is the same bytes whenever and wherever it is written."""
    with zipfile.ZipFile(target, "w") as packed:
        for name, content in files:
            add_file(packed, name, content)


def _holds(path: Path, files: Sequence[tuple[str, bytes]]) -> bool:
    """Whether a package is there and holds these files, in their order, and nothing else."""
    try:
        with zipfile.ZipFile(path) as packed:
            return packed.namelist() == [name for name, _ in files] and all(
                packed.read(name) == content for name, content in files
            )
    except (OSError, zipfile.BadZipFile, zlib.error):
        return False


def add_file(packed: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Add a file without the moment and the machine that it comes from."""
    entry = zipfile.ZipInfo(name)  # dated 1980
    entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
    packed.writestr(entry, content)


def _write_pages(build: Build, con, contracts: Mapping[str, Contract], code: str, as_of: object) -> None:
    """Great Expectations' own JSON, and the pages for people: what was checked, and what each column means."""
    from flows.core.report import dictionary, validation_files, validation_pages
    from flows.core.report.told import Told

    told = Told.of(build, contracts, code, as_of)
    validation_files.write(build.folder / "validation", told)
    validation_pages.write(build.folder / "validation", told)
    before = build.previous / "dictionary" if build.previous else None
    dictionary.write(build.folder / "dictionary", con, build.graph, contracts, before)


def _tables(build: Build, con) -> dict[str, dict]:
    tables = {}
    for model in build.graph.models:
        if not model.is_published:
            continue
        name = f"release.{model.schema}.{model.table}"
        columns = con.execute(f"describe {name}").fetchall()
        rows = con.execute(f"select count(*) from {name}").fetchone()[0]
        parquet = build.folder / "parquet" / parquet_name(model)
        tables[model.name] = {
            "rows": rows,
            "fingerprint": build.known[model.name],
            "content_sha256": _kept_hash(build, model.name) or sha256_of(parquet),
            "content_fingerprint": None,  # until `_add_fingerprints`: they are still being taken
            "history": list(model.history),
            "columns": {c[0]: c[1] for c in columns},
            "checks": build.model_checks.get(model.name, []),
        }
    return tables


def _add_fingerprints(build: Build, con, tables: dict[str, dict]) -> None:
    for name, entry in tables.items():
        entry["content_fingerprint"] = _fingerprint(build, build.graph.by_name[name], con, entry["columns"])


def _fingerprint(build: Build, model: Model, con, columns: Mapping[str, str]) -> str | None:
    """Of a table that was carried over: the one it had, when its history is still the same columns."""
    kept = build.previous_tables.get(model.name, {})
    if model.name in build.reused and "content_fingerprint" in kept and kept.get("history") == list(model.history):
        return kept["content_fingerprint"]
    if model.name in build.fingerprints:
        return build.fingerprints.taken(model.name)
    return fingerprints.of_relation(con, f"release.{model.schema}.{model.table}", columns, model.history)


def _kept_hash(build: Build, name: str) -> str | None:
    """A hard-linked file has the hash that it had."""
    return build.previous_tables[name]["content_sha256"] if name in build.reused else None


def _files(build: Build) -> dict[str, dict]:
    entries = {}
    kept = {f"parquet/{parquet_name(m)}": m.name for m in build.graph.models if m.name in build.reused}
    for path in sorted(build.folder.rglob("*")):
        if path.is_file():
            name = str(path.relative_to(build.folder))
            sha256 = _kept_hash(build, kept[name]) if name in kept else sha256_of(path)
            entries[name] = {"sha256": sha256, "bytes": path.stat().st_size}
    return entries


def delivery_entry(row: Judged) -> dict:
    """What is told of a delivery: in the manifest of one as everybody may see it, in the run's record of it as it is."""
    receipt, verdict = row.delivery.receipt, row.verdict
    return {
        "delivery_id": receipt.delivery_id,
        "file_name": row.delivery.shown_name,
        "sha256": receipt.sha256,
        "bytes": receipt.bytes,
        "received_at": receipt.received_at,
        "contract": verdict.contract,
        "contract_version": verdict.contract_version,
        "verdict": verdict.verdict,
        "rows_read": verdict.rows_read,
        "rows_accepted": verdict.rows_accepted,
        "rows_quarantined": verdict.rows_quarantined,
        "is_in_force": row.is_in_force,
        "is_withdrawn": row.delivery.path is None,
    }


def _validation(build: Build) -> dict:
    return {
        "run_id": build.run_id,
        "compared_with": build.previous.name if build.before else None,
        "not_compared": build.not_compared,
        "deliveries": {row.delivery.delivery_id: _without_result(row.verdict.checks) for row in build.public_rows},
        "tables": {name: _without_result(build.model_checks[name]) for name in sorted(build.model_checks)},
    }


def _without_result(checks: Iterable[dict]) -> list[dict]:
    """Great Expectations' own results stand in files of their own, in its own form."""
    return [{n: told for n, told in check.items() if n not in ("result", "depends_on")} for check in checks]


def _datapackage(build: Build, tables: Mapping[str, dict], contracts: Mapping[str, Contract]) -> dict:
    """The Data Package of the published tables (Frictionless Table Schema)."""
    used = sorted({row.verdict.contract for row in build.rows if row.is_in_force})
    return {
        "name": "campaign-barometer",
        "title": "Campaign barometer, Clermont-Ferrand",
        "sources": [{"title": contracts[n].citation, "licence": contracts[n].licence} for n in used],
        "resources": [
            {
                "name": model.name.replace("_", "-"),
                "path": f"parquet/{parquet_name(model)}",
                "format": "parquet",
                "description": model.description,
                "rows": tables[model.name]["rows"],
                "schema": {
                    "primaryKey": list(model.grain),
                    "fields": [
                        {"name": c, "type": TABLE_SCHEMA_TYPES.get(kind, "any"), "description": model.columns[c]}
                        for c, kind in tables[model.name]["columns"].items()
                    ],
                },
            }
            for model in build.graph.models
            if model.is_published
        ],
    }


def free_place(releases: Path, release: str) -> Path:
    """Where a release of that name will lie; its name has a number when there is one already."""
    place = releases / release
    number = 1
    while place.exists():
        number += 1
        place = releases / f"{release}-{number}"
    return place


def publish(folder: Path, place: Path, current: Path, internal: tuple[Path, Path]) -> Path:
    """Move a complete release to its place, its internal database to its own, and switch `current`; each step is a rename.

    Killed in between, the old release is still the current one and the new folder is picked up as one more release; the next
    run makes both anew. `internal` is the internal database as it was written, and its place.
    """
    releases = place.parent
    releases.mkdir(parents=True, exist_ok=True)
    releases.chmod(permissions.PUBLIC_FOLDER)
    permissions.make_public(folder)
    _sync_tree(folder)
    _sync(internal[0])
    os.rename(folder, place)
    _sync(releases)
    os.replace(*internal)
    switch(current, place)
    return place


def expect_link(current: Path) -> None:
    """Raises UsageProblem for a `current` that is a folder of its own: copying a warehouse with its links followed makes one."""
    if current.is_dir() and not current.is_symlink():
        raise UsageProblem(
            f"{current} is a folder, where a link to the current release belongs",
            "remove it (releases/ holds the releases), then run again; copy a warehouse with its links kept (cp -a)",
        )


def switch(current: Path, release: Path) -> None:
    """Let `current` lead to a release, in one rename. Raises UsageProblem where something else bears that name."""
    expect_link(current)
    partial = current.with_name(f".{current.name}.partial")
    partial.unlink(missing_ok=True)
    partial.symlink_to(os.path.relpath(release, current.parent))
    os.replace(partial, current)
    _sync(current.parent)


def _sync_tree(folder: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor  # here: a run with nothing to do pays for no import

    files = [path for path in folder.rglob("*") if path.is_file()]
    # side by side, so that the disk is asked once for many: a tenth of the time for some two hundred files
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(_sync, files))
    _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def kept_releases(releases: Path) -> list[Path]:
    """Complete releases, oldest first."""
    if not releases.is_dir():
        return []
    folders = (p for p in releases.iterdir() if RELEASE_NAME.fullmatch(p.name) and (p / "manifest.json").is_file())
    return sorted(folders, key=_age)


def _age(release: Path) -> tuple[str, int]:
    stamp, _, rest = release.name.partition("-")
    number = rest.partition("-")[2]
    return stamp, int(number) if number else 1


def prune(releases: Path, current: Path, keep: int) -> list[str]:
    """Remove the oldest releases above `keep`; never the current one. Returns the names of those removed."""
    now = current_release(current)
    old = [release for release in kept_releases(releases) if release != now]
    spare = old[: max(0, len(old) + (now is not None) - max(keep, 1))]
    for release in spare:
        # out of sight first, so that a kill in the middle leaves no half release
        hidden = release.with_name(f".removing-{release.name}")
        os.rename(release, hidden)
        shutil.rmtree(hidden, ignore_errors=True)
    return [release.name for release in spare]


def find_release(releases: Path, name: str) -> Path:
    """The kept release of that name (or of its unique beginning). Raises UnknownRelease, naming those that are kept."""
    kept = kept_releases(releases)
    matching = [r for r in kept if r.name == name] or [r for r in kept if name and r.name.startswith(name)]
    if len(matching) != 1:
        listed = ", ".join(r.name for r in kept) or "none"
        problem = f"no kept release is called {name!r}" if not matching else f"{name!r} fits several releases"
        raise UnknownRelease(f"{problem}; kept are: {listed}", "name one of these")
    try:
        json.loads((matching[0] / "manifest.json").read_text(encoding="utf-8"))
    except ValueError:
        raise UnknownRelease(f"the manifest of {name} is damaged", "choose another release") from None
    return matching[0]
