/* Reports on the terminal and as files. */
#include <stdio.h>
#include <stdlib.h>

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "cli/eval/eval.h"
#include "eval/report.h"

const um_eval_texts um_eval_report_texts = {.table = um_eval_report_table,
                                            .page = um_eval_report_page};

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

static um_status write_files(const char *directory, const um_buffer *json, const um_buffer *page,
                             um_error *error) {
    UM_TRY(write_file(directory, UM_EVAL_REPORT_FILE, json, error));
    return write_file(directory, UM_EVAL_PAGE_FILE, page, error);
}

/* Print before writing, so that a full disk does not lose the report. */
static um_status publish(const json_t *report, const um_eval_texts *texts, const char *directory,
                         um_eval_shown shown, um_buffer *json, um_buffer *page, um_error *error) {
    um_buffer table = {0};
    UM_TRY(um_eval_dump(report, json, error));
    UM_TRY(texts->page(report, page, error));
    if (shown == UM_EVAL_SHOW_JSON) {
        (void)fwrite(um_buffer_text(json), 1, json->length, stdout);
    } else if (shown == UM_EVAL_SHOW_TABLE) {
        const um_status status = texts->table(report, &table, error);
        (void)fwrite(um_buffer_text(&table), 1, table.length, stdout);
        um_buffer_free(&table);
        UM_TRY(status);
    }
    return write_files(directory, json, page, error);
}

um_status um_eval_publish(const json_t *report, const um_eval_texts *texts, const char *directory,
                          um_eval_shown shown, um_error *error) {
    um_buffer json = {0};
    um_buffer page = {0};
    const um_status status = publish(report, texts, directory, shown, &json, &page, error);
    um_buffer_free(&json);
    um_buffer_free(&page);
    return status;
}
