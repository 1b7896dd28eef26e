/* The directory that a run writes to. */
#ifndef UM_TRAIN_RUN_OUTPUT_DIRECTORY_H
#define UM_TRAIN_RUN_OUTPUT_DIRECTORY_H

#include "train/recipe/recipe.h"

/* The state file inside an output directory. */
#define UM_TRAINING_STATE_FILE "training.state"

typedef struct um_output_directory {
    char path[UM_RECIPE_PATH_SIZE];
    int lock_descriptor; /* -1 for none */
} um_output_directory;

/* Make the directory if it is missing, lock it against other runs, and check that it can be
 * written.  Files that a killed run left half-written are removed.  UM_ERR_IO; UM_ERR_ARGUMENT: it
 * contains a model, but not the state of a run. */
um_status um_output_directory_open(const char *path, um_output_directory *directory,
                                   um_error *error);

/* Only name the directory, for a process that does not write to it.  UM_ERR_LIMIT: the path is too
 * long. */
um_status um_output_directory_name(const char *path, um_output_directory *directory,
                                   um_error *error);

/* UM_ERR_ARGUMENT: it is the same directory as `path`, the model to start from. */
um_status um_output_directory_differs(const um_output_directory *directory, const char *path,
                                      um_error *error);

/* Release the lock. */
void um_output_directory_close(um_output_directory *directory);

#endif
