-- Costs by everything a breakdown can ask for, and beside each what it would have been on demand; NULL where that price isn't known.
CREATE TEMP TABLE cost_cube AS
SELECT
  s.*,
  CASE
    WHEN s.purchase <> 'spot' OR s.cost_nano = 0 THEN s.cost_nano
    ELSE s.cost_nano * d.on_demand_nano // d.paid_nano
  END AS on_demand_nano
FROM attempt_sums AS s
LEFT JOIN spot_days AS d ON d.day = s.day AND d.platform = s.platform AND d.instance_type = s.instance_type
