-- The probe's lines of the same attempts.
SELECT
  to_json({
    type: 'usage', version: 1, job_id: job_id, attempt: 1, job: job, owner: owner, stage: 'prod', array_index: NULL::INTEGER,
    exit_code: exit_code, signal: NULL::VARCHAR, peak_memory_mib: peak_memory_mib, memory_limit_mib: memory_mib::DOUBLE, cpu_s: cpu_s,
    wall_s: epoch_ms(stopped_at - started_at) / 1000.0, cgroup_version: 2,
    started_at: strftime(started_at, '%Y-%m-%dT%H:%M:%SZ'), ended_at: strftime(stopped_at, '%Y-%m-%dT%H:%M:%SZ'),
    compute_environment: 'batchyard-prod-' || environment || '-0a1b', items: items
  })::VARCHAR AS line
FROM made
