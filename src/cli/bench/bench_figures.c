/* From repetitions to the numbers of the reports. */
#include <string.h>

#include "api/parts.h"
#include "cli/bench/bench.h"

static double value_of(const um_repetition *repetition, size_t index) {
    return repetition->values[index];
}

static double share_of(const um_repetition *repetition, size_t index) {
    const double all = repetition->values[UM_RUN_SECONDS];
    return all > 0 ? repetition->values[index] / all : 0;
}

static double others_of(const um_repetition *repetition, size_t index) {
    (void)index;
    return repetition->others;
}

static double ratio_of(const um_repetition *repetition, size_t index) {
    const double ours = repetition->values[index];
    const double theirs = repetition->values[index + UM_PAIR_VALUES];
    const double better = index == UM_PAIR_RATE ? ours : theirs;
    const double worse = index == UM_PAIR_RATE ? theirs : ours;
    return worse > 0 ? better / worse : 0;
}

um_status um_bench_others(const um_repetitions *repetitions, um_summary *others, bool *known,
                          um_error *error) {
    UM_TRY(um_repetitions_summarise(repetitions, others_of, 0, others, error));
    *known = others->minimum >= 0;
    return UM_OK;
}

/* ---- Forwards ------------------------------------------------------------------ */

static void add(double sum[UM_PEAK_KINDS], const double operations[UM_PEAK_KINDS]) {
    for (int kind = 0; kind < UM_PEAK_KINDS; kind++) {
        sum[kind] += operations[kind];
    }
}

/* Seconds that these operations would take at the peaks; 0 without peaks. */
static double ideal_seconds(const um_bench_machine *machine,
                            const double operations[UM_PEAK_KINDS]) {
    double seconds = 0;
    for (int kind = 0; kind < UM_PEAK_KINDS; kind++) {
        if (machine->peaks[kind] <= 0) {
            return 0;
        }
        seconds += operations[kind] / machine->peaks[kind];
    }
    return seconds;
}

um_status um_bench_forward_summary(const um_bench_report *report, const um_bench_forward *forward,
                                   bool with_logits, um_bench_forward_figures *figures,
                                   um_error *error) {
    double operations[UM_PEAK_KINDS] = {0};
    add(operations, forward->layer_operations);
    if (with_logits) {
        add(operations, forward->logit_operations);
    }
    *figures = (um_bench_forward_figures){0};
    UM_TRY(um_repetitions_summarise(&forward->repetitions, value_of,
                                    with_logits ? UM_FORWARD_LOGITS : UM_FORWARD_LAYERS,
                                    &figures->seconds, error));
    const double median = figures->seconds.median;
    if (median > 0) {
        double all = 0;
        for (int kind = 0; kind < UM_PEAK_KINDS; kind++) {
            all += operations[kind];
        }
        figures->positions_per_second = (double)forward->rows / median;
        figures->operations_per_second = all / median;
        figures->peak_share = ideal_seconds(&report->machine, operations) / median;
    }
    return UM_OK;
}

static bool has_type(const um_dtype *types, size_t count, um_dtype type) {
    for (size_t i = 0; i < count; i++) {
        if (types[i] == type) {
            return true;
        }
    }
    return false;
}

void um_bench_matrix_types(const um_model *model, char *text, size_t size) {
    const um_transformer transformer = um_model_transformer(model);
    const um_parameters *parameters = transformer.parameters;
    um_dtype seen[16];
    size_t count = 0;
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i <= parameters->layer_count; i++) {
        const um_layer_parameters *layer =
            i < parameters->layer_count ? &parameters->layers[i] : NULL;
        const um_tensor *matrices[] = {
            layer ? &layer->query : &parameters->head,
            layer ? &layer->key : &parameters->head,
            layer ? &layer->value : &parameters->head,
            layer ? &layer->attention_output : &parameters->head,
            layer ? &layer->gate : &parameters->head,
            layer ? &layer->up : &parameters->head,
            layer ? &layer->down : &parameters->head,
        };
        for (size_t j = 0; j < sizeof matrices / sizeof *matrices; j++) {
            const um_dtype type = matrices[j]->dtype;
            if (!has_type(seen, count, type) && count < sizeof seen / sizeof *seen && used < size) {
                used += (size_t)snprintf(text + used, size - used, "%s%s", count > 0 ? ", " : "",
                                         um_dtype_name(type));
                seen[count++] = type;
            }
        }
    }
}

/* ---- Whole runs ------------------------------------------------------------------ */

um_status um_bench_run_summary(const um_bench_run *run, um_bench_run_figures *figures,
                               um_error *error) {
    static const size_t parts[] = {UM_RUN_FORWARD, UM_RUN_PROJECTION, UM_RUN_SAMPLING};
    *figures = (um_bench_run_figures){0};
    double *const targets[] = {&figures->forward_share, &figures->projection_share,
                               &figures->sampling_share};
    UM_TRY(um_repetitions_summarise(&run->repetitions, value_of, UM_RUN_SECONDS, &figures->seconds,
                                    error));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        um_summary share;
        UM_TRY(um_repetitions_summarise(&run->repetitions, share_of, parts[i], &share, error));
        *targets[i] = share.median;
    }
    const um_summary *seconds = &figures->seconds;
    const double tokens = (double)run->answer_tokens;
    if (seconds->minimum > 0) {
        figures->tokens_per_second = (um_summary){
            tokens / seconds->median, tokens / seconds->maximum, tokens / seconds->minimum};
    }
    return UM_OK;
}

/* ---- Comparisons ------------------------------------------------------------------ */

bool um_bench_has_rates(const um_bench_comparison *comparison) {
    return comparison->tokens[UM_PAIR_OURS] > 0 && comparison->tokens[UM_PAIR_THEIRS] > 0;
}

um_status um_bench_comparison_summary(const um_bench_comparison *comparison,
                                      um_bench_comparison_figures *figures, um_error *error) {
    *figures = (um_bench_comparison_figures){0};
    for (size_t value = 0; value < UM_PAIR_VALUES; value++) {
        for (size_t side = 0; side < 2; side++) {
            UM_TRY(um_repetitions_summarise(&comparison->repetitions, value_of,
                                            value + UM_PAIR_VALUES * side,
                                            &figures->sides[side][value], error));
        }
        UM_TRY(um_repetitions_summarise(&comparison->repetitions, ratio_of, value,
                                        &figures->ratios[value], error));
    }
    return UM_OK;
}
