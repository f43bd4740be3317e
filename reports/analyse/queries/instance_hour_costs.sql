-- An instance-hour costs its time at the day's effective rate. Hours of a day without a bill line have no cost: they are missing, not free.
CREATE TEMP TABLE instance_hour_costs AS
SELECT
  i.host, i.day, i.hour, i.microseconds,
  CASE WHEN h.billable THEN CAST(r.cost_nano * i.microseconds // r.divisor_us AS BIGINT) ELSE 0 END AS cost_nano
FROM instance_hours AS i
JOIN hosts AS h ON h.host = i.host
JOIN instance_rates AS r ON r.day = i.day AND r.instance_type = h.instance_type AND r.purchase = h.purchase
