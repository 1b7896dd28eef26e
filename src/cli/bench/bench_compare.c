/* Whole runs and those of another program, in turn.  Each side is a process of its own, timed from
 * its start to its end, so that starting up and opening the model count for both. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "cli/bench/bench.h"
#include "cli/bench/bench_process.h"
#include "cli/machine.h"

#define OWN_PROGRAM "/proc/self/exe"

typedef struct side {
    char **arguments;
    const char *name;
    bool is_own; /* its output says how many tokens it committed */
} side;

typedef struct comparison_state {
    um_bench_comparison *comparison;
    um_bench_progress *progress;
    side sides[2];
    um_buffer output;
} comparison_state;

/* Read the answer tokens from what our own `unmask generate --json` printed. */
static um_status read_tokens(const um_buffer *output, size_t *tokens, um_error *error) {
    json_t *root = NULL;
    int64_t count = 0;
    UM_TRY(um_json_load_bytes(um_buffer_text(output), output->length, "our own run", &root, error));
    const um_status status =
        um_json_require_integer(root, "our own run", "answer_tokens", 0, INT32_MAX, &count, error);
    *tokens = (size_t)count;
    json_decref(root);
    return status;
}

static void show_progress(const comparison_state *state, const char *what) {
    const um_repetitions *repetitions = &state->comparison->repetitions;
    double seconds = 0;
    for (size_t i = 0; i < repetitions->count; i++) {
        seconds += repetitions->items[i].seconds;
    }
    double left = -1;
    if (repetitions->count > 0) {
        const size_t missing =
            repetitions->wanted > repetitions->count ? repetitions->wanted - repetitions->count : 1;
        left = seconds / (double)repetitions->count * (double)missing;
    }
    um_bench_progress_show(state->progress, what, left);
}

static um_status run_side(comparison_state *state, size_t index, um_repetition *pair,
                          um_error *error) {
    const side *chosen = &state->sides[index];
    um_process_usage usage = {0};
    show_progress(state, index == UM_PAIR_OURS ? "ours" : "theirs");
    um_buffer_clear(&state->output);
    const um_machine_watch watch = um_machine_watch_start();
    double seconds = 0;
    UM_TRY(um_process_measure(chosen->arguments, chosen->name,
                              chosen->is_own ? &state->output : NULL, &usage, error));
    const double others = um_machine_watch_stop(&watch, &seconds);
    size_t *tokens = &state->comparison->tokens[index];
    if (chosen->is_own) {
        UM_TRY(read_tokens(&state->output, tokens, error));
    }
    double *values = pair->values + index * UM_PAIR_VALUES;
    values[UM_PAIR_WALL] = usage.wall;
    values[UM_PAIR_CPU] = usage.cpu;
    values[UM_PAIR_MEMORY] = usage.memory;
    values[UM_PAIR_RATE] = usage.wall > 0 ? (double)*tokens / usage.wall : 0;
    pair->seconds += seconds;
    pair->others = others > pair->others ? others : pair->others;
    return UM_OK;
}

static um_status run_pairs(comparison_state *state, um_error *error) {
    um_repetitions *repetitions = &state->comparison->repetitions;
    while (um_repetitions_want_more(repetitions)) {
        um_repetition pair = {.others = -1};
        UM_TRY(run_side(state, UM_PAIR_OURS, &pair, error));
        UM_TRY(run_side(state, UM_PAIR_THEIRS, &pair, error));
        UM_TRY(um_repetitions_add(repetitions, &pair, error));
    }
    return UM_OK;
}

static um_status find_program(char *path, size_t size, um_error *error) {
    const ssize_t length = readlink(OWN_PROGRAM, path, size - 1);
    if (length < 0) {
        return um_error_set_errno(error, errno,
                                  OWN_PROGRAM ": cannot find this program; give --ours 'COMMAND'");
    }
    path[length] = '\0';
    return UM_OK;
}

/* unmask generate --json, the options of this command line, and the prompt.  The caller owns the
 * list but not the strings. */
static um_status own_arguments(const um_bench_settings *settings, char *program, char ***arguments,
                               um_error *error) {
    static char *const fixed[] = {"generate", "--json", ("--length=" UM_BENCH_LENGTH_TEXT)};
    const size_t used = settings->length > 0 ? 2 : 3;
    UM_TRY(
        um_allocate(arguments, settings->argument_count + 7, sizeof **arguments, "command", error));
    char **next = *arguments;
    *next++ = program;
    for (size_t i = 0; i < used; i++) {
        *next++ = fixed[i];
    }
    for (size_t i = 0; i < settings->argument_count; i++) {
        *next++ = settings->arguments[i];
    }
    *next++ = "--";
    *next++ = (char *)(uintptr_t)settings->prompt;
    *next = NULL;
    return UM_OK;
}

um_status um_bench_measure_comparison(um_bench_report *report, um_bench_progress *progress,
                                      um_error *error) {
    const um_bench_settings *settings = report->settings;
    um_bench_comparison *comparison = &report->comparison;
    comparison->repetitions = um_bench_repetitions(settings);
    comparison->tokens[UM_PAIR_OURS] = settings->ours_tokens;
    comparison->tokens[UM_PAIR_THEIRS] = settings->against_tokens;
    char program[4096];
    char **own = NULL;
    if (!settings->ours) {
        UM_TRY(find_program(program, sizeof program, error));
        UM_TRY(own_arguments(settings, program, &own, error));
    }
    char *ours[] = {"sh", "-c", (char *)(uintptr_t)settings->ours, NULL};
    char *theirs[] = {"sh", "-c", (char *)(uintptr_t)settings->against, NULL};
    comparison_state state = {
        .comparison = comparison,
        .progress = progress,
        .sides = {{own ? own : ours, own ? "our own run" : settings->ours, own != NULL},
                  {theirs, settings->against, false}}};
    const um_status status = run_pairs(&state, error);
    um_buffer_free(&state.output);
    free(own);
    return status;
}
