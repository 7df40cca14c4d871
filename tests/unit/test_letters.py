"""Letters to senders: read as a whole, complete for every refusal and reason, restricted, and not sent twice."""

from __future__ import annotations

import ast
import re
import shutil
import stat
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from flows.core import admission, landing, ledger, letters
from flows.core.admission import Verdict
from flows.core.contracts import load_contracts
from flows.core.landing import Delivery, Receipt
from flows.core.ledger import Judged
from flows.settings import PROJECT

CORE = PROJECT / "flows" / "core"
CONTRACTS = load_contracts(PROJECT / "sql" / "0_sources")
WORDS = letters.load_words(PROJECT / "sql")


def delivery(
    name: str = "police/incidents-2026.csv", received: str = "2026-10-01T09:00:00Z", sender: str | None = None
):
    folder, _, file_name = name.rpartition("/")
    sha256 = f"{abs(hash((name, received))):064x}"[-64:]
    receipt = Receipt(landing.delivery_id_of(sha256), file_name, sha256, 10, received, sender)
    return Delivery(receipt, folder, Path("/raw") / name, None)


def refused(code: str, contract: str | None = None, line: int | None = None, **facts: object) -> Verdict:
    refusal = {"code": code, "line": line, "expected": "x", "found": "y", "remedy": "z", "facts": facts}
    return Verdict("d", contract, "1", "refused", refusal=refusal)


def plain(text: str) -> str:
    """With ordinary spaces and without the line breaks within a paragraph."""
    paragraphs = text.replace("\u202f", " ").replace("\u00a0", " ").strip().split("\n\n")
    return "\n\n".join(re.sub(r"\n(?!\d\.|   Pour|Trouvé|Pour)\s*", " ", p) for p in paragraphs)


# -- whole letters ----------------------------------------------------------------------------------------------------


def test_a_letter_about_rows_that_were_set_aside():
    found = (
        {"reason": "unreadable:occurred_at", "rows": 2, "first_line": 64},
        {"reason": "unreadable:line: too_few_fields", "rows": 12, "first_line": 70},
        {"reason": "incident_id_present", "rows": 1, "first_line": 100},
        {"reason": "category_known", "rows": 1, "first_line": 220},
    )
    verdict = Verdict("d", "police_incidents", "1", "warned", 1442, 1426, 16, quarantine=found)
    row = Judged(replace(delivery(sender="Direction de la tranquillité publique")), verdict, 1)
    lines = {"unreadable:occurred_at": [64, 226], "unreadable:line: too_few_fields": list(range(70, 80))}
    letter = letters.letter(row, CONTRACTS, WORDS, lines)
    assert letter.name == f"{row.delivery.delivery_id}.txt"
    assert max(map(len, letter.text.splitlines())) <= letters.WIDTH
    assert (
        plain(letter.text)
        == f"""Baromètre de la campagne « La drogue tue », Clermont-Ferrand

À l'attention de : Direction de la tranquillité publique

Objet : votre fichier « police/incidents-2026.csv », reçu le 1er octobre 2026 : 16 lignes mises de côté

Référence : {row.delivery.delivery_id}

Madame, Monsieur,

Nous vous remercions de votre envoi. Le fichier (Extraction des incidents) contient 1 442 lignes : 1 426 lignes ont été \
prises en compte. 16 lignes ont été mises de côté, sans être corrigées ni devinées ; voici pourquoi.

1. La colonne « date_heure » ne se lit pas comme une date et une heure : 2 lignes (les lignes 64 et 226).
   Pour corriger : Corrigez cette colonne dans ces lignes, ou laissez-la vide si l'information manque.
2. La ligne a moins de champs que l'en-tête : 12 lignes (dont les lignes 70, 71, 72, 73, 74, 75, 76, 77, 78, 79).
   Pour corriger : Complétez la ligne, au besoin par des champs vides.
3. La règle « La colonne “id_incident” est toujours remplie » n'est pas respectée : 1 ligne (la ligne 100).
   Pour corriger : {WORDS.expectations["derived.column_present"].remedy_fr}
4. La règle « {WORDS.expectations["category_known"].title_fr} » n'est pas respectée : 1 ligne (la ligne 220).
   Pour corriger : {WORDS.expectations["category_known"].remedy_fr}

Les autres lignes du fichier ont été prises en compte.

Merci d'adresser le fichier corrigé, ou toute question, à : Ville de Clermont-Ferrand, en rappelant la référence ci-dessus. \
Envoyé sous le même nom, le fichier corrigé prend la place de celui-ci.

Cette lettre ne cite aucun contenu de vos lignes : elle n'en donne que les numéros et le nombre.

Nous vous prions d'agréer, Madame, Monsieur, nos salutations distinguées.

L'équipe du baromètre de la campagne, Ville de Clermont-Ferrand"""
    )


def test_a_letter_about_a_file_that_is_no_known_table():
    verdict = refused("not_recognised", line=1, missing="id_incident, date_heure")
    verdict.refusal["facts"]["contract"] = "police_incidents"
    row = Judged(delivery("tableau.csv", "2026-11-02T23:30:00Z"), verdict, 1)
    assert (
        plain(letters.letter(row, CONTRACTS, WORDS, {}).text)
        == f"""Baromètre de la campagne « La drogue tue », Clermont-Ferrand

Objet : votre fichier « tableau.csv », reçu le 3 novembre 2026 : le fichier n'a pas pu être pris en compte

Référence : {row.delivery.delivery_id}

Madame, Monsieur,

Nous vous remercions de votre envoi. Nous regrettons de n'avoir pas pu le prendre en compte ; voici pourquoi.

Attendu : les colonnes d'un des tableaux convenus.
Trouvé : un en-tête qui ne correspond à aucun d'eux, à la ligne 1. Le plus proche est « Extraction des incidents » ; \
il y manque : id_incident, date_heure.
Pour corriger : Vérifiez l'en-tête et le séparateur (point-virgule, virgule ou tabulation) ; ajoutez les colonnes manquantes \
ou corrigez leurs noms.

Aucune ligne de ce fichier n'a été prise en compte. Les autres envois n'en souffrent pas.

Merci d'adresser le fichier corrigé, ou toute question, à : l'équipe du baromètre de la campagne, Ville de Clermont-Ferrand, en \
rappelant la référence ci-dessus. Envoyé sous le même nom, le fichier corrigé prend la place de celui-ci.

Cette lettre ne cite aucun contenu de vos lignes : elle n'en donne que les numéros et le nombre.

Nous vous prions d'agréer, Madame, Monsieur, nos salutations distinguées.

L'équipe du baromètre de la campagne, Ville de Clermont-Ferrand"""
    )


def test_a_refused_file_whose_forerunner_holds():
    before = Judged(delivery(received="2026-09-01T08:00:00Z"), Verdict("a", "police_incidents", "1", "passed"), 1)
    verdict = refused(
        "mostly_quarantined", "police_incidents", 2, bad=9, read=10, reason="unreadable:occurred_at", most=8
    )
    text = plain(letters.letter(Judged(delivery(), verdict, 2), CONTRACTS, WORDS, {}, before).text)
    assert (
        "Trouvé : un tableau dont la plupart des lignes ne peuvent pas l'être, à la ligne 2. En cause : 9 lignes sur 10, le plus"
        " souvent pour ce motif : la colonne « date_heure » ne se lit pas comme une date et une heure (8 lignes)."
    ) in text
    assert "Pour corriger : Corrigez cette colonne dans ces lignes" in text
    assert "Votre envoi précédent du même nom, reçu le 1er septembre 2026, reste en vigueur." in text


def test_a_file_refused_for_a_rule_that_most_rows_break_says_how_to_keep_it():
    verdict = refused("mostly_quarantined", "police_incidents", 2, bad=9, read=10, reason="key_unique", most=8)
    text = plain(letters.letter(Judged(delivery(), verdict, 1), CONTRACTS, WORDS, {}).text)
    assert f"Pour corriger : {letters._expectation('key_unique', CONTRACTS['police_incidents'], WORDS)[1]}" in text


def test_what_a_sender_calls_a_file_is_taken_as_it_is():
    row = Judged(delivery("x/{owner} : « a ».csv"), refused("empty"), 1)
    assert "« x/{owner} : « a ».csv »" in letters.letter(row, CONTRACTS, WORDS, {}).text.replace("\u202f", " ").replace(
        "\n", " "
    )


# -- every refusal and every reason has its words ---------------------------------------------------------------------


def raised_codes() -> dict[str, str]:
    """Codes of all refusals that the code can raise, with the place of each; the one that is no literal by its source."""
    found = {}
    for path in sorted(CORE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Refusal":
                code = node.args[0] if node.args else next(k.value for k in node.keywords if k.arg == "code")
                name = code.value if isinstance(code, ast.Constant) else ast.unparse(code)
                found[name] = f"{path.name}:{node.lineno}"
    return found


def test_every_refusal_has_its_french_words_and_no_words_are_idle():
    codes = raised_codes()
    assert len(codes) > 50
    ids = codes.pop("check.expectation.id")  # has those of the expectation: see below
    assert ids.startswith("admission.py")
    assert set(codes) - set(WORDS.refusals) == set()
    assert set(WORDS.refusals) - set(codes) == {"expectation"}
    for code, entry in WORDS.refusals.items():
        assert set(entry) - {"detail"} == {"expected", "found", "remedy"}, code
        filled = {part for part in ("expected", "found", "remedy") if "{" in entry[part]}
        # the remedy of these two is that of what the rows failed
        assert filled == {"expectation": {"expected", "remedy"}, "mostly_quarantined": {"remedy"}}.get(code, set()), (
            code
        )


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=lambda c: c.name)
def test_every_expectation_that_refuses_or_sets_aside_has_its_french_words(contract):
    for expectation in admission.expectations_of(contract):
        if expectation.on_failure == "warn":
            continue
        if expectation.id != "readable":
            title, remedy = letters._expectation(expectation.id, contract, WORDS)
            assert title != expectation.id and remedy and "{" not in title + remedy
        letter = letters.letter(
            Judged(delivery(), refused(expectation.id, contract.name, failed=1, checked=2), 1), CONTRACTS, WORDS, {}
        )
        assert "En cause : 1 ligne sur 2." in plain(letter.text)
    for column in contract.staged_columns:
        if column.sql_type != "varchar":
            assert column.type in letters.KINDS


def test_every_reason_of_the_readers_has_its_french_words():
    """Reasons are short words in the readers' own source: those of BadLine, of the rejects and of JSON lines."""
    shape = re.compile(
        r"[\"'](line_\w+|quote_\w+|field_count|nul_byte|encoding_mixed|character_unreadable|too_(?:few|many)_fields|not_json|member_twice"
        r"|header_repeated|merged_cells|question_in_own_words)[\"']"
    )
    sources = [*CORE.glob("reading/*.py"), CORE / "admission.py"]
    reasons = {found for path in sources for found in shape.findall(path.read_text(encoding="utf-8"))}
    reasons -= {"line_count"} | set(raised_codes())
    assert len(reasons) > 8
    assert reasons <= set(WORDS.lines)
    assert set(WORDS.lines) <= reasons | {"unreadable", "line_too_long"}


# -- which deliveries -------------------------------------------------------------------------------------------------


def test_no_letter_for_what_was_taken_away_replaced_or_mended():
    good = Verdict("g", "police_incidents", "1", "passed", 5, 5)
    aside = Verdict("q", "police_incidents", "1", "warned", 5, 4, 1, quarantine=())
    bad = refused("empty")
    first, second = delivery(), delivery(received="2026-10-05T09:00:00Z")
    assert letters.to_write([Judged(first, good, 1)]) == []
    assert letters.to_write([Judged(replace(first, path=None), bad, 1)]) == []
    assert letters.to_write([Judged(first, aside, 1, superseded_by="other")]) == []
    assert letters.to_write([Judged(first, bad, 1), Judged(second, good, 2)]) == []
    still = [Judged(first, good, 1), Judged(second, bad, 2)]
    assert letters.to_write(still) == still[1:]
    other = delivery("police/autre.csv")
    assert len(letters.to_write([Judged(first, bad, 1), Judged(other, good, 2)])) == 1


# -- the folder -------------------------------------------------------------------------------------------------------


def written(tmp_path: Path, name: str, rows: list[Judged], previous: Path | None = None) -> Path:
    release = tmp_path / name
    release.mkdir()
    letters.write(release / letters.FOLDER, rows, CONTRACTS, PROJECT / "sql", tmp_path / "quarantine", previous)
    return release


def since(release: Path) -> dict[str, str | None]:
    index = ledger.read_json(release / letters.FOLDER / letters.INDEX)
    return {entry["about"]: entry["since"] for entry in index["letters"]}


def test_a_letter_that_stood_before_is_told_as_such_until_it_changes(tmp_path):
    one, two = Judged(delivery("a.csv"), refused("empty"), 1), Judged(delivery("b.csv"), refused("no_rows", line=1), 2)
    first = written(tmp_path, "R1", [one])
    second = written(tmp_path, "R2", [one, two], first)
    third = written(tmp_path, "R3", [replace(one, verdict=refused("no_rows", line=1)), two], second)
    assert since(first) == {"a.csv": None}
    assert since(second) == {"a.csv": "R1", "b.csv": None}
    assert since(third) == {"a.csv": None, "b.csv": "R2"}
    people = (second / letters.FOLDER / letters.INDEX_FOR_PEOPLE).read_text(encoding="utf-8")
    assert people.index("À envoyer (1)") < people.index("b.csv") < people.index("Déjà établies") < people.index("a.csv")
    (second / letters.FOLDER / letters.INDEX).write_text("{")
    assert since(written(tmp_path, "R4", [two], second)) == {"b.csv": None}
    shutil.rmtree(third)
    assert since(written(tmp_path, "R5", [two], third)) == {"b.csv": None}


def test_nobody_else_can_open_the_folder_and_an_empty_one_says_so(tmp_path):
    release = written(tmp_path, "R1", [Judged(delivery("a.csv"), refused("empty"), 1)])
    folder = release / letters.FOLDER
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    folder = written(tmp_path, "R2", []) / letters.FOLDER
    assert sorted(path.name for path in folder.iterdir()) == ["index.json", "index.txt"]
    assert "aucune" in (folder / letters.INDEX_FOR_PEOPLE).read_text(encoding="utf-8")


def test_line_numbers_come_from_the_restricted_folder_without_its_texts(tmp_path):
    duckdb.sql(
        "select 'd' as delivery_id, cast(20 - i as bigint) as line, 'r' as reason, 'SECRET' as text from range(15) t(i)"
    ).write_parquet(str(tmp_path / "d.parquet"))
    assert letters.line_numbers(["d", "gone"], tmp_path) == {"d": {"r": list(range(6, 16))}}


def test_the_sample_has_a_letter_for_each_file_with_rows_set_aside(sample_run, release):
    settings, _ = sample_run
    folder = settings.current / letters.FOLDER
    expected = {
        name
        for (name,) in release.execute(
            """select delivery_id from audit.deliveries
            where (rows_quarantined > 0 or verdict = 'refused') and superseded_by is null"""
        ).fetchall()
    }
    assert {path.stem for path in folder.glob("*.txt")} - {"index"} == expected and expected
    assert "letters/" not in (settings.current / "datapackage.json").read_text(encoding="utf-8")
