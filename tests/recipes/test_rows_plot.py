"""The picture of pass@1 over the rows of training, from the table of docs/RESULTS.md."""

import sys
import unittest
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "recipes" / "tiny"))
import rows_plot  # noqa: E402

TEXT = """## Something else

| 1.0 M | a | 1 | 2 | 3 | b | 4 | 5 | 6 |

## Autoregression beside diffusion (validation)

| rows in all | autoregressive | completion | infilling | chat | diffusion | completion | infilling | chat |
|---|---|---|---|---|---|---|---|---|
| 13.8 M | stage 0 | 90.0 (86–93) | 60.0 (54–65) | | its own | 92.0 | 65.0 | |
| 56.3 M | `b` | 99.0 (97–100) | 93.3 (90–96) | 99.7 (98–100) | stage 3a | 76.0 | 69.7 | 79.3 |

## The next section

| 2.0 M | a | 1 | 2 | 3 | b | 4 | 5 | 6 |
"""


class RowsPlot(unittest.TestCase):
    def test_the_table_of_the_section_is_read(self) -> None:
        self.assertEqual(rows_plot.read(TEXT), [(13.8, [90.0, 60.0, None], [92.0, 65.0, None]),
                                                (56.3, [99.0, 93.3, 99.7], [76.0, 69.7, 79.3])])

    def test_every_number_is_a_point_and_every_format_has_two_lines(self) -> None:
        picture = ET.fromstring(rows_plot.draw(rows_plot.read(TEXT)))
        space = "{http://www.w3.org/2000/svg}"
        titles = [title.text for title in picture.iter(space + "title")]
        self.assertEqual(len(titles), 10)
        self.assertIn("56.3 M: 99.7%", titles)
        self.assertEqual(len(list(picture.iter(space + "polyline"))), 6)

    def test_the_documents_own_table_is_drawn_as_it_is(self) -> None:
        text = (ROOT / "docs" / "RESULTS.md").read_text(encoding="utf-8")
        picture = (ROOT / "docs" / "images" / "rows.svg").read_text(encoding="utf-8")
        self.assertEqual(rows_plot.draw(rows_plot.read(text)), picture)


if __name__ == "__main__":
    unittest.main()
