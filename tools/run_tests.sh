#!/bin/sh
# Build the release and the sanitizer configurations and run every test in both.
#
# A failure in one does not stop the other; the last line sums up both in ctest's own form.
set -u
cd "$(dirname "$0")/.." || exit 1

jobs=$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
jobs=$((jobs + 1)) # some tests only wait for the sandbox's deadlines
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"
summaries=

run_configuration() { # preset, build directory
    echo "== $1"
    tools/build.sh "$1" || return 1
    ctest --test-dir "$2" --output-on-failure --no-tests=error --timeout 300 -j "$jobs" \
        --output-log "$2/ctest.log"
    status=$?
    summaries="$summaries $2/ctest.log"
    return $status
}

failed=0
run_configuration release-tests build || failed=1
run_configuration asan build-asan || failed=1

if [ $failed -ne 0 ]; then
    echo "make test: a build or a test failed" >&2
fi

# ctest closes with: 97% tests passed, 1 tests failed out of 40
# shellcheck disable=SC2086 # one word a file
if [ -n "$summaries" ]; then
    awk '/ tests passed, .* tests failed out of / { failed += $4; total += $9 }
         END { printf "%d%% tests passed, %d tests failed out of %d\n",
                      total ? int(100 * (total - failed) / total) : 0, failed, total }' $summaries
fi
exit $failed
