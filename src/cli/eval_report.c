/* Reports as files. */
#include <stdlib.h>

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "cli/eval.h"

um_status um_eval_dump(const json_t *report, um_buffer *text, um_error *error) {
    char *dumped = json_dumps(report, JSON_INDENT(1) | JSON_REAL_PRECISION(12));
    if (!dumped) {
        return um_error_memory(error, "the report", 0);
    }
    const um_status status = um_buffer_append_format(text, error, "%s\n", dumped);
    free(dumped);
    return status;
}

static um_status write_file(const char *directory, const char *name, const um_buffer *text,
                            um_error *error) {
    char path[UM_EVAL_PATH_SIZE + 32];
    UM_TRY(um_path_join(path, sizeof path, directory, name, error));
    return um_file_write(path, um_buffer_text(text), text->length, error);
}

um_status um_eval_write_report(const char *directory, const um_buffer *json, const um_buffer *page,
                               um_error *error) {
    UM_TRY(write_file(directory, UM_EVAL_REPORT_FILE, json, error));
    return write_file(directory, UM_EVAL_PAGE_FILE, page, error);
}
