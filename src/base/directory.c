#include "base/directory.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4096

static um_status copy_path(const char *path, char copy[PATH_SIZE], um_error *error) {
    const size_t length = strlen(path);
    if (length == 0 || length >= PATH_SIZE) {
        return UM_RAISE(error, UM_ERR_LIMIT, "\"%.60s\": not a path of 1 to %d bytes", path,
                        PATH_SIZE - 1);
    }
    memcpy(copy, path, length + 1);
    return UM_OK;
}

/* Make one directory unless it is there; false, with errno set, if it is not there afterwards. */
static bool make_one(const char *path, mode_t mode) {
    struct stat facts;
    if (mkdir(path, mode) == 0) {
        return true;
    }
    if (errno != EEXIST || stat(path, &facts) != 0) {
        return false;
    }
    errno = ENOTDIR;
    return S_ISDIR(facts.st_mode);
}

um_status um_directory_make(const char *path, bool is_private, um_error *error) {
    char part[PATH_SIZE];
    UM_TRY(copy_path(path, part, error));
    for (size_t i = 1;; i++) {
        const char end = path[i];
        if (end != '/' && end != '\0') {
            continue;
        }
        part[i] = '\0';
        if (!make_one(part, is_private ? 0700 : 0777)) {
            return um_error_set_errno(error, errno, "%s: cannot make the directory", path);
        }
        if (end == '\0') {
            return UM_OK;
        }
        part[i] = '/';
    }
}

/* Remove the last name from the path: "a/b" becomes "a", "a" becomes ".". */
static void go_up(char *path) {
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') {
        length--;
    }
    while (length > 0 && path[length - 1] != '/') {
        length--;
    }
    path[length] = '\0';
    if (length == 0) {
        strcpy(path, ".");
    }
}

um_status um_directory_check(const char *path, um_error *error) {
    struct stat facts;
    char place[PATH_SIZE];
    UM_TRY(copy_path(path, place, error));
    while (stat(place, &facts) != 0) {
        if (errno != ENOENT || strcmp(place, ".") == 0) {
            return um_error_set_errno(error, errno, "%s: cannot make the directory", path);
        }
        go_up(place);
    }
    if (!S_ISDIR(facts.st_mode)) {
        return um_error_set_errno(error, ENOTDIR, "%s", place);
    }
    return access(place, W_OK | X_OK) == 0
               ? UM_OK
               : um_error_set_errno(error, errno, "%s: cannot write to the directory", place);
}
