#include "train/grpo/grpo_loss.h"

#include <math.h>

#define DEVIATION_FLOOR 1e-4 /* added to the deviation, as in the published trainer */

void um_mean_and_sample_deviation(const double *values, size_t count, double *mean,
                                  double *deviation) {
    double sum = 0;
    double squares = 0;
    for (size_t i = 0; i < count; i++) {
        sum += values[i];
    }
    *mean = count > 0 ? sum / (double)count : 0;
    for (size_t i = 0; i < count; i++) {
        squares += (values[i] - *mean) * (values[i] - *mean);
    }
    *deviation = count > 1 ? sqrt(squares / (double)(count - 1)) : 0;
}

bool um_all_equal(const double *values, size_t count) {
    for (size_t i = 1; i < count; i++) {
        if (values[i] != values[0]) {
            return false;
        }
    }
    return true;
}

void um_grpo_advantages(const um_grpo_options *options, const double *rewards, size_t count,
                        double *advantages) {
    double mean = 0;
    double deviation = 0;
    um_mean_and_sample_deviation(rewards, count, &mean, &deviation);
    /* r - mean of the others = G/(G - 1) (r - mean of all) */
    const bool others = options->advantage_baseline == UM_BASELINE_LEAVE_ONE_OUT && count > 1;
    double factor = (others ? (double)count / (double)(count - 1) : 1.0) /
                    (options->scale_advantages ? deviation + DEVIATION_FLOOR : 1.0);
    if (um_all_equal(rewards, count)) {
        factor = 0; /* exactly, although their mean may be rounded */
    }
    for (size_t i = 0; i < count; i++) {
        advantages[i] = factor * (rewards[i] - mean);
    }
}

/* exp(x) and its slope, continued from EXPONENT_LIMIT on by the tangent there: finite, and the
 * gradient still points back.  Log-probabilities are estimates that an estimator may have
 * multiplied by dozens, so their differences may be hundreds. */
#define EXPONENT_LIMIT 20.0

static double bounded_exponential(double x, double *slope) {
    const double bounded = fmin(x, EXPONENT_LIMIT);
    *slope = exp(bounded);
    return *slope * (1.0 + (x - bounded));
}

um_grpo_token_loss um_grpo_loss_of_token(const um_grpo_options *options,
                                         const um_grpo_token *token) {
    const double low = 1.0 - options->clip_low;
    const double high = 1.0 + options->clip_high;
    double slope = 0;
    const double ratio = bounded_exponential(token->current - token->old, &slope);
    const bool worsened = token->advantage < 0;
    const bool improved = token->advantage > 0;
    um_grpo_token_loss out = {0};
    out.clipped_low = worsened && ratio < low;
    out.clipped_high = improved && ratio > high;
    const bool clipped = out.clipped_low || out.clipped_high;
    const double used = out.clipped_low ? low : out.clipped_high ? high : ratio;
    out.loss = -used * token->advantage;
    out.derivative = clipped ? 0 : -slope * token->advantage;
    if (options->kl_coefficient > 0) {
        const double distance = token->reference - token->current;
        out.kl = bounded_exponential(distance, &slope) - distance - 1.0;
        out.loss += options->kl_coefficient * out.kl;
        out.derivative += options->kl_coefficient * (1.0 - slope);
    }
    return out;
}
