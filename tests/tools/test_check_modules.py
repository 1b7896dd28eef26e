"""Tests of tools/check_modules.py: what it must find, and what it must leave alone."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import check_modules  # noqa: E402


def problems(path, text):
    return [problem for _, problem in check_modules.check_file(path, text)]


class Directions(unittest.TestCase):
    def test_every_module_reaches_itself_and_base(self):
        for module in check_modules.DIRECTIONS:
            text = f'#include "{module}/a.h"\n#include "base/status.h"\n'
            self.assertEqual(problems(f"src/{module}/a.c", text), [], module)

    def test_only_listed_modules_are_reached(self):
        self.assertEqual(problems("src/kernels/a.c", '#include "tensor/dtype.h"\n'), [])
        self.assertEqual(
            problems("src/tensor/a.c", '#include "kernels/kernels.h"\n'),
            ['tensor may not include "kernels/kernels.h"'],
        )
        self.assertEqual(
            problems("src/decode/a.c", '#include "tokenizer/bpe.h"\n'),
            ['decode may not include "tokenizer/bpe.h"'],
        )

    def test_directions_are_not_transitive(self):
        self.assertEqual(
            problems("src/analysis/a.c", '#include "model/config.h"\n'),
            ['analysis may not include "model/config.h"'],
        )

    def test_analysis_reaches_the_trace_only(self):
        self.assertEqual(problems("src/analysis/a.c", '#include "decode/trace.h"\n'), [])
        self.assertEqual(len(problems("src/analysis/a.c", '#include "decode/canvas.h"\n')), 1)

    def test_folders_of_a_module_have_an_order_too(self):
        path = "src/train/learner/a.c"
        self.assertEqual(problems(path, '#include "train/recipe/recipe.h"\n'), [])
        self.assertEqual(problems(path, '#include "train/learner/loss.h"\n'), [])
        self.assertEqual(
            problems(path, '#include "train/grpo/grpo_loss.h"\n'),
            ['train/learner may not include "train/grpo/grpo_loss.h"'],
        )
        self.assertEqual(len(problems(path, '#include "train/new/a.h"\n')), 1)
        self.assertEqual(problems("src/cli/eval/a.c", '#include "cli/cli.h"\n'), [])
        self.assertEqual(len(problems("src/cli/a.c", '#include "cli/eval/eval.h"\n')), 1)
        self.assertEqual(problems("src/kernels/avx2/a.c", '#include "kernels/blas/a.h"\n'), [])

    def test_the_public_header_is_for_those_around_it(self):
        for module in ("base", "api", "cli"):
            self.assertEqual(problems(f"src/{module}/a.c", '#include "unmask.h"\n'), [], module)
        self.assertEqual(len(problems("src/model/a.c", '#include "unmask.h"\n')), 1)

    def test_a_file_of_a_subfolder_belongs_to_its_module(self):
        self.assertEqual(len(problems("src/kernels/avx2/a.c", '#include "model/config.h"\n')), 1)

    def test_tests_may_include_every_module(self):
        text = '#include "testing.h"\n#include "cli/options.h"\n#include "unmask.h"\n'
        self.assertEqual(problems("tests/unit/test_a.c", text), [])

    def test_an_unknown_module_is_reported(self):
        self.assertEqual(len(problems("src/extra/a.c", "")), 1)
        self.assertEqual(len(problems("src/base/a.c", '#include "extra/a.h"\n')), 1)


class Form(unittest.TestCase):
    def test_includes_name_their_module(self):
        for header in ("status.h", "../base/status.h", "./status.h"):
            found = problems("src/base/a.c", f'#include "{header}"\n')
            self.assertEqual(len(found), 1, header)
            self.assertIn("module/file.h", found[0])

    def test_includes_are_found_in_every_spelling(self):
        self.assertEqual(len(problems("src/base/a.c", '  #  include   "model/config.h"\n')), 1)

    def test_a_comment_is_not_an_include(self):
        text = '/*\n#include "model/config.h"\n*/\n// #include "model/config.h"\n'
        self.assertEqual(problems("src/base/a.c", text), [])

    def test_long_files_are_reported(self):
        self.assertEqual(problems("src/base/a.c", "\n" * 600), [])
        self.assertEqual(len(problems("src/base/a.c", "\n" * 601)), 1)

    def test_platform_headers_have_their_place(self):
        self.assertEqual(problems("src/collective/collective_mpi.c", "#include <mpi.h>\n"), [])
        self.assertEqual(len(problems("src/train/loop.c", "#include <mpi.h>\n")), 1)


class Calls(unittest.TestCase):
    def test_the_library_neither_prints_nor_ends_the_process(self):
        for call in (
            'printf("x")',
            'puts("x")',
            'perror("x")',
            'fprintf(stderr, "x")',
            'fputs("x", stdout)',
            "exit(1)",
            "abort()",
        ):
            self.assertEqual(len(problems("src/base/a.c", f"void f(void) {{ {call}; }}\n")), 1, call)

    def test_lookalikes_are_left_alone(self):
        for call in (
            'snprintf(text, 3, "x")',
            'fprintf(file, "x")',
            'um_exit("x")',
            "_exit(1)",
            "options->exit(1)",
            'error("call exit(1) or printf(x)")',
            "/* exit(1) */ (void)0",
        ):
            self.assertEqual(problems("src/base/a.c", f"void f(void) {{ {call}; }}\n"), [], call)

    def test_the_program_may_print(self):
        self.assertEqual(problems("src/cli/main.c", 'void f(void) { printf("x"); }\n'), [])

    def test_the_line_is_that_of_the_call(self):
        text = "/* a\n b */\nvoid f(void) {\n    abort();\n}\n"
        self.assertEqual([line for line, _ in check_modules.check_file("src/base/a.c", text)], [4])


class Program(unittest.TestCase):
    def run_on(self, text):
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder) / "src" / "base" / "a.c"
            source.parent.mkdir(parents=True)
            source.write_text(text)
            command = [sys.executable, str(ROOT / "tools" / "check_modules.py"), folder]
            return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_violations_are_lines_and_the_exit_status(self):
        result = self.run_on('#include <stdio.h>\n#include "model/config.h"\n')
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stdout, 'src/base/a.c:2: base may not include "model/config.h"\n')

    def test_a_clean_tree_passes(self):
        result = self.run_on("")
        self.assertEqual((result.returncode, result.stdout), (0, "module directions: ok\n"))


if __name__ == "__main__":
    unittest.main()
