#!/bin/sh
# Configure and build one preset of CMakePresets.json: build.sh <preset> [cmake options].
set -eu
cd "$(dirname "$0")/.."

preset=$1
shift
if ! command -v cmake >/dev/null 2>&1 || ! command -v ninja >/dev/null 2>&1; then
    echo "cmake and ninja are needed; tools/install_dependencies.sh build installs them" >&2
    exit 1
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! cmake --preset "$preset" "$@" >"$log" 2>&1; then
    cat "$log" >&2
    echo "the configuration failed; if something is not installed," \
        "tools/install_dependencies.sh build test installs it on Debian" >&2
    exit 1
fi
cmake --build --preset "$preset"
