"""The partners' figures of the sample, counted again from the raw files in plain Python and held against the written rules."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from datetime import date, datetime, timedelta
from functools import cache
from math import sqrt
from statistics import median

import pytest

from flows.settings import PROJECT

PARTNERS = PROJECT / "data" / "raw" / "partners"
DELIVERED_ON = date(2026, 11, 5)
"""Day on which the feedback log of the sample was delivered."""
SMALL_PERSONS, SMALL_RESIDENTS = 10, 5
"""Counts from 1 to these are shown of nobody in difficulty, and of no residents who wrote."""
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


def steps_of(kind: str, of_period) -> dict:
    """People in difficulty and orientations accepted by period, of the partners of one kind."""
    kinds = {partner: its_kind for partner, its_kind, *_ in roster()}
    found: dict = defaultdict(lambda: [0, 0])
    for partner, day, identified, accepted in actions():
        if kind in ("all", kinds.get(partner)):
            people = found[of_period(day)]
            people[0] += identified or 0
            people[1] += accepted or 0
    return found


def assert_may_be_shown(exact: int, shown: int | None) -> None:
    """Persons: 1 to 10 are hidden, everything else is hidden or a multiple of 5 beside the exact count."""
    if 1 <= exact <= SMALL_PERSONS:
        assert shown is None
    if shown is not None:
        assert shown % 5 == 0 and abs(shown - exact) < 5 and (shown == 0) == (exact == 0)


@pytest.mark.parametrize("kind", ["all", "shop", "association"])
def test_people_oriented_in_each_quarter(release, kind) -> None:
    exact = steps_of(kind, quarter_of)
    rows = release.execute(
        """select quarter_on, identified_count, accepted_count, hidden_status from marts.orientation_to_help
        where partner_type = ? and obs_status <> 'M'""",
        [kind],
    ).fetchall()
    assert len(rows) >= 15
    for quarter, identified, accepted, hidden in rows:
        assert_may_be_shown(exact[quarter][0], identified)
        assert_may_be_shown(exact[quarter][1], accepted)
        assert hidden in ("S", "C") or None not in (identified, accepted)
    shown = sum(row[1] is not None for row in rows)
    assert shown == len(rows) if kind == "all" else shown > 0


@pytest.mark.parametrize("year", [2023, 2024, 2025])
def test_people_oriented_in_a_year_stand_in_an_interval_that_holds_the_exact_share(release, year) -> None:
    identified, accepted = steps_of("all", lambda day: day.year)[year]
    value, numerator, denominator, lower, upper = release.execute(
        """select value, numerator, denominator, lower_95, upper_95 from marts.indicator_values
        where indicator_id = 'oriented_to_help' and period_type = 'year' and breakdown = 'total' and period_start = ?""",
        [date(year, 1, 1)],
    ).fetchone()
    assert_may_be_shown(accepted, int(numerator))
    assert_may_be_shown(identified, int(denominator))
    assert value == numerator / denominator
    exact_lower, exact_upper = wilson(accepted, identified)
    assert lower < exact_lower and upper > exact_upper, "rounding widens"


def wilson(count: int, base: int) -> tuple[float, float]:
    share, z2 = count / base, 1.959963984540054**2
    middle = (share + z2 / (2 * base)) / (1 + z2 / base)
    half = sqrt(z2 * share * (1 - share) / base + z2 * z2 / (4 * base * base)) / (1 + z2 / base)
    return middle - half, middle + half


@cache
def points() -> list[tuple[str, date, int]]:
    """Partner, day and contacts of each information point, without the dirty rows."""
    found = []
    for row in sheet("actions-partenaires-2023.xlsx"):
        if row["Type action"] == "Point d'information" and "-9000" not in row["Id action"]:
            found.append((row["Id partenaire"], row["Date"].date(), row["Public touché"] or 0))
    for row in table("actions-partenaires-2024-2025.csv"):
        if row["Action"] == "Point d'information" and "-9000" not in row["Id action"]:
            reached = row["Personnes touchées"].replace("\u202f", "").replace("\xa0", "").replace(" ", "")
            found.append((row["Code partenaire"], french_day(row["Date action"]), int(reached) if reached else 0))
    for line in (PARTNERS / "actions-partenaires-2026.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["action"] == "information_point" and row["id_action"] and "-9000" not in row["id_action"]:
            found.append((row["id_partenaire"], date.fromisoformat(row["date"]), row["public_touche"] or 0))
    return found


def test_contacts_of_the_city_are_hidden_where_they_are_one_organisations(release) -> None:
    months: dict = defaultdict(lambda: defaultdict(int))
    for partner, day, reached in points():
        months[day.replace(day=1)][partner] += reached
    rows = release.execute(
        """select month_on, contact_count, contact_hidden_status from marts.outreach
        where zone_code = '63113' and is_action_log_reported"""
    ).fetchall()
    assert len(rows) >= 40
    shown = 0
    for month, count, hidden in rows:
        parts = [people for people in months[month].values() if people > 0]
        is_one = len(parts) < 3 or 100 * max(parts) >= 85 * sum(parts)
        assert (count, hidden is None) in [(sum(parts), True), (None, False)]
        assert not (is_one and count is not None)
        shown += count is not None
    assert shown > len(rows) / 2


def test_mediations_are_told_of_no_small_place(release) -> None:
    """By zone there are a few in a month: none of them is shown, by year some of the larger places are."""
    rows = release.execute(
        """select month_on, zone_code, mediation_count, mediation_oriented_count from marts.outreach
        where zone_code <> '63113' and (mediation_count > 0 or mediation_oriented_count > 0)"""
    ).fetchall()
    assert rows == []
    years = release.execute(
        """select count(*), min(denominator) from marts.indicator_values where indicator_id = 'mediation_training'
        and breakdown_value = 'mediations_oriented' and zone_code <> '63113' and period_type = 'year' and denominator > 0"""
    ).fetchone()
    assert years[0] > 5 and years[1] >= 10


def test_feedback_of_each_month(release) -> None:
    months = defaultdict(list)
    for row in table("retours-habitants.csv", encoding="cp1252"):
        received, treated = french_day(row["date_reception"]), french_day(row["date_traitement"])
        if treated is None or treated >= received:  # the one treated before it came is set aside
            months[received.replace(day=1)].append((received, treated))
    found = {
        month: told
        for month, *told in release.execute(
            """select month_on, received_count, treated_count, open_count, due_count, within_30_days_count,
            treated_delay_days_median, half_treated_days from marts.message_adjustment where obs_status <> 'M'"""
        ).fetchall()
    }
    assert sorted(found) == sorted(months) and len(found) >= 12
    for month, rows in months.items():
        delays = sorted((treated - received).days for received, treated in rows if treated)
        due = [(r, t) for r, t in rows if r + timedelta(days=30) <= DELIVERED_ON]
        within = sum(1 for received, treated in due if treated and (treated - received).days <= 30)
        half = (len(rows) + 1) // 2
        half_days = delays[half - 1] if half <= len(delays) else None
        counts = [len(rows), len(delays), len(rows) - len(delays), len(due), within]
        for exact, shown in zip(counts, found[month][:5], strict=True):
            assert shown in (exact, None)
            assert shown is None or not 1 <= exact <= SMALL_RESIDENTS
        assert found[month][5] in (median(delays), None)
        assert found[month][6] in (half_days, None)
    shown = [sum(told[n] is not None for told in found.values()) for n in range(5)]
    assert min(shown) > len(found) / 2


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
