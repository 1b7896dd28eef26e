#include "cli/train/train_progress.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define LIVE_INTERVAL 0.2 /* seconds */
#define LINE_INTERVAL 10.0
#define NEWEST_WEIGHT 0.05 /* of the moving averages */
#define FIELD_SIZE 56
#define MAXIMUM_FIELDS (UM_PROGRESS_METRICS + 5)

/* A metric on the line. */
typedef struct shown_metric {
    const char *name;   /* docs/METRICS.md */
    const char *before; /* text before the number */
    const char *after;
    int digits;       /* after the point; below 0: with an exponent */
    double scale;     /* 100 for shares in per cent */
    bool smooth;      /* a moving average */
    int importance;   /* on a narrow terminal the least goes first; below 0: not on the line */
    bool validations; /* also on the line of a validation */
} shown_metric;

static const shown_metric shown_metrics[] = {
    {"loss", "loss ", "", 4, 1, true, 9, true},
    {"token_loss", "", " nats a predicted token", 4, 1, true, -1, true},
    {"reward", "reward ", "", 3, 1, true, 8, true},
    {"pass_rate", "pass@1 ", "%", 1, 100, true, 7, true},
    {"kl", "KL ", "", -1, 1, true, 4, false},
    {"accuracy", "accuracy ", "", 3, 1, true, 3, true},
    {"learning_rate", "lr ", "", -2, 1, false, 1, false},
    {"tokens_per_second", "", " tokens/s", 0, 1, true, 6, false},
    {"share_of_peak", "", "% of SGEMM", 0, 100, true, 2, false},
};
#define SHOWN_COUNT (sizeof shown_metrics / sizeof *shown_metrics)
_Static_assert(SHOWN_COUNT <= UM_PROGRESS_METRICS, "every metric has a place");

um_train_progress um_train_progress_start(size_t first_step, size_t total_steps) {
    um_train_progress progress = {.terminal = um_terminal_probe(STDERR_FILENO),
                                  .first_step = first_step,
                                  .step = first_step,
                                  .total_steps = total_steps,
                                  .validation = NAN,
                                  .start = um_clock_seconds()};
    for (size_t i = 0; i < UM_PROGRESS_METRICS; i++) {
        progress.values[i] = NAN;
    }
    progress.next_line = progress.start;
    return progress;
}

/* ---- Numbers ------------------------------------------------------------- */

static double smooth(double average, double value, bool wanted) {
    return !wanted || !isfinite(average) ? value
                                         : (1 - NEWEST_WEIGHT) * average + NEWEST_WEIGHT * value;
}

static double value_of(const char *name, const um_metric *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(values[i].name, name) == 0) {
            return values[i].value;
        }
    }
    return NAN;
}

double um_train_progress_left(const um_train_progress *progress, double now) {
    const size_t done = progress->step - progress->first_step;
    if (done == 0) {
        return NAN;
    }
    /* Only finished steps count: the current step is one of those that are left. */
    const double others = progress->step_end - progress->start - progress->all_step_seconds;
    const double each = progress->step_seconds + fmax(0, others) / (double)done;
    const double left = each * (double)(progress->total_steps - progress->step);
    return fmax(0, left - (now - progress->step_end));
}

/* ---- The line ------------------------------------------------------------ */

typedef struct line_fields {
    char texts[MAXIMUM_FIELDS][FIELD_SIZE];
    int importance[MAXIMUM_FIELDS];
    size_t count;
} line_fields;

static void add_field(line_fields *fields, int importance, const char *format, ...)
    UM_PRINTF_LIKE(3, 4);

static void add_field(line_fields *fields, int importance, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(fields->texts[fields->count], FIELD_SIZE, format, arguments);
    va_end(arguments);
    fields->importance[fields->count++] = importance;
}

static void format_metric(const shown_metric *shown, double value, char text[FIELD_SIZE]) {
    if (shown->digits < 0) {
        (void)snprintf(text, FIELD_SIZE, "%s%.*e%s", shown->before, -shown->digits,
                       shown->scale * value, shown->after);
    } else {
        (void)snprintf(text, FIELD_SIZE, "%s%.*f%s", shown->before, shown->digits,
                       shown->scale * value, shown->after);
    }
}

static void collect_fields(const um_train_progress *progress, double now, line_fields *fields) {
    add_field(fields, 100, "step %zu/%zu", progress->step, progress->total_steps);
    for (size_t i = 0; i < SHOWN_COUNT; i++) {
        if (shown_metrics[i].importance >= 0 && isfinite(progress->values[i])) {
            char text[FIELD_SIZE];
            format_metric(&shown_metrics[i], progress->values[i], text);
            add_field(fields, shown_metrics[i].importance, "%s", text);
        }
    }
    if (isfinite(progress->validation)) {
        add_field(fields, 5, "validation %.4f", progress->validation);
    }
    const double left = um_train_progress_left(progress, now);
    if (isfinite(left)) {
        char text[32];
        um_text_of_duration(left, text, sizeof text);
        add_field(fields, 10, "%s left", text);
    }
    if (*progress->phase) {
        add_field(fields, 11, "%s", progress->phase);
    }
}

static size_t line_width(const line_fields *fields) {
    size_t width = 0;
    for (size_t i = 0; i < fields->count; i++) {
        width += strlen(fields->texts[i]) + (i > 0 ? 2 : 0);
    }
    return width;
}

static void remove_least(line_fields *fields) {
    size_t least = 0;
    for (size_t i = 1; i < fields->count; i++) {
        least = fields->importance[i] < fields->importance[least] ? i : least;
    }
    fields->count--;
    for (size_t i = least; i < fields->count; i++) {
        memcpy(fields->texts[i], fields->texts[i + 1], FIELD_SIZE);
        fields->importance[i] = fields->importance[i + 1];
    }
}

um_status um_train_progress_text(const um_train_progress *progress, double now, size_t columns,
                                 um_buffer *text, um_error *error) {
    line_fields fields = {.count = 0};
    collect_fields(progress, now, &fields);
    while (fields.count > 1 && line_width(&fields) > columns) {
        remove_least(&fields);
    }
    const size_t start = text->length;
    for (size_t i = 0; i < fields.count; i++) {
        UM_TRY(um_buffer_append_format(text, error, "%s%s", i > 0 ? "  " : "", fields.texts[i]));
    }
    if (text->length - start > columns) {
        text->length = start + columns;
        text->data[text->length] = '\0';
    }
    return UM_OK;
}

/* ---- Showing ------------------------------------------------------------- */

/* If the terminal became narrower, it has folded the line that it shows. */
static um_status wipe(um_train_progress *progress, um_buffer *bytes, um_error *error) {
    (void)um_terminal_resize(&progress->terminal);
    const size_t columns = progress->terminal.columns;
    if (progress->shown > columns) {
        UM_TRY(um_buffer_append_format(bytes, error, "\033[%zuA", (progress->shown - 1) / columns));
    }
    progress->shown = 0;
    return um_buffer_append_text(bytes, "\r\033[J", error);
}

static um_status draw(um_train_progress *progress, double now, bool stays, um_error *error) {
    um_buffer bytes = {0};
    um_status status = UM_OK;
    size_t columns = SIZE_MAX;
    if (progress->terminal.is_live) {
        status = wipe(progress, &bytes, error);
        columns = progress->terminal.columns > 1 ? progress->terminal.columns - 1 : 1;
    }
    const size_t before = bytes.length;
    if (status == UM_OK) {
        status = um_train_progress_text(progress, now, columns, &bytes, error);
    }
    progress->shown = stays ? 0 : bytes.length - before;
    if (status == UM_OK && stays) {
        status = um_buffer_append_text(&bytes, "\n", error);
    }
    if (status == UM_OK) {
        status = um_terminal_write(&progress->terminal, &bytes, error);
    }
    um_buffer_free(&bytes);
    return status;
}

/* A line that cannot be shown does not stop the training. */
static void show(um_train_progress *progress, bool now_or_never) {
    const double now = um_clock_seconds();
    const bool live = progress->terminal.is_live;
    if (now < progress->next_line && !now_or_never) {
        return;
    }
    progress->next_line = now + (live ? LIVE_INTERVAL : LINE_INTERVAL);
    (void)draw(progress, now, !live || now_or_never, NULL);
}

void um_train_progress_note(um_train_progress *progress, size_t step, double seconds, double now) {
    const bool first = progress->step == progress->first_step;
    progress->step = step;
    progress->step_seconds = smooth(first ? NAN : progress->step_seconds, seconds, true);
    progress->all_step_seconds += seconds;
    progress->step_end = now;
    *progress->phase = '\0';
}

void um_train_progress_step(um_train_progress *progress, size_t step, double seconds,
                            const um_metric *values, size_t count) {
    um_train_progress_note(progress, step, seconds, um_clock_seconds());
    for (size_t i = 0; i < SHOWN_COUNT; i++) {
        const double value = value_of(shown_metrics[i].name, values, count);
        if (isfinite(value)) {
            progress->values[i] = smooth(progress->values[i], value, shown_metrics[i].smooth);
        }
    }
    if (step < progress->total_steps) {
        show(progress, false);
    } else {
        um_train_progress_end(progress);
    }
}

void um_train_progress_phase(um_train_progress *progress, const char *phase, size_t done,
                             size_t total) {
    if (total > 0) {
        (void)snprintf(progress->phase, sizeof progress->phase, "%.20s %zu/%zu", phase, done,
                       total);
    } else {
        (void)snprintf(progress->phase, sizeof progress->phase, "%.40s", phase);
    }
    show(progress, false);
}

void um_train_progress_clear(um_train_progress *progress) {
    um_buffer bytes = {0};
    if (progress->terminal.is_live && wipe(progress, &bytes, NULL) == UM_OK) {
        (void)um_terminal_write(&progress->terminal, &bytes, NULL);
    }
    um_buffer_free(&bytes);
}

void um_train_progress_validation(um_train_progress *progress, size_t step, const um_metric *values,
                                  size_t count) {
    um_train_progress_clear(progress);
    (void)fprintf(stderr, "validation at step %zu", step);
    const char *separator = ": ";
    for (size_t i = 0; i < SHOWN_COUNT; i++) {
        const double value = value_of(shown_metrics[i].name, values, count);
        if (shown_metrics[i].validations && isfinite(value)) {
            char text[FIELD_SIZE];
            format_metric(&shown_metrics[i], value, text);
            (void)fprintf(stderr, "%s%s", separator, text);
            separator = ", ";
        }
    }
    (void)fputc('\n', stderr);
    const double loss = value_of("loss", values, count);
    progress->validation = isfinite(loss) ? loss : progress->validation;
}

void um_train_progress_end(um_train_progress *progress) {
    show(progress, true);
}
