"""What the tests of what is told about checks share: a small warehouse run twice, and once elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from flows.core import landing, pipeline
from flows.settings import Settings

INCIDENTS = "id_incident;date_heure;code_quartier;categorie;lien_trafic;version_regle;service\n"
HOSTILE = '<script>alert(1)<!-- & "it\'s" {{ 7 * 7 }}.csv'


@pytest.fixture(scope="session")
def two_runs(shared_by_all):
    """A month of incidents; then a second month in a file with a hostile name, a file that answers to no contract and an
    empty one; and all of them at once in another place: the three releases. Not to be changed by a test."""
    return shared_by_all("two_runs", _run_twice_and_elsewhere)


def _run_twice_and_elsewhere(place: Path):
    settings = Settings(raw=place / "raw", out=place / "out").resolved()
    settings.raw.mkdir()
    january = (
        f"I-1{n};2025-01-{n:02} 14:0{n};CF01;rixe;oui;v1;pm\n" for n in range(1, 8)
    )  # not so few as to be hidden
    deliver(settings, "incidents-01.csv", INCIDENTS + "".join(january))
    one = pipeline.refresh(settings).release
    rows = "I-2;2025-02-05 14:05;CF01;rixe;oui;v1;pm\nI-3;2025-02-06 14:05;CF01;rixe;oui;v1;pm\n"
    deliver(settings, HOSTILE, INCIDENTS + rows + "I-4;demain;CF01;rixe;oui;v1;pm\n")
    deliver(settings, "<b>refused.csv", "no;known;header\n1;2;3\n")
    deliver(settings, "empty.csv", "")
    two = pipeline.refresh(settings).release
    elsewhere = pipeline.refresh(replace(settings, out=place / "elsewhere")).release
    return one, two, elsewhere


def deliver(settings: Settings, name: str, text: str, received_at: str = "2025-03-03T00:00:00Z") -> None:
    path = settings.raw / name
    path.write_text(text, encoding="utf-8")
    receipt = landing.new_receipt(path, landing.sha256_of(path), received_at, None)
    landing.write_receipt(path.with_name(path.name + landing.RECEIPT_ENDING), receipt)
