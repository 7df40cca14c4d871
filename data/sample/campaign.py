"""The campaign's own logs, invented: meetings, diffusion by week and place, feedback of residents."""

import math
import random
from datetime import date, timedelta

from sample.delivering import (
    Delivery,
    csv_bytes,
    dice,
    french_date,
    french_number,
    insert_spread,
    part,
    pick,
    poisson,
)
from sample.partners import LAST_DAY, LAUNCH, message_version, months, roster
from sample.places import CITY, QPV, QUARTIERS, RESIDENT_WEIGHTS


def meetings() -> bytes:
    """Neighbourhood meetings in turn over the QPV, partners each month of the campaign, steering each quarter."""
    rng = dice("reunions")
    planned = []
    for place, month in enumerate(months()):
        for step in range(2):
            zone = QPV[(place * 2 + step) % len(QPV)][0]
            planned.append(("Réunion de quartier", month + timedelta(days=rng.randrange(28)), zone))
        planned.append(("Réunion de quartier", month + timedelta(days=rng.randrange(28)), pick(rng, RESIDENT_WEIGHTS)))
        if month >= date(2025, 9, 1):
            planned.append(("Réunion partenaires", month + timedelta(days=rng.randrange(28)), CITY))
        if month.month % 3 == 0:
            planned.append(("COPIL", month + timedelta(days=rng.randrange(28)), CITY))
    planned.sort(key=lambda meeting: meeting[1])
    rows = [meeting_row(rng, number, *meeting) for number, meeting in enumerate(planned, 1)]
    header = "id_reunion;type_reunion;date_prevue;date_tenue;code_zone;nb_participants"
    header += ";decisions_ouvertes;decisions_closes"
    return csv_bytes(header.split(";"), rows)


def meeting_row(rng: random.Random, number: int, kind: str, planned_on: date, zone: str) -> list:
    head = [f"REU-{number:04}", kind, french_date(planned_on)]
    if rng.random() < 0.12:  # planned and never held
        return [*head, None, zone, None, None, None]
    held_on = min(planned_on + timedelta(days=rng.choices([0, 7, 14], [85, 10, 5])[0]), LAST_DAY)
    crowd = rng.randint(8, 65) if kind == "Réunion de quartier" else rng.randint(6, 24)
    opened = poisson(rng, 1.8)
    return [*head, french_date(held_on), zone, crowd, opened, part(rng, opened, 0.7)]


def diffusion() -> bytes:
    """From the launch on: panel-days and relay shops by zone, unique reach by platform; numbers such as 12 400."""
    rng = dice("diffusion")
    shops = [row for row in roster() if row["kind"] == "shop" and row["eligible"]]
    start_week = {code: 0 if place < 8 else rng.choice([0, 4, 8, 12]) for place, (code, *_) in enumerate(QUARTIERS)}
    panels = {code: 1 + share // 18 for code, _, share, _ in QUARTIERS}
    audience = {"Facebook": 14000, "Instagram": 11000, "Snapchat": 9000}
    rows = []
    for week in range(50):
        monday = date(2025, 11, 17) + timedelta(weeks=week)
        sunday = monday + timedelta(days=6)
        version = message_version(sunday)
        days = 5 if week == 0 else 7  # the launch was on a Wednesday
        for zone, count in panels.items():
            if week >= start_week[zone]:
                shown = max(0, count - poisson(rng, 0.3)) if week < 30 else max(0, count // 2 - poisson(rng, 0.2))
                rows.append(["Mobilier urbain", monday, zone, version, "Jours panneau", shown * days])
        for platform, usual in audience.items():
            reach = int(usual * (0.35 + 0.65 * math.exp(-(week % 17) / 6)) * (0.9 + 0.2 * rng.random()))
            rows.append([platform, monday, CITY, version, "Portée unique", reach])
        for zone in sorted({shop["zone"] for shop in shops}):
            here = [shop for shop in shops if shop["zone"] == zone and shop["signed_on"] <= sunday]
            here = [shop for shop in here if shop["left_on"] is None or shop["left_on"] > sunday]
            if here:
                rows.append(["Commerces", monday, zone, version, "Relais actifs", part(rng, len(here), 0.8)])
    rows = [[row[0], french_date(row[1]), *row[2:5], french_number(row[5])] for row in rows]
    return csv_bytes(["plateforme", "semaine_du", "code_zone", "version_message", "indicateur", "valeur"], rows)


COMMENTS = {
    "Message": [
        "L'affiche est claire, mais le numéro d'aide est écrit trop petit.",
        "Message trop dur ; il fait peur plus qu'il n'aide.",
        'Le mot "tue" choque les plus jeunes.',
        "Bonne idée, à mettre aussi dans le tramway.",
    ],
    "Sécurité": ["L'éclairage de la place ne marche plus.", "Il faudrait passer le soir.", "C'est calme."],
    "Aide": ["Où trouver une consultation le samedi ?", "Merci pour l'adresse, l'accueil était bon."],
    "Propreté": ["Des affiches déchirées traînent près de l'arrêt.", "Les poubelles débordent."],
    "Autre": ["Question sur les horaires de la mairie de quartier."],
}


def feedback() -> bytes:
    """Residents' feedback from the launch on, with words that are never staged; one treated before it came."""
    rng = dice("retours")
    rows = []
    for _ in range(420):
        day = LAUNCH + timedelta(days=int(rng.random() ** 1.4 * (LAST_DAY - LAUNCH).days))
        rows.append(feedback_row(rng, day))
    rows.sort(key=lambda row: row[0])
    rows = [[f"RET-{number:04}", french_date(row[0]), *row[1:]] for number, row in enumerate(rows, 1)]
    dirty = [["RET-9001", "15/06/2026", "CF03", "Message", "02/06/2026", "Répondu", "V2", None, "Rien à signaler."]]
    header = "id_retour;date_reception;code_quartier;theme;date_traitement;suite_donnee;version_message"
    header += ";nouvelle_version;commentaire"
    rows = insert_spread(dice("retours-dirty"), rows, dirty)
    return csv_bytes(header.split(";"), rows, encoding="cp1252", newline="\r\n")


def feedback_row(rng: random.Random, day: date) -> list:
    """day, zone, topic, treated, outcome, version, new version, words."""
    topic = pick(rng, {"Message": 48, "Sécurité": 24, "Aide": 12, "Propreté": 10, "Autre": 6})
    version = message_version(day) if topic == "Message" else None
    treated_on = day + timedelta(days=rng.randint(1, 45)) if rng.random() < 0.8 else None
    if treated_on is not None and treated_on > LAST_DAY:
        treated_on = None
    outcome = new_version = None
    if treated_on is not None:
        outcome = pick(rng, {"Répondu": 60, "Transmis": 28, "Sans suite": 12})
        if topic == "Message" and message_version(treated_on) != version:
            outcome, new_version = "Message modifié", message_version(treated_on)
    zone = pick(rng, RESIDENT_WEIGHTS)
    return [day, zone, topic, french_date(treated_on), outcome, version, new_version, rng.choice(COMMENTS[topic])]


FILES = [
    ("reunions.csv", meetings, "2026-11-04T07:40:00Z", ("partner_meetings", "réunions")),
    ("mesures-diffusion.csv", diffusion, "2026-11-05T07:30:00Z", ("channel_metrics", "mesures de diffusion")),
    ("retours-habitants.csv", feedback, "2026-11-05T08:00:00Z", ("resident_feedback", "retours des habitants")),
]


def deliveries() -> list[Delivery]:
    """Three logs kept by the city, as known in the first days of November 2026."""
    return [
        Delivery(
            source="partners",
            file_name=file_name,
            content=content(),
            contract=contract,
            received_at=received_at,
            sender="Ville de Clermont-Ferrand, mission prévention",
            citation=f"Ville de Clermont-Ferrand, {thing}",
            note="Données synthétiques : réunions, mesures et paroles inventées.",
        )
        for file_name, content, received_at, (contract, thing) in FILES
    ]
