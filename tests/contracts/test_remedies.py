"""Where most rows are set aside for one reason, the remedy speaks of that reason."""

from __future__ import annotations

import pytest

HEADER = "id_intervention;date_heure;code_quartier;service;type_intervention;origine;duree_min;nb_agents;remarque"


def rows(when: str = "31/12/2025 14:05", number: str = "INT-{}", agents: str = "2") -> str:
    line = "{};{};CF01;Police municipale;Contrôle;Appel;20;{};"
    return "\n".join([HEADER, *(line.format(number.format(n), when, agents) for n in range(8))])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (rows(when="hier"), "write times (31/12/2025 14:05 or 2025-12-31 14:05) in the column date_heure"),
        (
            rows(agents="deux"),
            "write whole numbers (2400 or 2 400, thousands apart by a space only) in the column nb_agents",
        ),
        (rows(agents="deux").replace("nb_agents", "nb\x1bagents"), "in the column nb\\x1bagents;"),
        (rows(number="INT-1"), "take out the rows that stand there again"),
        (rows(agents="-3"), "compare the columns with the contract"),
    ],
)
def test_the_remedy_names_the_column_or_the_repetition(admit, content, told) -> None:
    refusal = admit("interventions.csv", content).verdict.refusal
    assert refusal["code"] == "mostly_quarantined" and told in refusal["remedy"]
