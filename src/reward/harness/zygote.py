"""A warm interpreter: forks a child for each job, and ends it when it is told to.

It runs nothing of a program or of tests itself.  A child gets its descriptors, limits and the filter
that takes fork, exec and signals away, and only then reads what it is to run.
"""

import ctypes
import gc
import resource
import signal
import socket

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 1, 4, 22, 2
THREADS = 64


class FilterProgram(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def preload():
    """What programs import most, and this costs them no time."""
    import bisect, copy, datetime, decimal, fractions, functools, heapq, itertools, math, operator  # noqa: E401,F401
    import random, re, statistics, string, typing  # noqa: E401,F401


class Zygote:
    def __init__(self, control, run):
        self.control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, fileno=control)
        self.run = run
        self.libc = ctypes.CDLL(None, use_errno=True)
        settings = self.control.recv(1 << 17)
        self.cpu_seconds, scratch = struct.unpack_from("<II", settings)
        self.scratch = "/tmp" if scratch else None
        self.code = settings[8:]
        self.filter = FilterProgram(len(self.code) // 8, self.code) if self.code else None
        self.clean = self.scratch_state()

    def scratch_state(self):
        """Changes when anything was done to the scratch directory, itself included."""
        if not self.scratch:
            return None
        state = os.stat(self.scratch)
        return state.st_mtime_ns, state.st_ctime_ns, state.st_nlink

    def prctl(self, *arguments):
        if self.libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), f"prctl {arguments[0]}")

    def child(self, descriptors):
        self.control.close()
        self.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        # Descriptions of their own, so that nothing of them, such as a lock, outlives the child.
        null = os.open("/dev/null", os.O_RDWR)
        for place in (0, 1, 2):
            os.dup2(null, place)
        moved = [os.dup2(descriptor, 200 + i) for i, descriptor in enumerate(descriptors)]
        os.closerange(3, 200)
        places = [os.dup2(descriptor, 3 + i) for i, descriptor in enumerate(moved)]
        os.closerange(3 + len(places), 256)
        resource.setrlimit(resource.RLIMIT_CPU, (self.cpu_seconds, self.cpu_seconds))
        highest = resource.getrlimit(resource.RLIMIT_NPROC)[1]
        limit = THREADS if highest == resource.RLIM_INFINITY else min(THREADS, highest)
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


def run_zygote(control, run):
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    preload()
    zygote = Zygote(control, run)
    if zygote.filter:
        zygote.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    gc.collect()
    gc.disable()
    gc.freeze()
    zygote.control.send(b"ready")
    zygote.serve()
