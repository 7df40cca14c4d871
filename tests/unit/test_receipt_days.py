"""The day of receipt: what `land` refuses, what an existing receipt may say, and what a file's own times are worth."""

from __future__ import annotations

import csv
import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from flows.core import landing, receiving
from flows.core.errors import UsageProblem
from flows.settings import PROJECT, Settings

ENDING = landing.RECEIPT_ENDING
LOG = "id_action;id_partenaire;date;action;canal;zone;personnes_touchees\nA-1;P002;12/03/2026;Atelier;;CF01;11\n"
NOW = "2026-11-05T09:30:00Z"
"""The clock of these tests."""


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    monkeypatch.setattr(landing, "utc_now", lambda: NOW)
    (tmp_path / "raw").mkdir()
    return Settings(raw=tmp_path / "raw", out=tmp_path / "out").resolved()


def landed(settings: Settings) -> dict[str, landing.Delivery]:
    found = landing.land_all(settings.raw, settings.out / "raw_index.json")
    return {delivery.receipt.file_name: delivery for delivery in found}


def log_with(settings: Settings, received_at: str, name: str = "log.csv") -> Path:
    path = settings.raw / name
    path.write_text(f"{LOG}{name};P002;12/03/2026;Atelier;;CF01;11\n", encoding="utf-8")
    receipt = landing.new_receipt(path, landing.sha256_of(path), received_at)
    landing.write_receipt(path.with_name(path.name + ENDING), receipt)
    return path


def test_the_first_day_is_that_of_the_list_of_months() -> None:
    with (PROJECT / "sql/reference/months.csv").open(encoding="utf-8") as file:
        assert next(csv.DictReader(file))["month_on"] == str(landing.FIRST_DAY)


@pytest.mark.parametrize("day", ["0205-01-08", "1995-01-08", "2014-12-31", "2026-11-06", "2031-01-05", "9999-12-31"])
def test_land_refuses_a_day_on_which_nothing_can_have_come(settings, tmp_path, day) -> None:
    file = tmp_path / "log.csv"
    file.write_text(LOG, encoding="utf-8")
    with pytest.raises(UsageProblem) as refused:
        receiving.receive(settings, file, date.fromisoformat(day), None)
    told = f"{refused.value.problem}: {refused.value.remedy}"
    assert f"expected a day of receipt from 2015-01-01 to today, 2026-11-05; found {day}" in told
    assert "correct --received" in told and "clock" in told
    assert list(settings.raw.iterdir()) == []


@pytest.mark.parametrize(
    ("day", "written"),
    [("2015-01-01", "2015-01-01T12:00:00Z"), ("2026-11-04", "2026-11-04T12:00:00Z"), ("2026-11-05", NOW)],
)
def test_a_day_is_written_as_its_noon_but_never_as_a_moment_to_come(monkeypatch, day, written) -> None:
    monkeypatch.setattr(landing, "utc_now", lambda: NOW)
    assert landing.moment_on(date.fromisoformat(day)) == written


def test_today_is_the_day_in_paris(monkeypatch) -> None:
    monkeypatch.setattr(landing, "utc_now", lambda: "2026-11-05T23:30:00Z")
    assert landing.moment_on(date(2026, 11, 6)) == "2026-11-05T23:30:00Z"


@pytest.mark.parametrize(
    ("received_at", "code"),
    [
        ("0001-01-01T00:00:00Z", "receipt_too_early"),
        ("1995-01-08T12:00:00Z", "receipt_too_early"),
        ("2014-12-31T23:59:59Z", "receipt_too_early"),
        ("2026-11-06T09:30:01Z", "receipt_ahead"),
        ("2031-01-05T12:00:00Z", "receipt_ahead"),
        ("9999-12-31T12:00:00Z", "receipt_ahead"),
    ],
)
def test_a_receipt_out_of_time_has_its_own_delivery_refused_and_no_other(settings, received_at, code) -> None:
    path = log_with(settings, received_at)
    log_with(settings, "2026-04-02T08:00:00Z", "good.csv")
    os.utime(path, (datetime(2026, 5, 1, tzinfo=UTC).timestamp(),) * 2)
    found = landed(settings)
    assert len(found) == 2 and found["good.csv"].refusal is None
    refusal = found["log.csv"].refusal
    assert refusal.code == code and "received_at in log.csv.receipt.json" in refusal.found
    assert "received_at" in refusal.remedy and ("clock" in refusal.remedy) is (code == "receipt_ahead")
    assert str(max(delivery.receipt.received_on for delivery in found.values())) == "2026-05-01"


@pytest.mark.parametrize("received_at", ["2015-01-01T00:00:00Z", NOW, "2026-11-06T09:30:00Z"])
def test_a_receipt_at_the_bounds_is_taken_with_a_day_for_another_clock(settings, received_at) -> None:
    log_with(settings, received_at)
    delivery = landed(settings)["log.csv"]
    assert delivery.refusal is None and delivery.receipt.received_at == received_at


def test_a_receipt_ahead_counts_for_nothing_where_no_file_can_be_refused_for_it(settings) -> None:
    """The further receipt of content that came twice, and one whose file is gone."""
    path = log_with(settings, "2026-04-02T08:00:00Z")
    receipt = json.loads(path.with_name(path.name + ENDING).read_text())
    again = path.with_name(f"{path.name}.20310105120000{ENDING}")
    again.write_text(json.dumps(receipt | {"received_at": "2031-01-05T12:00:00Z"}))
    log_with(settings, "2031-01-05T12:00:00Z", "gone.csv").unlink()
    found = landed(settings)
    assert set(found) == {"log.csv"} and found["log.csv"].received_again == ()


def link_to_nowhere(settings: Settings, moment: datetime) -> Path:
    path = settings.raw / "x.csv"
    path.symlink_to("/nowhere")
    os.utime(path, (moment.timestamp(),) * 2, follow_symlinks=False)
    return path


@pytest.mark.parametrize("year", [1905, 1980, 2014, 2035])
def test_a_time_that_nobody_stated_gives_way_and_is_the_same_in_every_run(settings, monkeypatch, year) -> None:
    """The time of a link's entry takes its place: of a link that was made now, now."""
    path = link_to_nowhere(settings, datetime(year, 1, 1, tzinfo=UTC))
    made = datetime.fromtimestamp(path.lstat().st_ctime, UTC)
    later = (made + timedelta(days=3)).isoformat(timespec="seconds").replace("+00:00", "Z")
    monkeypatch.setattr(landing, "utc_now", lambda: later)
    delivery = landed(settings)["x.csv"]
    assert delivery.refusal.code == "symbolic_link"
    assert delivery.receipt.received_at == made.isoformat(timespec="seconds").replace("+00:00", "Z")


def test_now_is_the_last_resort_for_a_time_out_of_bounds(settings) -> None:
    """The clock of these tests stands before the link was made, as one that was set back."""
    link_to_nowhere(settings, datetime(1980, 1, 1, tzinfo=UTC))
    assert landed(settings)["x.csv"].receipt.received_at == NOW


def test_a_possible_time_of_a_link_is_kept(settings) -> None:
    link_to_nowhere(settings, datetime(2025, 6, 1, 8, tzinfo=UTC))
    assert landed(settings)["x.csv"].receipt.received_at == "2025-06-01T08:00:00Z"
