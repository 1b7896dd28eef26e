#include "eval/report_parts.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "statistics/pass_at_k.h"
#include "statistics/rates.h"

/* ---- Rates ------------------------------------------------------------------------ */

size_t um_eval_passed(const um_eval_records *records, size_t problem) {
    size_t passed = 0;
    for (size_t i = 0; i < records->samples_each; i++) {
        const um_eval_sample *sample = &records->samples[problem * records->samples_each + i];
        passed += sample->is_judged && sample->verdict == UM_VERDICT_PASSED;
    }
    return passed;
}

/* Add the members pass@k to `object`, each {"value", "low", "high"}. */
static um_status add_pass_rates(const um_eval_records *records, const um_eval_part *part,
                                const um_pass_ks *ks, json_t *object, um_error *error) {
    double *values = NULL;
    um_interval intervals[UM_PASS_KS];
    UM_TRY(um_allocate(&values, ks->count * part->count, sizeof *values, "pass rates", error));
    for (size_t i = 0; i < part->count; i++) {
        const size_t passed = um_eval_passed(records, part->problems[i]);
        for (size_t k = 0; k < ks->count; k++) {
            values[i * ks->count + k] = um_pass_at_k(records->samples_each, passed, ks->values[k]);
        }
    }
    const um_status status = um_rate_means(values, part->count, ks->count, intervals, error);
    for (size_t k = 0; k < ks->count && status == UM_OK; k++) {
        char name[32];
        (void)snprintf(name, sizeof name, "pass@%zu", ks->values[k]);
        (void)json_object_set_new(object, name,
                                  json_pack("{s:f, s:f, s:f}", "value", intervals[k].mean, "low",
                                            intervals[k].low, "high", intervals[k].high));
    }
    free(values);
    return status;
}

um_status um_eval_part_rates(const um_eval_records *records, const um_eval_part *part,
                             const um_pass_ks *ks, json_t **object, um_error *error) {
    size_t passed = 0;
    for (size_t i = 0; i < part->count; i++) {
        passed += um_eval_passed(records, part->problems[i]);
    }
    *object =
        json_pack("{s:I, s:I, s:I}", "problems", (json_int_t)part->count, "samples",
                  (json_int_t)(part->count * records->samples_each), "passed", (json_int_t)passed);
    if (!*object) {
        return um_error_memory(error, "the report", 0);
    }
    const um_status status = add_pass_rates(records, part, ks, *object, error);
    if (status != UM_OK) {
        json_decref(*object);
        *object = NULL;
    }
    return status;
}

/* ---- Cost ------------------------------------------------------------------------- */

static double measured(double seconds) {
    return isfinite(seconds) ? seconds : 0;
}

static void add_sample(const um_eval_sample *sample, um_eval_cost_sum *sum) {
    const bool has_time = isfinite(sample->cost.decode_seconds);
    sum->answers++;
    sum->unmeasured += !has_time;
    sum->tokens += (double)sample->cost.answer_tokens;
    sum->forwards += (double)sample->cost.forwards;
    sum->steps += (double)sample->cost.steps;
    sum->measured_tokens += has_time ? (double)sample->cost.answer_tokens : 0;
    sum->decode += measured(sample->cost.decode_seconds);
    sum->forward += measured(sample->cost.forward_seconds);
    sum->projection += measured(sample->cost.projection_seconds);
    sum->sampling += measured(sample->cost.sampling_seconds);
    sum->sandbox += sample->judge_seconds;
}

um_eval_cost_sum um_eval_part_cost(const um_eval_records *records, const um_eval_part *part) {
    um_eval_cost_sum sum = {0};
    const size_t count = part ? part->count : records->problem_count;
    for (size_t i = 0; i < count; i++) {
        const size_t problem = part ? part->problems[i] : i;
        for (size_t j = 0; j < records->samples_each; j++) {
            add_sample(&records->samples[problem * records->samples_each + j], &sum);
        }
    }
    return sum;
}

static json_t *quotient(double a, double b) {
    return b > 0 ? json_real(a / b) : json_null();
}

json_t *um_eval_cost_json(const um_eval_cost_sum *sum) {
    const double answers = (double)sum->answers;
    const double timed = (double)(sum->answers - sum->unmeasured);
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:I}", "forwards_per_answer",
        quotient(sum->forwards, answers), "steps_per_answer", quotient(sum->steps, answers),
        "tokens_per_answer", quotient(sum->tokens, answers), "tokens_per_forward",
        quotient(sum->tokens, sum->forwards), "seconds_per_answer", quotient(sum->decode, timed),
        "tokens_per_second", quotient(sum->measured_tokens, sum->decode), "answers_without_time",
        (json_int_t)sum->unmeasured);
}
