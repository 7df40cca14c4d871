"""What set-up makes beforehand: the same as a run makes, and not taken where it was made of other code or is not whole."""

from __future__ import annotations

import shutil

import pytest

from flows.core import at_hand, ledger, lineage, models, publishing
from flows.core.contracts import load_contracts
from flows.settings import PROJECT

SQL = PROJECT / "sql"


@pytest.fixture(autouse=True)
def a_place_of_its_own(tmp_path, monkeypatch):
    """As in an environment that was just set up, and in a process that has looked at nothing yet."""
    monkeypatch.setattr(at_hand, "FOLDER", tmp_path / "at_hand")
    monkeypatch.setattr(lineage, "_TRACED", {})
    monkeypatch.setattr(models, "_PARSED", {})
    at_hand._queries.cache_clear()
    yield
    at_hand._queries.cache_clear()


def files(kept):
    contracts = load_contracts(SQL / "0_sources")
    return lineage.files(models.load_graph(SQL, contracts), contracts, kept)


def contents(found):
    return {name: (path.name, path.read_bytes()) for name, path in found.items()}


def test_a_run_takes_what_set_up_has_made(tmp_path, monkeypatch) -> None:
    made = contents(files(tmp_path / "made"))
    at_hand.prepare(SQL)
    assert at_hand.has_lineage(ledger.code_version(SQL))
    monkeypatch.setattr(lineage, "_TRACED", {})
    monkeypatch.setattr(models, "_PARSED", {})
    monkeypatch.setattr(lineage, "trace", lambda *_: pytest.fail("it was at hand"))
    monkeypatch.setattr(models, "_parse", lambda *_: pytest.fail("it was at hand"))
    assert contents(files(tmp_path / "kept")) == made


def test_of_other_models_nothing_is_taken(tmp_path) -> None:
    at_hand.prepare(SQL)
    assert not at_hand.has_lineage("of another version")
    assert at_hand.tables_of("select 1 as one from marts.zones") is None
    assert at_hand.lineage_file("lineage", "of another version") is None


@pytest.mark.parametrize("damage", ["cut short", "gone"])
def test_what_is_damaged_is_made_anew(tmp_path, monkeypatch, damage) -> None:
    at_hand.prepare(SQL)
    for path in at_hand.FOLDER.iterdir():
        path.unlink() if damage == "gone" else path.write_bytes(path.read_bytes()[:1000])
    monkeypatch.setattr(lineage, "_TRACED", {})
    monkeypatch.setattr(models, "_PARSED", {})
    at_hand._queries.cache_clear()
    made = files(tmp_path / "kept")
    assert all(path.stem.endswith(lineage._short_hash(path.read_bytes())) for path in made.values())
    assert all(len(path.read_bytes()) > 1000 for path in made.values())


@pytest.mark.parametrize("damage", ["", "cut short", "a byte", "other code", "gone"])
def test_the_package_of_the_code_is_the_same_wherever_it_comes_from(tmp_path, monkeypatch, damage) -> None:
    code, files = ledger.code_version(SQL), ledger.code_files(SQL)
    publishing.pack_code(tmp_path / "right.zip", files)
    at_hand.FOLDER.mkdir()
    packed = at_hand.FOLDER / at_hand.PACKED
    publishing.pack_code(packed, [*files[1:], files[0]] if damage == "other code" else files)
    content = bytearray(packed.read_bytes())
    if damage == "cut short":
        packed.write_bytes(content[:-100])
    elif damage == "a byte":
        content[300] ^= 1
        packed.write_bytes(content)
    elif damage == "gone":
        packed.unlink()
    made = []
    pack = publishing.pack_code
    monkeypatch.setattr(publishing, "pack_code", lambda *given: made.append(given) or pack(*given))
    publishing.write_code(tmp_path / "code.zip", SQL, code)
    assert (tmp_path / "code.zip").read_bytes() == (tmp_path / "right.zip").read_bytes()
    assert bool(made) == bool(damage)


def test_made_anew_it_holds_nothing_of_older_models(tmp_path) -> None:
    at_hand.prepare(SQL)
    before = set(at_hand.FOLDER.glob("*.csv"))
    shutil.copytree(SQL, tmp_path / "sql")
    path = tmp_path / "sql" / "3_marts" / "zones.sql"
    path.write_text(path.read_text(encoding="utf-8") + "\n-- another text\n", encoding="utf-8")
    at_hand.prepare(tmp_path / "sql")
    assert not before & set(at_hand.FOLDER.glob("*.csv")) and len(before) == len(lineage.TABLES)
