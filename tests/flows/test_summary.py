"""What a person sees of a run in Prefect."""

from __future__ import annotations

import logging

import pytest

from flows.core.errors import VerificationFailed
from flows.core.steps import DeliveryLine, Outcome


@pytest.fixture
def summary(prefect_at_home):
    from flows import summary

    return summary


@pytest.fixture
def outcome(tmp_path):
    release = tmp_path / "20261122T021500Z-0a1b2c3d"
    release.mkdir()
    (release / "manifest.json").write_text(
        '{"release": "20261122T021500Z-0a1b2c3d", "as_of": "2026-11-21", "code_version": "c0ffee"}'
    )
    lines = (
        DeliveryLine("police/incidents.csv", "police_incidents", "passed", 10, 9, 1),
        DeliveryLine("partners/[clic](http://x)|<b>.csv", None, "refused", 0, 0, 0, "expected CSV; found a web page"),
        DeliveryLine("surveys/wave.csv", "survey_answers", "warned", 5, 5, 0),
    )
    return Outcome(release, False, lines, "run", ("a", "b"), ("c",), warnings=("marts.x: too few rows",))


def test_the_closing_line_says_what_was_refused(summary, outcome):
    line = summary.closing_line(outcome)
    assert line.startswith("Published 20261122T021500Z-0a1b2c3d; 1 of 3 deliveries refused: partners/")


def test_the_table_has_one_row_a_delivery(summary, outcome):
    rows = summary.as_table(outcome)
    assert [row["verdict"] for row in rows] == ["passed", "refused", "warned"]
    assert rows[0] == {
        "file": "police/incidents.csv",
        "contract": "police_incidents",
        "read": 10,
        "accepted": 9,
        "quarantined": 1,
        "verdict": "passed",
    }


def test_a_file_name_cannot_act_as_markdown_or_html(summary, outcome):
    assert summary.as_table(outcome)[1]["file"] == r"partners/\[clic\](http://x)\|&lt;b&gt;.csv"
    text = summary.as_markdown(outcome)
    assert "[clic](" not in text.replace(r"\[clic\](", "") and "<b>" not in text


def test_the_summary_tells_release_day_tables_refusals_and_warnings(summary, outcome):
    text = summary.as_markdown(outcome)
    for told in ("2026-11-21", "2 built, 1 taken over", "Deliveries refused (1)", "found a web page", "too few rows"):
        assert told in text


def test_a_users_mistake_leaves_no_traceback_in_the_log(summary, caplog):
    import flows.tasks  # noqa: F401

    log = logging.getLogger("prefect.task_runs")
    with caplog.at_level(logging.ERROR):
        log.addHandler(caplog.handler)
        try:
            raise VerificationFailed("marts.zones has two rows for 63113", "mend the model")
        except VerificationFailed:
            log.exception("Encountered exception", extra={"send_to_api": False})
        finally:
            log.removeHandler(caplog.handler)
    assert "marts.zones has two rows for 63113. To mend it: mend the model" in caplog.text
    assert "Traceback" not in caplog.text


def test_what_is_new_stands_before_what_is_known(summary, outcome):
    from dataclasses import replace

    lines = (
        DeliveryLine("old.csv", "zones", "warned", 5, 5, 0, "two rows", standing="known since R1"),
        DeliveryLine("fresh.csv", "zones", "warned", 5, 5, 0, "one row", standing="new"),
    )
    warnings = ("marts.x: too few rows (3 rows; new)", "marts.y: no wording (9 rows; known since R1)")
    text = summary.as_markdown(replace(outcome, deliveries=lines, warnings=warnings, known_warnings=warnings[1:]))
    told = [
        "## Deliveries warned (1)",
        "fresh.csv",
        "## Deliveries warned, known from the release before (1)",
        "old.csv",
    ]
    told += [
        "known since R1",
        "## Warnings of the tables (1)",
        "marts.x",
        "## Warnings of the tables, known from the release before (1)",
        "marts.y",
    ]
    places = [text.index(part) for part in told]
    assert places == sorted(places)
