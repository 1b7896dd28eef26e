"""Plain data and calls between two processes of which one does not trust the other.

A value is a tag byte followed by its contents; lengths and counts are 32 bits, little-endian.  Only
the exact types listed below travel by value, so that what arrives is never an object whose class the
sender wrote.  Anything else stays where it is, and the other side gets a handle to it.
"""

import sys

# Without site-packages or the current directory, but with the system's own packages.  Before any other
# import: a file of the current directory could be taken for a module.
sys.path[:] = [place for place in sys.path if place] + ["/usr/lib/python3/dist-packages"]

import os  # noqa: E402
import struct  # noqa: E402
from collections import Counter, OrderedDict, defaultdict, deque  # noqa: E402

# If a program has imported one of these modules, the tests get their own import of it.
PLAIN_MODULES = frozenset((
    "bisect", "cmath", "collections", "copy", "datetime", "decimal", "fractions", "functools", "heapq",
    "itertools", "math", "operator", "random", "re", "statistics", "string", "typing"))

MAXIMUM_BYTES = 1 << 24
MAXIMUM_DEPTH = 200
MAXIMUM_NESTED_CALLS = 50

pack_count = struct.Struct("<I").pack
unpack_count = struct.Struct("<I").unpack_from
pack_float = struct.Struct("<d").pack
unpack_float = struct.Struct("<d").unpack_from


class WireError(Exception):
    """Bytes that are not in this form, or a value that cannot be brought into it."""


# ---- Values to bytes: put(out, value, export, depth) appends -------------------------------------


def put(out, value, export, depth):
    writer = WRITERS.get(type(value))
    if writer is not None:
        if depth > MAXIMUM_DEPTH or len(out) > MAXIMUM_BYTES:
            raise WireError("a value that is nested too deeply or too large to be sent")
        writer(out, value, export, depth)
    else:
        put_other(out, value, export, depth)


def put_int(out, value, export, depth):
    digits = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    out += b"i" + pack_count(len(digits)) + digits


def put_str(out, value, export, depth):
    text = value.encode("utf-8", "surrogatepass")
    out += b"s" + pack_count(len(text)) + text


def put_complex(out, value, export, depth):
    out += b"c" + pack_float(value.real) + pack_float(value.imag)


def put_range(out, value, export, depth):
    out += b"r"
    for part in (value.start, value.stop, value.step):
        put_int(out, part, export, depth)


def put_deque(out, value, export, depth):
    out += b"q"
    put(out, value.maxlen, export, depth)
    put(out, list(value), export, depth + 1)


def bytes_writer(tag):
    def write(out, value, export, depth):
        out += tag + pack_count(len(value)) + value
    return write


def sequence_writer(tag):
    def write(out, value, export, depth):
        out += tag + pack_count(len(value))
        for item in value:
            put(out, item, export, depth + 1)
    return write


def mapping_writer(tag):
    def write(out, value, export, depth):
        out += tag + pack_count(len(value))
        for key, item in value.items():
            put(out, key, export, depth + 1)
            put(out, item, export, depth + 1)
    return write


def constant_writer(tag):
    def write(out, value, export, depth):
        out += tag
    return write


def put_bool(out, value, export, depth):
    out += b"T" if value else b"F"


def put_float(out, value, export, depth):
    out += b"f" + pack_float(value)


WRITERS = {
    type(None): constant_writer(b"N"), bool: put_bool, int: put_int, float: put_float, complex: put_complex,
    str: put_str, bytes: bytes_writer(b"b"), bytearray: bytes_writer(b"B"), range: put_range,
    list: sequence_writer(b"l"), tuple: sequence_writer(b"t"),
    set: sequence_writer(b"S"), frozenset: sequence_writer(b"Z"),
    dict: mapping_writer(b"d"), Counter: mapping_writer(b"C"), OrderedDict: mapping_writer(b"O"),
    defaultdict: mapping_writer(b"D"), deque: put_deque,
}


STANDARD_TYPES = {kind.__name__: kind for kind in (
    bool, bytearray, bytes, complex, dict, float, frozenset, int, list, object, set, str, tuple, type(None))}


def loaded_class(module, name):
    """The class, or None if its module is not imported, so that no value can be of it."""
    return getattr(sys.modules.get(module), name, None)


def travels_by_value(kind):
    """Whether objects of that class are sent as plain data."""
    return kind in WRITERS or kind in (loaded_class("fractions", "Fraction"), loaded_class("decimal", "Decimal"))


def put_other(out, value, export, depth):
    """Fractions, decimals and standard types by value; anything else as a handle."""
    kind = type(value)
    if kind is loaded_class("fractions", "Fraction"):
        out += b"R"
        put_int(out, value.numerator, export, depth)
        put_int(out, value.denominator, export, depth)
    elif kind is loaded_class("decimal", "Decimal"):
        out += b"M"
        put_str(out, str(value), export, depth)
    elif kind is type and STANDARD_TYPES.get(value.__name__) is value:
        out += b"y"
        put_str(out, value.__name__, export, depth)
    else:
        out += export(value)


# ---- Bytes to values: get(data, at, resolve, depth) gives the value and where it ends ------------


def get(data, at, resolve, depth):
    if depth > MAXIMUM_DEPTH + 2:
        raise WireError("nested too deeply")
    reader = READERS.get(data[at:at + 1])
    if reader is None:
        raise WireError("an unknown tag")
    return reader(data, at + 1, resolve, depth)


def get_count(data, at):
    if at + 4 > len(data):
        raise WireError("cut short")
    count = unpack_count(data, at)[0]
    if count > len(data) - at - 4:
        raise WireError("a count that is too large")
    return count, at + 4


def get_int(data, at, resolve, depth):
    count, at = get_count(data, at)
    return int.from_bytes(data[at:at + count], "little", signed=True), at + count


def get_float(data, at, resolve, depth):
    if at + 8 > len(data):
        raise WireError("cut short")
    return unpack_float(data, at)[0], at + 8


def get_complex(data, at, resolve, depth):
    real, at = get_float(data, at, resolve, depth)
    imaginary, at = get_float(data, at, resolve, depth)
    return complex(real, imaginary), at


def get_str(data, at, resolve, depth):
    count, at = get_count(data, at)
    return data[at:at + count].decode("utf-8", "surrogatepass"), at + count


def get_items(data, at, resolve, depth):
    count, at = get_count(data, at)
    items = []
    for _ in range(count):
        item, at = get(data, at, resolve, depth + 1)
        items.append(item)
    return items, at


def get_range(data, at, resolve, depth):
    parts = []
    for _ in range(3):
        part, at = get_exactly(int, data, at, resolve, depth)
        parts.append(part)
    return range(*parts), at


def get_exactly(kind, data, at, resolve, depth):
    value, at = get(data, at, resolve, depth)
    if type(value) is not kind:
        raise WireError("another type than expected")
    return value, at


def get_deque(data, at, resolve, depth):
    longest, at = get(data, at, resolve, depth)
    if longest is not None and type(longest) is not int:
        raise WireError("another type than expected")
    items, at = get_exactly(list, data, at, resolve, depth + 1)
    return deque(items, longest), at


def get_fraction(data, at, resolve, depth):
    from fractions import Fraction
    above, at = get_exactly(int, data, at, resolve, depth)
    below, at = get_exactly(int, data, at, resolve, depth)
    return Fraction(above, below), at


def get_decimal(data, at, resolve, depth):
    from decimal import Decimal
    text, at = get_exactly(str, data, at, resolve, depth)
    return Decimal(text), at


def get_type(data, at, resolve, depth):
    name, at = get_exactly(str, data, at, resolve, depth)
    return STANDARD_TYPES[name], at


def get_handle(tag):
    def read(data, at, resolve, depth):
        if at + 4 > len(data):
            raise WireError("cut short")
        number = unpack_count(data, at)[0]
        name, at = get_str(data, at + 4, resolve, depth)
        return resolve(tag, number, name), at
    return read


def bytes_reader(kind):
    def read(data, at, resolve, depth):
        count, at = get_count(data, at)
        return kind(data[at:at + count]), at + count
    return read


def sequence_reader(kind):
    def read(data, at, resolve, depth):
        items, at = get_items(data, at, resolve, depth)
        return kind(items), at
    return read


def mapping_reader(make):
    def read(data, at, resolve, depth):
        count, at = get_count(data, at)
        made = make()
        for _ in range(count):
            key, at = get(data, at, resolve, depth + 1)
            value, at = get(data, at, resolve, depth + 1)
            made[key] = value
        return made, at
    return read


def constant_reader(value):
    return lambda data, at, resolve, depth: (value, at)


# "o" is an object of the sender, "h" one of the receiver that comes back, "m" a module.
READERS = {
    b"N": constant_reader(None), b"T": constant_reader(True), b"F": constant_reader(False),
    b"i": get_int, b"f": get_float, b"c": get_complex, b"s": get_str, b"b": bytes_reader(bytes),
    b"B": bytes_reader(bytearray), b"r": get_range, b"l": get_items, b"t": sequence_reader(tuple),
    b"S": sequence_reader(set), b"Z": sequence_reader(frozenset), b"d": mapping_reader(dict),
    b"C": mapping_reader(Counter), b"O": mapping_reader(OrderedDict), b"D": mapping_reader(defaultdict),
    b"q": get_deque, b"R": get_fraction, b"M": get_decimal, b"y": get_type,
    b"o": get_handle("o"), b"h": get_handle("h"), b"m": get_handle("m"),
}


def encode(value, export):
    out = bytearray()
    put(out, value, export, 0)
    if len(out) > MAXIMUM_BYTES:
        raise WireError("a value that is too large to be sent")
    return out


def decode(data, resolve):
    """The value that takes up all of `data`; raises WireError, and nothing else, for any other bytes."""
    try:
        value, end = get(data, 0, resolve, 0)
    except WireError:
        raise
    except Exception as error:  # an unhashable key, text that is not UTF-8, a denominator of 0 ...
        raise WireError(type(error).__name__) from None
    if end != len(data):
        raise WireError("bytes after the value")
    return value


# ---- Frames --------------------------------------------------------------------------------------


def read_exactly(descriptor, count):
    parts = []
    while count:
        part = os.read(descriptor, min(count, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def read_frame(descriptor, maximum):
    size = unpack_count(read_exactly(descriptor, 4))[0]
    if size > maximum:
        raise WireError("a message that is too large")
    return read_exactly(descriptor, size)


def write_frame(descriptor, body):
    view = memoryview(pack_count(len(body)) + body)
    while view:
        view = view[os.write(descriptor, view):]


# ---- Calls ---------------------------------------------------------------------------------------


class Peer:
    """The other process.  Each side can ask the other to do something with an object that the other has
    handed out, even while it answers a question itself, as when the program calls a function of the tests."""

    def __init__(self, descriptor, make_proxy, export_name):
        self.descriptor = descriptor
        self.make_proxy = make_proxy    # (peer, number, name) -> what stands for an object of the other side
        self.export_name = export_name  # object -> name that goes with its handle, or raises
        self.exported = []
        self.numbers = {}
        self.proxies = {}       # number -> what stands for it here
        self.proxy_numbers = {}  # the other way round, by id()
        self.operations = {}
        self.depth = 0

    def export(self, value):
        """The bytes of a handle to `value`."""
        number = self.proxy_numbers.get(id(value))
        if number is not None:
            return self.handle(b"h", number, "")
        name = self.export_name(value)
        if name.startswith("module:"):
            return self.handle(b"m", 0, name[7:])
        number = self.numbers.get(id(value))
        if number is None:
            number = self.numbers[id(value)] = len(self.exported)
            self.exported.append(value)
        return self.handle(b"o", number, name)

    @staticmethod
    def handle(tag, number, name):
        text = name.encode("utf-8", "surrogatepass")
        return tag + pack_count(number) + pack_count(len(text)) + text

    def resolve(self, tag, number, name):
        if tag == "h":
            return self.exported_object(number)
        if tag == "m":
            return self.module(name)
        proxy = self.proxies.get(number)
        if proxy is None:
            proxy = self.proxies[number] = self.make_proxy(self, number, name)
            self.proxy_numbers[id(proxy)] = number
        return proxy

    def module(self, name):
        raise WireError("a module")

    def exported_object(self, number):
        if number >= len(self.exported):
            raise WireError("a handle that was not given out")
        return self.exported[number]

    def send(self, message):
        write_frame(self.descriptor, encode(message, self.export))

    def receive(self):
        message = decode(read_frame(self.descriptor, MAXIMUM_BYTES + 1024), self.resolve)
        if type(message) is not tuple or len(message) < 2:
            raise WireError("no message")
        return message

    def question(self, operation, arguments):
        return encode(("ask", operation, arguments), self.export)

    def request(self, question):
        """Ask, and serve until the answer comes: the tuple ("return", ...) or ("raise", ...)."""
        write_frame(self.descriptor, question)
        return self.answer()

    def answer(self):
        while True:
            message = self.receive()
            if message[0] != "ask":
                return message
            self.serve(message)

    def serve(self, message):
        if len(message) != 3 or type(message[1]) is not str or type(message[2]) is not tuple:
            raise WireError("no question")
        perform = self.operations.get(message[1])
        if perform is None or self.depth >= MAXIMUM_NESTED_CALLS:
            raise WireError("a question that is not answered")
        self.depth += 1
        try:
            self.send(perform(*message[2]))
        finally:
            self.depth -= 1
