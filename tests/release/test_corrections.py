"""A list of corrections with a mistake in it publishes nothing: the mistake is named."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date

import pytest

from flows.core import pipeline, receiving
from flows.core.errors import VerificationFailed
from flows.settings import PROJECT, Settings

EDITION = PROJECT / "data/raw/police/donnee-dep-data.gouv-2024-geographie2024-produit-le2025-01-26.csv"
RIGHT = "K1,departement,63,2022,usage_stupefiants,count,1346,1345,2025-01-26,Counted twice.,Letter,2025-02-10,active"
WRONG = {
    "one_correction_a_figure": [RIGHT, RIGHT.replace("K1", "K2").replace("1345", "1340")],
    "grain_unique": [RIGHT, RIGHT.replace("usage", "trafic")],
    "column_known": [RIGHT.replace("count", "nombre", 1)],
    "territory_type_known": [RIGHT.replace("departement", "département")],
    "decided_status_known": [RIGHT.replace("active", "aktiv")],
    "decision_complete": [RIGHT.replace("Counted twice.", "")],
    "corrected_value_possible": [RIGHT.replace("1345", "1345.5")],
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> Settings:
    folder = tmp_path_factory.mktemp("corrections")
    shutil.copytree(PROJECT / "sql", folder / "sql")
    settings = Settings(raw=folder / "raw", out=folder / "out", sql=folder / "sql").resolved()
    receiving.receive(settings, EDITION, date(2025, 1, 30), "SSMSI")
    return settings


def decide(settings: Settings, *lines: str) -> None:
    header = (PROJECT / "sql/reference/corrections.csv").read_text(encoding="utf-8").splitlines()[0]
    (settings.sql / "reference/corrections.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


def test_every_mistake_stops_publishing_and_is_named(settings) -> None:
    lines = [line.replace("K", f"K{n}") for n, wrong in enumerate(WRONG.values()) for line in wrong]
    decide(settings, *lines)
    with pytest.raises(VerificationFailed) as raised:
        pipeline.refresh(settings)
    assert not settings.current.exists()
    assert not [name for name in WRONG if f"audit.corrections: {name} (1 of 9" not in raised.value.problem]


def test_a_correction_that_finds_nothing_is_a_warning(settings) -> None:
    decide(settings, RIGHT.replace("1346", "999"))
    outcome = pipeline.refresh(replace(settings, out=settings.out.with_name("warned")))
    assert any("audit.corrections: correction_still_needed" in warning for warning in outcome.warnings)
    decide(settings, RIGHT)
    outcome = pipeline.refresh(replace(settings, out=settings.out.with_name("warned")))
    assert not any("audit.corrections" in warning for warning in outcome.warnings)
