"""batchyard-probe on Lambda: a runtime for the image's own command, of Python 3.9 and nothing else.

It is behind the end of the probe's file in every image, so that the same image runs on every platform: elsewhere the
shell has left before it comes here; on Lambda the probe gives its own file to python3. It asks Lambda's runtime API for
one event after the other, fills its parameters into the job's command, runs the probe with it as Batch would, and
answers.

Lambda keeps no record of an attempt that could be read later. So each ends with a line in the log that is a row of the
ledger's `attempts/` (jobs/conventions.py: ATTEMPT_COLUMNS).
"""

from __future__ import annotations

import calendar
import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from jobs import conventions
from jobs.conventions import EXITED, OUT_OF_MEMORY, REFERENCE, TIMED_OUT
from jobs.probe.array_line import Refused
from jobs.probe.lambda_secrets import values

API = "/2018-06-01/runtime/"
# of an attempt's last seconds: to end the job before Lambda ends everything, and to write the record
RESERVE_S, GRACE_S = 5.0, 2.0
# sysexits: the event is no use
BAD_EVENT = 64


def call(
    method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
) -> tuple[http.client.HTTPMessage, bytes]:
    """One request of the runtime API: the answer's headers and body. Raises OSError and HTTPException."""
    # Lambda holds the answer to `next` back until there is an event: no time limit
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        text = None if body is None else json.dumps(body).encode()
        connection.request(method, API + path, body=text, headers=dict(headers or {}))
        answer = connection.getresponse()
        data = answer.read()
        if answer.status >= 300:
            raise http.client.HTTPException(f"{method} {path}: {answer.status} {data[:200]!r}")
        return answer.headers, data
    finally:
        connection.close()


def event_of(body: bytes) -> tuple[dict[str, str], object]:
    """Parameters of an event, and when it came, as it says. Raises ValueError."""
    event = json.loads(body or b"{}")
    if isinstance(event, list) and len(event) == 1:
        # what a pipe makes of one message
        event = event[0]
    if not isinstance(event, dict):
        raise ValueError('an event is one object, {"parameters": {…}}')
    parameters = event.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise ValueError("an event's parameters are a map of texts")
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in parameters.items()}
    return texts, event.get("submitted_at")


def filled(command: Sequence[str], parameters: Mapping[str, str]) -> list[str]:
    """The command with each `Ref::name` replaced, as one argument: no shell reads a value. Raises ValueError."""
    arguments = []
    for argument in command:
        if argument.startswith(REFERENCE):
            name = argument[len(REFERENCE) :]
            if name not in parameters:
                raise ValueError(f"{argument} has no value; give it in the event's parameters")
            arguments.append(parameters[name])
        else:
            arguments.append(argument)
    return arguments


def milliseconds(text: object, now_ms: int) -> int:
    """`2026-11-21T18:00:00Z` as milliseconds since 1970; now for what is no time, or one ahead."""
    try:
        moment = time.strptime(str(text)[:19], "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return now_ms
    return min(now_ms, calendar.timegm(moment) * 1000)


def environment_of(job_id: str) -> dict[str, str]:
    """What the job finds: as on Batch, and nothing that makes the probe a runtime again. Raises Refused."""
    hidden = ("AWS_LAMBDA_RUNTIME_API", conventions.ENV_SECRETS)
    return {
        **{name: value for name, value in os.environ.items() if name not in hidden},
        **values(os.environ),
        conventions.ENV_BATCH_JOB_ID: job_id,
        conventions.ENV_BATCH_JOB_ATTEMPT: "1",
        "TMPDIR": "/tmp",
    }


def run(arguments: Sequence[str], environ: Mapping[str, str], limit_s: float) -> tuple[int, bool]:
    """Runs to the end, or until the time is over: the exit code, and whether it was ended. Raises OSError."""
    process = subprocess.Popen(list(arguments), env=dict(environ), stdin=subprocess.DEVNULL, start_new_session=True)
    timed_out = False
    try:
        code = process.wait(timeout=limit_s)
    except subprocess.TimeoutExpired:
        timed_out = True
        # the probe passes it on, and still prints its line
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(timeout=GRACE_S)
        except subprocess.TimeoutExpired:
            _kill_all(process)
            code = process.wait()
    # what the job left running would be frozen now, and go on beside the next one
    _kill_all(process)
    return (128 - code if code < 0 else code), timed_out


def _kill_all(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)


def attempt(probe: str, command: Sequence[str], headers: http.client.HTTPMessage, body: bytes) -> dict[str, Any]:
    """Runs the job for one event, and gives the row of its record."""
    started_ms = int(time.time() * 1000)
    # Lambda tries an event again under its old id, and doesn't tell a function which try it is
    job_id = f"{headers['Lambda-Runtime-Aws-Request-Id']}.{started_ms}"
    parameters: dict[str, str] = {}
    submitted_at: object = None
    code, timed_out, reason = BAD_EVENT, False, ""
    try:
        given, submitted_at = event_of(body)
        parameters = {**json.loads(os.environ.get(conventions.ENV_PARAMETERS) or "{}"), **given}
        arguments = [probe, *filled(command, parameters)]
        left_s = int(headers["Lambda-Runtime-Deadline-Ms"]) / 1000 - time.time() - RESERVE_S
        limit_s = min(float(os.environ.get(conventions.ENV_TIMEOUT_S) or left_s), left_s)
        code, timed_out = run(arguments, environment_of(job_id), max(limit_s, 0.1))
    except (OSError, ValueError, Refused) as error:
        reason = str(error)
        code = error.code if isinstance(error, Refused) else BAD_EVENT
        sys.stderr.write(f"batchyard-probe: {reason}\n")
    if code == 128 + signal.SIGKILL and not timed_out:
        # nobody is in here to kill it, no agent and no person: it was the kernel, for memory
        reason = OUT_OF_MEMORY
    return _row(job_id, code, timed_out, reason, parameters, (milliseconds(submitted_at, started_ms), started_ms))


def _row(
    job_id: str, code: int, timed_out: bool, reason: str, parameters: Mapping[str, str], times_ms: tuple[int, int]
) -> dict[str, Any]:
    submitted_ms, started_ms = times_ms
    stopped_ms = int(time.time() * 1000)
    memory_mib = int(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE") or 128)
    name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
    stream = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", "")
    status_reason = TIMED_OUT if timed_out else EXITED
    container = {"exitCode": code, "reason": reason, "logStreamName": stream}
    return {
        "type": conventions.ATTEMPT_TYPE,
        "event_id": job_id,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(stopped_ms / 1000)),
        "job_id": job_id,
        "job_name": name,
        "job_queue": conventions.LAMBDA_QUEUE,
        "job_definition": os.environ.get(conventions.ENV_JOB, ""),
        "status": "FAILED" if code or timed_out else "SUCCEEDED",
        "status_reason": status_reason,
        "created_at": submitted_ms,
        "started_at": started_ms,
        "stopped_at": stopped_ms,
        "attempts": [
            {"container": container, "startedAt": started_ms, "stoppedAt": stopped_ms, "statusReason": status_reason}
        ],
        "resource_requirements": [
            {"type": "VCPU", "value": f"{memory_mib / conventions.LAMBDA_VCPU_MIB:.2f}"},
            {"type": "MEMORY", "value": str(memory_mib)},
        ],
        "image": os.environ.get(conventions.ENV_IMAGE, ""),
        "exit_code": code,
        "log_stream": stream,
        "array_index": "",
        "array_size": "",
        "parameters": dict(parameters),
        "platform_capabilities": [conventions.LAMBDA_CAPABILITY],
    }


def answer(request_id: str, row: Mapping[str, Any]) -> None:
    """Tells Lambda how it went: an error is tried again, by the function's settings, and then a dead letter."""
    # who waits for this job's end takes its parameters from here
    told = {"job_id": row["job_id"], "exit_code": row["exit_code"], "parameters": row["parameters"]}
    if row["status"] == "SUCCEEDED":
        call("POST", f"invocation/{request_id}/response", told)
        return
    (one,) = row["attempts"]
    why = one["container"]["reason"] or (
        TIMED_OUT if one["statusReason"] == TIMED_OUT else f"exit code {row['exit_code']}"
    )
    kind = "Batchyard.JobFailed"
    error = {"errorType": kind, "errorMessage": why, "stackTrace": [], **told}
    call("POST", f"invocation/{request_id}/error", error, {"Lambda-Runtime-Function-Error-Type": kind})


def serve(probe: str, command: Sequence[str]) -> None:
    """Event after event, until Lambda ends the environment."""
    while True:
        headers, body = call("GET", "invocation/next")
        row = attempt(probe, command, headers, body)
        # in one write, on a line of its own: the job may have left an unfinished one
        sys.stderr.write(f"\n{json.dumps(row, separators=(',', ':'))}\n")
        sys.stderr.flush()
        answer(headers["Lambda-Runtime-Aws-Request-Id"], row)


def main() -> int:
    serve(sys.argv[1], sys.argv[2:])
    return 0


if __name__ == "__main__":
    sys.exit(main())
