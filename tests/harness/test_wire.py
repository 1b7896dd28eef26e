"""The form in which values travel between a program and its tests: what arrives is exact, and nothing but WireError
comes of bytes that are not in that form."""

import pathlib
import random
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "src" / "judge" / "harness"
wire = {"__name__": "wire"}
exec(compile((SOURCE / "wire.py").read_text(), "wire.py", "exec"), wire)
encode, decode, WireError = wire["encode"], wire["decode"], wire["WireError"]
VALUES = [None, True, False, 0, -1, 127, 128, -128, -129, 1 << 300, 0.0, -0.0, 1e308, float("inf"), 2 - 1j, "", "é\ud800", b"\0",
          bytearray(b"x"), [], [1, [2]], (), (1, ("a",)), set(), {1, "a"}, frozenset({2}), {}, {"a": [1], 2: None}, range(3, 9, 2),
          int, dict, type(None)]


def refuse(*anything):
    raise WireError("a handle")


class Wire(unittest.TestCase):
    def test_values_arrive_with_their_types(self):
        for value in VALUES:
            copy = decode(bytes(encode(value, refuse)), refuse)
            self.assertIs(type(copy), type(value))
            self.assertEqual(repr(copy), repr(value))

    def test_what_has_a_class_of_its_own_does_not_travel(self):
        class Number(int):
            pass

        for value in (Number(1), [Number(1)], {Number(1): 2}, object(), len, type("int", (), {})):
            with self.assertRaises(WireError):
                encode(value, refuse)

    def test_what_is_too_deep_or_too_large_is_refused(self):
        deep = []
        for _ in range(1000):
            deep = [deep]
        own = []
        own.append(own)
        shared = [0] * 10
        for _ in range(12):
            shared = [shared] * 10
        for value in (deep, own, shared, "x" * (1 << 25)):
            with self.assertRaises(WireError):
                encode(value, refuse)

    def test_any_bytes_are_a_value_or_an_error(self):
        source = random.Random(1)
        seeds = [bytes(encode(value, refuse)) for value in VALUES]
        tags = b"".join(wire["READERS"])
        for _ in range(10000):
            data = bytearray(source.choice(seeds) + source.choice(seeds))
            for _ in range(source.randrange(4)):
                data[source.randrange(len(data))] = source.choice((0, 1, 2, 255, source.choice(tags)))
            try:
                decode(bytes(data[:source.randrange(len(data) + 1)]), refuse)
            except WireError:
                pass

    def test_counts_beyond_the_bytes_are_refused_at_once(self):
        for tag in b"sbBltSZdCODi":
            with self.assertRaises(WireError):
                decode(bytes([tag]) + b"\xff\xff\xff\xff" + b"N" * 100, refuse)
        with self.assertRaises(WireError):
            decode(b"l\1\0\0\0" * 100000 + b"N", refuse)


if __name__ == "__main__":
    unittest.main()
