#include "analysis/report_metrics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LAST_STEPS 20

#define LEVEL(number)                                                                              \
    { "pass_rate_level_" number, "pass@1, level " number, "%", false, true, false, 1, NULL }

static const um_report_metric metrics[] = {
    {"loss", "Loss", "", true, false, false, -1, "the objective that is minimised"},
    {"token_loss", "Cross-entropy", "nats a target", true, false, false, -1,
     "mean over the predicted tokens"},
    {"accuracy", "Accuracy", "%", false, false, false, 1, "targets that are predicted exactly"},
    {"reward", "Reward", "", false, false, false, 1, "mean over the completions of a step"},
    {"pass_rate", "pass@1", "%", false, true, false, 1, "problems solved by one completion"},
    LEVEL("1"),
    LEVEL("2"),
    LEVEL("3"),
    LEVEL("4"),
    LEVEL("5"),
    LEVEL("6"),
    LEVEL("7"),
    LEVEL("8"),
    LEVEL("9"),
    {"reward_deviation", "Spread of the reward", "", false, true, false, 0,
     "standard deviation over the completions of a step"},
    {"reward_code", "Reward: code", "", false, false, false, 1, "tests that pass"},
    {"reward_format", "Reward: format", "", false, false, false, 1, "answers of the right form"},
    {"zero_variance_groups", "Groups without variance", "%", false, true, false, 0,
     "all completions have one reward, which gives no gradient"},
    {"advantage_deviation", "Spread of the advantages", "", false, true, false, 0, NULL},
    {"kl", "KL to the reference", "nats a token", true, true, false, 0, NULL},
    {"clip_low", "Ratios clipped from below", "%", false, true, false, 0, NULL},
    {"clip_high", "Ratios clipped from above", "%", false, true, false, 0, NULL},
    {"completion_length", "Length of completions", "tokens", false, true, false, 0, NULL},
    {"ended", "Completions that end", "%", false, true, false, 0, "by an end token"},
    {"timeout_rate", "Timeouts", "%", false, true, false, -1, "completions that ran too long"},
    {"gradient_norm", "Gradient norm", "", true, true, false, 0, "before clipping"},
    {"learning_rate", "Learning rate", "", false, true, false, 0, NULL},
    {"tokens_per_second", "Speed", "tokens/s", false, true, false, 1,
     "rows through forward, backward and update"},
    {"share_of_peak", "Share of peak", "%", false, true, false, 1,
     "of the rate of large f32 matrix products on the same threads"},
    {"seconds", "Time of a step", "s", true, true, false, -1, NULL},
    {"rollout_seconds", "Time of rollouts", "s", false, true, false, -1, "of each step"},
    {"reward_seconds", "Time of rewards", "s", false, true, false, -1, "of each step"},
    {"reward_waiting_seconds", "Waiting for rewards", "s", false, true, false, -1,
     "of each step, rollouts being done"},
    {"update_seconds", "Time of updates", "s", false, true, false, -1, "of each step"},
    {"rows", "Rows", "tokens", false, true, true, 0, NULL},
    {"predicted_tokens", "Targets", "tokens", false, true, true, 0, NULL},
};
#define METRIC_COUNT (sizeof metrics / sizeof *metrics)

const um_report_metric *um_report_metric_at(size_t index) {
    return index < METRIC_COUNT ? &metrics[index] : NULL;
}

const um_report_metric *um_report_metric_find(const char *name) {
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        if (strcmp(metrics[i].name, name) == 0) {
            return &metrics[i];
        }
    }
    return NULL;
}

void um_report_metric_format(const um_report_metric *metric, double value, char *text,
                             size_t text_size) {
    const char *unit = metric ? metric->unit : "";
    if (!isfinite(value)) {
        (void)snprintf(text, text_size, "-");
    } else if (strcmp(unit, "%") == 0) {
        (void)snprintf(text, text_size, "%.1f%%", 100 * value);
    } else {
        const bool large = fabs(value) >= 1000 && fabs(value) < 1e9;
        (void)snprintf(text, text_size, large ? "%.0f%s%s" : "%.4g%s%s", value, *unit ? " " : "",
                       unit);
    }
}

um_report_summary um_report_summarise(const um_run_series *series, int better) {
    um_report_summary summary = {.last = NAN, .best = NAN, .best_at = NAN};
    if (!series || series->count == 0) {
        return summary;
    }
    for (size_t i = 0; better != 0 && i < series->count; i++) {
        const double value = series->values[i];
        if (isfinite(value) && !(better * value <= better * summary.best)) {
            summary.best = value;
            summary.best_at = series->steps[i];
        }
    }
    const double steps = strcmp(series->kind, "step") == 0 ? LAST_STEPS : 1;
    const double last_step = series->steps[series->count - 1];
    size_t taken = 0;
    double sum = 0;
    while (taken < series->count && series->steps[series->count - 1 - taken] > last_step - steps) {
        sum += series->values[series->count - 1 - taken++];
    }
    summary.last = sum / (double)taken;
    return summary;
}

void um_report_format_of_series(const um_report_metric *metric, const um_run_series *series,
                                double value, char *text, size_t text_size) {
    if (!isfinite(value) && series && series->count > 0) {
        (void)snprintf(text, text_size, "not finite");
    } else {
        um_report_metric_format(metric, value, text, text_size);
    }
}
