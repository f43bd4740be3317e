-- An instance-hour costs its time at the day's effective rate. Hours of a day without a bill line have no cost: they are missing, not free.
CREATE TEMP TABLE instance_hour_costs AS
SELECT h.*, CASE WHEN h.billable THEN CAST(r.cost_nano * h.microseconds // r.divisor_us AS BIGINT) ELSE 0 END AS cost_nano
FROM instance_hours AS h
JOIN instance_rates AS r USING (day, instance_type, purchase)
