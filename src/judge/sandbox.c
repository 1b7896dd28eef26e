#define _GNU_SOURCE
#include "judge/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "judge/confinement.h"

#define NOBODY 65534
#define BUBBLEWRAP "/usr/bin/bwrap"
#define MAXIMUM_DESCRIPTORS 4
#define MAXIMUM_WORDS 80

static const char *const level_names[] = {"full", "namespaces", "bubblewrap", "seccomp", "none"};
#define LEVEL_COUNT (sizeof level_names / sizeof *level_names)

struct um_sandbox {
    um_sandbox_level level;
    char python[256];
    size_t memory_bytes;
    int landlock; /* version, or 0 if not used */
    um_buffer filters[UM_SECCOMP_ROLES];
    bool stays_root; /* programs stay root, as in a container whose root cannot become nobody */
    char text[256];
};

bool um_sandbox_level_from_name(const char *name, um_sandbox_level *level) {
    for (size_t i = 0; i < LEVEL_COUNT; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *level = (um_sandbox_level)i;
            return true;
        }
    }
    return false;
}

const char *um_sandbox_level_name(um_sandbox_level level) {
    return (size_t)level < LEVEL_COUNT ? level_names[level] : "unknown";
}

/* ---- What is common to the processes ---------------------------------------- */

/* Wait for the process to end; returns its wait status. */
static int wait_for(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

/* Whether this file itself puts the processes into namespaces of their own. */
static bool has_namespaces(const um_sandbox *sandbox) {
    return sandbox->level == UM_SANDBOX_FULL || sandbox->level == UM_SANDBOX_NAMESPACES;
}

/* Whether programs have to be made nobody here; bubblewrap does that by itself. */
static bool needs_identity(const um_sandbox *sandbox) {
    return has_namespaces(sandbox) || (geteuid() == 0 && sandbox->level != UM_SANDBOX_BUBBLEWRAP);
}

static int become_nobody(void) {
    /* By system calls: the C library's functions would signal threads that this copy lacks. */
    return syscall(SYS_setresgid, NOBODY, NOBODY, NOBODY) < 0 ||
                   syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY) < 0
               ? errno
               : 0;
}

/* Tries it in a child process. */
static bool can_become_nobody(void) {
    const pid_t pid = fork();
    if (pid == 0) {
        _exit(become_nobody() == 0 ? 0 : 1);
    }
    return pid > 0 && wait_for(pid) == 0;
}

static void describe(um_sandbox *sandbox) {
    static const char stays_root[] =
        "; nobody is not to be had here: programs stay root, without its capabilities";
    char landlock[40] = "no Landlock";
    if (sandbox->landlock > 0) {
        (void)snprintf(landlock, sizeof landlock, "Landlock (version %d)", sandbox->landlock);
    }
    switch (sandbox->level) {
        case UM_SANDBOX_FULL:
        case UM_SANDBOX_NAMESPACES:
            (void)snprintf(sandbox->text, sizeof sandbox->text,
                           "%s: user, pid, mount, network, ipc and uts namespaces, a private root, "
                           "%s, seccomp, resource limits",
                           level_names[sandbox->level], landlock);
            break;
        case UM_SANDBOX_BUBBLEWRAP:
            (void)snprintf(sandbox->text, sizeof sandbox->text,
                           "bubblewrap: its namespaces and root, seccomp, resource limits; %s",
                           landlock);
            break;
        case UM_SANDBOX_SECCOMP:
            (void)snprintf(
                sandbox->text, sizeof sandbox->text,
                "seccomp: seccomp, resource limits; %s; no namespaces%s%s", landlock,
                sandbox->landlock ? "" : ", so that files can be read, and the tests with them",
                sandbox->stays_root ? stays_root : "");
            break;
        default:
            (void)snprintf(sandbox->text, sizeof sandbox->text,
                           "none: resource limits only; programs can read files and use the "
                           "network: no protection from malice%s",
                           sandbox->stays_root ? stays_root : "");
    }
}

static um_status build_filters(um_sandbox *sandbox, um_error *error) {
    if (sandbox->level == UM_SANDBOX_NONE) {
        return UM_OK;
    }
    /* The limit of file sizes keeps no program from mapped files, nor from /proc/PID/mem. */
    const bool read_only = sandbox->level == UM_SANDBOX_SECCOMP && sandbox->landlock == 0;
    for (int role = 0; role < UM_SECCOMP_ROLES; role++) {
        /* The zygote, which is ours, opens /dev/null before the filter of a program comes. */
        UM_TRY(um_seccomp_filter_build((um_seccomp_role)role,
                                       read_only && role != UM_SECCOMP_ZYGOTE,
                                       &sandbox->filters[role], error));
    }
    return UM_OK;
}

um_status um_sandbox_create(um_sandbox_level level, const char *python, size_t memory_bytes,
                            um_sandbox **sandbox, um_error *error) {
    if (strncmp(python, "/usr/", 5) != 0 || strlen(python) >= sizeof(*sandbox)->python) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "python: \"%.60s\" is not a path below /usr",
                        python);
    }
    if (access(python, X_OK) != 0) {
        return UM_RAISE(error, UM_ERR_UNSUPPORTED,
                        "%.200s: cannot be executed; judging programs needs Python 3", python);
    }
    if (level == UM_SANDBOX_BUBBLEWRAP && access(BUBBLEWRAP, X_OK) != 0) {
        return UM_RAISE(error, UM_ERR_UNSUPPORTED,
                        "the sandbox level bubblewrap needs " BUBBLEWRAP
                        ", which is not there; install the package bubblewrap");
    }
    um_sandbox *made = calloc(1, sizeof *made);
    if (!made) {
        return um_error_memory(error, "a sandbox", sizeof *made);
    }
    made->level = level;
    made->memory_bytes = memory_bytes;
    (void)snprintf(made->python, sizeof made->python, "%s", python);
    if (level == UM_SANDBOX_FULL || level == UM_SANDBOX_SECCOMP) {
        made->landlock = um_landlock_version();
    }
    made->stays_root = needs_identity(made) && !has_namespaces(made) && !can_become_nobody();
    describe(made);
    const um_status status = build_filters(made, error);
    if (status != UM_OK) {
        um_sandbox_free(made);
        return status;
    }
    *sandbox = made;
    return UM_OK;
}

void um_sandbox_free(um_sandbox *sandbox) {
    if (sandbox) {
        for (int role = 0; role < UM_SECCOMP_ROLES; role++) {
            um_buffer_free(&sandbox->filters[role]);
        }
        free(sandbox);
    }
}

const char *um_sandbox_text(const um_sandbox *sandbox) {
    return sandbox->text;
}

bool um_sandbox_has_scratch(const um_sandbox *sandbox) {
    return has_namespaces(sandbox) || sandbox->level == UM_SANDBOX_BUBBLEWRAP;
}

unsigned um_sandbox_threads(const um_sandbox *sandbox) {
    return has_namespaces(sandbox) ? 64 : 1024;
}

const char *um_sandbox_child_filter(const um_sandbox *sandbox, size_t *bytes) {
    *bytes = sandbox->filters[UM_SECCOMP_PROGRAM].length;
    return sandbox->filters[UM_SECCOMP_PROGRAM].data;
}

/* ---- The new process, up to exec: system calls only --------------------------- */

typedef enum step {
    STEP_MAPPING,
    STEP_IDENTITY,
    STEP_ROOT,
    STEP_DESCRIPTORS,
    STEP_LIMITS,
    STEP_LANDLOCK,
    STEP_SECCOMP,
    STEP_EXECUTE
} step;

static const char *const step_names[] = {"user namespace: its identities",
                                         "user namespace: the identity of nobody",
                                         "mount namespace: a private root",
                                         "descriptors",
                                         "resource limits",
                                         "Landlock",
                                         "seccomp",
                                         "starting the interpreter"};

typedef struct report {
    int step;
    int failure;
} report;

/* Everything that the new process needs, prepared before it exists. */
typedef struct launch {
    const um_sandbox *sandbox;
    const um_sandbox_process *process;
    const um_buffer *filter;
    int filter_file; /* for bubblewrap, else -1 */
    int go[2];       /* carries a byte once the identities are mapped */
    int status[2];   /* carries a report of a failure; closed by exec */
    const char *words[MAXIMUM_WORDS];
    const char *environment[8];
} launch;

/* With no_new_privs, exec does not bring them back. */
static int drop_capabilities(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[2] = {{0}, {0}};
    return syscall(SYS_capset, &header, none) < 0 ? errno : 0;
}

static int take_identity(bool must_be_nobody) {
    /* If the identities are mapped from an ordinary user's, the groups cannot be dropped. */
    if (syscall(SYS_setgroups, 0, NULL) < 0 && errno != EPERM) {
        return errno;
    }
    const int failure = become_nobody();
    /* The container has no nobody (EINVAL), or its root may not become nobody (EPERM). */
    const bool may_stay = !must_be_nobody && (failure == EINVAL || failure == EPERM);
    return may_stay ? drop_capabilities() : failure;
}

/* Close all descriptors but 0 .. last and `kept`, which is larger than `last`. */
static void close_others(unsigned last, unsigned kept) {
    if (syscall(SYS_close_range, last + 1, kept - 1, 0) == 0 &&
        syscall(SYS_close_range, kept + 1, ~0U, 0) == 0) {
        return;
    }
    const long limit = sysconf(_SC_OPEN_MAX);
    for (long i = (long)last + 1; i < (limit > 0 ? limit : 1024); i++) {
        if (i != (long)kept) {
            (void)close((int)i);
        }
    }
}

/* Move the descriptors to 3, 4, ..., and the status pipe above them. */
static int place_descriptors(launch *work) {
    int moved[MAXIMUM_DESCRIPTORS + 1];
    size_t count = 0;
    for (; count < work->process->descriptor_count; count++) {
        moved[count] = fcntl(work->process->descriptors[count], F_DUPFD, 64);
    }
    if (work->filter_file >= 0) {
        moved[count++] = fcntl(work->filter_file, F_DUPFD, 64);
    }
    const int status = fcntl(work->status[1], F_DUPFD_CLOEXEC, 64);
    const int null = open("/dev/null", O_RDWR);
    if (status < 0 || null < 0) {
        return errno;
    }
    work->status[1] = status;
    for (int i = 0; i < 3; i++) {
        if (dup2(null, i) < 0) {
            return errno;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (dup2(moved[i], (int)(3 + i)) < 0) {
            return errno;
        }
    }
    close_others((unsigned)(2 + count), (unsigned)status);
    return 0;
}

static int confine(launch *work, step *at) {
    const um_sandbox *sandbox = work->sandbox;
    const um_process_limits limits = {.memory_bytes = sandbox->memory_bytes,
                                      .file_bytes =
                                          um_sandbox_has_scratch(sandbox) ? UM_SCRATCH_BYTES : 0,
                                      .cpu_seconds = work->process->cpu_seconds,
                                      .threads = um_sandbox_threads(sandbox)};
    int failure = 0;
    if (needs_identity(sandbox)) {
        *at = STEP_IDENTITY;
        failure = take_identity(has_namespaces(sandbox));
    }
    if (failure == 0 && has_namespaces(sandbox)) {
        *at = STEP_ROOT;
        (void)sethostname("sandbox", 7);
        failure = um_confine_root();
    }
    if (failure == 0) {
        *at = STEP_DESCRIPTORS;
        failure = place_descriptors(work);
    }
    if (failure == 0) {
        *at = STEP_LIMITS;
        failure = um_confine_limits(&limits);
    }
    if (failure == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
                         prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)) {
        failure = errno;
    }
    if (failure == 0 && (sandbox->landlock > 0 || sandbox->level == UM_SANDBOX_FULL)) {
        *at = STEP_LANDLOCK;
        failure = um_confine_landlock(has_namespaces(sandbox));
    }
    if (failure == 0 && work->filter->length > 0 && work->filter_file < 0) {
        *at = STEP_SECCOMP;
        failure = um_confine_seccomp(work->filter->data, work->filter->length);
    }
    return failure;
}

static void reset_signals(void) {
    sigset_t none;
    (void)sigemptyset(&none);
    for (int number = 1; number < 65; number++) {
        if (number != SIGKILL && number != SIGSTOP) {
            (void)signal(number, SIG_DFL);
        }
    }
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void become(launch *work) {
    step at = STEP_MAPPING;
    char go = 0;
    (void)close(work->go[1]); /* so that read() notices when the parent ends */
    /* And if another child, started at the same time, still holds that end. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    (void)setsid();
    reset_signals();
    int failure = read(work->go[0], &go, 1) == 1 ? 0 : ECANCELED;
    if (failure == 0) {
        failure = confine(work, &at);
    }
    if (failure == 0) {
        at = STEP_EXECUTE;
        (void)execve(work->words[0], (char *const *)(uintptr_t)work->words,
                     (char *const *)(uintptr_t)work->environment);
        failure = errno;
    }
    const report told = {.step = (int)at, .failure = failure};
    (void)!write(work->status[1], &told, sizeof told);
    _exit(127);
}

/* ---- The parent's side ----------------------------------------------------------- */

static void add_words(launch *work, size_t *count, const char *const *words) {
    for (; *words && *count < MAXIMUM_WORDS - 1; words++) {
        work->words[(*count)++] = *words;
    }
    work->words[*count] = NULL;
}

static const char *const wrapper[] = {BUBBLEWRAP,
                                      "--unshare-user",
                                      "--unshare-pid",
                                      "--unshare-net",
                                      "--unshare-ipc",
                                      "--unshare-uts",
                                      "--unshare-cgroup-try",
                                      "--uid",
                                      "65534",
                                      "--gid",
                                      "65534",
                                      "--cap-drop",
                                      "ALL",
                                      "--die-with-parent",
                                      "--new-session",
                                      "--as-pid-1",
                                      "--ro-bind",
                                      "/usr",
                                      "/usr",
                                      "--ro-bind-try",
                                      "/etc/alternatives",
                                      "/etc/alternatives",
                                      "--symlink",
                                      "usr/bin",
                                      "/bin",
                                      "--symlink",
                                      "usr/lib",
                                      "/lib",
                                      "--symlink",
                                      "usr/lib64",
                                      "/lib64",
                                      "--dev-bind",
                                      "/dev/null",
                                      "/dev/null",
                                      "--dev-bind",
                                      "/dev/zero",
                                      "/dev/zero",
                                      "--dev-bind",
                                      "/dev/urandom",
                                      "/dev/urandom",
                                      "--size",
                                      "8388608",
                                      "--tmpfs",
                                      "/tmp",
                                      "--chdir",
                                      "/",
                                      "--remount-ro",
                                      "/",
                                      "--seccomp",
                                      NULL};

/* PYTHONHASHSEED makes verdicts reproducible; the thread counts keep numeric libraries to one
 * thread. */
static const char *const environment[] = {"PYTHONHASHSEED=0", "OPENBLAS_NUM_THREADS=1",
                                          "OMP_NUM_THREADS=1", "HOME=/tmp"};

static void plan_command(launch *work, char *filter_place, size_t filter_place_size) {
    size_t count = 0;
    if (work->sandbox->level == UM_SANDBOX_BUBBLEWRAP) {
        (void)snprintf(filter_place, filter_place_size, "%zu", 3 + work->process->descriptor_count);
        add_words(work, &count, wrapper);
        add_words(work, &count, (const char *const[]){filter_place, "--", NULL});
    }
    add_words(work, &count,
              (const char *const[]){work->sandbox->python, "-s", "-S", "-B", "-c",
                                    work->process->source, NULL});
    memcpy(work->environment, environment, sizeof environment);
}

/* Write `text`, such as "inner outer 1", to /proc/PID/NAME. */
static int write_map(pid_t pid, const char *name, const char *text) {
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    const int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) {
        return errno;
    }
    const int failure = write(file, text, strlen(text)) < 0 ? errno : 0;
    (void)close(file);
    return failure;
}

/* Inside the namespace the identity is nobody.  Outside it is nobody too if root maps it, and
 * otherwise the user. */
static int map_identities(pid_t pid) {
    char users[40];
    char groups[40];
    if (geteuid() == 0 && write_map(pid, "uid_map", "65534 65534 1") == 0) {
        return write_map(pid, "gid_map", "65534 65534 1");
    }
    (void)snprintf(users, sizeof users, "65534 %u 1", (unsigned)geteuid());
    (void)snprintf(groups, sizeof groups, "65534 %u 1", (unsigned)getegid());
    int failure = write_map(pid, "setgroups", "deny");
    if (failure == 0 || failure == ENOENT) {
        failure = write_map(pid, "uid_map", users);
    }
    return failure == 0 ? write_map(pid, "gid_map", groups) : failure;
}

static um_status missing(const um_sandbox *sandbox, const char *part, int failure,
                         um_error *error) {
    static const char *const weaker[] = {"namespaces, bubblewrap, seccomp or none",
                                         "bubblewrap, seccomp or none", "seccomp or none", "none",
                                         ""};
    return UM_RAISE(
        error, UM_ERR_UNSUPPORTED,
        "the sandbox level %s is not to be had on this system: %s: %s%s%s",
        level_names[sandbox->level], part, strerror(failure),
        sandbox->level == UM_SANDBOX_NONE ? "" : "; weaker levels: ", weaker[sandbox->level]);
}

/* Map the identities, let the process go on, and wait until it has become the interpreter. */
static um_status follow(const launch *work, pid_t pid, um_error *error) {
    report told = {0};
    if (has_namespaces(work->sandbox)) {
        const int failure = map_identities(pid);
        if (failure != 0) {
            return missing(work->sandbox, step_names[STEP_MAPPING], failure, error);
        }
    }
    if (write(work->go[1], "g", 1) != 1) {
        return um_error_set_errno(error, errno, "the sandbox");
    }
    ssize_t length = 0;
    do {
        length = read(work->status[0], &told, sizeof told);
    } while (length < 0 && errno == EINTR);
    if (length == (ssize_t)sizeof told) {
        return missing(work->sandbox, step_names[told.step], told.failure, error);
    }
    return UM_OK;
}

static void close_pipe(int ends[2]) {
    for (int i = 0; i < 2; i++) {
        if (ends[i] >= 0) {
            (void)close(ends[i]);
            ends[i] = -1;
        }
    }
}

/* bubblewrap reads the filter from a file descriptor of its own. */
static um_status make_filter_file(launch *work, um_error *error) {
    work->filter_file = memfd_create("filter", MFD_CLOEXEC);
    if (work->filter_file < 0 || pwrite(work->filter_file, work->filter->data, work->filter->length,
                                        0) != (ssize_t)work->filter->length) {
        return um_error_set_errno(error, errno, "the seccomp filter");
    }
    return UM_OK;
}

static um_status start(launch *work, pid_t *pid, um_error *error) {
    const unsigned long namespaces = has_namespaces(work->sandbox)
                                         ? CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS |
                                               CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS
                                         : 0;
    if (pipe2(work->go, O_CLOEXEC) < 0 || pipe2(work->status, O_CLOEXEC) < 0) {
        return um_error_set_errno(error, errno, "a pipe to the sandbox");
    }
    if (work->sandbox->level == UM_SANDBOX_BUBBLEWRAP) {
        UM_TRY(make_filter_file(work, error));
    }
    const long made = syscall(SYS_clone, namespaces | SIGCHLD, NULL, NULL, NULL, NULL);
    if (made == 0) {
        become(work);
    }
    if (made < 0) {
        return missing(work->sandbox, "namespaces", errno, error);
    }
    (void)close(work->status[1]);
    work->status[1] = -1;
    const um_status status = follow(work, (pid_t)made, error);
    if (status != UM_OK) {
        (void)um_sandbox_end(work->sandbox, (pid_t)made);
        return status;
    }
    *pid = (pid_t)made;
    return UM_OK;
}

um_status um_sandbox_start(const um_sandbox *sandbox, const um_sandbox_process *process, pid_t *pid,
                           um_error *error) {
    char filter_place[24];
    launch work = {.sandbox = sandbox,
                   .process = process,
                   .filter = &sandbox->filters[process->role],
                   .filter_file = -1,
                   .go = {-1, -1},
                   .status = {-1, -1}};
    plan_command(&work, filter_place, sizeof filter_place);
    const um_status status = start(&work, pid, error);
    close_pipe(work.go);
    close_pipe(work.status);
    if (work.filter_file >= 0) {
        (void)close(work.filter_file);
    }
    return status;
}

int um_sandbox_end(const um_sandbox *sandbox, pid_t pid) {
    (void)kill(pid, SIGKILL); /* killing the first process of a pid namespace kills all of them */
    if (!has_namespaces(sandbox)) {
        (void)kill(-pid, SIGKILL); /* else its process group, which seccomp does not let it leave */
    }
    return wait_for(pid);
}
