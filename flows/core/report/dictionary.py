"""The data dictionary: a page for every table and an index, from the built database, its contracts and its lineage.

What is published is described as the database describes it (its own comments, types and row counts), so that the pages
can be checked against it. `tables/<schema>.<table>.html#column-<name>` leads to a column, `#rows` to a table's rows,
and `index.html#indicator-<id>` to an indicator.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from html import escape as escape_text
from pathlib import Path
from typing import NamedTuple

from flows.core import at_hand
from flows.core.contracts import Contract, Expectation
from flows.core.lineage import ALL_ROWS, KINDS, source_columns
from flows.core.models import PUBLISHED, RUN_TABLES, Graph, Model
from flows.core.report import frame
from flows.core.report.frame import Both, number
from flows.core.taking_over import take_over

escape = lru_cache(maxsize=None)(escape_text)
"""The same names of tables and columns stand on many pages, some hundred thousand times in all."""

KIND_WORDS = {
    "value": Both("valeur", "value"),
    "aggregation": Both("agrégat", "aggregation"),
    "condition": Both("condition", "condition"),
    "rows": Both("lignes", "rows"),
    "constant": Both("constante", "constant"),
}
UNITS = (
    (("is_", "has_"), Both("oui ou non", "yes or no")),
    (("_count",), Both("nombre", "count")),
    (("_pct",), Both("pour cent", "per cent")),
    (("_per_1000",), Both("pour 1 000", "per 1 000")),
    (("_per_10000",), Both("pour 10 000", "per 10 000")),
    (("_on", "_date"), Both("jour", "day")),
    (("_at",), Both("instant", "moment")),
    (("_code",), Both("code", "code")),
    (("_fr",), Both("texte français", "French text")),
    (("_en",), Both("texte anglais", "English text")),
)
"""Kind and unit as the column's name tells them (STYLE: a column's name carries its kind and unit)."""

LAYERS = {
    "marts": Both("Tables publiées", "Published tables"),
    "audit": Both("Tables de l’auditeur", "The auditor’s tables"),
    "intermediate": Both("Étapes de calcul", "Steps of computation"),
    "staging": Both("Lecture des livraisons", "Reading of deliveries"),
    "sources": Both("Ce qui est livré ou relevé", "What is delivered or recorded"),
    "reference": Both("Décisions", "Decisions"),
}
RUN_TEXT = Both("Ce que le baromètre sait de la livraison ou du calcul lui-même.", "What is known of the run itself.")
STAGED_TEXTS = {
    "delivery_id": "Delivery that the row came with, as in audit.deliveries",
    "delivery_rank": "Order of receipt: a later delivery ranks higher",
}


ROWS_PLACE = "<!-- rows -->"
"""Where a page tells how many rows its table has; all else depends on the code alone. No text can hold it: `<` is escaped."""


class Link(NamedTuple):
    """A column somewhere else, with the kind of the way to it."""

    table: str
    column: str
    kind: str


@dataclass
class ColumnTold:
    """One column; `steps` lead to the next tables, `origins` to the end; `users` are the published columns that hang on it."""

    name: str
    type: str = ""
    text: str = ""
    unit: Both | None = None
    spellings: tuple[str, ...] = ()
    steps: list[Link] = field(default_factory=list)
    origins: list[Link] = field(default_factory=list)
    users: list[Link] = field(default_factory=list)


@dataclass
class TableTold:
    """One table of any layer. `rows` is None where it is not published."""

    name: str
    title: str
    title_fr: str = ""
    care: str = ""
    grain: tuple[str, ...] = ()
    rows: int | None = None
    file: str = ""
    facts: tuple[tuple[Both, str], ...] = ()
    columns: dict[str, ColumnTold] = field(default_factory=dict)
    expectations: tuple[Expectation, ...] = ()
    reads: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()

    @property
    def layer(self) -> str:
        return self.name.partition(".")[0]

    @property
    def is_published(self) -> bool:
        return self.layer in PUBLISHED

    @property
    def row_steps(self) -> list[Link]:
        return self.columns[ALL_ROWS].steps if ALL_ROWS in self.columns else []

    @property
    def shown_columns(self) -> list[ColumnTold]:
        return [column for name, column in self.columns.items() if name != ALL_ROWS]


def write(folder: Path, con, graph: Graph, contracts: Mapping[str, Contract], previous: Path | None) -> None:
    """Write the dictionary of the release attached as `release` into `folder`.

    A page of the release before is taken over when it was made of the same: what that is stands in `made_of.txt`, first for
    all pages together, then for each.
    """
    built, indicators = _built(con), _indicators(con)
    rows = {name: table.rows for name, table in built.items()}
    key = _key(con, graph, contracts, built)
    made_of = {_page_of(name): str(rows.get(name)) for name in _names(graph, contracts)}
    made_of["index.html"] = _sha256(repr([rows, indicators]).encode())
    kept = _kept(previous, key, made_of) if previous is not None else {}
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    for name in kept:
        take_over(f"{previous}/{name}", f"{folder}/{name}")
    missing = [name for name in made_of if name not in kept]
    if "index.html" in missing:
        text = _index(_described(graph, contracts, built), indicators)
        (folder / "index.html").write_text(text, encoding="utf-8")
    for name, form in _forms(con, graph, contracts, built, key, [n for n in missing if n != "index.html"]):
        (folder / name).write_text(_filled(form, rows.get(_table_of(name))), encoding="utf-8")
    sums = [
        f"{kept.get(name) or _sha256((folder / name).read_bytes())}  {name}  {made_of[name]}"
        for name in sorted(made_of)
    ]
    (folder / "made_of.txt").write_text("\n".join([key, *sums, ""]), encoding="utf-8")


def prepare(con, graph: Graph, contracts: Mapping[str, Contract]) -> tuple[str, dict[str, str]]:
    """The pages of all tables but for their numbers of rows, and the hash of what they are made of; for set-up, from a
    release without rows."""
    built = _built(con)
    key = _key(con, graph, contracts, built)
    return key, dict(_rendered(con, graph, contracts, built, [_page_of(name) for name in _names(graph, contracts)]))


def _forms(
    con, graph: Graph, contracts: Mapping[str, Contract], built: dict[str, TableTold], key: str, names: list[str]
) -> Iterator[tuple[str, str]]:
    """The pages of these names but for the numbers of rows: those that set-up has made, when they are made of the same."""
    at_hand_now = at_hand.pages(key, names)
    yield from at_hand_now.items()
    if others := [name for name in names if name not in at_hand_now]:
        yield from _rendered(con, graph, contracts, built, others)


def _rendered(
    con, graph: Graph, contracts: Mapping[str, Contract], built: dict[str, TableTold], names: list[str]
) -> Iterator[tuple[str, str]]:
    tables = _tables(con, graph, contracts, built)
    words = {"kinds": KIND_WORDS, "layers": LAYERS, "severities": frame.SEVERITIES}
    for name in names:
        table = tables[_table_of(name)]
        drawn = _drawn(table, tables)
        yield (
            name,
            frame.render(
                "dictionary_table.html.j2", **words, table=table, drawn=drawn, show=_Show, rows_place=ROWS_PLACE
            ),
        )


def _filled(form: str, rows: int | None) -> str:
    return form if rows is None else form.replace(ROWS_PLACE, number(rows))


def _index(tables: Mapping[str, TableTold], indicators: list[dict]) -> str:
    words = {"kinds": KIND_WORDS, "layers": LAYERS, "tables": tables}
    groups = {layer: [t for t in tables.values() if t.layer == layer] for layer in LAYERS}
    return frame.render("dictionary_index.html.j2", **words, groups=groups, indicators=indicators)


def _page_of(table: str) -> str:
    return f"tables/{table}.html"


def _table_of(page: str) -> str:
    return page.removeprefix("tables/").removesuffix(".html")


def _names(graph: Graph, contracts: Mapping[str, Contract]) -> list[str]:
    """Every table of every layer."""
    return [
        *(model.name for model in graph.models),
        *(f"sources.{name}" for name in (*contracts, *RUN_TABLES)),
        *(f"reference.{reference.name}" for reference in graph.references),
    ]


def _kept(folder: Path, key: str, made_of: Mapping[str, str]) -> dict[str, str]:
    """The pages of the release before that are made of the same and whole, with their hashes."""
    try:
        first, *lines = (folder / "made_of.txt").read_text(encoding="utf-8").splitlines()
        told = [line.split("  ") for line in lines]
        return {
            name: sha256
            for sha256, name, made in told
            if first == key and made_of.get(name) == made and _sha256((folder / name).read_bytes()) == sha256
        }
    except (OSError, ValueError):
        return {}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _key(con, graph: Graph, contracts: Mapping[str, Contract], built: Mapping[str, TableTold]) -> str:
    """One hash of all that the pages of the tables are made of, but for the numbers of rows."""
    lineage = [
        con.execute(f"select sum(cast(hash(t) as hugeint)) from release.audit.{name} as t").fetchone()
        for name in ("lineage", "origins")
    ]
    code = [p.read_bytes() for p in (Path(__file__), *sorted(frame.TEMPLATES.glob("*")))]
    texts = [(m.name, m.text_hash) for m in graph.models] + [(r.name, r.text_hash) for r in graph.references]
    described = {name: replace(table, rows=None) for name, table in built.items()}
    return _sha256(repr([lineage, code, texts, [c.version for c in contracts.values()], described]).encode())


def _built(con) -> dict[str, TableTold]:
    """The published tables as the database itself describes them."""
    tables = {
        f"{schema}.{name}": TableTold(f"{schema}.{name}", comment or "", rows=0)
        for schema, name, comment in con.execute(
            "select schema_name, table_name, comment from duckdb_tables() where database_name = 'release' "
            "order by schema_name desc, table_name"
        ).fetchall()
    }
    columns = con.execute(
        "select schema_name || '.' || table_name, column_name, data_type, comment from duckdb_columns() "
        "where database_name = 'release' order by schema_name, table_name, column_index"
    ).fetchall()
    for table, name, kind, comment in columns:
        tables[table].columns[name] = ColumnTold(name, kind.lower(), comment or "", unit_of(name))
    for name, table in tables.items():
        table.rows = con.execute(f"select count(*) from release.{name}").fetchone()[0]
    return tables


def unit_of(name: str) -> Both | None:
    """What a column's name tells of its kind and unit."""
    for ends, unit in UNITS:
        if any(name.startswith(end) if end.endswith("_") else name.endswith(end) for end in ends):
            return unit
    return None


def _tables(con, graph: Graph, contracts: Mapping[str, Contract], built: dict[str, TableTold]) -> dict[str, TableTold]:
    """Every table of every layer with all that its page tells."""
    tables = _described(graph, contracts, built)
    _add_lineage(con, graph, contracts, tables)
    for table in tables.values():
        table.readers = tuple(m.name for m in graph.models if table.name in m.reads)
    return tables


def _described(graph: Graph, contracts: Mapping[str, Contract], built: dict[str, TableTold]) -> dict[str, TableTold]:
    """Every table of every layer, without the lineage."""
    tables = dict(built)
    for model in graph.models:
        told = tables.setdefault(model.name, TableTold(model.name, model.description))
        told.grain, told.care, told.file = model.grain, _care(model), _file(model)
        told.expectations, told.reads = model.expectations, model.reads
    for contract in contracts.values():
        tables[f"sources.{contract.name}"] = _of_contract(contract)
    for name, columns in RUN_TABLES.items():
        found = {c: ColumnTold(c, kind, unit=unit_of(c)) for c, kind in columns.items()}
        tables[f"sources.{name}"] = TableTold(f"sources.{name}", RUN_TEXT.en, RUN_TEXT.fr, columns=found)
    for reference in graph.references:
        found = {c: ColumnTold(c, kind, text, unit_of(c)) for c, (kind, text) in reference.columns.items()}
        tables[f"reference.{reference.name}"] = TableTold(
            f"reference.{reference.name}",
            reference.description,
            file=f"sql/reference/{reference.path.name}",
            columns=found,
        )
    return tables


def _add_lineage(con, graph: Graph, contracts: Mapping[str, Contract], tables: Mapping[str, TableTold]) -> None:
    for name, columns in source_columns(graph, contracts).items():
        for column in columns:
            text = STAGED_TEXTS.get(column, "") if name not in RUN_TABLES else ""
            tables[name].columns.setdefault(column, ColumnTold(column, "", text, unit_of(column)))
    steps = con.execute("select * from release.audit.lineage order by all").fetchall()
    origins = con.execute(
        "select table_name, column_name, source_table, source_column, kind from release.audit.origins order by all"
    ).fetchall()
    of_models = {model.name: model for model in graph.models}
    for rows, part in ((steps, "steps"), (origins, "origins")):
        for table, column, upstream, upstream_column, kind in rows:
            columns = tables[table].columns
            if column not in columns:
                texts = of_models[table].columns
                columns[column] = ColumnTold(column, "", texts.get(column, ""), unit_of(column))
            getattr(columns[column], part).append(Link(upstream, upstream_column, kind))
            if part == "origins" and kind in ("value", "aggregation", "condition"):
                source = tables[upstream].columns.setdefault(upstream_column, ColumnTold(upstream_column))
                source.users.append(Link(table, column, kind))


def _of_contract(contract: Contract) -> TableTold:
    columns = {
        c.name: ColumnTold(
            c.name, c.sql_type, c.description, Both(c.unit, c.unit) if c.unit else unit_of(c.name), c.spellings
        )
        for c in contract.columns
        if c.staged
    }
    facts = (
        (Both("Propriétaire", "Owner"), contract.owner),
        (Both("Licence", "Licence"), contract.licence),
        (Both("À citer ainsi", "To be cited as"), contract.citation),
        (Both("Données personnelles", "Personal data"), contract.personal_data),
    )
    name = f"sources.{contract.name}"
    return TableTold(
        name, contract.description, contract.title_fr, "", contract.key, None, f"sql/0_sources/{contract.name}.yml",
        facts, columns, contract.expectations,
    )  # fmt: skip


def _care(model: Model) -> str:
    text = model.path.read_text(encoding="utf-8")
    head = text.split('"""')[1] if model.compute is not None else text
    lines = [line.removeprefix("-- ") for line in head.splitlines()]
    start = next(i for i, line in enumerate(lines) if line.startswith("Care:"))
    told = [lines[start].removeprefix("Care:")]
    for line in lines[start + 1 :]:
        if not line.strip() or line.strip() == "with" or line.startswith(("select", "--")):
            break
        told.append(line)
    return " ".join(" ".join(told).split())


def _file(model: Model) -> str:
    parts = model.path.parts
    return "/".join(parts[len(parts) - 1 - parts[::-1].index("sql") :]) if "sql" in parts else model.path.name


def _indicators(con) -> list[dict]:
    """The catalogue, with the kinds of delivery that each indicator's value is made of."""
    names = ("indicator_id", "label_fr", "label_en", "definition", "unit", "caveats")
    rows = con.execute(f"select {', '.join(names)} from release.marts.indicators order by indicator_id").fetchall()
    behind: dict[str, list[tuple[str, str]]] = {}
    for indicator, contract, kind in con.execute(
        "select indicator_id, contract, kind from release.audit.provenance where table_name = 'marts.indicator_values' "
        "and column_name = 'value' and indicator_id <> 'all' order by all"
    ).fetchall():
        behind.setdefault(indicator, []).append((contract, kind))
    return [
        dict(zip(names, row, strict=True))
        | {"behind": sorted(behind.get(row[0], []), key=lambda entry: (KINDS.index(entry[1]), entry[0]))}
        for row in rows
    ]


class _Show:
    """Lists of links as HTML; some twenty thousand, so they are put together here and not by the template."""

    @staticmethod
    def steps(links: list[Link]):
        """The next tables with their columns by kind, each column a link."""
        return _nested(links, _column_link)

    @staticmethod
    def ways(links: list[Link]):
        """The tables at the end of all ways with their columns by kind; only the table is a link."""
        return _nested(links, lambda _, column: "ses lignes" if column == ALL_ROWS else escape(column))

    @staticmethod
    def summary(links: list[Link]) -> str:
        """How many columns of how many tables, in French."""
        columns = sum(link.column != ALL_ROWS for link in links)
        tables = len({link.table for link in links})
        if not columns:
            return f"les lignes de {number(tables)} table{'s' * (tables > 1)}"
        return f"{number(columns)} colonne{'s' * (columns > 1)} de {number(tables)} table{'s' * (tables > 1)}"


def _nested(links: list[Link], told: Callable[[str, str], str]):
    from markupsafe import Markup

    order = {kind: place for place, kind in enumerate(KIND_WORDS)}
    by_table: dict[str, dict[str, list[str]]] = {}
    for link in links:
        by_table.setdefault(link.table, {}).setdefault(link.kind, []).append(link.column)
    parts = ["<ul class=way>"]
    for table, by_kind in sorted(by_table.items(), key=lambda entry: (min(order[k] for k in entry[1]), entry[0])):
        page = f"{escape(table)}.html"
        parts.append(f'<li><a href="{page}">{escape(table)}</a><ul>')
        for kind in sorted(by_kind, key=order.get):
            columns = ", ".join([told(page, column) for column in by_kind[kind]])
            parts.append(f'<li><span class="kind k-{kind}">{KIND_WORDS[kind].fr}</span> {columns}</li>')
        parts.append("</ul></li>")
    return Markup("".join([*parts, "</ul>"]))  # names are escaped above


def _column_link(page: str, column: str) -> str:
    if column == ALL_ROWS:
        return f'<a href="{page}#rows">ses lignes</a>'
    return f'<a href="{page}#column-{escape(column)}">{escape(column)}</a>'


# -- drawing ----------------------------------------------------------------------------------------------------------

WIDTH, HEIGHT, GAP = 250, 26, 60


def _drawn(table: TableTold, tables: Mapping[str, TableTold]):
    """The tables above a published one, from the deliveries on the left to itself on the right, as an SVG drawing."""
    from markupsafe import Markup

    if not table.is_published or not table.reads:
        return ""
    depth: dict[str, int] = {table.name: 0}
    waiting = [table.name]
    while waiting:
        name = waiting.pop()
        for read in tables[name].reads:
            if depth.get(read, -1) < depth[name] + 1:
                depth[read] = depth[name] + 1
                waiting.append(read)
    deepest = max(depth.values())
    for name in depth:  # what is delivered or decided stands at the left, whoever reads it
        if not tables[name].reads:
            depth[name] = deepest
    columns: dict[int, list[str]] = {}
    for name in sorted(depth):
        columns.setdefault(depth[name], []).append(name)
    places = {
        name: ((deepest - level) * (WIDTH + GAP), row * (HEIGHT + 8) + 4)
        for level, names in columns.items()
        for row, name in enumerate(names)
    }
    width = deepest * (WIDTH + GAP) + WIDTH
    height = max(len(names) for names in columns.values()) * (HEIGHT + 8) + 8
    lines, boxes = [], []
    for name, (x, y) in places.items():
        for read in tables[name].reads:
            a, b = places[read][0] + WIDTH, places[read][1] + HEIGHT / 2
            c, d = x, y + HEIGHT / 2
            middle = (a + c) / 2
            lines.append(f'<path d="M{a} {b:g} C{middle:g} {b:g} {middle:g} {d:g} {c} {d:g}"/>')
        short = name if len(name) <= 32 else f"{name[:31]}…"
        boxes.append(
            f'<a href="{escape(name)}.html"><title>{escape(name)}</title>'
            f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" class="of-{tables[name].layer}"/>'
            f'<text x="{x + 8}" y="{y + 17}">{escape(short)}</text></a>'
        )
    return Markup(  # names are escaped above
        f'<svg class="drawn" role="img" aria-label="Tables dont {escape(table.name)} est faite, des livraisons à gauche '
        f'jusqu’à elle à droite ; la même liste suit en texte" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">'
        f"<g>{''.join(lines)}</g>{''.join(boxes)}</svg>"
    )
