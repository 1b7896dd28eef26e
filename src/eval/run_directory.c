#include "eval/run_directory.h"

#include <stdlib.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/directory_lock.h"
#include "base/json.h"
#include "base/mapped_file.h"

#define FORMAT 1

/* ---- Settings ------------------------------------------------------------------- */

/* A value as people read it, truncated. */
static void describe(const json_t *value, char *text, size_t text_size) {
    char *dumped = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    (void)snprintf(text, text_size, "%.100s", dumped ? dumped : "nothing");
    free(dumped);
}

static um_status tell_difference(const char *path, const char *key, const json_t *kept,
                                 const json_t *given, um_error *error) {
    char old[112];
    char new[112];
    describe(kept, old, sizeof old);
    describe(given, new, sizeof new);
    return UM_RAISE(error, UM_ERR_MISMATCH,
                    "%s: holds a run with other settings: %s was %s, and is %s now; repeat the old "
                    "command, or write to another directory",
                    path, key, old, new);
}

static um_status compare(const json_t *kept, const json_t *given, const char *path,
                         const char *prefix, um_error *error);

/* Objects are compared member by member. */
static um_status compare_member(const json_t *kept, const json_t *given, const char *path,
                                const char *name, um_error *error) {
    if (json_is_object(kept) && json_is_object(given)) {
        return compare(kept, given, path, name, error);
    }
    return kept && given && json_equal(kept, given)
               ? UM_OK
               : tell_difference(path, name, kept, given, error);
}

static um_status compare(const json_t *kept, const json_t *given, const char *path,
                         const char *prefix, um_error *error) {
    json_t *all = json_copy((json_t *)(uintptr_t)given); /* the members of both */
    if (!all || json_object_update_missing(all, (json_t *)(uintptr_t)kept) != 0) {
        json_decref(all);
        return um_error_memory(error, "settings", 0);
    }
    const char *key = NULL;
    json_t *value = NULL;
    um_status status = UM_OK;
    json_object_foreach (all, key, value) {
        char name[96];
        (void)snprintf(name, sizeof name, "%.40s%s%.40s", prefix, *prefix ? "." : "", key);
        if (status == UM_OK) {
            status = compare_member(json_object_get(kept, key), json_object_get(given, key), path,
                                    name, error);
        }
    }
    json_decref(all);
    return status;
}

um_status um_eval_settings_compare(const json_t *kept, const json_t *given, const char *path,
                                   um_error *error) {
    return compare(kept, given, path, "", error);
}

um_status um_eval_settings_read(const char *path, json_t **settings, um_error *error) {
    char file[UM_EVAL_PATH_SIZE + 32];
    json_t *run = NULL;
    json_t *found = NULL;
    int64_t format = 0;
    *settings = NULL;
    UM_TRY(um_path_join(file, sizeof file, path, UM_EVAL_RUN_FILE, error));
    UM_TRY(um_json_load_file(file, &run, error));
    um_status status =
        json_is_object(run)
            ? um_json_require_integer(run, file, "format", FORMAT, FORMAT, &format, error)
            : UM_RAISE(error, UM_ERR_FORMAT, "%s: not a JSON object", file);
    if (status == UM_OK) {
        status = um_json_require_object(run, file, "settings", &found, error);
    }
    *settings = status == UM_OK ? json_incref(found) : NULL;
    json_decref(run);
    return status;
}

static um_status write_settings(const char *file, const json_t *settings, um_error *error) {
    json_t *run = json_pack("{s:i, s:s, s:O}", "format", FORMAT, "version", um_version(),
                            "settings", settings);
    char *text = run ? json_dumps(run, JSON_INDENT(1)) : NULL;
    json_decref(run);
    if (!text) {
        return um_error_memory(error, "settings", 0);
    }
    const um_status status = um_file_write(file, text, strlen(text), error);
    free(text);
    return status;
}

static um_status settle_settings(const char *path, const json_t *settings, um_error *error) {
    char file[UM_EVAL_PATH_SIZE + 32];
    json_t *kept = NULL;
    UM_TRY(um_path_join(file, sizeof file, path, UM_EVAL_RUN_FILE, error));
    if (!um_file_exists(path, UM_EVAL_RUN_FILE)) {
        if (um_file_exists(path, UM_EVAL_SAMPLES_FILE)) {
            return UM_RAISE(error, UM_ERR_MISMATCH,
                            "%s: holds samples, but no %s that says how they were made; write to "
                            "another directory",
                            path, UM_EVAL_RUN_FILE);
        }
        if (um_file_exists(path, UM_EVAL_REPORT_FILE)) {
            return UM_RAISE(error, UM_ERR_MISMATCH,
                            "%s: holds the report of something else, such as a sweep; write to "
                            "another directory",
                            path);
        }
        return write_settings(file, settings, error);
    }
    UM_TRY(um_eval_settings_read(path, &kept, error));
    const um_status status = um_eval_settings_compare(kept, settings, path, error);
    json_decref(kept);
    return status;
}

/* ---- The directory ----------------------------------------------------------------- */

static um_status name_directory(const char *path, um_eval_directory *directory, um_error *error) {
    *directory = (um_eval_directory){.lock_descriptor = -1};
    if (strlen(path) >= sizeof directory->path) {
        return UM_RAISE(error, UM_ERR_LIMIT, "%.60s...: path too long", path);
    }
    strcpy(directory->path, path);
    return UM_OK;
}

um_status um_eval_directory_join(const char *path, const json_t *settings,
                                 um_eval_directory *directory, um_error *error) {
    json_t *kept = NULL;
    UM_TRY(name_directory(path, directory, error));
    UM_TRY(um_eval_settings_read(path, &kept, error));
    const um_status status = um_eval_settings_compare(kept, settings, path, error);
    json_decref(kept);
    return status;
}

/* What a killed run was writing in place of a file. */
static um_status remove_leftovers(const char *directory, um_error *error) {
    static const char *const names[] = {UM_EVAL_RUN_FILE, UM_EVAL_SAMPLES_FILE,
                                        UM_EVAL_RESULTS_FILE, UM_EVAL_REPORT_FILE,
                                        UM_EVAL_PAGE_FILE};
    char path[UM_EVAL_PATH_SIZE + 32];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        UM_TRY(um_path_join(path, sizeof path, directory, names[i], error));
        UM_TRY(um_atomic_file_remove_leftovers(path, error));
    }
    return UM_OK;
}

um_status um_eval_directory_open(const char *path, const json_t *settings,
                                 um_eval_directory *directory, um_error *error) {
    UM_TRY(name_directory(path, directory, error));
    um_status status = um_directory_lock(path, "evaluation", &directory->lock_descriptor, error);
    if (status == UM_OK) {
        status = settle_settings(path, settings, error);
    }
    if (status == UM_OK) {
        status = remove_leftovers(path, error);
    }
    if (status != UM_OK) {
        um_eval_directory_close(directory);
    }
    return status;
}

void um_eval_directory_close(um_eval_directory *directory) {
    um_directory_unlock(&directory->lock_descriptor);
}
