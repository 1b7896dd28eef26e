#!/bin/sh
# Install the Debian packages that are missing for some of: build test check fuzz.
#
# If nothing is missing, it installs nothing and needs no rights.  A library counts
# as present if pkg-config finds it, a command if it is on the PATH.
set -eu

# What to look for, and the Debian 12 package that contains it.  A probe is
# command:<name>, library:<pkg-config name>, python:<module> or package:<name>.
requirements() {
    case $1 in
        build) cat <<'END' ;;
command:cc gcc
package:libc6-dev libc6-dev
command:make make
command:cmake cmake
command:ninja ninja-build
command:pkg-config pkg-config
library:jansson libjansson-dev
library:libpcre2-8 libpcre2-dev
library:libutf8proc libutf8proc-dev
package:libopenblas-pthread-dev libopenblas-pthread-dev
library:libseccomp libseccomp-dev
library:libmicrohttpd libmicrohttpd-dev
END
        test) cat <<'END' ;;
library:cmocka libcmocka-dev
library:ompi-c libopenmpi-dev
command:mpirun openmpi-bin
command:ip iproute2
python:unittest python3
command:bwrap bubblewrap
END
        check) cat <<'END' ;;
command:clang-format clang-format
python:unittest python3
END
        fuzz) cat <<'END' ;;
command:clang clang
package:libclang-rt-dev libclang-rt-dev
command:llvm-symbolizer llvm
END
        *)
            echo "install_dependencies.sh: unknown group '$1'; use build, test, check or fuzz" >&2
            exit 2
            ;;
    esac
}

is_present() {
    kind=${1%%:*}
    name=${1#*:}
    case $kind in
        command) command -v "$name" >/dev/null 2>&1 ;;
        library) pkg-config --exists "$name" 2>/dev/null ;;
        python) python3 -c "import $name" 2>/dev/null ;;
        # Without dpkg this is not Debian: the build itself will say what is missing.
        # Packages of other architectures do not count: they are for cross-compiling.
        package) ! command -v dpkg >/dev/null 2>&1 ||
            dpkg-query -W -f '${Status} ${Architecture}\n' "$name" 2>/dev/null |
            grep -Eq " installed ($(dpkg --print-architecture)|all)\$" ;;
    esac
}

missing_packages() {
    for group in "$@"; do
        requirements "$group"
    done | while read -r probe package; do
        is_present "$probe" || echo "$package"
    done | sort -u | tr '\n' ' '
}

explain_and_stop() {
    echo "unmask needs packages that are missing, and $1." >&2
    echo "On Debian or Ubuntu, install them with:" >&2
    echo "    apt-get install $packages" >&2
    exit 1
}

for group in "$@"; do
    requirements "$group" >/dev/null
done
packages=$(missing_packages "$@")
if [ -z "$packages" ]; then
    exit 0
fi

command -v apt-get >/dev/null 2>&1 || explain_and_stop "this system has no apt-get"
if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif ! command -v sudo >/dev/null 2>&1; then
    explain_and_stop "you are not root and sudo is not installed"
elif sudo -n true 2>/dev/null; then
    as_root="sudo -n"
elif [ -t 0 ]; then
    as_root=sudo
else
    explain_and_stop "sudo asks for a password, which nobody is here to type"
fi

echo "installing: $packages"
apt_get() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=3 \
        -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 "$@"
}
apt_get update
# shellcheck disable=SC2086 # one word a package
apt_get install -y --no-install-recommends $packages
packages=$(missing_packages "$@")
if [ -n "$packages" ]; then
    explain_and_stop "apt-get ran but they are still not found"
fi
