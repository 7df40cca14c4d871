-- The offence mix that standardises clear-up, as it may be shown: facts of each class in the reference year.
-- Grain: offence_class.
-- Care: weight is NULL where the class's facts are hidden; without it no standardised share can be told.
with

mix as (
    select * from intermediate.int_offence_mix_counted
),

protected as (
    select * from intermediate.int_counts_protected
    where domain = 'clear_up'
        and measure = 'offence_mix'
)

select
    mix.offence_class,
    mix.reference_year,
    protected.shown_count as weight,
    mix.is_synthetic
from mix
left join protected
    on mix.offence_class = protected.breakdown_value
    and make_date(mix.reference_year, 1, 1) = protected.period_start
