"""A whole communal base in the publisher's own form: the similar cities are chosen by the rule, whoever has more crime."""

from __future__ import annotations

import csv

import duckdb
import pytest

from flows.core import pipeline
from flows.settings import PROJECT, Settings

HEADER = (
    '"CODGEO_2025";"annee";"indicateur";"unite_de_compte";"nombre";"taux_pour_mille";"est_diffuse";"insee_pop";'
    '"insee_pop_millesime";"insee_log";"insee_log_millesime";"complement_info_nombre";"complement_info_taux"'
)
INDICATORS = {
    "Violences sexuelles": 1.2,
    "Vols avec armes": 0.2,
    "Vols violents sans arme": 1.1,
    "Vols sans violence contre des personnes": 14.0,
    "Vols de véhicule": 2.4,
    "Vols dans les véhicules": 5.0,
    "Vols d'accessoires sur véhicules": 1.7,
    "Destructions et dégradations volontaires": 12.0,
    "Usage de stupéfiants": 9.0,
    "Trafic de stupéfiants": 1.5,
}
DRUGS = {"Usage de stupéfiants", "Trafic de stupéfiants"}
RESIDENTS = {"63113": 146000, "33063": 268000, "44109": 326000, "34032": 81000, "26362": 130000, "97415": 108000}
"""Those that differ from 150 000. Valence is given enough residents here to be near, were it not excluded."""

LEVELS = {  # how far above Clermont-Ferrand's level each city lies; those of the rule, nearest first, are the five from 21231
    "63113": 1.0, "26362": 1.0, "33063": 1.0, "97415": 1.0, "44109": 1.0, "34032": 1.0,
    "21231": 1.05, "51454": 0.94, "38185": 1.08, "87085": 1.1, "80021": 0.88, "57463": 1.3, "25056": 2.0,
}  # fmt: skip
HIDDEN_CITY = "37261"
"""Tours: the same level as Clermont-Ferrand, but only four of the nine years are published."""


def _lines() -> list[str]:
    lines = [HEADER]
    for city, level in {**LEVELS, HIDDEN_CITY: 1.0}.items():
        residents = RESIDENTS.get(city, 150000)
        for year in range(2016, 2026):
            for label, rate in INDICATORS.items():
                hidden = city == HIDDEN_CITY and year > 2019
                here = 3.0 - level if year == 2025 else level  # the order of 2025 is another: it may not count
                growing = 1 + (year - 2016) / 50  # a year that repeats the one before would be refused
                count = round(rate * here * growing * residents / 1000)
                told = f'"{count}";"{1000 * count / residents:.7f}";"diff"'.replace(".", ",")
                cell = 'NA;NA;"ndiff"' if hidden else told
                complement = '"1,95";"1,29"' if hidden else "NA;NA"
                unit = "Mis en cause" if label in DRUGS else "Infraction"
                lines.append(
                    f'"{city}";"{year}";"{label}";"{unit}";{cell};"{residents}";"2022";"9000";"2021";{complement}'
                )
    return lines


@pytest.fixture(scope="module")
def peers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("peers")
    (folder / "raw" / "police").mkdir(parents=True)
    name = "donnee-comm-data.gouv-2025-geographie2025-produit-le2026-02-03.csv"
    (folder / "raw" / "police" / name).write_text("\n".join(_lines()) + "\n", encoding="utf-8")
    settings = Settings(raw=folder / "raw", out=folder / "out").resolved()
    assert not pipeline.refresh(settings).has_refused
    with duckdb.connect(str(settings.current / "campaign.duckdb"), read_only=True) as con:
        yield con


def test_the_nearest_series_are_chosen(peers) -> None:
    rows = peers.execute(
        "select zone_code, choice_order, shared_figure_count from marts.peer_selection where is_chosen order by choice_order"
    ).fetchall()
    assert rows == [("21231", 1, 90), ("51454", 2, 90), ("38185", 3, 90), ("87085", 4, 90), ("80021", 5, 90)]


def test_what_is_not_chosen_says_why(peers) -> None:
    outcomes = dict(peers.execute("select zone_code, outcome from marts.peer_selection").fetchall())
    assert (outcomes["57463"], outcomes["25056"]) == ("not_among_nearest", "not_among_nearest")
    assert (outcomes["26362"], outcomes["33063"], outcomes["97415"]) == ("excluded", "out_of_size", "not_police_zone")
    assert outcomes[HIDDEN_CITY] == "series_too_short"
    assert outcomes["14118"] == "no_series"
    with (PROJECT / "sql" / "reference" / "candidate_cities.csv").open(encoding="utf-8", newline="") as file:
        assert set(outcomes) == {row["territory_code"] for row in csv.DictReader(file)}


def test_the_chosen_stand_beside_the_city_with_intervals_and_without_rank(peers) -> None:
    shown = peers.execute("select distinct zone_code, role from marts.peer_comparison").fetchall()
    assert dict(shown) == {
        "63113": "subject", "44109": "benchmark", "34032": "benchmark",
        **dict.fromkeys(["21231", "51454", "38185", "87085", "80021"], "similar"),
    }  # fmt: skip
    assert not peers.execute(
        "select * from marts.peer_comparison where is_published and (lower_95 >= rate_per_1000 or upper_95 <= rate_per_1000)"
    ).fetchall()
