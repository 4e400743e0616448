#!/bin/sh
# SPDX-License-Identifier: MIT
#
# ./labe bench [PATTERN] [--json F] [--quick] [--budget F]: what every primitive costs in instructions (bench/bench.c
# under an emulator whose time stamp counter counts them), what a round consists of (a second, short run under
# bench/trace/plugin.c), and the figures of building and booting. Compared with bench/budget.txt: exit status 1 when one
# is over its limit. PATTERN: only rows with that text in their name.
#   --quick       200 rounds instead of 10,000, no times
#   --steps NAME  one round of that row, function by function, and the data lines that the kernel touched
#   --lower       limits above what was reached are lowered to it
#   --doc         writes the table and the steps of one row into doc/performance.md
#   memory        bytes of kernel memory per object, nothing else
#   latency       the longest window with interrupts off under the worst loads (bench/latency.c), nothing else
#   --kvm         on this machine's CPU instead, in cycles; nothing is compared

. "$(dirname "$0")/common.sh"
. "$root/tool/qemu.sh"
quick=
kvm=
json=
steps=
lower=
doc=
pattern=
budget=$root/bench/budget.txt
while [ $# -gt 0 ]; do
    case $1 in
    --json=* | --budget=* | --steps=*)
        option=$1
        shift
        set -- "${option%%=*}" "${option#*=}" "$@"
        ;;
    esac
    case $1 in
    --quick) quick=1; shift ;;
    --kvm) kvm=1; shift ;;
    --doc) doc=1; shift ;;
    --lower) lower=1; shift ;;
    --json) need_value "$1" $#; json=$2; shift 2 ;;
    --budget) need_value "$1" $#; need_file --budget "$2"; budget=$2; shift 2 ;;
    --steps) need_value "$1" $#; steps=$2; shift 2 ;;
    -*) usage_error "bench: unknown option '$1'" ;;
    '') usage_error "bench: the pattern is empty" ;;
    *)
        [ -z "$pattern" ] || usage_error "bench: one pattern, not '$pattern' and '$1'"
        pattern=$1
        shift
        ;;
    esac
done
[ -z "$json" ] || [ -d "$(dirname -- "$json")" ] || usage_error "--json: no folder '$(dirname -- "$json")'"
[ -z "$kvm" ] || [ -z "$quick$steps$doc$lower" ] ||
    usage_error "bench: --kvm goes with none of --quick, --steps, --doc and --lower"
[ -z "$doc" ] || [ -z "$steps$pattern" ] || usage_error "bench: --doc writes all rows"
qemu_check
set_up
scratch_make
# The figures of building and booting need the whole system; the rest does not.
whole=
case $pattern in '' | boot* | kernel*) [ -n "$kvm$steps$doc" ] || whole=1 ;; esac
if [ -n "$whole" ]; then
    run_make || exit 1
else
    run_make kernel boot tools bench "$out/rom/kernel" "$out/rom/sigma0" || exit 1
fi

# bench_run LOG ROUNDS SECONDS OPTION...: boots the benchmark on $kernel; its serial output goes to LOG.
kernel=kernel
memory=256
bench_run() {
    printf 'entry bench\nkernel %s\nsigma0 sigma0\nroottask bench %s\n' "$kernel" "$2" > "$scratch/bench.list"
    image_make "$scratch/bench.list" "$scratch" ""
    run_log=$1
    run_seconds=$3
    shift 3
    status=0
    "$host/tool/watch" -q -t "$run_seconds" -u "bench: end" qemu-system-x86_64 -nodefaults -no-user-config -no-reboot \
        -display none -monitor none -m "$memory" -kernel "$scratch/image.elf" -chardev stdio,id=line,signal=off \
        -serial chardev:line "$@" > "$run_log" 2> "$scratch/qemu.log" < /dev/null || status=$?
    [ "$status" != 0 ] || return 0
    cat "$scratch/qemu.log" >&2
    tail -n 3 "$run_log" >&2
    return 1
}

counting="-accel tcg,thread=single -cpu ${LABE_MODEL:-max} -icount shift=0,sleep=off"

# The floor (bench/floor/floor.c): a kernel that only enters, copies, switches and leaves.
floor_run() {
    (cd "$root" && gcc -std=gnu11 -O2 -Wall -Wextra -Werror -ffreestanding -mgeneral-regs-only -mno-red-zone \
        -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables -fpie -no-pie -nostdlib -static \
        -Iabi -Wl,-T,test/boot/kernel.ld,--build-id=none,-z,noexecstack,--no-warn-rwx-segments,-z,max-page-size=4096 \
        -o "$scratch/floor" bench/floor/floor.c) || die "the floor does not compile"
    kernel=floor
    bench_run "$scratch/floor.log" 1 60 $counting || die "the floor did not come to its end"
    kernel=kernel
    grep '^bench floor' "$scratch/floor.log"
}

# Two CPUs that spin when they are idle, each a thread of this machine: times, only shown.
pairs_run() {
    kernel='kernel -nohlt'
    bench_run "$scratch/pairs.log" "200 cpus" 300 -accel tcg,thread=multi -cpu max -smp 2 ||
        die "the benchmark did not end on two CPUs at once"
    kernel=kernel
    awk '$2 == "two-pairs-percent" {
            printf "%-58s %12s  at least 180 %%\n", "rounds of two pairs on two CPUs, of those of one pair", $4
        }
        $2 == "round-trip-across-cpus" {
            printf "%-58s %12s  cycles\n", "round trip across two CPUs, both spinning, the shortest", $3
        }' "$scratch/pairs.log"
}

# plugin_find: the plugin with the interface version that this emulator wants.
plugin_find() {
    for plugin in "$host"/bench/trace-*.so; do
        said=$(qemu-system-x86_64 -M none -display none -plugin "$plugin" 2>&1 < /dev/null) || true
        case $said in *"are needed"*) return 0 ;; esac
    done
    die "this emulator loads none of our plugins: $said"
}

# What the plugin has to know of the program: its reads of the time stamp counter, sample and report.
plugin_arguments() {
    objdump -d "$out/bin/bench" | awk '/\trdtsc/ { sub(/:/, "", $1); printf ",clock=%s", $1 }'
    nm "$out/bin/bench" | awk '$3 == "sample" || $3 == "report" { printf ",%s=%s", $3, $1 }'
}

# read_trace [NAME]
read_trace() {
    perl "$root/bench/trace/read.pl" "$scratch/trace" "$out/bin/kernel" "$out/bin/bench" "$root/bench/weights.txt" \
        "$scratch/trace.log" "$@"
}

if [ -n "$kvm" ]; then
    bench_run "$scratch/bench.log" 10000 60 -accel kvm -cpu host ||
        die "the benchmark did not come to its end on this machine's CPU (above: its last words)"
    set -- --pattern "$pattern"
    [ -z "$json" ] || set -- "$@" --json "$json"
    perl "$root/tool/bench.pl" "$@" "$scratch/bench.log"
    exit
fi

# memory_run: bytes of kernel memory per object.
memory_run() {
    bench_run "$scratch/memory.log" "1 memory" 120 $counting || die "the benchmark of memory did not come to its end"
    sed -n 's/^figure //p' "$scratch/memory.log" >> "$scratch/figures"
}

# windows_run CPUS SUFFIX: the longest windows on so many CPUs; not counted: a CPU waits for the lock or for others.
windows_run() {
    memory=3072
    bench_run "$scratch/latency.log" "1 latency" 600 $counting -smp "$1" \
        -plugin "$plugin,out=$scratch/windows$(objdump -d "$out/bin/kernel" | awk '
            after && sub(/:$/, "", $1) { printf ",open=%s", $1 }
            { after = /\tsti/ }')$(nm -S "$out/bin/kernel" | perl -ane '
            printf ",wait=%s,until=%x", $F[0], hex($F[0]) + hex $F[1] if $F[3] && $F[3] =~
                /^(kernel_enter_contended|claim_answer|arch_cpu_unload|fpu_release|cpu_claim_(all_)?others?)$/'
        ),load=$(nm "$out/bin/bench" | awk '$3 == "load" { print $1 }')" ||
        die "the worst loads did not come to their end"
    memory=256
    perl "$root/bench/trace/windows.pl" "$scratch/windows" "$out/bin/kernel" "$scratch/latency.log" \
        "$scratch/figures" "$2" >> "$scratch/latency.table" || die "no windows"
}

# latency_run: the longest windows, in $scratch/latency.table and $scratch/figures.
latency_run() {
    plugin_find
    windows_run 1 ''
    echo >> "$scratch/latency.table"
    windows_run 2 -two-cpus
}

: > "$scratch/figures"
case $pattern in
latency* | memory*)
    "${pattern%%-*}_run"
    [ ! -f "$scratch/latency.table" ] || cat "$scratch/latency.table"
    pattern_log=$scratch/${pattern%%-*}.log
    set -- --pattern "$pattern" --budget "$budget" --figures "$scratch/figures"
    [ -z "$json" ] || set -- "$@" --json "$json"
    [ -z "$lower" ] || set -- "$@" --lower
    perl "$root/tool/bench.pl" "$@" "$pattern_log"
    exit
    ;;
esac

plugin_find
bench_run "$scratch/trace.log" 20 120 $counting -plugin "$plugin,out=$scratch/trace$(plugin_arguments)" ||
    die "the benchmark did not come to its end under the tracing plugin"
if [ -n "$steps" ]; then
    read_trace "$steps"
    exit
fi
read_trace > "$scratch/trace.table"
rounds=10000
[ -z "$quick" ] || rounds=200
bench_run "$scratch/bench.log" "$rounds" 300 $counting || die "the benchmark did not come to its end"

# wants NAME...: does the pattern fit one of these rows?
wants() { printf '%s\n' "$@" | grep -qF -- "$pattern"; }

if wants floor-syscall floor-round-trip-0-words floor-round-trip-4-words; then
    floor_run >> "$scratch/bench.log"
fi
# The same deletions on a kernel with two CPUs; the round trip between two CPUs that spin when they are idle.
if wants thread-create-delete-two-cpus gate-create-delete-two-cpus task-create-delete-two-cpus; then
    bench_run "$scratch/cpus.log" "$rounds cpus" 300 $counting -smp 2 || die "the benchmark did not end on two CPUs"
    sed -n 's/^\(bench [a-z-]*-create-delete\)\( .*\)$/\1-two-cpus\2/p' "$scratch/cpus.log" >> "$scratch/bench.log"
fi
if wants round-trip-across-cpus; then
    kernel='kernel -nohlt'
    bench_run "$scratch/across.log" "20 across" 300 $counting -smp 2 ||
        die "the benchmark did not end between two CPUs"
    kernel=kernel
    grep '^bench round-trip-across-cpus' "$scratch/across.log" >> "$scratch/bench.log"
fi

[ -n "$pattern" ] || memory_run
set -- --pattern "$pattern" --budget "$budget" --trace "$scratch/trace.table" --figures "$scratch/figures"
[ -z "$json" ] || set -- "$@" --json "$json"
[ -z "$lower" ] || set -- "$@" --lower
if [ -n "$whole" ]; then
    . "$root/tool/compose.sh"
    . "$root/tool/bench-boot.sh"
    batch=
    files=
    [ -n "$quick$pattern" ] || { pairs_run; boot_times; }
    boot_counts >> "$scratch/figures"
fi
status=0
perl "$root/tool/bench.pl" "$@" "$scratch/bench.log" > "$scratch/table" || status=$?
cat "$scratch/table"

# block_write NAME FILE: FILE becomes what is between the lines "<!-- NAME -->" and "<!-- end -->" of the page.
block_write() {
    awk -v name="<!-- $1 -->" -v file="$2" '
        $0 == name {
            print; print "```"
            while ((getline line < file) > 0) { sub(/ +$/, "", line); print line }
            print "```"
            skip = 1
        }
        $0 == "<!-- end -->" { skip = 0 }
        !skip && $0 != name { print }' "$root/doc/performance.md" > "$scratch/page"
    cp "$scratch/page" "$root/doc/performance.md"
}
if [ -n "$doc" ]; then
    read_trace round-trip-two-tasks-4-words > "$scratch/steps"
    sed '/^over the limit/d' "$scratch/table" > "$scratch/table.doc"
    block_write table "$scratch/table.doc"
    block_write steps "$scratch/steps"
fi
exit "$status"
