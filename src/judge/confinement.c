#define _GNU_SOURCE
#include "judge/confinement.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TRY(call)                                                                                  \
    do {                                                                                           \
        if ((call) < 0) {                                                                          \
            return errno;                                                                          \
        }                                                                                          \
    } while (0)

/* ---- A private root -------------------------------------------------------- */

/* mount_setattr (Linux 5.12), which old headers lack. */
#define MOUNT_SETATTR_CALL 442
#define ATTRIBUTE_READ_ONLY 0x1
#define ATTRIBUTE_NO_SETUID 0x2
#define ATTRIBUTE_NO_DEVICES 0x4
#define ATTRIBUTE_NO_EXECUTE 0x8

typedef struct mount_attributes {
    uint64_t set;
    uint64_t clear;
    uint64_t propagation;
    uint64_t user_namespace;
} mount_attributes;

static int set_attributes(const char *place, bool below, uint64_t attributes) {
    const mount_attributes change = {.set = attributes};
    return (int)syscall(MOUNT_SETATTR_CALL, AT_FDCWD, place, below ? AT_RECURSIVE : 0, &change,
                        sizeof change);
}

static int bind_folder(const char *source, const char *place) {
    TRY(mkdir(place, 0755));
    TRY(mount(source, place, NULL, MS_BIND | MS_REC, NULL));
    TRY(set_attributes(place, true,
                       ATTRIBUTE_READ_ONLY | ATTRIBUTE_NO_SETUID | ATTRIBUTE_NO_DEVICES));
    return 0;
}

/* On a merged /usr, /lib and others are links; elsewhere they are folders; some may be missing. */
static int copy_link_or_bind(const char *source, const char *place) {
    char target[256];
    const ssize_t length = readlink(source, target, sizeof target - 1);
    if (length > 0) {
        target[length] = '\0';
        TRY(symlink(target, place));
        return 0;
    }
    return errno == ENOENT ? 0 : bind_folder(source, place);
}

static int bind_device(const char *source, const char *place) {
    const int file = open(place, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
    TRY(file);
    (void)close(file);
    TRY(mount(source, place, NULL, MS_BIND, NULL));
    TRY(set_attributes(place, false, ATTRIBUTE_NO_SETUID | ATTRIBUTE_NO_EXECUTE));
    return 0;
}

/* Debian's choice between libraries, such as the BLAS that NumPy loads: links below /usr lead
 * through this folder, and it contains nothing but links. */
static int bind_alternatives(void) {
    static const char path[] = "/etc/alternatives";
    if (access(path, F_OK) != 0) {
        return 0;
    }
    TRY(mkdir("etc", 0755));
    return bind_folder(path, path + 1);
}

static int fill_root(void) {
    static const char *const folders[][2] = {
        {"/bin", "bin"}, {"/lib", "lib"}, {"/lib32", "lib32"}, {"/lib64", "lib64"}};
    static const char *const devices[][2] = {
        {"/dev/null", "dev/null"}, {"/dev/zero", "dev/zero"}, {"/dev/urandom", "dev/urandom"}};
    int failure = bind_folder("/usr", "usr");
    for (size_t i = 0; failure == 0 && i < sizeof folders / sizeof *folders; i++) {
        failure = copy_link_or_bind(folders[i][0], folders[i][1]);
    }
    if (failure == 0) {
        failure = bind_alternatives();
    }
    if (failure == 0 && mkdir("dev", 0755) < 0) {
        failure = errno;
    }
    for (size_t i = 0; failure == 0 && i < sizeof devices / sizeof *devices; i++) {
        failure = bind_device(devices[i][0], devices[i][1]);
    }
    return failure;
}

int um_confine_root(void) {
    (void)umask(0022);
    TRY(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    TRY(mount("root", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,nr_inodes=64,mode=755"));
    TRY(chdir("/tmp"));
    const int failure = fill_root();
    if (failure != 0) {
        return failure;
    }
    TRY(mkdir("tmp", 0755));
    TRY(mount("scratch", "tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
              "size=8m,nr_inodes=1024,mode=1777"));
    /* The old root ends up mounted on top of the new one, and is then detached. */
    TRY(syscall(SYS_pivot_root, ".", "."));
    TRY(umount2(".", MNT_DETACH));
    TRY(chdir("/"));
    TRY(set_attributes("/", false,
                       ATTRIBUTE_READ_ONLY | ATTRIBUTE_NO_SETUID | ATTRIBUTE_NO_DEVICES));
    return 0;
}

/* ---- Landlock -------------------------------------------------------------- */

/* The interface of Landlock (Linux 5.13 and later); old headers have only part of it, or none. */
#define LANDLOCK_CREATE_CALL 444
#define LANDLOCK_ADD_RULE_CALL 445
#define LANDLOCK_RESTRICT_CALL 446
#define LANDLOCK_VERSION_FLAG 1
#define LANDLOCK_PATH_RULE 1

#define RIGHT_EXECUTE (UINT64_C(1) << 0)
#define RIGHT_WRITE (UINT64_C(1) << 1)
#define RIGHT_READ (UINT64_C(1) << 2)
#define RIGHT_LIST (UINT64_C(1) << 3)

typedef struct landlock_ruleset {
    uint64_t file_rights;
    uint64_t network_rights; /* version 4 */
    uint64_t scopes;         /* version 6: abstract sockets and signals */
} landlock_ruleset;

typedef struct __attribute__((packed)) landlock_path {
    uint64_t rights;
    int32_t folder;
} landlock_path;

int um_landlock_version(void) {
    const long version = syscall(LANDLOCK_CREATE_CALL, NULL, 0, LANDLOCK_VERSION_FLAG);
    return version > 0 ? (int)version : 0;
}

/* Every file right that a Landlock version knows, so that anything no rule grants is denied. */
static uint64_t rights_of_version(int version) {
    const unsigned bits = version >= 5 ? 16 : version >= 3 ? 15 : version == 2 ? 14 : 13;
    return (UINT64_C(1) << bits) - 1;
}

static int allow_below(int ruleset, const char *place, uint64_t rights) {
    const int folder = open(place, O_PATH | O_CLOEXEC);
    if (folder < 0) {
        return errno == ENOENT ? 0 : errno;
    }
    struct stat kind;
    if (fstat(folder, &kind) == 0 && !S_ISDIR(kind.st_mode)) {
        rights &= RIGHT_EXECUTE | RIGHT_WRITE | RIGHT_READ;
    }
    const landlock_path rule = {.rights = rights, .folder = folder};
    const long result = syscall(LANDLOCK_ADD_RULE_CALL, ruleset, LANDLOCK_PATH_RULE, &rule, 0);
    const int failure = result < 0 ? errno : 0;
    (void)close(folder);
    return failure;
}

static int add_rules(int ruleset, uint64_t all, bool scratch) {
    static const char *const code[] = {"/usr", "/lib", "/lib32", "/lib64", "/bin"};
    int failure = 0;
    for (size_t i = 0; failure == 0 && i < sizeof code / sizeof *code; i++) {
        failure = allow_below(ruleset, code[i], RIGHT_READ | RIGHT_LIST | RIGHT_EXECUTE);
    }
    if (failure == 0) {
        failure = allow_below(ruleset, "/dev/null", RIGHT_READ | RIGHT_WRITE);
    }
    if (failure == 0) {
        failure = allow_below(ruleset, "/dev/zero", RIGHT_READ);
    }
    if (failure == 0) {
        failure = allow_below(ruleset, "/dev/urandom", RIGHT_READ);
    }
    if (failure == 0 && scratch) {
        failure = allow_below(ruleset, "/tmp", all & ~RIGHT_EXECUTE);
    }
    return failure;
}

int um_confine_landlock(bool scratch) {
    const int version = um_landlock_version();
    if (version == 0) {
        return ENOSYS;
    }
    const uint64_t all = rights_of_version(version);
    const landlock_ruleset handled = {.file_rights = all, .network_rights = 3, .scopes = 3};
    const size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
    const int ruleset = (int)syscall(LANDLOCK_CREATE_CALL, &handled, size, 0);
    TRY(ruleset);
    const int failure = add_rules(ruleset, all, scratch);
    if (failure == 0) {
        TRY(syscall(LANDLOCK_RESTRICT_CALL, ruleset, 0));
    }
    (void)close(ruleset);
    return failure;
}

/* ---- Limits and seccomp ---------------------------------------------------- */

/* No wider than it is: a lower limit is a stronger one, and only root may widen it. */
static int limit(int resource, size_t value) {
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)resource, &now) < 0) {
        return -1;
    }
    const rlim_t least = value < now.rlim_max ? value : now.rlim_max;
    const struct rlimit both = {.rlim_cur = least, .rlim_max = least};
    return setrlimit((__rlimit_resource_t)resource, &both);
}

int um_confine_limits(const um_process_limits *limits) {
    TRY(limit(RLIMIT_AS, limits->memory_bytes));
    TRY(limit(RLIMIT_FSIZE, limits->file_bytes));
    TRY(limit(RLIMIT_NOFILE, 256));
    TRY(limit(RLIMIT_CORE, 0));
    TRY(limit(RLIMIT_STACK, (size_t)8 << 20));
    TRY(limit(RLIMIT_MEMLOCK, 0));
    TRY(limit(RLIMIT_MSGQUEUE, 0));
    if (limits->cpu_seconds > 0) {
        TRY(limit(RLIMIT_CPU, limits->cpu_seconds));
        TRY(limit(RLIMIT_NPROC, limits->threads));
    }
    return 0;
}

int um_confine_seccomp(const void *filter, size_t bytes) {
    const struct sock_fprog program = {.len = (unsigned short)(bytes / sizeof(struct sock_filter)),
                                       .filter = (struct sock_filter *)(uintptr_t)filter};
    TRY(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0));
    return 0;
}
