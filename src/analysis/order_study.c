#include "analysis/order_study.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

/* ---- Collecting -------------------------------------------------------------- */

um_status um_order_set_label(um_order_set *set, const char *label, um_error *error) {
    char *copy = strdup(label);
    if (!copy) {
        return um_error_memory(error, "label", strlen(label) + 1);
    }
    free(set->label);
    set->label = copy;
    return UM_OK;
}

static uint64_t hash_canvas(const um_trace_header *header) {
    uint64_t hash = um_hash_add(UM_HASH_START, header->length);
    for (size_t i = 0; i < header->length; i++) {
        hash = um_hash_add(hash, (uint32_t)header->tokens[i]);
    }
    for (size_t i = 0; i < header->hole_count; i++) {
        hash = um_hash_add(hash, header->holes[i].start); /* the lengths may have been cut */
    }
    return hash;
}

static void free_run(um_order_run *run) {
    um_commit_order_free(&run->order);
    free(run->confidence);
    free(run->entropy);
}

/* Take the trace's profile, by place. */
static um_status take_profile(const um_trace *trace, um_order_run *run, um_error *error) {
    const um_trace_first_step *profile = &trace->end.first_step;
    const um_trace_header *header = &trace->header;
    if (!trace->has_end || profile->count == 0) {
        return UM_OK;
    }
    const size_t count = run->order.place_count;
    UM_TRY(um_allocate(&run->confidence, count, sizeof(float), "profile", error));
    UM_TRY(um_allocate(&run->entropy, count, sizeof(float), "profile", error));
    size_t place = 0;
    size_t next = 0;
    for (size_t h = 0; h < header->hole_count; h++) {
        const um_canvas_hole *hole = &header->holes[h];
        for (size_t p = hole->start; p < hole->start + hole->length; p++) {
            const bool known = next < profile->count && profile->positions[next] == p;
            if (header->tokens[p] == header->mask_token) {
                run->confidence[place] = known ? profile->confidences[next] : NAN;
                run->entropy[place] = known ? profile->entropies[next] : NAN;
                place++;
            }
            next += known ? 1 : 0;
        }
    }
    return UM_OK;
}

static um_status fill_run(const um_trace *trace, uint64_t answer, um_order_run *run,
                          um_error *error) {
    run->prompt = hash_canvas(&trace->header);
    run->answer = answer;
    UM_TRY(um_commit_order_of(trace, UM_TIES_BY_CONFIDENCE, &run->order, error));
    UM_TRY(um_ar_ness_measure(trace, run->ar_ness, error));
    return take_profile(trace, run, error);
}

um_status um_order_set_add(um_order_set *set, const um_trace *trace, uint64_t answer,
                           um_error *error) {
    UM_TRY(um_grow(&set->runs, &set->capacity, set->count + 1, sizeof *set->runs, "runs", error));
    um_order_run *run = &set->runs[set->count];
    *run = (um_order_run){0};
    const um_status status = fill_run(trace, answer, run, error);
    if (status != UM_OK || run->order.count == 0) {
        free_run(run);
        set->empty += status == UM_OK ? 1 : 0;
        return status;
    }
    set->count++;
    return UM_OK;
}

void um_order_set_free(um_order_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        free_run(&set->runs[i]);
    }
    free(set->runs);
    free(set->label);
    *set = (um_order_set){0};
}

/* ---- Summing up --------------------------------------------------------------- */

/* Columns of numbers: each run has one number in each. */
enum { COLUMN_STEPS, COLUMN_COMMITS_PER_STEP, COLUMN_DISTINCT, COLUMN_AR_NESS };
#define AR_NESS_COLUMNS (UM_AR_NESS_READINGS * UM_AR_NESS_MAXIMUM)
#define COLUMNS (COLUMN_AR_NESS + AR_NESS_COLUMNS)

/* The answer of a run, for sorting. */
typedef struct given_answer {
    uint64_t prompt;
    uint64_t answer;
    size_t run;
} given_answer;

static int compare_answers(const void *a, const void *b) {
    const given_answer *x = a;
    const given_answer *y = b;
    const int prompts = (x->prompt > y->prompt) - (x->prompt < y->prompt);
    const int answers = (x->answer > y->answer) - (x->answer < y->answer);
    return prompts != 0 ? prompts : answers != 0 ? answers : (x->run > y->run) - (x->run < y->run);
}

/* Fill the column of distinct answers: for the first of a prompt's runs the share of different ones
 * among them, if there are several; NAN for all others, so that each prompt counts once. */
static um_status fill_distinct(const um_order_set *set, double *values, um_error *error) {
    given_answer *sorted = NULL;
    UM_TRY(um_allocate(&sorted, set->count, sizeof *sorted, "summary", error));
    for (size_t i = 0; i < set->count; i++) {
        sorted[i] = (given_answer){set->runs[i].prompt, set->runs[i].answer, i};
    }
    qsort(sorted, set->count, sizeof *sorted, compare_answers);
    for (size_t first = 0, end = 0; first < set->count; first = end) {
        size_t distinct = 0;
        for (end = first; end < set->count && sorted[end].prompt == sorted[first].prompt; end++) {
            distinct += end == first || sorted[end].answer != sorted[end - 1].answer;
            values[sorted[end].run * COLUMNS + COLUMN_DISTINCT] = (double)NAN;
        }
        if (end - first > 1) {
            values[sorted[first].run * COLUMNS + COLUMN_DISTINCT] =
                (double)distinct / (double)(end - first);
        }
    }
    free(sorted);
    return UM_OK;
}

static void fill_row(const um_order_set *set, size_t index, double *row) {
    const um_order_run *run = &set->runs[index];
    const um_commit_order *order = &run->order;
    row[COLUMN_STEPS] = (double)order->steps;
    row[COLUMN_COMMITS_PER_STEP] = (double)order->count / (double)order->busy_steps;
    memcpy(row + COLUMN_AR_NESS, run->ar_ness, sizeof run->ar_ness);
}

static void count_totals(const um_order_set *set, um_order_summary *summary) {
    for (size_t i = 0; i < set->count; i++) {
        const um_commit_order *order = &set->runs[i].order;
        summary->commits += order->count;
        summary->taken_back += order->taken_back;
        summary->several += order->busy_steps < order->count ? 1 : 0;
        summary->with_profile += set->runs[i].confidence ? 1 : 0;
        summary->longest =
            order->place_count > summary->longest ? order->place_count : summary->longest;
        summary->most_steps =
            order->steps > summary->most_steps ? order->steps : summary->most_steps;
    }
}

static void add_random_orders(const um_order_set *set, um_order_summary *summary) {
    const um_ar_ness_reading local = um_ar_ness_reading_at(um_ar_ness_default(false));
    for (size_t k = 1; k <= UM_AR_NESS_MAXIMUM; k++) {
        double local_sum = 0;
        double global_sum = 0;
        size_t counted = 0;
        for (size_t i = 0; i < set->count; i++) {
            const um_commit_order *order = &set->runs[i].order;
            const double value = um_ar_ness_random_local(order->place_count, order->count, k,
                                                         local.pattern, local.start);
            local_sum += isfinite(value) ? value : 0;
            counted += isfinite(value) ? 1 : 0;
            global_sum += um_ar_ness_random_global(order->place_count, order->count, k);
        }
        summary->random_local[k - 1] = local_sum / (double)counted;
        summary->random_global[k - 1] = global_sum / (double)set->count;
    }
}

static um_status average_runs(const um_order_set *set, const uint64_t *prompts, uint64_t seed,
                              um_order_summary *summary, um_error *error) {
    um_interval intervals[COLUMNS];
    double *values = NULL;
    UM_TRY(um_allocate(&values, set->count, COLUMNS * sizeof *values, "summary", error));
    for (size_t i = 0; i < set->count; i++) {
        fill_row(set, i, values + i * COLUMNS);
    }
    um_status status = fill_distinct(set, values, error);
    if (status == UM_OK) {
        status = um_bootstrap_means(values, prompts, set->count, COLUMNS, seed, intervals, error);
    }
    free(values);
    UM_TRY(status);
    summary->steps = intervals[COLUMN_STEPS];
    summary->commits_per_step = intervals[COLUMN_COMMITS_PER_STEP];
    summary->distinct = intervals[COLUMN_DISTINCT];
    memcpy(summary->ar_ness, intervals + COLUMN_AR_NESS, sizeof summary->ar_ness);
    return UM_OK;
}

/* ---- The first step ------------------------------------------------------------- */

static um_status average_profile(const um_order_set *set, const uint64_t *prompts, bool entropy,
                                 uint64_t seed, um_order_summary *summary, um_interval *intervals,
                                 um_error *error) {
    const size_t columns = summary->profile_count;
    double *values = NULL;
    UM_TRY(um_allocate(&values, set->count, columns * sizeof *values, "profile", error));
    for (size_t i = 0; i < set->count; i++) {
        const um_order_run *run = &set->runs[i];
        const float *from = entropy ? run->entropy : run->confidence;
        for (size_t j = 0; j < columns; j++) {
            const bool known = from && j < run->order.place_count;
            values[i * columns + j] = known ? (double)from[j] : (double)NAN;
        }
    }
    const um_status status =
        um_bootstrap_means(values, prompts, set->count, columns, seed, intervals, error);
    free(values);
    return status;
}

static um_status summarise_profile(const um_order_set *set, const uint64_t *prompts, uint64_t seed,
                                   um_order_summary *summary, um_error *error) {
    if (summary->with_profile == 0) {
        return UM_OK;
    }
    const size_t count = um_size_smaller(summary->longest, UM_ORDER_PROFILE_MAXIMUM);
    UM_TRY(um_allocate(&summary->confidence, count, sizeof(um_interval), "profile", error));
    UM_TRY(um_allocate(&summary->entropy, count, sizeof(um_interval), "profile", error));
    summary->profile_count = count;
    UM_TRY(average_profile(set, prompts, false, seed, summary, summary->confidence, error));
    return average_profile(set, prompts, true, seed, summary, summary->entropy, error);
}

um_status um_order_summarise(const um_order_set *set, uint64_t seed, um_order_summary *summary,
                             um_error *error) {
    uint64_t *prompts = NULL;
    *summary = (um_order_summary){.set = set};
    if (set->count == 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "%s: no trace with a commit", set->label);
    }
    UM_TRY(um_allocate(&prompts, set->count, sizeof *prompts, "summary", error));
    for (size_t i = 0; i < set->count; i++) {
        prompts[i] = set->runs[i].prompt;
    }
    count_totals(set, summary);
    add_random_orders(set, summary);
    um_status status = um_bootstrap_count_groups(prompts, set->count, &summary->prompts, error);
    if (status == UM_OK) {
        status = average_runs(set, prompts, seed, summary, error);
    }
    if (status == UM_OK) {
        status = summarise_profile(set, prompts, seed, summary, error);
    }
    free(prompts);
    return status;
}

void um_order_summary_free(um_order_summary *summary) {
    free(summary->confidence);
    free(summary->entropy);
    *summary = (um_order_summary){0};
}
