"""The committed sample is what its generator writes, and says of 2024 what the press says."""

import csv
import gzip
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections import Counter
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest

REPO = Path(__file__).resolve().parents[2]
RAW = REPO / "data" / "raw"
PUBLISHED = REPO.parent / "shared" / "data" / "police" / "ssmsi"
RECEIPT_ENDING = ".receipt.json"
RECEIPT_KEYS = [
    "delivery_id",
    "file_name",
    "sha256",
    "bytes",
    "received_at",
    "sender",
    "contract",
    "licence",
    "citation",
    "edition_date",
    "wave_code",
    "is_synthetic",
    "note",
]


@pytest.fixture(scope="module")
def generated(tmp_path_factory) -> Path:
    """The sample written afresh, by the command that people use."""
    out = tmp_path_factory.mktemp("sample")
    subprocess.run([sys.executable, REPO / "data" / "make_sample.py", "--out", out], check=True, capture_output=True)
    return out


def files_below(folder: Path) -> dict[str, Path]:
    return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}


def sample_files() -> dict[str, Path]:
    """The committed files that the sample consists of; what a user adds to data/raw is none of our business."""
    names = {"police", "partners", "surveys", "reference"}
    receipts = [path for path in sorted(RAW.rglob("*" + RECEIPT_ENDING)) if path.parent.name in names]
    return {path.name.removesuffix(RECEIPT_ENDING): path for path in receipts}


def receipt_of(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def rows_of(name: str, encoding: str, separator: str = ";") -> list[list[str]]:
    text = (RAW / name).read_bytes().decode(encoding)
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))[1:]


def day_of(text: str) -> date | None:
    """A French date, None when the text is none."""
    try:
        return datetime.strptime(text, "%d/%m/%Y").date()
    except ValueError:
        return None


def moment_of(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%d/%m/%Y %H:%M")
    except ValueError:
        return None


def only_once(ids: list[str]) -> set[str]:
    return {key for key, count in Counter(ids).items() if count == 1 and key}


# --- the generator and its receipts ------------------------------------------------------------------------------


def test_the_committed_files_are_what_the_generator_writes(generated):
    fresh = files_below(generated)
    committed = files_below(RAW)
    assert len(fresh) > 40
    different = [
        name
        for name, path in fresh.items()
        if name not in committed or committed[name].read_bytes() != path.read_bytes()
    ]
    assert different == [], "run `python data/make_sample.py` and commit what it writes"


def test_the_sample_stays_small(generated):
    fresh = files_below(generated)
    assert sum(path.stat().st_size for path in fresh.values()) < 3_000_000
    assert 24 <= sum(not name.endswith(RECEIPT_ENDING) for name in fresh) <= 30


def test_every_receipt_tells_the_truth_about_its_file(generated):
    for name, path in files_below(generated).items():
        if name.endswith(RECEIPT_ENDING):
            continue
        content, receipt = path.read_bytes(), receipt_of(path.with_name(path.name + RECEIPT_ENDING))
        assert list(receipt) == RECEIPT_KEYS
        assert receipt["sha256"] == hashlib.sha256(content).hexdigest()
        assert receipt["delivery_id"] == receipt["sha256"][:16]
        assert (receipt["bytes"], receipt["file_name"]) == (len(content), path.name)
        assert (REPO / "sql" / "0_sources" / f"{receipt['contract']}.yml").is_file()


def test_only_published_figures_are_not_called_synthetic():
    for name, path in sample_files().items():
        receipt = receipt_of(path)
        assert receipt["is_synthetic"] != name.startswith("donnee-"), name
        if receipt["is_synthetic"]:
            assert receipt["note"].startswith("Données synthétiques")
        else:
            assert receipt["note"] is None and "SSMSI" in receipt["citation"]
            assert receipt["edition_date"] in name


def test_no_workbook_or_archive_depends_on_the_machine_that_packed_it(generated):
    for path in generated.rglob("*.xlsx"):
        with zipfile.ZipFile(path) as book:
            assert {member.compress_type for member in book.infolist()} == {zipfile.ZIP_STORED}
            assert {member.date_time[:3] for member in book.infolist()} == {(2026, 1, 1)}


# --- the three figures of 2024 -----------------------------------------------------------------------------------


def test_2024_has_125_good_incidents_linked_to_trafficking():
    rows = rows_of("police/incidents-2024.csv", "cp1252")
    single = only_once([row[0] for row in rows])
    linked = [row for row in rows if row[4] == "Oui"]
    good = [row for row in linked if row[0] in single and moment_of(row[1]) and row[3] != "Tapage nocturne"]
    assert len(good) == 125
    assert {moment_of(row[1]).year for row in good} == {2024}
    assert len(linked) > 125, "dirty rows come on top"
    others = [
        row[1] for row in openpyxl.load_workbook(RAW / "police/incidents-2025.xlsx").active.iter_rows(values_only=True)
    ]
    assert {moment.year for moment in others[1:]} == {2025}


def test_2024_has_2400_good_interventions():
    rows = rows_of("police/interventions-2024.csv", "utf-16", "\t")
    single = only_once([row[0] for row in rows])

    def is_good(row: list[str]) -> bool:
        minutes = row[6].replace("\u202f", "").replace(",", ".")
        return (
            row[0] in single
            and moment_of(row[1]) is not None
            and minutes.replace(".", "").isdigit()
            and float(minutes) <= 1440
            and int(row[7]) >= 1
        )

    good = [row for row in rows if is_good(row)]
    assert len(good) == 2400
    assert {moment_of(row[1]).year for row in good} == {2024}
    assert len(rows) > 2400


def test_2024_has_19_cases_cleared_for_100_recorded():
    rows = rows_of("police/affaires-2023-2025.csv", "cp1252")
    dated = [(row[3], day_of(row[1]), day_of(row[2]), day_of(row[5])) for row in rows]
    good = [case for case in dated if case[0] != "Cybercriminalité" and case[1] and (not case[3] or case[3] >= case[1])]
    later = [(row[2], row[5]) for row in rows_of("police/affaires-2026.csv", "utf-8")]
    recorded = sum(case[2].year == 2024 for case in good)
    cleared = sum(case[3] is not None and case[3].year == 2024 for case in good)
    assert all(recorded_on >= "2026" and (not cleared_on or cleared_on >= "2026") for recorded_on, cleared_on in later)
    assert (cleared, recorded) == (228, 1200)
    assert cleared / recorded == 0.19
    assert len(rows) - len(good) == 3


# --- what else the sample promises -------------------------------------------------------------------------------


def test_difficult_moments_are_there():
    moments = {row[1] for row in rows_of("police/incidents-2024.csv", "cp1252")}
    assert {"29/02/2024 22:10", "27/10/2024 02:30", "31/03/2024 02:30", "32/13/2024"} <= moments


def test_quartiers_add_up_to_the_commune():
    residents = {(row[0], row[1]): int(row[2]) for row in rows_of("reference/populations.csv", "utf-8")}
    for year in range(2016, 2027):
        quartiers = [count for (zone, at), count in residents.items() if zone.startswith("CF") and at == str(year)]
        assert len(quartiers) == 22
        assert sum(quartiers) == residents["63113", str(year)] == 146351


def test_every_zone_of_an_event_is_known():
    zones = {row[0] for row in rows_of("reference/zones.csv", "utf-8")}
    used = {row[2] for row in rows_of("police/incidents-2024.csv", "cp1252")}
    used |= {row[4] for row in rows_of("police/affaires-2026.csv", "utf-8")}
    used |= {row[5] for row in rows_of("partners/actions-partenaires-2024-2025.csv", "utf-8")}
    used |= {row[2] for row in rows_of("partners/mesures-diffusion.csv", "utf-8")}
    used |= {row[4] for row in rows_of("partners/reunions.csv", "utf-8")}
    assert used - {""} <= zones


@pytest.mark.parametrize(
    "ours",
    [
        "donnee-dep-data.gouv-2022-geographie2023-produit-le2023-07-17.csv.gz",
        "donnee-dep-data.gouv-2024-geographie2024-produit-le2025-01-26.csv",
    ],
)
def test_published_figures_are_the_publishers_own_lines(ours):
    if not (PUBLISHED / ours).is_file():
        pytest.skip("the publisher's files are kept outside the project (../shared/data)")
    opened = gzip.open if ours.endswith(".gz") else open
    with opened(RAW / "police" / ours, "rb") as sample, opened(PUBLISHED / ours, "rb") as published:
        assert not set(sample.read().splitlines()) - set(published.read().splitlines())
