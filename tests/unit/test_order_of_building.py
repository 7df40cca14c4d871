"""Tables of the largest deliveries are built first, and each after what it reads."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from flows.core import building, models
from flows.core.contracts import load_contracts
from flows.settings import PROJECT

SQL = PROJECT / "sql"
GRAPH = models.load_graph(SQL, load_contracts(SQL / "0_sources"))


def ordered(rows: dict[str, int], late: bool = False) -> list[str]:
    """The order in which models are built when so many rows of each contract were accepted."""
    verdicts = [SimpleNamespace(contract=name, rows_accepted=count) for name, count in rows.items()]
    judged = [SimpleNamespace(is_in_force=True, verdict=verdict) for verdict in verdicts]
    judged.append(SimpleNamespace(is_in_force=False, verdict=SimpleNamespace(contract="zones", rows_accepted=10**9)))
    late_ones = building.late_models(GRAPH)
    wanted = [model for model in GRAPH.models if (model.name in late_ones) == late]
    found = building._largest_first(SimpleNamespace(rows=judged, graph=GRAPH), wanted)
    assert len(found) == len(wanted) and set(map(id, found)) == set(map(id, wanted))
    return [model.name for model in found]


@pytest.mark.parametrize(
    "rows", [{}, {"ssmsi_communal": 5_600_000, "partner_events": 2_000_000}, {"survey_answers": 9, "police_cases": 9}]
)
@pytest.mark.parametrize("late", [False, True])
def test_each_model_comes_after_what_it_reads(rows, late) -> None:
    built: set[str] = set()
    order = ordered(rows, late)
    for name in order:
        assert {read for read in GRAPH.by_name[name].reads if read in order} <= built, name
        built.add(name)


def test_tables_of_the_largest_delivery_come_first() -> None:
    published = [name for name in ordered({"ssmsi_communal": 1000, "partner_events": 10}) if name.startswith("marts.")]
    assert published.index("marts.police_statistics") < published.index("marts.outreach")
    published = [name for name in ordered({"ssmsi_communal": 10, "partner_events": 1000}) if name.startswith("marts.")]
    assert published.index("marts.outreach") < published.index("marts.police_statistics")
