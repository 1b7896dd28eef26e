#!/bin/sh
# Build the libFuzzer targets and run each for a while: fuzz.sh <seconds> [name...].
#
# New inputs go to build-fuzz/corpus/<name>, failing ones to build-fuzz/failures; copy one
# into tests/fuzz/corpus/<name> to make it a test.
set -eu
cd "$(dirname "$0")/.."

limit=${1:?usage: fuzz.sh <seconds> [name...]}
shift
tools/build.sh fuzz

if [ $# -eq 0 ]; then
    for source in tests/fuzz/fuzz_*.c; do
        [ -e "$source" ] || break
        name=${source#tests/fuzz/fuzz_}
        set -- "$@" "${name%.c}"
    done
fi

failed=
mkdir -p build-fuzz/failures
for name in "$@"; do
    program=build-fuzz/tests/fuzz/fuzz_$name
    if [ ! -x "$program" ]; then
        echo "there is no fuzz target $name (tests/fuzz/fuzz_$name.c)" >&2
        exit 2
    fi
    found=build-fuzz/corpus/$name
    mkdir -p "$found" "tests/fuzz/corpus/$name"
    set -- -max_total_time="$limit" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="build-fuzz/failures/$name-"
    if [ -f "tests/fuzz/$name.dict" ]; then
        set -- "$@" -dict="tests/fuzz/$name.dict"
    fi
    echo "== $name for $limit s"
    "$program" "$@" "$found" "tests/fuzz/corpus/$name" || failed="$failed $name"
done

if [ -n "$failed" ]; then
    echo "failed:$failed; the inputs are in build-fuzz/failures" >&2
    exit 1
fi
echo "no failure found"
