"""The process of the tests: trusted code that calls the program, compares, and gives the verdict.

What comes from the program is plain data or a stand-in that compares by identity.
"""

import builtins
import importlib
import types

MAXIMUM_SPLIT = 1 << 16  # longer tests are not taken apart into their asserts
MAXIMUM_TEXT = 300
# Names under which tests use a module without importing it: they get the real module, whatever a
# program has bound to the name.
MODULE_NAMES = {name: name for name in PLAIN_MODULES} | {
    "np": "numpy", "numpy": "numpy", "pd": "pandas", "pandas": "pandas", "os": "os", "sys": "sys", "json": "json",
    "time": "time", "torch": "torch", "scipy": "scipy", "pytest": "pytest", "unittest": "unittest"}


class ProgramEnded(BaseException):
    """No answer will come.  Not an Exception, so that a test does not take it for one of its own."""


class Remote:
    """Stands for an object of the program.  It compares and hashes by identity: nothing that the
    program says can make it equal to a value of the tests, and no operator is forwarded."""

    __slots__ = ("_um_session",)

    def __init__(self, session):
        object.__setattr__(self, "_um_session", session)

    def __call__(self, *arguments, **named):
        return self._um_session.ask("call", (self, arguments, named), arguments)

    def __getattr__(self, name):
        if name.startswith("__") and name != "__name__":
            raise AttributeError(name)
        return self._um_session.ask("get", (self, name))

    def __setattr__(self, name, value):
        self._um_session.ask("set", (self, name, value))

    def __getitem__(self, key):
        return self._um_session.ask("item", (self, key))

    def __setitem__(self, key, value):
        self._um_session.ask("set item", (self, key, value))

    def __iter__(self):
        return self._um_session.ask("iter", (self,))

    def __next__(self):
        return self._um_session.ask("next", (self,))

    def __len__(self):
        return self._um_session.ask("len", (self,))

    def __bool__(self):
        return True

    def __str__(self):
        return self._um_session.ask("str", (self,))

    def __repr__(self):
        return self._um_session.ask("repr", (self,))


def make_proxy(session):
    def make(peer, number, name):
        if name.startswith("exception:"):
            base = standard_exception(name[10:]) or Exception
            return type("ProgramException", (base,), {})
        return Remote(session)
    return make


def standard_exception(name):
    """The built-in exception class of that name, if it is one that a test may meet."""
    kind = vars(builtins).get(name) if type(name) is str else None
    return kind if isinstance(kind, type) and issubclass(kind, Exception) else None


def merge(old, new):
    """Give `old` the contents of `new`, keeping the containers inside it, which others may refer to."""
    if type(old) is not type(new):
        return
    if type(old) is tuple:
        for left, right in zip(old, new):
            merge(left, right)
    elif type(old) is list:
        kept = [keep(left, right) for left, right in zip(old, new)]
        old[:] = kept + new[len(kept):]
    elif type(old) is dict:
        fresh = {key: keep(old[key], value) if key in old else value for key, value in new.items()}
        old.clear()
        old.update(fresh)
    elif type(old) is bytearray:
        old[:] = new
    elif type(old) in (set, deque):
        old.clear()
        (old.update if type(old) is set else old.extend)(new)


def keep(old, new):
    if type(old) is type(new) and type(old) in (list, dict, set, bytearray, deque):
        merge(old, new)
        return old
    return new


class Session:
    """Calls to the program.  Once broken, it never gives a good verdict."""

    def __init__(self, descriptor):
        self.peer = Peer(descriptor, make_proxy(self), self.name_of)
        self.peer.module = self.module
        self.peer.operations = {"call": self.call_back, "next": self.next_back}
        self.broken = None
        self.regular = True  # every answer had the required form

    @staticmethod
    def name_of(value):
        if isinstance(value, (types.FunctionType, types.BuiltinFunctionType, types.MethodType, type,
                              types.GeneratorType)) or hasattr(value, "__next__"):
            return "callback"
        raise WireError(f"an object of type {type(value).__name__} cannot be handed to the program")

    @staticmethod
    def module(name):
        if name not in PLAIN_MODULES:
            raise WireError("a module")
        return importlib.import_module(name)

    def call_back(self, function, arguments, named):
        if type(arguments) is not tuple or type(named) is not dict:
            raise WireError("no call")
        return self.outcome(lambda: function(*arguments, **named))

    def next_back(self, iterator):
        return self.outcome(lambda: next(iterator))

    @staticmethod
    def outcome(perform):
        try:
            return ("return", perform())
        except Exception as error:
            return ("raise", type(error).__name__, (str(error)[:MAXIMUM_TEXT],))

    def request(self, operation, arguments):
        """The answer to a question: the tuple ("return", ...) or ("raise", ...)."""
        self.post(operation, arguments)
        return self.answer()

    def post(self, operation, arguments):
        """Ask, and leave the answer for later."""
        if self.broken:
            raise ProgramEnded
        try:
            question = self.peer.question(operation, arguments)
        except WireError as error:
            raise TypeError(str(error)) from None
        try:
            write_frame(self.peer.descriptor, question)
        except OSError:
            self.broken = "the program ended"
            raise ProgramEnded from None

    def answer(self):
        try:
            return self.peer.answer()
        except (EOFError, ConnectionError):
            self.broken = "the program ended"
        except (WireError, OSError, RecursionError, MemoryError) as error:
            self.broken = f"the program did not answer in plain data: {error}"
            self.regular = False
        raise ProgramEnded

    def ask(self, operation, arguments, changeable=()):
        """The value that the operation gives; raises what it raised."""
        return self.take(self.request(operation, arguments), changeable)

    def take(self, answer, changeable):
        """What an answer gives or raises."""
        if answer[0] == "return" and len(answer) == 4:
            self.printed(answer[3])
            self.change(changeable, answer[2])
            return answer[1]
        if answer[0] == "raise" and len(answer) == 5:
            self.printed(answer[4])
            self.throw(answer[1], answer[2], answer[3])
        self.broken = "the program did not answer in plain data"
        raise ProgramEnded

    @staticmethod
    def printed(text):
        if type(text) is str and text:
            sys.stdout.write(text)

    @staticmethod
    def change(arguments, changes):
        for item in changes if type(changes) is tuple else ():
            if type(item) is tuple and len(item) == 2 and type(item[0]) is int and 0 <= item[0] < len(arguments):
                merge(arguments[item[0]], item[1])

    def throw(self, name, arguments, own):
        kind = own if isinstance(own, type) and issubclass(own, Exception) else standard_exception(name)
        if kind is None or type(arguments) is not tuple:
            self.broken = "the program ended itself"  # SystemExit and the like
            raise ProgramEnded
        try:
            error = kind(*arguments)
        except Exception:
            error = kind.__new__(kind)
        raise error


# ---- Tests ---------------------------------------------------------------------------------------


class Record:
    """Which tests passed, and the error of the first one that failed."""

    def __init__(self):
        self.bits = []
        self.text = ""
        self.lines = []  # the asserts of a check() that has nothing else

    def passed(self, number):
        self.bits[number] = 1

    def restart(self):
        self.bits = [0] * len(self.bits)
        self.text = ""

    def failed(self, number, error):
        if not self.text:
            self.text = f"test {number + 1} of {len(self.bits)}: {describe(error)}"


def describe(error):
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def guarded(ast, node, number):
    """The assert `node` as a statement that records whether it passed."""
    def call(name, *extra):
        return ast.Expr(ast.Call(ast.Name(name, ast.Load()), [ast.Constant(number), *extra], []))
    handler = ast.ExceptHandler(ast.Name("_um_Exception", ast.Load()), "_um_error",
                                [call("_um_failed", ast.Name("_um_error", ast.Load()))])
    return ast.Try([node], [handler], [call("_um_passed")], [])


def split_check(text, record):
    """Compile `text` so that each assert at the top level of check() is a test of its own; the second
    value says whether the return of check() is one more test."""
    if len(text) <= MAXIMUM_SPLIT:
        try:
            return split_lines(text, record)
        except (SyntaxError, ValueError):
            return split_tree(text, record)
    record.bits = [0]
    return compile(text, "<tests>", "exec"), True


def split_lines(text, record):
    """Like split_check, for a check() with each assert on a line of its own: many times as fast as by
    syntax tree.  Raises SyntaxError for any other check()."""
    lines = text.split("\n")
    starts = [number for number, line in enumerate(lines) if line.startswith("def check(")]
    body = starts[-1] + 1 if starts else 0
    first = lines[body] if body < len(lines) else ""
    indent = first[:len(first) - len(first.lstrip())]
    if not starts or not indent or '"""' in text or "'''" in text or "\\\n" in text:
        raise SyntaxError
    count, others, plain, asserts = 0, False, "random" not in text, []
    for number in range(body, len(lines)):
        line = lines[number]
        if line.startswith(indent + "assert ") or line.startswith(indent + "assert("):
            lines[number] = (f"{indent}try: {line[len(indent):]}\n"
                             f"{indent}except _um_Exception as _um_error: _um_failed({count}, _um_error)\n"
                             f"{indent}else: _um_passed({count})")
            count += 1
            asserts.append(line)
        elif line and not line.startswith(indent):
            break
        else:
            others = others or "assert" in line
            plain = plain and not line.strip()
    whole = others or count == 0
    code = compile("\n".join(lines), "<tests>", "exec")
    record.bits = [0] * (count + whole)
    record.lines = asserts if plain else []
    return code, whole


def split_tree(text, record):
    import ast
    tree = ast.parse(text)
    checks = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "check"]
    body, count, others = [], 0, False
    for node in checks[-1].body if checks else ():
        if isinstance(node, ast.Assert):
            node = guarded(ast, node, count)
            count += 1
        else:
            others = others or any(isinstance(inner, ast.Assert) for inner in ast.walk(node))
        body.append(node)
    if checks:
        checks[-1].body = body
    whole = others or count == 0
    code = compile(ast.fix_missing_locations(tree), "<tests>", "exec")
    record.bits = [0] * (count + whole)
    return code, whole


def run_check(session, record, names, entry_point, test):
    code, whole = split_check(test, record)
    candidate = names.get(entry_point)
    names.pop("check", None)  # only the check() of the tests counts
    exec(code, names)
    if candidate is None or "check" not in names:
        record.text = f"the program does not define {entry_point}" if candidate is None else "there is no check()"
        return
    if type(candidate) is Remote and can_be_foreseen(record.lines, names, "candidate", entry_point):
        candidate = names[entry_point] = foreseen = Foreseen(session, candidate)
        names["check"](foreseen)
        foreseen._um_make_calls()
        record.restart()
    try:
        names["check"](candidate)
    except Exception as error:
        record.failed(len(record.bits) - 1, error)
        record.bits[-1] = 0
    else:
        if whole:
            record.bits[-1] = 1


def run_asserts(session, record, names, entry_point, setup, asserts):
    record.bits = [0] * len(asserts)
    if setup:
        exec(compile(setup, "<setup>", "exec"), names)
    tested = names.get(entry_point)
    if type(tested) is Remote and not setup and can_be_foreseen(asserts, names, entry_point):
        names[entry_point] = foreseen = Foreseen(session, tested)
        run_each(record, names, asserts)
        foreseen._um_make_calls()
        record.restart()
    run_each(record, names, asserts)


def run_each(record, names, asserts):
    for number, text in enumerate(asserts):
        try:
            exec(compile(text, "<test>", "exec"), names)
        except Exception as error:
            record.failed(number, error)
        else:
            record.passed(number)


def tested_name(asserts):
    """The function that the asserts test: the first name they call that is not built in, or else the
    first name they call.  A script among them, which calls functions of its own, does not count."""
    import ast
    first = ""
    for text in [text for text in asserts if text.lstrip().startswith("assert")] or asserts:
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                first = first or node.func.id
                if not hasattr(builtins, node.func.id):
                    return node.func.id
    return first


def trusted_names(prompt):
    """The names that the prompt itself defines, up to where it breaks off."""
    lines = prompt.splitlines(keepends=True)
    while lines:
        try:
            code = compile("".join(lines), "<prompt>", "exec")
        except (SyntaxError, ValueError):
            del lines[-1]
            continue
        names = {"__name__": "tests"}
        try:
            exec(code, names)
            return names
        except Exception:
            break
    return {"__name__": "tests"}


def may_define(name, value, trusted):
    """Whether tests may see the program's object of that name: never in place of a built-in function or a
    function that the problem defines, since tests rely on these, nor under a name of the interpreter's own, such as
    `__builtins__`.  But a class of the problem is taken from the program, whose functions take objects of its own
    class; unless objects of the class travel by value, so that the tests can make them by themselves."""
    if hasattr(builtins, name) or name.startswith(("__", "_um_")) or type(value) is types.ModuleType:
        return False
    return name not in trusted or isinstance(trusted[name], type) and not travels_by_value(trusted[name])


def own_module(name):
    """The module of that name, or None if it is not installed."""
    try:
        return importlib.import_module(MODULE_NAMES[name])
    except ImportError:
        return None


def namespace(found, prompt, entry_point):
    """The names that tests see: the problem's, and those of the program's that may_define allows.  They are in
    one dictionary, so that functions of the problem call the program's function under test."""
    names = trusted_names(prompt)
    names["__builtins__"] = builtins
    names.pop(entry_point, None)
    for name, value in found.items():
        if name == entry_point:
            names[name] = value
        elif name in MODULE_NAMES:
            names.setdefault(name, own_module(name))
        elif may_define(name, value, names):
            names[name] = value
    return names


def run_tests(verdict_descriptor, program_descriptor):
    """Read a job, run its tests and write the verdict; return whether every answer had the required form."""
    nonce, form, prompt, program, entry_point, test, setup, *asserts = [
        part.decode("utf-8", "surrogatepass") for part in read_fields(verdict_descriptor)]
    session = Session(program_descriptor)
    record = Record()

    def tell(*parts):
        body = b"".join(pack_count(len(part)) + part for part in
                        [text.encode("utf-8", "replace") for text in (nonce, *parts)])
        write_frame(verdict_descriptor, body)

    status, text = judge(session, record, tell, form, prompt, program, entry_point, test, setup, asserts)
    if session.broken:
        status, text = "ended", session.broken
        record.bits = [0] * max(1, len(record.bits))
    text = "".join(character if character.isprintable() else " " for character in text[:MAXIMUM_TEXT])
    tell("verdict", status, "".join(map(str, record.bits)) or "0", text)
    return session.regular


def start_afresh(texts):
    """Undo what earlier tests in this interpreter may have left, and begin the random numbers anew."""
    if "decimal" in sys.modules:
        decimal = importlib.import_module("decimal")
        decimal.setcontext(decimal.Context())
    if any("random" in text for text in texts):
        importlib.import_module("random").seed("tests")


def judge(session, record, tell, form, prompt, program, entry_point, test, setup, asserts):
    try:
        # The first answer, about the syntax, comes before anything of the program has run: it is honest.
        session.post("parse", (program,))
        session.post("define", (program,))
        _, kind, message, _ = session.answer()
        tell("format", kind)
        if kind != "python":
            record.bits = [0] * max(1, len(asserts))
            return "syntax", f"SyntaxError: {message}" if kind == "syntax" else message
        try:
            found = session.take(session.answer(), ())
        except Exception as error:
            record.bits = [0] * max(1, len(asserts))
            return "error", describe(error)
        if type(found) is not dict or not all(type(name) is str for name in found):
            session.broken = "the program did not answer in plain data"
            return "ended", ""
        start_afresh((test, setup, *asserts))
        if asserts:
            entry_point = tested_name(asserts)
        names = namespace(found, prompt if form in ("completion", "infilling") else "", entry_point)
        names.update(_um_Exception=Exception, _um_passed=record.passed, _um_failed=record.failed)
        if asserts:
            run_asserts(session, record, names, entry_point, setup, asserts)
        else:
            run_check(session, record, names, entry_point, test)
    except ProgramEnded:
        return "ended", session.broken or ""
    except BaseException as error:
        record.bits = [0] * max(1, len(record.bits))
        return "failed", describe(error)
    if all(record.bits):
        return "passed", "passed"
    return "failed", record.text


def read_fields(descriptor):
    body = read_frame(descriptor, 1 << 28)
    fields, at = [], 0
    while at < len(body):
        count, at = get_count(body, at)
        fields.append(body[at:at + count])
        at += count
    return fields
