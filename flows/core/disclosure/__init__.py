"""Disclosure control: exact counts go in, protected ones come out, with a certificate.

Read in this order: `rules` (what is small), `cube` (cells and the sums that link them), `attack` (what anybody can work
out from what is shown), `suppression` (what else must be hidden), `rounding`, `coarsening`, `past` (earlier releases),
`protection` (all of it), `certificate` (the attacker's last word), `frames` (the same over tables: what a model calls),
`memory` (what later releases need). Imports neither Prefect nor Great Expectations; numpy, pandas, scipy's matrices and HiGHS.
"""
