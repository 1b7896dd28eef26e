/* Which lines of a run's file remain valid when it continues.  Only the last line can be torn,
 * because each is one write; other lines that are not JSON are left for the reader to report. */
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/mapped_file.h"
#include "train/run/metrics_internal.h"

void um_metrics_format_id(uint64_t recipe_id, char text[17]) {
    (void)snprintf(text, 17, "%016" PRIx64, recipe_id);
}

static um_status check_first_line(const char *path, const json_t *line, const um_metrics_run *run,
                                  um_error *error) {
    char id[17];
    if (strcmp(um_json_text(line, "kind"), "run") != 0) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "%s: is not the metrics of a run; name another file with --log", path);
    }
    um_metrics_format_id(run->recipe_id, id);
    if (strcmp(um_json_text(line, "recipe_id"), id) != 0) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s: holds the metrics of another recipe; move it away, or name another "
                        "file with --log",
                        path);
    }
    return UM_OK;
}

/* Whether the run will write this line again. */
static bool comes_again(const json_t *line, const um_metrics_run *run) {
    const char *kind = um_json_text(line, "kind");
    const json_int_t step = json_integer_value(json_object_get(line, "step"));
    if (strcmp(kind, "end") == 0 || step > (json_int_t)run->step) {
        return true;
    }
    const bool due = run->validation_is_due && step == (json_int_t)run->step;
    return due && (strcmp(kind, "validation") == 0 || strcmp(kind, "sample") == 0);
}

static um_status scan(const char *path, const um_mapped_file *file, const um_metrics_run *run,
                      size_t *kept, um_error *error) {
    const char *bytes = (const char *)file->data;
    for (size_t at = 0; at < file->size;) {
        const char *newline = memchr(bytes + at, '\n', file->size - at);
        const size_t length = newline ? (size_t)(newline - bytes) - at : file->size - at;
        json_t *line = newline ? json_loadb(bytes + at, length, JSON_ALLOW_NUL, NULL) : NULL;
        /* A torn first line tells nothing about whose file it is, unless it begins like ours. */
        static const char beginning[] = "{\"kind\": \"run\"";
        const bool torn_ours = !newline && length >= sizeof beginning - 1 &&
                               memcmp(bytes, beginning, sizeof beginning - 1) == 0;
        const um_status status =
            at > 0 || torn_ours ? UM_OK : check_first_line(path, line, run, error);
        const bool end = !newline || (line && comes_again(line, run));
        json_decref(line);
        UM_TRY(status);
        if (end) {
            break;
        }
        at += length + 1;
        *kept = at;
    }
    return UM_OK;
}

um_status um_metrics_find_cut(const char *path, const um_metrics_run *run, size_t *kept,
                              um_error *error) {
    um_mapped_file file;
    *kept = 0;
    UM_TRY(um_mapped_file_open(path, &file, error));
    const um_status status = scan(path, &file, run, kept, error);
    um_mapped_file_close(&file);
    if (run->step == 0) {
        *kept = 0;
    }
    return status;
}
