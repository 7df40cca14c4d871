"""Sixty things that really go wrong between a police station's spreadsheet, a partner's log, a survey tool and us.

Each is a small function from a good delivery of the sample to the faulty one, with what should catch it. The table of
all, measured on the code as it is: `python -m tests.faults.planted` (`--alone` plants each fault in a run of its own).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from tests.faults.sheets import Sheet

INCIDENTS = "police/incidents-2026.csv"
INCIDENTS_BEFORE = "police/incidents-2025.xlsx"
INTERVENTIONS = "police/interventions-2026.csv"
CASES = "police/affaires-2026.csv"
COMMUNES = "police/donnee-comm-data.gouv-2025-geographie2025-produit-le2026-02-03.csv"
DEPARTEMENTS = "police/donnee-dep-data.gouv-2024-geographie2024-produit-le2025-01-26.csv"
ACTIONS = "partners/actions-partenaires-2026.jsonl"
ACTIONS_BEFORE = "partners/actions-partenaires-2024-2025.csv"
ROSTER = "partners/partenaires.xlsx"
MEETINGS = "partners/reunions.csv"
CHANNELS = "partners/mesures-diffusion.csv"
FEEDBACK = "partners/retours-habitants.csv"
SURVEY = "surveys/enquete-habitants-2026-09.csv"
SURVEY_BEFORE = "surveys/enquete-habitants-2025-12.csv"
ZONES = "reference/zones.csv"
POPULATIONS = "reference/populations.csv"
MARGINS = "reference/marges-recensement.csv"


@dataclass(frozen=True)
class Fault:
    """One single fault. `caught_by` are the `where: expectation` that must catch it; empty: nothing does, and `why_not`.

    `sent_as` is the name of the faulty file; without it, it is sent under the good one's name and takes its place.
    `is_first`: the good file never came, so that no earlier version of the same rows can give the faulty one away.
    `is_harmless`: reading mends it, and the release is the same.
    """

    name: str
    contract: str
    source: str
    sentence: str
    plant: Callable[[Sheet], Sheet | bytes]
    sent_as: str | None = None
    caught_by: tuple[str, ...] = ()
    why_not: str = ""
    is_of_bytes: bool = False
    is_first: bool = False
    is_harmless: bool = False

    @property
    def tables(self) -> tuple[str, ...]:
        """The published tables among what catches it."""
        places = (entry.partition(": ")[0] for entry in self.caught_by)
        return tuple(place for place in places if place.startswith(("marts.", "audit.")) and place != "audit.drift")

    @property
    def place(self) -> str:
        folder, _, name = self.source.rpartition("/")
        return f"{folder}/{self.sent_as or name}"


def number(text: object) -> float:
    """A cell as a number, as the publishers write them (decimal comma, thin spaces)."""
    return float("".join(str(text).split()).replace(",", "."))


def with_comma(value: float) -> str:
    return f"{value:.7f}".replace(".", ",")


def day(text: str) -> date:
    """A cell that begins with a date, ISO or French."""
    text = text[:10]
    return datetime.strptime(text, "%Y-%m-%d" if text[4:5] == "-" else "%d/%m/%Y").date()


def moved(text: str, days: int = 0, years: int = 0) -> str:
    """The same cell, its date so many days or years later; empty stays empty."""
    if not text:
        return text
    pattern = "%Y-%m-%d" if text[4:5] == "-" else "%d/%m/%Y"
    then = day(text) + timedelta(days=days)
    then = date(then.year + years, then.month, min(then.day, 28) if then.month == 2 else then.day)
    return then.strftime(pattern) + text[10:]


# — police incidents: the city's monthly extract —————————————————————————————————————————————————————————————————————


def _incidents_month_repeated(sheet: Sheet) -> Sheet:
    october = [row for row in sheet.rows if row[1].startswith("2026-10")]
    again = [[f"INC-2026-{900 + i:05d}", *row[1:]] for i, row in enumerate(october)]
    return sheet.with_rows([*sheet.rows, *again])


def _us_dates(sheet: Sheet) -> Sheet:
    """What a spreadsheet set to US English does: days up to 12 become months, the others stay as they were."""

    def swapped(text: str) -> str:
        year, month, of_month = text[:10].split("-")
        return f"{year}-{of_month}-{month}{text[10:]}" if int(of_month) <= 12 else text

    return sheet.changed("Horodatage", swapped)


def _in_utc(sheet: Sheet) -> Sheet:
    """Paris local time without its offset: two hours less in summer, one in winter."""

    def earlier(text: str) -> str:
        local = datetime.fromisoformat(text)
        summer = datetime(2026, 3, 29, 2) <= local < datetime(2026, 10, 25, 3)
        return str(local - timedelta(hours=2 if summer else 1))

    return sheet.changed("Horodatage", earlier)


def _exchanged_values(sheet: Sheet, column: str, one: str, other: str) -> Sheet:
    return sheet.changed(column, lambda text: {one: other, other: one}.get(text, text))


def _cut_in_a_line(content: bytes) -> bytes:
    return content[: int(len(content) * 0.7)]


def _gendarmerie_mixed_in(sheet: Sheet) -> Sheet:
    added = [[f"GN-{i:05d}", *row[1:2], "63014", *row[3:6], "Gendarmerie"] for i, row in enumerate(sheet.rows[::6])]
    return sheet.with_rows([*sheet.rows, *added])


def _numbered_anew(sheet: Sheet) -> Sheet:
    return sheet.with_rows([[f"2026/{i}", *row[1:]] for i, row in enumerate(reversed(sheet.rows), 1)])


def _as_cp1252(sheet: Sheet, columns: tuple[str, ...]) -> Sheet:
    """UTF-8 that somebody read as Windows text and saved again: « Contrôle » becomes « ContrÃ´le »."""
    for column in columns:
        sheet = sheet.changed(column, lambda text: text.encode().decode("cp1252", "replace"))
    return sheet


# — partners' logs ———————————————————————————————————————————————————————————————————————————————————————————————————


def _cumulated(sheet: Sheet) -> Sheet:
    """Each partner's people reached since January instead of those of the action."""
    sums: dict[str, int] = {}
    partner, reached = sheet.at("id_partenaire"), sheet.at("public_touche")

    def row_of(row: list) -> list:
        if row[reached] is None:
            return row
        sums[row[partner]] = sums.get(row[partner], 0) + row[reached]
        return [*row[:reached], sums[row[partner]], *row[reached + 1 :]]

    return sheet.with_rows([row_of(list(row)) for row in sheet.rows])


def _with_column(sheet: Sheet, name: str, value: object) -> Sheet:
    return replace(sheet, header=(*sheet.header, name), rows=tuple([*row, value] for row in sheet.rows))


def _one_log_twice(sheet: Sheet) -> Sheet:
    """The most active partner's log pasted in twice, the second time with numbers of its own."""
    partner = sheet.at("id_partenaire")
    logs = [row[partner] for row in sheet.rows]
    most = max(sorted(set(filter(None, logs))), key=logs.count)
    own = [row for row in sheet.rows if row[partner] == most]
    return sheet.with_rows([*sheet.rows, *([f"BIS-{i:04d}", *row[1:]] for i, row in enumerate(own))])


def _kept_above_accepted(sheet: Sheet) -> Sheet:
    accepted, kept = sheet.at("orientations_acceptees"), sheet.at("rdv_honores")
    return sheet.with_rows(
        [[*row[:kept], row[accepted] + 2, *row[kept + 1 :]] if row[accepted] else row for row in sheet.rows]
    )


def _every_nth(sheet: Sheet, column: str, step: int, value: object) -> Sheet:
    at = sheet.at(column)
    return sheet.with_rows(
        [[*row[:at], value, *row[at + 1 :]] if i % step == 0 else row for i, row in enumerate(sheet.rows)]
    )


# — channels, meetings, feedback —————————————————————————————————————————————————————————————————————————————————————


def _last_weeks_again(sheet: Sheet) -> Sheet:
    """The first four weeks of September's figures sent once more as October's."""
    september = ("07/09/2026", "14/09/2026", "21/09/2026", "28/09/2026")
    october = ("05/10/2026", "12/10/2026", "19/10/2026", "26/10/2026")
    kept = [row for row in sheet.rows if row[1] not in october]
    again = [[row[0], october[september.index(row[1])], *row[2:]] for row in sheet.rows if row[1] in september]
    return sheet.with_rows([*kept, *again])


# — SSMSI bases ——————————————————————————————————————————————————————————————————————————————————————————————————————


def _cell(sheet: Sheet, territory: str, indicator: str, **new: str) -> Sheet:
    """One cell of the communal base with other figures."""
    for column, value in new.items():
        sheet = sheet.changed(
            column,
            lambda _, value=value: value,
            lambda row: row["CODGEO_2025"] == territory and row["indicateur"] == indicator,
        )
    return sheet


def _fines_added(sheet: Sheet) -> Sheet:
    """Total use delivered as use plus AFD, with rates computed from it: each row is consistent in itself."""
    fines = {row[0]: int(row[4]) for row in sheet.rows if "(AFD)" in row[2]}

    def row_of(row: list) -> list:
        if row[2] != "Usage de stupéfiants":
            return row
        count = int(row[4]) + fines[row[0]]
        return [*row[:4], str(count), with_comma(1000 * count / int(row[7])), *row[6:]]

    return sheet.with_rows([row_of(list(row)) for row in sheet.rows])


def _year_repeated(sheet: Sheet) -> Sheet:
    year = sheet.at("annee")
    last = max(row[year] for row in sheet.rows)
    again = [[*r[:year], str(int(last) + 1), *r[year + 1 :]] for r in sheet.rows if r[year] == last]
    return sheet.with_rows([*sheet.rows, *again])


def _population_of_first_year(sheet: Sheet) -> Sheet:
    first = {r[0]: r[7] for r in sheet.rows if r[2] == min(row[2] for row in sheet.rows)}
    return sheet.with_rows([[*r[:7], first[r[0]], *r[8:]] for r in sheet.rows])


FAULTS: tuple[Fault, ...] = (
    Fault(
        "incidents_month_twice",
        "police_incidents",
        INCIDENTS,
        "The export was run twice for October, and the second time the incidents got new numbers.",
        _incidents_month_repeated,
        caught_by=("delivery: rows_not_repeated",),
    ),
    Fault(
        "incidents_one_service",
        "police_incidents",
        INCIDENTS,
        "A filter was left on in the spreadsheet: only the municipal police's incidents are in the file.",
        lambda s: s.kept(lambda row: row["Service"] == "PM"),
        is_first=True,
        caught_by=("audit.drift: no_label_lost", "audit.drift: shares_as_before"),
    ),
    Fault(
        "incidents_us_dates",
        "police_incidents",
        INCIDENTS,
        "A spreadsheet set to US English turned day and month round wherever the day allows it.",
        _us_dates,
        caught_by=("audit.drift: no_rows_ahead",),
    ),
    Fault(
        "incidents_in_utc",
        "police_incidents",
        INCIDENTS,
        "The times are in UTC instead of local time: evenings move by an hour or two, some nights by a day.",
        _in_utc,
        caught_by=("audit.drift: known_rows_unchanged",),
    ),
    Fault(
        "incidents_link_inverted",
        "police_incidents",
        INCIDENTS,
        "Yes and no are exchanged in the column that links an incident to trafficking.",
        lambda s: _exchanged_values(s, "Lié au trafic", "0", "1"),
        is_first=True,
        caught_by=("audit.drift: shares_as_before",),
    ),
    Fault(
        "incidents_two_quartiers_exchanged",
        "police_incidents",
        INCIDENTS,
        "The codes of two quartiers are exchanged, so each gets the other's incidents.",
        lambda s: _exchanged_values(s, "Quartier", "CF08", "CF17"),
        is_first=True,
        why_not="in a first file both quartiers' figures are possible; only who knows them sees it",
    ),
    Fault(
        "incidents_cut_at_a_line",
        "police_incidents",
        INCIDENTS,
        "The export stopped after two thirds of the lines, at the end of a line.",
        lambda s: s.with_rows(list(s.rows[: len(s.rows) * 2 // 3])),
        caught_by=("audit.drift: no_period_lost", "audit.drift: rows_not_fewer"),
    ),
    Fault(
        "incidents_cut_within_a_line",
        "police_incidents",
        INCIDENTS,
        "The transfer broke off in the middle of a line.",
        _cut_in_a_line,
        is_of_bytes=True,
        caught_by=("delivery: readable",),
    ),
    Fault(
        "incidents_month_missing",
        "police_incidents",
        INCIDENTS,
        "One month in the middle of the year is missing from the file.",
        lambda s: s.kept(lambda row: not row["Horodatage"].startswith("2026-05")),
        caught_by=("audit.drift: no_period_missing", "audit.drift: no_period_lost"),
    ),
    Fault(
        "incidents_gendarmerie_mixed_in",
        "police_incidents",
        INCIDENTS,
        "Rows of the gendarmerie from a neighbouring commune are mixed with those of the city.",
        _gendarmerie_mixed_in,
        caught_by=("delivery: service_known",),
    ),
    Fault(
        "incidents_last_year_as_this_year",
        "police_incidents",
        INCIDENTS_BEFORE,
        "Last year's incidents were saved under this year's file name.",
        lambda s: replace(s, form="csv"),
        sent_as="incidents-2026.csv",
        caught_by=("audit.drift: period_not_copied", "audit.drift: no_period_lost"),
    ),
    Fault(
        "incidents_sent_twice_renumbered",
        "police_incidents",
        INCIDENTS,
        "The same year came a second time under another file name, numbered by another software.",
        _numbered_anew,
        sent_as="incidents-2026-nouveau-logiciel.csv",
        caught_by=("audit.drift: period_not_copied",),
    ),
    Fault(
        "incidents_letter_o_for_zero",
        "police_incidents",
        INCIDENTS,
        "A quartier's code was typed with the letter O instead of a zero (CFO8).",
        lambda s: s.changed("Quartier", lambda t: "CFO8" if t == "CF08" else t),
        caught_by=("audit.drift: codes_on_the_lists",),
    ),
    Fault(
        "incidents_spaces_after_codes",
        "police_incidents",
        INCIDENTS,
        "All codes are followed by spaces, as from a file with columns of fixed width.",
        lambda s: s.changed("Quartier", lambda t: t + "   ").changed("Numéro incident", lambda t: t + "  "),
        is_harmless=True,
    ),
    Fault(
        "incidents_rule_unannounced",
        "police_incidents",
        INCIDENTS,
        "From September on the link to trafficking is set by a rule that nobody has announced (R7).",
        lambda s: s.changed("Version règle", lambda t: "R7" if t else t, lambda row: row["Horodatage"] >= "2026-09"),
        caught_by=("audit.drift: no_unknown_label",),
    ),
    Fault(
        "incidents_links_not_filled",
        "police_incidents",
        INCIDENTS,
        "From August on nobody filled in the link to trafficking, and the software writes no for it.",
        lambda s: s.changed("Lié au trafic", lambda _: "0", lambda row: row["Horodatage"] >= "2026-08"),
        caught_by=("marts.indicator_values: previous_levels_kept",),
    ),
    Fault(
        "incidents_quartier_forgotten",
        "police_incidents",
        INCIDENTS,
        "The incidents of one quartier's own station were not joined to the city's extract.",
        lambda s: s.kept(lambda row: row["Quartier"] != "CF11"),
        is_first=True,
        why_not="quartiers are not compared with their past: months without incidents happen",
    ),
    Fault(
        "interventions_shifted_right",
        "police_interventions",
        INTERVENTIONS,
        "From line 1 500 on all columns after the first are shifted by one to the right.",
        lambda s: s.with_rows([r if i < 1500 else [r[0], "", *r[1:-1]] for i, r in enumerate(s.rows)]),
        caught_by=("delivery: readable", "delivery: service_known"),
    ),
    Fault(
        "interventions_types_shifted",
        "police_interventions",
        INTERVENTIONS,
        "One cell was deleted and a column moved up: from line 800 on each type stands beside the intervention before.",
        lambda s: s.with_rows(
            [[*r[:4], s.rows[min(i + (i >= 800), len(s.rows) - 1)][4], *r[5:]] for i, r in enumerate(s.rows)]
        ),
        caught_by=("audit.drift: known_rows_unchanged",),
    ),
    Fault(
        "interventions_in_hours",
        "police_interventions",
        INTERVENTIONS,
        "Durations are in hours instead of minutes.",
        lambda s: s.changed("duree", lambda t: f"{number(t) / 60:.2f}" if t else t),
        is_first=True,
        caught_by=("audit.drift: level_as_before",),
    ),
    Fault(
        "interventions_columns_exchanged",
        "police_interventions",
        INTERVENTIONS,
        "The headers of duration and agents are exchanged.",
        lambda s: s.exchanged("duree", "agents"),
        is_first=True,
        caught_by=("delivery: readable",),
    ),
    Fault(
        "interventions_garbled",
        "police_interventions",
        INTERVENTIONS,
        "Accents are garbled (UTF-8 read as Windows text): « Contrôle » became « ContrÃ´le ».",
        lambda s: _as_cp1252(s, ("motif", "origine")),
        caught_by=("delivery: intervention_type_known",),
    ),
    Fault(
        "interventions_header_pasted",
        "police_interventions",
        INTERVENTIONS,
        "Two exports were pasted one below the other, with the second one's header in the middle.",
        lambda s: s.with_rows([*s.rows[:1200], list(s.header), *s.rows[1200:]]),
        caught_by=("delivery: readable",),
    ),
    Fault(
        "interventions_origin_renamed",
        "police_interventions",
        INTERVENTIONS,
        "The software now writes « Réquisition police » where it wrote « Appel 17 »: the label is new to us.",
        lambda s: s.changed("origine", lambda t: "Sollicitation tiers" if t.startswith("Appel") else t),
        caught_by=("delivery: origin_known",),
    ),
    Fault(
        "interventions_doubled",
        "police_interventions",
        INTERVENTIONS,
        "Each intervention stands once per crew engaged, with a suffix to its number: the counts double.",
        lambda s: s.with_rows([*s.rows, *([f"{r[0]}-B", *r[1:]] for r in s.rows)]),
        is_first=True,
        caught_by=("delivery: file_not_doubled",),
    ),
    Fault(
        "cases_cleared_year_early",
        "police_cases",
        CASES,
        "Dates of clearance are a year early (the year of the fact was typed in January's habit).",
        lambda s: s.changed("elucide_le", lambda t: moved(t, years=-1)),
        caught_by=("delivery: cleared_not_before_fact",),
    ),
    Fault(
        "cases_cleared_in_the_future",
        "police_cases",
        CASES,
        "Dates of clearance are a year late: cases cleared in 2027.",
        lambda s: s.changed("elucide_le", lambda t: moved(t, years=1)),
        caught_by=("audit.drift: no_rows_ahead",),
    ),
    Fault(
        "cases_dates_exchanged",
        "police_cases",
        CASES,
        "The date of the fact and the date of recording are exchanged.",
        lambda s: s.exchanged("date_faits", "date_constatation"),
        caught_by=("delivery: recorded_not_before_fact", "refused: mostly_quarantined"),
    ),
    Fault(
        "cases_clearance_lost",
        "police_cases",
        CASES,
        "The clearances were not joined to the extract: the column is empty.",
        lambda s: s.changed("elucide_le", lambda _: ""),
        is_first=True,
        caught_by=("audit.drift: columns_filled_as_before",),
    ),
    Fault(
        "cases_all_cleared",
        "police_cases",
        CASES,
        "The software fills the date of clearance with the date of recording: everything is cleared at once.",
        lambda s: s.changed("elucide_le", lambda _: "").with_rows([[*r[:5], r[2]] for r in s.rows]),
        is_first=True,
        caught_by=("delivery: clearance_believable",),
    ),
    Fault(
        "cases_trafficking_merged",
        "police_cases",
        CASES,
        "Trafficking is filed as drug use: one class has vanished into another.",
        lambda s: s.changed("infraction", lambda t: "Usage de stupéfiants" if t.startswith("Trafic") else t),
        caught_by=("audit.drift: no_label_lost",),
    ),
    Fault(
        "events_reached_cumulated",
        "partner_events",
        ACTIONS,
        "People reached are each partner's total since January instead of those of the action.",
        _cumulated,
        caught_by=("audit.drift: level_as_before",),
    ),
    Fault(
        "events_contacts_as_persons",
        "partner_events",
        ACTIONS,
        "All contacts are labelled as distinct persons.",
        lambda s: _with_column(s, "comptage", "personnes"),
        is_first=True,
        caught_by=("audit.drift: columns_filled_as_before",),
    ),
    Fault(
        "events_log_pasted_twice",
        "partner_events",
        ACTIONS,
        "One partner's log was pasted in twice, the second time with new numbers.",
        _one_log_twice,
        caught_by=("delivery: rows_not_repeated",),
    ),
    Fault(
        "events_kept_above_accepted",
        "partner_events",
        ACTIONS,
        "More first appointments were kept than orientations accepted.",
        _kept_above_accepted,
        caught_by=("delivery: orientation_steps_ordered",),
    ),
    Fault(
        "events_columns_exchanged",
        "partner_events",
        ACTIONS,
        "The headers of orientations offered and accepted are exchanged.",
        lambda s: s.exchanged("orientations_proposees", "orientations_acceptees"),
        caught_by=("delivery: orientation_steps_ordered",),
    ),
    Fault(
        "events_reached_and_difficulty_exchanged",
        "partner_events",
        ACTIONS,
        "The headers of people reached and people in difficulty are exchanged.",
        lambda s: s.exchanged("public_touche", "en_difficulte"),
        caught_by=("delivery: difficulty_within_reached", "refused: mostly_quarantined"),
    ),
    Fault(
        "events_comma_lost",
        "partner_events",
        ACTIONS,
        "The decimal comma was lost on the way (51,0 became 510): people reached are ten times too many.",
        lambda s: s.changed("public_touche", lambda n: n * 10 if n else n),
        is_first=True,
        caught_by=("audit.drift: level_as_before",),
    ),
    Fault(
        "events_zero_lost",
        "partner_events",
        ACTIONS,
        "A spreadsheet took the zeros out of the partners' codes: P046 became P46.",
        lambda s: s.changed("id_partenaire", lambda t: "P" + t[1:].lstrip("0") if t else t),
        caught_by=("audit.drift: codes_on_the_lists",),
    ),
    Fault(
        "events_missing_as_9999",
        "partner_events",
        ACTIONS,
        "Where nobody counted, the form writes 9999 people reached.",
        lambda s: _every_nth(s, "public_touche", 40, 9999),
        caught_by=("delivery: no_placeholder_count",),
    ),
    Fault(
        "events_next_year",
        "partner_events",
        ACTIONS,
        "In the rows of September and October the year was typed as 2027.",
        lambda s: s.changed("date", lambda t: t.replace("2026-", "2027-"), lambda row: row["date"] >= "2026-09"),
        caught_by=("audit.drift: no_rows_ahead",),
    ),
    Fault(
        "events_help_centres_forgotten",
        "partner_events",
        ACTIONS,
        "The help centres' logs were forgotten when the logs were put together.",
        lambda s: s.kept(lambda row: row["action"] != "orientation"),
        caught_by=("audit.drift: no_label_lost", "audit.drift: rows_not_fewer"),
    ),
    Fault(
        "events_quarter_repeated",
        "partner_events",
        ACTIONS,
        "September's actions were copied as October's, with new numbers and dates 30 days later.",
        lambda s: s.with_rows(
            [r for r in s.rows if not str(r[2]).startswith("2026-10")]
            + [
                [f"OCT-{i:04d}", r[1], moved(r[2], days=30), *r[3:]]
                for i, r in enumerate(r for r in s.rows if str(r[2]).startswith("2026-09"))
            ]
        ),
        caught_by=("audit.drift: period_not_copied",),
    ),
    Fault(
        "events_one_number_mistyped",
        "partner_events",
        ACTIONS,
        "One number was mistyped: 34 people reached became 340.",
        lambda s: s.changed("public_touche", lambda n: n * 10, lambda row: row["id_action"] == "ACT-2026-00003"),
        is_first=True,
        why_not="340 people at one action are possible; a single row is not compared with its like",
    ),
    Fault(
        "events_zone_of_the_office",
        "partner_events",
        ACTIONS,
        "The form filled in the whole commune as the place of every action.",
        lambda s: s.changed("zone", lambda _: "63113"),
        is_first=True,
        why_not="the commune is a zone that an action may have",
    ),
    Fault(
        "roster_without_schools",
        "partner_roster",
        ROSTER,
        "The new list of partners has no schools.",
        lambda s: s.kept(lambda row: row["Type structure"] not in ("École", "Collège", "Lycée")),
        caught_by=("audit.drift: rows_not_fewer",),
    ),
    Fault(
        "roster_types_renamed",
        "partner_roster",
        ROSTER,
        "All associations are filed as shops in the new list.",
        lambda s: s.changed("Type structure", lambda t: "Commerce" if t == "Association" else t),
        caught_by=("marts.indicator_values: previous_figures_kept",),
    ),
    Fault(
        "roster_signed_today",
        "partner_roster",
        ROSTER,
        "The day of export stands in place of the day of signature, for every partner.",
        lambda s: s.changed("Date signature", lambda _: datetime(2026, 11, 4)),
        caught_by=("delivery: left_not_before_signed",),
    ),
    Fault(
        "meetings_in_the_future",
        "partner_meetings",
        MEETINGS,
        "The autumn's meetings are told as held next spring: the calendar was exported instead of the minutes.",
        lambda s: s.changed(
            "date_tenue", lambda t: moved(t, days=200), lambda row: row["date_prevue"][3:] in ("09/2026", "10/2026")
        ),
        caught_by=("delivery: held_near_planned",),
    ),
    Fault(
        "meetings_decisions_exchanged",
        "partner_meetings",
        MEETINGS,
        "The headers of decisions opened and closed are exchanged.",
        lambda s: s.exchanged("decisions_ouvertes", "decisions_closes"),
        caught_by=("audit.drift: known_rows_unchanged",),
    ),
    Fault(
        "meetings_planned_and_held_exchanged",
        "partner_meetings",
        MEETINGS,
        "The headers of the day planned and the day held are exchanged.",
        lambda s: s.exchanged("date_prevue", "date_tenue"),
        caught_by=("delivery: planned_on_present",),
    ),
    Fault(
        "channels_in_thousands",
        "channel_metrics",
        CHANNELS,
        "Reach is given in thousands.",
        lambda s: s.changed(
            "valeur", lambda t: str(round(number(t) / 1000)), lambda row: row["indicateur"] == "Portée unique"
        ),
        caught_by=("audit.drift: level_as_before",),
    ),
    Fault(
        "channels_reach_doubled",
        "channel_metrics",
        CHANNELS,
        "Since October Instagram's reach is the sum of two advertisements: whoever saw both counts twice.",
        lambda s: s.changed(
            "valeur",
            lambda t: str(round(number(t) * 2)),
            lambda row: row["plateforme"] == "Instagram" and row["semaine_du"][3:] == "10/2026",
        ),
        caught_by=("audit.drift: period_totals_told_alike",),
    ),
    Fault(
        "channels_weeks_from_sunday",
        "channel_metrics",
        CHANNELS,
        "The platform's weeks begin on Sunday.",
        lambda s: s.changed("semaine_du", lambda t: moved(t, days=-1)),
        caught_by=("delivery: week_starts_on_monday",),
    ),
    Fault(
        "channels_month_repeated",
        "channel_metrics",
        CHANNELS,
        "October's figures are those of September under new dates.",
        _last_weeks_again,
        caught_by=("audit.drift: period_not_copied",),
    ),
    Fault(
        "channels_two_platforms_exchanged",
        "channel_metrics",
        CHANNELS,
        "Facebook's and Snapchat's figures are exchanged.",
        lambda s: _exchanged_values(s, "plateforme", "Facebook", "Snapchat"),
        caught_by=("audit.drift: known_rows_unchanged",),
    ),
    Fault(
        "feedback_treated_before_received",
        "resident_feedback",
        FEEDBACK,
        "Some days of treatment are a year early, before the feedback came.",
        lambda s: s.changed("date_traitement", lambda t: moved(t, years=-1), lambda row: row["id_retour"][-1] == "7"),
        caught_by=("delivery: treated_not_before_received",),
    ),
    Fault(
        "feedback_topics_as_codes",
        "resident_feedback",
        FEEDBACK,
        "Topics came as the form's numbers (1, 2, 3…) instead of words.",
        lambda s: s.changed(
            "theme",
            lambda t: (
                str(1 + ("Message", "Sécurité", "Aide", "Propreté", "Autre").index(t))
                if t in ("Message", "Sécurité", "Aide", "Propreté", "Autre")
                else t
            ),
        ),
        caught_by=("delivery: topic_known",),
    ),
    Fault(
        "feedback_all_treated",
        "resident_feedback",
        FEEDBACK,
        "The tool fills the day of treatment with the day of export where it was empty: nothing is open any more.",
        lambda s: s.changed("date_traitement", lambda t: t or "05/11/2026"),
        caught_by=("delivery: not_all_treated_on_one_day",),
    ),
    Fault(
        "ssmsi_rate_in_percent",
        "ssmsi_communal",
        COMMUNES,
        "Rates are in percent instead of per 1 000 residents.",
        lambda s: s.changed("taux_pour_mille", lambda t: with_comma(number(t) / 10)),
        caught_by=("delivery: rate_follows_count", "refused: mostly_quarantined"),
    ),
    Fault(
        "ssmsi_one_digit",
        "ssmsi_communal",
        COMMUNES,
        "Yesterday's file with one digit changed: 1 527 people became 1 727.",
        lambda s: _cell(s, "63113", "Usage de stupéfiants", nombre="1727"),
        caught_by=("delivery: rate_follows_count",),
    ),
    Fault(
        "ssmsi_comma_lost",
        "ssmsi_communal",
        COMMUNES,
        "The decimal comma of the rates was lost: 10,43 became 1043.",
        lambda s: s.changed("taux_pour_mille", lambda t: str(round(number(t) * 100))),
        caught_by=("delivery: rate_follows_count", "refused: mostly_quarantined"),
    ),
    Fault(
        "ssmsi_fines_added_to_use",
        "ssmsi_communal",
        COMMUNES,
        "Total use was made by adding the fines (AFD), which it already contains, and the rates were made to fit.",
        _fines_added,
        caught_by=("audit.drift: period_totals_told_alike",),
    ),
    Fault(
        "ssmsi_hidden_as_zero",
        "ssmsi_communal",
        COMMUNES,
        "A figure that is not published is delivered as 0 and as published.",
        lambda s: _cell(
            s,
            "34032",
            "Trafic de stupéfiants",
            nombre="0",
            taux_pour_mille="0",
            complement_info_nombre="4,27",
            complement_info_taux="0,31",
        ),
        caught_by=("delivery: complement_only_where_hidden",),
    ),
    Fault(
        "ssmsi_complement_as_count",
        "ssmsi_communal",
        COMMUNES,
        "The mean of the département's hidden communes stands in place of the commune's own figure.",
        lambda s: _cell(
            s,
            "34032",
            "Trafic de stupéfiants",
            nombre="4",
            taux_pour_mille="0,31",
            complement_info_nombre="4,27",
            complement_info_taux="0,31",
        ),
        caught_by=("delivery: rate_follows_count", "delivery: complement_only_where_hidden"),
    ),
    Fault(
        "ssmsi_two_cities_exchanged",
        "ssmsi_communal",
        COMMUNES,
        "The codes of Béziers and Clermont-Ferrand are exchanged in the newest edition.",
        lambda s: _exchanged_values(s, "CODGEO_2025", "34032", "63113"),
        caught_by=("marts.police_statistics: residents_agree",),
    ),
    Fault(
        "ssmsi_label_new",
        "ssmsi_communal",
        COMMUNES,
        "The publisher spells an indicator in a new way.",
        lambda s: s.changed("indicateur", lambda t: t.replace("Usage de stupéfiants (AFD)", "AFD usage stupéfiants")),
        caught_by=("audit.drift: no_unknown_label",),
    ),
    Fault(
        "ssmsi_unit_changed",
        "ssmsi_departemental",
        DEPARTEMENTS,
        "The new edition counts offences where the one before counted people implicated.",
        lambda s: s.changed("unite_de_compte", lambda _: "Infraction"),
        sent_as="donnee-dep-data.gouv-2024-geographie2025-produit-le2025-07-10.csv",
        caught_by=("delivery: unit_of_indicator",),
    ),
    Fault(
        "ssmsi_population_of_another_year",
        "ssmsi_departemental",
        DEPARTEMENTS,
        "All years are given with the residents of the first one.",
        _population_of_first_year,
        caught_by=("delivery: rate_follows_count", "refused: mostly_quarantined"),
    ),
    Fault(
        "ssmsi_year_repeated",
        "ssmsi_departemental",
        DEPARTEMENTS,
        "The new edition's last year is a copy of the year before.",
        _year_repeated,
        sent_as="donnee-dep-data.gouv-2025-geographie2025-produit-le2026-02-03.csv",
        caught_by=("marts.police_statistics: years_differ",),
    ),
    Fault(
        "ssmsi_year_missing",
        "ssmsi_departemental",
        DEPARTEMENTS,
        "A new edition lacks the newest year that the edition before had.",
        lambda s: s.kept(lambda row: row["annee"] != "2023"),
        sent_as="donnee-dep-data.gouv-2025-geographie2025-produit-le2025-07-10.csv",
        caught_by=("audit.drift: no_period_lost",),
    ),
    Fault(
        "zones_code_renamed",
        "zones",
        ZONES,
        "A quartier got a new code in the list of zones; the police still use the old one.",
        lambda s: s.changed("code_zone", lambda t: "CF23" if t == "CF08" else t),
        caught_by=("marts.zones: previous_zones_kept",),
    ),
    Fault(
        "zones_names_exchanged",
        "zones",
        ZONES,
        "The names of two quartiers are exchanged in the list of zones.",
        lambda s: s.changed("nom", lambda t: {"Champratel": "Vallières", "Vallières": "Champratel"}.get(t, t)),
        caught_by=("marts.zones: previous_zones_kept",),
    ),
    Fault(
        "zones_priority_areas_as_quartiers",
        "zones",
        ZONES,
        "The priority areas (QPV) are filed as quartiers, so the same residents live in two quartiers.",
        lambda s: s.changed("type_zone", lambda t: "Quartier" if t == "QPV" else t),
        caught_by=("delivery: names_once",),
    ),
    Fault(
        "populations_thousands_cut",
        "populations",
        POPULATIONS,
        "The thousands separator cut the figures: 13 464 residents became 13.",
        lambda s: s.changed(
            "population",
            lambda t: str(int(t) // 1000),
            lambda row: row["annee"] == "2026" and row["code_zone"] == "CF15",
        ),
        caught_by=("delivery: residents_steady",),
    ),
    Fault(
        "populations_of_the_agglomeration",
        "populations",
        POPULATIONS,
        "The commune's residents are those of the whole agglomeration.",
        lambda s: s.changed("population", lambda t: str(int(t) * 2), lambda row: row["code_zone"] == "63113"),
        caught_by=("audit.drift: known_rows_unchanged",),
    ),
    Fault(
        "populations_two_quartiers_exchanged",
        "populations",
        POPULATIONS,
        "The residents of two quartiers are exchanged for one year.",
        lambda s: s.changed(
            "code_zone",
            lambda t: {"CF15": "CF20", "CF20": "CF15"}.get(t, t),
            lambda row: row["annee"] == "2026",
        ),
        caught_by=("delivery: residents_steady",),
    ),
    Fault(
        "margins_groups_exchanged",
        "census_margins",
        MARGINS,
        "Residents in and outside the priority areas are exchanged, so the survey is weighted the wrong way round.",
        lambda s: _exchanged_values(s, "groupe_zone", "qpv", "hors_qpv"),
        caught_by=("marts.zones: margins_fit_the_zones",),
    ),
    Fault(
        "survey_codes_from_zero",
        "survey_answers",
        SURVEY,
        "The tool numbers the answers from 0 instead of 1.",
        lambda s: s.changed("SECU_JOUR", lambda t: str(int(t) - 1) if t in ("1", "2", "3", "4") else t),
        is_first=True,
        caught_by=("marts.survey_waves: answer_codes_known",),
    ),
    Fault(
        "survey_two_questions_exchanged",
        "survey_answers",
        SURVEY,
        "The columns of two questions are exchanged: safety by day holds the answers on safety by night.",
        lambda s: s.exchanged("SECU_JOUR", "SECU_NUIT"),
        is_first=True,
        caught_by=("marts.perceptions_by_wave: day_safer_than_night",),
    ),
    Fault(
        "survey_scale_turned",
        "survey_answers",
        SURVEY,
        "The scale was turned round for one question: 1 now means very unsafe.",
        lambda s: s.changed("SECU_NUIT", lambda t: str(5 - int(t)) if t in ("1", "2", "3", "4") else t),
        is_first=True,
        why_not="the turned answers are possible; a first wave of answers has no earlier version",
    ),
    Fault(
        "survey_sexes_exchanged",
        "survey_answers",
        SURVEY,
        "The codes of women and men are exchanged.",
        lambda s: _exchanged_values(s, "SEXE", "F", "M"),
        is_first=True,
        why_not="weights mend the shares of women and men whichever way round they are",
    ),
    Fault(
        "survey_wave_twice",
        "survey_answers",
        SURVEY_BEFORE,
        "Wave 2 was sent once more under wave 3's name, with the days of answering lost.",
        lambda s: s.changed("submitdate", lambda t: moved(t, years=1, days=-85)),
        sent_as="enquete-habitants-2026-09.csv",
        is_first=True,
        caught_by=("audit.drift: period_not_copied",),
    ),
    Fault(
        "survey_filter_left_on",
        "survey_answers",
        SURVEY,
        "A filter was left on in the survey tool: only answers from outside the priority areas.",
        lambda s: s.kept(lambda row: row["ZONE"] == "HORS"),
        is_first=True,
        caught_by=("delivery: answers_vary",),
    ),
    Fault(
        "survey_cut",
        "survey_answers",
        SURVEY,
        "The survey tool exported the first page of its list only: 100 of 573 respondents.",
        lambda s: s.with_rows(list(s.rows[:100])),
        is_first=True,
        caught_by=("marts.survey_waves: weights_reach_the_census",),
    ),
)


# — good deliveries of the same kind: what raises an alarm here cries wolf ———————————————————————————————————————————


def _next_days(sheet: Sheet, column: str, month: str, days: int, vary: tuple[str, ...] = ()) -> Sheet:
    """The first four days of a month once more as those of November, with new numbers and other hours."""
    at = sheet.at(column)
    first = [r for r in sheet.rows if str(r[at]).startswith(month) and day(str(r[at])).day <= 4]
    added = []
    for i, row in enumerate(first):
        later = moved(row[at], days=days)
        later = later.replace(":0", ":1").replace(":3", ":2").replace(":4", ":0")
        added.append([f"NOV-{i:04d}", *row[1:at], later, *row[at + 1 :]])
    for name in vary:
        place = sheet.at(name)
        added = [
            [*r[:place], r[place] + 1 + i % 3 if r[place] else r[place], *r[place + 1 :]] for i, r in enumerate(added)
        ]
    return sheet.with_rows([*sheet.rows, *added])


def _two_more_weeks(sheet: Sheet) -> Sheet:
    last = [r for r in sheet.rows if r[1] in ("19/10/2026", "26/10/2026")]
    added = [
        [r[0], moved(r[1], days=14), *r[2:5], str(max(1, round(number(r[5]) * (0.9 + i % 7 / 30))))]
        for i, r in enumerate(last)
    ]
    return sheet.with_rows([*sheet.rows, *(r for r in added if day(r[1]) <= date(2026, 11, 2))])


def _next_edition(sheet: Sheet) -> Sheet:
    """The next edition: the newest year revised by half a per cent, and one year more; rates fit."""
    last = max(r[2] for r in sheet.rows)

    def with_count(row: list, year: str, count: int) -> list:
        return [*row[:2], year, *row[3:5], str(count), with_comma(1000 * count / int(row[7])), *row[7:]]

    revised = [with_count(r, last, round(int(r[5]) * 1.005)) if r[2] == last else list(r) for r in sheet.rows]
    newer = [
        with_count(r, str(int(last) + 1), round(int(r[5]) * (1.02 + i % 5 / 100)))
        for i, r in enumerate(revised)
        if r[2] == last
    ]
    return sheet.with_rows([*revised, *newer])


def _cleared_since(sheet: Sheet) -> Sheet:
    open_ones = [i for i, r in enumerate(sheet.rows) if not r[5]][::60]
    return sheet.with_rows([[*r[:5], "2026-11-04"] if i in open_ones else r for i, r in enumerate(sheet.rows)])


def _one_joined_one_left(sheet: Sheet) -> Sheet:
    rows = [list(r) for r in sheet.rows]
    rows[-1] = [*rows[-1][:5], datetime(2026, 11, 2), rows[-1][6]]
    joined = ["P061", "Épicerie du Lac (fictif)", "Commerce", "CF04", datetime(2026, 11, 3), None, "Oui"]
    return sheet.with_rows([*rows, joined])


def _answered_since(sheet: Sheet) -> Sheet:
    treated, outcome = sheet.at("date_traitement"), sheet.at("suite_donnee")

    def row_of(row: list) -> list:
        if row[treated] or row[1][3:] != "10/2026" or row[0][-1] not in "35":
            return list(row)
        return [*row[:treated], f"0{1 + int(row[0][-2]) % 5}/11/2026", "Répondu", *row[outcome + 1 :]]

    return sheet.with_rows([row_of(row) for row in sheet.rows])


GOOD: tuple[Fault, ...] = (
    Fault(
        "good_incidents_of_november",
        "police_incidents",
        INCIDENTS,
        "The first days of November were added.",
        lambda s: _next_days(s, "Horodatage", "2026-09", 61),
    ),
    Fault(
        "good_incident_corrected",
        "police_incidents",
        INCIDENTS,
        "Two incidents were moved to the right quartier.",
        lambda s: s.changed("Quartier", lambda _: "CF08", lambda row: row["Numéro incident"][-3:] in ("100", "200")),
    ),
    Fault(
        "good_interventions_of_november",
        "police_interventions",
        INTERVENTIONS,
        "The first days of November were added.",
        lambda s: _next_days(s, "date_intervention", "02/09/2026", 61),
    ),
    Fault(
        "good_cases_cleared_since",
        "police_cases",
        CASES,
        "A dozen cases were cleared since.",
        _cleared_since,
    ),
    Fault(
        "good_actions_of_november",
        "partner_events",
        ACTIONS,
        "The actions of the first days of November were added.",
        lambda s: _next_days(s, "date", "2026-09", 61, ("public_touche",)),
    ),
    Fault(
        "good_roster",
        "partner_roster",
        ROSTER,
        "One partner joined, one left and has its date of leaving.",
        _one_joined_one_left,
    ),
    Fault(
        "good_meetings_planned",
        "partner_meetings",
        MEETINGS,
        "Two meetings are planned for December.",
        lambda s: s.with_rows(
            [
                *s.rows,
                ["REU-0168", "Réunion de quartier", "08/12/2026", "", "CF10", "", "", ""],
                ["REU-0169", "Comité de pilotage", "15/12/2026", "", "63113", "", "", ""],
            ]
        ),
    ),
    Fault("good_channels", "channel_metrics", CHANNELS, "One more week was added.", _two_more_weeks),
    Fault(
        "good_feedback_treated",
        "resident_feedback",
        FEEDBACK,
        "A few feedbacks of October were answered in November.",
        _answered_since,
    ),
    Fault(
        "good_ssmsi_edition",
        "ssmsi_departemental",
        DEPARTEMENTS,
        "The next edition: the newest year revised by half a per cent, and one year more.",
        _next_edition,
        sent_as="donnee-dep-data.gouv-2025-geographie2025-produit-le2026-02-03.csv",
    ),
    Fault(
        "good_populations",
        "populations",
        POPULATIONS,
        "A year more, estimated half a per cent higher for every zone.",
        lambda s: s.with_rows(
            [
                *s.rows,
                *([r[0], "2027", str(round(int(r[2]) * 1.005)), r[3]] for r in s.rows if r[1] == "2026"),
            ]
        ),
    ),
    Fault(
        "good_zones",
        "zones",
        ZONES,
        "A sector was added to the list of zones.",
        lambda s: s.with_rows([*s.rows, ["SEC-NORD", "Secteur", "Secteur Nord", "63113", "Non"]]),
    ),
    Fault(
        "good_survey",
        "survey_answers",
        SURVEY,
        "Three test answers were taken out.",
        lambda s: s.with_rows(list(s.rows[3:])),
        caught_by=("audit.drift: known_rows_unchanged",),
        why_not="a false alarm: a column of a wave is held to differ as soon as one of its rows is gone",
    ),
)


if __name__ == "__main__":
    import sys

    from tests.faults import telling

    sys.exit(telling.main(sys.argv[1:]))
