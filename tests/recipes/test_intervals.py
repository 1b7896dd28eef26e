"""pass@k and its intervals."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "recipes" / "tiny"))

from intervals import interval, pass_at, sign_test, wilson  # noqa: E402


class Intervals(unittest.TestCase):
    def test_wilson_intervals_match_known_values(self) -> None:
        for passed, count, low, high in ((0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)):
            found = wilson(passed, count)
            self.assertAlmostEqual(found[0], low, places=4)
            self.assertAlmostEqual(found[1], high, places=4)
        self.assertEqual(wilson(0, 0), (0.0, 1.0))

    def test_pass_at_k_is_the_share_of_sets_that_hold_a_pass(self) -> None:
        self.assertAlmostEqual(pass_at(1, 10, 3), 0.3)
        self.assertAlmostEqual(pass_at(2, 4, 1), 0.5)
        self.assertEqual(pass_at(10, 10, 1), 1.0)
        self.assertEqual(pass_at(10, 10, 0), 0.0)

    def test_intervals_of_means_are_around_them_and_repeatable(self) -> None:
        values = [0.1, 0.9, 0.5, 0.3] * 20
        low, high = interval(values)
        self.assertLess(low, 0.45)
        self.assertGreater(high, 0.45)
        self.assertLess(high - low, 0.2)
        self.assertEqual(interval(values), (low, high))
        self.assertEqual(interval([1.0, 0.0] * 5), wilson(5, 10))

    def test_sign_test(self) -> None:
        self.assertEqual(sign_test(0, 0), 1)
        self.assertEqual(sign_test(4, 4), 1)
        self.assertAlmostEqual(sign_test(0, 5), 2 / 32)
        self.assertAlmostEqual(sign_test(9, 1), 2 * 11 / 1024)


if __name__ == "__main__":
    unittest.main()
