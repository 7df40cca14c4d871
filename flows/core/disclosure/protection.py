"""An exact cube in, a protected one out: primary rules, coarser tables, rounding, partners.

What the marks tell everybody: SMALL "0 up to the rule's limit" (a zero may carry it, as partner of a small count), OTHER
"above the limit, hidden to protect another", UNTOLD "hidden", where telling which would give a small count away, WITHHELD
"of a table too fine to be offered", LATENT "of no table: a rest".

Earlier releases belong to the system. A cell is the same unknown in two releases when its key and its exact count are the
same: the attacker is granted to know that. **Stability**: what has not changed is shown as it was shown. A cell of the same
count that was shown is public, so it stays and costs nothing; one that was hidden stays hidden with its mark; a rounded
value stays. So the difference between two releases tells nothing of what did not change, a rebuild gives the same release,
and blocks in which nothing changed are not looked at again: what they say was certified before.

Withheld tables leave the system, as a cross table that is never offered does: no range of their cells is protected. What a
single sum says of them stays in it (what is left of a total beside offered parts is a latent cell), and so do withheld
cells that an earlier release knew. Measured on a city of 24 zones: with them a programme has four times as many unknowns
and takes 1 s in place of 1 ms. Where everything published together would tell a withheld small count exactly (`withheld`),
the withheld cells of its block do become unknowns of the system, and the range of that count is protected.

So the range of an offered cell is proven in the system of what is offered, in all releases; that withheld tables add up
too may narrow it a little further. The attacker of `tests/disclosure` knows that as well: within each release that left
every range whole in all cities tried. Where he is also granted which withheld counts did not change between releases, of
which nothing is printed, he narrowed a few ranges (1 to 5 became 2 to 10) and told no count.

What earlier releases told of a hidden count, seen with the sums that are known now, nothing brings back: of such a cell the
range that they left is asked for, and none where they told it.

Not protected: the difference of two shown totals of two releases, that is how much a shown cell was revised by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from flows.core.disclosure.attack import Known
from flows.core.disclosure.blocks import Block, side_by_side, split
from flows.core.disclosure.coarsening import Choice, withhold_fine
from flows.core.disclosure.cube import Cube, Hierarchy, Sums, link
from flows.core.disclosure.past import Past, System, stack
from flows.core.disclosure.rounding import Rounded, Shown, round_counts
from flows.core.disclosure.rules import Kind, Limits, RuleBook, limits_of
from flows.core.disclosure.suppression import State, hide_partners, information_cost
from flows.core.disclosure.withheld import Told, told_withheld

TURNS = 4  # withheld cells opened so many times; what is told after that is a leak, which the attack finds
SHOWN, SMALL, OTHER, UNTOLD, WITHHELD, LATENT = "shown", "small", "other", "untold", "withheld", "latent"


@dataclass(frozen=True)
class Protected:
    """A protected cube: per cell its mark, the rule, the value shown (-1: none) and what everybody knows of it."""

    cube: Cube
    sums: Sums
    mark: np.ndarray
    rule: np.ndarray
    rounded: Rounded
    known: Known  # with the needs that the rules ask for, before what was public is taken off
    is_public: np.ndarray  # given away by earlier releases
    is_new: np.ndarray  # cells that no earlier release had
    choices: dict[str, Choice]
    not_protectable: np.ndarray  # cells of which the partners could not be found

    @property
    def value(self) -> np.ndarray:
        """What may be printed; -1 stands for hidden, so that a sum over it is never taken for a count unseen."""
        return np.where(self.mark == SHOWN, self.rounded.value, -1)


@dataclass(frozen=True)
class Levels:
    """Of which table and level each cell is (None: of none), and the level of each table in the release before."""

    series: np.ndarray
    level: np.ndarray
    before: Mapping[str, int]


def protect(
    cube: Cube,
    hierarchies: Sequence[Hierarchy],
    book: RuleBook,
    past: Past,
    levels: Levels | None = None,
    with_partners: bool = True,
) -> Protected:
    """Protect a cube against everybody who has this release and the earlier ones.

    `with_partners=False` leaves out the secondary suppression: only to show that the attacker then succeeds. Raises
    CubeError for a cube that contradicts itself.
    """
    cube, choices = _coarser(cube, book, past.offered, levels)
    for _ in range(TURNS):
        # once withheld cells are unknowns, so are those of earlier releases
        of_past = past if cube.column("opened", 0).any() else past.offered
        found = _protect(cube, hierarchies, book, of_past, with_partners)
        if not with_partners or found.cube.withheld is None or not found.cube.withheld.any():
            break
        told = _told(cube, hierarchies, found, past)
        if not len(told):
            break
        cube, past = _opened(cube, told), past.asking(told.of_past)
    return replace(found, choices=choices)


def _told(cube: Cube, hierarchies: Sequence[Hierarchy], found: Protected, past: Past) -> Told:
    """Withheld cells with a small count that what is published tells exactly, and the withheld cells around them."""
    size = len(cube)
    withheld = cube.column("withheld", False).astype(bool)
    is_new = found.is_new[:size] & ~withheld
    if not is_new.any():
        return Told.nothing()
    deep, sums = link(replace(cube, withheld=None), hierarchies)
    beyond = len(deep) - size
    known = found.known
    return told_withheld(
        deep,
        sums,
        past,
        np.append(known.low[:size], np.zeros(beyond)),
        np.append(known.high[:size], np.full(beyond, np.inf)),
        np.append(withheld & (found.rule[:size] != ""), np.zeros(beyond, bool)),
        np.append(is_new, np.zeros(beyond, bool)),
    )


def _opened(cube: Cube, told: Told) -> Cube:
    """The cube with withheld cells as unknowns of the system, and what is asked for those that would be told."""
    withheld = cube.column("withheld", False).astype(bool).copy()
    opened = cube.column("opened", 0).copy()
    around = told.around[told.around < len(cube)]
    opened[around[withheld[around] & (opened[around] == 0)]] = 1
    opened[told.cells] = 2
    withheld[opened > 0] = False
    return replace(cube, withheld=withheld, opened=opened)


def _protect(
    cube: Cube, hierarchies: Sequence[Hierarchy], book: RuleBook, past: Past, with_partners: bool
) -> Protected:
    cube, sums = link(cube, hierarchies)
    measure_code, measures = cube.rule_codes
    limits = limits_of(book, measures, measure_code)
    rule, need_low, need_high = primary(cube, limits)
    opened = cube.column("opened", 0)
    latent = cube.column("latent", False).astype(bool) | (opened > 0)
    withheld = cube.column("withheld", False).astype(bool)
    unasked = withheld | (opened == 1)
    need_low[unasked], need_high[unasked] = np.inf, -np.inf
    joint = stack(cube, sums, past)
    before = joint.before_of_own
    rounded = _rounded(cube, sums, limits, latent | withheld, joint)
    mark = np.full(len(cube), SHOWN, dtype="<U8")
    small = (cube.count <= limits.small_high) & (limits.small_high > 0)
    hidden = (rule != "") | before.is_hidden
    mark[hidden] = np.where(small, SMALL, OTHER)[hidden]
    mark[before.is_hidden] = before.mark[before.is_hidden]
    mark[latent], mark[withheld] = LATENT, WITHHELD
    known = known_of(cube, limits, mark, rounded, need_low, need_high)
    system = joint.with_known(known, mark == SHOWN)
    lost = np.zeros(len(cube), bool)
    if with_partners:
        cost = information_cost(system.exact)
        cost[: len(cube)] *= cube.column("weight", 1.0)
        lost = _hide_partners(system, limits, mark, ~before.is_shown & ~before.is_hidden, cost)
    final = known_of(cube, limits, mark, rounded, need_low, need_high)
    is_public = system.is_public[: len(cube)]
    return Protected(cube, sums, mark, rule, rounded, final, is_public, ~before.is_known, {}, lost)


def _coarser(cube: Cube, book: RuleBook, past: Past, levels: Levels | None) -> tuple[Cube, dict[str, Choice]]:
    if levels is None:
        return cube, {}
    limits = limits_of(book, cube.rule_codes[1], cube.rule_codes[0])
    hidden = primary(cube, limits)[0] != ""
    withheld, choices = withhold_fine(
        levels.series, levels.level, hidden, cube.count, limits[Kind.MOST_HIDDEN], levels.before
    )
    # what an earlier release had stays part of the system: everybody can still subtract it
    at = past.find(cube)
    was_opened = withheld & (at >= 0)
    if len(past):
        was_opened &= past.mark[at] == LATENT
    return replace(cube, withheld=withheld & (at < 0), opened=was_opened.astype(np.int64)), choices


def _rounded(cube: Cube, sums: Sums, limits: Limits, unseen: np.ndarray, joint: System) -> Rounded:
    before = joint.before_of_own
    shown = Shown(np.where(before.is_shown, before.value, -1), before.value_low, before.value_high)
    return round_counts(sums.matrix, cube.count, limits[Kind.ROUNDING], unseen, shown, joint.is_new_sum)


def primary(cube: Cube, limits: Limits) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rule that hides each cell for its own sake ("": none), and the range that must stay possible for it."""
    count = cube.count
    rule = np.full(len(cube), "", dtype="<U12")
    need_low, need_high = np.full(len(cube), np.inf), np.full(len(cube), -np.inf)
    group, largest = cube.column("group", -1), cube.column("largest", -1)
    contributors = cube.column("contributors", -1)

    def ask(where, low, high, kind: Kind) -> None:
        rule[where & (rule == "")] = str(kind)
        need_low[where] = np.minimum(need_low, low)[where]
        need_high[where] = np.maximum(need_high, high)[where]

    ask((count > 0) & (count <= limits[Kind.SMALL]), 1, limits[Kind.SMALL], Kind.SMALL)
    all_or_none = (group > 0) & (group <= limits[Kind.GROUP]) & ((count == 0) | (count == group))
    ask(all_or_none, 0, np.minimum(limits[Kind.GROUP], group), Kind.GROUP)
    # above the small counts: the range is the part of the largest, which is what must not be learned exactly
    part = np.maximum(np.ceil(limits[Kind.UNCERTAIN] * np.where(largest > 0, largest, count) - 1e-9), 1)
    telling = (count > limits.small_high) & (count > 0)
    dominated = telling & (limits[Kind.DOMINANCE] > 0) & (largest >= 0)
    dominated &= 100 * largest >= limits[Kind.DOMINANCE] * count
    ask(dominated, count - part, count + part, Kind.DOMINANCE)
    few = telling & (contributors > 0) & (contributors < limits[Kind.CONTRIBUTORS])
    ask(few, count - part, count + part, Kind.CONTRIBUTORS)
    return rule, need_low, need_high


def known_of(cube: Cube, limits: Limits, mark, rounded: Rounded, need_low, need_high) -> Known:
    """What everybody knows of each cell from what is shown of it, and what must stay possible within that."""
    count = cube.count
    low, high = limits.when_hidden(count)
    # what is shown and not 0 is above the small counts
    shown_low = np.where(count > 0, np.maximum(rounded.low, np.minimum(limits.small_high + 1, count)), 0)
    shown_high = np.where(count > 0, rounded.high, 0)
    untold = np.isin(mark, (UNTOLD, LATENT, WITHHELD))
    low = np.select([mark == SHOWN, untold], [shown_low, 0], low)
    high = np.select([mark == SHOWN, untold], [shown_high, np.inf], high)
    told = ~untold & (mark != SHOWN)
    need_low = np.maximum(need_low, np.where(told, low, -np.inf))
    return Known(low.astype(float), high.astype(float), need_low, need_high)


def _hide_partners(
    system: System, limits: Limits, mark: np.ndarray, may_hide: np.ndarray, cost: np.ndarray
) -> np.ndarray:
    """Partners, block by block, written into `mark`; a block in which telling the marks gives a count away is untold.

    Returns the cells that cannot be protected.
    """
    size, own = len(system.exact), len(mark)
    beyond = np.zeros(size - own)
    hidden_low, hidden_high = limits.when_hidden(system.exact[:own])
    low = np.maximum(np.append(hidden_low, beyond), system.low_before)
    high = np.minimum(np.append(hidden_high, beyond + np.inf), system.high_before)
    may_hide = np.append(may_hide & (mark == SHOWN), beyond.astype(bool))
    may_hide &= (high > system.known.high) | (low < system.known.low)
    asked = np.isfinite(system.known.need_high)
    blocks = [
        block
        for block in split(system.matrix, system.known.is_free | may_hide)
        if asked[block.cells].any() and (system.is_new_row[block.rows].any() or system.is_new_need[block.cells].any())
    ]

    def solve(block: Block) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return _partners_of(system, block, low, high, may_hide, cost)

    lost = np.zeros(own, bool)
    for block, (is_secondary, untold, failed) in zip(blocks, side_by_side(blocks, solve), strict=True):
        lost[block.cells[failed][block.cells[failed] < own]] = True
        _write(mark, limits, system.exact, block.cells, is_secondary, untold & (block.cells < own))
    return lost


def _partners_of(system: System, block: Block, low, high, may_hide, cost) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the cells of one block which are partners, which are untold, and the places of those that cannot be protected."""
    state = _state(system, block, low, high, may_hide, cost)
    # with everything hidden that may be: what cannot be kept then cannot be kept at all while marks are told
    failed = state.is_hopeless() or hide_partners(state)
    if failed and system.ask_what_is_left(block.cells[np.isfinite(system.known.need_high[block.cells])]):
        state = _state(system, block, low, high, may_hide, cost)
        failed = state.is_hopeless() or hide_partners(state)
    untold = np.full(len(block.cells), bool(failed)) & ~system.is_before[block.cells]
    if failed:
        state = _untold(system, block, untold & (block.cells < system.own), low, high, may_hide, cost)
        failed = hide_partners(state)
    return state.is_secondary, untold, np.array(failed or [], dtype=np.int64)


def _state(system: System, block: Block, low, high, may_hide, cost) -> State:
    cells = block.cells
    known = system.known.take(cells)
    return State(
        block.matrix,
        system.exact[cells],
        known,
        may_hide[cells],
        np.minimum(low[cells], known.low),
        np.maximum(high[cells], known.high),
        cost[cells],
    )


def _untold(system: System, block: Block, untold: np.ndarray, low, high, may_hide, cost) -> State:
    """The state of a block whose marks tell nothing any more."""
    state = _state(system, block, low, high, may_hide, cost)
    floor, ceiling = system.low_before[block.cells], system.high_before[block.cells]
    open_now = untold & ~state.may_hide & state.known.is_free & ~system.is_shown[block.cells]
    state.known.low[open_now], state.known.high[open_now] = floor[open_now], ceiling[open_now]
    state.hidden_low[untold], state.hidden_high[untold] = floor[untold], ceiling[untold]
    return state


def _write(mark: np.ndarray, limits: Limits, exact, cells, is_secondary, untold) -> None:
    """The marks of one block's own cells."""
    partners = cells[is_secondary]
    small = (exact[partners] <= limits.small_high[partners]) & (limits.small_high[partners] > 0)
    mark[partners] = np.where(small, SMALL, OTHER)
    open_now = cells[untold]
    open_now = open_now[~np.isin(mark[open_now], (SHOWN, LATENT, WITHHELD))]
    mark[open_now] = UNTOLD
