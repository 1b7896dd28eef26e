"""Calls that are made together: for asserts that call the function under test once each, in the process of the
tests."""

import opcode
import re
import types


class Pending(Exception):
    """Raised in place of the answer to a call that is only noted."""


class Foreseen:
    """Stands for the function under test if each test calls it once.  In a first run of the tests each call is
    noted and breaks its test off; then all the calls are made at once, and a second run gets the answers.  The
    calls come in the same order as one by one, but the two processes wait for each other only once."""

    def __init__(self, session, function):
        self._um = session, function
        self._um_noting = True
        self._um_calls = []
        self._um_answers = deque()

    def __getattr__(self, name):
        return getattr(self._um[1], name)

    def __call__(self, *arguments, **named):
        session, function = self._um
        if self._um_noting:
            self._um_calls.append((arguments, named))
            raise Pending
        if self._um_answers:
            noted, answer = self._um_answers.popleft()
            if noted == encode((arguments, named), refuse):
                return session.take(answer, arguments)
            self._um_answers.clear()
        return function(*arguments, **named)

    def _um_make_calls(self):
        """Make the calls that were noted, if they pass nothing but plain data."""
        session, function = self._um
        self._um_noting = False
        try:
            noted = [encode(call, refuse) for call in self._um_calls]
        except WireError:
            return
        answer = session.request("calls", (function, tuple(self._um_calls)))
        if answer[0] == "return" and type(answer[1]) is tuple and len(answer[1]) == len(noted):
            if all(type(each) is tuple and each for each in answer[1]):
                self._um_answers.extend(zip(noted, answer[1]))


def refuse(value):
    raise WireError("not plain data")


STATELESS = (type(None), bool, int, float, complex, str, bytes, range, frozenset, type, types.ModuleType,
             types.BuiltinFunctionType)
STORING = {opcode.opmap[name] for name in ("STORE_GLOBAL", "DELETE_GLOBAL", "STORE_ATTR", "DELETE_ATTR")}


def is_stateless(value, names, seen):
    """Whether using `value` changes nothing that another use could see, as far as can be told: it is no
    container or object, or a function of the tests that uses only such values and stores nothing.  The
    functions in `seen` are looked at already."""
    if isinstance(value, STATELESS):
        return getattr(value, "__module__", None) != "tests"  # a class of the tests may count its calls
    if any(value is each for each in seen):
        return True
    if type(value) is not types.FunctionType or value.__closure__ or value.__kwdefaults__:
        return False
    seen.append(value)
    return (all(isinstance(default, STATELESS) for default in value.__defaults__ or ())
            and all(stores_nothing(code, names, seen) for code in codes_of(value.__code__)))


def codes_of(code):
    """The code of a function, and of the functions and comprehensions inside it."""
    yield code
    for constant in code.co_consts:
        if type(constant) is types.CodeType:
            yield from codes_of(constant)


def stores_nothing(code, names, seen):
    return STORING.isdisjoint(code.co_code[::2]) and all(
        is_stateless(names[name], names, seen) for name in names.keys() & set(code.co_names))


def can_be_foreseen(texts, names, *tested):
    """Whether there are several texts, each calls one of the names `tested` exactly once, and nothing else that
    they name can change while they run, since they will run twice."""
    if len(texts) < 2 or any("random" in text or sum(text.count(name + "(") for name in tested) != 1 for text in texts):
        return False
    named = set(re.findall(r"[^\W\d]\w*", " ".join(texts))).difference(tested)
    seen = []
    return all(is_stateless(names[name], names, seen) for name in named.intersection(names))
