/* What a checkpoint directory contains and whether it can be used.  A broken one is described as
 * far as it can be understood: problems are collected, not raised. */
#ifndef UM_MODEL_INSPECT_H
#define UM_MODEL_INSPECT_H

#include "model/parameters.h"

typedef struct um_inspect_options {
    const um_model_config_overrides *overrides; /* may be NULL */
    bool scan_values;                           /* read all weights, look for NaN and infinity */
} um_inspect_options;

/* Enumerator, text for people. */
#define UM_FINDING_KIND_LIST(X)                                                                    \
    X(UM_FINDING_NOTE, "note")       /* worth knowing, such as a tensor that is not used */        \
    X(UM_FINDING_PROBLEM, "problem") /* the model does not load, or computes nonsense */

typedef enum um_finding_kind {
#define UM_FINDING_KIND_ENUMERATOR(name, text) name,
    UM_FINDING_KIND_LIST(UM_FINDING_KIND_ENUMERATOR)
#undef UM_FINDING_KIND_ENUMERATOR
} um_finding_kind;

/* Findings that are kept; any further ones are only counted. */
#define UM_FINDINGS_MAXIMUM 1000

typedef struct um_finding {
    um_finding_kind kind;
    char *text; /* one line */
} um_finding;

/* Tensors of one group of parameters, or of one type in the files. */
typedef struct um_tensor_totals {
    size_t tensors;
    size_t elements;
    size_t bytes; /* in the files */
} um_tensor_totals;

typedef struct um_dtype_totals {
    const char *dtype_name; /* such as "BF16" */
    um_tensor_totals totals;
} um_dtype_totals;

/* At least the number of element types of the safetensors or of the GGUF format. */
#define UM_INSPECT_DTYPES_MAXIMUM 64

typedef struct um_inspect_report {
    char *directory;
    bool has_config; /* `config` is valid; without it the groups and memory sizes stay 0 */
    um_model_config config;
    bool written_to_the_end; /* the DONE marker that unmask writes is there */
    bool scanned;            /* all weights were read */

    um_tensor_totals stored; /* everything in the files */
    um_dtype_totals dtypes[UM_INSPECT_DTYPES_MAXIMUM];
    size_t dtype_count;
    um_tensor_totals groups[UM_PARAMETER_GROUPS]; /* of tensors that the model uses, in the files */
    um_tensor_totals used;                        /* the sum of the groups */

    size_t weight_memory;          /* bytes: the used part of the files, and vectors as f32 */
    size_t kv_memory_per_position; /* bytes of an f32 cache */

    um_finding *findings; /* [finding_count] */
    size_t finding_count;
    size_t finding_capacity;
    size_t problem_count; /* of UM_FINDING_PROBLEM, including those over the maximum */
    size_t note_count;
} um_inspect_report;

/* Fill *report from `directory`.  Fails only if memory runs out or a path is too long. */
um_status um_inspect(const char *directory, const um_inspect_options *options,
                     um_inspect_report *report, um_error *error);

/* Add a finding about another part of the checkpoint, such as its tokenizer. */
um_status um_inspect_add(um_inspect_report *report, um_finding_kind kind, const char *text,
                         um_error *error);

void um_inspect_free(um_inspect_report *report);

/* Append the two parts of the report for people: what the checkpoint is, and what was found. */
um_status um_inspect_description_text(const um_inspect_report *report, um_buffer *text,
                                      um_error *error);
um_status um_inspect_findings_text(const um_inspect_report *report, um_buffer *text,
                                   um_error *error);

/* Append the report as one JSON object. */
um_status um_inspect_json(const um_inspect_report *report, um_buffer *json, um_error *error);

#endif
