"""Several releases: late deliveries and revisions tell nothing, and what did not change is shown as it was shown."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from attacker import Attacker
from cities import MEASURES, RULES, Archive, Plan, links, make_cells, pick, poisson, table
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from flows.core.disclosure import memory
from flows.core.disclosure.frames import BEFORE_CELLS, BEFORE_SUMS, KEY, Linked, certify, protect_frame

# no shrinking: one case takes a second, and a failing city is small as it is
SLOW = settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
COUNTS = st.one_of(st.just(0), st.integers(0, 7), st.integers(0, 60))


@st.composite
def plans(draw) -> Plan:
    """A city: zones on one or two levels, priority districts or none, months, quarters, a year or none, kinds."""
    zones, kinds, months = draw(st.integers(2, 4)), draw(st.integers(1, 3)), draw(st.sampled_from([2, 3, 4]))
    mean, seed = draw(st.sampled_from([0.5, 1.5, 4.0, 12.0])), draw(st.integers(0, 10_000))
    groups = [0] * (zones // 2) + [1] * (zones - zones // 2) if zones == 4 and draw(st.booleans()) else None
    districts = draw(st.sampled_from([None, [0], [0, 1]]))
    return poisson(zones, kinds, months, mean, seed, groups=groups, districts=districts)


@st.composite
def revisions(draw) -> list[tuple[float, int]]:
    """Where (as a share of the way through the table) and by how much counts change between two releases."""
    return draw(st.lists(st.tuples(st.floats(0, 0.999), st.integers(-4, 6)), min_size=1, max_size=3))


def revised(plan: Plan, changes: list[tuple[float, int]]) -> Plan:
    base = plan.base.copy()
    for where, by in changes:
        at = int(where * base.size)
        base.flat[at] = max(0, base.flat[at] + by)
    return Plan(base, plan.groups, plan.districts, plan.months_of_quarter)


@SLOW
@given(plans(), st.lists(revisions(), min_size=1, max_size=2), st.booleans())
def test_nothing_offered_is_ever_narrowed_over_late_deliveries_and_revisions(plan, changes, grows):
    archive = Archive(plan.sums())
    archive.publish(plan.cells(len(plan.base) - 1 if grows else None))
    for of_release in changes:
        plan = revised(plan, of_release)
        archive.publish(plan.cells())
    assert [verdict.leaks for verdict in archive.verdicts] == [()] * len(archive.frames)
    assert not learned_from(archive)


def learned_from(archive: Archive) -> dict[tuple, tuple[float, float]]:
    """What all releases tell of small counts, but for what no release could have kept from somebody who saw the earlier ones."""
    learned = Attacker(archive.frames, archive.sums, same_withheld=False).learned(offered_only=True)
    for number in range(1, len(archive.frames) if learned else 0):
        silent = [*archive.frames[:number], silenced(archive.frames[number], archive.frames[:number])]
        attacker = Attacker(silent, archive.sums, same_withheld=False)
        for cell in [cell for cell in learned if cell in attacker.number]:
            left, most = attacker.interval(attacker.number[cell])
            low, high = learned[cell]
            if low <= max(left, 1) and high >= min(most, attacker.small_to[cell[0]]):
                del learned[cell]
    return learned


def silenced(frame: pd.DataFrame, earlier: list[pd.DataFrame]) -> pd.DataFrame:
    """A release that shows nothing of any cell that is new or has another count than before."""
    key = [*KEY, "exact_count"]
    known = pd.MultiIndex.from_frame(pd.concat(earlier)[key].fillna(""))
    is_new = ~pd.MultiIndex.from_frame(frame[key].fillna("")).isin(known) & ~frame["mark"].isin(["withheld", "latent"])
    return frame.assign(mark=frame["mark"].where(~is_new, "untold"))


def test_what_two_releases_tell_whatever_the_second_shows_is_counted_and_the_rest_is_kept():
    """The city's month is 31, then 28, then 31 again: with the parts that did not change this tells that q0 has at least 2."""
    base = [[[[0, 3], [1, 4]], [[0, 3], [0, 6]], [[1, 3], [0, 3]], [[1, 2], [0, 4]]]]
    base += [[[[1, 4], [0, 2]], [[0, 2], [0, 1]], [[1, 4], [1, 6]], [[0, 1], [0, 1]]]]
    plan = Plan(np.array(base), None, [0], 2)
    archive = Archive(plan.sums())
    archive.publish(plan.cells(1))
    for changes in ([(0.361, -3), (0.947, 1)], [(0.0, 3), (0.584, -2)]):
        plan = revised(plan, changes)
        archive.publish(plan.cells())
    assert [verdict.leaks for verdict in archive.verdicts] == [(), (), ()]
    assert [verdict.certificate["narrowed_before"] for verdict in archive.verdicts] == [0, 0, 3]
    attacker = Attacker(archive.frames, archive.sums, same_withheld=False)
    assert set(attacker.learned(offered_only=True).values()) == {(2.0, 12.0)}
    assert not learned_from(archive)


def test_a_sum_that_was_not_offered_before_was_known_before():
    """The year and two months told the sum of the other two (5 and 4, so each is 4 or more) before a quarter was offered."""
    months = [
        ("city", "month", f"2026-0{month}-01", "total", "total", count) for month, count in enumerate((5, 4, 9, 8), 1)
    ]
    year = ("city", "year", "2026-01-01", "total", "total", 26)
    first = ("city", "quarter", "2026-01-01", "total", "total", 9)
    second = ("city", "quarter", "2026-03-01", "total", "total", 17)
    archive = Archive(Plan(np.zeros((4, 1, 1, 2)), None, None, 2).sums())
    archive.publish(make_cells([*months, year]))
    assert archive.verdicts[0].leaks == ()
    after = archive.publish(make_cells([*months, year, first, second]))
    assert archive.verdicts[1].leaks == () and archive.verdicts[1].certificate["narrowed_before"] > 0
    again = archive.publish(make_cells([*months, year, first, second]))
    assert archive.verdicts[2].leaks == () and again["mark"].equals(after["mark"])


def test_what_earlier_releases_left_of_a_range_is_kept():
    """Of 5 and 4 it is known that each is 4 or 5. A span of 105 with its other month of 100 would tell which: one is hidden."""
    sums = Plan(np.zeros((4, 1, 1, 2)), None, None, 2).sums()
    more = [("period", "months of a span", None, f"month:2026-0{n}-01", "span:2026-01-01", True) for n in (1, 9)]
    archive = Archive(pd.concat([sums, pd.DataFrame(more, columns=sums.columns)], ignore_index=True))
    counts = {"month": {1: 5, 2: 4, 3: 9, 4: 8}, "year": {1: 26}}
    later = {"quarter": {1: 9, 3: 17}, "month": counts["month"] | {9: 100}, "span": {1: 105}, "year": {1: 26}}

    def cells(of: dict) -> pd.DataFrame:
        return make_cells(
            [("city", kind, f"2026-0{n}-01", "total", "total", c) for kind, by in of.items() for n, c in by.items()]
        )

    archive.publish(cells(counts))
    after = archive.publish(cells(later))
    assert archive.verdicts[1].leaks == () and archive.verdicts[1].certificate["narrowed_before"] == 2
    of_span = after[after["period_type"].eq("span") | after["period_start"].eq(pd.Timestamp("2026-09-01"))]
    assert len(of_span) == 2 and (of_span["mark"] != "shown").any()
    attacker = Attacker(archive.frames, archive.sums, same_withheld=False)
    assert set(attacker.learned(offered_only=True).values()) == {(4.0, 5.0)}


@settings(SLOW, max_examples=5)
@given(st.integers(0, 1000))
def test_the_same_attacker_breaks_releases_without_partners(seed):
    plan = poisson(3, 2, 2, 6.0, seed)
    archive = Archive(plan.sums())
    archive.publish(plan.cells(), with_partners=False)
    learned = Attacker(archive.frames, archive.sums).learned(offered_only=True)
    assert bool(learned) == bool([leak for leak in archive.verdicts[0].leaks if leak.startswith("Hidden")])
    if (archive.frames[0]["mark"] == "small").sum():
        assert learned


@pytest.mark.parametrize("seed", [10, 20, 27])
def test_withheld_small_counts_are_not_told_by_all_that_is_shown_over_three_releases(seed):
    # cities in which the first release withholds a small count that the later ones tell when nobody looks
    archive = three_releases(seed)
    assert [verdict.leaks for verdict in archive.verdicts] == [(), (), ()]
    attacker = Attacker(archive.frames, archive.sums)
    assert "withheld" in attacker.mark
    assert attacker.told() == []


def three_releases(seed: int) -> Archive:
    """A random city, of which one or two counts are revised before the second and the third release."""
    random = np.random.default_rng(seed)
    zones, kinds, months = int(random.integers(2, 5)), int(random.integers(1, 4)), int(random.choice([2, 4, 6]))
    mean = float(random.choice([0.5, 1.5, 4, 12]))
    groups = [0] * (zones // 2) + [1] * (zones - zones // 2) if zones >= 4 and random.random() < 0.5 else None
    plan = poisson(zones, kinds, months, mean, seed, groups=groups, districts=[0] if random.random() < 0.5 else None)
    archive = Archive(plan.sums())
    for _ in range(3):
        archive.publish(plan.cells())
        plan.base = plan.base.copy()
        for _ in range(int(random.integers(1, 3))):
            at = tuple(random.integers(0, size) for size in plan.base.shape)
            plan.base[at] = max(0, plan.base[at] + int(random.integers(-3, 5)))
    return archive


def test_a_late_delivery_that_tells_a_hidden_cell_by_the_difference_is_met():
    # The hidden 3 becomes 4: with both totals shown, everybody learns that it is not 5 in the first and not 0 in the second.
    early, late = table([[20, 3, 8], [30, 40, 12]]), table([[20, 4, 8], [30, 40, 12]])
    archive = Archive(links(2, 3))
    archive.publish(early)
    careless = protect_frame(late, archive.sums, RULES, MEASURES, *archive.memory, with_partners=False)
    leaks = certify(Linked(careless, archive.sums), RULES, MEASURES, *archive.memory).leaks
    assert "earlier release" in " ".join(leaks)
    alone = protect_frame(late, archive.sums, RULES, MEASURES)
    # a certificate that forgets the first release finds nothing wrong, the one that knows it does
    assert not certify(Linked(alone, archive.sums), RULES, MEASURES).leaks
    together = archive.publish(late)
    assert archive.verdicts[1].leaks == ()
    assert (together["mark"] == "shown").sum() < (alone["mark"] == "shown").sum()


def test_an_unchanged_cell_shown_before_is_no_partner_now():
    archive = Archive(links(2, 2))
    assert (archive.publish(table([[20, 30], [30, 40]]))["mark"] == "shown").all()
    after = archive.publish(table([[20, 3], [30, 40]]))
    # 20, 30 and 40 are public and unchanged: only the totals that changed can be hidden
    assert archive.verdicts[1].leaks == ()
    assert pick(after, "city", "k0")["mark"] == "shown"
    assert pick(after, "z0", "k1")["mark"] != "shown"
    assert pick(after, "z0")["mark"] != "shown"
    assert pick(after, "city")["mark"] != "shown"


def test_what_an_earlier_release_gave_away_is_counted_and_asks_nothing_more():
    archive = Archive(links(2, 2))
    loose = RULES.assign(rule_limit=RULES["rule_limit"].where(RULES["kind"] != "small", 1))
    first = protect_frame(table([[20, 3], [30, 40]]), archive.sums, loose, MEASURES)
    assert pick(first, "z0", "k1")["mark"] == "shown"
    archive.memory = memory.after_release(*archive.memory, Linked(first, archive.sums))
    second = archive.publish(table([[20, 3], [30, 40]]))
    assert pick(second, "z0", "k1")["mark"] == "small"
    assert pick(second, "z0", "k1")["is_public"]
    assert archive.verdicts[0].certificate["public_before"] == 1
    assert archive.verdicts[0].leaks == ()


@SLOW
@given(plans(), revisions())
def test_what_did_not_change_keeps_its_mark_and_its_value(plan, changes):
    archive = Archive(plan.sums())
    archive.publish(plan.cells())
    archive.publish(revised(plan, changes).cells())
    key = [*KEY, "exact_count"]
    first, second = archive.frames
    both = first[first["mark"] != "withheld"].merge(second, on=key, suffixes=("", "_after"))
    assert len(both) or (first["mark"] == "withheld").any()
    changed = both["mark"] != both["mark_after"]
    # telling less than before is allowed where it must be: what was shown stays, and what was hidden stays hidden
    assert (both.loc[changed, ["mark", "mark_after"]] != "shown").all().all()
    assert (both["shown_count"].fillna(-1) == both["shown_count_after"].fillna(-1)).all()


def test_the_same_release_again_changes_nothing_and_asks_nothing_again():
    plan = poisson(8, 3, 12, 3.0, seed=2, months_of_quarter=3, districts=[0, 3])
    archive = Archive(plan.sums())
    first = archive.publish(plan.cells())
    kept = archive.memory
    again = protect_frame(plan.cells(), archive.sums, RULES, MEASURES, *kept)
    verdict = certify(Linked(again, archive.sums), RULES, MEASURES, *kept)
    pd.testing.assert_frame_equal(first, again)
    assert verdict.certificate["proven_cells"] == 0
    assert verdict.certificate["certified_before"] > 0
    for before, after in zip(kept, memory.after_release(*kept, Linked(again, archive.sums)), strict=True):
        pd.testing.assert_frame_equal(before, after)


@settings(SLOW, max_examples=6)
@given(st.lists(st.lists(st.integers(0, 40), min_size=3, max_size=3), min_size=2, max_size=4), st.integers(1, 9))
def test_rounded_counts_keep_their_value_and_their_sums_over_releases(rows, more):
    archive = Archive(links(len(rows), 3))
    first = archive.publish(table(rows, "accepted"))
    later = [list(row) for row in rows]
    later[0][0] += more
    second = archive.publish(table(later, "accepted"))
    both = first.merge(second, on=[*KEY, "exact_count"], suffixes=("", "_after"))
    shown = both[(both["mark"] == "shown")]
    assert (shown["shown_count"] == shown["shown_count_after"]).all()
    for frame in archive.frames:
        value = frame.set_index(["zone_code", "breakdown_value"])["shown_count"]
        for kind in ["k0", "k1", "k2", "total"]:
            parts = [value[f"z{zone}", kind] for zone in range(len(rows))]
            if not pd.isna([*parts, value["city", kind]]).any():
                assert sum(parts) == value["city", kind]
        seen = frame[frame["mark"] == "shown"]
        assert seen["exact_count"].between(seen["low_count"], seen["high_count"]).all()
    assert archive.verdicts[0].leaks == archive.verdicts[1].leaks == ()


def test_the_memory_grows_with_changes_only_and_survives_its_files(tmp_path):
    plan = poisson(4, 2, 4, 4.0, seed=6)
    archive = Archive(plan.sums())
    archive.publish(plan.cells())
    cells, sums = archive.memory
    assert tuple(cells.columns) == BEFORE_CELLS
    assert tuple(sums.columns) == BEFORE_SUMS
    archive.publish(revised(plan, [(0.5, 3)]).cells())
    more = len(archive.memory[0]) - len(cells)
    assert 0 < more < len(cells) / 2
    assert not cells["cell_id"].duplicated().any()
    assert set(archive.memory[1]["cell_id"]) <= set(archive.memory[0]["cell_id"])
    name = memory.save(tmp_path, *archive.memory)
    assert memory.save(tmp_path, *archive.memory) == name
    assert [path.name for path in tmp_path.iterdir()] == [name]
    for kept, read in zip(archive.memory, memory.load(tmp_path / name), strict=True):
        pd.testing.assert_frame_equal(kept, read)
    assert memory.save(tmp_path, cells, sums) != name


def test_a_table_keeps_its_level_from_release_to_release():
    # at first well over half of the months' counts are hidden; later a little less than half: the quarters stay
    plan = poisson(4, 2, 4, 3.2, seed=11)
    archive = Archive(plan.sums())
    first = archive.publish(plan.cells())
    level = first[first["series"].eq("zones/kind") & ~first["mark"].eq("withheld")]["level"].min()
    assert level > 1
    base = plan.base.copy()
    base[0] += 3
    richer = Plan(base, plan.groups, plan.districts, plan.months_of_quarter)
    alone = protect_frame(richer.cells(), archive.sums, RULES, MEASURES)
    fine = alone[alone["series"].eq("zones/kind") & ~alone["mark"].eq("withheld")]["level"].min()
    assert fine < level
    second = archive.publish(richer.cells())
    assert second[second["series"].eq("zones/kind") & ~second["mark"].eq("withheld")]["level"].min() == level
    assert archive.verdicts[1].leaks == ()


@pytest.mark.parametrize("kinds", [2])
def test_every_table_of_two_releases_tried_one_by_one_leaves_the_range(kinds):
    # 2 zones × 2 kinds with margins, the late count known to differ: all pairs of tables that agree with both prints
    early, late = [[3, 9], [8, 7]], [[4, 9], [8, 7]]
    archive = Archive(links(2, kinds))
    prints = [archive.publish(table(rows)) for rows in (early, late)]
    assert [verdict.leaks for verdict in archive.verdicts] == [(), ()]
    grid = np.array(np.meshgrid(*[np.arange(24)] * 4, indexing="ij")).reshape(4, -1)
    fits = [grid[:, agrees(frame, grid)] for frame in prints]
    # the three other counts are the same in both releases, and everybody knows it
    same = set(map(tuple, fits[0][1:].T.tolist())) & set(map(tuple, fits[1][1:].T.tolist()))
    for number, tables in enumerate(fits):
        possible = {column[0] for column in tables.T.tolist() if tuple(column[1:]) in same}
        assert possible >= set(range(1, 6)), number


def agrees(frame: pd.DataFrame, grid: np.ndarray) -> np.ndarray:
    """Which tables (columns z0k0, z0k1, z1k0, z1k1) agree with a printed frame."""
    of = {("z0", "k0"): [0], ("z0", "k1"): [1], ("z1", "k0"): [2], ("z1", "k1"): [3]}
    of |= {("z0", "total"): [0, 1], ("z1", "total"): [2, 3], ("city", "k0"): [0, 2], ("city", "k1"): [1, 3]}
    of |= {("city", "total"): [0, 1, 2, 3]}
    fits = np.ones(grid.shape[1], bool)
    for cell in frame.itertuples():
        value = grid[of[cell.zone_code, cell.breakdown_value]].sum(0)
        if cell.mark == "shown":
            fits &= value == cell.shown_count
        elif cell.mark == "small":
            fits &= value <= 5
        elif cell.mark == "other":
            fits &= value > 5
    return fits
