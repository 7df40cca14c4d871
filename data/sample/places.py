"""Zones, residents and census margins of the sample: real places, residents below the commune split by ourselves."""

from sample.delivering import OPEN_LICENCE, Delivery, csv_bytes
from sample.ssmsi import COMMUNES, DEPARTEMENT_RESIDENTS, DEPARTEMENTS, REGION_OF

CITY = "63113"
YEARS = range(2016, 2027)

REGIONS = {
    "R84": "Auvergne-Rhône-Alpes",
    "R52": "Pays de la Loire",
    "R76": "Occitanie",
    "R93": "Provence-Alpes-Côte d'Azur",
}

# code of ours, name, residents per thousand of the city (synthetic), how often police incidents happen there
QUARTIERS = [
    ("CF01", "Jaude – Centre-ville", 115, 16),
    ("CF02", "Les Carmes", 62, 4),
    ("CF03", "Les Salins", 68, 3),
    ("CF04", "Saint-Alyre", 40, 3),
    ("CF05", "La Glacière", 38, 2),
    ("CF06", "Montferrand", 74, 5),
    ("CF07", "La Plaine", 33, 3),
    ("CF08", "Champratel", 24, 8),
    ("CF09", "Croix-de-Neyrat", 40, 10),
    ("CF10", "Les Vergnes", 30, 9),
    ("CF11", "La Gauthière", 42, 10),
    ("CF12", "République", 48, 4),
    ("CF13", "Chanturgue", 32, 1),
    ("CF14", "Trémonteix", 30, 1),
    ("CF15", "Saint-Jacques", 92, 14),
    ("CF16", "Fontaine-du-Bac", 26, 6),
    ("CF17", "Vallières", 50, 2),
    ("CF18", "Oradou", 58, 2),
    ("CF19", "Herbet", 22, 2),
    ("CF20", "Le Brézet", 18, 1),
    ("CF21", "La Pardieu", 26, 1),
    ("CF22", "Bien-Assis", 32, 1),
]
PRIORITY_QUARTIERS = {"CF08", "CF09", "CF10", "CF11", "CF15", "CF16"}

# QPV 2024 (decree): code, name, residents per thousand of the city (synthetic)
QPV = [
    ("QN06307N", "Centre", 14),
    ("QN06301M", "Saint-Jacques", 42),
    ("QN06302I", "Quartiers Nord", 60),
    ("QN06303I", "La Gauthière", 30),
    ("QN06304I", "Fontaine du Bac", 13),
]

INCIDENT_WEIGHTS = {code: weight for code, _, _, weight in QUARTIERS}
RESIDENT_WEIGHTS = {code: share for code, _, share, _ in QUARTIERS}

ADULTS_PER_1000 = 830
AGE_BANDS = {  # adults per thousand of the zone group (synthetic): outside the QPV, in the QPV
    "18-29": (300, 250),
    "30-44": (235, 280),
    "45-59": (205, 230),
    "60-74": (160, 160),
    "75+": (100, 80),
}
WOMEN_PER_1000 = {"18-29": 510, "30-44": 500, "45-59": 510, "60-74": 540, "75+": 620}

SYNTHETIC_SPLIT = "Répartition synthétique de la population communale"


def split(total: int, weights: dict) -> dict:
    """Whole numbers in proportion to `weights` that sum to `total` exactly (largest remainders)."""
    whole = sum(weights.values())
    parts = {key: total * weight // whole for key, weight in weights.items()}
    by_remainder = sorted(weights, key=lambda key: (-(total * weights[key] % whole), key))
    for key in by_remainder[: total - sum(parts.values())]:
        parts[key] += 1
    return parts


def zone_rows() -> list[list]:
    """code, type, name, parent, priority."""
    regions = [[code, "Région", name, None, "Non"] for code, name in REGIONS.items()]
    departements = [
        [f"D{code}", "Département", name, f"R{REGION_OF[code]}", "Non"] for code, name in DEPARTEMENTS.items()
    ]
    communes = [[code, "Commune", name, f"D{code[:2]}", "Non"] for code, (name, _, _) in COMMUNES.items()]
    quartiers = [
        [code, "Quartier", name, CITY, "Oui" if code in PRIORITY_QUARTIERS else "Non"] for code, name, _, _ in QUARTIERS
    ]
    qpv = [[code, "QPV", name, CITY, "Oui"] for code, name, _ in QPV]
    return regions + departements + communes + quartiers + qpv


def population_rows() -> list[list]:
    """code, year, residents, source; a year without a published figure carries the nearest one and says so."""
    rows = []
    for code, by_year in DEPARTEMENT_RESIDENTS.items():
        for year in YEARS:
            known = min(year, max(by_year))
            label = f"SSMSI, base départementale du 2025-01-26 (population INSEE {known})"
            rows.append([f"D{code}", year, by_year[known], label if known == year else f"{label}, reportée"])
    for code, (_, residents, _) in COMMUNES.items():
        label = "SSMSI, base communale du 2026-02-03 (population INSEE 2023)"
        rows += [[code, year, residents, label if year == 2023 else f"{label}, reportée"] for year in YEARS]
    residents = COMMUNES[CITY][1]
    quartiers = split(residents, RESIDENT_WEIGHTS)
    qpv = {code: residents * share // 1000 for code, _, share in QPV}
    for code, count in (quartiers | qpv).items():
        rows += [[code, year, count, SYNTHETIC_SPLIT] for year in YEARS]
    return rows


def margin_rows() -> list[list]:
    """zone group, age band, sex, year, residents of 18 and more."""
    adults = COMMUNES[CITY][1] * ADULTS_PER_1000 // 1000
    qpv_share = sum(share for _, _, share in QPV)
    groups = split(adults, {"hors_qpv": 1000 - qpv_share, "qpv": qpv_share})
    rows = []
    for column, (group, total) in enumerate(groups.items()):
        for band, count in split(total, {band: shares[column] for band, shares in AGE_BANDS.items()}).items():
            women = count * WOMEN_PER_1000[band] // 1000
            rows += [[group, band, "Femmes", 2022, women], [group, band, "Hommes", 2022, count - women]]
    return rows


def deliveries() -> list[Delivery]:
    """The three reference files."""
    common = {"source": "reference", "licence": OPEN_LICENCE, "sender": "Ville de Clermont-Ferrand, observatoire"}
    return [
        Delivery(
            file_name="zones.csv",
            content=csv_bytes(["code_zone", "type_zone", "nom", "code_parent", "zone_prioritaire"], zone_rows()),
            contract="zones",
            received_at="2024-01-04T08:00:00Z",
            citation="INSEE, code officiel géographique ; ANCT, QPV 2024 ; Ville de Clermont-Ferrand, quartiers",
            note="Données synthétiques pour les quartiers : noms réels, codes CFxx propres à l'échantillon ; "
            "communes, départements, régions et QPV réels.",
            **common,
        ),
        Delivery(
            file_name="populations.csv",
            content=csv_bytes(["code_zone", "annee", "population", "source"], population_rows()),
            contract="populations",
            received_at="2026-02-10T08:00:00Z",
            citation="INSEE, populations, d'après les bases du SSMSI",
            note="Données synthétiques sous la commune : la colonne source dit d'où vient chaque chiffre.",
            **common,
        ),
        Delivery(
            file_name="marges-recensement.csv",
            content=csv_bytes(["groupe_zone", "tranche_age", "sexe", "annee", "population"], margin_rows()),
            contract="census_margins",
            received_at="2025-02-03T08:00:00Z",
            citation="Échantillon du baromètre, marges de la forme du recensement",
            note="Données synthétiques : ces marges ne sont pas celles du recensement.",
            **common,
        ),
    ]
