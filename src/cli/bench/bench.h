/* unmask bench: its settings, its measurements and its reports. */
#ifndef UM_CLI_BENCH_BENCH_H
#define UM_CLI_BENCH_BENCH_H

#include "base/buffer.h"
#include "cli/bench/bench_progress.h"
#include "cli/bench/bench_statistics.h"
#include "cli/request/model_options.h"
#include "kernels/peak.h"

#define UM_BENCH_ROWS_MAXIMUM 32

/* The default number of answer tokens of a whole run. */
#define UM_BENCH_LENGTH 64
#define UM_BENCH_LENGTH_TEXT "64"

/* ---- The command line ------------------------------------------------------ */

typedef enum um_bench_part { UM_BENCH_ALL, UM_BENCH_RUN, UM_BENCH_FORWARD } um_bench_part;

typedef struct um_bench_settings {
    um_model_choice model;
    um_options *options; /* of decoding */
    um_bench_part part;
    const char *prompt; /* never NULL */
    size_t length;      /* of the answer; 0: the default */
    size_t rows[UM_BENCH_ROWS_MAXIMUM];
    size_t row_count;      /* 0: the defaults */
    size_t context;        /* valid cached rows before those that are computed */
    size_t repetitions;    /* 0: the default */
    double quiet_limit;    /* share of others' processor time above which one is disturbed */
    const char *against;   /* the command to compare with; NULL: no comparison */
    const char *ours;      /* a command in place of our own run, or NULL */
    size_t against_tokens; /* answer tokens of a run of `against`; 0: unknown */
    size_t ours_tokens;
    bool json;
    const char *save; /* file for the JSON, or NULL */
    char **arguments; /* [argument_count]: options of `unmask generate` for the same run */
    size_t argument_count;
    size_t argument_capacity;
} um_bench_settings;

/* Read the command line into zeroed *settings; call um_bench_settings_free whatever the outcome.
 * Returns UM_EXIT_OK to go on, UM_PARSE_HELP, or the exit code, with the message printed. */
int um_bench_parse(const um_command *command, int argc, char **argv, um_bench_settings *settings);
void um_bench_settings_free(um_bench_settings *settings);

/* An empty set of repetitions with the limits that the settings give. */
um_repetitions um_bench_repetitions(const um_bench_settings *settings);

/* The length of the answer in tokens: as set, else UM_BENCH_LENGTH or, if less, what the context
 * leaves after the prompt.  UM_ERR_LIMIT if it leaves nothing. */
um_status um_bench_answer_length(const um_bench_settings *settings, const um_model *model,
                                 size_t *length, um_error *error);

/* ---- What is measured ------------------------------------------------------ */

typedef struct um_bench_machine {
    char processor[128];
    size_t processors;
    size_t threads;
    double peaks[UM_PEAK_KINDS]; /* operations a second */
    double sgemm;                /* operations a second of the BLAS that training uses */
    double others;               /* as in um_repetition, while these were measured */
} um_bench_machine;

/* The values of a repetition of a whole run. */
enum {
    UM_RUN_SECONDS,
    UM_RUN_FORWARD,    /* seconds in the layers */
    UM_RUN_PROJECTION, /* ... in the output projection */
    UM_RUN_SAMPLING,   /* ... in choosing tokens */
};

typedef struct um_bench_run {
    um_repetitions repetitions;
    const char *algorithm;
    size_t prompt_tokens;
    size_t length; /* of the hole */
    size_t forwards;
    size_t answer_tokens; /* committed up to the end of the answer */
    double peak_memory;   /* bytes */
} um_bench_run;

/* The values of a repetition of a forward. */
enum {
    UM_FORWARD_LAYERS, /* seconds of a forward without logits */
    UM_FORWARD_LOGITS, /* seconds of that and of the logits of all rows */
};

typedef struct um_bench_forward {
    um_repetitions repetitions;
    size_t rows;
    double layer_operations[UM_PEAK_KINDS]; /* of a forward without logits, by their kind */
    double logit_operations[UM_PEAK_KINDS]; /* of the logits alone */
} um_bench_forward;

/* The values that a repetition of a comparison has for each side. */
enum { UM_PAIR_WALL, UM_PAIR_CPU, UM_PAIR_MEMORY, UM_PAIR_RATE, UM_PAIR_VALUES };
/* The sides; the index of a value is value + UM_PAIR_VALUES * side. */
enum { UM_PAIR_OURS, UM_PAIR_THEIRS };

typedef struct um_bench_comparison {
    um_repetitions repetitions;
    size_t tokens[2]; /* answer tokens of a run of each side; 0: unknown */
} um_bench_comparison;

/* Everything.  A measurement that was not made has no repetitions. */
typedef struct um_bench_report {
    const um_bench_settings *settings;
    bool interrupted;
    um_bench_machine machine;
    um_model *model; /* NULL in a comparison */
    um_bench_run run;
    um_bench_forward forwards[UM_BENCH_ROWS_MAXIMUM];
    size_t forward_count;
    um_bench_comparison comparison;
} um_bench_report;

/* Choose the numbers of rows to measure.  UM_ERR_LIMIT: more than the model has positions. */
um_status um_bench_choose_forwards(um_bench_report *report, um_error *error);

/* Estimated seconds of the forwards that are still to be measured. */
double um_bench_forward_seconds(const um_bench_report *report, double seconds_a_row);

/* Measure into the report.  UM_ERR_CANCELLED after Ctrl-C: the measurements so far are valid. */
um_status um_bench_measure_run(um_bench_report *report, um_threads *threads,
                               um_bench_progress *progress, um_error *error);
um_status um_bench_measure_forwards(um_bench_report *report, const um_threads *threads,
                                    um_bench_progress *progress, um_error *error);
um_status um_bench_measure_comparison(um_bench_report *report, um_bench_progress *progress,
                                      um_error *error);

/* ---- Reports ---------------------------------------------------------------- */

/* What both reports show of a forward with or without its logits. */
typedef struct um_bench_forward_figures {
    um_summary seconds;
    double positions_per_second; /* from the median, as are the two below */
    double operations_per_second;
    /* The time that these operations would take at the measured peaks of the types at work, as a
     * share of the median; 0 if the peaks were not measured. */
    double peak_share;
} um_bench_forward_figures;

um_status um_bench_forward_summary(const um_bench_report *report, const um_bench_forward *forward,
                                   bool with_logits, um_bench_forward_figures *figures,
                                   um_error *error);

typedef struct um_bench_run_figures {
    um_summary seconds;
    um_summary tokens_per_second;
    double forward_share; /* medians of the shares of the time */
    double projection_share;
    double sampling_share;
} um_bench_run_figures;

um_status um_bench_run_summary(const um_bench_run *run, um_bench_run_figures *figures,
                               um_error *error);

typedef struct um_bench_comparison_figures {
    um_summary sides[2][UM_PAIR_VALUES];
    /* The factor by which ours is better, pair by pair: theirs / ours for time and memory, ours /
     * theirs for tokens a second. */
    um_summary ratios[UM_PAIR_VALUES];
} um_bench_comparison_figures;

um_status um_bench_comparison_summary(const um_bench_comparison *comparison,
                                      um_bench_comparison_figures *figures, um_error *error);

/* Whether tokens a second of both sides are known. */
bool um_bench_has_rates(const um_bench_comparison *comparison);

/* Others' share in the repetitions that count; *known is false if the system did not report it. */
um_status um_bench_others(const um_repetitions *repetitions, um_summary *others, bool *known,
                          um_error *error);

/* "Q4_K, Q6_K": the types of the matrices of the layers and of the output projection. */
void um_bench_matrix_types(const um_model *model, char *text, size_t size);

/* The table for people, and one line of JSON with the same numbers. */
um_status um_bench_format_table(const um_bench_report *report, um_buffer *text, um_error *error);
um_status um_bench_format_json(const um_bench_report *report, um_buffer *line, um_error *error);

#endif
