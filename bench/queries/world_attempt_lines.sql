-- The attempts as the ledger's raw lines.
SELECT
  to_json({
    event_id: job_id, time: strftime(stopped_at, '%Y-%m-%dT%H:%M:%SZ'), job_id: job_id, job_name: job,
    job_queue: 'arn:aws:batch:us-east-1:123456789012:job-queue/batchyard-prod-' || queue,
    job_definition: 'arn:aws:batch:us-east-1:123456789012:job-definition/batchyard-prod-' || job || ':3',
    status: CASE outcome WHEN 'succeeded' THEN 'SUCCEEDED' ELSE 'FAILED' END, status_reason: 'Essential container in task exited',
    created_at: epoch_ms(submitted_at), started_at: epoch_ms(started_at), stopped_at: epoch_ms(stopped_at),
    attempts: [{
      container: {
        "containerInstanceArn": 'arn:aws:ecs:us-east-1:123456789012:container-instance/' || purchase || '/' || instance_id,
        "taskArn": 'arn:aws:ecs:us-east-1:123456789012:task/' || environment || '/' || replace(job_id, '-', ''), "exitCode": exit_code,
        "logStreamName": job || '/default/' || job_id, "networkInterfaces": CAST([] AS VARCHAR[]),
        reason: CASE outcome WHEN 'out-of-memory' THEN 'OutOfMemoryError: Container killed' ELSE '' END
      },
      "startedAt": epoch_ms(started_at), "stoppedAt": epoch_ms(stopped_at), "statusReason": 'Essential container in task exited'
    }],
    resource_requirements: [{type: 'VCPU', value: '1'}, {type: 'MEMORY', value: memory_mib::VARCHAR}], image: image,
    exit_code: exit_code, reason: CASE outcome WHEN 'out-of-memory' THEN 'OutOfMemoryError: Container killed' ELSE '' END,
    log_stream: job || '/default/' || job_id, array_index: '', array_size: '',
    parameters: {bucket: 'uploads-1', key: 'photos/' || n || '.jpg'}, platform_capabilities: [upper(platform)]
  })::VARCHAR AS line
FROM made
