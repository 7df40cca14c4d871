"""The texts of the expectations: each id has one, each text an id, in both languages."""

from __future__ import annotations

import pytest

from flows.core import admission, models
from flows.core.contracts import load_contracts
from flows.core.errors import ModelError
from flows.core.expectation_texts import (
    NAMES,
    PATTERNS,
    expect_complete,
    load_texts,
    texts_of_contract,
    texts_of_table,
)
from flows.settings import PROJECT

FOLDER = PROJECT / "sql" / "expectation_texts"


@pytest.fixture(scope="module")
def texts():
    return load_texts(FOLDER)


@pytest.fixture(scope="module")
def contracts():
    return load_contracts(PROJECT / "sql" / "0_sources")


@pytest.fixture(scope="module")
def graph(contracts):
    return models.load_graph(PROJECT / "sql", contracts)


def test_every_expectation_of_contracts_and_tables_has_its_text(texts, contracts, graph) -> None:
    expect_complete(texts, contracts.values(), graph.models)
    for contract in contracts.values():
        expectations = admission.expectations_of(contract)
        found = texts_of_contract(texts, contract, expectations)
        assert list(found) == [e.id for e in expectations]
        assert not [t for t in found.values() if any("{" in part for part in t.as_dict().values())]
    for model in graph.models:
        if model.is_published:
            assert set(texts_of_table(texts, model)) == {"grain_unique", *(e.id for e in model.expectations)}


def test_the_languages_are_not_mixed_up(texts) -> None:
    """No French text is its English one, and neither opens with a small letter."""
    for id, text in texts.items():
        for part in ("title", "purpose", "remedy"):
            french, english = getattr(text, f"{part}_fr"), getattr(text, f"{part}_en")
            assert french != english, id
            assert french[0] in "«" or french[0].isupper() or french[0].isdigit(), (id, french)
            assert english[0] in "“" or english[0].isupper() or english[0].isdigit(), (id, english)
        assert text.purpose_fr[-1] in ".…" and text.remedy_en[-1] in ".", id


def test_a_pattern_is_filled_in_from_the_contract(texts, contracts) -> None:
    contract = contracts["partner_events"]
    found = texts_of_contract(texts, contract, admission.expectations_of(contract))
    assert "date_action" in found["occurred_on_present"].title_fr
    assert "Day of the action" in found["occurred_on_present"].purpose_en
    assert "event_id" in found["key_unique"].purpose_fr


def test_an_expectation_without_a_text_is_named(texts, contracts, graph) -> None:
    lacking = {id: text for id, text in texts.items() if id != "action_known"}
    with pytest.raises(ModelError, match=r"without a text: action_known \(partner_events\)"):
        expect_complete(lacking, contracts.values(), graph.models)


@pytest.mark.parametrize("id", PATTERNS)
def test_a_missing_pattern_is_named(id, texts, contracts, graph) -> None:
    lacking = {name: text for name, text in texts.items() if name != f"derived.{id}"}
    with pytest.raises(ModelError, match=f"without a text: derived.{id}"):
        expect_complete(lacking, contracts.values(), graph.models)


def test_a_text_without_an_expectation_is_named(texts, contracts, graph) -> None:
    idle = {**texts, "of_nothing": texts["action_known"], "derived.of_nothing": texts["action_known"]}
    with pytest.raises(ModelError, match=r"without an expectation: derived.of_nothing, of_nothing"):
        expect_complete(idle, contracts.values(), graph.models)


WHOLE = "one:\n" + "".join(f"  {name}: Some words.\n" for name in NAMES)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("one: [", "no YAML"),
        ("- one\n", "no mapping"),
        ("one:\n", "one lacks title_fr"),
        (WHOLE.replace("  purpose_en: Some words.\n", ""), "one lacks purpose_en"),
        (WHOLE.replace("title_en: Some words.", "title_en: ''"), "one lacks title_en"),
        (WHOLE + "  aim_fr: Some words.\n", "one has the unknown aim_fr"),
    ],
)
def test_a_broken_file_of_texts_names_file_and_entry(content, told, tmp_path) -> None:
    (tmp_path / "broken.yml").write_text(content)
    with pytest.raises(ModelError, match=r"broken\.yml") as error:
        load_texts(tmp_path)
    assert told in error.value.problem and error.value.remedy


def test_one_id_has_one_text(tmp_path) -> None:
    for name in ("a.yml", "b.yml"):
        (tmp_path / name).write_text(WHOLE)
    with pytest.raises(ModelError, match=r"b\.yml: one has a text in another file too"):
        load_texts(tmp_path)


def test_one_id_means_one_thing(contracts, graph) -> None:
    """An id that stands in several contracts or tables is the same kind of expectation wherever it stands."""
    kinds: dict[str, set[str]] = {}
    for named in (*contracts.values(), *graph.models):
        for expectation in named.expectations:
            kinds.setdefault(expectation.id, set()).add(expectation.expectation)
    assert {id: kind for id, kind in kinds.items() if len(kind) > 1} == {}
