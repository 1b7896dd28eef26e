/* The report of `unmask bench` as one line of JSON. */
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "cli/bench/bench.h"

/* Each value is followed by a comma; close() removes the one after the last value. */
static um_status append_name(um_buffer *line, const char *name, um_error *error) {
    return um_buffer_append_format(line, error, "\"%s\":", name);
}

static um_status append_value(um_buffer *line, double value, um_error *error) {
    return isfinite(value) ? um_buffer_append_format(line, error, "%.9g,", value)
                           : um_buffer_append_text(line, "null,", error);
}

static um_status append_number(um_buffer *line, const char *name, double value, um_error *error) {
    UM_TRY(append_name(line, name, error));
    return append_value(line, value, error);
}

/* 0: not measured. */
static um_status append_measured(um_buffer *line, const char *name, double value, um_error *error) {
    return append_number(line, name, value > 0 ? value : NAN, error);
}

/* Below 0: unknown. */
static um_status append_share(um_buffer *line, const char *name, double share, um_error *error) {
    return append_number(line, name, share < 0 ? NAN : share, error);
}

static um_status append_count(um_buffer *line, const char *name, size_t value, um_error *error) {
    return um_buffer_append_format(line, error, "\"%s\":%zu,", name, value);
}

static um_status append_string(um_buffer *line, const char *name, const char *text,
                               um_error *error) {
    UM_TRY(append_name(line, name, error));
    UM_TRY(um_json_append_string(line, text, strlen(text), error));
    return um_buffer_append_text(line, ",", error);
}

static um_status append_bool(um_buffer *line, const char *name, bool value, um_error *error) {
    return um_buffer_append_format(line, error, "\"%s\":%s,", name, value ? "true" : "false");
}

/* "name":{ or "name":[ or, without a name, the bracket alone. */
static um_status open(um_buffer *line, const char *name, const char *bracket, um_error *error) {
    if (name) {
        UM_TRY(append_name(line, name, error));
    }
    return um_buffer_append_text(line, bracket, error);
}

static um_status close(um_buffer *line, const char *bracket, um_error *error) {
    if (line->length > 0 && line->data[line->length - 1] == ',') {
        line->length--;
    }
    return um_buffer_append_format(line, error, "%s,", bracket);
}

static um_status append_summary(um_buffer *line, const char *name, const um_summary *summary,
                                double factor, um_error *error) {
    UM_TRY(open(line, name, "{", error));
    UM_TRY(append_number(line, "median", summary->median * factor, error));
    UM_TRY(append_number(line, "minimum", summary->minimum * factor, error));
    UM_TRY(append_number(line, "maximum", summary->maximum * factor, error));
    return close(line, "}", error);
}

/* The counts of repetitions, others' share, and for each repetition that counts its value `index`
 * and others' share. */
static um_status append_repetitions(um_buffer *line, const um_repetitions *repetitions,
                                    const char *name, size_t index, um_error *error) {
    um_summary others;
    bool known = false;
    UM_TRY(um_bench_others(repetitions, &others, &known, error));
    UM_TRY(append_count(line, "repetitions", um_repetitions_kept(repetitions), error));
    UM_TRY(append_count(line, "made", repetitions->count, error));
    UM_TRY(append_count(line, "disturbed", um_repetitions_disturbed(repetitions), error));
    if (known) {
        UM_TRY(append_summary(line, "others", &others, 1, error));
    } else {
        UM_TRY(append_share(line, "others", -1, error));
    }
    UM_TRY(open(line, "samples", "[", error));
    for (size_t i = 0; i < um_repetitions_kept(repetitions); i++) {
        const um_repetition *repetition = &repetitions->items[i];
        UM_TRY(open(line, NULL, "{", error));
        UM_TRY(append_number(line, name, repetition->values[index], error));
        UM_TRY(append_share(line, "others", repetition->others, error));
        UM_TRY(close(line, "}", error));
    }
    return close(line, "]", error);
}

/* ---- Parts ------------------------------------------------------------------------ */

static um_status append_machine(const um_bench_report *report, um_buffer *line, um_error *error) {
    const um_bench_machine *machine = &report->machine;
    UM_TRY(open(line, "machine", "{", error));
    UM_TRY(append_string(line, "processor", machine->processor, error));
    UM_TRY(append_count(line, "processors", machine->processors, error));
    if (report->model) {
        um_model_info info;
        um_model_get_info(report->model, &info);
        UM_TRY(append_count(line, "threads", machine->threads, error));
        UM_TRY(append_string(line, "kernels", info.kernels, error));
        UM_TRY(open(line, "peak_operations_per_second", "{", error));
        for (int kind = 0; kind < UM_PEAK_KINDS; kind++) {
            UM_TRY(append_measured(line, um_peak_kind_name((um_peak_kind)kind),
                                   machine->peaks[kind], error));
        }
        UM_TRY(append_measured(line, "sgemm", machine->sgemm, error));
        UM_TRY(close(line, "}", error));
        UM_TRY(append_share(line, "others", machine->others, error));
    }
    return close(line, "}", error);
}

static um_status append_model(const um_bench_report *report, um_buffer *line, um_error *error) {
    um_model_info info;
    char types[128];
    um_model_get_info(report->model, &info);
    um_bench_matrix_types(report->model, types, sizeof types);
    UM_TRY(open(line, "model", "{", error));
    UM_TRY(append_string(line, "name", info.name, error));
    UM_TRY(append_string(line, "family", info.family, error));
    UM_TRY(append_count(line, "parameters", info.parameter_count, error));
    UM_TRY(append_count(line, "weight_bytes", info.weight_bytes, error));
    UM_TRY(append_string(line, "matrix_types", types, error));
    return close(line, "}", error);
}

static um_status append_run(const um_bench_run *run, um_buffer *line, um_error *error) {
    um_bench_run_figures figures;
    UM_TRY(um_bench_run_summary(run, &figures, error));
    UM_TRY(open(line, "run", "{", error));
    UM_TRY(append_string(line, "algorithm", run->algorithm, error));
    UM_TRY(append_count(line, "prompt_tokens", run->prompt_tokens, error));
    UM_TRY(append_count(line, "length", run->length, error));
    UM_TRY(append_count(line, "forwards", run->forwards, error));
    UM_TRY(append_count(line, "answer_tokens", run->answer_tokens, error));
    UM_TRY(append_summary(line, "seconds", &figures.seconds, 1, error));
    UM_TRY(append_summary(line, "tokens_per_second", &figures.tokens_per_second, 1, error));
    UM_TRY(append_number(line, "forward_share", figures.forward_share, error));
    UM_TRY(append_number(line, "projection_share", figures.projection_share, error));
    UM_TRY(append_number(line, "sampling_share", figures.sampling_share, error));
    UM_TRY(append_number(line, "peak_memory_bytes", run->peak_memory, error));
    UM_TRY(append_repetitions(line, &run->repetitions, "seconds", UM_RUN_SECONDS, error));
    return close(line, "}", error);
}

static um_status append_figures(um_buffer *line, const char *name,
                                const um_bench_forward_figures *figures, um_error *error) {
    UM_TRY(open(line, name, "{", error));
    UM_TRY(append_summary(line, "milliseconds", &figures->seconds, 1e3, error));
    UM_TRY(append_number(line, "positions_per_second", figures->positions_per_second, error));
    UM_TRY(append_number(line, "operations_per_second", figures->operations_per_second, error));
    UM_TRY(append_measured(line, "peak_share", figures->peak_share, error));
    return close(line, "}", error);
}

static um_status append_forward(const um_bench_report *report, const um_bench_forward *forward,
                                um_buffer *line, um_error *error) {
    um_bench_forward_figures without;
    um_bench_forward_figures with;
    UM_TRY(um_bench_forward_summary(report, forward, false, &without, error));
    UM_TRY(um_bench_forward_summary(report, forward, true, &with, error));
    UM_TRY(open(line, NULL, "{", error));
    UM_TRY(append_count(line, "rows", forward->rows, error));
    UM_TRY(append_count(line, "context", report->settings->context, error));
    UM_TRY(append_figures(line, "without_logits", &without, error));
    UM_TRY(append_figures(line, "with_logits", &with, error));
    UM_TRY(append_repetitions(line, &forward->repetitions, "seconds", UM_FORWARD_LOGITS, error));
    return close(line, "}", error);
}

static um_status append_forwards(const um_bench_report *report, um_buffer *line, um_error *error) {
    UM_TRY(open(line, "forwards", "[", error));
    for (size_t i = 0; i < report->forward_count; i++) {
        if (report->forwards[i].repetitions.count > 0) {
            UM_TRY(append_forward(report, &report->forwards[i], line, error));
        }
    }
    return close(line, "]", error);
}

static um_status append_side(const um_bench_report *report, size_t side, const um_summary *values,
                             um_buffer *line, um_error *error) {
    const um_bench_settings *settings = report->settings;
    const size_t tokens = report->comparison.tokens[side];
    const char *command = side == UM_PAIR_OURS ? settings->ours : settings->against;
    UM_TRY(open(line, side == UM_PAIR_OURS ? "ours" : "theirs", "{", error));
    if (command) {
        UM_TRY(append_string(line, "command", command, error));
    }
    UM_TRY(append_summary(line, "wall_seconds", &values[UM_PAIR_WALL], 1, error));
    UM_TRY(append_summary(line, "cpu_seconds", &values[UM_PAIR_CPU], 1, error));
    UM_TRY(append_summary(line, "peak_memory_bytes", &values[UM_PAIR_MEMORY], 1, error));
    if (tokens > 0) {
        UM_TRY(append_count(line, "answer_tokens", tokens, error));
        UM_TRY(append_summary(line, "tokens_per_second", &values[UM_PAIR_RATE], 1, error));
    }
    return close(line, "}", error);
}

static um_status append_comparison(const um_bench_report *report, um_buffer *line,
                                   um_error *error) {
    const um_bench_comparison *comparison = &report->comparison;
    um_bench_comparison_figures figures;
    UM_TRY(um_bench_comparison_summary(comparison, &figures, error));
    UM_TRY(open(line, "comparison", "{", error));
    for (size_t side = 0; side < 2; side++) {
        UM_TRY(append_side(report, side, figures.sides[side], line, error));
    }
    UM_TRY(open(line, "times_better", "{", error));
    UM_TRY(append_summary(line, "wall_seconds", &figures.ratios[UM_PAIR_WALL], 1, error));
    UM_TRY(append_summary(line, "cpu_seconds", &figures.ratios[UM_PAIR_CPU], 1, error));
    UM_TRY(append_summary(line, "peak_memory_bytes", &figures.ratios[UM_PAIR_MEMORY], 1, error));
    if (um_bench_has_rates(comparison)) {
        UM_TRY(append_summary(line, "tokens_per_second", &figures.ratios[UM_PAIR_RATE], 1, error));
    }
    UM_TRY(close(line, "}", error));
    UM_TRY(append_repetitions(line, &comparison->repetitions, "ours_wall_seconds", UM_PAIR_WALL,
                              error));
    return close(line, "}", error);
}

um_status um_bench_format_json(const um_bench_report *report, um_buffer *line, um_error *error) {
    UM_TRY(open(line, NULL, "{", error));
    UM_TRY(append_string(line, "unmask", um_version(), error));
    UM_TRY(append_bool(line, "interrupted", report->interrupted, error));
    UM_TRY(append_machine(report, line, error));
    if (report->model) {
        UM_TRY(append_model(report, line, error));
    }
    if (report->run.repetitions.count > 0) {
        UM_TRY(append_run(&report->run, line, error));
    }
    if (report->forward_count > 0) {
        UM_TRY(append_forwards(report, line, error));
    }
    if (report->comparison.repetitions.count > 0) {
        UM_TRY(append_comparison(report, line, error));
    }
    UM_TRY(close(line, "}", error));
    line->length--; /* the comma after the outermost brace */
    return um_buffer_append_text(line, "\n", error);
}
