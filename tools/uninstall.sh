#!/bin/sh
# Remove the files that the last `make install` listed: uninstall.sh [DESTDIR].
set -eu
cd "$(dirname "$0")/.."

manifest=build/install_manifest.txt
if [ ! -f "$manifest" ]; then
    echo "nothing to remove: $manifest is missing (was \`make install\` run here?)" >&2
    exit 1
fi
# cmake writes no newline after the last name.
while IFS= read -r file || [ -n "$file" ]; do
    echo "removing ${1:-}$file"
    rm -f "${1:-}$file"
    # Remove our folders that are empty now.
    folder=$(dirname "${1:-}$file")
    while case $folder in */unmask | */unmask/*) rmdir "$folder" 2>/dev/null ;; *) false ;; esac; do
        folder=$(dirname "$folder")
    done
done <"$manifest"
rm -f "$manifest"
