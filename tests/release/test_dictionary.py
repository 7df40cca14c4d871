"""The data dictionary against the database that it describes, as a reader's browser would take it."""

from __future__ import annotations

import shutil
import zipfile
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest

from flows.core import at_hand, models
from flows.core.contracts import load_contracts
from flows.core.report import dictionary, frame
from flows.settings import PROJECT

CONTRACTS = load_contracts(PROJECT / "sql" / "0_sources")
GRAPH = models.load_graph(PROJECT / "sql", CONTRACTS)
VOID = {"meta", "br", "link", "img", "path", "rect"}


class Page(HTMLParser):
    """What a page holds: ids, links, elements with their attributes, and the text of each table row with an id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.elements: list[tuple[str, dict]] = []
        self.rows: dict[str, str] = {}
        self.text = ""
        self.open: list[str] = []
        self._row: str | None = None
        self.feed(text)

    def handle_starttag(self, tag, attrs) -> None:
        given = dict(attrs)
        self.elements.append((tag, given))
        if tag not in VOID:
            self.open.append(tag)
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a":
            self.links.append(given["href"])
        if tag == "tr":
            self._row = given["id"].removeprefix("column-") if given.get("id", "").startswith("column-") else None

    def handle_endtag(self, tag) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag, f"{tag} is closed where another element is open"

    def handle_data(self, data) -> None:
        self.text += data
        if self._row:
            self.rows[self._row] = self.rows.get(self._row, "") + data


@pytest.fixture(scope="module")
def folder(sample_run) -> Path:
    return sample_run[0].current / "dictionary"


@pytest.fixture(scope="module")
def pages(folder) -> dict[str, Page]:
    paths = sorted(folder.rglob("*.html"))
    return {str(path.relative_to(folder)): Page(path.read_text(encoding="utf-8")) for path in paths}


def _even(text: str) -> str:
    return " ".join(text.split())


def test_every_table_and_column_of_the_database_and_no_other(pages, release) -> None:
    columns = release.execute(
        "select schema_name || '.' || table_name, column_name, lower(data_type), comment from duckdb_columns() "
        "where schema_name in ('marts', 'audit')"
    ).fetchall()
    found = {
        (name.removeprefix("tables/").removesuffix(".html"), column)
        for name, page in pages.items()
        if name.startswith(("tables/marts.", "tables/audit."))
        for column in page.rows
    }
    assert found == {(table, column) for table, column, *_ in columns}
    for table, column, kind, comment in columns:
        told = _even(pages[f"tables/{table}.html"].rows[column])
        assert told.startswith(f"{column} {kind}") or told.startswith(f"{column}{kind}"), told
        assert _even(comment) in told


def test_tables_are_told_as_the_database_tells_them(pages, release) -> None:
    tables = release.execute(
        "select schema_name || '.' || table_name, comment from duckdb_tables() where schema_name in ('marts', 'audit')"
    ).fetchall()
    index = _even(pages["index.html"].text)
    for table, comment in tables:
        page = _even(pages[f"tables/{table}.html"].text)
        count = release.execute(f"select count(*) from {table}").fetchone()[0]
        assert _even(comment) in page and _even(comment) in index
        assert f"{count:,}".replace(",", "\u202f") in pages[f"tables/{table}.html"].text


def test_every_layer_has_its_pages(pages) -> None:
    expected = {f"sources.{name}" for name in (*CONTRACTS, *models.RUN_TABLES)}
    expected |= {f"reference.{r.name}" for r in GRAPH.references} | set(GRAPH.by_name)
    assert {n.removeprefix("tables/").removesuffix(".html") for n in pages} == expected | {"index"}
    for contract in CONTRACTS.values():
        page = pages[f"tables/sources.{contract.name}.html"]
        assert {c.name for c in contract.staged_columns} <= set(page.rows)
        assert contract.title_fr in page.text


def test_every_link_leads_somewhere(pages, folder) -> None:
    counted = 0
    for name, page in pages.items():
        for link in page.links:
            path, _, anchor = link.partition("#")
            target = (folder / name).parent / path if path else folder / name
            assert target.resolve().is_file(), f"{name}: {link}"
            if anchor and target.suffix == ".html":
                aimed = str(target.resolve().relative_to(folder.resolve()))
                assert anchor in pages[aimed].ids, f"{name}: {link}"
            counted += 1
    assert counted > 5000


def test_pages_need_nothing_from_elsewhere(pages) -> None:
    for name, page in pages.items():
        tags = {tag for tag, _ in page.elements}
        assert not tags & {"script", "link", "img", "iframe", "object"}, name
        assert not [given for _, given in page.elements if "src" in given], name
        assert not [link for link in page.links if ":" in link], name


def test_pages_can_be_read_by_everyone(pages) -> None:
    for name, page in pages.items():
        tags = [tag for tag, _ in page.elements]
        assert not page.open and len(page.ids) == len(set(page.ids)), name
        assert ("html", {"lang": "fr"}) in page.elements and tags.count("h1") == 1 and tags.count("main") == 1, name
        assert tags.count("table") == tags.count("caption"), name
        assert all("scope" in given for tag, given in page.elements if tag == "th"), name
        assert all("aria-label" in given for tag, given in page.elements if tag == "svg"), name


def test_the_way_of_a_column_is_drawn_down_to_the_delivery(pages, release) -> None:
    page = pages["tables/marts.police_statistics.html"]
    told = _even(page.rows["count"])
    steps = release.execute(
        "select upstream_table from audit.lineage where table_name = 'marts.police_statistics' and column_name = 'count'"
    ).fetchall()
    origins = release.execute(
        "select source_table from audit.origins where table_name = 'marts.police_statistics' and column_name = 'count'"
    ).fetchall()
    assert steps and all(table in told for (table,) in (*steps, *origins))
    assert "sources.ssmsi_communal" in told
    delivered = _even(pages["tables/sources.ssmsi_communal.html"].rows["count"])
    assert "marts.police_statistics" in delivered
    linked = _even(pages["tables/sources.police_incidents.html"].rows["is_trafficking_linked"])
    assert "marts.indicator_values" in linked, "it decides which incidents are counted"


def test_a_unit_is_told_only_where_the_type_bears_it_out(release) -> None:
    kinds = {
        "nombre": ("BIGINT", "INTEGER", "DOUBLE"),
        "jour": ("DATE",),
        "instant": ("TIMESTAMP",),
        "oui ou non": ("BOOLEAN",),
        "code": ("VARCHAR", "BIGINT"),
        "pour cent": ("DOUBLE",),
        "pour 1 000": ("DOUBLE",),
        "pour 10 000": ("DOUBLE",),
        "texte français": ("VARCHAR",),
        "texte anglais": ("VARCHAR",),
    }
    sql = "select table_name, column_name, data_type from duckdb_columns() where schema_name in ('marts', 'audit')"
    told = [(t, c, k, dictionary.unit_of(c)) for t, c, k in release.execute(sql).fetchall()]
    wrong = [(t, c, k, unit.fr) for t, c, k, unit in told if unit and k not in kinds[unit.fr]]
    assert not wrong and sum(unit is not None for *_, unit in told) > 100


def test_pages_are_kept_and_a_damaged_one_is_made_anew(sample_run, tmp_path) -> None:
    before = tmp_path / "before"
    shutil.copytree(sample_run[0].current / "dictionary", before)
    with duckdb.connect() as con:
        con.execute(f"attach '{sample_run[0].current / 'campaign.duckdb'}' as release (read_only)")
        dictionary.write(tmp_path / "kept", con, GRAPH, CONTRACTS, before)
        page = "tables/marts.zones.html"
        assert (tmp_path / "kept" / page).stat().st_ino == (before / page).stat().st_ino
        right = (before / page).read_bytes()
        (before / page).unlink()
        (before / page).write_text("damaged")
        dictionary.write(tmp_path / "anew", con, GRAPH, CONTRACTS, before)
    assert (tmp_path / "anew" / page).read_bytes() == right


def test_where_a_table_has_more_rows_its_page_and_the_index_are_made_anew(sample_run, tmp_path) -> None:
    before = tmp_path / "before"
    shutil.copytree(sample_run[0].current / "dictionary", before)
    shutil.copyfile(sample_run[0].current / "campaign.duckdb", tmp_path / "campaign.duckdb")
    with duckdb.connect() as con:
        con.execute(f"attach '{tmp_path / 'campaign.duckdb'}' as release")
        con.execute("insert into release.marts.calendar select * from release.marts.calendar")
        dictionary.write(tmp_path / "after", con, GRAPH, CONTRACTS, before)
    pages = {str(path.relative_to(before)): path for path in before.rglob("*.html")}
    anew = {name for name, path in pages.items() if (tmp_path / "after" / name).stat().st_ino != path.stat().st_ino}
    assert anew == {"index.html", "tables/marts.calendar.html"} and len(pages) > 100
    assert {str(path.relative_to(tmp_path / "after")) for path in (tmp_path / "after").rglob("*.html")} == set(pages)


@pytest.fixture(scope="module")
def set_up(tmp_path_factory):
    """What set-up makes of today's code."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(at_hand, "FOLDER", tmp_path_factory.mktemp("at_hand"))
        at_hand.prepare(PROJECT / "sql")
        yield at_hand.FOLDER


@pytest.mark.parametrize("damage", ["", "another key", "cut short", "a byte", "a page", "gone"])
def test_what_set_up_made_gives_the_same_pages_and_what_is_damaged_is_not_taken(
    sample_run, set_up, tmp_path, monkeypatch, damage
) -> None:
    monkeypatch.setattr(at_hand, "FOLDER", tmp_path)
    packed, lost = tmp_path / at_hand.PAGES, "tables/marts.zones.html"
    shutil.copyfile(set_up / at_hand.PAGES, packed)
    if damage == "gone":
        packed.unlink()
    elif damage == "cut short":
        packed.write_bytes(packed.read_bytes()[:-1000])
    elif damage == "a byte":
        content = bytearray(packed.read_bytes())
        content[200] ^= 1
        packed.write_bytes(content)
    elif damage:
        with zipfile.ZipFile(packed) as whole, zipfile.ZipFile(tmp_path / "partial", "w") as partial:
            partial.comment = whole.comment if damage == "a page" else b"of other code"
            for name in set(whole.namelist()) - {lost}:
                partial.writestr(name, whole.read(name) if damage == "a page" else "<p>of other code")
        packed.unlink()
        (tmp_path / "partial").rename(packed)
    rendered = []
    render = frame.render
    monkeypatch.setattr(frame, "render", lambda name, **filled: rendered.append(name) or render(name, **filled))
    with duckdb.connect() as con:
        con.execute(f"attach '{sample_run[0].current / 'campaign.duckdb'}' as release (read_only)")
        dictionary.write(tmp_path / "pages", con, GRAPH, CONTRACTS, None)
    made = {str(p.relative_to(tmp_path / "pages")): p.read_bytes() for p in (tmp_path / "pages").rglob("*.html")}
    before = sample_run[0].current / "dictionary"
    assert made == {str(p.relative_to(before)): p.read_bytes() for p in before.rglob("*.html")}
    assert rendered.count("dictionary_index.html.j2") == 1
    tables = rendered.count("dictionary_table.html.j2")
    assert tables == 0 if not damage else tables > 0
    assert not any(dictionary.ROWS_PLACE.encode() in page for page in made.values())


def test_texts_cannot_become_markup(tmp_path) -> None:
    links = [dictionary.Link("marts.x", '"><script>', "value")]
    assert "<script>" not in dictionary._Show.steps(links) + dictionary._Show.ways(links)
