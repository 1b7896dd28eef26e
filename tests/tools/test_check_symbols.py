"""Tests of tools/check_symbols.py on a small library, built by the C compiler of the system."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMPILER = os.environ.get("CC", "cc")

HEADER = """
/* um_mentioned(in a comment) is not declared. */
#define UM_API __attribute__((visibility("default")))
UM_API const char *
um_name(int number);
UM_API void um_free(struct um_thing *thing);
"""

CLEAN = """
#include "library.h"
static const char *const names[] = {"a", "b"};
static const int table[] = {1, 2};
const char *um_name(int number) { return names[number & 1] + table[number & 1]; }
void um_free(struct um_thing *thing) { (void)thing; }
int um_internal(void) { return 1; }
"""


def check(source, header=HEADER):
    """Build a static and a shared library of one file and return what the check prints."""
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        (work / "library.h").write_text("struct um_thing;\n" + header)
        (work / "library.c").write_text(source)
        for command in (
            f"{COMPILER} -std=c11 -O0 -fPIC -fvisibility=hidden -c library.c",
            "ar rcs liblibrary.a library.o",
            f"{COMPILER} -shared library.o -o liblibrary.so",
        ):
            subprocess.run(command.split(), cwd=work, check=True)
        result = subprocess.run(
            [sys.executable, str(ROOT / "tools" / "check_symbols.py"), "library.h",
             "liblibrary.so", "liblibrary.a"],
            cwd=work, capture_output=True, text=True, check=False)
        assert result.returncode == (1 if result.stdout else 0), result.stderr
        return result.stdout.splitlines()


class Symbols(unittest.TestCase):
    def test_a_clean_library_passes(self):
        self.assertEqual(check(CLEAN), [])

    def test_an_export_without_a_declaration_is_found(self):
        source = CLEAN + '__attribute__((visibility("default"))) void um_extra(void) {}\n'
        self.assertEqual(check(source), ["um_extra: exported, but not UM_API in the header"])

    def test_a_declaration_without_an_export_is_found(self):
        header = HEADER + "UM_API int um_missing(void);\n"
        self.assertEqual(
            check(CLEAN, header), ["um_missing: UM_API in the header, but not exported"])

    def test_names_have_the_prefix(self):
        self.assertEqual(
            check(CLEAN + "int helper(void) { return 1; }\n"),
            ["helper: a global name of the library must start with um_"])

    def test_every_kind_of_mutable_state_is_found(self):
        for declaration, section in (
            ("static int um_state", ".bss"),
            ("static int um_state = 4", ".data"),
            ("int um_state = 4", ".data"),
            ("static _Thread_local int um_state", ".tbss"),
            ("static _Thread_local int um_state = 4", ".tdata"),
        ):
            source = CLEAN + f"{declaration};\nint um_next(void) {{ return ++um_state; }}\n"
            self.assertEqual(
                check(source), [f"library.o: um_state in {section} is mutable global state"])


if __name__ == "__main__":
    unittest.main()
