#!/usr/bin/env python3
"""Run a program in a terminal of its own and print what its screen shows in the end.

    in_terminal.py [--size COLUMNSxROWS] [--keys TEXT] [--interrupt SECONDS] [--colours] [--seen PATTERN] COMMAND...

The terminal understands the sequences that the live view uses and fails on any other, so that
nothing a model writes can reach it as a control sequence.  With --colours, attributes are printed as {N}
where one of the 256 colours begins, {dim}, and {} where all attributes end.  The last line says whether the
cursor is visible and wrapping is on; with --seen, the line before it has the first match of the regular
expression in everything that was written.  The exit status is that of the program.
"""

import argparse
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
import unicodedata

SEQUENCE = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])")


class Screen:
    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.lines = [[] for _ in range(rows)]
        self.x = self.y = 0
        self.cursor = self.wrapping = True
        self.attribute = ""
        self.scrolled = []

    def feed(self, text):
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                match = SEQUENCE.match(text, at)
                if not match:
                    raise ValueError(f"unknown sequence {text[at:at + 12]!r}")
                self.control(*match.groups())
                at = match.end()
            else:
                self.put(text[at])
                at += 1

    def put(self, character):
        if character == "\r":
            self.x = 0
        elif character == "\n":
            self.line_feed()
        elif character == "\t":
            self.x = min((self.x // 8 + 1) * 8, self.columns - 1)
        elif character < " " or character == "\x7f":
            raise ValueError(f"control character {character!r}")
        else:
            self.put_cell(character)

    def put_cell(self, character):
        width = 2 if unicodedata.east_asian_width(character) in "WF" else 1
        width = 0 if unicodedata.combining(character) else width
        if self.x + width > self.columns:
            if not self.wrapping:
                raise ValueError("written over the right margin")
            self.x = 0
            self.line_feed()
        line = self.lines[self.y]
        line.extend((" ", "") for _ in range(self.x - len(line)))
        line[self.x:self.x + width] = [(character, self.attribute)] + [("", self.attribute)] * (width - 1)
        self.x += width

    def line_feed(self):
        if self.y + 1 < self.rows:
            self.y += 1
        else:
            self.scrolled.append(self.lines.pop(0))
            self.lines.append([])

    def control(self, private, parameters, final):
        numbers = [int(number) if number else 0 for number in parameters.split(";")]
        count = max(1, numbers[0])
        if private:
            self.mode(numbers[0], final)
        elif final == "A":
            if count > self.y:
                raise ValueError("moved above the screen")
            self.y -= count
        elif final == "K":
            self.lines[self.y] = self.lines[self.y][:self.x]
        elif final == "J" and numbers[0] == 2:
            self.lines = [[] for _ in range(self.rows)]
        elif final == "J":
            self.lines[self.y] = self.lines[self.y][:self.x]
            self.lines[self.y + 1:] = [[] for _ in range(self.rows - self.y - 1)]
        elif final == "H":
            self.x = self.y = 0
        elif final == "m":
            self.attribute = {0: "{}", 2: "{dim}", 38: f"{{{numbers[-1]}}}"}[numbers[0]]
        else:
            raise ValueError(f"unknown sequence {parameters}{final}")

    def mode(self, number, final):
        on = final == "h"
        if number == 25:
            self.cursor = on
        elif number == 7:
            self.wrapping = on
        elif number != 2026:
            raise ValueError(f"unknown mode {number}")

    def text(self, coloured):
        for line in self.scrolled + self.lines:
            shown, attribute = "", "{}"
            for character, own in line:
                if coloured and (own or "{}") != attribute:
                    attribute = own or "{}"
                    shown += attribute
                shown += character
            yield shown.rstrip()


def spawn(command, columns, rows):
    child, descriptor = pty.fork()
    if child == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.execvp(command[0], command)
    return child, descriptor


def read_all(child, descriptor, options):
    """Everything the program writes; keys go in one by one, each after a moment of silence."""
    output, keys = b"", list(options.keys)
    start, interrupted = None, options.interrupt is None  # time counts from the first output
    while True:
        ready, _, _ = select.select([descriptor], [], [], 0.15)
        if not interrupted and start is not None and time.monotonic() - start > options.interrupt:
            os.kill(child, signal.SIGINT)
            interrupted = True
        if ready:
            try:
                chunk = os.read(descriptor, 65536)
            except OSError:  # the other side is closed
                return output
            if not chunk:
                return output
            output += chunk
            start = start or time.monotonic()
        elif keys:
            os.write(descriptor, keys.pop(0).encode())


def main():
    parser = argparse.ArgumentParser(description="Run a program in a terminal.")
    parser.add_argument("--size", default="80x24")
    parser.add_argument("--keys", default="")
    parser.add_argument("--interrupt", type=float)
    parser.add_argument("--colours", action="store_true")
    parser.add_argument("--seen", type=re.compile)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    columns, rows = map(int, options.size.split("x"))
    child, descriptor = spawn(options.command, columns, rows)
    output = read_all(child, descriptor, options).decode("utf-8")
    _, status = os.waitpid(child, 0)
    screen = Screen(columns, rows)
    screen.feed(output)
    lines = list(screen.text(options.colours))
    while lines and not lines[-1]:
        lines.pop()
    print("\n".join(lines))
    if options.seen:
        match = options.seen.search(output)
        print(f"seen: {match.group() if match else 'nothing'}")
    print(f"cursor {'visible' if screen.cursor else 'hidden'}, wrapping {'on' if screen.wrapping else 'off'}")
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
