"""Warnings that stood in the release before are told apart from new ones: in the outcome and in audit.checks."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

from flows.core import history, landing, pipeline, publishing
from flows.settings import PROJECT, Settings

HEADER = "id_incident;date_heure;code_quartier;categorie;lien_trafic;version_regle;service\n"


def deliver(settings: Settings, month: str, category: str = "?") -> None:
    """A month of incidents, of which the first has a category that nobody knows; so many that no count is hidden."""
    rows = (
        f"I-{month}-{n};{month}-{n % 27 + 1:02} 14:{n:02};CF01;{'rixe' if n else category};oui;v1;pm\n"
        for n in range(50)
    )
    path = settings.raw / f"incidents-{month}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
    receipt = landing.new_receipt(path, landing.sha256_of(path), f"{month}-28T12:00:00Z")
    landing.write_receipt(path.with_name(path.name + landing.RECEIPT_ENDING), receipt)


def known_since(release: Path) -> dict[str, tuple]:
    """Of each file whose category failed: the release since which it is known, and the rows that failed before."""
    with duckdb.connect(str(release / "campaign.duckdb"), read_only=True) as con:
        rows = con.execute(
            """select file_name, known_since, failed_rows_before from audit.checks
            join audit.deliveries on subject = delivery_id
            where expectation_id = 'category_known' and checks.verdict = 'failed'"""
        ).fetchall()
        passed = con.execute(
            """select count(*) from audit.checks
            where verdict = 'passed' and (known_since is not null or failed_rows_before is not null)"""
        ).fetchone()[0]
    assert passed == 0
    return {name.removeprefix("incidents-").removesuffix(".csv"): told for name, *told in rows}


def standings(outcome) -> dict[str, str]:
    """Of each line about incidents, and of the empty file, what it tells of known and new."""
    names = {line: line.file_name.removeprefix("incidents-").removesuffix(".csv") for line in outcome.deliveries}
    return {name: line.standing for line, name in names.items() if not name.startswith("enquete")}


@pytest.fixture
def settings(tmp_path) -> Settings:
    """A raw folder with two waves of the sample, without their structure: marts.wave_comparisons warns of that."""
    chosen = Settings(raw=tmp_path / "raw", out=tmp_path / "out").resolved()
    shutil.copytree(PROJECT / "data/raw/surveys", chosen.raw, ignore=shutil.ignore_patterns("*.lss*", "*2026*"))
    return chosen


def test_from_the_first_release_to_a_rollback(settings) -> None:
    deliver(settings, "2025-01")
    first = pipeline.refresh(settings)
    assert known_since(first.release) == {"2025-01": [None, None]}
    assert standings(first) == {"2025-01": ""} and not first.known_warnings

    deliver(settings, "2025-02")
    (settings.raw / "vide.csv").touch()
    second = pipeline.refresh(settings)
    one = first.release.name
    assert known_since(second.release) == {"2025-01": [one, 1], "2025-02": [None, None]}
    assert standings(second) == {"2025-01": f"known since {one}", "2025-02": "new", "vide": "new"}
    assert "marts.wave_comparisons" in second.reused_tables
    carried = [told for told in second.known_warnings if told.startswith("marts.wave_comparisons: wordings_known")]
    assert len(carried) == 1 and f"known since {one})" in carried[0]
    assert list(second.warnings[len(second.warnings) - len(second.known_warnings) :]) == list(second.known_warnings)

    publishing.switch(settings.current, first.release)
    rolled = pipeline.refresh(settings)
    assert known_since(rolled.release) == {"2025-01": [one, 1], "2025-02": [None, None]}
    assert standings(rolled)["vide"] == "new"


def test_a_line_tells_whether_it_is_known() -> None:
    from flows.core.steps import DeliveryLine

    lines = [DeliveryLine("a", None, "warned", 1, 1, 0, standing=text) for text in ("", "new", f"{history.KNOWN} R1")]
    assert [line.is_known for line in lines] == [False, False, True]
