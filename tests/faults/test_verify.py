"""`barometer verify` finds whatever was changed in a release, and says what it could not compare."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from pathlib import Path

import duckdb
import pytest
from warehouses import Warehouse, copied

from flows.core import chain, pipeline, publishing, verifying

RANDOM = random.Random(63)


@pytest.fixture(scope="module")
def two(first, tmp_path_factory) -> Warehouse:
    """A warehouse with two releases, the later one current. Not to be changed by a test."""
    warehouse = copied(first, tmp_path_factory.mktemp("two"))
    warehouse.deliver("second")
    pipeline.refresh(warehouse.settings)
    return warehouse


@pytest.fixture
def warehouse(two, tmp_path) -> Warehouse:
    return copied(two, tmp_path)


def current(warehouse: Warehouse) -> Path:
    return (warehouse.out / "current").resolve()


def verified(warehouse: Warehouse, release: Path | None = None, raw: Path | None = None) -> verifying.Verified:
    place = release or current(warehouse)
    return verifying.verify(warehouse.settings, place, raw, lambda *_: None, lambda *_: None)


def named(warehouse: Warehouse, release: Path | None = None) -> dict[str, str]:
    """What differs, by its subject."""
    return {finding.subject: finding.text for finding in verified(warehouse, release).differing}


def flip(path: Path, position: int | None = None) -> None:
    content = bytearray(path.read_bytes())
    position = RANDOM.randrange(len(content)) if position is None else position
    content[position] ^= 1 << RANDOM.randrange(8)
    path.write_bytes(content)


# -- a whole release --------------------------------------------------------------------------------------------------


def test_a_whole_release_and_what_was_compared(two) -> None:
    result = verified(two, raw=two.raw)
    assert result.differing == []
    counted = dict(result.compared)
    manifest = json.loads((current(two) / "manifest.json").read_text())
    assert counted["files"] == len(manifest["files"])
    without = [name for name, table in manifest["tables"].items() if table["content_fingerprint"] is None]
    assert without == ["audit.release_checks", "audit.releases"]
    assert counted["fingerprints"] == 2 * (len(manifest["tables"]) - len(without)), "Parquet and database"
    assert counted["links of the chain"] == 1 and counted["code version"] == 1
    assert counted["raw files"] == len(manifest["deliveries"])
    assert counted["hashes of the manifest"] == 2, "beside it and in the run's record"


def test_the_earlier_release_is_held_by_the_later_one(two) -> None:
    earlier = publishing.kept_releases(two.settings.releases)[0]
    assert dict(verified(two, earlier).compared)["hashes of the manifest"] == 3


# -- one byte ---------------------------------------------------------------------------------------------------------


def test_one_byte_in_any_file_is_found(warehouse) -> None:
    release = current(warehouse)
    files = [p for p in release.rglob("*") if p.is_file() and p.name != "manifest.json"]
    assert len(files) > 30
    for path in files:
        flip(path)
    found = named(warehouse)
    assert {path.relative_to(release).as_posix() for path in files} <= set(found)


@pytest.mark.parametrize("name", ["campaign.duckdb", "code.zip", "manifest.sha256", "parquet/audit.releases.parquet"])
def test_one_byte_in_a_single_file_is_found_and_nothing_else_is_blamed(name, warehouse) -> None:
    flip(current(warehouse) / name)
    assert set(named(warehouse)) == {name}


def test_one_byte_anywhere_in_the_database_is_found(warehouse) -> None:
    database = current(warehouse) / "campaign.duckdb"
    expected = json.loads((current(warehouse) / "manifest.json").read_text())["files"][database.name]
    whole = database.read_bytes()
    for position in [0, len(whole) - 1, *(RANDOM.randrange(len(whole)) for _ in range(30))]:
        flip(database, position)
        assert verifying._difference(database, expected) is not None, position
        database.write_bytes(whole)


def test_one_byte_anywhere_in_the_manifest_is_found(warehouse) -> None:
    path = current(warehouse) / "manifest.json"
    whole = path.read_bytes()
    for _ in range(6):
        flip(path)
        assert "manifest.json" in named(warehouse) or "manifest.sha256" in named(warehouse)
        path.write_bytes(whole)
    assert named(warehouse) == {}


# -- files ------------------------------------------------------------------------------------------------------------


def renamed(release: Path) -> None:
    (release / "parquet/marts.zones.parquet").rename(release / "parquet/marts.zone.parquet")


def linked(release: Path) -> None:
    shutil.move(release / "datapackage.json", release.parent.parent / "elsewhere.json")
    (release / "datapackage.json").symlink_to(release.parent.parent / "elsewhere.json")


def linked_folder(release: Path) -> None:
    shutil.move(release / "parquet", release.parent.parent / "elsewhere")
    (release / "parquet").symlink_to(release.parent.parent / "elsewhere")


def turned(make) -> object:
    def replace(release: Path) -> None:
        (release / "chain.json").unlink()
        make(release / "chain.json")

    return replace


HARMS = {
    "added": (lambda r: (r / "parquet/marts.more.parquet").write_text("x"), {"parquet/marts.more.parquet"}),
    "added_folder": (lambda r: (r / "more").mkdir(), {"more"}),
    "removed": (lambda r: (r / "parquet/marts.zones.parquet").unlink(), {"parquet/marts.zones.parquet"}),
    "renamed": (renamed, {"parquet/marts.zones.parquet", "parquet/marts.zone.parquet"}),
    "emptied": (lambda r: (r / "datapackage.json").write_bytes(b""), {"datapackage.json"}),
    "hash_removed": (lambda r: (r / "manifest.sha256").unlink(), {"manifest.sha256"}),
    "a_link_to_the_same_content": (linked, {"datapackage.json"}),
    "a_link_to_the_same_folder": (linked_folder, {"parquet"}),
    "a_folder_in_place_of_a_file": (turned(Path.mkdir), {"chain.json"}),
    "a_pipe_in_place_of_a_file": (turned(os.mkfifo), {"chain.json"}),
    "manifest_that_is_no_json": (lambda r: (r / "manifest.json").write_text("{"), {"manifest.json"}),
    "manifest_of_another_shape": (lambda r: (r / "manifest.json").write_text('{"files": 3}'), {"manifest.json"}),
    "manifest_that_is_a_list": (lambda r: (r / "manifest.json").write_text("[]"), {"manifest.json"}),
    "manifest_emptied": (lambda r: (r / "manifest.json").write_bytes(b""), {"manifest.json"}),
    "manifest_gone": (lambda r: (r / "manifest.json").unlink(), {"manifest.json"}),
    "manifest_of_bytes": (lambda r: (r / "manifest.json").write_bytes(b"\xff\x00" * 40), {"manifest.json"}),
}  # fmt: skip


@pytest.mark.parametrize("harm", HARMS)
def test_what_is_not_as_it_was_is_named(harm, warehouse) -> None:
    do, expected = HARMS[harm]
    do(current(warehouse))
    assert expected <= set(named(warehouse))


def test_a_file_that_may_not_be_read_is_a_finding(warehouse, monkeypatch) -> None:
    """Root may open everything, so the system's refusal is played."""
    genuine = verifying.sha256_of

    def refuse(path: Path) -> str:
        if path.name == "datapackage.json":
            raise PermissionError(13, "Permission denied", str(path))
        return genuine(path)

    monkeypatch.setattr(verifying, "sha256_of", refuse)
    assert "Permission denied" in named(warehouse)["datapackage.json"]


# -- somebody who rewrites what holds the hashes ----------------------------------------------------------------------


def rewrite(release: Path, change) -> None:
    """Change the manifest and note its hash anew, as a forger would."""
    manifest = json.loads((release / "manifest.json").read_text())
    change(manifest)
    (release / "manifest.json").write_text(json.dumps(manifest))
    chain.note_hash(release)


def another_count(release: Path) -> None:
    """One more resident in a zone, in the Parquet file alone, with the file's hashes in the manifest."""
    path = release / "parquet/marts.zones.parquet"
    with duckdb.connect() as con:
        con.execute(f"create table t as select * from read_parquet('{path}')")
        con.execute("update t set name = name || ' (bis)' where zone_code = '63113'")
        con.execute(f"copy t to '{path}' (format parquet, compression zstd)")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()

    def change(manifest: dict) -> None:
        manifest["files"]["parquet/marts.zones.parquet"] = {"sha256": digest, "bytes": path.stat().st_size}
        manifest["tables"]["marts.zones"]["content_sha256"] = digest

    rewrite(release, change)


def test_a_forger_who_rewrites_the_manifest_is_found_by_the_record_and_the_rows(warehouse) -> None:
    another_count(current(warehouse))
    found = named(warehouse)
    assert "record" in found["manifest.json"]
    assert "fingerprint" in found["parquet/marts.zones.parquet"]
    assert any("hold different rows" in text for text in found.values())


def test_a_forger_who_rewrites_the_record_and_the_fingerprint_too_is_found_by_the_database(warehouse) -> None:
    release = current(warehouse)
    another_count(release)
    columns = json.loads((release / "manifest.json").read_text())["tables"]["marts.zones"]["columns"]
    with duckdb.connect() as con:
        from flows.core import fingerprints

        forged = fingerprints.of_relation(con, f"read_parquet('{release}/parquet/marts.zones.parquet')", columns)
    rewrite(release, lambda manifest: manifest["tables"]["marts.zones"].update(content_fingerprint=forged))
    record = warehouse.out / "runs" / f"{release.name}.json"
    told = json.loads(record.read_text()) | {"manifest_sha256": chain.noted_hash(release)}
    record.write_text(json.dumps(told))
    found = named(warehouse)
    assert any("hold different rows" in text for text in found.values()) and "manifest.json" not in found


def test_an_earlier_release_made_anew_is_found_by_the_later_one(warehouse) -> None:
    earlier = publishing.kept_releases(warehouse.settings.releases)[0]
    rewrite(earlier, lambda manifest: manifest.update(as_of="2020-01-01"))
    assert "later release" in named(warehouse, earlier)["manifest.json"]
    assert f"{earlier.name}/manifest.json" in named(warehouse)


def test_other_code_than_the_manifest_names_is_found(warehouse) -> None:
    rewrite(current(warehouse), lambda manifest: manifest.update(code_version="0" * 12))
    assert "code" in named(warehouse)["code.zip"]


def test_a_manifest_of_another_release_is_found(warehouse) -> None:
    earlier = publishing.kept_releases(warehouse.settings.releases)[0]
    shutil.copyfile(earlier / "manifest.json", current(warehouse) / "manifest.json")
    assert any(f"manifest of {earlier.name}" in finding.text for finding in verified(warehouse).differing)


# -- the chain --------------------------------------------------------------------------------------------------------


def test_the_chain_follows_the_release_that_was_current(two, tmp_path) -> None:
    """Rolled back to the first release, the next one follows that; the one rolled back from is no link."""
    warehouse = copied(two, tmp_path)
    earlier, later = publishing.kept_releases(warehouse.settings.releases)
    publishing.switch(warehouse.settings.current, earlier)
    rewrite(earlier, lambda manifest: manifest.update(as_of="2020-01-01"))
    warehouse.deliver("third")
    outcome = pipeline.refresh(warehouse.settings)
    manifest = json.loads((outcome.release / "manifest.json").read_text())
    sha256 = hashlib.sha256((earlier / "manifest.json").read_bytes()).hexdigest()
    assert (manifest["previous_release"], manifest["previous_manifest_sha256"]) == (earlier.name, sha256)
    with duckdb.connect(str(outcome.release / "campaign.duckdb"), read_only=True) as con:
        links = con.execute("select chain_position, release, manifest_sha256 from audit.releases order by 1").fetchall()
    assert links == [(1, earlier.name, sha256)]
    assert named(warehouse) == {}
    assert "later release" in named(warehouse, earlier)["manifest.json"], f"{later.name} knew the manifest as it was"

    shutil.rmtree(earlier)
    result = verified(warehouse)
    assert result.differing == []
    assert any("no longer kept" in finding.text for finding in result.findings)


def test_a_release_that_was_changed_before_the_next_one_is_told_in_it(two, tmp_path) -> None:
    earlier = publishing.kept_releases(two.settings.releases)[0]
    assert chain.before(earlier)[-1]["is_intact"] is True
    changed = shutil.copytree(earlier, tmp_path / earlier.name)
    flip(changed / "chain.json")
    told = chain.before(changed)
    assert [(link["release"], link["is_intact"]) for link in told] == [(earlier.name, False)] and chain.rows(told)
    (changed / "manifest.sha256").unlink()
    assert chain.before(changed)[-1]["is_intact"] is False


# -- raw files --------------------------------------------------------------------------------------------------------


def test_a_changed_raw_file_is_found_and_a_renamed_one_is_none(warehouse) -> None:
    target = next(
        path for path in warehouse.raw.iterdir() if path.name.startswith("incidents") and path.suffix == ".csv"
    )
    target.rename(target.with_name("another-name.csv"))
    assert verified(warehouse, raw=warehouse.raw).differing == []
    flip(target.with_name("another-name.csv"))
    found = verified(warehouse, raw=warehouse.raw).differing
    assert [finding.subject for finding in found] == [f"raw {target.name}"]


# -- the command ------------------------------------------------------------------------------------------------------


def test_the_command_tells_by_its_exit_code(warehouse, finished, tmp_path) -> None:
    done = finished("verify", "--out", warehouse.out)
    assert (done.returncode, "Nothing differs" in done.stdout) == (0, True), done.stderr
    earlier = publishing.kept_releases(warehouse.settings.releases)[0]
    flip(earlier / "datapackage.json")
    done = finished("verify", earlier.name, "--out", warehouse.out)
    assert done.returncode == 13 and "datapackage.json" in done.stdout and "To mend it" in done.stderr
    (tmp_path / "nothing").mkdir()
    for out, wanted in ((tmp_path / "nothing", "no release yet"), (tmp_path / "nowhere", "no release yet")):
        done = finished("verify", "--out", out)
        assert done.returncode == 11 and wanted in done.stderr and "Traceback" not in done.stderr
    done = finished("verify", "1999", "--out", warehouse.out)
    assert done.returncode == 11 and "kept are" in done.stderr
    assert not (tmp_path / "nowhere").exists(), "verify writes nothing"
