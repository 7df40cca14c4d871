-- The table that the project started from, four rows, and what became of each.
-- Grain: row_order.
-- Care: 2024 against 2025 measures nothing of the campaign, which began on 19 November 2025; no row has a colour.
with

printed as (
    select * from reference.scorecard_rows
),

indicators as (
    select * from reference.indicators
),

claims as (
    select * from reference.claims
),

peers as (
    select * from reference.peers
),

months as (
    select * from reference.months
),

launches as (
    select
        min(starts_on) as launched_on,
        date_diff('day', date '2025-01-01', min(starts_on)) as days_before_launch
    from reference.calendar
    where is_launch
),

changes as (
    select * from marts.indicator_changes
    where period_type = 'year'
        and period_start = date '2025-01-01'
),

observations as (
    select * from marts.indicator_values
    where breakdown = 'total'
        and breakdown_value = 'total'
        and value_kind = 'observed'
),

in_city as (
    select
        observations.indicator_id,
        observations.period_type,
        observations.period_start,
        observations.value,
        observations.lower_95,
        observations.upper_95,
        observations.obs_status,
        observations.is_synthetic
    from observations
    inner join peers
        on observations.zone_code = peers.zone_code
        and peers.role = 'subject'
        and peers.territory_type = 'commune'
),

years as (
    select
        indicator_id,
        max(value) filter (where period_start = date '2024-01-01') as observed_2024,
        max(value) filter (where period_start = date '2025-01-01') as observed_2025,
        max(lower_95) filter (where period_start = date '2025-01-01') as lower_2025,
        max(upper_95) filter (where period_start = date '2025-01-01') as upper_2025,
        bool_or(is_synthetic) as is_synthetic
    from in_city
    where period_type = 'year'
        and value is not null
    group by indicator_id
),

-- Twelve months compare with a year; fewer would look like a fall. Counted as one figure: a hidden month would lack in a sum.
last_twelve_months as (
    select
        in_city.indicator_id,
        in_city.value,
        substr(cast(in_city.period_start as varchar), 1, 7)
            || '/' || substr(cast(last_months.month_on as varchar), 1, 7) as period
    from in_city
    inner join months as first_months
        on in_city.period_start = first_months.month_on
    inner join months as last_months
        on first_months.month_number + 11 = last_months.month_number
    where in_city.period_type = 'twelve_months'
        and in_city.value is not null
),

last_years as (
    select
        indicator_id,
        value,
        cast(extract(year from period_start) as varchar) as period
    from in_city
    where period_type = 'year'
        and value is not null
    qualify row_number() over (partition by indicator_id order by period_start desc) = 1
),

last_waves as (
    select
        indicator_id,
        value,
        substr(cast(period_start as varchar), 1, 7) as period,
        is_synthetic
    from in_city
    where period_type = 'wave'
        and value is not null
    qualify row_number() over (partition by indicator_id order by period_start desc) = 1
),

changes_in_city as (
    select
        changes.indicator_id,
        changes.ratio,
        changes.lower_95,
        changes.upper_95,
        changes.is_distinguishable,
        changes.change_fr,
        changes.change_en,
        changes.reading_fr,
        changes.reading_en
    from changes
    inner join peers
        on changes.zone_code = peers.zone_code
        and peers.role = 'subject'
        and peers.territory_type = 'commune'
),

gathered as (
    select
        printed.row_order,
        printed.indicator_id,
        printed.category_fr,
        printed.category_en,
        printed.situation_2024,
        printed.projection_2025,
        printed.projection_kind,
        printed.comment_fr,
        printed.comment_en,
        projections.value as projected_value,
        indicators.unit,
        -- half of the last digit that was printed
        case when indicators.unit = 'ratio' then 0.005 else 0.5 end as rounding,
        years.observed_2024,
        years.observed_2025,
        coalesce(projections.value between years.lower_2025 and years.upper_2025, false) as is_within_chance,
        coalesce(changes_in_city.is_distinguishable, false) as is_distinguishable,
        changes_in_city.ratio,
        changes_in_city.lower_95,
        changes_in_city.upper_95,
        changes_in_city.change_fr,
        changes_in_city.change_en,
        changes_in_city.reading_fr,
        changes_in_city.reading_en,
        coalesce(last_twelve_months.value, last_years.value, last_waves.value) as latest_value,
        coalesce(last_twelve_months.period, last_years.period, last_waves.period) as latest_period,
        coalesce(years.is_synthetic, last_waves.is_synthetic, false) as is_synthetic,
        launches.launched_on,
        launches.days_before_launch,
        cast(cast(round(years.observed_2024 / 12) as bigint) as varchar) as monthly_count
    from printed
    left join indicators
        on printed.indicator_id = indicators.indicator_id
    left join claims as projections
        on printed.projection_claim_id = projections.claim_id
    left join years
        on printed.indicator_id = years.indicator_id
    left join changes_in_city
        on printed.indicator_id = changes_in_city.indicator_id
    left join last_twelve_months
        on printed.indicator_id = last_twelve_months.indicator_id
    left join last_years
        on printed.indicator_id = last_years.indicator_id
    left join last_waves
        on printed.indicator_id = last_waves.indicator_id
    cross join launches
),

figures as (
    select row_order, unit, '2024' as place, observed_2024 as value from gathered
    union all
    select row_order, unit, '2025' as place, observed_2025 as value from gathered
    union all
    select row_order, unit, 'latest' as place, latest_value as value from gathered
),

-- Whole numbers with a space between the thousands; shares in per cent, with a decimal where there is one.
printed_figures as (
    select
        row_order,
        place,
        case
            when unit = 'ratio' and round(1000 * value) % 10 = 0
                then cast(cast(round(100 * value) as bigint) as varchar) || ' %'
            when unit = 'ratio' then cast(cast(100 * value as decimal(18, 1)) as varchar) || ' %'
            when value >= 1000
                then cast(cast(floor(round(value) / 1000) as bigint) as varchar) || ' '
                    || lpad(cast(cast(round(value) as bigint) % 1000 as varchar), 3, '0')
            else cast(cast(round(value) as bigint) as varchar)
        end as text_en
    from figures
),

texts as (
    select
        row_order,
        max(text_en) filter (where place = '2024') as text_2024,
        max(text_en) filter (where place = '2025') as text_2025,
        max(text_en) filter (where place = 'latest') as text_latest
    from printed_figures
    group by row_order
),

-- Where there is no interval, the change says so: in points for a share, as a ratio for a count.
changes_printed as (
    select
        row_order,
        reading_en is null and observed_2024 > 0 and observed_2025 is not null as is_without_interval,
        case
            when change_en is not null then change_en
            when unit = 'ratio'
                then case when observed_2025 - observed_2024 >= 0.0005 then '+' else '' end
                    || replace(cast(cast(100 * (observed_2025 - observed_2024) as decimal(18, 1)) as varchar), '-', '−')
            else cast(cast(observed_2025 / nullif(observed_2024, 0) as decimal(18, 2)) as varchar)
        end as text_en,
        case
            when unit <> 'ratio' then ''
            when abs(observed_2025 - observed_2024) < 0.01995 then ' point'
            else ' points'
        end as points_fr,
        case when unit = 'ratio' then ' points' else '' end as points_en
    from gathered
),

-- 2026-11: with ten incidents a month, one year has 31 % power for a fall of 30 %; with 200 it has 98 % for 20 %.
sized as (
    select
        row_order,
        case
            when observed_2024 is null then 'Aucune année 2024 complète pour comparer.'
            when observed_2024 < 600 and not is_distinguishable
                then 'Environ ' || monthly_count || ' incidents par mois : une année ne distingue pas une baisse du hasard.'
            else 'Environ ' || monthly_count || ' incidents par mois.'
        end as monthly_fr,
        case
            when observed_2024 is null then 'No complete year 2024 to compare with.'
            when observed_2024 < 600 and not is_distinguishable
                then 'About ' || monthly_count || ' incidents a month: one year cannot tell a fall from chance.'
            else 'About ' || monthly_count || ' incidents a month.'
        end as monthly_en
    from gathered
),

worded as (
    select
        gathered.row_order,
        case
            when indicator_id = 'recall' then 'Lancée le ' || cast(launched_on as varchar) || ' (selon la presse).'
            when observed_2025 is null then 'Pas d’année 2025 complète observée.'
            when abs(observed_2025 - projected_value) <= rounding then 'Observé en 2025 : égal à la projection.'
            else 'Observé en 2025 : '
                || case when observed_2025 > projected_value then 'au-dessus' else 'au-dessous' end
                || ' de la projection'
                || case when is_within_chance then ', sans dépasser ce que fait le hasard.' else '.' end
        end as projection_fr,
        case
            when indicator_id = 'recall' then 'Launched on ' || cast(launched_on as varchar) || ' (says the press).'
            when observed_2025 is null then 'No complete year 2025 observed.'
            when abs(observed_2025 - projected_value) <= rounding then 'Observed in 2025: equal to the projection.'
            else 'Observed in 2025: '
                || case when observed_2025 > projected_value then 'above' else 'below' end
                || ' the projection'
                || case when is_within_chance then ', no further than chance goes.' else '.' end
        end as projection_en,
        case
            when reading_fr is not null then ' 2025 par rapport à 2024 : ' || reading_fr || '.'
            when indicator_id = 'clear_up_ratio' and observed_2024 is not null and observed_2025 is not null
                then ' Aucun intervalle honnête pour son évolution : les affaires d’une année sont en partie élucidées '
                    || 'la suivante.'
            else ''
        end as change_fr,
        case
            when reading_en is not null then ' 2025 against 2024: ' || reading_en || '.'
            when indicator_id = 'clear_up_ratio' and observed_2024 is not null and observed_2025 is not null
                then ' No honest interval for its change: the cases of one year are partly cleared in the next.'
            else ''
        end as change_en,
        case indicator_id
            when 'recall' then 'Le souvenir du message dit si elle est vue, non si elle agit.'
            when 'police_interventions' then 'Une activité : plus n’est ni mieux ni moins bien.'
            when 'clear_up_ratio'
                then 'Rapport de la presse, pour rapprochement : les affaires élucidées ne sont pas celles de l’année.'
            else monthly_fr
        end as nature_fr,
        case indicator_id
            when 'recall' then 'Recall of the message tells whether it is seen, not whether it works.'
            when 'police_interventions' then 'An activity: more is neither better nor worse.'
            when 'clear_up_ratio' then 'The press’s ratio, for reconciling only: the cases cleared are not those of the year.'
            else monthly_en
        end as nature_en,
        case
            when indicator_id = 'recall' then ''
            else ' 2024 contre 2025 ne mesure rien de la campagne : ' || cast(days_before_launch as varchar)
                || ' des 365 jours de 2025 précèdent son lancement.'
        end as campaign_fr,
        case
            when indicator_id = 'recall' then ''
            else ' 2024 against 2025 measures nothing of the campaign: ' || cast(days_before_launch as varchar)
                || ' of the 365 days of 2025 lie before its launch.'
        end as campaign_en,
        case
            when is_synthetic then ' Données d’exemple synthétiques : rien ici ne parle de la vraie ville.'
            else ''
        end as synthetic_fr,
        case
            when is_synthetic then ' Synthetic sample data: nothing here speaks of the real city.'
            else ''
        end as synthetic_en
    from gathered
    inner join sized
        on gathered.row_order = sized.row_order
)

-- A dash where the article has one: not observed, or nothing to compare.
select
    gathered.row_order,
    gathered.category_fr as label,
    gathered.situation_2024,
    gathered.projection_2025,
    coalesce(replace(texts.text_2024, '.', ','), '—') as observed_2024_text,
    coalesce(replace(texts.text_2025, '.', ','), '—') as observed_2025_text,
    coalesce(replace(texts.text_latest, '.', ',') || ' (' || gathered.latest_period || ')', '—') as latest,
    case
        when changes_printed.is_without_interval
            then replace(changes_printed.text_en, '.', ',') || changes_printed.points_fr || ', sans intervalle'
        else coalesce(gathered.change_fr, '—')
    end as change,
    worded.projection_fr || worded.change_fr || ' ' || worded.nature_fr || worded.campaign_fr || worded.synthetic_fr
        as verdict,
    -- An outcome needs a comparison to say more; counts of what was done describe themselves.
    case
        when gathered.indicator_id in ('violence_trafficking', 'clear_up_ratio') then 'on ne peut pas encore le dire'
        when gathered.latest_value is null then 'on ne peut pas encore le dire'
        else 'descriptif'
    end as evidence_grade_fr,
    gathered.category_en as label_en,
    coalesce(texts.text_2024, '—') as observed_2024_text_en,
    coalesce(texts.text_2025, '—') as observed_2025_text_en,
    coalesce(texts.text_latest || ' (' || gathered.latest_period || ')', '—') as latest_en,
    case
        when changes_printed.is_without_interval
            then changes_printed.text_en || changes_printed.points_en || ', without an interval'
        else coalesce(gathered.change_en, '—')
    end as change_en,
    worded.projection_en || worded.change_en || ' ' || worded.nature_en || worded.campaign_en || worded.synthetic_en
        as verdict_en,
    case
        when gathered.indicator_id in ('violence_trafficking', 'clear_up_ratio') then 'cannot yet tell'
        when gathered.latest_value is null then 'cannot yet tell'
        else 'descriptive'
    end as evidence_grade,
    gathered.projection_kind,
    gathered.comment_fr as comment,
    gathered.comment_en,
    gathered.indicator_id,
    gathered.unit,
    gathered.observed_2024,
    gathered.observed_2025,
    gathered.latest_value,
    gathered.latest_period,
    gathered.observed_2025 / nullif(gathered.observed_2024, 0) as change_2024_2025,
    case when gathered.ratio is not null then gathered.lower_95 end as change_lower_95,
    case when gathered.ratio is not null then gathered.upper_95 end as change_upper_95,
    gathered.is_synthetic
from gathered
inner join worded
    on gathered.row_order = worded.row_order
inner join texts
    on gathered.row_order = texts.row_order
inner join changes_printed
    on gathered.row_order = changes_printed.row_order
