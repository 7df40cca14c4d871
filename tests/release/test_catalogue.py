"""The catalogue and the values of the sample agree: no indicator without a value, no value without an indicator."""

from __future__ import annotations

import pytest


def without_value(con) -> set[str]:
    """Indicators of the catalogue of which not one value is known: neither shown nor hidden."""
    rows = con.execute(
        """select indicator_id from marts.indicators
        except select indicator_id from marts.indicator_values where value is not null or obs_status in ('S', 'C')"""
    ).fetchall()
    return {row[0] for row in rows}


def without_indicator(con) -> set[str]:
    rows = con.execute(
        "select indicator_id from marts.indicator_values except select indicator_id from marts.indicators"
    ).fetchall()
    return {row[0] for row in rows}


def test_every_indicator_has_a_value(release) -> None:
    assert not without_value(release)


def test_every_value_has_an_indicator(release) -> None:
    assert not without_indicator(release)


@pytest.mark.parametrize("indicator", ["clear_up_12m_standardised", "recall"])
def test_a_lack_on_either_side_is_found(indicator) -> None:
    """An indicator whose rows are all missing is named; so is one that the catalogue no longer has."""
    import duckdb

    with duckdb.connect() as con:
        con.execute("create schema marts")
        con.execute(f"create table marts.indicators as select '{indicator}' as indicator_id")
        con.execute(
            f"create table marts.indicator_values as select '{indicator}' as indicator_id, cast(null as double) as value, "
            "'M' as obs_status"
        )
        assert without_value(con) == {indicator} and not without_indicator(con)
        con.execute("delete from marts.indicators")
        assert not without_value(con) and without_indicator(con) == {indicator}


PERIODS = {
    "violence_trafficking": {"month", "quarter", "year", "twelve_months"},
    "violence_trafficking_rate": {"month", "quarter", "year"},
    "police_interventions": {"month", "quarter", "year", "twelve_months"},
    "police_interventions_rate": {"month", "quarter", "year"},
    "clear_up_3m": {"month", "quarter", "year"},
    "clear_up_6m": {"month", "quarter", "year"},
    "clear_up_9m": {"month", "quarter", "year"},
    "clear_up_12m": {"month", "quarter", "year"},
    "clear_up_12m_standardised": {"month", "quarter", "year"},
    "clear_up_ratio": {"year"},
    "drug_use_recorded": {"year"},
    "drug_use_fined": {"year"},
    "trafficking_recorded": {"year"},
}


@pytest.mark.parametrize("indicator", PERIODS)
def test_every_grain_of_the_police_has_values(release, indicator) -> None:
    sql = "select distinct period_type from marts.indicator_values where indicator_id = ? and obs_status <> 'M'"
    assert {row[0] for row in release.execute(sql, [indicator]).fetchall()} == PERIODS[indicator]


def test_interventions_are_broken_down_by_service_type_and_origin(release) -> None:
    sql = """select breakdown, sum(value) from marts.indicator_values where indicator_id = 'police_interventions'
        and zone_code = '63113' and period_type = 'year' and period_start = date '2024-01-01' group by breakdown"""
    found = dict(release.execute(sql).fetchall())
    assert found == {"total": 2400, "service": 2400, "type": 2400, "origin": 2400, "zone_group": 2400}


def test_quarters_add_up_to_the_year(release) -> None:
    sql = """select period_type, sum(value), count(*) filter (where value is null) from marts.indicator_values
        where indicator_id = 'violence_trafficking' and zone_code = '63113' and breakdown = 'total'
        and extract(year from period_start) = 2024 group by period_type"""
    found = {period: told for period, *told in release.execute(sql).fetchall()}
    assert found["quarter"] == found["year"] == [125, 0]
    shown, hidden = found["month"]
    assert shown + hidden <= 125 and (hidden == 0) == (shown == 125), "what is hidden makes up the rest"
