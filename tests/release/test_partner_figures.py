"""The partners' figures of the sample, counted once more from the raw files in plain Python, without a line of SQL."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from datetime import date, datetime, timedelta
from functools import cache
from statistics import median

import pytest

from flows.settings import PROJECT

PARTNERS = PROJECT / "data" / "raw" / "partners"
DELIVERED_ON = date(2026, 11, 5)
"""Day on which the feedback log of the sample was delivered."""
TYPES = {
    "Association": "association",
    "Asso": "association",
    "Commerce": "shop",
    "Commerçant": "shop",
    "Boutique": "shop",
    "Pharmacie": "shop",
}


def french_day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%d/%m/%Y").date() if text else None
    except ValueError:  # 31 November, which admission sets aside
        return None


def quarter_of(day: date) -> date:
    return date(day.year, day.month - (day.month - 1) % 3, 1)


def sheet(name: str) -> list[dict]:
    openpyxl = pytest.importorskip("openpyxl")
    header, *rows = openpyxl.load_workbook(PARTNERS / name).active.iter_rows(values_only=True)
    return [dict(zip(header, row, strict=True)) for row in rows]


def table(name: str, encoding: str = "utf-8-sig") -> list[dict]:
    text = (PARTNERS / name).read_bytes().decode(encoding)
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=";"))


@cache
def roster() -> list[tuple]:
    """Partner, kind, signed, left."""
    rows = sheet("partenaires.xlsx")
    day = {True: lambda value: value.date(), False: lambda value: value}
    return [
        (
            row["Code partenaire"],
            TYPES.get(row["Type structure"]),
            *(day[isinstance(row[name], datetime)](row[name]) for name in ("Date signature", "Date sortie")),
        )
        for row in rows
    ]


@cache
def actions() -> list[tuple[str, date, int | None, int | None]]:
    """Partner, day, people in difficulty, orientations accepted; without the dirty rows (…-9000x)."""
    found = []
    for row in sheet("actions-partenaires-2023.xlsx"):
        if "-9000" not in row["Id action"]:
            found.append(
                (row["Id partenaire"], row["Date"].date(), row["En difficulté"], row["Orientations acceptées"])
            )
    for row in table("actions-partenaires-2024-2025.csv"):
        if "-9000" not in row["Id action"]:
            people = (int(row[n]) if row[n] else None for n in ("En difficulté", "Orientations acceptées"))
            found.append((row["Code partenaire"], french_day(row["Date action"]), *people))
    for line in (PARTNERS / "actions-partenaires-2026.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["id_action"] and "-9000" not in row["id_action"]:
            people = (row["en_difficulte"], row["orientations_acceptees"])
            found.append((row["id_partenaire"], date.fromisoformat(row["date"]), *people))
    return found


QUARTERS = [date(2024, 7, 1), date(2025, 10, 1), date(2026, 4, 1)]


@pytest.mark.parametrize("quarter", QUARTERS, ids=str)
@pytest.mark.parametrize("kind", ["all", "shop", "association"])
def test_partners_of_a_quarter(release, quarter, kind) -> None:
    members = {
        partner: left
        for partner, its_kind, signed, left in roster()
        if signed <= quarter and (left is None or left > quarter) and kind in ("all", its_kind)
    }
    active = {partner for partner, day, *_ in actions() if quarter_of(day) == quarter} & set(members)
    months = [quarter, *(date(quarter.year, quarter.month + n, 1) for n in (1, 2))]
    owed = {(partner, month) for partner, left in members.items() for month in months if left is None or left > month}
    sent = {(partner, day.replace(day=1)) for partner, day, *_ in actions()} & owed
    row = release.execute(
        """select on_roster_count, reporting_count, active_count, reports_expected_count, reports_received_count
        from marts.partner_participation where partner_type = ? and zone_code = '63113' and quarter_on = ?""",
        [kind, quarter],
    ).fetchall()
    # nobody in the sample reports nothing to report, so who reports is active
    assert row == [(len(members), len(active), len(active), len(owed), len(sent))]


@pytest.mark.parametrize("quarter", QUARTERS, ids=str)
def test_people_oriented_in_a_quarter(release, quarter) -> None:
    people = [(found, accepted) for _, day, found, accepted in actions() if quarter_of(day) == quarter]
    identified = sum(found or 0 for found, _ in people)
    accepted = sum(count or 0 for _, count in people)
    row = release.execute(
        """select identified_count, accepted_count from marts.orientation_to_help
        where partner_type = 'all' and quarter_on = ?""",
        [quarter],
    ).fetchall()
    assert row == [(identified, accepted)]


def test_feedback_of_each_month(release) -> None:
    months = defaultdict(list)
    for row in table("retours-habitants.csv", encoding="cp1252"):
        received, treated = french_day(row["date_reception"]), french_day(row["date_traitement"])
        if treated is None or treated >= received:  # the one treated before it came is set aside
            months[received.replace(day=1)].append((received, treated))
    expected = []
    for month, rows in sorted(months.items()):
        delays = sorted((treated - received).days for received, treated in rows if treated)
        due = [(r, t) for r, t in rows if r + timedelta(days=30) <= DELIVERED_ON]
        within = sum(1 for received, treated in due if treated and (treated - received).days <= 30)
        half = (len(rows) + 1) // 2
        half_days = delays[half - 1] if half <= len(delays) else None
        expected.append((month, len(rows), len(delays), len(due), within, median(delays), half_days))
    found = release.execute(
        """select month_on, received_count, treated_count, due_count, within_30_days_count, treated_delay_days_median,
        half_treated_days from marts.message_adjustment where obs_status <> 'M' order by month_on"""
    ).fetchall()
    assert found == expected
    assert len(found) >= 12


def test_panel_days_of_the_city_are_those_of_its_places(release) -> None:
    weeks = defaultdict(float)
    for row in table("mesures-diffusion.csv"):
        if row["indicateur"] == "Jours panneau":
            weeks[french_day(row["semaine_du"])] += float(row["valeur"].replace("\u202f", "").replace(",", "."))
    found = release.execute(
        """select period_start, value from marts.indicator_values where indicator_id = 'reach_posters'
        and zone_code = '63113' and breakdown = 'total' and value is not null order by 1"""
    ).fetchall()
    assert found == sorted(weeks.items())
