/* The report of `unmask bench` for people. */
#include <string.h>

#include "cli/bench/bench.h"

#define NUMBER_SIZE 24
#define MEBIBYTE (1024.0 * 1024.0)

/* With about three significant digits. */
static const char *write_number(double value, char text[NUMBER_SIZE]) {
    const int decimals = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
    (void)snprintf(text, NUMBER_SIZE, "%.*f", decimals, value);
    return text;
}

static const char *write_percent(double share, bool known, char text[NUMBER_SIZE]) {
    (void)snprintf(text, NUMBER_SIZE, known ? "%.0f%%" : "-", share * 100);
    return text;
}

/* A line: label, median and range. */
static um_status append_summary(um_buffer *text, const char *label, const um_summary *summary,
                                double factor, um_error *error) {
    char median[NUMBER_SIZE];
    char minimum[NUMBER_SIZE];
    char maximum[NUMBER_SIZE];
    return um_buffer_append_format(text, error, "  %-24s %10s  (%s to %s)\n", label,
                                   write_number(summary->median * factor, median),
                                   write_number(summary->minimum * factor, minimum),
                                   write_number(summary->maximum * factor, maximum));
}

static um_status append_count(um_buffer *text, const char *label, size_t count, um_error *error) {
    return um_buffer_append_format(text, error, "  %-24s %10zu\n", label, count);
}

static um_status append_share(um_buffer *text, const char *label, double share, um_error *error) {
    char percent[NUMBER_SIZE];
    return um_buffer_append_format(text, error, "  %-24s %10s\n", label,
                                   write_percent(share, true, percent));
}

/* How many repetitions there were, and how busy other processes were. */
static um_status append_repetitions(um_buffer *text, const um_repetitions *repetitions,
                                    um_error *error) {
    um_summary others;
    bool known = false;
    char median[NUMBER_SIZE];
    char maximum[NUMBER_SIZE];
    UM_TRY(um_bench_others(repetitions, &others, &known, error));
    return um_buffer_append_format(
        text, error, "  %zu of %zu repetitions, %zu disturbed; others: %s, at most %s\n",
        um_repetitions_kept(repetitions), repetitions->count, um_repetitions_disturbed(repetitions),
        write_percent(others.median, known, median), write_percent(others.maximum, known, maximum));
}

/* ---- Machine and model ------------------------------------------------------------- */

static um_status append_peaks(const um_bench_machine *machine, um_buffer *text, um_error *error) {
    char others[NUMBER_SIZE];
    return um_buffer_append_format(
        text, error,
        "measured peaks: %.1f GFLOP/s f32 multiply-add, %.1f Gop/s 16-bit and %.1f Gop/s 8-bit\n"
        "  products, SGEMM %.1f GFLOP/s (others: %s)\n",
        machine->peaks[UM_PEAK_FLOAT] / 1e9, machine->peaks[UM_PEAK_WIDE] / 1e9,
        machine->peaks[UM_PEAK_NARROW] / 1e9, machine->sgemm / 1e9,
        write_percent(machine->others, machine->others >= 0, others));
}

static um_status append_machine(const um_bench_report *report, um_buffer *text, um_error *error) {
    const um_bench_machine *machine = &report->machine;
    UM_TRY(um_buffer_append_format(text, error, "%s, %zu processor%s", machine->processor,
                                   machine->processors, machine->processors > 1 ? "s" : ""));
    if (!report->model) {
        return um_buffer_append_text(text, "\n", error);
    }
    um_model_info info;
    char types[128];
    um_model_get_info(report->model, &info);
    um_bench_matrix_types(report->model, types, sizeof types);
    UM_TRY(um_buffer_append_format(text, error, "; %zu thread%s, kernels %s\n", machine->threads,
                                   machine->threads > 1 ? "s" : "", info.kernels));
    if (machine->sgemm > 0) {
        UM_TRY(append_peaks(machine, text, error));
    }
    return um_buffer_append_format(text, error,
                                   "%s (%s): %.1f million parameters, %.1f MiB, matrices %s\n",
                                   info.name, info.family, (double)info.parameter_count / 1e6,
                                   (double)info.weight_bytes / MEBIBYTE, types);
}

/* ---- Whole runs ---------------------------------------------------------------------- */

static um_status append_run(const um_bench_run *run, um_buffer *text, um_error *error) {
    um_bench_run_figures figures;
    UM_TRY(um_bench_run_summary(run, &figures, error));
    UM_TRY(um_buffer_append_format(text, error,
                                   "\nwhole run (%s, %zu prompt tokens, room for %zu)\n",
                                   run->algorithm, run->prompt_tokens, run->length));
    UM_TRY(append_summary(text, "seconds", &figures.seconds, 1, error));
    UM_TRY(append_count(text, "forwards", run->forwards, error));
    UM_TRY(append_count(text, "answer tokens", run->answer_tokens, error));
    UM_TRY(append_summary(text, "answer tokens/s", &figures.tokens_per_second, 1, error));
    UM_TRY(append_share(text, "time in layers", figures.forward_share, error));
    UM_TRY(append_share(text, "time in output projection", figures.projection_share, error));
    UM_TRY(append_share(text, "time in choosing tokens", figures.sampling_share, error));
    char memory[NUMBER_SIZE];
    UM_TRY(um_buffer_append_format(text, error, "  %-24s %10s\n", "peak memory, MiB",
                                   write_number(run->peak_memory / MEBIBYTE, memory)));
    return append_repetitions(text, &run->repetitions, error);
}

/* ---- Forwards -------------------------------------------------------------------------- */

static um_status append_forward(const um_bench_report *report, const um_bench_forward *forward,
                                bool with_logits, um_buffer *text, um_error *error) {
    um_bench_forward_figures figures;
    um_summary others;
    bool known = false;
    UM_TRY(um_bench_forward_summary(report, forward, with_logits, &figures, error));
    UM_TRY(um_bench_others(&forward->repetitions, &others, &known, error));
    char median[NUMBER_SIZE];
    char minimum[NUMBER_SIZE];
    char maximum[NUMBER_SIZE];
    char rate[NUMBER_SIZE];
    char share[NUMBER_SIZE];
    char percent[NUMBER_SIZE];
    char range[2 * NUMBER_SIZE + 8];
    (void)snprintf(range, sizeof range, "(%s to %s)",
                   write_number(figures.seconds.minimum * 1e3, minimum),
                   write_number(figures.seconds.maximum * 1e3, maximum));
    return um_buffer_append_format(
        text, error, "  %6zu %9s  %-20s %9s %9.1f %8s %7s\n", forward->rows,
        write_number(figures.seconds.median * 1e3, median), range,
        write_number(figures.positions_per_second, rate), figures.operations_per_second / 1e9,
        write_percent(figures.peak_share, figures.peak_share > 0, share),
        write_percent(others.median, known, percent));
}

static um_status append_disturbed(const um_bench_report *report, um_buffer *text, um_error *error) {
    size_t made = 0;
    size_t disturbed = 0;
    for (size_t i = 0; i < report->forward_count; i++) {
        made += report->forwards[i].repetitions.count;
        disturbed += um_repetitions_disturbed(&report->forwards[i].repetitions);
    }
    return um_buffer_append_format(text, error, "  %zu of %zu repetitions were disturbed\n",
                                   disturbed, made);
}

static bool has_forwards(const um_bench_report *report) {
    return report->forward_count > 0 && report->forwards[0].repetitions.count > 0;
}

static um_status append_forwards(const um_bench_report *report, um_buffer *text, um_error *error) {
    char place[64] = "of a whole canvas";
    if (report->settings->context > 0) {
        (void)snprintf(place, sizeof place, "behind %zu cached rows", report->settings->context);
    }
    for (int with_logits = 0; with_logits < 2; with_logits++) {
        UM_TRY(um_buffer_append_format(text, error, "\nforward over rows %s, %s\n", place,
                                       with_logits ? "with logits for all" : "without logits"));
        UM_TRY(um_buffer_append_format(text, error, "  %6s %9s  %-20s %9s %9s %8s %7s\n", "rows",
                                       "ms", "(least to most)", "rows/s", "Gop/s", "of peak",
                                       "others"));
        for (size_t i = 0; i < report->forward_count; i++) {
            const um_bench_forward *forward = &report->forwards[i];
            if (forward->repetitions.count > 0) {
                UM_TRY(append_forward(report, forward, with_logits == 1, text, error));
            }
        }
    }
    return append_disturbed(report, text, error);
}

/* ---- Comparisons ------------------------------------------------------------------------ */

static const char *write_range(const um_summary *summary, double factor, char *text, size_t size) {
    char median[NUMBER_SIZE];
    char minimum[NUMBER_SIZE];
    char maximum[NUMBER_SIZE];
    (void)snprintf(text, size, "%s (%s to %s)", write_number(summary->median * factor, median),
                   write_number(summary->minimum * factor, minimum),
                   write_number(summary->maximum * factor, maximum));
    return text;
}

static um_status append_pair(const um_bench_comparison_figures *figures, size_t value,
                             const char *label, double factor, um_buffer *text, um_error *error) {
    char ours[3 * NUMBER_SIZE + 16];
    char theirs[3 * NUMBER_SIZE + 16];
    char ratio[3 * NUMBER_SIZE + 16];
    return um_buffer_append_format(
        text, error, "  %-16s %-24s %-24s %s\n", label,
        write_range(&figures->sides[UM_PAIR_OURS][value], factor, ours, sizeof ours),
        write_range(&figures->sides[UM_PAIR_THEIRS][value], factor, theirs, sizeof theirs),
        write_range(&figures->ratios[value], 1, ratio, sizeof ratio));
}

static um_status append_comparison(const um_bench_comparison *comparison, um_buffer *text,
                                   um_error *error) {
    um_bench_comparison_figures figures;
    UM_TRY(um_bench_comparison_summary(comparison, &figures, error));
    UM_TRY(um_buffer_append_text(text,
                                 "\nwhole runs in turn, each a process of its own from start to "
                                 "end\n",
                                 error));
    UM_TRY(um_buffer_append_format(text, error, "  %-16s %-24s %-24s %s\n", "", "ours", "theirs",
                                   "ours is better by"));
    UM_TRY(append_pair(&figures, UM_PAIR_WALL, "seconds", 1, text, error));
    UM_TRY(append_pair(&figures, UM_PAIR_CPU, "CPU seconds", 1, text, error));
    UM_TRY(append_pair(&figures, UM_PAIR_MEMORY, "peak memory, MiB", 1 / MEBIBYTE, text, error));
    if (um_bench_has_rates(comparison)) {
        UM_TRY(append_pair(&figures, UM_PAIR_RATE, "answer tokens/s", 1, text, error));
    }
    for (size_t side = 0; side < 2; side++) {
        if (comparison->tokens[side] > 0) {
            UM_TRY(append_count(text,
                                side == UM_PAIR_OURS ? "our answer tokens" : "their answer tokens",
                                comparison->tokens[side], error));
        }
    }
    return append_repetitions(text, &comparison->repetitions, error);
}

um_status um_bench_format_table(const um_bench_report *report, um_buffer *text, um_error *error) {
    UM_TRY(append_machine(report, text, error));
    if (report->run.repetitions.count > 0) {
        UM_TRY(append_run(&report->run, text, error));
    }
    if (has_forwards(report)) {
        UM_TRY(append_forwards(report, text, error));
    }
    if (report->comparison.repetitions.count > 0) {
        UM_TRY(append_comparison(&report->comparison, text, error));
    }
    return report->interrupted
               ? um_buffer_append_text(text, "\ninterrupted: the rest was not measured\n", error)
               : UM_OK;
}
