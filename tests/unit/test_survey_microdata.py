"""What a survey's export may leave behind, looked at through a run's admission: two programs, a real export, the sample."""

from __future__ import annotations

import csv
import io
from collections import Counter

import duckdb
import pytest

from flows.core import steps
from flows.settings import PROJECT, Settings

REAL = PROJECT.parent / "shared" / "data" / "surveys" / "limesurvey-export-full-headings.csv"
WAVES = ("2025-03", "2025-12", "2026-09")
SECRET = "SECRET-4711"
TIME = "13:57:59"
LIMESURVEY = {
    "columns": ["id", "submitdate", "lastpage", "startlanguage", "seed", "startdate", "datestamp", "interviewtime"],
    "values": [
        "{n}",
        f"2026-09-10 {TIME}",
        "4",
        "fr",
        "195540543{n}",
        f"2026-09-10 {TIME}",
        f"2026-09-10 {TIME}",
        "481.7",
    ],
    "open": ["COMMENT", "AIDE_OU[other]"],
    "forbidden": ["token", "ipaddr", "refurl", "email", "nom", "telephone", "attribute_1", "date_naissance", "gps"],
    "says": ("LimeSurvey", "Réponses anonymisées"),
}
KOBOTOOLBOX = {
    "columns": ["start", "end", "_id", "_uuid", "_submission_time", "_validation_status", "_notes", "_status", "_index"],
    "values": [
        f"2026-09-10T{TIME}.000+02:00", f"2026-09-10T{TIME}.000+02:00", "{n}", "6a1f-uuid-{n}", "2026-09-10T11:57:59", "", "",
        "submitted_via_web", "{n}",
    ],
    "open": ["COMMENT", "AIDE_OU_autre"],
    "forbidden": ["_geolocation", "username", "deviceid", "phonenumber", "email", "nom", "_submitted_by", "adresse"],
    "says": ("KoboToolbox", "KoboToolbox"),
}  # fmt: skip
PROGRAMS = {"limesurvey": LIMESURVEY, "kobotoolbox": KOBOTOOLBOX}


def export(program: dict, forbidden: str | None = None) -> str:
    """Six respondents, one of whom is alone in zone, age and sex; each wrote a secret in own words."""
    kinds = [("F", "A1", "HORS", "2")] * 5 + [("M", "A5", "QPV", "5")]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(
        [
            *program["columns"],
            "SEXE",
            "AGE",
            "ZONE",
            "HONTE_AIDE",
            *program["open"],
            *([forbidden] if forbidden else []),
        ]
    )
    for number, kind in enumerate(kinds, start=1):
        own = [value.format(n=number) for value in program["values"]]
        writer.writerow([*own, *kind, f"{SECRET} a crié", SECRET, *([SECRET] if forbidden else [])])
    return text.getvalue()


def admitted(tmp_path, text: str):
    settings = Settings(raw=tmp_path / "raw", out=tmp_path / "out").resolved()
    settings.raw.mkdir()
    (settings.raw / "vague.csv").write_text(text, encoding="utf-8")
    run = steps.land(settings, steps.Progress())
    return settings, steps.admit(settings, run, run.deliveries[0], steps.Progress())


def left_behind(settings) -> bytes:
    """All that lies outside the raw folder and the restricted quarantine, Parquet unpacked."""
    found = []
    for path in sorted(settings.out.rglob("*")):
        if path.suffix == ".parquet":
            found.append(str(duckdb.sql(f"from read_parquet('{path}')").fetchall()).encode())
        elif path.is_file() and "quarantine" not in path.relative_to(settings.out).parts:
            found.append(path.read_bytes())
    return b"\n".join(found)


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_neither_words_nor_times_nor_somebody_alone_are_staged(program, tmp_path):
    settings, verdict = admitted(tmp_path, export(program))
    assert (verdict.verdict, verdict.rows_accepted) == ("warned", 24)
    staged = duckdb.sql(f"from read_parquet('{settings.staged / verdict.staged}')")
    assert dict(zip(staged.columns, map(str, staged.types), strict=True))["submitted_on"] == "DATE"
    told = {}
    for number, question, answer in staged.select("response_number, question_code, answer_code").fetchall():
        told.setdefault(number, {})[question] = answer
    assert len(told) == 6 and all(set(answers) == {"SEXE", "AGE", "ZONE", "HONTE_AIDE"} for answers in told.values())
    kinds = Counter((answers["ZONE"], answers["AGE"], answers["SEXE"]) for answers in told.values())
    assert min(kinds.values()) >= 3 and ("QPV", "A5", "M") not in kinds
    assert sorted(answers["HONTE_AIDE"] for answers in told.values()) == ["2", "2", "2", "2", "2", "5"]
    behind = left_behind(settings)
    for word in (SECRET, TIME, "11:57:59", "481.7", "uuid-1", "1955405431"):
        assert word.encode() not in behind, word


@pytest.mark.parametrize(
    ("program", "column"), [(name, column) for name, told in PROGRAMS.items() for column in told["forbidden"]]
)
def test_a_column_that_names_somebody_is_sent_back_with_the_way_to_an_anonymous_export(program, column, tmp_path):
    settings, verdict = admitted(tmp_path, export(PROGRAMS[program], column))
    assert verdict.verdict == "refused" and verdict.staged is None
    assert verdict.refusal["code"] == "personal_data"
    assert column.strip("_") in str(verdict.refusal)
    assert all(words in verdict.refusal["remedy"] for words in PROGRAMS[program]["says"])
    assert SECRET.encode() not in left_behind(settings)


def test_the_real_export_is_sent_back_and_nothing_of_it_is_kept(tmp_path):
    if not REAL.is_file():
        pytest.skip(f"no real data at {REAL.relative_to(PROJECT.parent)} beside the project")
    text = REAL.read_text(encoding="utf-8-sig")
    settings, verdict = admitted(tmp_path, text)
    assert verdict.verdict == "refused" and verdict.staged is None and verdict.refusal["code"] == "full_headings"
    assert "Question code" in verdict.refusal["remedy"]
    written = {row[19] for row in csv.reader(io.StringIO(text)) if len(row) > 19 and len(row[19]) > 30}
    assert len(written) > 20, "the answers in own words that must not be left behind"
    behind = left_behind(settings)
    assert [words for words in written if words.encode() in behind] == []


@pytest.mark.parametrize("wave", WAVES)
def test_in_the_samples_waves_nobody_is_nearly_alone(wave, tmp_path):
    text = (PROJECT / f"data/raw/surveys/enquete-habitants-{wave}.csv").read_text(encoding="utf-8-sig")
    settings, verdict = admitted(tmp_path, text)
    cells = duckdb.sql(
        f"""select zone, age, sex, count(*) from (select response_number,
        max(answer_code) filter (where question_code = 'ZONE') as zone,
        max(answer_code) filter (where question_code = 'AGE') as age,
        max(answer_code) filter (where question_code = 'SEXE') as sex
        from read_parquet('{settings.staged / verdict.staged}') group by 1) group by all"""
    ).fetchall()
    whole = [count for *kind, count in cells if None not in kind]
    assert len(whole) >= 20 and min(whole) >= 3
    behind = left_behind(settings)
    own_words = {
        row[name] for row in csv.DictReader(io.StringIO(text)) for name in ("COMMENT", "AIDE_OU[other]") if row[name]
    }
    assert own_words and not [words for words in own_words if words.encode() in behind]
    assert not [row["submitdate"][11:] for row in csv.DictReader(io.StringIO(text)) if len(row["submitdate"]) > 11
                and row["submitdate"].encode() in behind]  # fmt: skip
