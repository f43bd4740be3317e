-- Where each nano-dollar of the period went, by the names of the model's table `allocations`.
SELECT day, category, attempt_id, job, owner, stage, queue, environment, platform, purchase, cost_nano, detail
FROM allocations
WHERE day >= $since AND day < $until
