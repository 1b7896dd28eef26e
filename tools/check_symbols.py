#!/usr/bin/env python3
"""Check the built libraries: exported names, and no mutable global state.

    check_symbols.py HEADER SHARED_LIBRARY STATIC_LIBRARY

The shared library must export exactly the functions that the header marks with UM_API; every
global name of the static library must start with um_; and no object may hold writable data,
since the library keeps no global state.  Needs nm and objdump.  Prints one violation a line and
exits with 1 if there is any.
"""

import re
import subprocess
import sys

API_FUNCTION = re.compile(r"\bUM_API\b[^;{]*?\b(um_\w+)\s*\(")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
# Sections written at run time; .data.rel.ro is written by the loader only.
WRITABLE_SECTION = re.compile(r"^\.(data|bss|tdata|tbss)(\.|$)")
LOADER_SECTION = re.compile(r"^\.data\.rel\.ro(\.|$)")


def declared_functions(header_text):
    """The names of the functions that a header marks with UM_API."""
    return set(API_FUNCTION.findall(COMMENT.sub(" ", header_text)))


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def exported_names(nm_output):
    """Names of the defined symbols of `nm -P`."""
    rows = (line.split() for line in nm_output.splitlines())
    return {row[0] for row in rows if len(row) >= 3 and row[1] in "TDBRVWi"}


def writable_objects(objdump_output):
    """Yield (object file, section, symbol) of each data object that can be written.

    Rows of `objdump -t` are: address, seven flag characters, section, size, name."""
    current = "?"
    for line in objdump_output.splitlines():
        member = re.match(r"(\S+):\s+file format", line)
        if member:
            current = member.group(1)
            continue
        row = re.match(r"[0-9a-f]{8,16} (.{7}) (\S+)\s+([0-9a-f]+)\s+(?:\.hidden )?(\S+)$", line)
        # Local labels and the symbols of sections themselves start with a dot.
        if row is None or row.group(4).startswith("."):
            continue
        section, symbol = row.group(2), row.group(4)
        if section == "*COM*" or (
            WRITABLE_SECTION.match(section) and not LOADER_SECTION.match(section)
        ):
            yield current, section, symbol


def check(declared, exported, static_names, writable):
    """Return the violations as lines of text."""
    problems = [f"{name}: exported, but not UM_API in the header" for name in exported - declared]
    problems += [f"{name}: UM_API in the header, but not exported" for name in declared - exported]
    problems += [
        f"{name}: a global name of the library must start with um_"
        for name in static_names
        if not name.startswith("um_")
    ]
    problems += [
        f"{member}: {symbol} in {section} is mutable global state"
        for member, section, symbol in writable
    ]
    return sorted(problems)


def main(arguments):
    if len(arguments) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    header, shared, static = arguments[1:]
    with open(header, encoding="utf-8") as file:
        declared = declared_functions(file.read())
    problems = check(
        declared,
        exported_names(run("nm", "-P", "-D", "--defined-only", shared)),
        exported_names(run("nm", "-P", "-g", "--defined-only", static)),
        writable_objects(run("objdump", "-t", static)),
    )
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
