"""Two warehouses that differ in a few records and persons only: nothing public of their deliveries tells them apart.

The figures of the marts are protected by other means, and looked at elsewhere; here is all that speaks of files and rows: audit
tables, validation pages and results, manifest, data package, dictionary, audit bundle.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import zipfile
from pathlib import Path

import duckdb
import pytest

from flows.core import bundling, landing, pipeline
from flows.settings import PROJECT, Settings

SAMPLE = PROJECT / "data" / "raw"
FEW, MORE = 0, 1
"""The two warehouses: of some kinds of rows the second one has one or two more."""

HASH = re.compile(
    r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b(?:[0-9a-f]{64}|[0-9a-f]{16}|[0-9a-f]{12})\b|\d{8}T\d{6}Z-[0-9a-f]{8}(-\d+)?"
)
MOMENT = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")


def first_lines(path: Path, count: int) -> bytes:
    return b"".join(path.read_bytes().splitlines(keepends=True)[: count + 1])


def incidents(count: int, day: str = "2024-05", prefix: str = "M") -> bytes:
    rows = [
        f"{prefix}-{n};{n % 27 + 1:02d}/{day[5:]}/{day[:4]} 09:37;CF09;Violences;Non;R1;Police nationale"
        for n in range(count)
    ]
    return "\n".join(
        ["id_incident;date_heure;code_quartier;categorie;lien_trafic;version_regle;service", *rows, ""]
    ).encode()


def cases(bad: int) -> bytes:
    """One good case, and some that were cleared before they happened: most of the file is bad, and it is refused."""
    header = "id_affaire;date_faits;date_constatation;infraction;quartier;elucide_le"
    rows = [f"AFF-{n};2025-03-04;2025-03-04;Vols;CF09;2024-01-01" for n in range(bad)]
    return "\n".join([header, "AFF-G;2025-03-04;2025-03-04;Vols;CF09;", *rows, ""]).encode()


def log(mediations: int, rows: int = 60) -> bytes:
    """A partner's log of always as many rows, of which a few are mediations."""
    header = "Id action;Code partenaire;Date action;Action;Canal;Code zone;Personnes touchées;En difficulté"
    told = [
        f"A-{n};P046;{n % 27 + 1:02d}/02/2025;{'Médiation' if n < mediations else 'Affichage'};Présentiel;QN06303I;12;1"
        for n in range(rows)
    ]
    return "\n".join([header, *told, ""]).encode()


def received(raw: Path, place: str, content: bytes) -> None:
    path = raw / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    moment = f"2026-11-04T08:{len(list(raw.rglob('*.receipt.json'))):02d}:00+00:00"
    receipt = {"received_at": moment, "file_name": path.name, "is_synthetic": True}
    sha256 = landing.sha256_of(path)
    receipt |= {"delivery_id": landing.delivery_id_of(sha256), "sha256": sha256, "bytes": len(content)}
    path.with_name(path.name + landing.RECEIPT_ENDING).write_text(json.dumps(receipt))


def fill(raw: Path, more: int) -> None:
    """A month of 3 or 4 incidents, a refused file of 4 or 5 cases, 2 or 3 mediations, 6 or 8 words of residents, 7 or 8
    respondents, one row set aside of a file of 9 or 10, and a large file with one row more."""
    for name in ("reference/zones.csv", "reference/populations.csv", "partners/partenaires.xlsx"):
        for path in (SAMPLE / name, SAMPLE / f"{name}.receipt.json"):
            (raw / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, raw / name if path.name == Path(name).name else (raw / name).parent / path.name)
    received(raw, "police/mai.csv", incidents(3 + more))
    received(raw, "police/annee.csv", first_lines(SAMPLE / "police/incidents-2023.csv", 301 + more))
    received(raw, "police/affaires.csv", cases(3 + more))
    received(
        raw,
        "police/juin.csv",
        incidents(8 + more, "2024-06", "J") + b"J-X;01/06/2024 10:00;CF09;Inconnue;Non;R1;Police nationale\n",
    )
    received(raw, "partners/journal.csv", log(2 + more))
    received(raw, "partners/retours.csv", first_lines(SAMPLE / "partners/retours-habitants.csv", 6 + 2 * more))
    received(raw, "surveys/enquete.csv", first_lines(SAMPLE / "surveys/enquete-habitants-2025-03.csv", 7 + more))
    received(raw, "surveys/enquete-habitants.lss", (SAMPLE / "surveys/enquete-habitants.lss").read_bytes())


@pytest.fixture(scope="module")
def twins(tmp_path_factory) -> list[Settings]:
    made = []
    for more in (FEW, MORE):
        folder = tmp_path_factory.mktemp(f"twin{more}")
        fill(folder / "raw", more)
        settings = Settings(raw=folder / "raw", out=folder / "out").resolved()
        assert pipeline.refresh(settings).release is not None
        made.append(settings)
    return made


def plain(text: str) -> str:
    """The text without hashes, which tell one content from another, and without the moment of the run."""
    return MOMENT.sub("MOMENT", HASH.sub("HASH", text))


def sorted_lines(text: str) -> list[str]:
    return sorted(line for line in plain(text).splitlines() if "marts." not in line)


def audit_tables(settings: Settings) -> dict[str, list]:
    """All but `audit.suppressions`, which follows from the figures: of one count more, one figure more may be shown."""
    with duckdb.connect(str(settings.current / "campaign.duckdb"), read_only=True) as con:
        names = con.execute(
            "select table_name from duckdb_tables() where schema_name = 'audit' and table_name <> 'suppressions'"
        ).fetchall()
        rows = {f"audit.{name}": con.execute(f"select * from audit.{name}").fetchall() for (name,) in names}
        told = "select * exclude (value, lower_95, upper_95) from marts.indicator_values where indicator_id = 'data_completeness'"
        rows["data_completeness"] = con.execute(told).fetchall()
    return {name: sorted(plain(repr(row)) for row in found if not of_figures(row)) for name, found in rows.items()}


def of_figures(row: tuple) -> bool:
    """A check of a mart: how many rows that has is for the protection of figures to decide."""
    return any(isinstance(value, str) and value.startswith("marts.") for value in row[:3])


def manifest(settings: Settings) -> dict:
    told = json.loads((settings.current / "manifest.json").read_text(encoding="utf-8"))
    assert not {"intermediates", "depends_on", "fingerprint"} & keys_of(told), "hashes of exact counts are no secret"
    del told["files"], told["certificate"]  # what both tell follows from the figures
    tables = {name: entry for name, entry in told["tables"].items() if name.startswith("audit.")}
    told["tables"] = tables
    told["deliveries"].sort(key=lambda entry: entry["file_name"])
    told["failing"]["entries"] = sorted(
        plain(json.dumps(e)) for e in told["failing"]["entries"] if "marts." not in e["subject"]
    )
    return told


def keys_of(told: object) -> set[str]:
    if isinstance(told, dict):
        return set(told).union(*map(keys_of, told.values()))
    return set().union(*map(keys_of, told)) if isinstance(told, list) else set()


def pages(settings: Settings) -> dict[str, list[str]]:
    """Everything in words or JSON that lies in the release, but for its letters and what speaks of marts alone."""
    release = settings.current.resolve()
    elsewhere = ("manifest.json", "datapackage.json", "validation/checks.json", "validation/index.html")
    found = {}
    for path in sorted(release.rglob("*")):
        name = str(path.relative_to(release))
        is_told = path.suffix in (".html", ".json") and not name.startswith("letters/") and "/marts." not in name
        if is_told and name not in elsewhere:
            found.setdefault(plain(name), []).extend(sorted_lines(path.read_text(encoding="utf-8")))
    return {name: sorted(lines) for name, lines in found.items()}


def checks(settings: Settings) -> list[str]:
    told = json.loads((settings.current / "validation/checks.json").read_text(encoding="utf-8"))
    return sorted(plain(json.dumps(of)) for of in told["deliveries"].values())


def test_the_two_really_differ(twins) -> None:
    """What is internal tells them apart; and both hold what is looked for: hidden, rounded and refused deliveries."""
    sql = "select file_name, rows_read, rows_accepted, rows_quarantined from audit.deliveries order by all"
    exact = []
    for settings in twins:
        with duckdb.connect(str(settings.internal), read_only=True) as con:
            exact.append({name: counts for name, *counts in con.execute(sql).fetchall()})
    assert exact[FEW]["police/mai.csv"] == [3, 3, 0] and exact[MORE]["police/mai.csv"] == [4, 4, 0]
    assert exact[FEW]["police/affaires.csv"] == [4, 0, 4] and exact[MORE]["police/affaires.csv"] == [5, 0, 5]
    assert exact[FEW]["police/annee.csv"] == [301, 301, 0] and exact[MORE]["police/annee.csv"] == [302, 302, 0]
    assert exact[FEW]["police/juin.csv"] == [9, 8, 1] and exact[MORE]["police/juin.csv"] == [10, 9, 1]
    assert exact[FEW]["partners/retours.csv"] == [6, 6, 0] and exact[MORE]["partners/retours.csv"] == [8, 8, 0]
    assert exact[FEW]["surveys/enquete.csv"] != exact[MORE]["surveys/enquete.csv"]
    with duckdb.connect(str(twins[FEW].current / "campaign.duckdb"), read_only=True) as con:
        told = dict(con.execute("select file_name, rows_status from audit.deliveries").fetchall())
        hidden = con.execute(
            "select count(*) from audit.drift where not is_hidden and contract = 'partner_events'"
        ).fetchone()
    assert {told[n] for n in ("police/mai.csv", "police/affaires.csv", "partners/retours.csv")} == {"hidden"}
    assert told["police/annee.csv"] == "rounded" and told["reference/zones.csv"] == "exact" and hidden == (0,)


def test_no_audit_table_tells_them_apart(twins) -> None:
    few, more = map(audit_tables, twins)
    assert {name for name in few if few[name] != more[name]} == set()
    assert few["audit.deliveries"] and few["audit.quarantine"] and few["data_completeness"]


def test_no_manifest_tells_them_apart(twins) -> None:
    few, more = (plain(json.dumps(manifest(settings), sort_keys=True)) for settings in twins)
    assert few == more


def test_no_page_and_no_result_tells_them_apart(twins) -> None:
    few, more = map(pages, twins)
    assert set(few) == set(more) and len(few) > 60
    assert {name for name in few if few[name] != more[name]} == set()
    few, more = map(checks, twins)
    assert few == more and len(few) == 11


def test_no_audit_bundle_tells_them_apart(twins, tmp_path) -> None:
    receipts = []
    for settings in twins:
        target = tmp_path / "bundle.zip"
        bundling.write(settings, settings.current.resolve(), target, 100, lambda *_: None, lambda *_: None)
        with zipfile.ZipFile(io.BytesIO(target.read_bytes())) as packed:
            assert not [name for name in packed.namelist() if "warehouse.duckdb" in name or "/letters/" in name]
            name = next(name for name in packed.namelist() if name.endswith("receipts.json"))
            told = json.loads(packed.read(name))["deliveries"]
        receipts.append(sorted(plain(json.dumps(entry, sort_keys=True)) for entry in told))
    assert receipts[FEW] == receipts[MORE] and len(receipts[FEW]) == 11


def test_exact_counts_lie_in_a_closed_file_alone(twins, wrong_modes) -> None:
    for settings in twins:
        assert wrong_modes(settings.out) == []
        assert settings.internal.stat().st_mode & 0o777 == 0o600
        assert not [path for path in settings.current.resolve().rglob("*") if path.name == settings.internal.name]
