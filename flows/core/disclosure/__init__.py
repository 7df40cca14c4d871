"""Disclosure control: an exact cube of counts goes in, a protected one comes out, with a certificate.

Read in this order: `rules` (what is small), `cube` (cells and the sums that link them), `attack` (what anybody can work
out from what is shown), `suppression` (what else must be hidden), `rounding`, `coarsening`, `protection` (all of it).
Imports neither Prefect nor Great Expectations; numpy and scipy (HiGHS) only.

No run calls it yet. To be wired in, the models that count must write one exact cube (with a version for each cell: the hash of
the deliveries behind it), a Python model calls `withhold_fine` and `protect`, and every mart takes its counts from there alone,
intervals, changes and estimates included: an exact interval gives its count back.
"""
