/* Every byte of the file may be hostile: the numbers of lines, names and steps are whatever it
 * says. */
#include "analysis/run_log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/mapped_file.h"
#include "base/memory.h"

#define METRICS_FILE "metrics.jsonl"
#define FILE_MAXIMUM ((size_t)2 << 30)
#define LINE_MAXIMUM ((size_t)4 << 20)
#define SERIES_MAXIMUM 256
#define NAME_MAXIMUM 64
#define LARGEST_STEP 1e15

typedef struct log_reader {
    um_run_log *log;
    size_t line_number;
    size_t hint; /* the series that is probably next: lines list their members in one order */
} log_reader;

/* ---- Problems ------------------------------------------------------------ */

/* Note what is wrong with the line.  That is no failure: only memory can really fail. */
static void note_problem(log_reader *reader, const char *text) {
    um_run_log *log = reader->log;
    if (log->problem_count < UM_RUN_LOG_PROBLEMS) {
        um_error line = {0}; /* on one line, without control characters */
        (void)UM_RAISE(&line, UM_ERR_FORMAT, "%.120s: line %zu: %.100s", log->path,
                       reader->line_number, text);
        (void)snprintf(log->problems[log->problem_count], sizeof log->problems[0], "%.255s",
                       line.message);
    }
    log->problem_count++;
}

/* ---- Series -------------------------------------------------------------- */

const um_run_series *um_run_log_find(const um_run_log *log, const char *kind, const char *name) {
    for (size_t i = 0; i < log->series_count; i++) {
        const um_run_series *series = &log->series[i];
        if (strcmp(series->name, name) == 0 && strcmp(series->kind, kind) == 0) {
            return series;
        }
    }
    return NULL;
}

double um_run_log_last_step(const um_run_log *log) {
    double last = 0;
    for (size_t i = 0; i < log->series_count; i++) {
        const um_run_series *series = &log->series[i];
        last = series->count > 0 ? fmax(last, series->steps[series->count - 1]) : last;
    }
    return last;
}

static um_status add_series(um_run_log *log, const char *kind, const char *name, um_error *error) {
    UM_TRY(um_grow(&log->series, &log->series_capacity, log->series_count + 1, sizeof *log->series,
                   "series", error));
    um_run_series *series = &log->series[log->series_count];
    *series = (um_run_series){.kind = strdup(kind), .name = strdup(name)};
    if (!series->kind || !series->name) {
        free(series->kind);
        free(series->name);
        return um_error_memory(error, "series", strlen(name));
    }
    log->series_count++;
    return UM_OK;
}

static bool is_series(const um_run_series *series, const char *kind, const char *name) {
    return strcmp(series->name, name) == 0 && strcmp(series->kind, kind) == 0;
}

/* *found is NULL if there are too many series already. */
static um_status find_or_add(log_reader *reader, const char *kind, const char *name,
                             um_run_series **found, um_error *error) {
    um_run_log *log = reader->log;
    size_t index = reader->hint;
    *found = NULL;
    if (index >= log->series_count || !is_series(&log->series[index], kind, name)) {
        index = 0;
        while (index < log->series_count && !is_series(&log->series[index], kind, name)) {
            index++;
        }
    }
    if (index == SERIES_MAXIMUM) {
        return UM_OK;
    }
    if (index == log->series_count) {
        UM_TRY(add_series(log, kind, name, error));
    }
    reader->hint = index + 1;
    *found = &log->series[index];
    return UM_OK;
}

static void forget_from(um_run_series *series, double step) {
    while (series->count > 0 && series->steps[series->count - 1] >= step) {
        series->count--;
    }
}

static um_status add_point(log_reader *reader, const char *kind, const char *name, double step,
                           double value, um_error *error) {
    um_run_series *series = NULL;
    UM_TRY(find_or_add(reader, kind, name, &series, error));
    if (!series) {
        return UM_OK;
    }
    forget_from(series, step);
    UM_TRY(um_grow(&series->steps, &series->capacity, series->count + 1, sizeof *series->steps,
                   "steps", error));
    UM_TRY(um_grow(&series->values, &series->value_capacity, series->count + 1,
                   sizeof *series->values, "values", error));
    series->steps[series->count] = step;
    series->values[series->count] = value;
    series->count++;
    return UM_OK;
}

/* ---- Kinds of lines ------------------------------------------------------ */

static um_status read_numbers(log_reader *reader, const char *kind, double step, json_t *line,
                              um_error *error) {
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach (line, name, value) {
        const bool wanted = json_is_number(value) || json_is_null(value);
        if (wanted && strcmp(name, "step") != 0 && *name && strlen(name) <= NAME_MAXIMUM) {
            const double number = json_is_number(value) ? json_number_value(value) : (double)NAN;
            UM_TRY(add_point(reader, kind, name, step, number, error));
        }
    }
    return UM_OK;
}

/* Forget the samples of `step` and later, or only the later ones: they are of a past that was
 * undone. */
static void forget_samples(um_run_log *log, double step, bool of_step_too) {
    while (log->sample_count > 0) {
        const double last = um_json_number(log->samples[log->sample_count - 1], "step");
        if (of_step_too ? last < step : last <= step) {
            return;
        }
        json_decref(log->samples[--log->sample_count]);
    }
}

static void add_sample(um_run_log *log, json_t *line, double step) {
    forget_samples(log, step, false);
    if (log->sample_count == UM_RUN_LOG_SAMPLES) {
        json_decref(log->samples[0]);
        memmove(&log->samples[0], &log->samples[1],
                (UM_RUN_LOG_SAMPLES - 1) * sizeof log->samples[0]);
        log->sample_count--;
    }
    log->samples[log->sample_count++] = json_incref(line);
}

static void set_end(um_run_log *log, json_t *line) {
    json_decref(log->end);
    log->end = line ? json_incref(line) : NULL;
}

/* Everything after the step was written by a process that has since been killed. */
static void resume(um_run_log *log, double step) {
    for (size_t i = 0; i < log->series_count; i++) {
        forget_from(&log->series[i], step + 0.5);
    }
    forget_samples(log, step, false);
    set_end(log, NULL);
    log->resumptions++;
}

static void begin_run(log_reader *reader, json_t *line) {
    um_run_log *log = reader->log;
    if (log->run || log->series_count > 0) {
        note_problem(reader, "another run begins here; what comes before is left out");
    }
    json_decref(log->run);
    log->run = json_incref(line);
    for (size_t i = 0; i < log->series_count; i++) {
        log->series[i].count = 0;
    }
    forget_samples(log, 0, true);
    set_end(log, NULL);
    log->resumptions = 0;
}

static bool read_step(const json_t *line, double *step) {
    const json_t *value = json_object_get(line, "step");
    *step = json_number_value(value);
    return json_is_number(value) && *step >= 0 && *step <= LARGEST_STEP;
}

static um_status read_line(log_reader *reader, json_t *line, um_error *error) {
    um_run_log *log = reader->log;
    const char *kind = json_string_value(json_object_get(line, "kind"));
    double step = 0;
    if (!kind) {
        note_problem(reader, "not a line of metrics: \"kind\" is missing");
        return UM_OK;
    }
    if (strcmp(kind, "run") == 0) {
        begin_run(reader, line);
    } else if (!read_step(line, &step)) {
        note_problem(reader, "\"step\" is missing or no number of a step");
        return UM_OK;
    } else if (strcmp(kind, "step") == 0 || strcmp(kind, "validation") == 0) {
        UM_TRY(read_numbers(reader, kind, step, line, error));
    } else if (strcmp(kind, "sample") == 0) {
        add_sample(log, line, step);
    } else if (strcmp(kind, "resumed") == 0) {
        resume(log, step);
    } else if (strcmp(kind, "end") == 0) {
        set_end(log, line);
    } /* else: of a later version */
    log->line_count++;
    return UM_OK;
}

/* ---- Files --------------------------------------------------------------- */

static um_status parse_line(log_reader *reader, const char *bytes, size_t length, bool torn,
                            um_error *error) {
    json_error_t reason = {0};
    reader->line_number++;
    reader->hint = 0;
    if (length == 0) {
        return UM_OK;
    }
    json_t *line =
        length > LINE_MAXIMUM ? NULL : json_loadb(bytes, length, JSON_ALLOW_NUL, &reason);
    if (!json_is_object(line)) {
        note_problem(reader, length > LINE_MAXIMUM ? "too long"
                             : torn                ? "cut off; the rest of the file is shown"
                             : line                ? "not a JSON object"
                                                   : reason.text);
        json_decref(line);
        return UM_OK;
    }
    const um_status status = read_line(reader, line, error);
    json_decref(line);
    return status;
}

um_status um_run_log_parse(const char *bytes, size_t length, const char *path, um_run_log *log,
                           um_error *error) {
    *log = (um_run_log){.path = strdup(path)};
    if (!log->path) {
        return um_error_memory(error, "path", strlen(path));
    }
    log_reader reader = {.log = log};
    for (size_t at = 0; at < length;) {
        const char *newline = memchr(bytes + at, '\n', length - at);
        const size_t size = newline ? (size_t)(newline - bytes) - at : length - at;
        UM_TRY(parse_line(&reader, bytes + at, size, !newline, error));
        at += size + 1;
    }
    if (log->line_count == 0 && log->problem_count > 0) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s (not the metrics of a training run)",
                        log->problems[0]);
    }
    return UM_OK;
}

um_status um_run_log_read(const char *path, um_run_log *log, um_error *error) {
    *log = (um_run_log){0};
    char joined[4096];
    const char *file = path;
    struct stat information;
    if (stat(path, &information) == 0 && S_ISDIR(information.st_mode)) {
        UM_TRY(um_path_join(joined, sizeof joined, path, METRICS_FILE, error));
        file = joined;
    }
    um_buffer bytes = {0};
    um_status status = um_file_read(file, FILE_MAXIMUM, &bytes, error);
    if (status == UM_OK) {
        status = um_run_log_parse(um_buffer_text(&bytes), bytes.length, file, log, error);
    }
    um_buffer_free(&bytes);
    return status;
}

void um_run_log_free(um_run_log *log) {
    for (size_t i = 0; i < log->series_count; i++) {
        free(log->series[i].kind);
        free(log->series[i].name);
        free(log->series[i].steps);
        free(log->series[i].values);
    }
    for (size_t i = 0; i < log->sample_count; i++) {
        json_decref(log->samples[i]);
    }
    free(log->series);
    free(log->path);
    json_decref(log->run);
    json_decref(log->end);
    *log = (um_run_log){0};
}
