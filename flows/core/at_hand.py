"""What depends on the code alone and takes seconds is made once, by set-up: the lineage, the tables that queries name, the
dictionary's pages but for their numbers of rows, the package of the code, and the pages' templates and the modules compiled.

It lies in the virtual environment, as compiled code does. What is not there, or was made of other code, a run makes itself:
nothing else changes. `python -m flows.core.at_hand` makes it.
"""

from __future__ import annotations

import compileall
import hashlib
import json
import os
import sys
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

FOLDER = Path(sys.prefix) / "share" / "campaign-barometer"
CODE = "code_version"
QUERIES = "queries.json"
PAGES = "dictionary.zip"
PACKED = "code.zip"


def has_lineage(code: str) -> bool:
    """Whether the lineage of this code version was traced by set-up."""
    try:
        return (FOLDER / CODE).read_text(encoding="utf-8") == code
    except OSError:
        return False


def lineage_file(name: str, made_of: str) -> tuple[str, bytes] | None:
    """A file of lineage that set-up has left, by its name and its version: how it is called, and its content, which nobody
    has compared yet with the hash that its name ends with."""
    path = next(FOLDER.glob(f"{name}-{made_of[:16]}-*.csv"), None)
    try:
        return None if path is None else (path.stem, path.read_bytes())
    except OSError:  # set-up makes it anew just now
        return None


def tables_of(query: str) -> tuple[frozenset[str], frozenset[str], str] | None:
    """What `models` found in a query: its tables, its CTEs, and what is wrong with it; None for an unknown query."""
    found = _queries().get(_key(query))
    return None if found is None else (frozenset(found[0]), frozenset(found[1]), found[2])


@lru_cache(maxsize=1)
def _queries() -> dict[str, list]:
    try:
        return json.loads((FOLDER / QUERIES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _key(query: str) -> str:
    """A query may be told otherwise by another DuckDB."""
    return hashlib.sha256(f"{_parser_version()}\0{query}".encode()).hexdigest()


@lru_cache(maxsize=1)
def _parser_version() -> str:
    import duckdb

    return duckdb.__version__


def pages(key: str, names: Iterable[str]) -> dict[str, str]:
    """Pages of the dictionary that set-up has made, by name, as far as they are whole and made of what `key` stands for."""
    found: dict[str, str] = {}
    with suppress(OSError, zipfile.BadZipFile, zlib.error, KeyError, ValueError):
        with zipfile.ZipFile(FOLDER / PAGES) as packed:
            if packed.comment.decode() == key:
                for name in names:
                    found[name] = packed.read(name).decode()
    return found


def prepare(sql: Path) -> None:
    """Make all of it anew. Raises ModelError as `models.load_graph` and `lineage.trace` do."""
    from flows.core import ledger, lineage, models, publishing
    from flows.core.contracts import load_contracts
    from flows.core.report import frame

    FOLDER.mkdir(parents=True, exist_ok=True)
    contracts = load_contracts(sql / "0_sources")
    graph = models.load_graph(sql, contracts)
    files = lineage.files(graph, contracts, FOLDER)
    for old in set(FOLDER.glob("*.csv")) - set(files.values()):
        old.unlink()
    parsed = {_key(query): [sorted(found[0]), sorted(found[1]), found[2]] for query, found in models.parsed_queries()}
    _write(QUERIES, json.dumps(parsed))
    _queries.cache_clear()
    frame.compile_templates()
    _write_pages(graph, contracts, files)
    publishing.pack_code(FOLDER / f"{PACKED}.partial", ledger.code_files(sql))
    os.replace(FOLDER / f"{PACKED}.partial", FOLDER / PACKED)
    _write(CODE, ledger.code_version(sql))


def _write_pages(graph, contracts: Mapping[str, object], lineage_files: Mapping[str, Path]) -> None:
    import duckdb

    from flows.core.report import dictionary

    with duckdb.connect(config={"threads": 1}) as con:
        _build_without_rows(con, graph, contracts, lineage_files)
        key, made = dictionary.prepare(con, graph, contracts)
    partial = FOLDER / f"{PAGES}.partial"
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        packed.comment = key.encode()
        for name, page in made.items():
            packed.writestr(name, page)
    os.replace(partial, FOLDER / PAGES)


def _build_without_rows(con, graph, contracts: Mapping[str, object], lineage_files: Mapping[str, Path]) -> None:
    """A release as every run builds it, attached as `release`, of no delivery at all: its tables have rows of decisions and
    lineage only."""
    from flows.core import models

    con.execute("set timezone = 'UTC'")
    con.execute("attach ':memory:' as release")
    models.create_sources(con, contracts, {})
    for name in set(models.RUN_TABLES) - set(lineage_files):
        models.create_run_table(con, name, [])
    for name, path in lineage_files.items():
        models.create_run_view(con, name, path)
    models.create_references(con, graph.references)
    models.create_schemas(con, graph)
    for model in graph.models:
        models.build_model(con, graph, model)
        if model.is_published:
            models.comment(con, model)


def _write(name: str, text: str) -> None:
    partial = FOLDER / f"{name}.partial"
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, FOLDER / name)


def compile_modules(sql: Path) -> None:
    """Compile every module, also where Python is told to write nothing while it runs; one that cannot be is left out."""
    for folder in (Path(__file__).parents[1], sql):
        compileall.compile_dir(folder, quiet=2)


if __name__ == "__main__":
    from flows.core.errors import BarometerError
    from flows.settings import Settings

    compile_modules(Settings().sql)
    with suppress(BarometerError):  # a model that cannot be read: the run says which, and why
        prepare(Settings().sql)
