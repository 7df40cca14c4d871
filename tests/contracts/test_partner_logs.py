"""What the partners' contracts let in: reports of nothing, codes of versions, treated feedback, dated lists."""

from __future__ import annotations

from datetime import date

import pytest

from flows.core import ledger
from flows.core.admission import Verdict
from flows.core.landing import Delivery, new_receipt

EVENTS = "id_action;id_partenaire;date;action;zone;personnes_touchees;en_difficulte;comptage\n"
METRICS = "plateforme;semaine_du;code_zone;version_message;indicateur;valeur\n"
FEEDBACK = "id_retour;date_reception;theme;date_traitement;suite_donnee;version_message;nouvelle_version\n"


def failed(admitted) -> dict[str, int]:
    """The expectations that failed, with how many rows."""
    return {c["expectation_id"]: c["failed_rows"] for c in admitted.verdict.checks if c["verdict"] == "failed"}


def reasons(admitted) -> set[tuple[int, str]]:
    return {(line, reason) for line, reason, _ in admitted.quarantined}


@pytest.mark.parametrize("word", ["Néant", "État néant", "rien à signaler", "RAS", "nothing_to_report"])
def test_a_partner_can_report_nothing(admit, word) -> None:
    admitted = admit("actions.csv", EVENTS + f"A1;P1;31/01/2025;{word};;;;\n")
    assert [row[3] for row in admitted.accepted] == ["nothing_to_report"]
    assert admitted.verdict.verdict == "passed"


def test_nothing_and_people_at_once_are_set_aside(admit) -> None:
    rows = "A1;P1;31/01/2025;Néant;;12;;\nA2;P1;28/02/2025;Néant;;0;0;\nA3;P1;28/02/2025;Médiation;;12;;\n"
    admitted = admit("actions.csv", EVENTS + rows)
    assert reasons(admitted) == {(2, "nothing_to_report_is_empty")}
    assert len(admitted.accepted) == 2


def test_persons_are_told_from_contacts(admit) -> None:
    rows = "A1;P1;31/01/2025;Orientation;;3;1;File active\nA2;P1;31/01/2025;Orientation;;3;1;passages\n"
    rows += "A3;P1;31/01/2025;Orientation;;3;1;\nA4;P1;31/01/2025;Orientation;;3;1;au doigt mouillé\n"
    admitted = admit("actions.csv", EVENTS + rows)
    assert [row[-1] for row in admitted.accepted] == ["persons", "contacts", None, "au doigt mouillé"]
    assert failed(admitted) == {"counted_as_known": 1}


def test_a_version_that_is_no_code_is_told_and_its_panels_count(admit) -> None:
    versions = ["V1", "v2", "V12", "2025-11-A", "2025-11-b2", "", "affiche de Jean Dupont", "V1;", "2025-11"]
    rows = "".join(f'Mobilier urbain;24/11/2025;CF{i:02};"{v}";Jours panneau;7\n' for i, v in enumerate(versions))
    admitted = admit("mesures.csv", METRICS + rows)
    assert failed(admitted) == {"message_version_is_a_code": 3}
    assert len(admitted.accepted) == len(versions) and not admitted.quarantined


def test_an_unknown_platform_is_told(admit) -> None:
    rows = "Le blog de Jean;24/11/2025;;V1;Portée unique;70\nFacebook;24/11/2025;;V1;Portée unique;70\n"
    admitted = admit("mesures.csv", METRICS + rows)
    assert failed(admitted) == {"platform_known": 1}


def test_feedback_treated_before_it_came_is_set_aside(admit) -> None:
    rows = "R1;10/01/2026;Aide;02/01/2026;Répondu;;\nR2;10/01/2026;Aide;10/01/2026;Répondu;;\n"
    admitted = admit("retours.csv", FEEDBACK + rows)
    assert reasons(admitted) == {(2, "treated_not_before_received")}
    assert [row[0] for row in admitted.accepted] == ["R2"]


def test_an_outcome_without_a_day_and_a_version_that_does_not_change_are_told(admit) -> None:
    rows = "R1;10/01/2026;Aide;;Répondu;;\nR2;10/01/2026;Message;12/01/2026;Message modifié;V1;v1\n"
    rows += "R3;10/01/2026;Message;12/01/2026;Message modifié;V1;la bleue\nR4;10/01/2026;Message;;;V1;\n"
    admitted = admit("retours.csv", FEEDBACK + rows)
    assert failed(admitted) == {"outcome_has_a_day": 1, "new_version_is_another_code": 2}
    assert len(admitted.accepted) == 4


def _list(tmp_path, delivery_id: str, received_at: str, edition_date: str | None = None) -> Delivery:
    from dataclasses import replace

    path = tmp_path / "partenaires.xlsx"
    path.write_bytes(b"")
    receipt = new_receipt(path, delivery_id.ljust(64, "0"), received_at, "Ville")
    receipt = replace(receipt, delivery_id=delivery_id, contract="partner_roster", edition_date=edition_date)
    return Delivery(receipt, "partners", path, None)


def test_lists_of_two_days_live_side_by_side_and_a_corrected_one_is_replaced(tmp_path, contracts) -> None:
    """Under one file name: the list of the next quarter does not replace the one before; a correction does."""
    december = _list(tmp_path, "december", "2025-12-20T08:00:00Z")
    march = _list(tmp_path, "march", "2026-03-20T08:00:00Z")
    mended = _list(tmp_path, "mended", "2026-04-02T08:00:00Z", edition_date="2026-03-20")
    lists = [december, march, mended]
    verdicts = {d.delivery_id: Verdict(d.delivery_id, "partner_roster", "1", "passed") for d in lists}
    in_force = {row.delivery.delivery_id: row.is_in_force for row in ledger.judged(lists, verdicts, contracts)}
    assert in_force == {"december": True, "march": False, "mended": True}
    assert december.receipt.received_on == date(2025, 12, 20)
