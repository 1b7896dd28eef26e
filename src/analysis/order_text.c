/* A study of decoding orders as a table for people. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analysis/order_study.h"

#define CELL 32

/* A number with four decimals, "-" for none. */
static void format_number(double value, char text[CELL]) {
    (void)snprintf(text, CELL, isfinite(value) ? "%.4f" : "-", value);
}

static void format_interval(const um_interval *interval, char text[CELL]) {
    if (isfinite(interval->mean) && isfinite(interval->low)) {
        (void)snprintf(text, CELL, "%.2f [%.2f, %.2f]", interval->mean, interval->low,
                       interval->high);
    } else {
        (void)snprintf(text, CELL, isfinite(interval->mean) ? "%.2f" : "-", interval->mean);
    }
}

static um_status put_head(const char *name, um_buffer *text, um_error *error) {
    UM_TRY(um_buffer_append_format(text, error, "  %-36s", name));
    for (size_t k = 1; k <= UM_AR_NESS_MAXIMUM; k++) {
        UM_TRY(um_buffer_append_format(text, error, "    k=%zu", k));
    }
    return um_buffer_append_text(text, "\n", error);
}

typedef enum which { MEAN, LOW, HIGH } which;

static um_status put_row(const char *name, const um_interval *intervals, which part,
                         um_buffer *text, um_error *error) {
    UM_TRY(um_buffer_append_format(text, error, "  %-36s", name));
    for (size_t k = 0; k < UM_AR_NESS_MAXIMUM; k++) {
        char cell[CELL];
        const um_interval *at = &intervals[k];
        format_number(part == MEAN ? at->mean : part == LOW ? at->low : at->high, cell);
        UM_TRY(um_buffer_append_format(text, error, " %6s", cell));
    }
    return um_buffer_append_text(text, "\n", error);
}

static um_status put_metric(const um_order_summary *summary, bool is_global, um_buffer *text,
                            um_error *error) {
    const um_interval *intervals = summary->ar_ness[um_ar_ness_default(is_global)];
    const double *random = is_global ? summary->random_global : summary->random_local;
    um_interval expected[UM_AR_NESS_MAXIMUM];
    for (size_t k = 0; k < UM_AR_NESS_MAXIMUM; k++) {
        expected[k].mean = random[k];
    }
    UM_TRY(put_head(is_global ? "global (first-mask selection)" : "local (next-token pattern)",
                    text, error));
    UM_TRY(put_row("mean", intervals, MEAN, text, error));
    if (summary->prompts > 1) {
        UM_TRY(put_row("95% from", intervals, LOW, text, error));
        UM_TRY(put_row("95% to", intervals, HIGH, text, error));
    }
    return put_row("in random order", expected, MEAN, text, error);
}

static um_status put_readings(const um_order_summary *summary, um_buffer *text, um_error *error) {
    UM_TRY(put_head("other readings, means", text, error));
    for (size_t i = 0; i < UM_AR_NESS_READINGS; i++) {
        const um_ar_ness_reading reading = um_ar_ness_reading_at(i);
        char name[64];
        if (i == um_ar_ness_default(reading.is_global) ||
            (reading.ties != UM_TIES_BY_CONFIDENCE && summary->several == 0)) {
            continue;
        }
        const char *ties = summary->several > 0 ? um_commit_ties_name(reading.ties) : NULL;
        if (reading.is_global) {
            (void)snprintf(name, sizeof name, "global, %s", um_commit_ties_name(reading.ties));
        } else {
            (void)snprintf(
                name, sizeof name, "local, %s, %s%s%s", um_ar_ness_pattern_name(reading.pattern),
                um_ar_ness_start_name(reading.start), ties ? ", " : "", ties ? ties : "");
        }
        UM_TRY(put_row(name, summary->ar_ness[i], MEAN, text, error));
    }
    return UM_OK;
}

/* The share of positions behind the ends of answers, which are committed in an order of their
 * own. */
static um_status put_ends(const um_order_set *set, um_buffer *text, um_error *error) {
    if (set->behind_end == 0) {
        return UM_OK;
    }
    return um_buffer_append_format(text, error, "; %.0f%% of the positions %s",
                                   100 * (double)set->behind_end / (double)set->positions,
                                   set->until_end ? "are behind an answer's end and left out"
                                                  : "are behind an answer's end: --until-end "
                                                    "leaves them out");
}

static um_status put_facts(const um_order_summary *summary, um_buffer *text, um_error *error) {
    char steps[CELL];
    char rate[CELL];
    char distinct[CELL];
    format_interval(&summary->steps, steps);
    format_interval(&summary->commits_per_step, rate);
    UM_TRY(um_buffer_append_format(
        text, error,
        "%s: %zu trace%s of %zu prompt%s, %zu token%s, %s steps, %s tokens a step "
        "that decides any",
        summary->set->label, summary->set->count, summary->set->count == 1 ? "" : "s",
        summary->prompts, summary->prompts == 1 ? "" : "s", summary->commits,
        summary->commits == 1 ? "" : "s", steps, rate));
    if (isfinite(summary->distinct.mean)) {
        format_interval(&summary->distinct, distinct);
        UM_TRY(um_buffer_append_format(text, error, ", %s of the answers distinct", distinct));
    }
    if (summary->taken_back > 0) {
        UM_TRY(
            um_buffer_append_format(text, error, ", %zu tokens taken back", summary->taken_back));
    }
    if (summary->set->empty > 0) {
        UM_TRY(um_buffer_append_format(text, error, "; %zu without a commit left out",
                                       summary->set->empty));
    }
    UM_TRY(put_ends(summary->set, text, error));
    return um_buffer_append_text(text, "\n", error);
}

um_status um_order_text(const um_order_study *study, um_buffer *text, um_error *error) {
    for (size_t i = 0; i < study->count; i++) {
        const um_order_summary *summary = &study->summaries[i];
        UM_TRY(um_buffer_append_text(text, i > 0 ? "\n" : "", error));
        UM_TRY(put_facts(summary, text, error));
        UM_TRY(put_metric(summary, false, text, error));
        UM_TRY(put_metric(summary, true, text, error));
        UM_TRY(put_readings(summary, text, error));
    }
    return UM_OK;
}
