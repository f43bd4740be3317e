-- What each category took of the bill.
SELECT category, CAST(sum(cost_nano) AS BIGINT) AS cost_nano FROM allocations GROUP BY category
