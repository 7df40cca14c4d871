"""An invented network of partners: the roster and the log of actions, in the forms in which partners send them.

The network is there before the campaign and grows with it; some partners sign and stay silent, as in life.
"""

import random
from datetime import date, timedelta

from sample.delivering import (
    Delivery,
    csv_bytes,
    dice,
    french_date,
    french_number,
    insert_spread,
    jsonl_bytes,
    part,
    pick,
    poisson,
    xlsx_bytes,
    yes_no,
)
from sample.places import CITY, RESIDENT_WEIGHTS

LAUNCH = date(2025, 11, 19)
FIRST_DAY, LAST_DAY = date(2023, 1, 1), date(2026, 10, 31)
MESSAGE_VERSIONS = [("V1", LAUNCH), ("V2", date(2026, 3, 9)), ("V3", date(2026, 7, 6))]

# kind on the roster, name, zone; nobody of this kind and name exists
PARTNERS = {
    "school": [
        ("École", "École élémentaire des Tilleuls", "CF07"),
        ("École", "École élémentaire du Puy-Vert", "CF09"),
        ("École", "École primaire des Remparts", "CF06"),
        ("École", "École des Trois-Sources", "CF15"),
        ("Collège", "Collège du Volcan", "CF08"),
        ("Collège", "Collège des Arvernes", "CF11"),
        ("Collège", "Collège de la Tiretaine", "CF04"),
        ("Collège", "Collège du Plateau", "CF15"),
        ("Collège", "Collège des Vignes", "CF17"),
        ("Lycée", "Lycée de la Lave", "CF03"),
        ("Lycée", "Lycée des Basaltes", "CF12"),
        ("Lycée", "Lycée professionnel des Ateliers", "CF20"),
        ("Lycée", "Lycée du Belvédère", "CF14"),
        ("Établissement scolaire", "Centre de formation des Dômes", "CF21"),
    ],
    "shop": [
        ("Commerce", "Boulangerie du Beffroi", "CF01"),
        ("Commerce", "Tabac-presse de la Halle", "CF01"),
        ("Commerçant", "Librairie du Passage", "CF01"),
        ("Pharmacie", "Pharmacie de l'Horloge", "CF01"),
        ("Boutique", "Disquaire du Faubourg", "CF02"),
        ("Commerce", "Bar des Carreaux", "CF02"),
        ("Pharmacie", "Pharmacie du Viaduc", "CF03"),
        ("Commerce", "Épicerie des Salines", "CF03"),
        ("Commerce", "Boulangerie du Moulin", "CF04"),
        ("Commerçant", "Coiffeur de la Porte", "CF06"),
        ("Commerce", "Tabac des Arcades", "CF06"),
        ("Pharmacie", "Pharmacie du Plateau Nord", "CF09"),
        ("Commerce", "Épicerie du Belvédère Nord", "CF09"),
        ("Commerce", "Boulangerie des Vignerons", "CF10"),
        ("Pharmacie", "Pharmacie du Mail", "CF11"),
        ("Commerce", "Superette du Mail", "CF11"),
        ("Commerce", "Boulangerie des Platanes", "CF12"),
        ("Pharmacie", "Pharmacie de la Muraille", "CF15"),
        ("Commerce", "Tabac du Viaduc Sud", "CF15"),
        ("Commerce", "Épicerie du Bac", "CF16"),
        ("Boutique", "Cycles de la Vallée", "CF17"),
        ("Commerce", "Primeur de l'Oradou", "CF18"),
    ],
    "association": [
        ("Association", "Association Les Passerelles", "CF15"),
        ("Association", "Association Volcan Jeunes", "CF09"),
        ("Association", "Association Parents en lien", "CF11"),
        ("Asso", "Club de boxe des Hauts", "CF10"),
        ("Association", "Maison des habitants du Nord", "QN06302I"),
        ("Association", "Association Nuit tranquille", "CF01"),
        ("Association", "Association Étudiants solidaires", "CF02"),
        ("Asso", "Atelier des Dômes", "CF16"),
        ("Association", "Association Sport et lien", "CF06"),
        ("Association", "Association Femmes du quartier", "QN06303I"),
        ("Association", "Radio des Volcans", None),
        ("Association", "Association Écoute familles", "CF12"),
    ],
    "mediation": [
        ("Médiation", "Médiation Nord", "QN06302I"),
        ("Médiation", "Médiation Saint-Jacques", "QN06301M"),
        ("Médiateurs", "Équipe de médiation Centre", "CF01"),
        ("Médiation", "Médiation transports", CITY),
        ("Médiateur", "Médiation Fontaine", "QN06304I"),
    ],
    "help_centre": [
        ("CSAPA", "CSAPA du Jardin", "CF03"),
        ("CAARUD", "CAARUD La Boussole", "CF01"),
        ("Centre d'aide", "Consultation jeunes consommateurs du Parc", "CF15"),
        ("Centre de soins", "Centre de soins de la Plaine", "CF07"),
    ],
    "other": [
        ("Autre", "Bailleur social des Monts", CITY),
        ("Autre", "Réseau de bus des Dômes", CITY),
    ],
}

JOINED_BEFORE = {"school": 0.4, "shop": 0.4, "association": 0.75, "mediation": 0.8, "help_centre": 1.0, "other": 0.5}
ACTIONS_A_MONTH = {  # before the launch, after it
    "school": (1.1, 1.3),
    "shop": (0.5, 1.6),
    "association": (3.0, 3.1),
    "mediation": (5.2, 5.6),
    "help_centre": (4.8, 5.4),
    "other": (0.7, 1.0),
}
ACTIONS = {
    "school": {"workshop": 75, "training": 15, "information_point": 10},
    "shop": {"information_point": 25, "poster_relay": 75},
    "association": {"information_point": 38, "workshop": 20, "mediation": 18, "orientation": 14, "training": 10},
    "mediation": {"mediation": 70, "orientation": 20, "information_point": 10},
    "help_centre": {"orientation": 62, "information_point": 20, "training": 10, "workshop": 8},
    "other": {"information_point": 60, "poster_relay": 40},
}
FRENCH_ACTION = {
    "information_point": "Point d'information",
    "mediation": "Médiation",
    "training": "Formation",
    "poster_relay": "Relais affiche",
    "orientation": "Orientation",
    "workshop": "Atelier",
}
FRENCH_CHANNEL = {
    "face_to_face": "Présentiel",
    "phone": "Téléphone",
    "online": "En ligne",
    "poster": "Affiche",
    "leaflet": "Dépliant",
}


def message_version(day: date) -> str | None:
    """The version of the campaign message in use on a day; none before the launch."""
    return next((code for code, since in reversed(MESSAGE_VERSIONS) if day >= since), None)


# --- roster ------------------------------------------------------------------------------------------------------


def roster() -> list[dict]:
    """One membership a row: kind, id, label, name, zone, signed, left, eligible."""
    rng = dice("partenaires")
    rows = []
    for kind, members in PARTNERS.items():
        for label, name, zone in members:
            early = rng.random() < JOINED_BEFORE[kind]
            first, last = (date(2022, 9, 1), date(2024, 6, 30)) if early else (date(2025, 9, 15), date(2026, 5, 31))
            signed_on = first + timedelta(days=rng.randrange((last - first).days))
            left_on = signed_on + timedelta(days=rng.randint(150, 700)) if rng.random() < 0.15 else None
            rows.append(
                {
                    "kind": kind,
                    "id": f"P{len(rows) + 1:03}",
                    "label": label,
                    "name": f"{name} (fictif)",
                    "zone": zone,
                    "signed_on": signed_on,
                    "left_on": left_on if left_on and left_on <= LAST_DAY else None,
                    "eligible": (kind == "shop" and rng.random() < 0.9)
                    or (kind == "association" and rng.random() < 0.4),
                }
            )
    return [*rows, came_back(rows)]


def came_back(rows: list[dict]) -> dict:
    """A second membership of one association, so that the roster has a partner that left and signed again."""
    first = next(row for row in rows if row["name"].startswith("Atelier des Dômes"))
    first["signed_on"], first["left_on"] = date(2023, 2, 6), date(2024, 6, 28)
    return first | {"signed_on": date(2025, 11, 24), "left_on": None}


def roster_xlsx() -> bytes:
    """A workbook as the city keeps it."""
    header = "Code partenaire;Nom structure;Type structure;Code zone;Date signature;Date sortie;Relais possible"
    rows = [
        [row["id"], row["name"], row["label"], row["zone"], row["signed_on"], row["left_on"], yes_no(row["eligible"])]
        for row in roster()
    ]
    return xlsx_bytes("Partenaires", header.split(";"), rows)


# --- actions -----------------------------------------------------------------------------------------------------


def actions() -> list[list]:
    """All actions 2023 to 2026 in the order of EVENT_KEYS, by day, with the codes of the contract."""
    rng = dice("actions")
    rows = []
    for member in roster():
        steadiness = rng.choices([0.25, 0.75, 0.97], [20, 35, 45])[0]
        for month in months():
            if month.month % 3 == 1:
                is_silent = rng.random() > steadiness  # for the quarter that begins
            if is_silent or (member["kind"] == "school" and month.month in (7, 8)):
                continue
            for _ in range(poisson(rng, monthly_rate(member["kind"], month))):
                day = working_day(month + timedelta(days=rng.randrange(28)))
                if member["signed_on"] <= day <= (member["left_on"] or LAST_DAY):
                    rows.append(action(rng, member, day))
    rows.sort(key=lambda row: (row[1], row[0]))
    numbers = dict.fromkeys(range(2023, 2027), 0)
    for row in rows:
        year = row[1].year
        numbers[year] += 1
        row.insert(0, f"ACT-{year}-{numbers[year]:05}")
    return rows


def months() -> list[date]:
    return [date(year, month, 1) for year in range(2023, 2027) for month in range(1, 13) if (year, month) <= (2026, 10)]


def working_day(day: date) -> date:
    """The day itself, or the Monday after a Sunday."""
    return day + timedelta(days=1) if day.weekday() == 6 else day


def monthly_rate(kind: str, month: date) -> float:
    before, after = ACTIONS_A_MONTH[kind]
    return after if month >= LAUNCH.replace(day=1) else before


def action(rng: random.Random, member: dict, day: date) -> list:
    """partner, day, action, channel, zone, version, then the seven counts of people."""
    kinds = dict(ACTIONS[member["kind"]])
    if day < LAUNCH:  # there was no poster to relay yet
        kinds.pop("poster_relay", None)
    name = pick(rng, kinds)
    zone = member["zone"] if rng.random() < 0.85 else pick(rng, RESIDENT_WEIGHTS)
    return [member["id"], day, name, channel(rng, name), zone, message_version(day), *people(rng, name)]


def channel(rng: random.Random, name: str) -> str:
    if name == "poster_relay":
        return "poster"
    if name == "orientation":
        return pick(rng, {"face_to_face": 70, "phone": 25, "online": 5})
    if name == "information_point":
        return pick(rng, {"face_to_face": 75, "leaflet": 25})
    return "face_to_face"


def people(rng: random.Random, name: str) -> list:
    """reached, in difficulty, offered, accepted, first appointment kept, trained, planned; None where senseless."""
    if name == "poster_relay":
        return [None] * 7
    if name == "training":
        planned = rng.randint(8, 24)
        trained = part(rng, planned, 0.84)
        return [trained, None, None, None, None, trained, planned]
    if name == "workshop":
        return [rng.randint(14, 62), *steps(rng, poisson(rng, 0.4)), None, None]
    if name == "information_point":
        reached = rng.randint(1050, 1900) if rng.random() < 0.015 else rng.randint(8, 130)
        return [reached, *steps(rng, poisson(rng, 1.4)), None, None]
    in_difficulty = 1 + poisson(rng, 0.7) if name == "orientation" else poisson(rng, 0.9)
    return [in_difficulty + rng.randint(0, 9), *steps(rng, in_difficulty), None, None]


def steps(rng: random.Random, in_difficulty: int) -> list[int]:
    """People in difficulty, offered an orientation, accepting it, keeping the first appointment."""
    offered = part(rng, in_difficulty, 0.78)
    accepted = part(rng, offered, 0.46)
    return [in_difficulty, offered, accepted, part(rng, accepted, 0.62)]


def in_french(row: list) -> list:
    """The row with the partners' own words for action and channel."""
    return [*row[:3], FRENCH_ACTION[row[3]], FRENCH_CHANNEL[row[4]], *row[5:]]


def actions_2023() -> bytes:
    """A workbook; a number in letters and an action without partner."""
    rows = [row for row in map(in_french, actions()) if row[2].year == 2023]
    point = ["Point d'information", "Dépliant"]
    dirty = [
        ["ACT-2023-90001", "P048", date(2023, 4, 9), *point, "CF02", None, "une douzaine", 1, 1, 0, 0, None, None],
        ["ACT-2023-90002", None, date(2023, 12, 3), *point, "CF01", None, 48, 2, 1, 1, 0, None, None],
    ]
    header = "Id action;Id partenaire;Date;Type action;Canal;Zone;Version message;Public touché"
    header += ";En difficulté;Orientations proposées;Orientations acceptées;RDV honorés;Formés;Prévus"
    return xlsx_bytes("Actions 2023", header.split(";"), insert_spread(dice("actions-2023-dirty"), rows, dirty))


def actions_2024_2025() -> bytes:
    """UTF-8, French dates, narrow spaces between thousands; steps out of order, a negative count, 31 November."""
    rows = [
        [*row[:2], french_date(row[2]), *row[3:7], french_number(row[7]), *row[8:]]
        for row in map(in_french, actions())
        if row[2].year in (2024, 2025)
    ]
    point = ["Point d'information", "Présentiel"]
    dirty = [
        ["ACT-2024-90001", "P037", "12/06/2024", "Orientation", "Présentiel", "CF15", None, 6, 3, 2, 3, 1, None, None],
        ["ACT-2024-90002", "P042", "31/11/2024", *point, "CF01", None, 35, 1, 1, 0, 0, None, None],
        ["ACT-2025-90001", "P038", "21/03/2025", *point, "CF09", None, -40, 0, 0, 0, 0, None, None],
    ]
    header = "Id action;Code partenaire;Date action;Action;Canal;Code zone;Version message;Personnes touchées"
    header += ";En difficulté;Orientations proposées;Orientations acceptées;RDV honorés"
    header += ";Personnes formées;Personnes prévues"
    return csv_bytes(header.split(";"), insert_spread(dice("actions-2025-dirty"), rows, dirty))


def actions_2026() -> bytes:
    """JSON lines from the partners' application, with the contract's codes; an unknown action and a missing id."""
    rows = [[*row[:2], row[2].isoformat(), *row[3:]] for row in actions() if row[2].year == 2026]
    dirty = [
        ["ACT-2026-90001", "P040", "2026-04-18", "tombola", "face_to_face", "CF10", "V2", 80, 0, 0, 0, 0, None, None],
        [None, "P051", "2026-06-11", "mediation", "face_to_face", "CF16", "V2", 5, 1, 1, 0, 0, None, None],
    ]
    header = "id_action;id_partenaire;date;action;canal;zone;version_message;public_touche"
    header += ";en_difficulte;orientations_proposees;orientations_acceptees;rdv_honores;formes;prevus"
    return jsonl_bytes(header.split(";"), insert_spread(dice("actions-2026-dirty"), rows, dirty))


# --- deliveries --------------------------------------------------------------------------------------------------

EVENTS = ("partner_events", "journal des actions des partenaires")
FILES = [
    ("partenaires.xlsx", roster_xlsx, "2026-11-04T07:20:00Z", ("partner_roster", "liste des partenaires")),
    ("actions-partenaires-2023.xlsx", actions_2023, "2024-01-16T07:30:00Z", EVENTS),
    ("actions-partenaires-2024-2025.csv", actions_2024_2025, "2026-01-13T07:30:00Z", EVENTS),
    ("actions-partenaires-2026.jsonl", actions_2026, "2026-11-04T07:30:00Z", EVENTS),
]


def deliveries() -> list[Delivery]:
    """The roster and three logs of actions."""
    return [
        Delivery(
            source="partners",
            file_name=file_name,
            content=content(),
            contract=contract,
            received_at=received_at,
            sender="Ville de Clermont-Ferrand, mission prévention",
            citation=f"Ville de Clermont-Ferrand, {thing}",
            note="Données synthétiques : organisations et actions inventées.",
        )
        for file_name, content, received_at, (contract, thing) in FILES
    ]
