"""What the contracts' expectations catch: for each contract a good file in which nothing fails, and the same with faults."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

import duckdb
import pytest

from flows.core.admission import expectations_of
from flows.settings import PROJECT

Rows = list[dict[str, str]]


def french(day: date) -> str:
    return day.strftime("%d/%m/%Y")


def days(count: int, start: date = date(2025, 3, 3), step: int = 1) -> list[date]:
    return [start + timedelta(days=step * n) for n in range(count)]


def with_comma(number: float) -> str:
    return f"{number:.7f}".replace(".", ",")


def as_csv(rows: Rows) -> str:
    names = list(rows[0])
    return "\n".join([";".join(names), *(";".join(row[name] for name in names) for row in rows)]) + "\n"


def changed(rows: Rows, *changes: tuple[int, dict[str, str]]) -> Rows:
    """The rows, some of them (by number) with other fields."""
    return [{**row, **{k: v for n, new in changes if n == i for k, v in new.items()}} for i, row in enumerate(rows)]


def everywhere(rows: Rows, **fields: str) -> Rows:
    return [{**row, **fields} for row in rows]


def figures(place: str, codes: list[str], labels: dict[str, str], years: range, is_communal: bool) -> Rows:
    """An edition in the publisher's form: every indicator for every territory and year, rates from counts."""
    rows = []
    for code in codes:
        for year in years:
            for n, (label, unit) in enumerate(labels.items()):
                count = 200 + 40 * n + 3 * (year - 2015) * (n + 1)
                base = 60_000 if "ambriolage" in label else 150_000
                status = {"est_diffuse": "diff"} if is_communal else {}
                complement = {"complement_info_nombre": "NA", "complement_info_taux": "NA"} if is_communal else {}
                rows.append(
                    {place: code, "annee": str(year), "indicateur": label, "unite_de_compte": unit, "nombre": str(count),
                     "taux_pour_mille": with_comma(1000 * count / base), **status, "insee_pop": "150000",
                     "insee_pop_millesime": str(year), "insee_log": "60000", "insee_log_millesime": str(year), **complement}
                )  # fmt: skip
    return rows


COMMUNAL_LABELS = {
    "Usage de stupéfiants (AFD)": "Mis en cause",
    "Usage de stupéfiants": "Mis en cause",
    "Cambriolages de logement": "Infraction",
    "Vols de véhicule": "Véhicule",
    "Vols sans violence contre des personnes": "Victime entendue",
    "Violences sexuelles": "Victime",
}
COMMUNAL = figures("CODGEO_2025", ["63113", "2A004", "97411", "44109"], COMMUNAL_LABELS, range(2020, 2024), True)


def with_parts(rows: Rows) -> Rows:
    """Other use beside the fines, so that both add up to use."""
    use = {(r["annee"], r[next(iter(r))]): int(r["nombre"]) for r in rows if r["indicateur"] == "Usage de stupéfiants"}
    mended = []
    for row in rows:
        total = use[row["annee"], row[next(iter(row))]]
        if "hors" in row["indicateur"] or "(AFD)" in row["indicateur"]:
            count = total // 4 if "hors" in row["indicateur"] else total - total // 4
            row = {**row, "nombre": str(count), "taux_pour_mille": with_comma(1000 * count / 150_000)}
        mended.append(row)
    return mended


PARTS = {
    "Usage de stupéfiants": "Mis en cause",
    "Usage de stupéfiants (AFD)": "Mis en cause",
    "Usage de stupéfiants (hors AFD)": "Mis en cause",
    "Destructions et dégradations volontaires": "Infraction",
}
DEPARTEMENTAL = with_parts(figures("Code_departement", ["63", "2A", "974"], PARTS, range(2022, 2025), False))
REGIONAL = with_parts(figures("Code_region", ["84", "01"], PARTS, range(2022, 2025), False))


def year_repeated(rows: Rows) -> Rows:
    """2023 is a copy of 2022, in thirty communes."""
    labels = {"Usage de stupéfiants": "Mis en cause"}
    many = figures("CODGEO_2025", [f"63{n:03}" for n in range(30)], labels, range(2021, 2024), True)
    for row in many:
        if row["annee"] == "2023":
            row.update({k: next(r for r in many if (r["CODGEO_2025"], r["annee"]) == (row["CODGEO_2025"], "2022"))[k]
                        for k in ("nombre", "taux_pour_mille")})  # fmt: skip
    return many


COMMUNAL_FAULTS = changed(
    COMMUNAL,
    (0, {"nombre": "1000", "taux_pour_mille": with_comma(1000 / 150)}),  # fines above use: two rows of use
    (3, {"nombre": "216"}),  # one digit changed
    (4, {"nombre": "", "est_diffuse": "ndiff"}),  # hidden, with its rate
    (9, {"CODGEO_2025": "6311X"}),
    (11, {"unite_de_compte": "Infraction"}),
    (15, {"insee_pop_millesime": "1999"}),
    (16, {"complement_info_nombre": "3,5"}),
    (22, {"insee_pop": "0"}),
)[:-1]
INCIDENTS: Rows = [
    {"id_incident": f"I{n}", "date_heure": f"{french(day)} {n % 23 + 1:02}:{n % 60:02}", "code_quartier": "CF01",
     "categorie": "Rixe", "lien_trafic": "Non", "version_regle": "", "service": "PM"}
    for n, day in enumerate(days(40))
]  # fmt: skip
INTERVENTIONS: Rows = [
    {"id_intervention": f"V{n}", "date_heure": f"{french(day)} {n % 23 + 1:02}:{n % 60:02}", "code_quartier": "CF01",
     "service": "PN", "type_intervention": "Patrouille", "origine": "Appel", "duree": "30", "nb_agents": "3"}
    for n, day in enumerate(days(40))
]  # fmt: skip
CASES: Rows = [
    {"id_affaire": f"C{n}", "date_faits": french(day), "date_constatation": french(day),
     "infraction": "Vols" if n % 2 else "Usage de stupéfiants", "quartier": "CF01",
     "elucide_le": "" if n % 2 else french(day)}
    for n, day in enumerate(days(200))
]  # fmt: skip
EVENTS: Rows = [
    {"id_action": f"A{n}", "id_partenaire": "P1", "date": french(day), "action": "Médiation", "canal": "Présentiel",
     "personnes_touchees": str(10 + n), "en_difficulte": "4", "orientations_proposees": "3", "orientations_acceptees": "2",
     "rdv_honores": "1", "personnes_formees": "5", "personnes_prevues": "6"}
    for n, day in enumerate(days(40))
]  # fmt: skip
MEETINGS: Rows = [
    {"id_reunion": f"R{n}", "type_reunion": "COPIL", "date_prevue": french(day), "date_tenue": french(day),
     "nb_participants": "12", "decisions_ouvertes": "2", "decisions_closes": "1"}
    for n, day in enumerate(days(40))
]  # fmt: skip
ROSTER: Rows = [
    {"id_partenaire": f"P{n}", "raison_sociale": f"Structure {n}", "type_partenaire": "Commerce", "date_signature": "01/01/2025",
     "date_sortie": ""}
    for n in range(8)
]  # fmt: skip
METRICS: Rows = [
    {"plateforme": platform, "semaine_du": french(day), "zone": f"CF{n:02}", "version_message": "V1", "indicateur": metric,
     "valeur": value}
    for n, day in enumerate(days(6, date(2025, 11, 24), 7))
    for platform, metric, value in (
        ("Mobilier urbain", "Jours panneau", "35"), ("Facebook", "Portée unique", "6500"), ("Commerces", "Relais actifs", "2"),
    )
]  # fmt: skip
FEEDBACK: Rows = [
    {"id_retour": f"F{n}", "date_reception": french(day), "theme": "Aide", "date_traitement": french(day + timedelta(days=5)),
     "suite_donnee": "Répondu"}
    for n, day in enumerate(days(60))
]  # fmt: skip
POPULATIONS: Rows = [
    {"code_zone": zone, "annee": str(year), "population": str(residents + year)}
    for zone, residents in (("63113", 140_000), ("CF01", 4_000))
    for year in range(2020, 2025)
]
MARGINS: Rows = [
    {"groupe_zone": group, "tranche_age": band, "sexe": sex, "annee": "2022", "population": "900"}
    for group in ("qpv", "hors_qpv")
    for band in ("18-29", "75+")
    for sex in ("F", "M")
]
ANSWERS: Rows = [
    {"id": str(n + 1), "submitdate": f"{day} 10:00:00", "lastpage": "4", "startlanguage": "fr", "seed": "1", "SEXE": "FM"[n % 2],
     "SECU_JOUR": str(n % 4 + 1)}
    for n, day in enumerate(days(30) * 4)
]  # fmt: skip
ZONES: Rows = [
    {"code_zone": code, "type_zone": kind, "nom": name, "code_parent": parent}
    for code, kind, name, parent in (
        ("R84", "Région", "Auvergne-Rhône-Alpes", ""), ("D63", "Département", "Puy-de-Dôme", "R84"),
        ("63113", "Commune", "Clermont-Ferrand", "D63"), ("QN06307N", "QPV", "Centre", "63113"),
        ("631130101", "IRIS", "Jaude", "63113"), ("CF01", "Quartier", "Jaude", "63113"),
    )
]  # fmt: skip


@dataclass(frozen=True)
class Suite:
    """A contract's good file, and faults: each a changed file with the expectations that fail on it, and on how many rows."""

    contract: str
    good: Rows
    faults: dict[str, tuple[Callable[[Rows], Rows], dict[str, int]]] = field(default_factory=dict)


SUITES = [
    Suite("ssmsi_communal", COMMUNAL, {
        "cells": (lambda _: COMMUNAL_FAULTS, {
            "fines_within_use": 2, "rate_follows_count": 2, "hidden_has_no_rate": 1, "territory_code_form": 1,
            "unit_of_indicator": 1, "population_year_near": 1, "complement_only_where_hidden": 1, "cells_complete": 11}),
        "year": (year_repeated, {"year_not_repeated": 30}),
        "percent": (lambda rows: [
            {**r, "taux_pour_mille": with_comma(float(r["taux_pour_mille"].replace(",", ".")) / 10)} for r in rows
        ], {"rate_follows_count": 96}),
        "another column": (lambda rows: everywhere(rows, insee_pop="149999"), {"rate_follows_count": 80}),
    }),
    Suite("ssmsi_departemental", DEPARTEMENTAL, {
        "cells": (lambda rows: changed(
            rows, (2, {"nombre": "10", "taux_pour_mille": with_comma(10 / 150)}), (7, {"Code_departement": "631"}),
        ), {"use_is_sum_of_parts": 3, "territory_code_form": 1, "cells_complete": 4}),
    }),
    Suite("ssmsi_regional", REGIONAL, {
        "cells": (lambda rows: changed(
            rows, (1, {"nombre": "900", "taux_pour_mille": with_comma(6)}), (6, {"Code_region": "ARA"}),
        ), {"fines_within_use": 3, "use_is_sum_of_parts": 3, "territory_code_form": 1, "cells_complete": 4}),
    }),
    Suite("police_incidents", INCIDENTS, {
        "rows": (lambda rows: changed(
            rows, (3, {"service": "Gendarmerie"}), (5, {"id_incident": "1,23E+08"}), (6, {"id_incident": "#N/A"}),
        ), {"service_known": 1, "id_not_mangled": 2}),
        "repeated": (lambda rows: [*rows, *({**r, "id_incident": r["id_incident"] + "bis"} for r in rows[:4])],
                     {"rows_not_repeated": 8}),
        "doubled": (lambda rows: [*rows, *({**r, "id_incident": r["id_incident"] + "bis"} for r in rows)],
                    {"rows_not_repeated": 80, "file_not_doubled": 80}),
        "one day": (lambda rows: [{**r, "date_heure": "04/11/2026 " + r["date_heure"][11:]} for r in rows],
                    {"days_not_all_the_same": 40}),
        "no times": (lambda rows: [{**r, "date_heure": r["date_heure"][:10]} for r in rows], {"times_not_all_midnight": 40}),
    }),
    Suite("police_interventions", INTERVENTIONS, {
        "rows": (lambda rows: changed(
            rows, (3, {"service": "Gendarmerie"}), (4, {"origine": "Sollicitation tiers"}), (5, {"id_intervention": "1E+05"}),
        ), {"service_known": 1, "origin_known": 1, "id_not_mangled": 1}),
        "doubled, of one day and hour": (lambda rows: everywhere(rows, date_heure="04/11/2026"), {
            "rows_not_repeated": 40, "file_not_doubled": 40, "days_not_all_the_same": 40, "times_not_all_midnight": 40}),
    }),
    Suite("police_cases", CASES, {
        "clearance lost": (lambda rows: everywhere(rows, elucide_le=""), {"clearance_believable": 100}),
        "all cleared, of one day": (lambda rows: everywhere(
            rows, date_faits="01/01/2025", date_constatation="04/11/2026", elucide_le="04/11/2026",
        ), {"clearance_believable": 100, "days_not_all_the_same": 200}),
        "rows": (lambda rows: changed(rows, (5, {"id_affaire": "2,5E+07"})), {"id_not_mangled": 1}),
    }),
    Suite("partner_events", EVENTS, {
        "rows": (lambda rows: changed(
            rows, (1, {"personnes_formees": "-2"}), (2, {"personnes_touchees": "9999"}), (3, {"en_difficulte": "999"}),
            (4, {"personnes_touchees": "3"}), (5, {"en_difficulte": ""}), (6, {"personnes_formees": "7"}),
            (7, {"canal": "Pigeon"}), (8, {"id_action": "#REF!"}),
        ), {"counts_plausible": 1, "no_placeholder_count": 2, "difficulty_within_reached": 2, "orientation_steps_complete": 1,
            "trained_within_planned": 1, "channel_known": 1, "id_not_mangled": 1}),
        "a log pasted twice": (lambda rows: [*rows, *({**r, "id_action": r["id_action"] + "b"} for r in rows[:4])],
                               {"rows_not_repeated": 8}),
        "doubled, of one day": (lambda rows: everywhere(
            [*rows, *({**r, "id_action": r["id_action"] + "b"} for r in rows)], date="04/11/2026",
        ), {"rows_not_repeated": 80, "file_not_doubled": 80, "days_not_all_the_same": 80}),
    }),
    Suite("partner_meetings", MEETINGS, {
        "rows": (lambda rows: changed(
            rows, (1, {"type_reunion": "Pot"}), (2, {"decisions_closes": "-1"}), (3, {"nb_participants": "999"}),
            (4, {"date_tenue": "", "nb_participants": ""}), (5, {"date_tenue": "04/11/2026"}), (6, {"id_reunion": "1E+05"}),
        ), {"meeting_type_known": 1, "decisions_plausible": 2, "unheld_has_no_decisions": 1, "held_near_planned": 1,
            "id_not_mangled": 1}),
        "one day": (lambda rows: everywhere(rows, date_prevue="04/03/2025", date_tenue="04/03/2025"),
                    {"days_not_all_the_same": 40}),
    }),
    Suite("partner_roster", ROSTER, {
        "rows": (lambda rows: [*changed(rows, (2, {"id_partenaire": "#N/A"})), {**rows[0], "date_signature": "01/06/2025"}],
                 {"id_not_mangled": 1, "memberships_do_not_overlap": 1}),
    }),
    Suite("channel_metrics", METRICS, {
        "rows": (lambda rows: changed(
            rows, (0, {"plateforme": "Snapchat"}), (3, {"valeur": "701"}), (4, {"valeur": "6,5"}), (7, {"valeur": "300001"}),
        ), {"metric_fits_platform": 1, "panel_days_within_week": 1, "value_whole": 1, "reach_within_residents": 1}),
    }),
    Suite("resident_feedback", FEEDBACK, {
        "rows": (lambda rows: changed(
            rows, (1, {"suite_donnee": "Oublié"}), (3, {"id_retour": "#N/A"}),
        ), {"outcome_known": 1, "id_not_mangled": 1}),
        "one day": (lambda rows: everywhere(rows, date_reception="01/03/2025", date_traitement="04/11/2026"),
                    {"not_all_treated_on_one_day": 60, "days_not_all_the_same": 60}),
    }),
    Suite("populations", POPULATIONS, {
        "rows": (lambda rows: changed(rows, (0, {"annee": "1820"}), (4, {"population": "1420"}), (9, {"population": "0"})),
                 {"year_plausible": 1, "residents_steady": 2, "residents_not_zero": 1}),
    }),
    Suite("census_margins", MARGINS, {
        "rows": (lambda rows: changed(
            rows, (0, {"groupe_zone": "centre"}), (1, {"tranche_age": "oct-14"}), (2, {"annee": "1820"}),
        ), {"zone_group_known": 1, "age_band_form": 1, "year_plausible": 1, "margins_complete": 8}),
        "a cell without residents": (lambda rows: changed(rows, (4, {"population": "0"})), {"margin_has_residents": 1}),
        "a cell lost": (lambda rows: rows[:-1], {"margins_complete": 7}),
    }),
    Suite("survey_answers", ANSWERS, {
        "one code": (lambda rows: everywhere(rows, SECU_JOUR="1"), {"answers_vary": 120}),
        "two who are alone": (lambda rows: changed(rows, (3, {"SEXE": ""}), (5, {"SEXE": "X"})), {"respondents_not_alone": 1}),
        "one day": (lambda rows: everywhere(rows, submitdate="2025-03-10 10:00:00"), {"not_all_sent_on_one_day": 240}),
        "unfinished": (lambda rows: everywhere(rows[:90], submitdate="") + rows[90:], {"mostly_finished": 180}),
    }),
    Suite("zones", ZONES, {
        "rows": (lambda rows: changed(
            rows, (1, {"code_zone": "63"}), (4, {"type_zone": "Quartier"}),
        ), {"parent_listed": 1, "code_fits_type": 1, "names_once": 2}),
        "who to ask": (lambda rows: changed(
            rows, (3, {"nom": "Chez le gardien 06 12 34 56 78"}), (5, {"nom": "gardien@example.org"}),
        ), {"no_personal_values": 2}),
        "a word of the models": (lambda rows: [*rows, {**rows[5], "code_zone": "unlocated", "nom": "Autre"},
                                               {**rows[5], "code_zone": "HORS_QPV", "nom": "Reste"}], {"zone_code_not_taken": 2}),
    }),
]  # fmt: skip
FAULTS = [pytest.param(s, *s.faults[name], id=f"{s.contract}: {name}") for s in SUITES for name in s.faults]


def test_no_zone_takes_a_word_that_a_model_writes_for_a_code(contracts) -> None:
    """What a model writes in the place of a zone's code, or of a group of zones, stands on the list of words that are taken."""
    models = "\n".join(path.read_text(encoding="utf-8") for path in (PROJECT / "sql" / "2_intermediate").glob("*.sql"))
    written = set(re.findall(r"'([a-z_]+)'(?: end|\))? as (?:zone_code|zone_group)\b", models))
    written |= set(re.findall(r"then '([a-z_]+)' else \w+\.zone_code end", models))
    (taken,) = (e for e in contracts["zones"].expectations if e.id == "zone_code_not_taken")
    listed = set(re.findall(r"'([a-z_]+)'", taken.arguments()["unexpected_rows_query"]))
    assert {"unlocated", "qpv", "hors_qpv", "city_wide", "all"} <= written <= listed


def failed(admitted) -> dict[str, int]:
    return {c["expectation_id"]: c["failed_rows"] for c in admitted.verdict.checks if c["verdict"] != "passed"}


@pytest.mark.parametrize("suite", SUITES, ids=lambda s: s.contract)
def test_a_good_file_passes(admit, suite) -> None:
    admitted = admit("file.csv", as_csv(suite.good))
    assert (admitted.verdict.contract, failed(admitted), admitted.verdict.verdict) == (suite.contract, {}, "passed")


@pytest.mark.parametrize(("suite", "fault", "expected"), FAULTS)
def test_a_fault_is_caught(admit, contracts, suite, fault, expected) -> None:
    """Exactly these expectations fail, and the delivery or the rows meet what each of them says should happen."""
    admitted = admit("file.csv", as_csv(fault(suite.good)))
    assert failed(admitted) == expected
    actions = {e.id: e.on_failure for e in expectations_of(contracts[suite.contract])}
    wanted = {actions[name] for name in expected}
    verdict = admitted.verdict
    if "refuse" in wanted:
        assert verdict.verdict == "refused" and actions[verdict.refusal["code"]] == "refuse"
    elif "quarantine" in wanted:
        reasons = {entry["reason"] for entry in verdict.quarantine}
        assert reasons <= {n for n in expected if actions[n] == "quarantine"} | {"delivery_refused:mostly_quarantined"}
        assert reasons
    else:
        assert verdict.verdict == "warned" and verdict.rows_quarantined == 0


SHOWN_ELSEWHERE = {
    "index_plausible",
    "count_plausible",
    "action_known",
    "agents_plausible",
    "category_known",
    "class_known",
    "cleared_not_before_fact",
    "count_not_negative",
    "counted_as_known",
    "difficulty_plausible",
    "duration_plausible",
    "fact_on_plausible",
    "hidden_has_no_count",
    "left_not_before_signed",
    "linked_needs_rule",
    "message_version_is_a_code",
    "metric_known",
    "new_version_is_another_code",
    "not_its_own_parent",
    "nothing_to_report_is_empty",
    "occurred_at_plausible",
    "occurred_on_plausible",
    "intervention_type_known",
    "partner_type_known",
    "orientation_steps_ordered",
    "outcome_has_a_day",
    "participants_plausible",
    "planned_on_plausible",
    "platform_known",
    "publication_status_known",
    "published_has_count",
    "rate_plausible",
    "reached_plausible",
    "received_on_plausible",
    "recorded_not_before_fact",
    "residents_plausible",
    "sex_known",
    "signed_on_plausible",
    "started_at_plausible",
    "submitted_plausible",
    "topic_known",
    "treated_not_before_received",
    "unheld_has_no_participants",
    "value_not_negative",
    "week_starts_on_monday",
    "week_starts_on_plausible",
    "year_plausible",
    "zone_type_known",
}
"""Shown to catch their fault by the files of tests/faults, the sample or the tests of one contract."""


def test_every_other_expectation_is_shown_to_catch_something(contracts) -> None:
    """An expectation written from now on needs its fault here."""
    shown = {name for s in SUITES for _, expected in s.faults.values() for name in expected}
    shown |= {name for _, _, expected in TABLES for name in expected}
    assert {s.contract for s in SUITES} | {name for name, _, _ in TABLES} == set(contracts)
    for name, contract in contracts.items():
        assert {e.id for e in contract.expectations} - shown <= SHOWN_ELSEWHERE, name


ETAT = """
    select 2012 as year, 'police' as force, '63' as department_code, 'DCSP' as perimeter, 'CIAT' as service_name,
        i as index_code, '' as index_label, i as count
    from range(1, 108) r(i)"""
STRUCTURE = """
    select '1' as survey_id, 'question' as element, 'Q' || i as question_code, 'L' as question_type, '-' as subquestion_code,
        '-' as answer_code, 'fr' as language, 'Oui ?' as wording
    from range(5) r(i)"""
TABLES = [
    ("etat_4001_services", ETAT, {}),
    (
        "etat_4001_services",
        f"select * replace (case when index_code = 3 then 'douane' else force end as force, case when index_code = 4 then '6300' "
        f"else department_code end as department_code, nullif(count, 96) as count) from ({ETAT}) where index_code <> 5",
        {
            "force_known": 1,
            "department_code_form": 1,
            "service_has_all_indexes": 106,
            "count_empty_only_where_not_kept": 1,
        },
    ),
    ("survey_structure", STRUCTURE, {}),
    (
        "survey_structure",
        f"select * replace (case when question_code = 'Q1' then 'group' else element end as element, "
        f"case when question_code <> 'Q2' then wording end as wording) from ({STRUCTURE})",
        {"element_known": 1, "question_has_wording": 1},
    ),
]
"""Kinds that come as workbook or XML: their expectations are looked at on typed rows."""


@pytest.mark.parametrize(
    ("contract", "table", "expected"), TABLES, ids=lambda v: v if isinstance(v, str) and "select" not in v else ""
)
def test_typed_rows_of_workbook_and_structure(contracts, contract, table, expected) -> None:
    from flows.core.validation import FAILED, PASSED, Validator

    with duckdb.connect() as con:
        con.execute(f"create table candidate as select *, row_number() over () as _row from ({table})")
        validator = Validator(con)
        checks = validator.validate("candidate", contracts[contract].expectations, has_row_ids=True)
        validator.close()
    assert {c.expectation.id: c.failed_rows for c in checks if c.verdict == FAILED} == expected
    assert {c.verdict for c in checks} <= {PASSED, FAILED}
