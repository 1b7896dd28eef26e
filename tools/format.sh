#!/bin/sh
# Format every C file in place, or with --check only say which are not formatted.
set -eu
cd "$(dirname "$0")/.."

list_sources() {
    # shellcheck disable=SC2046 # one word a folder
    find $(ls -d include src tests bench 2>/dev/null) \( -name '*.c' -o -name '*.h' \) -print0
}
case ${1:-} in
    --check) list_sources | xargs -0 clang-format --dry-run --Werror && echo "formatting: ok" ;;
    '') list_sources | xargs -0 clang-format -i ;;
    *)
        echo "usage: format.sh [--check]" >&2
        exit 2
        ;;
esac
