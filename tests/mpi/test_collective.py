"""The collective between ranks: collective_ranks.c by one to five of them.

    python3 tests/mpi/test_collective.py build/tests/mpi/collective_ranks
"""

import subprocess

import ranks


class Collective(ranks.Ranks):
    def test_all_operations(self):
        for count in (1, 2, 3, 5):
            for how in ("succeed", "fail"):
                with self.subTest(ranks=count, end=how):
                    process = subprocess.run(
                        [*ranks.MPIRUN, "-n", str(count), self.program, how], timeout=120,
                        env=ranks.environment(), capture_output=True, text=True, check=False)
                    self.assertEqual((process.returncode, process.stderr), (0, ""))


if __name__ == "__main__":
    ranks.main()
