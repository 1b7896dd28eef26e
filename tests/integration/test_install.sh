#!/bin/sh
# Install into an empty prefix, then build and run a program against what is there, with the
# shared and with the static library: test_install.sh <cmake> <build directory> <compiler>.
set -eu

cmake=$1
build=$2
compiler=$3
work=$(mktemp -d)
prefix=$work/prefix

fail() {
    echo "test_install.sh: $1" >&2
    exit 1
}

# The list of the user's own installation must stay for `make uninstall`.  The file may be root's,
# so it is moved away meanwhile, which needs only the right to write to the directory.
manifest=$build/install_manifest.txt
clean_up() {
    rm -rf "$work"
    if [ -e "$manifest.kept" ]; then
        mv -f "$manifest.kept" "$manifest"
    fi
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM
if [ -e "$manifest" ]; then
    mv -f "$manifest" "$manifest.kept"
fi
"$cmake" --install "$build" --prefix "$prefix" >/dev/null
rm -f "$manifest"

cat >"$work/consumer.c" <<'END'
#include <stdio.h>
#include <unmask.h>

int main(void) {
    return printf("unmask %s\n", um_version()) < 0;
}
END

pc_directory=$(dirname "$(find "$prefix" -name unmask.pc)")
library_directory=$(dirname "$pc_directory")
query() {
    PKG_CONFIG_PATH="$pc_directory" pkg-config --define-variable=prefix="$prefix" "$@" unmask
}

# shellcheck disable=SC2046 # one word a flag
"$compiler" -std=c11 -pedantic -Wall -Werror "$work/consumer.c" -o "$work/shared" \
    $(query --cflags --libs)
# The static library with shared dependencies: static ones would need more than the build does.
# shellcheck disable=SC2046
"$compiler" -std=c11 "$work/consumer.c" -o "$work/static" $(query --cflags) \
    "$library_directory/libunmask.a" $(pkg-config --libs $(query --print-requires-private)) \
    -pthread -lm

expected="unmask $(query --modversion)"
for answer in \
    "$("$prefix/bin/unmask" --version)" \
    "$(LD_LIBRARY_PATH="$library_directory" "$work/shared")" \
    "$("$work/static")"; do
    [ "$answer" = "$expected" ] || fail "got '$answer', expected '$expected'"
done

page=$(find "$prefix" -name unmask.1)
grep -q "$expected" "$page" || fail "the manual page does not name '$expected'"
echo "installed, linked and run: $expected"
