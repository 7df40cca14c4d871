-- The table that the project started from as its readers know it, with its fate beside it: ten columns of text, in French.
-- Grain: row_order.
-- Care: for printing; figures to reckon with stand in marts.scorecard.
with

scorecard as (
    select * from marts.scorecard
)

select
    row_order,
    label as categorie,
    situation_2024,
    projection_2025,
    observed_2024_text as observe_2024,
    observed_2025_text as observe_2025,
    latest as dernier,
    change as evolution,
    verdict as constat,
    evidence_grade_fr as niveau_de_preuve,
    is_synthetic
from scorecard
