-- Recorded drug use, fines and trafficking of the zones that the barometer follows, from the SSMSI's newest edition of each.
-- Grain: indicator_id, zone_code, period_type, period_start, breakdown, breakdown_value, value_kind.
-- Care: the publisher's own rate and count; hidden stays hidden, use already holds the fines, nothing here may be summed.
with

latest as (
    select * from intermediate.int_ssmsi_latest
    where indicator_code in ('usage_stupefiants', 'usage_stupefiants_afd', 'trafic_stupefiants')
)

select
    case indicator_code
        when 'usage_stupefiants' then 'drug_use_recorded'
        when 'usage_stupefiants_afd' then 'drug_use_fined'
        when 'trafic_stupefiants' then 'trafficking_recorded'
    end as indicator_id,
    zone_code,
    'year' as period_type,
    make_date(year, 1, 1) as period_start,
    'total' as breakdown,
    'total' as breakdown_value,
    'observed' as value_kind,
    cast(rate_per_1000 as double) as value,
    cast(count as double) as numerator,
    cast(case when is_published then population end as double) as denominator,
    cast(null as double) as lower_95,
    cast(null as double) as upper_95,
    -- The publisher hides small counts of communes; elsewhere a blank is simply not there.
    -- Where nobody lives there is no rate, whatever the count. A figure that we corrected says so first of all.
    case
        when correction_id is not null then 'E'
        when not is_published and territory_type = 'commune' then 'S'
        when rate_per_1000 is null then 'M'
        when count = 0 then 'Z'
        else 'A'
    end as obs_status,
    case territory_type
        when 'commune' then 'ssmsi_communal'
        when 'departement' then 'ssmsi_departemental'
        when 'region' then 'ssmsi_regional'
    end as source,
    edition_date as as_of,
    is_synthetic
from latest
