"""The pages about the checks: they stand alone, say everything in both languages, and everybody can read them."""

from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from flows.core.report import frame

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """What a page holds: its elements in their order, the text below each id, whether every element is closed."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: dict[str, str] = {}
        self._open: list[tuple[str, str]] = []
        self.feed(self.text)
        assert self._open == [], f"{path.name}: {self._open} not closed"

    def handle_starttag(self, tag: str, attrs: list) -> None:
        found = dict(attrs)
        self.elements.append((tag, found))
        if tag not in VOID:
            self._open.append((tag, found.get("id", "")))

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open[-1][0] == tag, f"{self.path.name}: </{tag}> closes {self._open[-1:]}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for _, id in self._open:
            if id:
                self.words[id] = self.words.get(id, "") + data

    def all(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag in tags]

    @property
    def ids(self) -> list[str]:
        return [a["id"] for _, a in self.elements if "id" in a]


@pytest.fixture(scope="module")
def told(sample_run):
    """The release's folder of checks."""
    return sample_run[1].release / "validation"


@pytest.fixture(scope="module")
def pages(told) -> dict[str, Page]:
    return {str(path.relative_to(told)): Page(path) for path in told.rglob("*.html")}


def test_there_is_a_page_for_each_delivery_and_each_table(pages, release) -> None:
    deliveries = [name for (name,) in release.execute("select delivery_id from audit.deliveries").fetchall()]
    tables = [".".join(n) for n in release.execute("select schema_name, table_name from duckdb_tables()").fetchall()]
    wanted = {"index.html", *(f"deliveries/{n}.html" for n in deliveries), *(f"tables/{n}.html" for n in tables)}
    assert set(pages) == wanted


def test_a_page_needs_nothing_from_elsewhere(pages) -> None:
    for page in pages.values():
        assert page.all("script", "link", "img", "iframe", "form", "object") == []
        assert not re.search(r"https?://|url\(|@import|javascript:|\son\w+=", page.text)
        assert "default-src 'none'" in page.text


def test_every_link_leads_somewhere(pages, told) -> None:
    checked = 0
    for page in pages.values():
        for href in (a["href"] for a in page.all("a")):
            target, _, anchor = unquote(href).partition("#")
            path = (page.path.parent / target).resolve() if target else page.path
            assert path.is_file() and path.is_relative_to(told.resolve()), (page.path.name, href)
            if anchor:
                assert anchor in pages[str(path.relative_to(told.resolve()))].ids, (page.path.name, href)
            checked += 1
    assert checked > 500


def test_headings_tables_and_languages_are_marked(pages) -> None:
    for page in pages.values():
        assert page.all("html")[0]["lang"] == "fr"
        assert len(page.all("h1")) == 1 and len(page.all("main")) == 1 and page.all("title")
        levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
        assert len(page.all("caption")) == len(page.all("table"))
        assert all("scope" in heading for heading in page.all("th"))
        assert page.all("meta")[1]["content"].startswith("width=device-width")
        assert len(page.ids) == len(set(page.ids))
        english = [a for a in page.all("span", "p") if "en" in a.get("class", "").split()]
        assert english and all(a.get("lang") == "en" for a in english)


def test_each_check_is_told_whole_in_both_languages(pages, release) -> None:
    rows = release.execute(
        """select subject, expectation_id, expectation, severity, verdict, checked_rows, failed_rows, reason
        from audit.checks"""
    ).fetchall()
    assert len(rows) > 400
    severities = {"critical": "critique", "warning": "avertissement", "info": "information"}
    verdicts = {"passed": ("✓", "conforme", "passed"), "failed": ("✗", "en échec", "failed")}
    for subject, id, kind, severity, verdict, checked, failed, reason in rows:
        family = "tables" if "." in subject else "deliveries"
        words = " ".join(pages[f"{family}/{subject}.html"].words[id].split())
        checked, failed = ("✱" if count is None else frame.number(count) for count in (checked, failed))
        counts = f"{checked} vues, {failed} en échec"
        told = (id, kind, severity, severities[severity], reason, *verdicts[verdict], counts, "Que faire", "Remedy")
        assert [part for part in told if " ".join(part.split()) not in words] == [], (subject, id)


def test_the_texts_of_an_expectation_stand_on_its_card(pages, sample_run) -> None:
    from flows.core.expectation_texts import load_texts

    text = load_texts(sample_run[0].sql / "expectation_texts")["wordings_known"]
    words = " ".join(pages["tables/marts.wave_comparisons.html"].words["wordings_known"].split())
    assert [part for part in text.as_dict().values() if " ".join(part.split()) not in words] == []


def test_the_index_names_what_needs_attention(pages, release) -> None:
    failed = release.execute("select subject, expectation_id from audit.checks where verdict <> 'passed'").fetchall()
    links = [a["href"] for a in pages["index.html"].all("a")]
    for subject, id in failed:
        family = "tables" if "." in subject else "deliveries"
        assert f"{family}/{subject}.html#{id}" in links


def luminance(colour: str) -> float:
    digits = colour.lstrip("#") if len(colour) == 7 else "".join(2 * c for c in colour.lstrip("#"))
    parts = (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    ("ink", "paper"),
    [
        *((ink, paper) for ink in ("ink", "soft", "link") for paper in ("paper", "band")),
        *((kind, f"{kind}-paper") for kind in ("good", "bad", "doubt", "blind")),
    ],
)
def test_letters_stand_out_from_their_paper(ink, paper) -> None:
    """WCAG 2.2 AA asks for 4.5 to 1."""
    style = (frame.TEMPLATES / "style.css").read_text()
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", style))
    light, dark = sorted((luminance(colours[ink]), luminance(colours[paper])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_verdicts_differ_without_colour() -> None:
    for signs in (frame.CHECK_SIGNS, frame.DELIVERY_SIGNS):
        for part in zip(*signs.values(), strict=True):
            assert len(set(part)) == len(signs)


# -- what a delivery brings along --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile(two_runs) -> dict[str, Page]:
    """The pages of a file with such a name, of one that was refused, and of one that is empty."""
    folder = two_runs[1] / "validation"
    return {str(path.relative_to(folder)): Page(path) for path in folder.rglob("*.html")}


def test_a_file_name_acts_as_nothing(hostile) -> None:
    assert len([name for name in hostile if name.startswith("deliveries/")]) == 4
    for page in hostile.values():
        assert page.all("script") == [] and page.all("b") == []
    shown = [page for page in hostile.values() if "&lt;script&gt;alert(1)&lt;!-- &amp;" in page.text]
    assert len(shown) == 2 and all("{{ 7 * 7 }}" in page.text for page in shown)


def test_a_refused_delivery_says_why_and_shows_no_check_as_passed(hostile) -> None:
    refused = [
        p for name, p in hostile.items() if name.startswith("deliveries/") and "Why the delivery is refused" in p.text
    ]
    assert len(refused) == 2
    for page in refused:
        assert "refusée" in page.text and "To mend it" in page.text and "No check took place" in page.text
        assert "is-passed" not in page.text.partition("</style>")[2]
