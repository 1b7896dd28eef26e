/* The input is any bytes.  Every trace that the reader accepts is analysed and written as table,
 * JSON, page and pictures, and its numbers lie in their ranges. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/order_study.h"

#define TRACES 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
    if (!condition) {
        abort();
    }
}

static void check_intervals(const um_interval *intervals, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const um_interval *at = &intervals[i];
        require(isnan(at->mean) || (at->mean >= 0 && at->mean <= 1));
        require(isnan(at->low) || (at->low >= 0 && at->high <= 1 && at->low <= at->high));
    }
}

/* Shares lie between 0 and 1; global AR-ness does not fall as k grows. */
static void check_summary(const um_order_summary *summary) {
    for (size_t i = 0; i < UM_AR_NESS_READINGS; i++) {
        const um_interval *values = summary->ar_ness[i];
        check_intervals(values, UM_AR_NESS_MAXIMUM);
        for (size_t k = 1; k < UM_AR_NESS_MAXIMUM && um_ar_ness_reading_at(i).is_global; k++) {
            require(values[k].mean >= values[k - 1].mean);
        }
    }
    check_intervals(summary->confidence, summary->profile_count);
    check_intervals(&summary->distinct, 1);
}

static void write_all(const um_order_study *study) {
    um_buffer text = {0};
    require(um_order_text(study, &text, NULL) == UM_OK);
    require(um_order_json(study, &text, NULL) == UM_OK);
    require(um_order_page(study, &text, NULL) == UM_OK);
    bool exists = true;
    for (size_t i = 0; exists; i++) {
        char name[48];
        require(um_order_picture(study, i, name, sizeof name, &text, &exists, NULL) == UM_OK);
    }
    require(strlen(text.data) == text.length);
    um_buffer_free(&text);
}

static void summarise(const um_order_set *set) {
    um_order_summary summary = {0};
    if (um_order_summarise(set, 0, &summary, NULL) == UM_OK) {
        check_summary(&summary);
        const um_order_study study = {.summaries = &summary, .count = 1, .title = "input"};
        write_all(&study);
    }
    um_order_summary_free(&summary);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    um_order_set set = {0};
    um_trace_source source = {.bytes = (const char *)data, .length = size, .where = "input"};
    um_status status = um_order_set_label(&set, "input", NULL);
    for (size_t i = 0; status == UM_OK && i < TRACES && source.at < size; i++) {
        um_trace trace = {0};
        status = um_trace_read_next(&source, &trace, NULL);
        if (status == UM_OK) {
            require(um_order_set_add(&set, &trace, i / 2, NULL) == UM_OK);
        }
        um_trace_free(&trace);
    }
    summarise(&set);
    um_order_set_free(&set);
    return 0;
}
