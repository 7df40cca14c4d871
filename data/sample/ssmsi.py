"""Single published figures of the SSMSI, laid out as the publisher's files: the only real figures of the sample.

Source: Service statistique ministériel de la sécurité intérieure (SSMSI), bases of recorded crime on data.gouv.fr,
Licence Ouverte 2.0. Editions of 2023-07-17 and 2025-01-26 (départements) and of 2026-02-03 (communes).
Rates are derived as the publisher does (count / residents × 1 000); they equal the published ones to the last digit.
"""

from sample.delivering import OPEN_LICENCE, Delivery, csv_bytes, gzip_bytes

DEPARTEMENTS = {"13": "Bouches-du-Rhône", "34": "Hérault", "44": "Loire-Atlantique", "63": "Puy-de-Dôme"}
REGION_OF = {"13": "93", "34": "76", "44": "52", "63": "84"}
USE, FINED, TRAFFICKING = "Usage de stupéfiants", "Usage de stupéfiants (AFD)", "Trafic de stupéfiants"
UNIT = "Mis en cause"

# people implicated, 2016 to 2022, edition of 2023-07-17
COUNTS_2023_07 = {
    (TRAFFICKING, "13"): [1835, 2161, 1903, 2250, 2227, 2927, 3193],
    (TRAFFICKING, "34"): [771, 798, 855, 815, 656, 709, 804],
    (TRAFFICKING, "44"): [568, 547, 634, 786, 666, 774, 750],
    (TRAFFICKING, "63"): [282, 285, 321, 265, 354, 364, 360],
    (USE, "13"): [6608, 6018, 5581, 5222, 6984, 16655, 22974],
    (USE, "34"): [3387, 3212, 3383, 3629, 3483, 4842, 5914],
    (USE, "44"): [3149, 3131, 3044, 2762, 2515, 2534, 3406],
    (USE, "63"): [765, 878, 1136, 995, 979, 1231, 1344],
}

# people implicated, 2016 to 2024, edition of 2025-01-26
COUNTS_2025_01 = {
    (TRAFFICKING, "13"): [1835, 2163, 1903, 2250, 2227, 2927, 3193, 3329, 4231],
    (TRAFFICKING, "34"): [771, 798, 855, 816, 656, 709, 804, 820, 824],
    (TRAFFICKING, "44"): [573, 549, 634, 786, 666, 774, 750, 706, 720],
    (TRAFFICKING, "63"): [282, 285, 323, 265, 354, 364, 360, 366, 319],
    (USE, "13"): [6608, 6018, 5582, 5221, 6984, 16655, 22988, 21382, 23320],
    (USE, "34"): [3387, 3212, 3383, 3629, 3483, 4842, 5920, 5980, 6728],
    (USE, "44"): [3148, 3134, 3044, 2762, 2515, 2534, 3409, 4101, 4375],
    (USE, "63"): [765, 878, 1138, 995, 979, 1231, 1346, 1193, 1642],
}

# residents that the publisher divides by, 2016 to 2022
DEPARTEMENT_RESIDENTS = {
    code: dict(zip(range(2016, 2023), residents, strict=True))
    for code, residents in {
        "13": [2019717, 2024162, 2034357, 2043110, 2048070, 2056943, 2069811],
        "34": [1132481, 1144892, 1159220, 1175623, 1188973, 1201883, 1217331],
        "44": [1380852, 1394909, 1412502, 1429272, 1445171, 1457806, 1473156],
        "63": [650700, 653742, 659048, 662152, 661852, 662285, 664385],
    }.items()
}

# dwellings 2016 to 2020 as printed in the edition of 2023-07-17; later editions round them
DWELLINGS = {
    "13": [
        "1009576,4053639706",
        "1021225,6683628588",
        "1034043,2158951403",
        "1044973,1934433979",
        "1055314,6757138909",
    ],
    "34": ["707572,2492756580", "718742,5773671474", "729652,5980467021", "739737,0587787455", "750001,9977551891"],
    "44": ["729713,9122225262", "740924,1877808182", "752968,3262668608", "764010,3121662387", "776207,3242818160"],
    "63": ["382694,8161446228", "386425,0717299950", "389711,4526424824", "392037,6492376465", "394760,4806099625"],
}
DWELLINGS_2021 = {"13": 1066675, "34": 760879, "44": 787187, "63": 397923}

# name, residents and dwellings behind the published rates of the edition of 2026-02-03
COMMUNES = {
    "13055": ("Marseille", 886040, 466276),
    "34032": ("Béziers", 81545, 48370),
    "44109": ("Nantes", 327734, 193629),
    "63113": ("Clermont-Ferrand", 146351, 93394),
}

# people implicated in 2025, edition of 2026-02-03
COMMUNE_COUNTS = {
    "13055": {USE: 13083, FINED: 12018, TRAFFICKING: 3628},
    "34032": {USE: 616, FINED: 366, TRAFFICKING: 131},
    "44109": {USE: 2354, FINED: 1745, TRAFFICKING: 499},
    "63113": {USE: 1527, FINED: 1143, TRAFFICKING: 215},
}


def rate(count: int, residents: int, digits: int) -> str:
    """Per 1 000 residents, with the publisher's decimal comma."""
    return f"{count / residents * 1000:.{digits}f}".replace(".", ",")


def quoted(values: list) -> str:
    """A line as the publisher quotes it: everything in quotes but NA."""
    return ";".join("NA" if value is None else f'"{value}"' for value in values)


def departements_2023_07() -> bytes:
    """The base of July 2023: old header, years in two digits, nothing quoted, gzipped."""
    header = "classe;annee;Code.département;Code.région;unité.de.compte;millPOP;millLOG;faits;POP;LOG;tauxpourmille"
    rows = []
    for indicator in (TRAFFICKING, USE):
        for place, year in enumerate(range(2016, 2023)):
            census = min(year, 2020)
            for code in DEPARTEMENTS:
                count, residents = COUNTS_2023_07[indicator, code][place], DEPARTEMENT_RESIDENTS[code][census]
                dwellings = DWELLINGS[code][census - 2016]
                rows.append(
                    [
                        indicator,
                        year % 100,
                        code,
                        REGION_OF[code],
                        UNIT,
                        census % 100,
                        census % 100,
                        count,
                        residents,
                        dwellings,
                        rate(count, residents, 17),
                    ]
                )
    return gzip_bytes(csv_bytes(header.split(";"), rows, encoding="utf-8-sig"))


def departements_2025_01() -> bytes:
    """The base of January 2025: new header, everything quoted."""
    header = "Code_departement;Code_region;annee;indicateur;unite_de_compte;nombre;taux_pour_mille"
    header += ";insee_pop;insee_pop_millesime;insee_log;insee_log_millesime"
    rows = []
    for indicator in (TRAFFICKING, USE):
        for place, year in enumerate(range(2016, 2025)):
            census, dwellings_year = min(year, 2022), min(year, 2021)
            for code in DEPARTEMENTS:
                count, residents = COUNTS_2025_01[indicator, code][place], DEPARTEMENT_RESIDENTS[code][census]
                rows.append(
                    [
                        code,
                        REGION_OF[code],
                        year,
                        indicator,
                        UNIT,
                        count,
                        rate(count, residents, 7),
                        residents,
                        census,
                        _dwellings(code, dwellings_year),
                        dwellings_year,
                    ]
                )
    return csv_bytes(header.split(";"), rows, encoding="utf-8-sig", quote_all=True)


def _dwellings(code: str, year: int) -> int:
    return DWELLINGS_2021[code] if year == 2021 else round(float(DWELLINGS[code][year - 2016].replace(",", ".")))


def communes_2026_02() -> bytes:
    """The communal base of February 2026: quoted, NA without quotes."""
    header = "CODGEO_2025;annee;indicateur;unite_de_compte;nombre;taux_pour_mille;est_diffuse"
    header += ";insee_pop;insee_pop_millesime;insee_log;insee_log_millesime;complement_info_nombre;complement_info_taux"
    lines = [quoted(header.split(";"))]
    for code, (_, residents, dwellings) in COMMUNES.items():
        for indicator, count in COMMUNE_COUNTS[code].items():
            published = [code, 2025, indicator, UNIT, count, rate(count, residents, 7), "diff"]
            lines.append(quoted([*published, residents, 2023, dwellings, 2022, None, None]))
    return ("\n".join(lines) + "\n").encode("utf-8")


def deliveries() -> list[Delivery]:
    """Two editions of the départements' base and one of the communal base."""
    common = {
        "source": "police",
        "licence": OPEN_LICENCE,
        "sender": "SSMSI, data.gouv.fr",
        "is_synthetic": False,
    }
    departements = "SSMSI, base départementale de la délinquance enregistrée par la police et la gendarmerie nationales"
    communes = "SSMSI, base communale de la délinquance enregistrée par la police et la gendarmerie nationales"
    return [
        Delivery(
            file_name="donnee-dep-data.gouv-2022-geographie2023-produit-le2023-07-17.csv.gz",
            content=departements_2023_07(),
            contract="ssmsi_departemental",
            received_at="2023-07-20T07:00:00Z",
            citation=f"{departements}, édition du 17 juillet 2023 (extrait : 4 départements, 2 indicateurs)",
            edition_date="2023-07-17",
            **common,
        ),
        Delivery(
            file_name="donnee-dep-data.gouv-2024-geographie2024-produit-le2025-01-26.csv",
            content=departements_2025_01(),
            contract="ssmsi_departemental",
            received_at="2025-01-30T07:00:00Z",
            citation=f"{departements}, édition du 26 janvier 2025 (extrait : 4 départements, 2 indicateurs)",
            edition_date="2025-01-26",
            **common,
        ),
        Delivery(
            file_name="donnee-comm-data.gouv-2025-geographie2025-produit-le2026-02-03.csv",
            content=communes_2026_02(),
            contract="ssmsi_communal",
            received_at="2026-02-05T07:00:00Z",
            citation=f"{communes}, édition du 3 février 2026 (extrait : 4 communes, 3 indicateurs)",
            edition_date="2026-02-03",
            **common,
        ),
    ]
