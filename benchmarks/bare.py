"""The same models as bare DuckDB: typed reads of the benchmark's files, no receipts kept, nothing validated.

    python benchmarks/bare.py --raw DIR --out DIR [--no-parquet]

What a competent script would do with files that it trusts: it knows their names, their columns and their separators.
The models, their order and the form of what is written (one DuckDB file in storage v1.0.0, Parquet beside it) are the
barometer's own, so that only reading, validating, verifying and publishing make the difference.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import duckdb

from flows.core import models, row_counts
from flows.core.contracts import Contract, load_contracts
from flows.core.reading.tables import identifier, quoted

SQL = Path(__file__).resolve().parents[1] / "sql"
RECEIPTS = "*.receipt.json"


def run(raw: Path, out: Path, with_parquet: bool = True) -> Path:
    """Build every model from the files below `raw` into `out`/campaign.duckdb; returns its path."""
    shutil.rmtree(out, ignore_errors=True)
    (out / "parquet").mkdir(parents=True)
    database = out / "campaign.duckdb"
    contracts = load_contracts(SQL / "0_sources")
    graph = models.load_graph(SQL, contracts)
    with duckdb.connect(config={"temp_directory": str(out / "spill")}) as con:
        con.execute("set timezone = 'UTC'")
        con.execute(f"attach {quoted(database)} as release (storage_version 'v1.0.0')")
        _load(con, raw, contracts)
        models.create_references(con, graph.references)
        models.create_schemas(con, graph)
        for model in graph.models:
            models.build_model(con, graph, model)
            if with_parquet and model.is_published:
                target = out / "parquet" / f"{model.name}.parquet"
                name = f"release.{model.schema}.{identifier(model.table)}"
                con.execute(f"copy (select * from {name}) to {quoted(target)} (format parquet, compression zstd)")
        con.execute("checkpoint release")
    shutil.rmtree(out / "spill", ignore_errors=True)
    return database


def _load(con, raw: Path, contracts: Mapping[str, Contract]) -> None:
    """Fill `sources` as sql/README.md describes it; what was not delivered is an empty table."""
    deliveries = [(path, json.loads(path.read_text(encoding="utf-8"))) for path in raw.rglob(RECEIPTS)]
    deliveries.sort(key=lambda delivery: (delivery[1]["received_at"], delivery[1]["delivery_id"]))
    by_contract: dict[str, list[str]] = {}
    rows, counts = [], {}
    for rank, (path, receipt) in enumerate(deliveries, 1):
        file = path.with_name(path.name.removesuffix(RECEIPTS[1:]))
        typed = READERS[receipt["contract"]](con, file)
        constants = f"{quoted(receipt['delivery_id'])} as delivery_id, cast({rank} as integer) as delivery_rank"
        by_contract.setdefault(receipt["contract"], []).append(f"select *, {constants} from ({typed})")
        rows.append(_delivery_row(receipt, contracts[receipt["contract"]], rank))
    models.create_sources(con, {name: c for name, c in contracts.items() if name not in by_contract}, {})
    for name, selects in by_contract.items():
        con.execute(f"create table sources.{name} as " + " union all ".join(selects))
        _check_shape(con, contracts[name])
        counts |= dict(con.execute(f"select delivery_id, count(*) from sources.{name} group by 1").fetchall())
    for row in rows:
        row["rows_read"] = row["rows_accepted"] = counts.get(row["delivery_id"], 0)
        shown = row_counts.shown(row["rows_accepted"], 0, contracts[row["contract"]].counted)
        row |= {"public_rows_read": shown.read, "public_rows_accepted": shown.accepted, "rows_status": shown.status}
    as_of = max(row["received_at"] for row in rows).date()
    of_deliveries = [tuple(row.get(column) for column in models.RUN_TABLES["deliveries"]) for row in rows]
    for name, content in {
        **models.delivery_tables(of_deliveries),
        **{
            name: []
            for name in (
                "checks",
                "release_checks",
                "releases",
                "quarantine",
                "profiles",
                "shown_before",
                "sums_before",
            )
        },
        **{name: [] for name in ("lineage", "origins", "indicator_origins")},
        "contracts": models.contract_rows(contracts),
        "run": [(as_of, "bare")],
    }.items():
        models.create_run_table(con, name, content)


def _delivery_row(receipt: dict, contract: Contract, rank: int) -> dict:
    """The facts of a delivery that the published figures use."""
    received_at = datetime.fromisoformat(receipt["received_at"]).replace(tzinfo=None)
    return {
        "delivery_id": receipt["delivery_id"],
        "contract": contract.name,
        "source": contract.source,
        "rows_quarantined": 0,
        "public_rows_quarantined": 0,
        "received_at": received_at,
        "edition_date": receipt["edition_date"],
        "is_synthetic": receipt["is_synthetic"],
        "wave_code": receipt["wave_code"],
        "verdict": "passed",
        "is_in_force": True,
        "delivery_rank": rank,
    }


def _check_shape(con, contract: Contract) -> None:
    """The readers below are written by hand: say so when a contract has moved away from them."""
    wanted = [(column.name, column.sql_type.upper()) for column in contract.staged_columns]
    built = [row[:2] for row in con.execute(f"describe sources.{contract.name}").fetchall()][:-2]
    if built != wanted:
        raise SystemExit(f"bare.py reads {contract.name} otherwise than its contract: {built} instead of {wanted}")


# -- readers: one select for each file, of the columns of its contract ------------------------------------------------


def _communal(con, file: Path) -> str:
    return f"""
        select * from read_csv({quoted(file)}, delim = ';', quote = '"', header = true, decimal_separator = ',',
            nullstr = 'NA', columns = {{
                'territory_code': 'varchar', 'year': 'integer', 'indicator_label': 'varchar', 'unit_label': 'varchar',
                'count': 'bigint', 'rate_per_1000': 'double', 'publication_status': 'varchar', 'population': 'bigint',
                'population_year': 'integer', 'dwellings': 'double', 'dwellings_year': 'integer',
                'complement_count': 'double', 'complement_rate_per_1000': 'double'
            }})"""


def _events(con, file: Path) -> str:
    return f"""
        select
            id_action as event_id,
            id_partenaire as partner_id,
            date as occurred_on,
            action,
            canal as channel,
            zone as zone_code,
            version_message as message_version,
            public_touche as people_reached,
            en_difficulte as people_in_difficulty,
            orientations_proposees as orientations_offered,
            orientations_acceptees as orientations_accepted,
            rdv_honores as appointments_kept,
            formes as people_trained,
            prevus as people_planned,
            cast(null as varchar) as counted_as
        from read_json({quoted(file)}, format = 'newline_delimited', columns = {{
            id_action: 'varchar', id_partenaire: 'varchar', date: 'date', action: 'varchar', canal: 'varchar',
            zone: 'varchar', version_message: 'varchar', public_touche: 'bigint', en_difficulte: 'bigint',
            orientations_proposees: 'bigint', orientations_acceptees: 'bigint', rdv_honores: 'bigint',
            formes: 'bigint', prevus: 'bigint'
        }})"""


def _answers(con, file: Path) -> str:
    """The wide export as one row per answer, without LimeSurvey's own columns and what was written in own words."""
    scan = f"read_csv({quoted(file)}, delim = ',', quote = '\"', header = true, all_varchar = true)"
    headings = [row[0] for row in con.execute(f"describe select * from {scan}").fetchall()]
    left_out = {"id", "submitdate", "lastpage", "startlanguage", "seed", "AIDE_OU[other]", "COMMENT"}
    questions = ", ".join(identifier(heading) for heading in headings if heading not in left_out)
    return f"""
        select
            id as response_number,
            cast(left(submitdate, 10) as date) as submitted_on,
            cast(null as varchar) as wave_code,
            regexp_extract(heading, '^[A-Z_]+') as question_code,
            coalesce(nullif(regexp_extract(heading, '\\[(.+)\\]', 1), ''), '-') as subquestion_code,
            answer_code
        from (unpivot (select * from {scan}) on {questions} into name heading value answer_code)"""


def _roster(con, file: Path) -> str:
    return f"""
        select
            "Code partenaire" as partner_id,
            "Nom structure" as partner_name,
            case "Type structure"
                when 'École' then 'school' when 'Collège' then 'school' when 'Commerce' then 'shop'
                when 'Pharmacie' then 'shop' when 'Association' then 'association' when 'Médiation' then 'mediation'
                when 'CSAPA' then 'help_centre' when 'Autre' then 'other'
            end as partner_type,
            "Code zone" as zone_code,
            "Date signature" as signed_on,
            "Date sortie" as left_on,
            "Relais possible" = 'Oui' as is_relay_eligible
        from read_csv({quoted(file)}, delim = ';', header = true, dateformat = '%d/%m/%Y', columns = {{
            'Code partenaire': 'varchar', 'Nom structure': 'varchar', 'Type structure': 'varchar',
            'Code zone': 'varchar', 'Date signature': 'date', 'Date sortie': 'date', 'Relais possible': 'varchar'
        }})"""


def _zones(con, file: Path) -> str:
    return f"""
        select
            code_zone as zone_code,
            case type_zone
                when 'Région' then 'region' when 'Département' then 'departement' when 'Commune' then 'commune'
                when 'Quartier' then 'quartier' when 'QPV' then 'qpv'
            end as zone_type,
            nom as name,
            code_parent as parent_code,
            zone_prioritaire = 'Oui' as is_sensitive
        from read_csv({quoted(file)}, delim = ';', header = true, all_varchar = true)"""


def _populations(con, file: Path) -> str:
    return f"""
        select * from read_csv({quoted(file)}, delim = ';', header = true, columns = {{
            'zone_code': 'varchar', 'year': 'integer', 'resident_count': 'bigint', 'population_source': 'varchar'
        }})"""


def _margins(con, file: Path) -> str:
    return f"""
        select
            groupe_zone as zone_group,
            tranche_age as age_band,
            case sexe when 'Femmes' then 'f' when 'Hommes' then 'm' end as sex,
            annee as year,
            population as resident_count
        from read_csv({quoted(file)}, delim = ';', header = true, columns = {{
            'groupe_zone': 'varchar', 'tranche_age': 'varchar', 'sexe': 'varchar', 'annee': 'integer',
            'population': 'bigint'
        }})"""


READERS = {
    "ssmsi_communal": _communal,
    "partner_events": _events,
    "partner_roster": _roster,
    "survey_answers": _answers,
    "zones": _zones,
    "populations": _populations,
    "census_margins": _margins,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--raw", type=Path, required=True, help="folder that benchmarks/generate.py wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to; emptied first")
    parser.add_argument("--no-parquet", action="store_true", help="leave the Parquet files out")
    options = parser.parse_args()
    print(run(options.raw, options.out, with_parquet=not options.no_parquet))


if __name__ == "__main__":
    main()
