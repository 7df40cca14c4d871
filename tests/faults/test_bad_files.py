"""Whatever lies in the raw folder gets a verdict that helps its sender, gives nothing away, and stops nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
from collections import Counter
from dataclasses import replace
from io import StringIO
from pathlib import Path

import duckdb
import pytest
from bad_files import BAD, LIMITS, SECRETS, Bad, incidents, write_all
from rich.console import Console

from flows import display
from flows.core import admission, landing, ledger, letters, receiving, steps
from flows.core.contracts import load_contracts
from flows.core.errors import printable
from flows.settings import PROJECT, Settings

SAMPLE = PROJECT / "data" / "raw"
REFUSED = sum(bool(bad.refused) for bad in BAD) + 1
"""One more: what `receipt_of_another_content` speaks of is known, and is not there."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> Settings:
    folder = tmp_path_factory.mktemp("bad")
    limits = {name.removeprefix("BAROMETER_").lower(): int(value) for name, value in LIMITS.items()}
    return replace(Settings(raw=folder / "raw", out=folder / "out"), **limits).resolved()


@pytest.fixture(scope="module")
def deliveries(settings) -> dict[str, landing.Delivery]:
    """Every bad file, landed, by its id."""
    places = write_all(settings.raw / "bad")
    landed = {delivery.path: delivery for delivery in landing.land_all(settings.raw, settings.out / "raw_index.json")}
    return {bad_id: landed.pop(path) for bad_id, path in places.items()}


def verdict_on(delivery: landing.Delivery, settings: Settings) -> admission.Verdict:
    return admission.admit(delivery, load_contracts(settings.sql / "0_sources"), steps.room(settings))


def leaked(content: bytes | str) -> list[str]:
    data = content.encode() if isinstance(content, str) else content
    return [secret for secret in SECRETS if secret.encode() in data or secret.encode("utf-16-le") in data]


# -- each file by itself ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.id)
def test_every_bad_file_gets_the_verdict_that_it_deserves(bad: Bad, deliveries, settings) -> None:
    verdict = verdict_on(deliveries[bad.id], settings)
    assert verdict.rows_read == verdict.rows_accepted + verdict.rows_quarantined
    assert not leaked(repr(verdict))
    expect_a_plain_letter(deliveries[bad.id], verdict, settings)
    if bad.refused:
        assert (verdict.verdict, verdict.refusal["code"], verdict.refusal["line"]) == ("refused", bad.refused, bad.line)
        assert all(verdict.refusal[part].strip() for part in ("expected", "found", "remedy"))
        assert verdict.rows_accepted == 0 and verdict.staged is None
    else:
        assert verdict.is_admitted, verdict.refusal
        assert quarantined(settings, verdict) == sorted(
            (n, why) for why, lines in bad.quarantined.items() for n in lines
        )
        counts = {entry["reason"]: (entry["rows"], entry["first_line"]) for entry in verdict.quarantine}
        assert counts == {reason: (len(lines), lines[0]) for reason, lines in bad.quarantined.items()}


ENGLISH = re.compile(
    r"\b(the|of|with|file|files|row|rows|and|is|are|that|expected|found|column|line|lines|send|again)\b", re.I
)


def expect_a_plain_letter(delivery: landing.Delivery, verdict: admission.Verdict, settings: Settings) -> None:
    """The letter to the sender is French to its end, has no gap, and gives away nothing."""
    row = ledger.Judged(delivery, verdict, 1)
    (wanted,) = letters.to_write([row]) or (None,)
    assert (wanted is row) == (verdict.verdict == "refused" or verdict.rows_quarantined > 0)
    if wanted is None:
        return
    numbers = letters.line_numbers([delivery.delivery_id], settings.quarantine).get(delivery.delivery_id, {})
    contracts = load_contracts(settings.sql / "0_sources")
    text = letters.letter(row, contracts, letters.load_words(settings.sql), numbers).text
    assert not leaked(text)
    told = " ".join(text.split()).replace(" ".join(delivery.shown_name.split()), "")
    assert not ENGLISH.search(told), ENGLISH.search(told)
    assert not re.search(r"[{}]|None|unreadable|\bNULL\b", told)
    assert all(
        str(entry["first_line"]) in told for entry in verdict.quarantine if entry["first_line"] and not verdict.refusal
    )


def quarantined(settings: Settings, verdict: admission.Verdict) -> list[tuple[int, str]]:
    path = settings.quarantine / f"{verdict.delivery_id}.parquet"
    if not path.exists():
        return []
    return sorted(duckdb.sql(f"select line, reason from read_parquet('{path}')").fetchall())


def test_there_are_enough_of_them_and_each_is_another() -> None:
    assert len(BAD) >= 50
    assert [name for name, times in Counter(bad.id for bad in BAD).items() if times > 1] == []
    assert [name for name, times in Counter(os.fsencode(bad.file_name) for bad in BAD).items() if times > 1] == []


# -- what cannot be put into a folder ---------------------------------------------------------------------------------


@pytest.fixture
def one_file(tmp_path) -> Settings:
    settings = Settings(raw=tmp_path / "raw", out=tmp_path / "out").resolved()
    settings.raw.mkdir()
    (settings.raw / "incidents.csv").write_text(incidents("alone"))
    return settings


def landed(settings: Settings) -> list[landing.Delivery]:
    return landing.land_all(settings.raw, settings.out / "raw_index.json")


def forbid(monkeypatch, module, name: str, path: Path) -> None:
    """Let a function refuse a path as the system would: root may open everything, so chmod shows nothing."""
    genuine = getattr(module, name)

    def refuse(first, *rest, **named):
        if isinstance(first, str | os.PathLike) and Path(first) == path:
            raise PermissionError(13, "Permission denied", str(first))
        return genuine(first, *rest, **named)

    monkeypatch.setattr(module, name, refuse)


def test_a_file_that_may_not_be_opened(one_file, monkeypatch) -> None:
    forbid(monkeypatch, landing, "sha256_of", one_file.raw / "incidents.csv")
    (delivery,) = landed(one_file)
    verdict = verdict_on(delivery, one_file)
    assert verdict.refusal["code"] == "unreadable" and "permissions" in verdict.refusal["remedy"]
    checked = receiving.check(one_file, one_file.raw / "incidents.csv")
    assert checked.refusal["code"] == "unreadable"


def test_a_folder_that_may_not_be_opened(one_file, monkeypatch) -> None:
    closed = one_file.raw / "closed"
    closed.mkdir()
    (closed / "incidents.csv").write_text(incidents("closed"))
    forbid(monkeypatch, os, "scandir", closed)
    by_name = {delivery.shown_name: verdict_on(delivery, one_file) for delivery in landed(one_file)}
    assert by_name["closed"].refusal["code"] == "no_file"
    assert by_name["incidents.csv"].is_admitted


def test_a_file_that_goes_while_the_run_reads(one_file) -> None:
    (delivery,) = landed(one_file)
    delivery.path.unlink()
    verdict = verdict_on(delivery, one_file)
    assert verdict.refusal["code"] == "unreadable"


def test_an_earlier_quarantine_does_not_outlive_its_verdict(one_file) -> None:
    (one_file.raw / "incidents.csv").write_text(incidents("share", 10, {n: {"categorie": "?"} for n in (2, 3, 4)}))
    (delivery,) = landed(one_file)
    assert verdict_on(delivery, one_file).rows_quarantined == 3
    assert len(list(one_file.quarantine.iterdir())) == 1
    assert verdict_on(delivery, replace(one_file, max_quarantined_share=0.1)).verdict == "refused"
    assert list(one_file.quarantine.iterdir()) == []


def test_the_quarantine_is_closed_to_others(one_file) -> None:
    (one_file.raw / "incidents.csv").write_text(incidents("closed", 10, {2: {"categorie": "?"}}))
    (delivery,) = landed(one_file)
    verdict_on(delivery, one_file)
    (file,) = one_file.quarantine.iterdir()
    assert one_file.quarantine.stat().st_mode & 0o777 == 0o700 and file.stat().st_mode & 0o777 == 0o600


# -- all of them beside good deliveries -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory, finished):
    """The sample and every bad file in one raw folder, run once: (folder, finished process, places by id)."""
    folder = tmp_path_factory.mktemp("whole")
    shutil.copytree(SAMPLE, folder / "raw")
    places = write_all(folder / "raw" / "bad")
    options = ("--direct", "--raw", folder / "raw", "--out", folder / "out")
    return folder, finished("run", *options, COLUMNS="1000", **LIMITS), places


def test_the_run_ends_as_published_with_refusals(whole_run) -> None:
    _, done, _ = whole_run
    assert done.returncode == 1, done.stderr[-2000:]
    assert "Traceback" not in done.stdout + done.stderr


def test_every_bad_file_is_named_with_its_verdict(whole_run) -> None:
    folder, done, places = whole_run
    lines = done.stdout.splitlines()
    missing = []
    for bad in BAD:
        name = printable(places[bad.id].relative_to(folder / "raw"))[:60]  # a longer one goes on in the next line
        verdicts = ("refused",) if bad.refused else ("warned",) if bad.quarantined else ("passed", "warned")
        if not any(name in line and any(verdict in line for verdict in verdicts) for line in lines):
            missing.append(bad.id)
    assert missing == []


def test_a_refusal_says_what_was_expected_and_found_and_how_to_mend_it(whole_run) -> None:
    _, done, _ = whole_run
    told = [line for line in done.stdout.splitlines() if line.startswith("refused bad/")]
    assert len(told) == REFUSED
    assert [line for line in told if not all(word in line for word in ("expected ", "found ", "To mend it: "))] == []


def test_the_good_deliveries_beside_them_are_published(whole_run) -> None:
    folder, _, _ = whole_run
    manifest = json.loads((folder / "out/current/manifest.json").read_text())
    verdicts = {entry["file_name"]: entry["verdict"] for entry in manifest["deliveries"]}
    good = {
        str(path.relative_to(SAMPLE)) for path in SAMPLE.rglob("*") if path.is_file() and "receipt" not in path.name
    }
    assert {name: verdicts.get(name) for name in good if verdicts.get(name) not in ("passed", "warned")} == {}
    with duckdb.connect(str(folder / "out/current/campaign.duckdb"), read_only=True) as con:
        tables = {f"{s}.{t}" for s, t in con.execute("select schema_name, table_name from duckdb_tables()").fetchall()}
        assert set(manifest["tables"]) == tables
        assert con.execute("select count(*) from marts.indicator_values").fetchone()[0] > 1000
        refused = con.execute("select count(*) from audit.deliveries where verdict = 'refused'").fetchone()[0]
    assert refused == REFUSED


def test_no_secret_leaves_the_raw_and_the_quarantine_folder(whole_run) -> None:
    folder, done, _ = whole_run
    assert leaked(done.stdout) == [] and leaked(done.stderr) == []
    out = folder / "out"
    files = [path for path in out.rglob("*") if path.is_file() and not path.is_relative_to(out / "quarantine")]
    assert len(files) > 100
    found = {str(path.relative_to(out)): leaked(path.read_bytes()) for path in files}
    found |= {
        str(path.relative_to(out)): leaked_cells(path) for path in files if path.suffix in (".parquet", ".duckdb")
    }
    assert {name: secrets for name, secrets in found.items() if secrets} == {}


def test_no_secret_is_in_the_audit_bundle(whole_run, finished, tmp_path) -> None:
    folder, _, _ = whole_run
    done = finished("audit-bundle", "--out", folder / "out", "--to", tmp_path / "audit.zip")
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(tmp_path / "audit.zip") as packed:
        packed.extractall(tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    found = {str(p): leaked(p.read_bytes()) + (leaked_cells(p) if p.suffix == ".parquet" else []) for p in files}
    assert len(files) > 300 and {name: secrets for name, secrets in found.items() if secrets} == {}


def leaked_cells(path: Path) -> list[str]:
    """What a packed file of tables holds: each table as text, searched row by row."""
    with duckdb.connect(str(path), read_only=True) if path.suffix == ".duckdb" else duckdb.connect() as con:
        if path.suffix == ".duckdb":
            names = con.execute("select database_name, schema_name, table_name from duckdb_tables()").fetchall()
            tables = [".".join(f'"{part}"' for part in name) for name in names]
        else:
            tables = [f"read_parquet('{path}')"]
        found = []
        for table in tables:
            for secret in SECRETS:
                query = f"select count(*) from {table} rows where contains(cast(rows as varchar), $1)"
                if con.execute(query, [secret]).fetchone()[0]:
                    found.append(f"{table}: {secret}")
        return found


def test_the_secrets_really_were_there(whole_run) -> None:
    folder, _, _ = whole_run
    seen = [s for path in (folder / "out/quarantine").iterdir() for s in leaked_cells(path)]
    assert len(seen) > 20
    raw = b"".join(
        path.read_bytes() for path in (folder / "raw/bad").glob("*.csv") if path.is_file() and not path.is_symlink()
    )
    assert set(leaked(raw)) == set(SECRETS)


# -- names on a terminal ----------------------------------------------------------------------------------------------

NAMES = ("[/].csv", "[bold]x[/bold].csv", ":cat:.csv", "%s {0} {name}.csv", "\\[x].csv", "a\\")


@pytest.fixture
def screen(monkeypatch) -> StringIO:
    """What a person sees who runs the command at a terminal."""
    written = StringIO()

    def terminal(**options: object) -> Console:
        return Console(**{**options, "file": written, "force_terminal": True, "width": 150})

    monkeypatch.setattr(display, "Console", terminal)
    return written


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_shown_as_it_is_while_the_run_works(name, screen) -> None:
    with display.Shown(Settings()) as shown:
        shown.stage("admit", 1)
        shown.advance(name)
        shown._bar.refresh()
        assert name in screen.getvalue()


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_shown_as_it_is_at_the_end(name, screen) -> None:
    line = steps.DeliveryLine(name, None, "refused", 0, 0, 0, "a note")
    display.Shown(Settings()).outcome(steps.Outcome(None, False, (line,), "run", candidate=Path("candidate")))
    assert screen.getvalue().count(name) == 2


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_shown_as_it_is_when_a_file_is_checked(name, screen) -> None:
    display.print_verdict(name, admission.Verdict("id", None, "", "refused", notes=(name,)))
    assert screen.getvalue().count(name) == 2
