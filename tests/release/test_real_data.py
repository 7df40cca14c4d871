"""The publishers' real files: the figures of the release are the published ones."""

from __future__ import annotations

import csv
import shutil

import duckdb
import pytest

from flows.core import pipeline
from flows.settings import PROJECT, Settings

USE_2023_07 = {2016: 765, 2017: 878, 2018: 1136, 2019: 995, 2020: 979, 2021: 1231, 2022: 1344}
USE_2025_01 = {2016: 765, 2018: 1138, 2022: 1346, 2023: 1193, 2024: 1642}
CIAT_USE = {2012: 345, 2013: 282, 2014: 406, 2015: 455, 2016: 428, 2017: 385, 2018: 564, 2019: 511, 2020: 350}


@pytest.fixture(scope="module")
def real(real_data, tmp_path_factory):
    """A release made of the real police files."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "raw" / "police").mkdir(parents=True)
    files = [p for p in (real_data / "police").rglob("*") if p.is_file() and "simplified" not in p.name]
    for path in files:
        if path.name != "communes-2025-dep63-and-peers.csv":  # a layout of ours, for checking results only
            shutil.copy(path, folder / "raw" / "police" / path.name)
    settings = Settings(raw=folder / "raw", out=folder / "out").resolved()
    outcome = pipeline.refresh(settings)
    assert not outcome.has_refused, outcome.deliveries
    with duckdb.connect(str(settings.current / "campaign.duckdb"), read_only=True) as con:
        yield con


def use(con, edition: str, indicator: str = "usage_stupefiants") -> dict[int, int]:
    rows = con.execute(
        f"""select year, count from marts.police_statistics where territory_type = 'departement' and territory_code = '63'
        and indicator_code = '{indicator}' and edition_date = date '{edition}'"""
    ).fetchall()
    return dict(rows)


def test_departement_63_in_both_editions(real) -> None:
    assert use(real, "2023-07-17") == USE_2023_07
    newer = use(real, "2025-01-26")
    assert {year: newer[year] for year in USE_2025_01} == USE_2025_01
    assert use(real, "2023-07-17", "trafic_stupefiants")[2022] == 360
    assert use(real, "2025-01-26", "trafic_stupefiants")[2024] == 319


def test_the_newest_edition_wins_and_the_other_stays_visible(real) -> None:
    rows = real.execute(
        """select year, edition_date, is_latest_edition from marts.police_statistics where territory_code = '63'
        and territory_type = 'departement' and indicator_code = 'usage_stupefiants' and year in (2022, 2024)
        order by year, edition_date"""
    ).fetchall()
    assert [(y, str(e), latest) for y, e, latest in rows] == [
        (2022, "2023-07-17", False),
        (2022, "2025-01-26", True),
        (2024, "2025-01-26", True),
    ]


def test_revisions_are_the_differences_of_the_two_editions(real) -> None:
    """Counted here another way: each figure of both editions, side by side, in Python."""
    figures: dict[tuple, dict[str, tuple]] = {}
    for *key, edition, count, rate in real.execute(
        """select territory_code, year, indicator_code, cast(edition_date as varchar), count, rate_per_1000
        from marts.police_statistics where territory_type = 'departement'"""
    ).fetchall():
        figures.setdefault(tuple(key), {})[edition] = (count, rate)
    expected = {
        key: (old[0], new[0])
        for key, editions in figures.items()
        if len(editions) == 2
        for (_, old), (_, new) in [sorted(editions.items())]
        if old[0] != new[0] or (old[1] is not None and abs(old[1] - new[1]) > 0.00001)
    }
    rows = real.execute(
        """select territory_code, year, indicator_code, old_count, new_count from marts.revisions
        where territory_type = 'departement' and change_kind <> 'new_figure'"""
    ).fetchall()
    assert {row[:3]: row[3:] for row in rows} == expected
    assert expected["63", 2018, "usage_stupefiants"] == (1136, 1138)


def test_hidden_cells_are_null(real) -> None:
    hidden = real.execute(
        """select count(*), count(count), count(rate_per_1000) from marts.police_statistics
        where territory_type = 'commune' and not is_published"""
    ).fetchone()
    assert hidden[0] > 0 and hidden[1:] == (0, 0)
    published = real.execute(
        "select count(*) from marts.police_statistics where territory_type = 'commune' and is_published and count is null"
    ).fetchone()
    assert published[0] == 0


def test_a_commune_without_residents_has_a_count_and_no_rate(real) -> None:
    rows = real.execute(
        "select distinct count, rate_per_1000 from marts.police_statistics where population = 0 and is_published"
    ).fetchall()
    assert (0, None) in rows


def test_every_label_is_known(real) -> None:
    unknown = real.execute(
        "select distinct indicator_code from marts.police_statistics where indicator_code like 'unmapped%'"
    ).fetchall()
    assert not unknown


def test_etat_4001_gives_the_nine_figures_of_the_central_district(real) -> None:
    rows = real.execute(
        """select year, sum(fact_count) from marts.drug_facts_by_service
        where service_name = 'CIAT CENTRAL DE CLERMONT FERRAND' and index_code = 57 group by year"""
    ).fetchall()
    assert dict(rows) == CIAT_USE


def test_every_candidate_city_has_the_police_service_that_is_named(real) -> None:
    services = {
        (department, name)
        for department, name in real.execute(
            """select distinct department_code, service_name from marts.drug_facts_by_service
            where year = 2020 and force = 'police'"""
        ).fetchall()
    }
    with (PROJECT / "sql" / "reference" / "candidate_cities.csv").open(encoding="utf-8", newline="") as file:
        candidates = list(csv.DictReader(file))
    named = {(row["departement_code"], row["police_service"]) for row in candidates if row["police_service"]}
    assert len(named) > 30 and named <= services, named - services
    assert all(bool(row["police_service"]) == (row["police_zone_basis"] != "none_found") for row in candidates)


def test_the_peers_that_the_communal_extract_has_stand_with_their_interval(real) -> None:
    rows = real.execute(
        """select indicator_code, count, round(1000.0 * count / population, 2), round(lower_95, 2), round(upper_95, 2)
        from marts.peer_comparison where zone_code = '13055' and year = 2025 and is_published order by indicator_code"""
    ).fetchall()
    assert rows == [
        ("trafic_stupefiants", 3649, 4.12, 3.99, 4.25),
        ("usage_stupefiants", 13255, 14.96, 14.71, 15.22),
        ("usage_stupefiants_afd", 12182, 13.75, 13.51, 14.0),
    ]
    # the extract has no city of the rule: none is chosen, and each says why
    outcomes = real.execute("select distinct outcome, is_chosen from marts.peer_selection order by outcome").fetchall()
    assert outcomes == [("excluded", False), ("no_series", False), ("not_police_zone", False)]


def test_where_the_commune_is_unknown_the_departement_stands_beside_it(real) -> None:
    row = real.execute(
        """select count, rate_per_1000, obs_status, figure_level, departement_count from marts.peer_comparison
        where zone_code = '63113' and year = 2024 and indicator_code = 'usage_stupefiants'"""
    ).fetchone()
    assert row == (None, None, "M", "departement", 1642)
