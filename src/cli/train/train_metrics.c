#include "cli/train/train_metrics.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "base/mapped_file.h"
#include "base/processors.h"
#include "base/thread_pool.h"
#include "cli/machine.h"

/* ---- The first line ------------------------------------------------------ */

static json_t *machine_facts(const um_compute *compute, double peak) {
    char processor[128];
    um_machine_processor_name(processor, sizeof processor);
    json_t *name = json_string(processor);
    return json_pack("{s:o, s:I, s:I, s:s, s:f}", "processor", name ? name : json_null(),
                     "processors", (json_int_t)um_online_processors(), "threads",
                     (json_int_t)um_thread_pool_size(compute->pool), "kernels",
                     compute->kernels.name, "sgemm_flops", isfinite(peak) ? peak : 0.0);
}

static json_t *model_facts(const um_trainer_sizes *sizes) {
    return json_pack("{s:I, s:I, s:I, s:I}", "parameters", (json_int_t)sizes->parameters, "layers",
                     (json_int_t)sizes->layers, "hidden_size", (json_int_t)sizes->hidden_size,
                     "vocabulary_size", (json_int_t)sizes->vocabulary_size);
}

static json_t *data_facts(const um_trainer_sizes *sizes) {
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "train_documents",
                     (json_int_t)sizes->train_documents, "train_tokens",
                     (json_int_t)sizes->train_tokens, "validation_documents",
                     (json_int_t)sizes->validation_documents, "validation_tokens",
                     (json_int_t)sizes->validation_tokens, "validation_problems",
                     (json_int_t)sizes->validation_problems);
}

static void format_now(char text[32]) {
    const time_t now = time(NULL);
    struct tm parts;
    if (!gmtime_r(&now, &parts) || strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        text[0] = '\0';
    }
}

static json_t *run_facts(const um_recipe *recipe, const um_trainer *trainer,
                         const um_compute *compute, double peak) {
    const um_trainer_sizes sizes = um_trainer_describe(trainer);
    char started[32];
    format_now(started);
    return json_pack("{s:s, s:s, s:I, s:o, s:o, s:o, s:o}", "program", um_version(), "started",
                     started, "seed", (json_int_t)recipe->seed, "recipe", um_recipe_json(recipe),
                     "model", model_facts(&sizes), "data", data_facts(&sizes), "machine",
                     machine_facts(compute, peak));
}

um_status um_train_metrics_open(const char *path, const char *output, const um_recipe *recipe,
                                const um_trainer *trainer, const um_compute *compute, double peak,
                                um_metrics **metrics, um_error *error) {
    char place[UM_RECIPE_PATH_SIZE + 32];
    if (!path) {
        UM_TRY(um_path_join(place, sizeof place, output, UM_METRICS_FILE, error));
        path = place;
    }
    json_t *facts = run_facts(recipe, trainer, compute, peak);
    if (!facts) {
        return um_error_memory(error, "facts of the run", sizeof *recipe);
    }
    const um_metrics_run run = {.recipe_id = um_recipe_fingerprint(recipe),
                                .step = um_trainer_step(trainer),
                                .total_steps = recipe->steps,
                                .validation_is_due = um_trainer_validation_is_due(trainer),
                                .facts = facts};
    const um_status status = um_metrics_open(path, &run, metrics, error);
    json_decref(facts);
    return status;
}

/* ---- Numbers ------------------------------------------------------------- */

/* Add numbers; those of the same name as earlier ones, as an objective may give, replace them. */
static size_t add_own(const um_metric *own, size_t own_count, um_metric values[UM_LINE_METRICS],
                      size_t count) {
    for (size_t i = 0; i < own_count; i++) {
        size_t place = 0;
        while (place < count && strcmp(values[place].name, own[i].name) != 0) {
            place++;
        }
        if (place < UM_LINE_METRICS) {
            values[place] = own[i];
            count = place == count ? count + 1 : count;
        }
    }
    return count;
}

size_t um_train_step_metrics(const um_step_report *report, double peak,
                             um_metric values[UM_LINE_METRICS]) {
    const um_metric of_all[] = {
        {"loss", report->loss},
        {"gradient_norm", report->gradient_norm},
        {"learning_rate", report->learning_rate},
        {"rows", (double)report->rows},
        {"seconds", report->seconds},
        {"tokens_per_second", (double)report->rows / report->seconds},
        {"share_of_peak", report->flops / report->seconds / peak},
    };
    const um_metric token_loss = {"token_loss", report->token_loss};
    const um_metric accuracy = {"accuracy", report->accuracy};
    size_t count = add_own(of_all, sizeof of_all / sizeof *of_all, values, 0);
    count = add_own(&token_loss, (size_t)!isnan(token_loss.value), values, count);
    count = add_own(&accuracy, (size_t)!isnan(accuracy.value), values, count);
    return add_own(report->metrics, report->metric_count, values, count);
}

size_t um_train_validation_metrics(const um_validation_report *report,
                                   um_metric values[UM_LINE_METRICS]) {
    const um_metric made[] = {
        {"loss", report->loss},
        {"token_loss", report->token_loss},
        {"accuracy", report->accuracy},
        {"predicted_tokens", (double)report->predicted_tokens},
    };
    /* An objective without targets has only numbers of its own. */
    const size_t count = isnan(report->token_loss) ? 0 : sizeof made / sizeof *made;
    memcpy(values, made, count * sizeof *made);
    return add_own(report->metrics, report->metric_count, values, count);
}
