#define _GNU_SOURCE
#include "judge/seccomp_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* The clone flags of threads and of new namespaces as in linux/sched.h; <sched.h> of an older C
 * library lacks some of them. */
#define CLONE_THREAD_FLAG 0x00010000
#define CLONE_NAMESPACE_FLAGS                                                                      \
    (0x00000080 | 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 |    \
     0x40000000)

/* By name, since not every machine has every call; libseccomp also knows other machines' names. */
static const char *const allowed_everywhere[] = {
    /* memory */
    "brk", "madvise", "mmap", "mprotect", "mremap", "munmap", "membarrier", "mincore", "msync",
    /* files: Landlock and the mounts decide which ones */
    "access", "chdir", "close", "close_range", "copy_file_range", "dup", "dup2", "dup3",
    "faccessat", "faccessat2", "fadvise64", "fallocate", "fchdir", "fdatasync", "fstat", "fstatfs",
    "fsync", "ftruncate", "getcwd", "getdents", "getdents64", "lseek", "lstat", "newfstatat",
    "pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead",
    "readlink", "readlinkat", "readv", "sendfile", "stat", "statfs", "statx", "umask", "write",
    "writev",
    /* pipes and waiting */
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait",
    "eventfd", "eventfd2", "pipe", "pipe2", "poll", "ppoll", "pselect6", "select", "recvfrom",
    /* time */
    "clock_getres", "clock_gettime", "clock_nanosleep", "gettimeofday", "nanosleep", "time",
    "times", "alarm", "getitimer", "setitimer", "timerfd_create", "timerfd_gettime",
    "timerfd_settime",
    /* itself */
    "arch_prctl", "capget", "exit", "exit_group", "futex", "futex_waitv", "get_robust_list",
    "getcpu", "getegid", "geteuid", "getgid", "getgroups", "getpgid", "getpgrp", "getpid",
    "getppid", "getrandom", "getresgid", "getresuid", "getrlimit", "getrusage", "getsid", "gettid",
    "getuid", "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask",
    "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "sched_getaffinity", "sched_getparam",
    "sched_getscheduler", "sched_get_priority_max", "sched_get_priority_min", "sched_yield",
    "set_robust_list", "set_tid_address", "setrlimit", "sigaltstack", "sysinfo", "uname", "wait4",
    "waitid"};

/* Calls that change files by their names. */
static const char *const changing_files[] = {
    "chmod",     "creat",    "fchmod", "fchmodat", "futimesat", "link",      "linkat",
    "mkdir",     "mkdirat",  "rename", "renameat", "renameat2", "rmdir",     "symlink",
    "symlinkat", "truncate", "unlink", "unlinkat", "utime",     "utimensat", "utimes"};

static const char *const allowed_to_fresh[] = {"execve", NULL};
static const char *const allowed_to_tests[] = {"execve", "recvmsg", "sendto", NULL};
static const char *const allowed_to_zygote[] = {"execve",  "fork",   "vfork",    "kill",
                                                "recvmsg", "sendto", "shutdown", NULL};

/* What each role may call in addition to a program's calls. */
static const char *const *const allowed_to[UM_SECCOMP_ROLES] = {
    [UM_SECCOMP_FRESH] = allowed_to_fresh,
    [UM_SECCOMP_ZYGOTE] = allowed_to_zygote,
    [UM_SECCOMP_TESTS] = allowed_to_tests};

/* Programs try these, and expect PermissionError. */
static const char *const refused[] = {"socket",
                                      "connect",
                                      "bind",
                                      "listen",
                                      "accept",
                                      "accept4",
                                      "fork",
                                      "vfork",
                                      "execve",
                                      "execveat",
                                      "kill",
                                      "tkill",
                                      "tgkill",
                                      "ptrace",
                                      "mount",
                                      "umount2",
                                      "chroot",
                                      "pivot_root",
                                      "unshare",
                                      "setns",
                                      "bpf",
                                      "keyctl",
                                      "add_key",
                                      "request_key",
                                      "perf_event_open",
                                      "process_vm_readv",
                                      "process_vm_writev",
                                      "pidfd_send_signal",
                                      "rt_sigqueueinfo",
                                      "rt_tgsigqueueinfo",
                                      "setuid",
                                      "setgid",
                                      "chown",
                                      "fchown",
                                      "lchown",
                                      "fchownat",
                                      "mknod",
                                      "mknodat",
                                      "setpriority",
                                      "sched_setaffinity",
                                      "flock",
                                      "memfd_create",
                                      "shmget",
                                      "msgget",
                                      "semget",
                                      "setsid",
                                      "setpgid"};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* The state of building a filter: the first failure of libseccomp is kept. */
typedef struct builder {
    scmp_filter_ctx context;
    int failure; /* negative errno, or 0 */
} builder;

static void add(builder *made, uint32_t action, const char *name, unsigned count,
                const struct scmp_arg_cmp *conditions) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR || made->failure != 0) {
        return; /* libseccomp does not know it, so the filter refuses it by default */
    }
    const int result = seccomp_rule_add_array(made->context, action, number, count, conditions);
    /* A call of another machine has a negative number, for which a rule may be impossible. */
    if (result != 0 && number >= 0) {
        made->failure = result;
    }
}

/* Allow a call if its argument number `place` is one of `values`. */
static void allow_values(builder *made, const char *name, unsigned place,
                         const scmp_datum_t *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const struct scmp_arg_cmp is = {place, SCMP_CMP_EQ, values[i], 0};
        add(made, SCMP_ACT_ALLOW, name, 1, &is);
    }
}

static bool is_allowed_to(um_seccomp_role role, const char *name) {
    const char *const *names = allowed_to[role];
    for (; names && *names; names++) {
        if (strcmp(*names, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Opening for reading only: flags of any kind that write, create or empty are refused. */
static void allow_reading(builder *made, const char *name, unsigned place) {
    const scmp_datum_t writing = O_ACCMODE | O_CREAT | O_TRUNC;
    const struct scmp_arg_cmp reads = {place, SCMP_CMP_MASKED_EQ, writing, O_RDONLY};
    add(made, SCMP_ACT_ALLOW, name, 1, &reads);
    const scmp_datum_t refusals[][2] = {{O_ACCMODE, O_WRONLY},
                                        {O_ACCMODE, O_RDWR},
                                        {O_ACCMODE, O_ACCMODE},
                                        {O_CREAT, O_CREAT},
                                        {O_TRUNC, O_TRUNC}};
    for (size_t i = 0; i < COUNT(refusals); i++) {
        const struct scmp_arg_cmp writes = {place, SCMP_CMP_MASKED_EQ, refusals[i][0],
                                            refusals[i][1]};
        add(made, SCMP_ACT_ERRNO(EPERM), name, 1, &writes);
    }
}

static void add_files(builder *made, bool read_only) {
    for (size_t i = 0; i < COUNT(changing_files); i++) {
        add(made, read_only ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_ALLOW, changing_files[i], 0, NULL);
    }
    if (read_only) {
        allow_reading(made, "open", 1);
        allow_reading(made, "openat", 2);
    } else {
        add(made, SCMP_ACT_ALLOW, "open", 0, NULL);
        add(made, SCMP_ACT_ALLOW, "openat", 0, NULL);
    }
}

static void add_lists(builder *made, um_seccomp_role role) {
    for (size_t i = 0; i < COUNT(allowed_everywhere); i++) {
        add(made, SCMP_ACT_ALLOW, allowed_everywhere[i], 0, NULL);
    }
    for (const char *const *names = allowed_to[role]; names && *names; names++) {
        add(made, SCMP_ACT_ALLOW, *names, 0, NULL);
    }
    for (size_t i = 0; i < COUNT(refused); i++) {
        if (!is_allowed_to(role, refused[i])) {
            add(made, SCMP_ACT_ERRNO(EPERM), refused[i], 0, NULL);
        }
    }
}

/* Calls that are harmless only with certain arguments. */
static void add_conditions(builder *made, um_seccomp_role role) {
    /* Not F_SETOWN: together with F_SETSIG it sends any signal to any process. */
    static const scmp_datum_t file_commands[] = {F_DUPFD, F_GETFD,  F_SETFD,
                                                 F_GETFL, F_SETFL,  F_GETLK,
                                                 F_SETLK, F_SETLKW, 1030 /* dup, cloexec */,
                                                 1031,    1032 /* pipe size */};
    static const scmp_datum_t device_commands[] = {0x5401 /* TCGETS */,
                                                   0x5413 /* TIOCGWINSZ */,
                                                   0x5450,
                                                   0x5451 /* close on exec */,
                                                   FIONBIO,
                                                   FIONREAD};
    static const scmp_datum_t own_name[] = {PR_SET_NAME, PR_GET_NAME};
    static const scmp_datum_t zygote_controls[] = {PR_SET_SECCOMP, PR_SET_PDEATHSIG,
                                                   PR_SET_DUMPABLE};
    static const scmp_datum_t self[] = {0};
    static const scmp_datum_t local[] = {AF_UNIX};
    allow_values(made, "fcntl", 1, file_commands, COUNT(file_commands));
    allow_values(made, "ioctl", 1, device_commands, COUNT(device_commands));
    allow_values(made, "prctl", 0, own_name, COUNT(own_name));
    allow_values(made, "prlimit64", 0, self, 1);
    allow_values(made, "socketpair", 0, local, 1);
    if (role == UM_SECCOMP_ZYGOTE) {
        allow_values(made, "prctl", 0, zygote_controls, COUNT(zygote_controls));
        const struct scmp_arg_cmp same_namespaces = {0, SCMP_CMP_MASKED_EQ, CLONE_NAMESPACE_FLAGS,
                                                     0};
        add(made, SCMP_ACT_ALLOW, "clone", 1, &same_namespaces);
    } else {
        const struct scmp_arg_cmp thread = {
            0, SCMP_CMP_MASKED_EQ, CLONE_THREAD_FLAG | CLONE_NAMESPACE_FLAGS, CLONE_THREAD_FLAG};
        const struct scmp_arg_cmp process = {0, SCMP_CMP_MASKED_EQ, CLONE_THREAD_FLAG, 0};
        add(made, SCMP_ACT_ALLOW, "clone", 1, &thread);
        add(made, SCMP_ACT_ERRNO(EPERM), "clone", 1, &process);
    }
    if (!is_allowed_to(role, "sendto")) {
        /* Within a socket pair only: with an address it could reach another socket. */
        const struct scmp_arg_cmp no_address = {4, SCMP_CMP_EQ, 0, 0};
        add(made, SCMP_ACT_ALLOW, "sendto", 1, &no_address);
    }
}

/* libseccomp can export only to a descriptor. */
static um_status export_filter(scmp_filter_ctx context, um_buffer *filter, um_error *error) {
    const int file = memfd_create("filter", MFD_CLOEXEC);
    if (file < 0) {
        return um_error_set_errno(error, errno, "a file for the seccomp filter");
    }
    int failure = -seccomp_export_bpf(context, file);
    char bytes[4096];
    off_t at = 0;
    um_status status = UM_OK;
    while (failure == 0 && status == UM_OK) {
        const ssize_t count = pread(file, bytes, sizeof bytes, at);
        if (count <= 0) {
            failure = count < 0 ? errno : 0;
            break;
        }
        status = um_buffer_append(filter, bytes, (size_t)count, error);
        at += count;
    }
    (void)close(file);
    return failure == 0 ? status : um_error_set_errno(error, failure, "the seccomp filter");
}

um_status um_seccomp_filter_build(um_seccomp_role role, bool read_only, um_buffer *filter,
                                  um_error *error) {
    builder made = {.context = seccomp_init(SCMP_ACT_ERRNO(ENOSYS))};
    if (!made.context) {
        return um_error_memory(error, "the seccomp filter", 1);
    }
    /* Ask for a binary search over the calls; an old library ignores it and makes a list. */
    (void)seccomp_attr_set(made.context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    add_lists(&made, role);
    add_files(&made, read_only);
    add_conditions(&made, role);
    um_status status = UM_OK;
    if (made.failure != 0) {
        status = um_error_set_errno(error, -made.failure, "the seccomp filter");
    } else {
        status = export_filter(made.context, filter, error);
    }
    seccomp_release(made.context);
    return status;
}
