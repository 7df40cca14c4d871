"""Runs after the first one: what is done again, what is taken over, what stays known, and what a day knew."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date

import duckdb
import pytest

from flows.core import building, landing, pipeline, publishing
from flows.core.errors import UnknownRelease
from flows.core.expectation_texts import NAMES
from flows.settings import PROJECT, Settings

INCIDENTS = "id_incident;date_heure;code_quartier;categorie;lien_trafic;version_regle;service\n"
ZONES = "code_zone;type_zone;nom;code_parent\n63113;commune;Clermont-Ferrand;D63\nCF01;quartier;Centre;63113\n"


@pytest.fixture
def settings(tmp_path) -> Settings:
    """A raw folder with zones and one month of incidents, received in February 2025."""
    chosen = Settings(raw=tmp_path / "raw", out=tmp_path / "out").resolved()
    write(chosen, "reference/zones.csv", ZONES, "2025-01-01T00:00:00Z")
    write(chosen, "police/incidents-01.csv", incidents("2025-01", 3), "2025-02-03T00:00:00Z")
    return chosen


def incidents(month: str, count: int, category: str = "rixe") -> str:
    rows = (f"I-{month}-{n};{month}-{n + 1:02d} 14:05;CF01;{category};oui;v1;pm\n" for n in range(count))
    return INCIDENTS + "".join(rows)


def write(settings: Settings, name: str, text: str, received_at: str | None = None, sender: str | None = None) -> None:
    path = settings.raw / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    if received_at:
        receipt = landing.new_receipt(path, landing.sha256_of(path), received_at, sender)
        landing.write_receipt(path.with_name(path.name + landing.RECEIPT_ENDING), receipt)


def linked(settings: Settings) -> dict[str, float]:
    """Linked incidents by month, exact: a release hides counts as small as these, the newest run's internal database has them."""
    with duckdb.connect(str(settings.internal), read_only=True) as con:
        return {
            str(month)[:7]: count
            for month, count in con.execute(
                """select period_start, record_count from intermediate.int_police_counted
                where indicator_id = 'violence_trafficking' and zone_code = '63113' and period_type = 'month'
                and breakdown = 'total' and record_count is not null"""
            ).fetchall()
        }


def manifest(settings: Settings) -> dict:
    return json.loads((settings.current / "manifest.json").read_text())


def test_a_second_run_has_nothing_to_do(settings, released) -> None:
    first = released(settings)
    again = pipeline.refresh(settings)
    assert not first.is_unchanged and again.is_unchanged
    assert again.release == first.release
    assert [line[:6] for line in map(_fields, again.deliveries)] == [
        line[:6] for line in map(_fields, first.deliveries)
    ]


def _fields(line) -> tuple:
    return (line.file_name, line.contract, line.verdict, line.rows_read, line.rows_accepted, line.rows_quarantined)


def test_one_new_file_is_the_only_one_read(settings, released, monkeypatch) -> None:
    from flows.core import admission

    released(settings)
    read: list[str] = []
    genuine = admission.admit
    monkeypatch.setattr(admission, "admit", lambda d, *rest: read.append(d.shown_name) or genuine(d, *rest))
    write(settings, "police/incidents-02.csv", incidents("2025-02", 2), "2025-03-03T00:00:00Z")
    outcome = pipeline.refresh(settings)
    assert read == ["police/incidents-02.csv"]
    assert linked(settings) == {"2025-01": 3, "2025-02": 2}
    of_others = {"marts.partner_participation", "marts.peer_comparison", "marts.zones", "marts.perceptions_by_wave"}
    assert of_others <= set(outcome.reused_tables)
    assert "marts.indicator_values" in outcome.built_tables


def test_tables_taken_over_are_the_same_as_built_anew(settings, released, tmp_path) -> None:
    released(settings)
    write(settings, "police/incidents-02.csv", incidents("2025-02", 2), "2025-03-03T00:00:00Z")
    pipeline.refresh(settings)
    fresh = replace(settings, out=tmp_path / "fresh")
    released(fresh)
    assert tables(settings) == tables(fresh)


def test_the_packed_code_is_taken_over_while_it_is_the_same_and_whole(settings, released) -> None:
    released(settings)
    code = settings.current / "code.zip"
    first, content = code.stat(), code.read_bytes()
    write(settings, "police/incidents-02.csv", incidents("2025-02", 2), "2025-03-03T00:00:00Z")
    pipeline.refresh(settings)
    assert (code.stat().st_ino, code.stat().st_mtime) == (first.st_ino, first.st_mtime)
    damaged = code.resolve()
    damaged.unlink()
    damaged.write_bytes(content[:-1])
    write(settings, "police/incidents-03.csv", incidents("2025-03", 2), "2025-04-03T00:00:00Z")
    pipeline.refresh(settings)
    assert code.read_bytes() == content


def test_a_run_that_ends_in_an_error_leaves_no_database_open(settings, monkeypatch) -> None:
    """Whoever holds the error holds what it was raised over: the next run of the process must not find the old tables."""
    with monkeypatch.context() as broken:
        broken.setattr(building, "verify", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError) as held:
            pipeline.refresh(settings)
    assert pipeline.refresh(settings).release is not None and held.value


def compared(settings: Settings) -> dict[tuple[str, str], str]:
    """Verdicts of what compares the release with the one before, by table and expectation."""
    with duckdb.connect(str(settings.current / "campaign.duckdb"), read_only=True) as con:
        rows = con.execute(
            "select subject, expectation_id, verdict from audit.release_checks where starts_with(expectation_id, 'previous_')"
        ).fetchall()
    return {(subject, id): verdict for subject, id, verdict in rows}


def test_a_result_is_made_anew_where_a_table_that_it_names_changed(settings, monkeypatch) -> None:
    made: set[tuple[str, str]] = set()
    genuine = building._make_results

    def noted(build, wanted, expectations, progress):
        made.update((model.name, e.id) for model in wanted for e in expectations[model.name])
        return genuine(build, wanted, expectations, progress)

    monkeypatch.setattr(building, "_make_results", noted)
    pipeline.refresh(settings)
    assert ("marts.police_statistics", "count_not_negative") in made
    made.clear()
    write(settings, "police/incidents-02.csv", incidents("2025-02", 2), "2025-03-03T00:00:00Z")
    outcome = pipeline.refresh(settings)
    assert "marts.police_statistics" in outcome.reused_tables
    # audit.deliveries has one row more; the table itself and what it says of itself are as they were
    assert ("marts.police_statistics", "delivery_in_force") in made
    assert ("marts.police_statistics", "count_not_negative") not in made


def test_the_first_release_is_compared_with_nothing_and_says_so(settings, released) -> None:
    released(settings)
    assert compared(settings) == {}
    assert manifest(settings)["compared_with"] is None
    assert manifest(settings)["not_compared"] == "there is no release before this one"


def test_what_is_lost_against_the_release_before_warns(settings, released) -> None:
    write(settings, "police/incidents-02.csv", incidents("2025-02", 20), "2025-03-03T00:00:00Z")
    first = released(settings)
    write(settings, "police/incidents-02.csv", incidents("2025-03", 2), "2025-04-03T00:00:00Z")
    outcome = pipeline.refresh(settings)
    assert manifest(settings)["compared_with"] == first.release.name
    failed = {key for key, verdict in compared(settings).items() if verdict == "failed"}
    assert ("marts.indicator_values", "previous_periods_kept") in failed
    assert "not_checked" not in compared(settings).values()
    assert any("previous_periods_kept failed" in warning for warning in outcome.warnings)


def test_one_month_more_loses_nothing(settings, released) -> None:
    released(settings)
    write(settings, "police/incidents-02.csv", incidents("2025-02", 20), "2025-03-03T00:00:00Z")
    outcome = pipeline.refresh(settings)
    assert set(compared(settings).values()) == {"passed"}
    assert not [warning for warning in outcome.warnings if "previous_" in warning]


def test_an_older_day_is_not_compared_with_a_newer_one(settings, released) -> None:
    write(settings, "police/incidents-02.csv", incidents("2025-02", 20), "2025-03-03T00:00:00Z")
    released(settings)
    outcome = pipeline.refresh(replace(settings, as_of=date(2025, 2, 10)))
    assert compared(settings) == {}
    assert manifest(settings)["not_compared"] == "the release before tells of a later day (2025-03-03)"
    assert not [warning for warning in outcome.warnings if "previous_" in warning]


def test_figures_that_the_code_changed_are_told(settings, released, tmp_path) -> None:
    shutil.copytree(PROJECT / "sql", tmp_path / "sql")
    settings = replace(settings, sql=tmp_path / "sql")
    write(settings, "police/incidents-02.csv", incidents("2025-02", 20), "2025-03-03T00:00:00Z")
    released(settings)
    model = tmp_path / "sql" / "1_staging" / "stg_police__incidents.sql"
    text = model.read_text()
    assert "\nqualify" in text
    model.write_text(text.replace("qualify", "where incident_id <> 'I-2025-02-1'\nqualify", 1))
    pipeline.refresh(settings)
    assert linked(settings)["2025-02"] == 19
    assert compared(settings)["marts.indicator_values", "previous_figures_kept"] == "failed"


def test_a_changed_model_redoes_only_what_depends_on_it(settings, released, tmp_path) -> None:
    shutil.copytree(PROJECT / "sql", tmp_path / "sql")
    settings = replace(settings, sql=tmp_path / "sql")
    released(settings)
    model = tmp_path / "sql/3_marts/calendar.sql"
    model.write_text(model.read_text() + "\n-- one more comment\n")
    outcome = pipeline.refresh(settings)
    of_the_run = {"audit.checks", "audit.release_checks", "audit.releases"}
    of_the_code = {"audit.lineage", "audit.origins", "audit.provenance"}
    assert set(outcome.built_tables) == {"marts.calendar"} | of_the_run | of_the_code


def test_a_changed_contract_reads_again_only_its_deliveries(settings, released, tmp_path, monkeypatch) -> None:
    from flows.core import admission

    shutil.copytree(PROJECT / "sql", tmp_path / "sql")
    settings = replace(settings, sql=tmp_path / "sql")
    released(settings)
    contract = tmp_path / "sql/0_sources/police_incidents.yml"
    contract.write_text(contract.read_text() + "# a new remark\n")
    read: list[str] = []
    genuine = admission.admit
    monkeypatch.setattr(admission, "admit", lambda d, *rest: read.append(d.shown_name) or genuine(d, *rest))
    pipeline.refresh(settings)
    assert read == ["police/incidents-01.csv"]


def test_a_changed_file_takes_the_place_of_the_old_one_which_stays_known(settings, released) -> None:
    released(settings)
    write(settings, "police/incidents-01.csv", incidents("2025-01", 5))
    pipeline.refresh(settings)
    assert linked(settings) == {"2025-01": 5}
    with duckdb.connect(str(settings.internal), read_only=True) as con:
        rows = con.execute(
            "select rows_accepted, superseded_by is not null from audit.deliveries where contract = 'police_incidents' order by 1"
        ).fetchall()
    assert rows == [(3, True), (5, False)]


def test_a_day_knows_what_was_received_by_then(settings, released, tmp_path) -> None:
    write(settings, "police/incidents-02.csv", incidents("2025-02", 2), "2025-03-03T00:00:00Z")
    released(settings)
    then = replace(settings, out=tmp_path / "then", as_of=date(2025, 2, 28))
    pipeline.refresh(then)
    assert linked(settings) == {"2025-01": 3, "2025-02": 2}
    assert linked(then) == {"2025-01": 3}


def test_a_refused_correction_leaves_the_old_delivery_in_force(settings, released) -> None:
    released(settings)
    write(settings, "police/incidents-01.csv", INCIDENTS)
    outcome = pipeline.refresh(settings)
    assert outcome.has_refused
    assert linked(settings) == {"2025-01": 3}


def test_two_senders_may_use_the_same_file_name(settings) -> None:
    write(settings, "police/a/export.csv", incidents("2025-02", 2), "2025-03-03T00:00:00Z", "A")
    write(settings, "police/b/export.csv", incidents("2025-03", 4), "2025-03-04T00:00:00Z", "B")
    pipeline.refresh(settings)
    assert linked(settings) == {"2025-01": 3, "2025-02": 2, "2025-03": 4}


def test_the_same_content_twice_is_one_delivery(settings) -> None:
    write(settings, "police/copy.csv", incidents("2025-01", 3), "2025-02-04T00:00:00Z")
    outcome = pipeline.refresh(settings)
    assert [line.file_name for line in outcome.deliveries] == ["reference/zones.csv", "police/incidents-01.csv"]
    assert "police/copy.csv" in outcome.deliveries[1].note
    assert linked(settings) == {"2025-01": 3}


def test_rollback_switches_to_a_kept_release(settings, released) -> None:
    first = released(settings).release
    write(settings, "police/incidents-02.csv", incidents("2025-02", 2), "2025-03-03T00:00:00Z")
    second = pipeline.refresh(settings).release
    assert second != first
    publishing.switch(settings.current, publishing.find_release(settings.releases, first.name))
    with duckdb.connect(str(settings.current / "campaign.duckdb"), read_only=True) as con:
        months = con.execute(
            """select distinct period_start from marts.indicator_values
            where indicator_id = 'violence_trafficking' and period_type = 'month' and obs_status <> 'M'"""
        ).fetchall()
    assert months == [(date(2025, 1, 1),)]
    with pytest.raises(UnknownRelease, match="kept are"):
        publishing.find_release(settings.releases, "1999")


def test_the_oldest_releases_go_and_the_current_one_stays(settings) -> None:
    settings = replace(settings, kept_releases=2)
    names = []
    for month in ("02", "03", "04"):
        write(settings, f"police/incidents-{month}.csv", incidents(f"2025-{month}", 1), f"2025-{month}-20T00:00:00Z")
        names.append(pipeline.refresh(settings).release.name)
    assert [r.name for r in publishing.kept_releases(settings.releases)] == names[1:]
    publishing.switch(settings.current, settings.releases / names[1])
    publishing.prune(settings.releases, settings.current, 1)
    assert [r.name for r in publishing.kept_releases(settings.releases)] == [names[1]]


def test_no_publish_leaves_the_current_release(settings, released) -> None:
    first = released(settings).release
    write(settings, "police/incidents-02.csv", incidents("2025-02", 2), "2025-03-03T00:00:00Z")
    outcome = pipeline.refresh(replace(settings, publish=False))
    assert outcome.release is None and (outcome.candidate / "campaign.duckdb").is_file()
    assert publishing.current_release(settings.current) == first


def test_a_failed_critical_expectation_stops_publishing(settings, released, tmp_path) -> None:
    from flows.core.errors import VerificationFailed

    first = released(settings).release
    shutil.copytree(PROJECT / "sql", tmp_path / "sql")
    told = tmp_path / "sql/expectation_texts/tables.yml"
    told.write_text(told.read_text() + "made_to_fail:\n" + "".join(f"  {name}: x\n" for name in NAMES))
    spec = tmp_path / "sql/3_marts/calendar.yml"
    entry = """
  - id: made_to_fail
    expectation: expect_table_row_count_to_be_between
    kwargs: {min_value: 1000}
    severity: critical
    on_failure: refuse
    reason: "2026-11: a test."
"""
    text = spec.read_text()
    spec.write_text(text + (entry if "expectations:" in text else "expectations:" + entry))
    with pytest.raises(VerificationFailed, match=r"marts.calendar: made_to_fail"):
        pipeline.refresh(replace(settings, sql=tmp_path / "sql"))
    assert publishing.current_release(settings.current) == first


def test_a_raw_folder_inside_the_warehouse_is_left_alone(settings) -> None:
    from flows.core.errors import UsageProblem

    inside = replace(settings, raw=settings.out / "work")
    shutil.copytree(settings.raw, inside.raw)
    with pytest.raises(UsageProblem, match="inside the warehouse"):
        pipeline.refresh(inside)
    assert (inside.raw / "reference" / "zones.csv").is_file()


def test_a_bad_file_that_was_mended_stays_on_record_and_counts_no_more(settings, released) -> None:
    write(settings, "police/incidents-02.csv", "no;known;header\n1;2;3\n")
    assert released(settings).has_refused
    write(settings, "police/incidents-02.csv", incidents("2025-02", 2))
    mended = pipeline.refresh(settings)
    assert not mended.has_refused
    assert [(line.verdict, line.is_withdrawn) for line in mended.deliveries if "02" in line.file_name] == [
        ("refused", True),
        ("passed", False),
    ]
    again = pipeline.refresh(settings)
    assert again.is_unchanged and not again.has_refused


def test_a_bad_file_that_was_taken_away_counts_no_more(settings, released) -> None:
    write(settings, "police/incidents-02.csv", "no;known;header\n1;2;3\n")
    assert released(settings).has_refused
    (settings.raw / "police" / "incidents-02.csv").unlink()
    assert not pipeline.refresh(settings).has_refused


def test_a_file_that_is_written_to_while_it_is_read_is_refused_and_read_anew(settings, monkeypatch) -> None:
    from flows.core import admission

    write(settings, "police/incidents-02.csv", incidents("2025-02", 2))
    judge = admission._judge

    def still_arriving(delivery, *arguments, **keywords):
        verdict = judge(delivery, *arguments, **keywords)
        if delivery.path.name == "incidents-02.csv":
            with delivery.path.open("a") as file:
                file.write("I-2025-02-9;2025-02-09 14:05;CF01;rixe;oui;v1;pm\n")
        return verdict

    monkeypatch.setattr(admission, "_judge", still_arriving)
    arriving = pipeline.refresh(settings)
    assert {line.file_name: line.verdict for line in arriving.deliveries}["police/incidents-02.csv"] == "refused"
    assert "written to meanwhile" in next(line.note for line in arriving.deliveries if line.verdict == "refused")
    monkeypatch.undo()
    arrived = pipeline.refresh(settings)
    assert not arrived.has_refused
    assert [line.rows_accepted for line in arrived.deliveries if "02" in line.file_name and not line.is_withdrawn] == [
        3
    ]


def test_a_file_that_is_only_touched_while_it_is_read_is_admitted(settings, monkeypatch) -> None:
    from flows.core import admission

    judge = admission._judge

    def touched(delivery, *arguments, **keywords):
        verdict = judge(delivery, *arguments, **keywords)
        delivery.path.touch()
        return verdict

    monkeypatch.setattr(admission, "_judge", touched)
    assert not pipeline.refresh(settings).has_refused


def tables(settings: Settings) -> dict[str, str]:
    """The content hash of each table that does not speak of earlier releases."""
    entries = manifest(settings)["tables"].items()
    return {name: entry["content_sha256"] for name, entry in entries if not entry["history"]}


@pytest.mark.parametrize("harm", ["none", "gone", "damaged"])
def test_kept_intermediate_tables_spare_work_and_change_nothing(settings, released, tmp_path, harm) -> None:
    released(settings)
    files = sorted(settings.kept.iterdir())
    assert files
    for file in files:
        if harm == "gone":
            file.unlink()
        elif harm == "damaged":
            file.write_bytes(file.read_bytes()[:-9] + b"otherwise")
    write(settings, "police/incidents-02.csv", incidents("2025-02", 2), "2025-03-03T00:00:00Z")
    pipeline.refresh(settings)
    anew = replace(settings, out=tmp_path / "anew")
    released(anew)
    assert tables(settings) == tables(anew)
    # what is protected hangs on what was shown before, which a first release does not know
    own = {p.name for p in settings.kept.iterdir() if "int_counts_protected" not in p.name}
    assert own <= {p.name for p in anew.kept.iterdir()}


RIGHT, WRONG = incidents("2025-02", 2), incidents("2025-02", 9)


def linked_on(settings: Settings, place, day: date | None) -> dict[str, float]:
    then = replace(settings, out=place / str(day), as_of=day)
    pipeline.refresh(then)
    return linked(then)


def test_a_file_put_back_over_a_wrong_one_is_in_force_again(settings, released) -> None:
    write(settings, "police/incidents-02.csv", RIGHT, "2025-03-03T00:00:00Z")
    released(settings)
    write(settings, "police/incidents-02.csv", WRONG)
    pipeline.refresh(settings)
    assert linked(settings)["2025-02"] == 9
    second = settings.raw / "police" / f"incidents-02.csv{landing.RECEIPT_ENDING}"
    second.write_text(json.dumps(json.loads(second.read_text()) | {"received_at": "2025-03-04T00:00:00Z"}))
    write(settings, "police/incidents-02.csv", RIGHT)
    outcome = pipeline.refresh(settings)
    assert linked(settings)["2025-02"] == 2
    assert [line.rows_read for line in outcome.deliveries if "02" in line.file_name] == [9, 2]
    for day, count in ((3, 2), (5, 9)):  # in the same warehouse, which still holds what was overwritten
        pipeline.refresh(replace(settings, as_of=date(2025, 3, day)))
        assert linked(settings)["2025-02"] == count


def test_a_file_landed_again_after_a_wrong_one_is_in_force_again(settings, tmp_path) -> None:
    from flows.core import receiving

    file = tmp_path / "incidents-02.csv"
    known = []
    for day, text in ((3, RIGHT), (4, WRONG), (5, RIGHT), (6, RIGHT)):
        file.write_text(text, encoding="utf-8")
        known.append(receiving.receive(settings, file, date(2025, 3, day), "Ville").was_known)
    assert known == [False, False, False, True]
    pipeline.refresh(settings)
    assert linked(settings)["2025-02"] == 2
    assert [linked_on(settings, tmp_path, date(2025, 3, day))["2025-02"] for day in (3, 4, 5)] == [2, 9, 2]
    assert pipeline.refresh(settings).is_unchanged
