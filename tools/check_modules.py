#!/usr/bin/env python3
"""Check the structure of the C sources: module directions, file lengths, no output from the library.

    check_modules.py [ROOT]

Prints one violation a line as `path:line: text` and exits with 1 if there is any.
"""

import pathlib
import re
import sys

# What each module may include besides itself and `base`.  An entry is a module or one header of it;
# `unmask.h` is the public header.
DIRECTIONS = {
    "base": {"unmask.h"},
    "tensor": set(),
    "tokenizer": {"weights/gguf.h", "weights/gguf_writer.h"},
    "statistics": set(),
    "page": set(),
    "judge": set(),
    "collective": set(),
    "kernels": {"tensor"},
    "weights": {"tensor"},
    "model": {"kernels", "tensor", "weights"},
    "decode": {"model", "tensor", "kernels"},
    "analysis": {"decode/trace.h", "page", "statistics"},
    "train": {"model", "kernels", "tensor", "weights", "decode", "tokenizer", "judge",
              "collective"},
    "eval": {"model", "decode", "tokenizer", "judge", "page", "statistics"},
    "api": {"unmask.h", "model", "weights", "kernels", "tensor", "decode", "tokenizer"},
    "serve": {"unmask.h"},
    # The top of the house: commands may use what is listed, and nothing may use them.
    "cli": {"unmask.h", "serve", "train", "eval", "analysis", "model", "decode", "kernels",
            "tokenizer", "judge", "collective", "page", "statistics", "api/parts.h"},
}

# What each folder of a module may include besides itself and the files directly in the module.  No
# file outside a folder may include one in it, except from another module.
FOLDERS = {
    "train": {
        "corpus": set(),
        "recipe": set(),
        "run": {"corpus", "recipe"},
        "optimizer": {"recipe"},
        "learner": {"optimizer", "run", "recipe"},
        "completions": {"learner", "run", "recipe"},
        "supervised": {"completions", "learner", "run", "recipe", "corpus"},
        "grpo": {"completions", "learner", "run", "recipe", "corpus"},
        "trainer": {"learner", "run", "recipe"},
    },
    "cli": {
        "terminal": set(),
        "request": {"terminal"},
        "corpus": {"request", "terminal"},
        "generate": {"request", "terminal"},
        "fill": {"request", "terminal"},
        "serve": {"request", "terminal"},
        "replay": {"request", "terminal"},
        "analyze": {"replay", "request", "terminal"},
        "inspect": {"request"},
        "convert": {"request", "terminal"},
        "bench": {"request", "terminal"},
        "train": {"terminal"},
        "judge": {"terminal"},
        "eval": {"judge", "request", "terminal"},
        "sweep": {"eval", "request", "terminal"},
    },
}

MAXIMUM_LINES = 600
SOURCE_FOLDERS = ("include", "src", "tests", "bench")

# Platform headers and the only files that may see them.
PLATFORM_HEADERS = (
    (re.compile(r"^mpi\.h$"), re.compile(r"^src/collective/")),
)

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]*)"|<([^>]*)>)')
MODULE_HEADER = re.compile(r"^[a-z0-9_]+(/[a-z0-9_]+)+\.h$")
COMMENT_OR_LITERAL = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL
)
# Calls by which the library would print to the terminal or end its caller's process.  A forked
# child may use _exit.
FORBIDDEN_CALLS = (
    (re.compile(r"(?<![\w.>])(printf|vprintf|puts|putchar|perror)\s*\("), "prints"),
    (re.compile(r"(?<![\w.>])(v?fprintf|fputs|fputc|putc|fwrite)\s*\([^;]*\b(stdout|stderr)\b"),
     "prints"),
    (re.compile(r"(?<![\w.>])(exit|abort|quick_exit|_Exit)\s*\("), "ends the process"),
)


def blank(match):
    """Replace a comment or literal by spaces, keeping the line structure."""
    return re.sub(r"[^\n]", " ", match.group(0))


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def may_include(module, header):
    """Whether a file of `module` may include "header" (a path below src, or unmask.h)."""
    allowed = DIRECTIONS[module]
    target = header.split("/")[0]
    return target in (module, "base") or header in allowed or target in allowed


def folder_of(path):
    """The folder of "<module>/<folder>/..." below src; "" for a file directly in the module."""
    parts = path.split("/")
    return parts[1] if len(parts) > 2 else ""


def check_folder(path, module, header):
    """Yield what is wrong with an include of a header of the file's own module."""
    folders = FOLDERS.get(module)
    own, target = folder_of(path.removeprefix("src/")), folder_of(header)
    if folders is None or target in ("", own):
        return
    if target not in folders:
        yield f'include "{header}": {module}/{target} is not a folder of the table'
    elif target not in folders.get(own, set()):
        yield f'{module}/{own} may not include "{header}"'


def check_include(path, module, header):
    """Yield what is wrong with an include of "header" in a file of `module` (None outside src)."""
    if header == "unmask.h":
        if module is not None and not may_include(module, header):
            yield f'{module} may not include "unmask.h"; use "base/status.h"'
        return
    local = path.startswith("tests/") and "/" not in header
    if not MODULE_HEADER.match(header):
        if not local:
            yield f'include "{header}" is not of the form "module/file.h"'
        return
    if module is None:
        return
    target = header.split("/")[0]
    if target not in DIRECTIONS:
        yield f'include "{header}": {target} is not a module'
    elif not may_include(module, header):
        yield f'{module} may not include "{header}"'
    elif target == module:
        yield from check_folder(path, module, header)


def check_platform_header(path, header):
    for pattern, place in PLATFORM_HEADERS:
        if pattern.match(header) and not place.match(path):
            yield f"<{header}> belongs in one place only: {place.pattern}"


def check_includes(path, module, text):
    # Only block comments can hide an include; literals must stay, since the header's name is one.
    without_comments = re.sub(r"/\*.*?\*/", blank, text, flags=re.DOTALL)
    for number, line in enumerate(without_comments.split("\n"), 1):
        match = INCLUDE.match(line)
        if match is None:
            continue
        quoted, angled = match.groups()
        if quoted is not None:
            problems = check_include(path, module, quoted)
        else:
            problems = check_platform_header(path, angled)
        for problem in problems:
            yield number, problem


def check_calls(text):
    code = COMMENT_OR_LITERAL.sub(blank, text)
    for pattern, what in FORBIDDEN_CALLS:
        for match in pattern.finditer(code):
            yield line_of(code, match.start()), f"{match.group(1)}() in the library {what}"


def module_of(path):
    """The module of "src/<module>/...", or None outside src."""
    parts = path.split("/")
    return parts[1] if parts[0] == "src" and len(parts) > 2 else None


def check_file(path, text):
    """Yield (line, problem) for one file, named by its path from the repository root."""
    module = module_of(path)
    lines = text.count("\n")
    if lines > MAXIMUM_LINES:
        yield MAXIMUM_LINES + 1, f"{lines} lines; a file has at most {MAXIMUM_LINES}"
    if path.startswith("src/") and module not in DIRECTIONS:
        yield 1, f"{module or 'a file directly in src'} is not a module of the table"
        return
    yield from check_includes(path, module, text)
    if module is not None and module != "cli":
        yield from check_calls(text)


def check_tree(root):
    """Return the sorted violations of every C file below `root`, each one line of text."""
    violations = []
    for folder in SOURCE_FOLDERS:
        for file in sorted((root / folder).rglob("*.[ch]")):
            path = file.relative_to(root).as_posix()
            text = file.read_text(encoding="utf-8", errors="replace")
            violations += [(path, line, problem) for line, problem in check_file(path, text)]
    return [f"{path}:{line}: {problem}" for path, line, problem in sorted(violations)]


def main(arguments):
    root = pathlib.Path(arguments[1] if len(arguments) > 1 else pathlib.Path(__file__).parents[1])
    if not (root / "src").is_dir():
        print(f"{root}: no src folder below it", file=sys.stderr)
        return 2
    violations = check_tree(root)
    for violation in violations:
        print(violation)
    if not violations:
        print("module directions: ok")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
