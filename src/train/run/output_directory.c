#include "train/run/output_directory.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/directory_lock.h"
#include "base/mapped_file.h"
#include "model/save.h"

static um_status remove_leftovers(const um_output_directory *directory, um_error *error) {
    char path[UM_RECIPE_PATH_SIZE + 32];
    UM_TRY(um_path_join(path, sizeof path, directory->path, UM_TRAINING_STATE_FILE, error));
    UM_TRY(um_atomic_file_remove_leftovers(path, error));
    return um_model_directory_remove_leftovers(directory->path, error);
}

um_status um_output_directory_name(const char *path, um_output_directory *directory,
                                   um_error *error) {
    *directory = (um_output_directory){.lock_descriptor = -1};
    if (strlen(path) >= sizeof directory->path) {
        return UM_RAISE(error, UM_ERR_LIMIT, "%s: path too long", path);
    }
    strcpy(directory->path, path);
    return UM_OK;
}

/* A run keeps its state, so weights without a state are not those of a run that continues here. */
static um_status check_weights(const char *path, um_error *error) {
    if (um_model_directory_has_weights(path) && !um_file_exists(path, UM_TRAINING_STATE_FILE)) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "%s: holds a model that no training here has made (there is no %s), which "
                        "the result would replace; write to another directory",
                        path, UM_TRAINING_STATE_FILE);
    }
    return UM_OK;
}

um_status um_output_directory_open(const char *path, um_output_directory *directory,
                                   um_error *error) {
    UM_TRY(um_output_directory_name(path, directory, error));
    UM_TRY(um_directory_lock(path, "training", &directory->lock_descriptor, error));
    if (access(path, W_OK | X_OK) != 0) {
        return um_error_set_errno(error, errno, "%s: cannot write to the output directory", path);
    }
    UM_TRY(check_weights(path, error));
    return remove_leftovers(directory, error);
}

um_status um_output_directory_differs(const um_output_directory *directory, const char *path,
                                      um_error *error) {
    struct stat output;
    struct stat other;
    if (stat(directory->path, &output) == 0 && stat(path, &other) == 0 &&
        output.st_dev == other.st_dev && output.st_ino == other.st_ino) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "%s: is the model to start from, which the result would replace; write to "
                        "another directory",
                        directory->path);
    }
    return UM_OK;
}

void um_output_directory_close(um_output_directory *directory) {
    um_directory_unlock(&directory->lock_descriptor);
}
