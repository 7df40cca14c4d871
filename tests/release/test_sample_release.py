"""The release of the sample: its figures, its shape, and that it is labelled for what it is."""

from __future__ import annotations

import json

from flows.core import ledger
from flows.core.landing import sha256_of


def one(con, sql: str):
    rows = con.execute(sql).fetchall()
    assert len(rows) == 1, rows
    return rows[0]


def value(con, indicator: str, year: int) -> float:
    return one(
        con,
        f"""select value from marts.indicator_values where indicator_id = '{indicator}' and zone_code = '63113'
        and period_type = 'year' and period_start = date '{year}-01-01' and breakdown = 'total'""",
    )[0]


def test_the_figures_of_2024_are_those_of_the_article(release) -> None:
    assert value(release, "violence_trafficking", 2024) == 125
    assert value(release, "police_interventions", 2024) == 2400
    assert value(release, "clear_up_ratio", 2024) == 0.19


def test_the_scorecard_has_the_four_rows(release) -> None:
    rows = release.execute(
        "select situation_2024, projection_2025, observed_2024, is_synthetic from marts.scorecard order by row_order"
    ).fetchall()
    assert [r[:2] for r in rows] == [
        ("125", "150"),
        ("2 400", "2 700"),
        ("—", "campagne innovante lancée"),
        ("19 %", "23 %"),
    ]
    assert [r[2] for r in rows] == [125, 2400, None, 0.19]
    assert all(r[3] for r in rows)


def test_the_printed_scorecard_reads_as_the_article_does(release) -> None:
    printed = release.execute("select * from marts.scorecard_printed order by row_order")
    assert [column[0] for column in printed.description] == [
        "row_order", "categorie", "situation_2024", "projection_2025", "observe_2024", "observe_2025", "dernier",
        "evolution", "constat", "niveau_de_preuve", "is_synthetic",
    ]  # fmt: skip
    rows = printed.fetchall()
    assert [row[4:8] for row in rows] == [
        ("125", "139", "120 (2025-11/2026-10)", "1,11 (0,87–1,43)"),
        ("2 400", "2 548", "2 614 (2025-11/2026-10)", "1,062 (1,004–1,123)"),
        rows[2][4:8],
        ("19 %", "19 %", "19 % (2025)", "0,0 point, sans intervalle"),
    ]
    assert rows[2][4:6] == ("—", "—") and rows[2][7] == "—"
    assert "on ne peut pas le distinguer d’une absence de changement" in rows[0][8]
    assert "Aucun intervalle honnête" in rows[3][8]


def test_what_can_have_an_interval_has_one(release) -> None:
    lacking = """
        select distinct v.indicator_id, v.breakdown from marts.indicator_values v
        join marts.indicators i on v.indicator_id = i.indicator_id and i.interval_method in ('poisson', 'wilson', 'count_ratio')
        where v.value is not null and v.lower_95 is null and v.breakdown <> 'measure' and v.obs_status <> 'U'"""
    assert release.execute(lacking).fetchall() == []
    with_limits = "select count(*) from marts.indicator_values where lower_95 is not null"
    assert one(release, with_limits)[0] > 5_000


def test_how_an_interval_is_made_is_decided_for_every_indicator(release) -> None:
    undecided = "select indicator_id from marts.indicators where interval_reason is null"
    assert release.execute(undecided).fetchall() == [], "give each a row in sql/reference/interval_methods.csv"


def test_chance_alone_calls_few_changes_distinguishable(release) -> None:
    """The sample draws its incidents without any change of the places: about one comparison in twenty, at most, stands out."""
    total, told = one(
        release,
        """select count(*), count(*) filter (where is_distinguishable) from marts.indicator_changes
        where indicator_id = 'violence_trafficking'""",
    )
    assert total > 30 and told <= 0.1 * total  # only what is shown of two years can be compared


def test_synthetic_data_prove_no_claim(release) -> None:
    verdicts = {row[0] for row in release.execute("select verdict from marts.claims").fetchall()}
    assert verdicts == {"cannot be checked"}


def test_every_delivery_adds_up(release) -> None:
    rows = release.execute(
        "select rows_read, rows_accepted, rows_quarantined, verdict from audit.deliveries"
    ).fetchall()
    assert len(rows) > 20
    assert all(read == accepted + quarantined for read, accepted, quarantined, _ in rows)
    assert sum(row[2] for row in rows) > 10, "the sample shows quarantine at work"
    assert {row[3] for row in rows} <= {"passed", "warned"}


def test_quarantine_counts_agree_with_the_deliveries(release) -> None:
    assert not release.execute(
        """select d.delivery_id from audit.deliveries d
        left join (select delivery_id, sum(rows) as n from audit.quarantine group by delivery_id) q
        on d.delivery_id = q.delivery_id where d.rows_quarantined <> coalesce(q.n, 0)"""
    ).fetchall()


def test_every_check_ran(release) -> None:
    verdicts = dict(release.execute("select verdict, count(*) from audit.checks group by verdict").fetchall())
    assert verdicts["passed"] > 300 and verdicts["failed"] > 10
    assert "not_checked" not in verdicts


def test_the_file_is_readable_by_duckdb_1_0(sample_run) -> None:
    import duckdb

    settings, _ = sample_run
    with duckdb.connect() as con:
        con.execute(f"attach '{settings.current}/campaign.duckdb' as release (read_only)")
        tags = con.execute("select tags from duckdb_databases() where database_name = 'release'").fetchone()[0]
    assert str(tags["storage_version"]).startswith("v1.0.0")


def test_the_manifest_holds_every_file(sample_run) -> None:
    settings, outcome = sample_run
    manifest = json.loads((outcome.release / "manifest.json").read_text())
    on_disk = {str(p.relative_to(outcome.release)) for p in outcome.release.rglob("*") if p.is_file()}
    assert set(manifest["files"]) == on_disk - {"manifest.json", "manifest.sha256"}
    letters = {name for name in on_disk if name.startswith("letters/")}
    told = {name: entry["sha256"] for name, entry in manifest["files"].items()}
    assert told == {n: None if n in letters else sha256_of(outcome.release / n) for n in told}
    kept = json.loads((settings.runs / f"{outcome.release.name}.withheld.json").read_text())["letters"]
    assert kept == {
        n: {"sha256": sha256_of(outcome.release / n), "bytes": (outcome.release / n).stat().st_size} for n in letters
    }
    assert manifest["code_version"] == ledger.code_version(settings.sql)
    assert len(manifest["deliveries"]) == len(outcome.deliveries)


def test_parquet_and_database_hold_the_same(release, sample_run) -> None:
    settings, _ = sample_run
    package = json.loads((settings.current / "datapackage.json").read_text())
    for resource in package["resources"]:
        table = resource["path"].removeprefix("parquet/").removesuffix(".parquet")
        path = settings.current / resource["path"]
        for left, right in ((table, f"'{path}'"), (f"'{path}'", table)):
            assert release.execute(f"select count(*) from (from {left} except from {right})").fetchone()[0] == 0
        names = [field["name"] for field in resource["schema"]["fields"]]
        assert names == [row[0] for row in release.execute(f"describe {table}").fetchall()]


def test_only_what_is_published_is_in_the_release(release) -> None:
    schemas = {row[0] for row in release.execute("select distinct schema_name from duckdb_tables()").fetchall()}
    assert schemas == {"marts", "audit"}
    assert not release.execute("select * from duckdb_views() where not internal").fetchall()


def test_synthetic_rows_say_so(release) -> None:
    assert one(release, "select bool_and(is_synthetic) from marts.outreach where zone_code = '63113'")[0]
    assert not one(release, "select bool_or(is_synthetic) from marts.police_statistics")[0]


def test_revisions_of_the_two_editions(release) -> None:
    """Puy-de-Dôme, 2022: 1 344 people in the edition of July 2023, 1 346 in that of January 2025."""
    found = one(
        release,
        """select old_count, new_count, count_difference,
            cast(old_edition_date as varchar), cast(new_edition_date as varchar)
        from marts.revisions where territory_type = 'departement' and territory_code = '63' and year = 2022
        and indicator_code = 'usage_stupefiants'""",
    )
    assert found == (1344, 1346, 2, "2023-07-17", "2025-01-26")
    kinds = release.execute("select distinct change_kind from marts.revisions").fetchall()
    assert kinds == [("changed_value",)]


def test_completeness_of_every_month(release) -> None:
    """What the months count is what was delivered, and a month without a delivery is no complete one."""
    counted = one(release, "select sum(received_count), sum(rows_read), sum(rows_accepted) from audit.completeness")
    assert counted == one(release, "select count(*), sum(rows_read), sum(rows_accepted) from audit.deliveries")
    september = one(
        release,
        """select value, numerator, denominator, obs_status from marts.indicator_values where breakdown = 'source'
        and indicator_id = 'data_completeness' and breakdown_value = 'partners' and period_start = date '2026-09-01'""",
    )
    assert september == (0.0, 0.0, 5.0, "Z")
