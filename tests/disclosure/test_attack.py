"""The attacker, against numbers worked out by hand and against every table tried one by one."""

from __future__ import annotations

import numpy as np
import pytest
from cities import BOOK, all_tables, hierarchies, table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.core.disclosure.attack import Known, find_intervals, find_leaks
from flows.core.disclosure.cube import link
from flows.core.disclosure.protection import protect

SLOW = settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def test_textbook_example_has_the_interval_worked_out_by_hand():
    # Fischetti and Salazar-González (2001), the table of investments: 22 is sensitive, hidden with 8, 17 and 12.
    # With x for it, its partners are 30 - x, x - 5 and 34 - x, so that 5 <= x <= 30.
    cube, sums = link(table([[20, 50, 10], [8, 19, 22], [17, 32, 12]]), hierarchies(3, 3))
    hidden = {("zone 1", "kind 0"), ("zone 1", "kind 2"), ("zone 2", "kind 0"), ("zone 2", "kind 2")}
    cells = list(zip(cube.dimensions["zone"], cube.dimensions["kind"], strict=True))
    is_hidden = np.array([cell in hidden for cell in cells])
    low = np.where(is_hidden, 0.0, cube.count)
    high = np.where(is_hidden, np.inf, cube.count)
    nothing = np.full(len(cube), np.inf)
    found = find_intervals(sums.matrix, Known(low, high, nothing, -nothing), cube.count)
    of = {cell: (found[0][i], found[1][i]) for i, cell in enumerate(cells)}
    assert of["zone 1", "kind 2"] == pytest.approx((5, 30))
    assert of["zone 1", "kind 0"] == pytest.approx((0, 25))
    assert of["zone 2", "kind 0"] == pytest.approx((0, 25))
    assert of["zone 2", "kind 2"] == pytest.approx((4, 29))


def test_a_lone_hidden_cell_is_read_off_its_total_and_the_message_names_the_sum():
    found = protect(table([[20, 3], [30, 40]]), hierarchies(2, 2), BOOK, with_partners=False)
    assert len(found.leaks) == 1
    message = found.leaks[0]
    assert "incidents · zone 0 · kind 1" in message
    assert "zones of the city" in message or "kinds: " in message
    assert not any(figure in message.replace("zone 0", "").replace("kind 1", "") for figure in ("20", "23", "43"))


def test_two_ones_whose_total_is_known_are_told_by_it():
    # both lie in 0 to 5, their sum is 10: each is 5
    assert len(protect(table([[5, 5], [30, 40]]), hierarchies(2, 2), BOOK, with_partners=False).leaks) == 2


@SLOW
@given(st.lists(st.lists(st.integers(0, 8), min_size=3, max_size=3), min_size=2, max_size=3))
def test_linear_programming_agrees_with_all_tables_tried_one_by_one(rows):
    _compare(protect(table(rows), hierarchies(len(rows), 3), BOOK, with_partners=False))


@SLOW
@given(st.lists(st.lists(st.integers(0, 7), min_size=2, max_size=2), min_size=2, max_size=3))
def test_protected_tables_withstand_every_table_tried_one_by_one(rows):
    found = protect(table(rows), hierarchies(len(rows), 2), BOOK)
    assert not found.leaks
    if (found.known.high > found.known.low).sum() <= 8:
        _compare(found)


def _compare(found) -> None:
    known = found.known
    highest = int(found.cube.count.max()) + 6
    capped = Known(known.low, np.minimum(known.high, highest), known.need_low, known.need_high)
    tables = all_tables(found.sums.matrix.toarray(), capped.low, capped.high, found.cube.count)
    low, high = find_intervals(found.sums.matrix, capped, found.cube.count)
    assert (low <= tables.min(0) + 1e-6).all()
    assert (high >= tables.max(0) - 1e-6).all()
    asked = np.isfinite(known.need_high)
    broken = asked & ((tables.min(0) > known.need_low) | (tables.max(0) < known.need_high))
    leaks = find_leaks(found.sums.matrix, capped, found.cube.count)
    assert [leak.cell for leak in leaks] == np.flatnonzero(broken).tolist()
    for leak in leaks:
        assert (leak.low, leak.high) == (tables.min(0)[leak.cell], tables.max(0)[leak.cell])
