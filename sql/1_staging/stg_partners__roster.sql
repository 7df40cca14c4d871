-- Partner organisations and their periods of membership, as on each list that was delivered.
-- Grain: delivery_id, partner_id, signed_on.
-- Care: every delivered list stands here, the older ones too; a partner that came back has two rows on one list.
select
    delivery_id,
    partner_id,
    partner_type,
    zone_code,
    signed_on,
    left_on,
    is_relay_eligible,
    delivery_rank
from sources.partner_roster
