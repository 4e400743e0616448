#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tool/test-one.sh NAME, called by prove in build/test: runs one test (see tool/test.sh) and makes well-formed TAP of
# what it prints: tags and colours of a log are taken off, other output becomes comments, and a test that died, printed
# no plan or another number of results than planned gets one more result, "not ok". NAME.log has the raw output.

. "$(dirname "$0")/common.sh"
name=$1
log=$build/test/$name.log
short=${name#*/}

# options_in FILE: a line "labe-run: OPTIONS" in a test's head goes to ./labe run.
options_in() { sed -n 's/^.*labe-run: *\([^*]*[^* ]\).*$/\1/p' "$1" | head -n 1; }

# A script may want another exit status than 0: "labe-status: N" in its head.
wanted_status() { sed -n 's/^.*labe-status: *\([0-9]*\).*$/\1/p' "$1" | head -n 1; }

# compare EXPECTED LOG: for each tag, the lines with that tag are the same in the same order. Lines of EXPECTED that
# have no tag must appear somewhere. One result per tag.
compare() {
    awk -v expected="$1" '
        function clean(s) { gsub(/\033\[[0-9;]*m/, "", s); gsub(/\r/, "", s); sub(/[ \t]+$/, "", s); return s }
        function tag_of(s) { return match(s, /^[^|]*\|/) ? substr(s, 1, RLENGTH) : "" }
        BEGIN {
            while ((getline line < expected) > 0) {
                line = clean(line)
                if (line == "") continue
                tag = tag_of(line)
                if (!(tag in want_count)) order[++tags] = tag
                want[tag, ++want_count[tag]] = line
            }
        }
        {
            line = clean($0)
            tag = tag_of(line)
            if (tag in want_count && tag != "") got[tag, ++got_count[tag]] = line
            seen[line] = 1
        }
        END {
            for (t = 1; t <= tags; t++) {
                tag = order[t]; why = ""
                for (i = 1; i <= want_count[tag] && why == ""; i++) {
                    if (tag == "" && !(want[tag, i] in seen)) why = "missing: " want[tag, i]
                    if (tag != "" && got[tag, i] != want[tag, i])
                        why = "line " i " is: " got[tag, i] "\n#   expected:  " want[tag, i]
                }
                if (why == "" && tag != "" && got_count[tag] > want_count[tag])
                    why = "more than expected: " got[tag, want_count[tag] + 1]
                printf "%s %d - output %s\n", why == "" ? "ok" : "not ok", t, tag == "" ? "without a tag" : "of " tag
                if (why != "") print "#   " why
            }
            print "1.." tags
        }' "$2"
}

# Two histories that are always the same, and one that is new each time (its seed is in the log).
simulate() {
    bad=0
    n=0
    for options in "--seed 1 --steps 40000" "--steps 60000" "--cpus 2 --steps 40000" "--cpus 4 --steps 40000" \
        "--cpus 3 --no-compare --steps 40000" "--slice 1 --steps 20000" "--slice 1 --cpus 2 --steps 20000" \
        "--exhaustive --states 4000" "--exhaustive --cpus 2 --states 4000"; do
        n=$((n + 1))
        if timeout 300 "$host/sim" --check 8 --save "$build/sim-$n.history" $options; then
            echo "ok $n - $options"
        else
            echo "not ok $n - $options"
            bad=1
        fi
    done
    for options in "--depth 3" "--depth 2 --cpus 2"; do # who is who, and how many search, makes no difference
        n=$((n + 1))
        if timeout 300 "$host/sim" --exhaustive --jobs 2 $options > "$log.alike" &&
            timeout 300 "$host/sim" --exhaustive --jobs 1 --no-symmetry $options > "$log.apart" &&
            [ -n "$(digest_in "$log.alike")" ] && [ "$(digest_in "$log.alike")" = "$(digest_in "$log.apart")" ]; then
            echo "ok $n - the same states with and without symmetry: $options"
        else
            sed 's/^/# /' "$log.alike" "$log.apart"
            echo "not ok $n - the same states with and without symmetry: $options"
            bad=1
        fi
    done
    echo "1..$n"
    return "$bad"
}
digest_in() { sed -n 's/.*; digest //p' "$1"; }

run_one() {
    case $name in
    unit/*) timeout 300 "$host/$name" ;;
    sim/random) simulate ;;
    root/*)
        timeout 1800 "$root/labe" run --timeout 60 $(options_in "$root/test/$name.c") --until 1.. \
            --root "$out/test/root-$short" < /dev/null
        ;;
    qemu/*)
        script=$root/test/$name.lua
        if [ ! -f "$script" ]; then
            script=$build/test/$name.lua
            printf '%s\n' 'local L4 = require("L4")' "L4.default_loader:start({ log = { \"$short\", \"y\" }," \
                '    caps = { icu = L4.Env.icu, sigma0 = L4.Env.sigma0, jdb = L4.Env.jdb } },' \
                "    \"rom/$short\")" > "$script"
        fi
        status=0
        timeout 300 "$root/labe" run --batch --timeout 60 $(options_in "$root/test/$name.c") \
            --file "$out/test/$short" "$script" < /dev/null || status=$?
        if [ "$status" = "$(wanted_status "$script")" ]; then status=0; fi
        return "$status"
        ;;
    example/* | folder/*)
        folder=${LABE_FOLDER:-$root/$name}
        set -- --batch --timeout 60
        [ ! -f "$folder/boot.lua" ] || set -- "$@" $(options_in "$folder/boot.lua")
        if [ "${name%%/*}" = folder ]; then set -- "$@" "$folder"; else set -- "$@" "$folder/boot.lua"; fi
        status=0
        timeout 300 "$root/labe" run "$@" < /dev/null > "$log.boot" 2>&1 || status=$?
        sed 's/^/# /' "$log.boot"
        compare "$folder/expect.txt" "$log.boot"
        return "$status"
        ;;
    probe/*) timeout 300 "$root/tool/probe.sh" "${short%%/*}" "${short#*/}" ;;
    sim/long) timeout 7200 sh "$root/test/$name.t" ;;
    *) timeout 600 sh "$root/test/$name.t" ;;
    esac
}

status=0
run_one > "$log" 2>&1 || status=$?
awk -v status="$status" '
    {
        gsub(/\033\[[0-9;]*m/, ""); gsub(/\r/, "")
        if ($0 !~ /^(ok|not ok|1\.\.|#)/) sub(/^.?.?.?.?.?.?.?.?[|:] /, "")
    }
    /^(ok|not ok)( |$)/ {
        count++
        bad += /^not/
        sub(/^ok( +[0-9]+)?/, "ok " count); sub(/^not ok( +[0-9]+)?/, "not ok " count)
        print
        next
    }
    /^1\.\.[0-9]+/ { plan = substr($1, 4) + 0; planned = 1; next }
    /^#/ { print; next }
    { print "# " $0 }
    END {
        why = ""
        if (!planned) why = "ran to its end (no plan, exit status " status ")"
        else if (plan != count) why = "ran all tests (planned " plan ", ran " count + 0 ", exit status " status ")"
        else if (status != 0 && !bad) why = "ended well (exit status " status ")"
        if (why != "") { print "not ok " ++count " - " why; bad++ }
        print "1.." count
        exit bad != 0
    }' "$log" | tee "$build/test/$name.tap"
