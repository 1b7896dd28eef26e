"""The collective between ranks: collective_ranks.c by two to five of them.

    python3 tests/mpi/test_collective.py build/tests/mpi/collective_ranks
"""

import subprocess

import ranks


class Collective(ranks.Ranks):
    def test_all_operations(self):
        for count, end in ((2, "succeed"), (3, "fail"), (5, "succeed")):
            with self.subTest(ranks=count, end=end):
                process = subprocess.run(
                    [*ranks.MPIRUN, "-n", str(count), self.program, end], timeout=240,
                    env=ranks.environment(), capture_output=True, text=True, check=False)
                self.assertEqual((process.returncode, process.stderr), (0, ""))


if __name__ == "__main__":
    ranks.main()
