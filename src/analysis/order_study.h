/* Decoding orders of many traces, in sets side by side, such as two models or several temperatures,
 * and the summaries of these sets. */
#ifndef UM_ANALYSIS_ORDER_STUDY_H
#define UM_ANALYSIS_ORDER_STUDY_H

#include "analysis/ar_ness.h"
#include "page/html.h"
#include "statistics/bootstrap.h"

/* Most sets side by side. */
#define UM_ORDER_SETS 16

/* What is kept of one trace. */
typedef struct um_order_run {
    double ar_ness[UM_AR_NESS_READINGS][UM_AR_NESS_MAXIMUM];
    um_commit_order order; /* commits of one step by confidence */
    float *confidence;     /* [order.place_count]: before anything was committed; NAN for places
                              not looked at; NULL if the trace has no such profile */
    float *entropy;        /* the same, in nats */
    uint64_t prompt;       /* traces with the same number start from the same canvas */
    uint64_t answer;       /* traces of one prompt with the same number gave the same answer */
} um_order_run;

/* Zero-initialise; um_order_set_free. */
typedef struct um_order_set {
    char *label;
    bool has_temperature;
    double temperature;
    um_order_run *runs; /* [count] */
    size_t count;
    size_t capacity;
    size_t empty; /* traces without a commit, which are left out */
    /* Filled in by whoever adds the traces, if the ends of answers are known. */
    size_t positions;  /* answer positions of all traces */
    size_t behind_end; /* those behind the end of their answer: pads */
    bool until_end;    /* those were left out of the traces */
} um_order_set;

um_status um_order_set_label(um_order_set *set, const char *label, um_error *error);

/* Add a trace; `answer` tells answers apart, as above. */
um_status um_order_set_add(um_order_set *set, const um_trace *trace, uint64_t answer,
                           um_error *error);
void um_order_set_free(um_order_set *set);

/* The summary of a set.  Zero-initialise; um_order_summary_free. */
typedef struct um_order_summary {
    const um_order_set *set;
    size_t prompts;      /* different canvases */
    size_t commits;      /* of all traces */
    size_t taken_back;   /* of all traces */
    size_t longest;      /* most answer positions of a trace */
    size_t most_steps;   /* of a trace */
    size_t several;      /* traces with a step that committed more than one token */
    size_t with_profile; /* traces with a first-step profile */
    um_interval steps;   /* of a trace */
    um_interval commits_per_step;
    um_interval ar_ness[UM_AR_NESS_READINGS][UM_AR_NESS_MAXIMUM];
    /* The expected values for a random order, averaged over the traces, in the default readings. */
    double random_local[UM_AR_NESS_MAXIMUM];
    double random_global[UM_AR_NESS_MAXIMUM];
    /* Different answers to a prompt, as a share of its samples; without a value if no prompt has
     * two samples. */
    um_interval distinct;
    um_interval *confidence; /* [profile_count]: of the first step, by place */
    um_interval *entropy;
    size_t profile_count;
} um_order_summary;

/* Most places of a first-step profile that are looked at: the first ones. */
#define UM_ORDER_PROFILE_MAXIMUM 1024

/* UM_ERR_ARGUMENT: a set without a run. */
um_status um_order_summarise(const um_order_set *set, uint64_t seed, um_order_summary *summary,
                             um_error *error);
void um_order_summary_free(um_order_summary *summary);

/* ---- Output ---------------------------------------------------------------- */

/* Single runs to play on the page, made by a caller who knows the texts of tokens. */
typedef struct um_order_players {
    const char *html; /* NULL or empty for none */
    const char *style;
    um_html_script script;
} um_order_players;

/* Sets with their summaries, side by side. */
typedef struct um_order_study {
    const um_order_summary *summaries; /* [count] */
    size_t count;
    uint64_t seed;     /* of the intervals */
    const char *title; /* any text */
    um_order_players players;
} um_order_study;

/* Append a table for people. */
um_status um_order_text(const um_order_study *study, um_buffer *text, um_error *error);

/* Append one JSON object (docs/ANALYSIS.md). */
um_status um_order_json(const um_order_study *study, um_buffer *text, um_error *error);

/* Append a self-contained HTML page. */
um_status um_order_page(const um_order_study *study, um_buffer *page, um_error *error);

/* One figure of the page as a stand-alone picture, by number: writes a name for the file, without
 * its ending, to name[size], and appends the picture.  *exists is false past the last one. */
um_status um_order_picture(const um_order_study *study, size_t index, char *name, size_t size,
                           um_buffer *picture, bool *exists, um_error *error);

#endif
