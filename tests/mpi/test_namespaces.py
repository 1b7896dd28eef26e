"""Two machines in small: a rank in each of two network namespaces, joined by a cable (veth).

    python3 tests/mpi/test_namespaces.py build/unmask

The ranks reach each other over TCP only, and mpirun starts the second one through an agent in
place of ssh.  Needs root; skipped (exit status 77) for others and if namespaces are forbidden.
"""

import os
import shutil
import subprocess
import sys

import ranks

NAMES = [f"unmask-{os.getpid()}-{letter}" for letter in "ab"]
ADDRESSES = ["10.231.77.1", "10.231.77.2"]
DEVICE = "cable"


def ip(*arguments):
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True,
                          timeout=30)


def remove_namespaces():
    for name in NAMES:
        subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False,
                       timeout=30)


def make_namespaces():
    for name in NAMES:
        ip("netns", "add", name)
    ip("link", "add", DEVICE, "netns", NAMES[0], "type", "veth", "peer", "name", DEVICE, "netns",
       NAMES[1])
    for name, address in zip(NAMES, ADDRESSES):
        ip("-n", name, "address", "add", f"{address}/24", "dev", DEVICE)
        ip("-n", name, "link", "set", "lo", "up")
        ip("-n", name, "link", "set", DEVICE, "up")


# Called by mpirun like ssh: HOST COMMAND...  It also sets another host name.
AGENT = """#!/bin/sh
shift
exec ip netns exec {name} unshare --uts sh -c 'hostname {name}; eval "$*"' sh "$@"
"""


class Namespaces(ranks.Ranks):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.addClassCleanup(remove_namespaces)
        make_namespaces()
        cls.agent = cls.work / "agent"
        cls.agent.write_text(AGENT.format(name=NAMES[1]))
        cls.agent.chmod(0o755)

    def sent(self, name):
        """Bytes that have left a namespace through the cable."""
        counter = f"/sys/class/net/{DEVICE}/statistics/tx_bytes"
        return int(subprocess.run(["ip", "netns", "exec", name, "cat", counter], check=True,
                                  capture_output=True, text=True, timeout=30).stdout)

    def start_over_cable(self, output):
        hosts = ",".join(f"{address}:1" for address in ADDRESSES)
        command = ["ip", "netns", "exec", NAMES[0], "mpirun", "-n", "2", "--host", hosts,
                   "--bind-to", "none", "--mca", "plm_rsh_agent", str(self.agent),
                   "--mca", "pml", "ob1", "--mca", "btl", "self,tcp",
                   "--mca", "btl_tcp_if_include", DEVICE, "--mca", "oob_tcp_if_include", DEVICE,
                   *self.train(output)]
        return subprocess.Popen(command, env=ranks.environment(), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def test_two_machines_give_the_bytes_of_one(self):
        self.run_ranks(1, "one")
        before = [self.sent(name) for name in NAMES]
        messages = self.finish(self.start_over_cable("two"))
        self.assertIn("2 ranks, 1 on this machine", messages)
        self.assert_same_run("one", "two")
        parameters = int(messages.split(" parameters")[0].split()[-1])
        for name, bytes_before in zip(NAMES, before):
            # At least the gradients of each step, there and back.
            self.assertGreater(self.sent(name) - bytes_before,
                               ranks.RECIPE["steps"] * 4 * parameters)


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


if __name__ == "__main__":
    if os.geteuid() != 0 or shutil.which("ip") is None:
        skip("network namespaces need root and iproute2")
    try:
        make_namespaces()
    except subprocess.CalledProcessError as error:
        skip(f"no network namespaces here: {error.stderr.strip()}")
    finally:
        remove_namespaces()
    ranks.main()
