"""Disclosure control: an exact cube of counts goes in, a protected one comes out, with a certificate.

Read in this order: `rules` (what is small), `cube` (cells and the sums that link them), `attack` (what anybody can work
out from what is shown), `suppression` (what else must be hidden), `rounding`, `coarsening`, `protection` (all of it).
Imports neither Prefect nor Great Expectations; numpy and scipy (HiGHS) only.
"""
