"""Warm interpreters.

The one for programs forks a child for each program, and kills it when told to; it runs nothing of a program
itself.  A child gets its descriptors, its limits and the filter that takes away fork, exec and signals, and
only then reads the program that it is to run.

The one for tests, which are trusted, runs one set of tests after the other without a fork, and says when it
should be replaced.
"""

import ctypes
import gc
import resource
import signal
import socket

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 1, 4, 22, 2


class FilterProgram(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def preload():
    """Import the modules that programs import most, so that they lose no time.  Not random, which would draw a
    new seed in each child."""
    import bisect, collections, copy, functools, heapq, itertools, math, operator, re, string, typing  # noqa: E401,F401


def exercise(run):
    """Let `run` answer the questions that every program is asked, often enough for the interpreter to specialise
    its code: memory written here is shared by all children, and need not be copied for each."""
    ours, theirs = socket.socketpair()
    asked = Peer(ours.fileno(), lambda *handle: handle, None)
    text = "import math\n\n\ndef f(a, b):\n    return [x * b for x in a if x % 2]\n\n\nclass C:\n    pass\n"
    values = ([1, -2, 3], 2.5), ("text", [True, None]), ((1, (2, "a")), {"key": {1, 2}}), ([[1], [2]], b"")
    for _ in range(12):
        write_frame(ours.fileno(), asked.question("parse", (text,)))
        write_frame(ours.fileno(), asked.question("define", (text,)))
        for value in values:
            write_frame(ours.fileno(), bytes(asked.question("call", ())[:-5]) + b"t\3\0\0\0h\0\0\0\0\0\0\0\0"
                        + encode(value, None) + b"d\0\0\0\0")
    ours.shutdown(socket.SHUT_WR)
    output, limit = sys.stdout, sys.getrecursionlimit()
    run(theirs.fileno())
    sys.stdout = output
    sys.setrecursionlimit(limit)
    for end in (ours, theirs):
        end.close()


class Zygote:
    def __init__(self, control, run):
        self.control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, fileno=control)
        self.run = run
        self.libc = ctypes.CDLL(None, use_errno=True)
        settings = self.control.recv(1 << 17)
        self.cpu_seconds, self.threads, scratch = struct.unpack_from("<III", settings)
        self.scratch = "/tmp" if scratch else None
        self.code = settings[12:]
        self.filter = FilterProgram(len(self.code) // 8, self.code) if self.code else None
        self.clean = self.scratch_state()

    def scratch_state(self):
        """A value that changes if the scratch directory does, or if anything in it is created or removed."""
        if not self.scratch:
            return None
        state = os.stat(self.scratch)
        return state.st_mtime_ns, state.st_ctime_ns, state.st_nlink

    def prctl(self, *arguments):
        if self.libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), f"prctl {arguments[0]}")

    def child(self, descriptors):
        self.control.close()
        if os.getppid() != 1:  # the zygote is 1 in a namespace, whose processes all end with it
            self.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        # A new open file description, so that no state of it, such as a lock, outlives the child.
        null = os.open("/dev/null", os.O_RDWR)
        for place in (0, 1, 2):
            os.dup2(null, place)
        moved = [os.dup2(descriptor, 200 + i) for i, descriptor in enumerate(descriptors)]
        os.closerange(3, 200)
        places = [os.dup2(descriptor, 3 + i) for i, descriptor in enumerate(moved)]
        os.closerange(3 + len(places), 256)
        resource.setrlimit(resource.RLIMIT_CPU, (self.cpu_seconds, self.cpu_seconds))
        highest = resource.getrlimit(resource.RLIMIT_NPROC)[1]
        limit = self.threads if highest == resource.RLIM_INFINITY else min(self.threads, highest)
        resource.setrlimit(resource.RLIMIT_NPROC, (limit, limit))
        if self.filter:
            self.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(self.filter), 0, 0)
        self.run(*places)

    def start(self, descriptors):
        pid = os.fork()
        if pid:
            for descriptor in descriptors:
                os.close(descriptor)
            return pid
        try:
            self.child(descriptors)
        finally:
            os._exit(0)

    def stop(self, pid):
        os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        dirty = self.scratch_state() != self.clean
        self.control.send(struct.pack("<iI", status, dirty))

    def serve(self):
        pid = 0
        while True:
            command, descriptors, _, _ = socket.recv_fds(self.control, 16, 4)
            if command == b"start" and not pid:
                pid = self.start(descriptors)
            elif command == b"stop" and pid:
                self.stop(pid)
                pid = 0
            else:
                os._exit(0)


class TestServer:
    """Runs tests one after the other, as long as nothing in the interpreter changes."""

    MAXIMUM_JOBS = 1000

    def __init__(self, control):
        self.control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, fileno=control)
        self.control.recv(1 << 17)  # settings for programs
        self.modules = [sys.modules[name] for name in sorted(PLAIN_MODULES & sys.modules.keys())]
        self.modules += [builtins, sys.modules["__main__"]]
        self.before = self.state()
        self.jobs = 0

    def state(self):
        """The state that tests could change for later ones."""
        return [dict(vars(module)) for module in self.modules] + [
            sys.getrecursionlimit(), sys.stdout, list(sys.path), os.getcwd(), dict(os.environ)]

    def run(self, descriptors):
        """Run one job; return whether the interpreter is fit for another."""
        self.jobs += 1
        try:
            regular = run_tests(*descriptors)
        except BaseException:  # the other side of the verdict has gone
            regular = False
        for descriptor in descriptors:
            os.close(descriptor)
        return regular and self.jobs < self.MAXIMUM_JOBS and self.state() == self.before

    def serve(self):
        while True:
            command, descriptors, _, _ = socket.recv_fds(self.control, 16, 4)
            if command != b"start" or len(descriptors) != 2:
                os._exit(0)
            regular = self.run(descriptors)
            if self.control.recv(16) != b"stop":
                os._exit(0)
            self.control.send(struct.pack("<iI", 0, not regular))


def settle():
    """Exempt all objects that exist now from garbage collection."""
    gc.collect()
    gc.freeze()


def run_test_server(control):
    preload()
    server = TestServer(control)
    settle()
    server.control.send(b"ready")
    server.serve()


def run_zygote(control):
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    preload()
    exercise(run_program)
    zygote = Zygote(control, Program().run)
    if zygote.filter:
        zygote.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    settle()
    gc.disable()
    zygote.control.send(b"ready")
    zygote.serve()
