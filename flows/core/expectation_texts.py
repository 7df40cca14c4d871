"""What each expectation means, in plain French and English: title, purpose and remedy, one text for each id.

The texts stand in `sql/expectation_texts/*.yml`. Those of `derived.yml` are patterns for the expectations that follow from
columns, keys and grains; the names in braces are filled in from the contract or the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from flows.core.contracts import Contract, Expectation, load_yaml
from flows.core.errors import ModelError

if TYPE_CHECKING:
    from flows.core.models import Model

DERIVED = "derived"
"""The file of the patterns, and the beginning of their ids in what `load_texts` returns."""

PATTERNS = ("rows_present", "readable", "column_present", "key_unique", "no_personal_values", "grain_unique")


@dataclass(frozen=True)
class Text:
    """What an expectation is called, what it is for and how to mend what it finds."""

    title_fr: str
    title_en: str
    purpose_fr: str
    purpose_en: str
    remedy_fr: str
    remedy_en: str

    def filled(self, **names: str) -> Text:
        return Text(*(getattr(self, f.name).format(**names) for f in fields(self)))

    def as_dict(self) -> dict[str, str]:
        return {f.name: getattr(self, f.name) for f in fields(self)}


NAMES = [f.name for f in fields(Text)]


def load_texts(folder: Path) -> dict[str, Text]:
    """All texts by id, those of the patterns as `derived.<id>`. Raises ModelError that names file and entry."""
    if not folder.is_dir():
        raise ModelError(f"no folder of texts at {folder}", "run from the project's checkout")
    return dict(_load_all(tuple((path, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.yml")))))


@lru_cache(maxsize=2)
def _load_all(files: tuple[tuple[Path, str], ...]) -> tuple[tuple[str, Text], ...]:
    texts: dict[str, Text] = {}
    for path, content in files:
        for id, entry in _entries(path, content).items():
            name = f"{DERIVED}.{id}" if path.stem == DERIVED else id
            if name in texts:
                raise ModelError(f"{path}: {id} has a text in another file too", "keep one of them: one id, one text")
            texts[name] = _text(path, id, entry)
    return tuple(texts.items())


def _entries(path: Path, content: str) -> dict:
    try:
        entries = load_yaml(content) or {}
    except Exception as error:
        raise ModelError(f"{path} is no YAML: {' '.join(str(error).split())}", "correct it") from None
    if not isinstance(entries, dict):
        raise ModelError(f"{path} is no mapping of ids to texts", "compare it with its neighbours")
    return entries


def _text(path: Path, id: str, entry: object) -> Text:
    given = entry if isinstance(entry, dict) else {}
    lacking = [name for name in NAMES if not str(given.get(name) or "").strip()]
    unknown = sorted(set(given) - set(NAMES))
    if lacking or unknown:
        problem = f"lacks {', '.join(lacking)}" if lacking else f"has the unknown {', '.join(unknown)}"
        raise ModelError(f"{path}: {id} {problem}", f"give it {', '.join(NAMES)}")
    return Text(*(" ".join(str(given[name]).split()) for name in NAMES))


def expect_complete(texts: Mapping[str, Text], contracts: Iterable[Contract], models: Iterable[Model]) -> None:
    """Raises ModelError for an expectation without a text, and for a text without an expectation."""
    used: dict[str, str] = {}
    for named in (*contracts, *models):
        used.update({expectation.id: named.name for expectation in named.expectations})
    lacking = sorted(id for id in used if id not in texts)
    lacking += [f"{DERIVED}.{id}" for id in PATTERNS if f"{DERIVED}.{id}" not in texts]
    if lacking:
        told = ", ".join(f"{id} ({used[id]})" if id in used else id for id in lacking)
        raise ModelError(f"expectations without a text: {told}", "describe them in sql/expectation_texts")
    known = {*used, *(f"{DERIVED}.{id}" for id in PATTERNS)}
    idle = sorted(set(texts) - known)
    if idle:
        raise ModelError(
            f"texts without an expectation: {', '.join(idle)}", "take them out of sql/expectation_texts, or mend the id"
        )


def texts_of_contract(
    texts: Mapping[str, Text], contract: Contract, expectations: Iterable[Expectation]
) -> dict[str, Text]:
    """The text of every expectation that a delivery of the contract is held against, by id."""
    found = {}
    for expectation in expectations:
        if expectation.id in texts:
            found[expectation.id] = texts[expectation.id]
        elif f"{DERIVED}.{expectation.id}" in texts:
            key = ", ".join(contract.key)
            found[expectation.id] = texts[f"{DERIVED}.{expectation.id}"].filled(key=key)
        else:
            column = contract.column(expectation.arguments()["column"])
            header = next((s for s in column.spellings if "[" not in s), column.name)
            found[expectation.id] = texts[f"{DERIVED}.column_present"].filled(
                column=column.name, header=header, description=column.description
            )
    return found


def texts_of_table(texts: Mapping[str, Text], model: Model) -> dict[str, Text]:
    """The text of every expectation that a published table is held against, by id."""
    grain = texts[f"{DERIVED}.grain_unique"].filled(key=", ".join(model.grain))
    return {"grain_unique": grain} | {e.id: texts[e.id] for e in model.expectations}
