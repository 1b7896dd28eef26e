#include "model/inspect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mapped_file.h"
#include "base/memory.h"
#include "model/parameters_internal.h"
#include "model/save.h"
#include "weights/gguf.h"

/* Elements that are scanned at a time. */
#define CHUNK 4096

/* ---- Findings ---------------------------------------------------------- */

/* If a GGUF file cannot be read, its config, weights and tokenizer all fail for the same reason,
 * which is reported once. */
static bool is_known(const um_inspect_report *report, const char *text) {
    const bool of_file = report->directory && um_gguf_is_path(report->directory);
    for (size_t i = 0; of_file && i < report->finding_count; i++) {
        if (strcmp(report->findings[i].text, text) == 0) {
            return true;
        }
    }
    return false;
}

um_status um_inspect_add(um_inspect_report *report, um_finding_kind kind, const char *text,
                         um_error *error) {
    if (is_known(report, text)) {
        return UM_OK;
    }
    (*(kind == UM_FINDING_PROBLEM ? &report->problem_count : &report->note_count))++;
    if (report->finding_count == UM_FINDINGS_MAXIMUM) {
        return UM_OK;
    }
    UM_TRY(um_grow(&report->findings, &report->finding_capacity, report->finding_count + 1,
                   sizeof *report->findings, "findings", error));
    char *copy = strdup(text);
    if (!copy) {
        return um_error_memory(error, "finding", strlen(text) + 1);
    }
    report->findings[report->finding_count++] = (um_finding){kind, copy};
    return UM_OK;
}

/* An inspection under way; `status` is the first failure of the inspection itself. */
typedef struct inspection {
    um_inspect_report *report;
    const um_checkpoint *checkpoint;
    um_error *error;
    um_status status;
} inspection;

static void find(inspection *work, um_finding_kind kind, const um_error *found) {
    if (work->status == UM_OK) {
        work->status = um_inspect_add(work->report, kind, found->message, work->error);
    }
}

static void find_problem(void *user, const um_error *problem) {
    find(user, UM_FINDING_PROBLEM, problem);
}

/* ---- Totals ------------------------------------------------------------ */

static void add_totals(um_tensor_totals *totals, const um_stored_tensor *stored) {
    size_t elements = 0;
    (void)um_tensor_count(&stored->tensor, &elements);
    totals->tensors++;
    totals->elements += elements;
    totals->bytes += stored->bytes;
}

static um_tensor_totals *totals_of_dtype(um_inspect_report *report, const char *dtype_name) {
    for (size_t i = 0; i < report->dtype_count; i++) {
        if (strcmp(report->dtypes[i].dtype_name, dtype_name) == 0) {
            return &report->dtypes[i].totals;
        }
    }
    if (report->dtype_count == UM_INSPECT_DTYPES_MAXIMUM) {
        return NULL;
    }
    /* The names are static text of the parsers. */
    report->dtypes[report->dtype_count].dtype_name = dtype_name;
    return &report->dtypes[report->dtype_count++].totals;
}

static void count_stored(inspection *work) {
    for (size_t i = 0; i < um_checkpoint_count(work->checkpoint); i++) {
        const um_stored_tensor *stored = um_checkpoint_entry(work->checkpoint, i);
        add_totals(&work->report->stored, stored);
        um_tensor_totals *totals = totals_of_dtype(work->report, stored->dtype_name);
        if (totals) {
            add_totals(totals, stored);
        }
    }
}

/* ---- The tensors of the model ------------------------------------------ */

static void count_used(um_inspect_report *report, const um_stored_tensor *stored) {
    um_parameter_group group = UM_PARAMETERS_EMBEDDING;
    if (um_parameters_group_of(report->config.family, stored->name, &group)) {
        add_totals(&report->groups[group], stored);
    }
    add_totals(&report->used, stored);
    report->weight_memory += stored->bytes;
    if (stored->tensor.rank == 1) {
        report->weight_memory += stored->tensor.shape[0] * sizeof(float);
    }
}

static um_status inspect_tensor(void *user, const char *name, um_tensor *tensor,
                                const um_tensor *expected, um_error *error) {
    (void)tensor;
    (void)error;
    inspection *work = user;
    um_error found = {0};
    const um_stored_tensor *stored = um_checkpoint_lookup(work->checkpoint, name);
    if (!stored) {
        char shape[112];
        um_tensor_format_shape(expected, shape, sizeof shape);
        (void)UM_RAISE(&found, UM_ERR_MISMATCH, "%s: missing, expected shape %s", name, shape);
        find(work, UM_FINDING_PROBLEM, &found);
        return work->status;
    }
    if (um_parameters_check_stored(stored, expected, &found) != UM_OK) {
        find(work, UM_FINDING_PROBLEM, &found);
    }
    count_used(work->report, stored);
    return work->status;
}

static void inspect_leftover(void *user, const um_stored_tensor *stored, bool harmless) {
    inspection *work = user;
    const char *prefix = um_parameters_layer_prefix(work->report->config.family,
                                                    um_parameters_naming(work->checkpoint));
    const bool of_gguf = um_parameters_naming(work->checkpoint) == UM_NAMES_GGUF;
    const bool in_layer = of_gguf || strncmp(stored->name, prefix, strlen(prefix)) == 0;
    char shape[112];
    um_tensor_format_shape(&stored->tensor, shape, sizeof shape);
    um_error found = {0};
    (void)UM_RAISE(&found, UM_ERR_MISMATCH, "%.200s: %s %s, not used%s", stored->name,
                   stored->dtype_name, shape,
                   harmless   ? " (it holds nothing learnt)"
                   : in_layer ? ": not part of a model of this family and config"
                              : "");
    find(work, in_layer && !harmless ? UM_FINDING_PROBLEM : UM_FINDING_NOTE, &found);
}

static void inspect_head(inspection *work) {
    um_model_config *config = &work->report->config;
    const um_tensor_naming naming = um_parameters_naming(work->checkpoint);
    const bool separate =
        um_checkpoint_lookup(work->checkpoint, um_parameters_head_name(config->family, naming));
    if (separate == config->tied_head) {
        um_error found = {0};
        (void)UM_RAISE(&found, UM_ERR_MISMATCH,
                       "config.json says that the head is %s the embedding, the files say that it "
                       "is %s: the files decide",
                       config->tied_head ? "tied to" : "separate from",
                       separate ? "separate" : "tied");
        find(work, UM_FINDING_NOTE, &found);
    }
    config->tied_head = !separate;
}

static um_status inspect_model(inspection *work) {
    um_inspect_report *report = work->report;
    const um_model_config *config = &report->config;
    report->kv_memory_per_position =
        2 * sizeof(float) * config->layer_count * config->kv_head_count * config->head_dim;
    if (um_checkpoint_count(work->checkpoint) == 0) {
        return UM_OK;
    }
    inspect_head(work);
    UM_TRY(um_parameters_visit_named(NULL, config, um_parameters_naming(work->checkpoint),
                                     inspect_tensor, work, work->error));
    UM_TRY(um_parameters_leftovers(config, work->checkpoint, inspect_leftover, work, work->error));
    return work->status;
}

/* ---- Values ------------------------------------------------------------ */

typedef struct value_counts {
    size_t not_a_number;
    size_t infinite;
    size_t first; /* the first element that is not finite */
} value_counts;

static value_counts count_values(const um_tensor *tensor, size_t count) {
    value_counts counts = {0};
    float values[CHUNK];
    for (size_t first = 0; first < count; first += CHUNK) {
        const size_t part = count - first < CHUNK ? count - first : CHUNK;
        const char *source = (const char *)tensor->data + um_dtype_row_bytes(tensor->dtype, first);
        um_convert_to_f32(tensor->dtype, source, values, part);
        for (size_t i = 0; i < part; i++) {
            if (isfinite(values[i])) {
                continue;
            }
            if (counts.not_a_number + counts.infinite == 0) {
                counts.first = first + i;
            }
            (*(isnan(values[i]) ? &counts.not_a_number : &counts.infinite))++;
        }
    }
    return counts;
}

static void scan_values(inspection *work) {
    for (size_t i = 0; i < um_checkpoint_count(work->checkpoint); i++) {
        const um_stored_tensor *stored = um_checkpoint_entry(work->checkpoint, i);
        size_t count = 0;
        if (!stored->supported || !um_tensor_count(&stored->tensor, &count)) {
            continue;
        }
        const value_counts counts = count_values(&stored->tensor, count);
        if (counts.not_a_number + counts.infinite > 0) {
            um_error found = {0};
            (void)UM_RAISE(&found, UM_ERR_MISMATCH,
                           "%.200s: %zu NaN and %zu infinite of %zu elements, the first at %zu",
                           stored->name, counts.not_a_number, counts.infinite, count, counts.first);
            find(work, UM_FINDING_PROBLEM, &found);
        }
    }
    work->report->scanned = true;
}

/* ---- All --------------------------------------------------------------- */

static void inspect_config(inspection *work, const um_inspect_options *options) {
    um_inspect_report *report = work->report;
    um_error found = {0};
    report->has_config = um_model_config_read_with(report->directory, options->overrides,
                                                   &report->config, &found) == UM_OK;
    if (!report->has_config) {
        find(work, UM_FINDING_PROBLEM, &found);
    } else if (report->config.mask_token == UM_NO_TOKEN_ID &&
               report->config.attention != UM_ATTENTION_CAUSAL) {
        (void)UM_RAISE(&found, UM_ERR_MISMATCH,
                       "the configuration names no mask token: the tokenizer or an option must");
        find(work, UM_FINDING_NOTE, &found);
    }
}

static um_status inspect_weights(inspection *work, const um_inspect_options *options) {
    count_stored(work);
    if (work->report->has_config) {
        UM_TRY(inspect_model(work));
    }
    if (options->scan_values) {
        scan_values(work);
    }
    return work->status;
}

static um_status inspect_all(um_inspect_report *report, const um_inspect_options *options,
                             um_error *error) {
    inspection work = {.report = report, .error = error};
    report->written_to_the_end = um_file_exists(report->directory, UM_MODEL_DONE_FILE);
    inspect_config(&work, options);
    um_checkpoint *checkpoint = NULL;
    UM_TRY(um_checkpoint_open_partly(report->directory, find_problem, &work, &checkpoint, error));
    work.checkpoint = checkpoint;
    const um_status status = inspect_weights(&work, options);
    um_checkpoint_close(checkpoint);
    return status;
}

um_status um_inspect(const char *directory, const um_inspect_options *options,
                     um_inspect_report *report, um_error *error) {
    *report = (um_inspect_report){0};
    report->directory = strdup(directory);
    if (!report->directory) {
        return um_error_memory(error, "report", strlen(directory) + 1);
    }
    const um_status status = inspect_all(report, options, error);
    if (status != UM_OK) {
        um_inspect_free(report);
    }
    return status;
}

void um_inspect_free(um_inspect_report *report) {
    for (size_t i = 0; i < report->finding_count; i++) {
        free(report->findings[i].text);
    }
    free(report->findings);
    free(report->directory);
    *report = (um_inspect_report){0};
}
