-- The busy part of an instance-hour's cost, shared by weight. Floors: what they leave goes to the environment's idle.
CREATE TEMP TABLE ec2_attempt_costs AS
SELECT
  a.attempt_id, h.day, h.environment, h.stage, h.purchase,
  CAST(sum((CAST(h.cost_nano AS HUGEINT) * b.busy_us // h.microseconds) * a.weight_us // b.weight_us) AS BIGINT) AS cost_nano
FROM attempt_hours AS a
JOIN busy_hours AS b ON b.instance_id = a.instance_id AND b.hour = a.hour
JOIN instance_hour_costs AS h ON h.instance_id = a.instance_id AND h.hour = a.hour
GROUP BY a.attempt_id, h.day, h.environment, h.stage, h.purchase
