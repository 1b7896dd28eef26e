#!/usr/bin/env python3
"""Check a page of `unmask report`, `analyze`, `replay`, `eval` or `sweep`: check_report.py PAGE [--most-bytes N] [--without-scripts]
[--text TEXT]...

The page must be well-formed, load nothing, run only the scripts that its policy names, and contain no
element or attribute that the program does not write itself.  Each --text must occur in it as text.
"""

import argparse
import base64
import hashlib
import html.parser
import pathlib
import re
import sys

VOID = {"meta", "input"}
# Everything that the program writes; whatever else appears came out of a file that was shown.
ELEMENTS = {
    "html": {"lang"}, "head": set(), "meta": {"charset", "name", "content", "http-equiv"}, "title": set(),
    "style": set(), "body": set(), "main": set(), "script": set(), "h1": set(), "h2": set(), "h3": set(),
    "p": {"class"}, "div": {"class", "title"}, "span": {"class", "data-s", "data-t", "title"}, "i": {"class"},
    "b": set(), "pre": set(),
    "input": {"type", "class", "id", "checked", "min", "max", "value", "aria-label"}, "label": {"for"},
    "details": {"open"}, "summary": set(), "section": {"class", "data-steps", "data-pace"},
    "button": {"type", "aria-label"}, "output": set(), "select": {"aria-label"},
    "option": {"value", "selected"},
    "figure": set(), "figcaption": set(), "table": {"class"}, "thead": set(), "tbody": set(),
    "tr": {"class"}, "th": {"class", "colspan"}, "td": {"class"},
    "svg": {"class", "viewbox", "role", "aria-label", "data-frame", "data-range", "data-log", "data-x"},
    "line": {"class", "x1", "x2", "y1", "y2"}, "path": {"class", "d", "data-group", "data-label"}, "circle": {"class", "cx", "cy", "r"},
    "text": {"class", "x", "y", "text-anchor"},
}


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open = []
        self.problems = []
        self.text = []
        self.scripts = []
        self.policy = ""

    def problem(self, text):
        self.problems.append(f"line {self.getpos()[0]}: {text}")

    def check_element(self, tag, attributes):
        if tag not in ELEMENTS:
            self.problem(f"unexpected element {tag}")
            return
        names = [name for name, _ in attributes]
        if len(set(names)) < len(names):
            self.problem(f"{tag}: an attribute twice")
        for name, value in attributes:
            if name not in ELEMENTS[tag]:
                self.problem(f"{tag}: unexpected attribute {name}")
            if tag == "path" and name == "d" and not re.fullmatch(r"([MLHVhv][-\d. ]+|[Zz])*", value):
                self.problem(f"path: {value[:60]}")
        if dict(attributes).get("http-equiv") == "Content-Security-Policy":
            self.policy = dict(attributes)["content"]

    def handle_starttag(self, tag, attributes):
        self.check_element(tag, attributes)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        if not {"svg"} & set(self.open):
            self.problem(f"{tag} closes itself outside a picture")
        self.check_element(tag, attributes)

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.problem(f"</{tag}> closes {self.open[-1:] or 'nothing'}")
        else:
            self.open.pop()

    def handle_comment(self, data):
        self.problem("a comment")

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif self.open and self.open[-1] == "style":
            if re.search(r"url\(|@import|expression", data):
                self.problem("the style sheet loads something")
        else:
            self.text.append(data)


def check(raw, most_bytes, texts, has_scripts):
    page = Page()
    page.feed(raw.decode("utf-8"))
    page.close()
    yield from page.problems
    if page.open:
        yield f"not closed: {page.open}"
    if bool(page.scripts) != has_scripts:
        yield "no script" if has_scripts else "a script"
    sums = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
            for script in page.scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in sums) or "'none'"
    if f"script-src {allowed};" not in page.policy or "default-src 'none'" not in page.policy:
        yield f"the policy does not allow just the scripts, whose SHA-256 are {', '.join(sums)}"
    if re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", raw):
        yield "control characters"
    if most_bytes and len(raw) > most_bytes:
        yield f"{len(raw)} bytes, at most {most_bytes} are wanted"
    whole = "".join(page.text)
    for text in texts:
        if text not in whole:
            yield f"the text {text!r} is missing"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("--most-bytes", type=int, default=0)
    parser.add_argument("--without-scripts", action="store_true")
    parser.add_argument("--text", action="append", default=[])
    arguments = parser.parse_args()
    problems = list(check(arguments.page.read_bytes(), arguments.most_bytes, arguments.text,
                          not arguments.without_scripts))
    for problem in problems[:20]:
        print(f"{arguments.page}: {problem}")
    if not problems:
        print("the page is whole")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
