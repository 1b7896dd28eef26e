#include "train/run/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/append_file.h"
#include "base/json.h"
#include "train/run/metrics_internal.h"

struct um_metrics {
    um_append_file file;
    size_t lost;
    int reason;       /* errno of the first loss */
    um_buffer line;   /* being built */
    um_buffer header; /* the "run" line until the file contains it */
};

/* ---- Lines --------------------------------------------------------------- */

static um_status write_whole(um_metrics *metrics, const um_buffer *line, um_error *error) {
    const um_status status = um_append_file_write(&metrics->file, line->data, line->length, error);
    if (status != UM_OK) {
        metrics->reason = metrics->lost == 0 ? metrics->file.reason : metrics->reason;
        metrics->lost++;
    }
    return status;
}

static um_status write_line(um_metrics *metrics, um_error *error) {
    if (metrics->header.length > 0) {
        UM_TRY(write_whole(metrics, &metrics->header, error));
        um_buffer_clear(&metrics->header);
    }
    return write_whole(metrics, &metrics->line, error);
}

static um_status begin_line(um_metrics *metrics, const char *kind, size_t step, um_error *error) {
    um_buffer_clear(&metrics->line);
    UM_TRY(um_buffer_append_text(&metrics->line, "{\"kind\": ", error));
    UM_TRY(um_json_append_string(&metrics->line, kind, strlen(kind), error));
    return um_buffer_append_format(&metrics->line, error, ", \"step\": %zu", step);
}

static um_status end_line(um_metrics *metrics, um_error *error) {
    UM_TRY(um_buffer_append_text(&metrics->line, "}\n", error));
    return write_line(metrics, error);
}

static um_status add_number(um_metrics *metrics, const char *name, double value, um_error *error) {
    UM_TRY(um_buffer_append_text(&metrics->line, ", ", error));
    UM_TRY(um_json_append_string(&metrics->line, name, strlen(name), error));
    if (!isfinite(value)) {
        return um_buffer_append_text(&metrics->line, ": null", error);
    }
    const bool whole = value == trunc(value) && fabs(value) < 1e15;
    return um_buffer_append_format(&metrics->line, error, whole ? ": %.0f" : ": %.9g", value);
}

static um_status add_text(um_metrics *metrics, const char *name, const char *text, size_t length,
                          um_error *error) {
    UM_TRY(um_buffer_append_format(&metrics->line, error, ", \"%s\": ", name));
    return um_json_append_string(&metrics->line, text, length, error);
}

um_status um_metrics_numbers(um_metrics *metrics, const char *kind, size_t step,
                             const um_metric *values, size_t count, um_error *error) {
    UM_TRY(begin_line(metrics, kind, step, error));
    for (size_t i = 0; i < count; i++) {
        UM_TRY(add_number(metrics, values[i].name, values[i].value, error));
    }
    return end_line(metrics, error);
}

um_status um_metrics_put_sample(um_metrics *metrics, size_t step, const um_sample_report *sample,
                                um_error *error) {
    UM_TRY(begin_line(metrics, "sample", step, error));
    if (sample->task_id) {
        UM_TRY(add_text(metrics, "task_id", sample->task_id, strlen(sample->task_id), error));
    }
    UM_TRY(add_text(metrics, "prompt", sample->prompt, sample->prompt_length, error));
    UM_TRY(add_text(metrics, "completion", sample->completion, sample->completion_length, error));
    if (sample->suffix) {
        UM_TRY(add_text(metrics, "suffix", sample->suffix, sample->suffix_length, error));
    }
    if (sample->verdict) {
        UM_TRY(add_text(metrics, "verdict", sample->verdict, strlen(sample->verdict), error));
    }
    if (!isnan(sample->reward)) {
        UM_TRY(add_number(metrics, "reward", sample->reward, error));
    }
    return end_line(metrics, error);
}

um_status um_metrics_end(um_metrics *metrics, size_t step, const char *outcome, double seconds,
                         um_error *error) {
    UM_TRY(begin_line(metrics, "end", step, error));
    UM_TRY(add_text(metrics, "outcome", outcome, strlen(outcome), error));
    UM_TRY(add_number(metrics, "seconds", seconds, error));
    return end_line(metrics, error);
}

/* ---- The first line ------------------------------------------------------ */

static um_status add_fact(um_buffer *line, const char *name, const json_t *value, um_error *error) {
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
    if (!text) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "metrics: cannot write \"%s\" as JSON", name);
    }
    const um_status status = um_buffer_append_format(line, error, ", \"%s\": %s", name, text);
    free(text);
    return status;
}

static um_status put_run(um_metrics *metrics, const um_metrics_run *run, um_error *error) {
    char id[17];
    um_buffer *line = &metrics->header;
    um_metrics_format_id(run->recipe_id, id);
    UM_TRY(um_buffer_append_format(line, error,
                                   "{\"kind\": \"run\", \"format\": %d, \"recipe_id\": \"%s\", "
                                   "\"steps\": %zu",
                                   UM_METRICS_FORMAT, id, run->total_steps));
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach ((json_t *)(uintptr_t)run->facts, name, value) {
        UM_TRY(add_fact(line, name, value, error));
    }
    UM_TRY(um_buffer_append_text(line, "}\n", error));
    um_buffer_clear(&metrics->line);
    return write_line(metrics, error);
}

static um_status put_resumed(um_metrics *metrics, const um_metrics_run *run, um_error *error) {
    static const char *const names[] = {"program", "started", "machine"};
    UM_TRY(begin_line(metrics, "resumed", run->step, error));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const json_t *value = json_object_get(run->facts, names[i]);
        if (value) {
            UM_TRY(add_fact(&metrics->line, names[i], value, error));
        }
    }
    return end_line(metrics, error);
}

/* ---- Opening and closing ------------------------------------------------- */

static um_status cut_back(um_metrics *metrics, const um_metrics_run *run, um_error *error) {
    size_t kept = 0;
    if (metrics->file.length > 0) {
        UM_TRY(um_metrics_find_cut(metrics->file.path, run, &kept, error));
    }
    return um_append_file_cut(&metrics->file, kept, error);
}

/* A full disk is no reason not to train: lines that do not fit are lost, here as later, except the
 * first, which waits until there is room. */
static um_status begin(um_metrics *metrics, const um_metrics_run *run, um_error *error) {
    UM_TRY(cut_back(metrics, run, error));
    um_status status = UM_OK;
    if (metrics->file.length == 0) {
        status = put_run(metrics, run, error);
        metrics->lost = 0;
    }
    if ((status == UM_OK || status == UM_ERR_IO) && run->step > 0) {
        status = put_resumed(metrics, run, error);
    }
    return status == UM_ERR_IO ? UM_OK : status;
}

um_status um_metrics_open(const char *path, const um_metrics_run *run, um_metrics **metrics,
                          um_error *error) {
    *metrics = NULL;
    um_metrics *opened = calloc(1, sizeof *opened);
    if (!opened) {
        return um_error_memory(error, "metrics", sizeof *opened);
    }
    um_status status = um_append_file_open(path, &opened->file, error);
    if (status == UM_OK) {
        status = begin(opened, run, error);
    }
    if (status != UM_OK) {
        (void)um_metrics_close(opened, NULL);
        return status;
    }
    *metrics = opened;
    return UM_OK;
}

void um_metrics_sync(um_metrics *metrics) {
    (void)um_append_file_sync(&metrics->file, NULL);
}

size_t um_metrics_lost(const um_metrics *metrics) {
    return metrics->lost;
}

um_status um_metrics_close(um_metrics *metrics, um_error *error) {
    if (!metrics) {
        return UM_OK;
    }
    um_status status = UM_OK;
    if (metrics->lost > 0) {
        status = um_error_set_errno(error, metrics->reason, "%s: %zu lines are lost",
                                    metrics->file.path, metrics->lost);
    }
    const um_status closed = um_append_file_close(&metrics->file, status == UM_OK ? error : NULL);
    um_buffer_free(&metrics->line);
    um_buffer_free(&metrics->header);
    free(metrics);
    return status == UM_OK ? closed : status;
}
