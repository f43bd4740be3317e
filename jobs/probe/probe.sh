#!/bin/sh
# batchyard-probe COMMAND [ARGUMENT…]
#
# Runs a job's command and prints one JSON line about what it used (jobs/conventions.py: USAGE_COLUMNS) on stderr.
# AWS Batch reports no peak memory, so this is the only evidence there is to size a job with.
# POSIX shell (dash, busybox ash, bash) and `date`: it must run in any image. The exit code is the command's own;
# TERM, INT and HUP reach the command. Values it can't read are null, never a made-up 0.
#
# The job may write how many items it handled, one whole number, to the file that BATCHYARD_ITEMS_FILE names: it is in a
# folder that the probe makes and removes. `mkdir`, `dd`, `tr` and `rm` are for that alone.
#
# Every other variable is named probe_*: an assignment to a name that is in the environment would reach the job.

if [ "$#" -eq 0 ]; then
    printf '%s\n' 'batchyard-probe: no command given; write ENTRYPOINT ["/usr/local/bin/batchyard-probe", "<command>", …]' >&2
    exit 64
fi

# On Lambda there is no agent to start a container for each event: behind the end of this file, in the images, is an archive with a
# runtime in Python, which starts this probe again for each event.
if [ -n "${AWS_LAMBDA_RUNTIME_API:-}" ]; then
    if ! command -v python3 >/dev/null 2>&1; then
        printf '%s\n' 'batchyard-probe: on Lambda the image needs python3 (3.9 or newer); write another platform, or add it' >&2
        exit 64
    fi
    exec python3 "$0" "$0" "$@"
fi

# Tests point it at made-up cgroup trees; a job never sets it.
probe_root=${BATCHYARD_PROBE_ROOT:-}

# ---- reading the cgroup -----------------------------------------------------------------------------------------

# The folder of one controller, in probe_dir: our own cgroup where the whole tree is mounted, else the mount's root,
# which is what a container sees of itself.
probe_find_v1() {
    probe_dir=
    while IFS=: read -r probe_number probe_controllers probe_path; do
        case ",$probe_controllers," in
        *",$1,"*)
            for probe_mount in "$probe_root/sys/fs/cgroup/$1" "$probe_root/sys/fs/cgroup/$probe_controllers"; do
                for probe_candidate in "$probe_mount${probe_path%/}" "$probe_mount"; do
                    if [ -r "$probe_candidate/$2" ]; then
                        probe_dir=$probe_candidate
                        return 0
                    fi
                done
            done
            ;;
        esac
    done <"$probe_root/proc/self/cgroup"
    return 1
}

probe_find_v2() {
    probe_dir=
    [ -r "$probe_root/sys/fs/cgroup/cgroup.controllers" ] || return 1
    while IFS=: read -r probe_number probe_controllers probe_path; do
        [ "$probe_number" = 0 ] || continue
        for probe_candidate in "$probe_root/sys/fs/cgroup${probe_path%/}" "$probe_root/sys/fs/cgroup"; do
            if [ -r "$probe_candidate/memory.peak" ] && [ -r "$probe_candidate/cpu.stat" ]; then
                probe_dir=$probe_candidate
                return 0
            fi
        done
    done <"$probe_root/proc/self/cgroup"
    return 1
}

# First word of a file in probe_value, empty when it isn't a whole number ("max") or can't be read.
probe_read_number() {
    probe_value=
    if [ -r "$1" ]; then read -r probe_value <"$1" || [ -n "$probe_value" ] || probe_value=; fi
    case $probe_value in *[!0-9]*) probe_value= ;; esac
}

# CPU time so far in microseconds, in probe_cpu_us; empty when unknown.
probe_read_cpu() {
    probe_cpu_us=
    case $probe_version in
    1)
        probe_read_number "$probe_cpu_dir/cpuacct.usage"
        [ -z "$probe_value" ] || probe_cpu_us=$((probe_value / 1000))
        ;;
    2)
        while read -r probe_name probe_value; do
            if [ "$probe_name" = usage_usec ]; then probe_cpu_us=$probe_value; fi
        done <"$probe_cpu_dir/cpu.stat"
        ;;
    0)
        # What `times` says of children that were waited for. $(times) would ask a subshell, which has had none.
        if [ -r "$probe_root/proc/$$/stat" ] && read -r probe_value <"$probe_root/proc/$$/stat"; then
            probe_sum_ticks ${probe_value##*) }
        fi
        ;;
    esac
}

# Fields 16 and 17 of /proc/<pid>/stat (children's user and system time, 1/100 s); the first one here is field 3.
probe_sum_ticks() {
    [ "$#" -ge 15 ] || return 0
    shift 13
    probe_cpu_us=$((($1 + $2) * 10000))
}

# Hundredths of a second since the machine started, in probe_uptime_cs: no clock change moves it.
probe_read_uptime() {
    probe_uptime_cs=
    if [ -r /proc/uptime ] && read -r probe_value probe_name </proc/uptime; then
        probe_value=${probe_value%.*}${probe_value#*.}
        # A leading 0 would make it octal.
        probe_value=${probe_value#"${probe_value%%[!0]*}"}
        probe_uptime_cs=${probe_value:-0}
    fi
}

# ---- writing JSON -----------------------------------------------------------------------------------------------

# The argument as a JSON string, in probe_json.
probe_quote() {
    case $1 in
    *[!A-Za-z0-9_.:/@-]*) ;;
    *)
        probe_json="\"$1\""
        return
        ;;
    esac
    probe_rest=$1
    probe_json='"'
    while [ -n "$probe_rest" ]; do
        probe_tail=${probe_rest#?}
        probe_char=${probe_rest%"$probe_tail"}
        probe_rest=$probe_tail
        case $probe_char in
        '"') probe_char='\"' ;;
        \\) probe_char='\\' ;;
        [[:cntrl:]]) probe_char=$(printf '\\u%04x' "'$probe_char") ;;
        esac
        probe_json=$probe_json$probe_char
    done
    probe_json=$probe_json'"'
}

# $1 ÷ 1000 with three decimals in probe_json; null for an empty argument.
probe_thousandths() {
    if [ -z "$1" ]; then
        probe_json=null
        return
    fi
    probe_tail=000$(($1 % 1000))
    probe_json=$(($1 / 1000)).${probe_tail#"${probe_tail%???}"}
}

# Bytes → MiB in probe_json.
probe_mebibytes() {
    if [ -n "$1" ]; then probe_thousandths $(($1 * 125 / 131072)); else probe_json=null; fi
}

# The argument if it is a whole number JSON accepts, else the second, in probe_json.
probe_integer() {
    case $1 in
    '' | *[!0-9]* | 0?*) probe_json=$2 ;;
    *) probe_json=$1 ;;
    esac
}

# ---- what the job tells of itself ---------------------------------------------------------------------------------

# A new folder in probe_items_folder and the file's name in the job's environment; neither where none can be made.
probe_make_items_folder() {
    unset BATCHYARD_ITEMS_FILE
    # a relative path would mean another place to a job that changes its folder
    case ${TMPDIR:-} in /*) probe_parent=${TMPDIR%/} ;; *) probe_parent=/tmp ;; esac
    # containers may share the folder and have the same process id
    probe_read_uptime
    probe_items_folder=$probe_parent/batchyard-probe-$$-${probe_uptime_cs:-0}
    # open to all: the job may not be the user that the probe is
    if mkdir -m 0777 "$probe_items_folder" 2>/dev/null; then
        BATCHYARD_ITEMS_FILE=$probe_items_folder/items
        export BATCHYARD_ITEMS_FILE
    else
        probe_items_folder=
        printf '%s\n' "batchyard-probe: $probe_parent: no folder can be made in it, so the job isn't asked how many items it handled (BATCHYARD_ITEMS_FILE); set TMPDIR to a folder it may write to" >&2
    fi
}

# The number in the file in probe_items, empty without one; a file that holds anything else is told of. Then the folder
# goes.
probe_take_items() {
    probe_items=
    [ -n "$probe_items_folder" ] || return 0
    probe_value=$probe_items_folder/items
    if [ -f "$probe_value" ]; then
        # One block, so that a huge file costs nothing; NUL would vanish from a variable, and so would the last newlines.
        probe_text=$(dd if="$probe_value" bs=4096 count=1 2>/dev/null | tr '\000' '?' && printf .)
        probe_text=${probe_text%.}
        probe_trim "$probe_text"
        probe_items=${probe_value#"${probe_value%%[!0]*}"}
        case $probe_value in
        '' | *[!0-9]*) probe_items= ;;
        *) probe_items=${probe_items:-0} ;;
        esac
        if [ "${#probe_text}" -ge 4096 ] || [ "${#probe_items}" -gt 13 ]; then probe_items=; fi
        if [ "${#probe_items}" -eq 13 ] && [ "$probe_items" != 1000000000000 ]; then probe_items=; fi
        if [ -z "$probe_items" ]; then
            probe_quote "$(printf '%.40s' "$probe_value")"
            probe_refuse_items "holds $probe_json"
        fi
    elif [ -e "$probe_value" ] || [ -L "$probe_value" ]; then
        probe_refuse_items 'is no file'
    fi
    rm -rf "$probe_items_folder" 2>/dev/null
}

# The argument without whitespace around it, in probe_value.
probe_trim() {
    probe_value=${1#"${1%%[![:space:]]*}"}
    probe_value=${probe_value%"${probe_value##*[![:space:]]}"}
}

probe_refuse_items() {
    printf '\n%s\n' "batchyard-probe: the job's BATCHYARD_ITEMS_FILE $1, so how many items it handled isn't known; write one whole number from 0 to 1000000000000 to it" >&2
}

probe_report() {
    probe_ended_at=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    probe_read_uptime
    probe_wall_ms=
    if [ -n "$probe_start_cs" ] && [ -n "$probe_uptime_cs" ]; then
        probe_wall_ms=$(((probe_uptime_cs - probe_start_cs) * 10))
    fi
    probe_read_cpu
    probe_cpu_ms=
    if [ -n "$probe_cpu_us" ] && [ -n "$probe_start_cpu_us" ]; then
        probe_cpu_ms=$(((probe_cpu_us - probe_start_cpu_us) / 1000))
    fi
    probe_peak=
    probe_limit=
    case $probe_version in
    1)
        probe_read_number "$probe_memory_dir/memory.max_usage_in_bytes"
        probe_peak=$probe_value
        probe_read_number "$probe_memory_dir/memory.limit_in_bytes"
        probe_limit=$probe_value
        # v1 writes "no limit" as the largest page-aligned number.
        if [ "${#probe_limit}" -ge 19 ]; then probe_limit=; fi
        ;;
    2)
        probe_read_number "$probe_memory_dir/memory.peak"
        probe_peak=$probe_value
        probe_read_number "$probe_memory_dir/memory.max"
        probe_limit=$probe_value
        ;;
    esac
    probe_take_items
    # A job that caught the signal we sent and ended its own way was still ended by it; one that something else
    # killed (the kernel for memory, its own abort) tells by its exit code.
    probe_end_signal=$probe_signal
    if [ -z "$probe_end_signal" ] && [ "$probe_code" -gt 128 ] && [ "$probe_code" -le 159 ]; then
        probe_end_signal=$(kill -l $((probe_code - 128)) 2>/dev/null)
    fi

    probe_quote "${AWS_BATCH_JOB_ID:-}"
    probe_line='{"type":"usage","version":1,"job_id":'$probe_json
    probe_integer "${AWS_BATCH_JOB_ATTEMPT:-}" 1
    probe_line=$probe_line',"attempt":'$probe_json
    probe_quote "${BATCHYARD_JOB:-}"
    probe_line=$probe_line',"job":'$probe_json
    probe_quote "${BATCHYARD_OWNER:-}"
    probe_line=$probe_line',"owner":'$probe_json
    probe_quote "${BATCHYARD_STAGE:-}"
    probe_line=$probe_line',"stage":'$probe_json
    probe_integer "${AWS_BATCH_JOB_ARRAY_INDEX:-}" null
    probe_line=$probe_line',"array_index":'$probe_json
    probe_line=$probe_line',"exit_code":'$probe_code
    if [ -n "$probe_end_signal" ]; then probe_quote "$probe_end_signal"; else probe_json=null; fi
    probe_line=$probe_line',"signal":'$probe_json
    probe_mebibytes "$probe_peak"
    probe_line=$probe_line',"peak_memory_mib":'$probe_json
    probe_mebibytes "$probe_limit"
    probe_line=$probe_line',"memory_limit_mib":'$probe_json
    probe_thousandths "$probe_cpu_ms"
    probe_line=$probe_line',"cpu_s":'$probe_json
    probe_thousandths "$probe_wall_ms"
    probe_line=$probe_line',"wall_s":'$probe_json
    probe_line=$probe_line',"cgroup_version":'$probe_version
    probe_line=$probe_line',"started_at":"'$probe_started_at'","ended_at":"'$probe_ended_at'"'
    probe_quote "${AWS_BATCH_CE_NAME:-}"
    probe_line=$probe_line',"compute_environment":'$probe_json
    probe_line=$probe_line',"items":'${probe_items:-null}'}'
    # The job may have left an unfinished line: begin a new one, in a single write.
    printf '\n%s\n' "$probe_line" >&2
}

# ---- running the job --------------------------------------------------------------------------------------------

# The name of a process in probe_name, empty when it is gone.
probe_read_name() {
    probe_name=
    if read -r probe_name <"/proc/$1/stat"; then
        probe_name=${probe_name#*(}
        probe_name=${probe_name%)*}
    fi
} 2>/dev/null

# Until it has become the command, the child is a copy of this shell whose handler would swallow the signal. Bounded:
# a command may have our own name.
probe_await_command() {
    probe_read_name "$$"
    probe_own_name=$probe_name
    probe_tries=0
    while [ "$probe_tries" -lt 3000 ]; do
        probe_read_name "$probe_child"
        [ "$probe_name" = "$probe_own_name" ] || return 0
        probe_tries=$((probe_tries + 1))
    done
}

probe_forward() {
    probe_signal=$1
    probe_interrupted=yes
    if [ -n "$probe_child" ]; then
        probe_await_command
        # Without `env --default-signal` the shell started the job with INT ignored: TERM is what ends it.
        if [ "$1" = INT ] && [ -z "$probe_restores_int" ]; then kill -s TERM "$probe_child" 2>/dev/null
        else kill -s "$1" "$probe_child" 2>/dev/null; fi
    fi
}

probe_signal=
probe_child=
probe_interrupted=
probe_restores_int=
trap 'probe_forward TERM' TERM
trap 'probe_forward INT' INT
trap 'probe_forward HUP' HUP

probe_version=0
if probe_find_v2; then
    probe_version=2
    probe_memory_dir=$probe_dir
    probe_cpu_dir=$probe_dir
elif probe_find_v1 memory memory.max_usage_in_bytes; then
    probe_memory_dir=$probe_dir
    if probe_find_v1 cpuacct cpuacct.usage; then
        probe_version=1
        probe_cpu_dir=$probe_dir
    fi
fi 2>/dev/null
probe_make_items_folder
probe_started_at=$(date -u +%Y-%m-%dT%H:%M:%SZ)
probe_read_uptime
probe_start_cs=$probe_uptime_cs
probe_read_cpu
probe_start_cpu_us=$probe_cpu_us

# A shell without job control starts background commands with INT ignored and stdin empty; a job must see neither.
case $1 in
*=*) ;; # env would take it for an assignment
*) if env --default-signal=INT,QUIT true 2>/dev/null; then probe_restores_int=yes; fi ;;
esac
if (: <&0) 2>/dev/null; then exec 3<&0; else exec 3</dev/null; fi
if [ -n "$probe_signal" ]; then
    # asked to end before there was anything to end
    case $probe_signal in HUP) probe_code=129 ;; INT) probe_code=130 ;; *) probe_code=143 ;; esac
    trap '' TERM INT HUP PIPE
    probe_report
    exit "$probe_code"
fi
if [ -n "$probe_restores_int" ]; then
    env --default-signal=INT,QUIT -- "$@" <&3 3<&- &
else
    "$@" <&3 3<&- &
fi
probe_child=$!
exec 3<&-
if [ -n "$probe_signal" ]; then probe_forward "$probe_signal"; fi

while :; do
    probe_interrupted=
    wait "$probe_child"
    probe_code=$?
    [ -n "$probe_interrupted" ] || break
    # A trap ended the wait, unless it ran just after the job had ended: then the job is gone already.
    kill -0 "$probe_child" 2>/dev/null && continue
    wait "$probe_child" 2>/dev/null
    probe_late=$?
    [ "$probe_late" -eq 127 ] || probe_code=$probe_late
    break
done

trap '' TERM INT HUP PIPE
probe_report
exit "$probe_code"
