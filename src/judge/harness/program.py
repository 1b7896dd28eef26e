"""The process of the untrusted program: defines it, then answers calls.

Nothing that happens here is believed: the other side takes values, never a verdict.
"""

import builtins

MAXIMUM_PRINTED = 1 << 16
ONLY_SYNTAX_TREE = 0x400  # ast.PyCF_ONLY_AST, without the import of ast


class Printed:
    """Standard output: kept, up to a limit, until the next answer takes it along."""

    encoding = "utf-8"
    errors = "strict"
    closed = False

    def __init__(self):
        self.parts = []
        self.length = 0

    def write(self, text):
        if self.length < MAXIMUM_PRINTED:
            self.parts.append(str(text)[:MAXIMUM_PRINTED - self.length])
            self.length += len(self.parts[-1])
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        pass

    def isatty(self):
        return False

    def take(self):
        text = "".join(self.parts)
        self.parts, self.length = [], 0
        return text


class Callback:
    """A function or an iterator of the tests."""

    def __init__(self, peer, number, name):
        self._um_peer = peer

    def _um_ask(self, operation, *arguments):
        answer = self._um_peer.request(self._um_peer.question(operation, arguments))
        if answer[0] == "raise":
            raise getattr(builtins, answer[1], RuntimeError)(*answer[2])
        return answer[1]

    def __call__(self, *arguments, **named):
        return self._um_ask("call", self, arguments, named)

    def __iter__(self):
        return self

    def __next__(self):
        return self._um_ask("next", self)


class Program:
    """Performs what the tests ask for."""

    def __init__(self):
        self.peer = Peer(-1, Callback, self.name_of)
        self.names = {"__name__": "program", "__builtins__": builtins}
        self.printed = Printed()
        operations = {
            "call": self.call, "next": next, "iter": iter, "len": len, "str": str, "repr": repr,
            "get": getattr, "set": setattr, "item": lambda a, key: a[key], "set item": self.set_item,
            "define": self.define}
        self.peer.operations = {name: self.answering(perform) for name, perform in operations.items()}
        self.peer.operations["parse"] = self.parse
        self.peer.operations["call"] = self.call
        self.peer.operations["calls"] = self.calls

    def name_of(self, value):
        if isinstance(value, type(sys)) and value.__name__ in PLAIN_MODULES:
            return "module:" + value.__name__
        if isinstance(value, type) and issubclass(value, BaseException):
            return "exception:" + self.standard_base(value)
        return "class" if isinstance(value, type) else type(value).__name__

    @staticmethod
    def standard_base(kind):
        for base in kind.__mro__:
            if getattr(builtins, base.__name__, None) is base:
                return base.__name__
        return "Exception"

    def answering(self, perform):
        def answer(*arguments):
            try:
                return ("return", perform(*arguments), (), self.printed.take())
            except BaseException as error:
                return self.raised(error)
        return answer

    def raised(self, error):
        kind = type(error)
        own = kind if self.names.get(kind.__name__) is kind else None
        arguments = tuple(part for part in error.args if type(part) in (str, int, float, bool, type(None)))
        if len(arguments) != len(error.args):
            arguments = (str(error),)
        return ("raise", self.standard_base(kind), arguments, own, self.printed.take())

    @staticmethod
    def parse(text):
        try:
            compile(text, "<unknown>", "exec", ONLY_SYNTAX_TREE)  # what ast.parse does
        except SyntaxError as error:
            return ("return", "syntax", str(error), "")
        except BaseException as error:
            return ("return", "unparsable", type(error).__name__, "")
        return ("return", "python", "", "")

    def define(self, text):
        if "random" in text:
            import random
            random.seed("program")  # one program, one verdict
        exec(compile(text, "<program>", "exec"), self.names)
        found = {}
        for name, value in self.names.items():
            if type(name) is str and not name.startswith("__"):
                try:
                    encode(value, self.peer.export)
                    found[name] = value
                except Exception:
                    pass  # too deep, too large: the tests cannot have it
        return found

    def call(self, function, arguments, named):
        """Call, and report which arguments the call changed."""
        before = [encode(value, self.peer.export) for value in arguments]
        try:
            result = function(*arguments, **named)
        except BaseException as error:
            return self.raised(error)
        changed = []
        for place, value in enumerate(arguments):
            if type(value) in (list, dict, set, bytearray, deque, tuple):
                if encode(value, self.peer.export) != before[place]:
                    changed.append((place, value))
        return ("return", result, tuple(changed), self.printed.take())

    def calls(self, function, calls):
        """Several calls, one after the other."""
        return ("return", tuple(self.call(function, *each) for each in calls), (), "")

    @staticmethod
    def set_item(target, key, value):
        target[key] = value

    def run(self, descriptor):
        """Answer until the tests are over."""
        sys.setrecursionlimit(1030)  # the frames of this file do not count against the program
        sys.stdout = self.printed
        self.peer.descriptor = descriptor
        try:
            while True:
                self.answer_one()
        except EOFError:
            pass

    def answer_one(self):
        message = self.peer.receive()
        try:
            self.peer.serve(message)
        except WireError as error:
            self.peer.send(("raise", "ValueError", (str(error),), None, ""))


def run_program(descriptor):
    Program().run(descriptor)
