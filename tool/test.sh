#!/bin/sh
# SPDX-License-Identifier: MIT
#
# ./labe test [--long] [PATTERN]: every test whose name contains PATTERN, under prove; with --long also those that say
# "labe-test: long" in their head. Names, and where the tests are:
#   unit/NAME     test/unit/NAME.c on this machine       sim/random       the simulation, a short run
#   root/NAME     test/root/NAME.c as root task          qemu/NAME        test/qemu/NAME.c started by ned
#   example/NAME  example/NAME against its expect.txt    FOLDER/NAME      test/FOLDER/NAME.t
# ./labe test --coverage [-v]: what of the kernel units and simulation execute: tool/coverage.sh.
# ./labe test DIR: a folder of one's own, against its expect.txt.
# ./labe test probe[/...]: the conformance probe, when it lies beside the tree; kernel areas with two CPUs, too.
# tool/test-one.sh runs one of them; logs are in build/test/. The last line is "N passed, N failed".

. "$(dirname "$0")/common.sh"
if [ "${1:-}" = --coverage ]; then
    shift
    exec "$root/tool/coverage.sh" "$@"
fi
long=
if [ "${1:-}" = --long ]; then
    long=1
    shift
fi
[ $# -le 1 ] || usage_error "test: one pattern or folder, not $#"
pattern=${1:-}
case $pattern in -*) usage_error "test: unknown option '$pattern'" ;; esac

folder=
if [ -n "$pattern" ] && [ -f "$pattern/boot.lua" ]; then
    [ -f "$pattern/expect.txt" ] || usage_error "test: the folder '$pattern' has no expect.txt to compare with"
    folder=$(cd "$pattern" && pwd)
    pattern=
fi

set_up

names() {
    if [ -n "$folder" ]; then
        echo "folder/$(basename "$folder")"
        return
    fi
    case $pattern in
    probe*)
        [ -z "$(probe_folder)" ] || (cd "$(probe_folder)" && ls kernel/golden/*.txt user/golden/*.txt) |
            sed -n '/\.smp2\./d; s,^\(.*\)/golden/\(.*\)\.txt$,probe/\1/\2,; p; s,^probe/kernel/.*,&.smp2,p'
        return
        ;;
    esac
    cd "$root"
    for f in test/unit/*.c test/sim/*.c test/*/*.t test/root/*.c example/*/expect.txt test/qemu/*.c; do
        [ -f "$f" ] || continue
        [ -n "$long" ] || ! head -n 8 "$f" | grep -q 'labe-test: long' || continue
        case $f in
        test/sim/*.c) echo sim/random ;;
        example/*) basename "$(dirname "$f")" | sed 's,^,example/,' ;;
        *) echo "${f#test/}" | sed 's/\.[ct]$//' ;;
        esac
    done
}

list=$(names | uniq | grep -F -- "$pattern") || usage_error "test: no test has '$pattern' in its name"

logs=$build/test
mkdir -p "$build"
exec 9> "$build/test.lock"
flock -n 9 || {
    say "another ./labe test works in $build; waiting for its end"
    flock 9
}
rm -rf "$logs"
mkdir -p "$logs"
goals=all
case $list in *unit/*) goals="$goals unit" ;; esac
case $list in *sim/*) goals="$goals sim" ;; esac
case $list in *mutants/*) goals="$goals unit sim" ;; esac
case $list in *qemu/* | *root/*) goals="$goals tests" ;; esac
# What could not be made anew must not be tested as it was before.
run_make -k $goals || {
    say "not everything was built; tests that need it fail"
    for f in "$out"/bin/* "$out"/rom/* "$out"/test/* "$host"/unit/* "$host/sim"; do
        make -qs -C "$root" B="$build" ARCH="$arch" "$f" > "$build/question" 2>&1 || rm -f "$f"
    done
}

for name in $list; do
    mkdir -p "$logs/$(dirname "$name")"
    : > "$logs/$name"
done
jobs=$(cpus)
[ "$jobs" -le 4 ] || jobs=4
export LABE_BUILD="$build" LABE_BUILT=1 LABE_FOLDER="$folder"
(cd "$logs" && prove --norc -j "$jobs" --exec "$root/tool/test-one.sh" $list) || true

# What failed, in the tests' own words, then the sum.
for name in $list; do
    [ ! -f "$logs/$name.tap" ] || awk -v name="$name" '
        /^not ok/ { print name ": " $0; show = 1; next }
        show && /^#/ { print "    " $0; next }
        { show = 0 }' "$logs/$name.tap"
    [ -f "$logs/$name.tap" ] || echo "$name: was not run"
done
for name in $list; do
    cat "$logs/$name.tap" 2> /dev/null || echo "not ok 1 - not run"
done | awk '/^ok / { passed++ } /^not ok / { failed++ }
    END { printf "%d passed, %d failed\n", passed, failed; exit failed != 0 || passed == 0 }'
