-- Partner organisations and their periods of membership, as on the newest roster that names the period.
-- Grain: partner_id, signed_on.
-- Care: a partner that came back has two rows.
select
    partner_id,
    partner_type,
    zone_code,
    signed_on,
    left_on,
    is_relay_eligible,
    delivery_id
from sources.partner_roster
qualify row_number() over (
    partition by partner_id, signed_on
    order by delivery_rank desc, delivery_id desc
) = 1
