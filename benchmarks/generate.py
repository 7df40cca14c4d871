"""Writes the benchmark's deliveries: synthetic, with receipts, byte for byte the same on every run.

    python benchmarks/generate.py --factor 1 --out DIR
    python benchmarks/generate.py --small --out DIR     one further small delivery into the same folder

Factor 1 is 5 600 000 communal rows in the publisher's form (csv.gz), 2 000 000 actions of partners (jsonl.gz) and
100 000 respondents in three waves of a survey (LimeSurvey csv), with a roster, zones and residents to go with them.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from flows.core import landing
from flows.core.contracts import Contract, load_contracts
from flows.core.reading.tables import quoted

SQL = Path(__file__).resolve().parents[1] / "sql"
MARKER = ".generated"
"""Says of a folder that it is complete and by which generator and factor it was written."""

COMMUNAL_ROWS = 5_600_000
EVENTS = 2_000_000
RESPONDENTS = 100_000
PARTNERS = 4_000
FEWEST_PARTNERS = 60
SMALL_EVENTS = 50

EDITION = "donnee-comm-data.gouv-2025-geographie2026-produit-le2026-06-25.csv.gz"
SMALL_DELIVERY = "partners/actions-partenaires-complement.csv"
CITY_HALL = "Ville de Clermont-Ferrand, mission prévention (données de mesure)"
NOTE = "Données synthétiques : écrites par benchmarks/generate.py pour mesurer, elles ne décrivent rien de réel."

# The labels and units of the edition of 2026-06-25 in its order, and a plausible rate per 1 000 residents a year.
INDICATORS = [
    ("Violences physiques intrafamiliales", "Victime", 2.6),
    ("Violences physiques hors cadre familial", "Victime", 3.0),
    ("Violences sexuelles", "Victime", 1.7),
    ("Vols avec armes", "Infraction", 0.2),
    ("Vols violents sans arme", "Infraction", 0.8),
    ("Vols sans violence contre des personnes", "Victime entendue", 8.5),
    ("Cambriolages de logement", "Infraction", 6.0),
    ("Vols de véhicule", "Véhicule", 2.0),
    ("Vols dans les véhicules", "Véhicule", 3.5),
    ("Vols d'accessoires sur véhicules", "Véhicule", 1.5),
    ("Destructions et dégradations volontaires", "Infraction", 8.0),
    ("Usage de stupéfiants", "Mis en cause", 4.2),
    ("Usage de stupéfiants (AFD)", "Mis en cause", 4.2),
    ("Trafic de stupéfiants", "Mis en cause", 0.9),
    ("Escroqueries et fraudes aux moyens de paiement", "Victime", 6.0),
]
BURGLARY, FINED = 6, 12
FIRST_YEAR, YEARS = 2016, 10
FOLLOWED = {"13055": 886040, "34032": 81545, "44109": 327734, "63113": 146351, "55039": 0}
"""Communes that are there at every factor: the city, its peers, and one where nobody lives."""

# wave, first day, days in the field, day of receipt
WAVES = [
    ("2025-03", "2025-03-03", 28, "2025-04-04T12:00:00Z"),
    ("2025-12", "2025-12-01", 30, "2026-01-08T12:00:00Z"),
    ("2026-09", "2026-09-01", 29, "2026-10-07T12:00:00Z"),
]

SAFETY = ["1", "1", "2", "2", "2", "3", "4", "9"]
BANDS = ["A1", "A2", "A3", "A4", "A5"]
# question, its answers with the likely ones named more often, and whom it is put to
QUESTIONS = [
    ("SEXE", ["F", "M"], "true"),
    ("AGE", BANDS, "true"),
    ("ZONE", ["QPV", "HORS", "HORS", "HORS"], "true"),
    ("SECU_JOUR", SAFETY, "true"),
    ("SECU_NUIT", SAFETY, "true"),
    ("CONF_POLICE", SAFETY, "true"),
    ("PATROUILLES", BANDS, "true"),
    ("RAPPEL", ["Y", "N"], "is_finished"),
    *((f"CANAUX[SQ00{number}]", ["Y", "", ""], "is_finished and \"RAPPEL\" = 'Y'") for number in range(1, 6)),
    ("CONSO", ["O", *["N"] * 8, ""], "is_finished"),
    ("CONSO_EVOL", ["1", "2", "2", "3"], "is_finished and \"CONSO\" = 'O'"),
    ("HONTE_AIDE", ["1", "2", "3", "4", "5"], "is_finished"),
    ("AIDE_OU", [*BANDS, *BANDS, *BANDS, "-oth-"], "is_finished"),
    ("AIDE_OU[other]", ["Le planning familial", "Un collègue"], "is_finished and \"AIDE_OU\" = '-oth-'"),
    ("COMMENT", ["Plus de bancs, et de l'éclairage.", 'On parle de "la" drogue.', "Merci,\nà bientôt."], "has_comment"),
]
NOT_BEFORE_LAUNCH = ("RAPPEL", "CANAUX")

# Chance as arithmetic on whole numbers, so that no version of DuckDB and no number of threads changes a byte.
DICE = """
    create macro stirred(x, shift, factor) as (xor(x, x >> shift) * factor) & 4294967295;
    create macro dice(i, salt) as
        stirred(stirred(((cast(i as bigint) * 64 + salt) * 2654435761) & 4294967295, 15, 739982445), 13, 695872825)
        / 4294967296.0;
    create macro whole(x) as cast(floor(x) as bigint);
    create macro pick(texts, die) as texts[whole(die * len(texts)) + 1];
    create macro comma(x, digits) as replace(printf('%.' || digits || 'f', x), '.', ',');
"""

QPV = ["QN06307N", "QN06301M", "QN06302I", "QN06303I", "QN06304I"]
ZONES = [f"CF{number:02}" for number in range(1, 23)] + QPV


@dataclass(frozen=True)
class Delivery:
    """A file to write and what its receipt says."""

    name: str
    contract: str
    received_at: str
    sender: str = CITY_HALL
    wave_code: str | None = None


def generate(factor: float, out: Path, say: Callable[[str], None] = print) -> None:
    """Write every delivery of the benchmark below `out`."""
    out.mkdir(parents=True, exist_ok=True)
    (out / MARKER).unlink(missing_ok=True)
    contracts = load_contracts(SQL / "0_sources")
    partners = max(FEWEST_PARTNERS, round(PARTNERS * factor))
    with duckdb.connect(config={"temp_directory": str(out / ".spill")}) as con:
        con.execute(DICE)
        for delivery, select, form in _deliveries(con, factor, partners):
            say(f"writing {delivery.name}")
            _write(con, delivery, select, form, out, contracts[delivery.contract])
    shutil.rmtree(out / ".spill", ignore_errors=True)
    (out / MARKER).write_text(_marker(factor), encoding="utf-8")


def generate_small(out: Path) -> Path:
    """Write one further log of 50 actions below `out`, received after everything else; returns its path."""
    contracts = load_contracts(SQL / "0_sources")
    delivery = Delivery(SMALL_DELIVERY, "partner_events", "2026-11-10T07:30:00Z")
    with duckdb.connect() as con:
        con.execute(DICE)
        select = _small_events()
        return _write(con, delivery, select, "csv", out, contracts[delivery.contract])


def is_complete(factor: float, out: Path) -> bool:
    """Whether the folder holds everything of that factor, written by the generator as it is now."""
    place = out / MARKER
    return place.is_file() and place.read_text(encoding="utf-8") == _marker(factor)


def _marker(factor: float) -> str:
    return f"{factor:g} {hashlib.sha256(Path(__file__).read_bytes()).hexdigest()}\n"


def _deliveries(con, factor: float, partners: int) -> list[tuple[Delivery, str, str]]:
    """Each delivery with the select that gives its rows and the form in which they are written."""
    rows = round(COMMUNAL_ROWS * factor)
    _create_communes(con, -(-rows // (len(INDICATORS) * YEARS)))
    events = round(EVENTS * factor)
    ssmsi = Delivery(f"police/{EDITION}", "ssmsi_communal", "2026-06-26T07:00:00Z", "SSMSI, data.gouv.fr (imité)")
    respondents = round(RESPONDENTS * factor)
    surveys = [
        (
            Delivery(f"surveys/enquete-habitants-{wave}.csv", "survey_answers", received_at, wave_code=wave),
            _respondents(place, (respondents + place) // len(WAVES)),
            "limesurvey",
        )
        for place, (wave, _, _, received_at) in enumerate(WAVES)
    ]
    return [
        (Delivery("reference/zones.csv", "zones", "2024-01-04T08:00:00Z"), _zones(), "csv"),
        (Delivery("reference/populations.csv", "populations", "2026-02-10T08:00:00Z"), _populations(), "csv"),
        (Delivery("reference/marges-recensement.csv", "census_margins", "2025-02-03T08:00:00Z"), _margins(), "csv"),
        (Delivery("partners/partenaires.csv", "partner_roster", "2026-10-01T08:00:00Z"), _roster(partners), "csv"),
        *surveys,
        (
            Delivery("partners/actions-partenaires.jsonl.gz", "partner_events", "2026-11-04T07:30:00Z"),
            _events(events, partners),
            "jsonl.gz",
        ),
        (ssmsi, _communal(rows), "ssmsi.csv.gz"),
    ]


# -- writing ----------------------------------------------------------------------------------------------------------

FORMS = {
    "csv": "format csv, header true, delimiter ';'",
    "ssmsi.csv.gz": "format csv, header true, delimiter ';', force_quote *, nullstr 'NA'",
    "limesurvey": "format csv, header true, delimiter ',', force_quote *",
    "jsonl.gz": "format json",
}


def _write(con, delivery: Delivery, select: str, form: str, out: Path, contract: Contract) -> Path:
    path = out / delivery.name
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = path.with_name(".plain")
    con.execute(f"copy ({select}) to {quoted(plain)} ({FORMS[form]})")
    if form == "limesurvey":
        _as_limesurvey(plain)
    if form.endswith(".gz"):
        _pack(plain, path)
        plain.unlink()
    else:
        os.replace(plain, path)
    receipt = landing.new_receipt(path, landing.sha256_of(path), delivery.received_at, delivery.sender)
    receipt = replace(
        receipt,
        contract=contract.name,
        licence=contract.licence,
        citation=contract.citation,
        wave_code=delivery.wave_code,
        is_synthetic=True,
        note=NOTE,
    )
    landing.write_receipt(path.with_name(path.name + landing.RECEIPT_ENDING), receipt)
    return path


def _pack(plain: Path, path: Path) -> None:
    """gzip without name and time in its header, so that the same text gives the same bytes."""
    with plain.open("rb") as text, path.open("wb") as file:
        with gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as packed:
            shutil.copyfileobj(text, packed, 4 * 1024 * 1024)


def _as_limesurvey(plain: Path) -> None:
    """LimeSurvey begins with a byte order mark, ends its lines as Windows does and leaves the last one blank."""
    plain.write_bytes(b"\xef\xbb\xbf" + plain.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")


# -- the communal base ------------------------------------------------------------------------------------------------


def _create_communes(con, count: int) -> None:
    """The table `communes`: `count` codes of 96 départements, those that are followed among them."""
    followed = ", ".join(f"('{code}', {residents})" for code, residents in FOLLOWED.items())
    con.execute(f"""
        create table communes as
        with departements as (
            select printf('%02d', d) as departement from range(1, 96) numbers(d) where d <> 20
            union all
            values ('2A'), ('2B')
        ),
        followed as (select * from (values {followed}) as listed(code, residents)),
        others as (
            select departement || printf('%03d', n) as code, n, departement
            from departements cross join range(1, {count // 96 + 2}) numbers(n)
            where code not in (select code from followed)
        ),
        chosen as (
            select code, residents, 0 as n, '' as departement from followed
            union all
            select code, null, n, departement from others
            order by n, departement, code limit {count}
        ),
        -- the last commune may be cut off in the middle, so those that are followed stand first
        numbered as (
            select code, residents, row_number() over (order by residents is null, code) - 1 as commune from chosen
        )
        select
            commune,
            code,
            -- half of the communes have fewer than 400 residents, a few 20 000
            coalesce(residents, 25 + whole(20000 * {" * ".join(["dice(commune, 1)"] * 6)})) as residents,
            whole(dice(commune, 2) * 31) - 10 as growth,
            dense_rank() over (order by substr(code, 1, 2)) as departement,
            residents is not null as is_followed
        from numbered
    """)


def _communal(rows: int) -> str:
    labels = ", ".join(quoted(label) for label, _, _ in INDICATORS)
    units = ", ".join(quoted(unit) for _, unit, _ in INDICATORS)
    rates = ", ".join(str(rate) for _, _, rate in INDICATORS)
    combinations = len(INDICATORS) * YEARS
    return f"""
        with cells as (
            select
                i,
                i // {combinations} as commune,
                {FIRST_YEAR} + i % {combinations} // {len(INDICATORS)} as year,
                i % {len(INDICATORS)} as indicator
            from range({rows}) numbers(i)
        ),
        divided as (
            select
                cells.*,
                communes.code,
                communes.is_followed,
                -- a hidden cell has the mean of its département, year and indicator
                communes.departement * {combinations} + cells.i % {combinations} as mean_die,
                least(cells.year, 2023) as census_year,
                least(cells.year, 2022) as dwellings_year,
                communes.residents + communes.residents * communes.growth * (least(cells.year, 2023) - 2020) // 1000
                    as residents,
                communes.residents * 12 // 25 as dwellings,
                -- those who are fined are a part of those implicated for use, so both are drawn alike
                cells.i - cast(cells.indicator = {FINED} as integer) as die
            from cells join communes on cells.commune = communes.commune
        ),
        drawn as (
            select
                *,
                case when indicator = {BURGLARY} then dwellings else residents end as divisor,
                ([{rates}])[indicator + 1] / 1000 * (0.6 + 0.8 * dice(die, 3)) * divisor as expected
            from divided
        ),
        counted as (
            select
                *,
                case
                    when divisor = 0 then 0
                    when indicator = {FINED} then whole((expected + dice(die, 4)) * 0.6)
                    else whole(expected + dice(die, 4))
                end as number,
                not is_followed and dice(i, 5) < 1 / 3.0 as is_hidden
            from drawn
        )
        select
            code as "CODGEO_2026",
            year as annee,
            ([{labels}])[indicator + 1] as indicateur,
            ([{units}])[indicator + 1] as unite_de_compte,
            case when not is_hidden then number end as nombre,
            case when not is_hidden then comma(number / nullif(divisor, 0) * 1000, 7) end as taux_pour_mille,
            case when is_hidden then 'ndiff' else 'diff' end as est_diffuse,
            residents as insee_pop,
            census_year as insee_pop_millesime,
            dwellings as insee_log,
            dwellings_year as insee_log_millesime,
            case when is_hidden then comma(1 + 2 * dice(mean_die, 6), 7) end as complement_info_nombre,
            case when is_hidden then comma(0.3 + 2 * dice(mean_die, 7), 7) end as complement_info_taux
        from counted
        order by i"""


# -- partners ---------------------------------------------------------------------------------------------------------


def _texts(texts: list[str]) -> str:
    return "[" + ", ".join(quoted(text) for text in texts) + "]"


def _roster(partners: int) -> str:
    types = ["Commerce", "Pharmacie", "École", "Collège", "Association", "Association", "Médiation", "CSAPA", "Autre"]
    return f"""
        select
            printf('P%05d', i) as "Code partenaire",
            printf('Structure fictive %05d', i) as "Nom structure",
            pick({_texts(types)}, dice(i, 10)) as "Type structure",
            pick({_texts(ZONES)}, dice(i, 11)) as "Code zone",
            strftime(date '2022-01-01' + cast(whole(dice(i, 12) * 365) as integer), '%d/%m/%Y') as "Date signature",
            case
                when dice(i, 13) < 0.05
                    then strftime(date '2026-02-01' + cast(whole(dice(i, 14) * 200) as integer), '%d/%m/%Y')
            end as "Date sortie",
            case when dice(i, 15) < 0.4 then 'Oui' else 'Non' end as "Relais possible"
        from range(1, {partners} + 1) numbers(i)
        order by i"""


def _events(events: int, partners: int) -> str:
    """Actions from 2023 to the end of October 2026 in the order of their days, with the keys of the partners' logs."""
    days = "(date '2026-10-31' - date '2023-01-01' + 1)"
    actions = ["information_point"] * 3 + ["mediation"] * 2 + ["training", "poster_relay", "orientation", "orientation"]
    actions += ["workshop"]
    return f"""
        with drawn as (
            select
                i,
                date '2023-01-01' + cast(i * {days} // {events} as integer) as day,
                pick({_texts(actions)}, dice(i, 20)) as action,
                whole(dice(i, 21) * 120) + 1 as reached,
                whole(dice(i, 22) * dice(i, 23) * 5) as in_difficulty
            from range({events}) numbers(i)
        ),
        met as (select * replace (least(in_difficulty, reached) as in_difficulty) from drawn),
        offered as (select *, whole(in_difficulty * (0.4 + 0.6 * dice(i, 24)) + 0.5) as offered from met),
        accepted as (select *, whole(offered * dice(i, 25) + 0.4) as accepted from offered),
        kept as (
            select
                *,
                whole(accepted * dice(i, 26) + 0.4) as kept,
                action in ('information_point', 'mediation', 'orientation', 'workshop') as has_people
            from accepted
        )
        select
            printf('ACT-%08d', i + 1) as id_action,
            printf('P%05d', whole(dice(i, 27) * {partners}) + 1) as id_partenaire,
            day as date,
            action,
            case when action = 'poster_relay' then 'poster'
                else pick(['face_to_face', 'face_to_face', 'face_to_face', 'phone', 'online', 'leaflet'], dice(i, 28))
            end as canal,
            case when dice(i, 29) < 0.9 then pick({_texts(ZONES)}, dice(i, 30)) end as zone,
            case when day >= date '2026-07-06' then 'V3' when day >= date '2026-03-09' then 'V2'
                when day >= date '2025-11-19' then 'V1' end as version_message,
            case when has_people or action = 'training' then reached end as public_touche,
            case when has_people then in_difficulty end as en_difficulte,
            case when has_people then offered end as orientations_proposees,
            case when has_people then accepted end as orientations_acceptees,
            case when has_people then kept end as rdv_honores,
            case when action = 'training' then reached end as formes,
            case when action = 'training' then reached + whole(dice(i, 31) * 8) end as prevus
        from kept
        order by i"""


def _small_events() -> str:
    """Actions of early November 2026 as a partner's spreadsheet exports them."""
    return f"""
        select
            printf('ACC-%04d', i + 1) as "Id action",
            printf('P%05d', whole(dice(i, 40) * {FEWEST_PARTNERS}) + 1) as "Code partenaire",
            strftime(date '2026-11-01' + cast(i // 8 as integer), '%d/%m/%Y') as "Date action",
            pick(['Point d''information', 'Médiation', 'Orientation', 'Atelier'], dice(i, 41)) as "Action",
            pick(['Présentiel', 'Téléphone', 'Dépliant'], dice(i, 42)) as "Canal",
            pick({_texts(ZONES)}, dice(i, 43)) as "Code zone",
            'V3' as "Version message",
            whole(dice(i, 44) * 120) + 3 as "Personnes touchées",
            2 as "En difficulté",
            2 as "Orientations proposées",
            whole(dice(i, 45) * 3) as "Orientations acceptées",
            0 as "RDV honorés",
            cast(null as bigint) as "Personnes formées",
            cast(null as bigint) as "Personnes prévues"
        from range({SMALL_EVENTS}) numbers(i)
        order by i"""


# -- surveys ----------------------------------------------------------------------------------------------------------


def _respondents(place: int, count: int) -> str:
    """One wave's export, in the order of its days; one in fifty left on the way, a few wrote a comment."""
    _, first_day, days, _ = WAVES[place]
    asked = [question for question in QUESTIONS if place or not question[0].startswith(NOT_BEFORE_LAUNCH)]
    drawn = ", ".join(
        f'pick({_texts(answers)}, dice(i, {salt})) as "{code}"' for salt, (code, answers, _) in enumerate(asked, 10)
    )
    given = ", ".join(f'case when {whom} then "{code}" else \'\' end as "{code}"' for code, _, whom in asked)
    return f"""
        with respondents as (
            select
                n,
                i,
                dice(i, 1) >= 0.02 as is_finished,
                dice(i, 1) >= 0.02 and dice(i, 2) < 0.05 as has_comment,
                timestamp '{first_day} 08:00:00' + to_seconds(n * {(days - 1) * 86400} // {max(count, 1)}) as sent_at
            from (select n, {place} * 10000000 + n as i from range({count}) numbers(n))
        ),
        drawn as (select *, {drawn} from respondents)
        select
            n + 1 as id,
            case when is_finished then strftime(sent_at, '%Y-%m-%d %H:%M:%S') else '' end as submitdate,
            case when is_finished then 4 else 2 end as lastpage,
            'fr' as startlanguage,
            whole(dice(i, 3) * 1900000000) + 100000000 as seed,
            {given}
        from drawn
        order by n"""


# -- reference --------------------------------------------------------------------------------------------------------


def _zones() -> str:
    rows = [
        ("R84", "Région", "Auvergne-Rhône-Alpes", None),
        ("D63", "Département", "Puy-de-Dôme", "R84"),
        ("63113", "Commune", "Clermont-Ferrand", "D63"),
        *((code, "QPV" if code in QPV else "Quartier", f"Zone {code}", "63113") for code in ZONES),
    ]
    values = ", ".join(f"({', '.join('null' if v is None else quoted(v) for v in row)})" for row in rows)
    return f"""
        select
            code as code_zone,
            type as type_zone,
            name as nom,
            parent as code_parent,
            case when type = 'QPV' then 'Oui' else 'Non' end as zone_prioritaire
        from (values {values}) as listed(code, type, name, parent)"""


def _populations() -> str:
    codes = ["63113", *ZONES]
    return f"""
        select
            code as code_zone,
            year as annee,
            if(code = '63113', {FOLLOWED["63113"]}, whole(2000 + 8000 * dice(place, 60))) as population,
            'écrit par benchmarks/generate.py' as source
        from (select unnest({_texts(codes)}) as code, unnest(range({len(codes)})) as place),
            range({FIRST_YEAR}, {FIRST_YEAR + YEARS + 1}) years(year)
        order by code, year"""


def _margins() -> str:
    return """
        select
            zone_group as groupe_zone,
            band as tranche_age,
            sex as sexe,
            2022 as annee,
            case when zone_group = 'qpv' then 2000 else 10000 end + 100 * length(sex) as population
        from (select unnest(['hors_qpv', 'qpv']) as zone_group),
            (select unnest(['18-29', '30-44', '45-59', '60-74', '75+']) as band),
            (select unnest(['Femmes', 'Hommes']) as sex)
        order by zone_group, band, sex"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--factor", type=float, default=1.0, help="1 is 5.6 million communal rows (default: 1)")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--small", action="store_true", help="write only one further small delivery")
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 0 when the folder is complete")
    options = parser.parse_args()
    if options.factor <= 0:
        parser.error("--factor is greater than 0")
    if options.check:
        sys.exit(0 if is_complete(options.factor, options.out) else 1)
    if options.small:
        print(f"writing {generate_small(options.out)}")
    else:
        generate(options.factor, options.out)


if __name__ == "__main__":
    main()
