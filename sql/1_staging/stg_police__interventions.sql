-- Interventions, one row for each, as the newest delivery tells it.
-- Grain: intervention_id.
-- Care: started_at is local time; a blank is 'not_stated', a label outside the contract's list 'not_listed', so no free text leaves here.
with

deliveries as (
    select * from sources.police_interventions
)

select
    intervention_id,
    zone_code,
    case
        when service is null then 'not_stated'
        when service in ('police_municipale', 'police_nationale', 'autre') then service
        else 'not_listed'
    end as service,
    case
        when intervention_type is null then 'not_stated'
        when intervention_type in (
            'patrouille', 'controle', 'assistance', 'tranquillite', 'stupefiants', 'autre'
        ) then intervention_type
        else 'not_listed'
    end as intervention_type,
    case
        when origin is null then 'not_stated'
        when origin in ('call', 'own_initiative') then origin
        else 'not_listed'
    end as origin,
    started_at,
    cast(date_trunc('month', started_at) as date) as month_on,
    duration_minutes,
    agent_count,
    delivery_id
from deliveries
qualify row_number() over (partition by intervention_id order by delivery_rank desc, delivery_id desc) = 1
