#include "base/atomic_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/rng.h"
#include "base/write_all.h"

/* The capital Xs stand for characters that make the name unique. */
#define TEMPORARY_SUFFIX ".part-XXXXXX"
#define FIXED_SUFFIX_LENGTH 6 /* of ".part-" */
#define VARYING_SUFFIX_LENGTH 6
#define NAME_ATTEMPTS 100

struct um_atomic_file {
    int descriptor;
    char path[4096];
    char temporary_path[4096 + sizeof TEMPORARY_SUFFIX];
};

static void vary_name(char *path, uint32_t attempt) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
    struct timespec now = {0};
    uint32_t words[4];
    (void)clock_gettime(CLOCK_REALTIME, &now);
    const uint64_t moment = (uint64_t)now.tv_sec << 30 ^ (uint64_t)now.tv_nsec;
    um_rng_words(moment, (um_rng_place){.sequence = (uint32_t)getpid(), .step = attempt}, words);
    char *end = path + strlen(path);
    for (size_t i = 0; i < VARYING_SUFFIX_LENGTH; i++) {
        end[-1 - (ptrdiff_t)i] = letters[words[0] >> 5 * i & 31];
    }
}

/* Lock the file until it is closed, to show that it has a writer; false if a search for leftovers
 * has just removed it.  On a file system without locks this does no harm: nothing counts as a
 * leftover there. */
static bool claim(int descriptor) {
    struct stat information;
    return flock(descriptor, LOCK_EX) != 0 || fstat(descriptor, &information) != 0 ||
           information.st_nlink > 0;
}

/* Like mkstemp, but with the permissions that open(2) gives a new file.  Applying the umask to
 * mkstemp's file afterwards would mean reading the umask, which is only possible by setting it, for
 * every thread. */
static int create_temporary(char *path, mode_t mode) {
    int descriptor = -1;
    errno = EEXIST;
    for (uint32_t i = 0; descriptor < 0 && errno == EEXIST && i < NAME_ATTEMPTS; i++) {
        vary_name(path, i);
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (descriptor >= 0 && !claim(descriptor)) {
            (void)close(descriptor);
            descriptor = -1;
            errno = EEXIST; /* try another name */
        }
    }
    return descriptor;
}

/* A file that is replaced keeps its permissions and, where we may, its owner, as it would if it
 * were written to in place; the new one never has wider permissions. */
static int create_in_place_of(const char *path, char *temporary_path) {
    struct stat before;
    if (stat(path, &before) != 0) {
        return create_temporary(temporary_path, 0666);
    }
    const mode_t mode = before.st_mode & 0777;
    const int descriptor = create_temporary(temporary_path, mode);
    if (descriptor >= 0) {
        (void)!fchown(descriptor, before.st_uid, before.st_gid);
        (void)fchmod(descriptor, mode); /* what the umask has taken away */
    }
    return descriptor;
}

/* What a path leads to by its links; itself if nothing is there. */
static um_status resolve_links(const char *path, char target[4096], um_error *error) {
    char *resolved = realpath(path, NULL);
    if (!resolved && access(path, F_OK) == 0) {
        return um_error_set_errno(error, errno, "%s", path);
    }
    const char *found = resolved ? resolved : path;
    const bool fits = strlen(found) < 4096;
    if (fits) {
        strcpy(target, found);
    }
    free(resolved);
    return fits ? UM_OK : UM_RAISE(error, UM_ERR_LIMIT, "%s: path too long", path);
}

static bool leads_to_descriptor(const char *path) {
    static const char *const places[] = {"/dev/std", "/dev/fd/", "/proc/"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (strncmp(path, places[i], strlen(places[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* The file to replace, with links resolved so that they stay links.  It must be a regular file: for
 * a device, say, the rename would put a file in its place. */
static um_status find_target(const char *path, char target[4096], um_error *error) {
    struct stat information;
    if (!*path) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "the path to write to is empty");
    }
    if (leads_to_descriptor(path)) { /* whose file the rename would replace, not write to */
        return UM_RAISE(error, UM_ERR_IO,
                        "%s: is no place for a file; write to the path of the file itself", path);
    }
    if (stat(path, &information) == 0 && !S_ISREG(information.st_mode)) {
        return UM_RAISE(error, UM_ERR_IO, "%s: is not a regular file; write to another path", path);
    }
    return resolve_links(path, target, error);
}

um_status um_atomic_file_open(const char *path, um_atomic_file **file, um_error *error) {
    *file = NULL;
    um_atomic_file *opened = calloc(1, sizeof *opened);
    if (!opened) {
        return um_error_memory(error, path, sizeof *opened);
    }
    const um_status status = find_target(path, opened->path, error);
    if (status != UM_OK) {
        free(opened);
        return status;
    }
    (void)snprintf(opened->temporary_path, sizeof opened->temporary_path, "%s" TEMPORARY_SUFFIX,
                   opened->path);
    opened->descriptor = create_in_place_of(opened->path, opened->temporary_path);
    if (opened->descriptor < 0) {
        const int reason = errno;
        free(opened);
        return um_error_set_errno(error, reason, "%s: cannot create", path);
    }
    *file = opened;
    return UM_OK;
}

um_status um_atomic_file_write(um_atomic_file *file, const void *bytes, size_t length,
                               um_error *error) {
    const int reason = um_write_all(file->descriptor, bytes, length);
    return reason == 0 ? UM_OK : um_error_set_errno(error, reason, "%s: cannot write", file->path);
}

static um_status sync_directory_of(const char *path, um_error *error) {
    char copy[4096];
    strcpy(copy, path);
    const char *directory = dirname(copy);
    const int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
        return um_error_set_errno(error, errno, "%s", directory);
    }
    /* Some file systems cannot sync a directory and say EINVAL; the rename still holds. */
    const bool failed = fsync(descriptor) != 0 && errno != EINVAL;
    const int reason = errno;
    (void)close(descriptor);
    return failed ? um_error_set_errno(error, reason, "%s: cannot sync", directory) : UM_OK;
}

um_status um_atomic_file_seal(um_atomic_file *file, um_error *error) {
    um_status status = UM_OK;
    if (file->descriptor < 0) {
        return UM_OK;
    }
    if (fsync(file->descriptor) != 0) {
        status = um_error_set_errno(error, errno, "%s: cannot sync", file->path);
    }
    if (close(file->descriptor) != 0 && status == UM_OK) {
        status = um_error_set_errno(error, errno, "%s: cannot close", file->path);
    }
    file->descriptor = -1;
    return status;
}

um_status um_atomic_file_commit(um_atomic_file *file, um_error *error) {
    um_status status = um_atomic_file_seal(file, error);
    if (status == UM_OK && rename(file->temporary_path, file->path) != 0) {
        status = um_error_set_errno(error, errno, "%s: cannot rename into place", file->path);
    }
    if (status != UM_OK) {
        um_atomic_file_discard(file);
        return status;
    }
    status = sync_directory_of(file->path, error);
    free(file);
    return status;
}

void um_atomic_file_discard(um_atomic_file *file) {
    if (!file) {
        return;
    }
    if (file->descriptor >= 0) {
        (void)close(file->descriptor);
    }
    (void)unlink(file->temporary_path);
    free(file);
}

static bool is_temporary_of(const char *name, const char *entry) {
    const size_t length = strlen(name);
    return strlen(entry) == length + strlen(TEMPORARY_SUFFIX) &&
           strncmp(entry, name, length) == 0 &&
           strncmp(entry + length, TEMPORARY_SUFFIX, FIXED_SUFFIX_LENGTH) == 0;
}

/* Remove the file unless its writer still holds the lock. */
static bool remove_unclaimed(int directory, const char *entry) {
    const int descriptor = openat(directory, entry, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) {
        return errno == ENOENT;
    }
    const bool claimed = flock(descriptor, LOCK_EX | LOCK_NB) != 0;
    const bool done = claimed || unlinkat(directory, entry, 0) == 0 || errno == ENOENT;
    const int reason = errno;
    (void)close(descriptor);
    errno = reason;
    return done;
}

static um_status remove_temporaries(DIR *stream, const char *path, const char *name,
                                    um_error *error) {
    for (struct dirent *entry = readdir(stream); entry; entry = readdir(stream)) {
        if (is_temporary_of(name, entry->d_name) &&
            !remove_unclaimed(dirfd(stream), entry->d_name)) {
            return um_error_set_errno(error, errno, "%s: cannot remove %s beside it", path,
                                      entry->d_name);
        }
    }
    return UM_OK;
}

um_status um_atomic_file_remove_leftovers(const char *path, um_error *error) {
    char directory[4096];
    char name[4096];
    UM_TRY(resolve_links(path, name, error)); /* temporaries are beside what a link leads to */
    strcpy(directory, name);
    DIR *stream = opendir(dirname(directory));
    if (!stream) {
        return um_error_set_errno(error, errno, "%s: cannot list its directory", path);
    }
    const um_status status = remove_temporaries(stream, path, basename(name), error);
    (void)closedir(stream);
    return status;
}

um_status um_file_write(const char *path, const void *bytes, size_t length, um_error *error) {
    um_atomic_file *file = NULL;
    UM_TRY(um_atomic_file_open(path, &file, error));
    const um_status status = um_atomic_file_write(file, bytes, length, error);
    if (status != UM_OK) {
        um_atomic_file_discard(file);
        return status;
    }
    return um_atomic_file_commit(file, error);
}
