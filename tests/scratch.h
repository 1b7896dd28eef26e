/* A temporary directory for tests that read and write files. */
#ifndef UM_TESTS_SCRATCH_H
#define UM_TESTS_SCRATCH_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "testing.h"

#include "base/atomic_file.h"

typedef struct scratch {
    char path[64];
} scratch;

static inline scratch scratch_make(void) {
    scratch made;
    strcpy(made.path, "/tmp/unmask-test-XXXXXX");
    assert_non_null(mkdtemp(made.path));
    return made;
}

/* directory/name; valid until the next call. */
static inline const char *scratch_path(const scratch *directory, const char *name) {
    static char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", directory->path, name);
    return path;
}

static inline void scratch_write(const scratch *directory, const char *name, const void *bytes,
                                 size_t length) {
    um_error error = {0};
    assert_ok(um_file_write(scratch_path(directory, name), bytes, length, &error), &error);
}

/* Remove the directory and the files in it (it has no subdirectories). */
static inline void scratch_remove(const scratch *directory) {
    DIR *stream = opendir(directory->path);
    assert_non_null(stream);
    for (struct dirent *entry = readdir(stream); entry; entry = readdir(stream)) {
        (void)unlink(scratch_path(directory, entry->d_name));
    }
    (void)closedir(stream);
    assert_int_equal(rmdir(directory->path), 0);
}

#endif
