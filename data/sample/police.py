"""Incidents, interventions and cases of an invented police extract, in the many forms in which extracts arrive.

Three figures of 2024 are fixed, because the press quotes them: 125 incidents linked to trafficking, 2 400
interventions, 228 cases cleared for 1 200 recorded. Rows that are dirty on purpose come on top of these.
"""

import math
import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sample.delivering import (
    NO_BREAK_SPACE,
    Delivery,
    csv_bytes,
    dice,
    french_date,
    french_number,
    insert_spread,
    pick,
    xlsx_bytes,
    yes_no,
)
from sample.places import INCIDENT_WEIGHTS, RESIDENT_WEIGHTS

LAST_DAY = date(2026, 10, 31)
CLEARED_2024 = 228

LINKED_INCIDENTS = {2023: 113, 2024: 125, 2025: 139, 2026: 102}
OTHER_INCIDENTS = {2023: 296, 2024: 310, 2025: 322, 2026: 262}
INTERVENTIONS = {2023: 2291, 2024: 2400, 2025: 2548, 2026: 2214}
RECORDED_CASES = {2023: 1164, 2024: 1200, 2025: 1236, 2026: 1018}

MONTH_WEIGHTS = [90, 85, 95, 100, 110, 115, 115, 110, 105, 100, 90, 85]
SUMMER_2025 = {6: 1.5, 7: 1.6, 8: 1.5}  # the launch follows a peak, as it really did
HOUR_WEIGHTS = [6, 5, 4, 2, 1, 1, 1, 2, 2, 3, 3, 4, 4, 4, 5, 6, 7, 8, 9, 10, 11, 12, 11, 8]

# moments that trip calendars up: 29 February, the hour that comes twice in October, the edges of March's lost hour
AWKWARD_MOMENTS = {
    2023: [datetime(2023, 3, 26, 1, 59), datetime(2023, 10, 29, 2, 45)],
    2024: [
        datetime(2024, 2, 29, 22, 10),
        datetime(2024, 3, 31, 1, 59),
        datetime(2024, 3, 31, 3, 1),
        datetime(2024, 10, 27, 2, 30),
        datetime(2024, 12, 31, 23, 59),
    ],
    2025: [datetime(2025, 1, 1, 0, 0), datetime(2025, 10, 26, 2, 10)],
    2026: [datetime(2026, 3, 29, 3, 0), datetime(2026, 10, 25, 2, 20)],
}
SPRING_FORWARD = {date(2023, 3, 26), date(2024, 3, 31), date(2025, 3, 30), date(2026, 3, 29)}

LINKED_CATEGORIES = {"Coups de feu": 10, "Rixe": 14, "Agression": 24, "Menaces": 16}
LINKED_CATEGORIES |= {"Dégradation / incendie": 14, "Attroupement / point de deal": 18, "Autre": 4}
OTHER_CATEGORIES = {"Tir": 0.3, "Bagarre": 18, "Violences": 22, "Intimidation": 16}
OTHER_CATEGORIES |= {"Dégradations": 30, "Attroupement": 4, "Divers": 10}
SERVICES = {"Police municipale": 55, "Police nationale": 43, "Autre": 2}
INITIALS = {"Police municipale": "PM", "Police nationale": "PN", "Autre": "Autre"}

INTERVENTION_TYPES = {"Patrouille": 26, "Contrôle": 22, "Assistance": 14}
INTERVENTION_TYPES |= {"Tranquillité publique": 22, "Stupéfiants": 10, "Autre": 6}
OWN_INITIATIVE_SHARE = {"Patrouille": 0.95, "Contrôle": 0.7, "Assistance": 0.1}
OWN_INITIATIVE_SHARE |= {"Tranquillité publique": 0.2, "Stupéfiants": 0.6, "Autre": 0.4}


@dataclass(frozen=True)
class OffenceClass:
    """How often a class is recorded, how long until it is, how often and how fast it is cleared."""

    share: int
    longest_delay: int  # days from the fact to its recording
    cleared_share: float
    mean_days: int  # from recording to clearance


OFFENCES = {
    "Trafic de stupéfiants": OffenceClass(35, 2, 0.76, 45),
    "Usage de stupéfiants": OffenceClass(40, 0, 1.0, 0),  # found out and cleared in one act
    "Violences physiques": OffenceClass(140, 10, 0.34, 95),
    "Violences intrafamiliales": OffenceClass(45, 60, 0.82, 40),
    "Vols": OffenceClass(430, 14, 0.045, 110),
    "Cambriolages": OffenceClass(115, 3, 0.08, 140),
    "Destructions": OffenceClass(165, 7, 0.05, 100),
    "Autre": OffenceClass(30, 7, 0.12, 90),
}


def moment(rng: random.Random, year: int, month_weights: list[float]) -> datetime:
    """A local time in the year that exists on the clock; 2026 ends with October."""
    months = range(1, 11) if year == 2026 else range(1, 13)
    month = rng.choices(months, weights=month_weights[: len(months)])[0]
    first_of_next = date(year + month // 12, month % 12 + 1, 1)
    day = first_of_next - timedelta(days=rng.randint(1, (first_of_next - date(year, month, 1)).days))
    hour = rng.choices(range(24), weights=HOUR_WEIGHTS)[0]
    if day in SPRING_FORWARD and hour == 2:
        hour = 3
    return datetime(day.year, day.month, day.day, hour, rng.randrange(60))


def zone(rng: random.Random, weights: dict) -> str | None:
    """A quartier; in 15 of 1 000 rows nobody noted it."""
    return None if rng.random() < 0.015 else pick(rng, weights)


# --- incidents ---------------------------------------------------------------------------------------------------


def incidents(year: int) -> list[list]:
    """id, moment, zone, category, linked to trafficking, version of the rule, service; by time."""
    rng = dice(f"incidents-{year}")
    linked_weights = [
        weight * (SUMMER_2025.get(month, 1) if year == 2025 else 1) for month, weight in enumerate(MONTH_WEIGHTS, 1)
    ]
    rows = []
    for is_linked, count in ((True, LINKED_INCIDENTS[year]), (False, OTHER_INCIDENTS[year])):
        for _ in range(count):
            when = moment(rng, year, linked_weights if is_linked else MONTH_WEIGHTS)
            category = pick(rng, LINKED_CATEGORIES if is_linked else OTHER_CATEGORIES)
            rows.append([when, zone(rng, INCIDENT_WEIGHTS), category, is_linked, "R1", pick(rng, SERVICES)])
    for place, awkward in enumerate(AWKWARD_MOMENTS[year]):
        rows[place * 100][0] = awkward  # every hundredth row, so that linked and other incidents both get some
    rows.sort(key=lambda row: row[0])
    return [[f"INC-{year}-{number:05}", *row] for number, row in enumerate(rows, 1)]


def incidents_2023() -> bytes:
    """UTF-8 with a byte order mark, as Excel saves it; one linked incident does not tell its rule (a warning)."""
    rows = [[row[0], french_date(row[1]), *row[2:4], yes_no(row[4]), *row[5:]] for row in incidents(2023)]
    next(row for row in rows if row[4] == "Oui")[5] = None
    header = "id_incident;date_heure;code_quartier;categorie;lien_trafic;version_regle;service"
    return csv_bytes(header.split(";"), rows, encoding="utf-8-sig")


def incidents_2024() -> bytes:
    """cp1252 with CRLF and accented headers, as the police's tool exports; six kinds of dirt, one a skipped hour."""
    rows = [[row[0], french_date(row[1]), *row[2:4], yes_no(row[4]), *row[5:]] for row in incidents(2024)]
    dirty = [
        ["INC-2024-90001", "32/13/2024", "CF08", "Coups de feu", "Oui", "R1", "Police nationale"],
        [None, "14/03/2024 23:20", "CF15", "Rixe", "Oui", "R1", "Police municipale"],
        ["INC-2024-90002", "02/06/2024 21:40", "CF01", "Tapage nocturne", "Oui", "R1", "Police municipale"],
        ["INC-2024-90005", "31/03/2024 02:30", "CF02", "Rixe", "Non", "R1", "Police nationale"],
        ["INC-2024-90003", "19/08/2024 00:15", "CF11", "Menaces", "à vérifier", "R1", "Police nationale"],
        ["INC-2024-90004", "05/10/2024 18:05", "CF09", "Bagarre", "Non", "R1", "Police municipale"],
        ["INC-2024-90004", "06/10/2024 02:35", "CF10", "Dégradations", "Non", "R1", "Police nationale"],
    ]
    header = "N° incident;Date et heure;Code quartier;Catégorie;Lié au trafic;Règle;Service"
    rows = insert_spread(dice("incidents-2024-dirty"), rows, dirty)
    return csv_bytes(header.split(";"), rows, encoding="cp1252", newline="\r\n")


def incidents_2025() -> bytes:
    """A workbook with real dates and real booleans."""
    header = "Numéro incident;Horodatage;Code quartier;Catégorie;Lien avec trafic;Version règle;Service"
    return xlsx_bytes("Incidents 2025", header.split(";"), incidents(2025))


def incidents_2026() -> bytes:
    """cp1252 again, but ISO times, 1 and 0, and services by their initials."""
    rows = [
        [row[0], row[1].isoformat(sep=" ", timespec="seconds"), *row[2:4], int(row[4]), row[5], INITIALS[row[6]]]
        for row in incidents(2026)
    ]
    header = "Numéro incident;Horodatage;Quartier;Type incident;Lié au trafic;Version règle;Service"
    return csv_bytes(header.split(";"), rows, encoding="cp1252", newline="\r\n")


# --- interventions -----------------------------------------------------------------------------------------------


def interventions(year: int) -> list[list]:
    """id, moment, zone, service, type, origin, minutes, agents; by time."""
    rng = dice(f"interventions-{year}")
    weights = {code: RESIDENT_WEIGHTS[code] / 10 + 2 * INCIDENT_WEIGHTS[code] for code in RESIDENT_WEIGHTS}
    rows = []
    for _ in range(INTERVENTIONS[year]):
        kind = pick(rng, INTERVENTION_TYPES)
        origin = "Initiative" if rng.random() < OWN_INITIATIVE_SHARE[kind] else "Appel"
        minutes = 5 + 5 * int(-7 * math.log(1 - rng.random()))
        if rng.random() < 0.02:
            minutes += 0.5
        service = pick(rng, {"Police municipale": 88, "Police nationale": 12})
        agents = pick(rng, {1: 3, 2: 60, 3: 22, 4: 12, 6: 3})
        when = moment(rng, year, [100] * 12)
        rows.append([when, zone(rng, weights), service, kind, origin, minutes, agents])
    rows.sort(key=lambda row: row[0])
    return [[f"INT-{year}-{number:05}", *row] for number, row in enumerate(rows, 1)]


def interventions_2023() -> bytes:
    """Comma-separated UTF-8 with ISO times; one id given twice and a software's default date."""
    rows = [
        [row[0], row[1].isoformat(timespec="seconds"), row[2], INITIALS[row[3]], *row[4:]]
        for row in interventions(2023)
    ]
    dirty = [
        ["INT-2023-90001", "2023-05-06T16:20:00", "CF06", "PM", "Patrouille", "Initiative", 45, 2],
        ["INT-2023-90001", "2023-05-06T19:55:00", "CF12", "PM", "Assistance", "Appel", 20, 2],
        ["INT-2023-90002", "1900-01-01T00:00:00", "CF01", "PM", "Contrôle", "Initiative", 30, 2],
    ]
    header = "id_intervention;date_heure;code_quartier;service;type_intervention;origine;duree_min;nb_agents"
    rows = insert_spread(dice("interventions-2023-dirty"), rows, dirty)
    return csv_bytes(header.split(";"), rows, separator=",")


def interventions_2024() -> bytes:
    """UTF-16 with tabs, Excel's "Unicode text"; an unreadable number, a negative count, a missing end time."""
    rows = [
        [row[0], french_date(row[1]), row[2], INITIALS[row[3]], *row[4:6], french_number(row[6]), row[7]]
        for row in interventions(2024)
    ]
    dirty = [
        ["INT-2024-90001", "11/02/2024 10:00", "CF04", "PM", "Patrouille", "Initiative", "quarante", 2],
        ["INT-2024-90002", "07/07/2024 15:30", "CF15", "PM", "Contrôle", "Initiative", 25, -2],
        ["INT-2024-90003", "23/11/2024 22:45", "CF01", "PN", "Stupéfiants", "Appel", "9\u202f999", 4],
    ]
    header = "Numéro intervention;Début;Code quartier;Service;Motif;Origine;Durée (min);Nb agents"
    rows = insert_spread(dice("interventions-2024-dirty"), rows, dirty)
    return csv_bytes(header.split(";"), rows, separator="\t", encoding="utf-16", newline="\r\n")


def interventions_2025() -> bytes:
    """cp1252; two long operations with a no-break space in the minutes, and a type nobody knows yet (a warning)."""
    rows = [
        [row[0], french_date(row[1]), row[2], INITIALS[row[3]], *row[4:6], french_number(row[6]), row[7]]
        for row in interventions(2025)
    ]
    rows[1200][6], rows[1900][6] = f"1{NO_BREAK_SPACE}080", f"1{NO_BREAK_SPACE}200"
    rows[2100][4] = "Drone"
    header = "Numéro intervention;Date heure début;Code quartier;Service;Type intervention;Origine"
    header += ";Durée minutes;Effectif"
    return csv_bytes(header.split(";"), rows, encoding="cp1252", newline="\r\n")


def interventions_2026() -> bytes:
    """UTF-8, semicolons, initials, calls named by their number."""
    origin = {"Initiative": "Proactif", "Appel": "Appel 17"}
    rows = [
        [row[0], french_date(row[1]), row[2], INITIALS[row[3]], row[4], origin[row[5]], french_number(row[6]), row[7]]
        for row in interventions(2026)
    ]
    return csv_bytes(
        ["id_intervention", "date_intervention", "quartier", "service", "motif", "origine", "duree", "agents"], rows
    )


# --- cases -------------------------------------------------------------------------------------------------------


def cases() -> list[list]:
    """id, fact, recorded, class, zone, cleared; by day of recording; cleared as known on the last day."""
    rng = dice("affaires")
    rows = []
    for year, count in RECORDED_CASES.items():
        last_day = min(date(year, 12, 31), LAST_DAY)
        for _ in range(count):
            recorded_on = last_day - timedelta(days=rng.randrange((last_day - date(year, 1, 1)).days + 1))
            rows.append(case(rng, recorded_on))
    rows.sort(key=lambda row: row[1])
    settle_2024(rng, rows)
    numbers = dict.fromkeys(RECORDED_CASES, 0)
    for row in rows:
        numbers[row[1].year] += 1
        row.insert(0, f"AFF-{row[1].year}-{numbers[row[1].year]:05}")
    return rows


def case(rng: random.Random, recorded_on: date) -> list:
    """fact, recorded, class, zone, cleared."""
    name = pick(rng, {name: offence.share for name, offence in OFFENCES.items()})
    offence = OFFENCES[name]
    delay = int(rng.random() ** 3 * (offence.longest_delay + 1))  # most facts are told at once, a few late
    fact_on = max(recorded_on - timedelta(days=delay), date(2023, 1, 1))
    cleared_on = None
    if rng.random() < offence.cleared_share:
        cleared_on = recorded_on + timedelta(days=int(-offence.mean_days * math.log(1 - rng.random())))
    if cleared_on is not None and cleared_on > LAST_DAY:
        cleared_on = None
    return [fact_on, recorded_on, name, zone(rng, INCIDENT_WEIGHTS), cleared_on]


def settle_2024(rng: random.Random, rows: list[list]) -> None:
    """Brings the cases cleared in 2024 to the fixed number, by thefts and violence that are cleared or not."""
    cleared = [row for row in rows if row[4] is not None and row[4].year == 2024]
    too_many = len(cleared) - CLEARED_2024
    adjustable = ("Vols", "Violences physiques", "Destructions")
    if too_many > 0:
        for row in rng.sample([row for row in cleared if row[2] in adjustable], too_many):
            row[4] = None
        return
    first_half = [row for row in rows if date(2024, 1, 1) <= row[1] < date(2024, 7, 1)]
    for row in rng.sample([row for row in first_half if row[4] is None and row[2] in adjustable], -too_many):
        row[4] = row[1] + timedelta(days=rng.randint(3, 150))


def cases_2023_2025() -> bytes:
    """cp1252 with French dates; cleared before the fact, a class nobody knows, a day that does not exist."""
    rows = [
        [row[0], french_date(row[1]), french_date(row[2]), *row[3:5], french_date(row[5])]
        for row in cases()
        if row[2].year < 2026
    ]
    dirty = [
        ["AFF-2023-90001", "30/02/2023", "02/03/2023", "Vols", "CF01", "15/05/2024"],
        ["AFF-2024-90001", "14/05/2024", "14/05/2024", "Violences physiques", "CF09", "02/05/2024"],
        ["AFF-2024-90002", "09/09/2024", "11/09/2024", "Cybercriminalité", "CF03", "20/12/2024"],
    ]
    header = "Numéro affaire;Date des faits;Date enregistrement;Classe infraction;Code quartier;Date élucidation"
    rows = insert_spread(dice("affaires-dirty"), rows, dirty)
    return csv_bytes(header.split(";"), rows, encoding="cp1252", newline="\r\n")


def cases_2026() -> bytes:
    """UTF-8 with ISO dates."""
    header = "id_affaire;date_faits;date_constatation;infraction;quartier;elucide_le"
    return csv_bytes(header.split(";"), [row for row in cases() if row[2].year == 2026])


# --- deliveries --------------------------------------------------------------------------------------------------

CITY = "Ville de Clermont-Ferrand, direction de la tranquillité publique"
STATE = "Police nationale, commissariat de Clermont-Ferrand"
INCIDENTS = ("police_incidents", CITY, "Ville de Clermont-Ferrand, extraction des incidents")
PATROLS = ("police_interventions", CITY, "Ville de Clermont-Ferrand, extraction des interventions")
CASES = ("police_cases", STATE, "Police nationale, commissariat de Clermont-Ferrand, extraction des affaires")

FILES = [
    ("incidents-2023.csv", incidents_2023, "2024-01-05T08:00:00Z", INCIDENTS),
    ("incidents-2024.csv", incidents_2024, "2025-01-06T08:00:00Z", INCIDENTS),
    ("incidents-2025.xlsx", incidents_2025, "2026-01-05T08:00:00Z", INCIDENTS),
    ("incidents-2026.csv", incidents_2026, "2026-11-03T08:00:00Z", INCIDENTS),
    ("interventions-2023.csv", interventions_2023, "2024-01-08T09:30:00Z", PATROLS),
    ("interventions-2024.csv", interventions_2024, "2025-01-07T09:30:00Z", PATROLS),
    ("interventions-2025.csv", interventions_2025, "2026-01-07T09:30:00Z", PATROLS),
    ("interventions-2026.csv", interventions_2026, "2026-11-03T09:30:00Z", PATROLS),
    ("affaires-2023-2025.csv", cases_2023_2025, "2026-11-04T10:00:00Z", CASES),
    ("affaires-2026.csv", cases_2026, "2026-11-04T10:05:00Z", CASES),
]


def deliveries() -> list[Delivery]:
    """Ten files; the year's extract arrives in the first days after it, cases as known on the last day."""
    return [
        Delivery(
            source="police",
            file_name=file_name,
            content=content(),
            contract=contract,
            received_at=received_at,
            sender=sender,
            citation=citation,
            note="Données synthétiques : aucun fait réel, aucun chiffre de la police.",
        )
        for file_name, content, received_at, (contract, sender, citation) in FILES
    ]
