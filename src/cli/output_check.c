#include "cli/output_check.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/atomic_file.h"

um_status um_cli_check_output_file(const char *path, um_error *error) {
    um_atomic_file *file = NULL;
    if (strcmp(path, "-") == 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "-: this is written to a file, not to standard output; give its path");
    }
    UM_TRY(um_atomic_file_open(path, &file, error));
    um_atomic_file_discard(file);
    return UM_OK;
}

static bool is_same_file(const struct stat *one, const struct stat *other) {
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/* Split a path into its folder, found, and its name; false if the folder is not there. */
static bool find_folder(const char *path, struct stat *folder, const char **name) {
    char text[4096];
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    const int length = slash ? (int)(slash - path) + 1 : 2;
    (void)snprintf(text, sizeof text, "%.*s", length, slash ? path : "./");
    return stat(text, folder) == 0;
}

bool um_cli_is_same_output(const char *one, const char *other) {
    struct stat folders[2];
    const char *names[2];
    return find_folder(one, &folders[0], &names[0]) && find_folder(other, &folders[1], &names[1]) &&
           strcmp(names[0], names[1]) == 0 && is_same_file(&folders[0], &folders[1]);
}

um_status um_cli_check_not_an_input(const char *output, const char *const *inputs, size_t count,
                                    um_error *error) {
    struct stat target;
    struct stat source;
    if (stat(output, &target) != 0) {
        return UM_OK;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(inputs[i], "-") != 0 && stat(inputs[i], &source) == 0 &&
            is_same_file(&source, &target)) {
            return UM_RAISE(error, UM_ERR_ARGUMENT,
                            "%s: is also an input, and would be lost; write to another path",
                            output);
        }
    }
    return UM_OK;
}
