#include "model/parameters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/parameters_internal.h"

/* The sizes that shapes are made of. */
typedef enum dimension {
    DIMENSION_NONE, /* the second one of a tensor of rank 1 */
    DIMENSION_VOCABULARY,
    DIMENSION_HIDDEN,
    DIMENSION_INTERMEDIATE,
    DIMENSION_QUERY, /* heads * head_dim */
    DIMENSION_KEY,   /* kv_heads * head_dim */
    DIMENSION_HEAD
} dimension;

typedef enum presence { ALWAYS, WITH_QKV_BIAS, WITH_QK_NORM, WITH_OWN_HEAD } presence;

/* One tensor: its place in the structure, its names and its shape. */
typedef struct role {
    size_t offset;          /* in um_layer_parameters, or in um_parameters */
    const char *name;       /* of Qwen2, Qwen3, Llama and Dream */
    const char *llada_name; /* of LLaDA */
    const char *gguf_name;
    dimension rows;
    dimension columns;
    presence presence;
    um_parameter_group group;
} role;

#define LAYER(field) offsetof(um_layer_parameters, field)
#define MODEL(field) offsetof(um_parameters, field)

static const role layer_roles[] = {
    {LAYER(attention_norm), "input_layernorm.weight", "attn_norm.weight", "attn_norm.weight",
     DIMENSION_HIDDEN, DIMENSION_NONE, ALWAYS, UM_PARAMETERS_NORM},
    {LAYER(query), "self_attn.q_proj.weight", "q_proj.weight", "attn_q.weight", DIMENSION_QUERY,
     DIMENSION_HIDDEN, ALWAYS, UM_PARAMETERS_ATTENTION},
    {LAYER(key), "self_attn.k_proj.weight", "k_proj.weight", "attn_k.weight", DIMENSION_KEY,
     DIMENSION_HIDDEN, ALWAYS, UM_PARAMETERS_ATTENTION},
    {LAYER(value), "self_attn.v_proj.weight", "v_proj.weight", "attn_v.weight", DIMENSION_KEY,
     DIMENSION_HIDDEN, ALWAYS, UM_PARAMETERS_ATTENTION},
    {LAYER(query_bias), "self_attn.q_proj.bias", "q_proj.bias", "attn_q.bias", DIMENSION_QUERY,
     DIMENSION_NONE, WITH_QKV_BIAS, UM_PARAMETERS_ATTENTION},
    {LAYER(key_bias), "self_attn.k_proj.bias", "k_proj.bias", "attn_k.bias", DIMENSION_KEY,
     DIMENSION_NONE, WITH_QKV_BIAS, UM_PARAMETERS_ATTENTION},
    {LAYER(value_bias), "self_attn.v_proj.bias", "v_proj.bias", "attn_v.bias", DIMENSION_KEY,
     DIMENSION_NONE, WITH_QKV_BIAS, UM_PARAMETERS_ATTENTION},
    {LAYER(query_norm), "self_attn.q_norm.weight", "q_norm.weight", "attn_q_norm.weight",
     DIMENSION_HEAD, DIMENSION_NONE, WITH_QK_NORM, UM_PARAMETERS_NORM},
    {LAYER(key_norm), "self_attn.k_norm.weight", "k_norm.weight", "attn_k_norm.weight",
     DIMENSION_HEAD, DIMENSION_NONE, WITH_QK_NORM, UM_PARAMETERS_NORM},
    {LAYER(attention_output), "self_attn.o_proj.weight", "attn_out.weight", "attn_output.weight",
     DIMENSION_HIDDEN, DIMENSION_QUERY, ALWAYS, UM_PARAMETERS_ATTENTION},
    {LAYER(mlp_norm), "post_attention_layernorm.weight", "ff_norm.weight", "ffn_norm.weight",
     DIMENSION_HIDDEN, DIMENSION_NONE, ALWAYS, UM_PARAMETERS_NORM},
    {LAYER(gate), "mlp.gate_proj.weight", "ff_proj.weight", "ffn_gate.weight",
     DIMENSION_INTERMEDIATE, DIMENSION_HIDDEN, ALWAYS, UM_PARAMETERS_MLP},
    {LAYER(up), "mlp.up_proj.weight", "up_proj.weight", "ffn_up.weight", DIMENSION_INTERMEDIATE,
     DIMENSION_HIDDEN, ALWAYS, UM_PARAMETERS_MLP},
    {LAYER(down), "mlp.down_proj.weight", "ff_out.weight", "ffn_down.weight", DIMENSION_HIDDEN,
     DIMENSION_INTERMEDIATE, ALWAYS, UM_PARAMETERS_MLP},
};

static const role embedding_role = {MODEL(embedding),
                                    "model.embed_tokens.weight",
                                    "model.transformer.wte.weight",
                                    "token_embd.weight",
                                    DIMENSION_VOCABULARY,
                                    DIMENSION_HIDDEN,
                                    ALWAYS,
                                    UM_PARAMETERS_EMBEDDING};
static const role final_roles[] = {
    {MODEL(final_norm), "model.norm.weight", "model.transformer.ln_f.weight", "output_norm.weight",
     DIMENSION_HIDDEN, DIMENSION_NONE, ALWAYS, UM_PARAMETERS_NORM},
    {MODEL(head), "lm_head.weight", "model.transformer.ff_out.weight", "output.weight",
     DIMENSION_VOCABULARY, DIMENSION_HIDDEN, WITH_OWN_HEAD, UM_PARAMETERS_HEAD},
};

static size_t extent(const um_model_config *config, dimension which) {
    switch (which) {
        case DIMENSION_NONE:
            break;
        case DIMENSION_VOCABULARY:
            return config->vocabulary_size;
        case DIMENSION_HIDDEN:
            return config->hidden_size;
        case DIMENSION_INTERMEDIATE:
            return config->intermediate_size;
        case DIMENSION_QUERY:
            return config->head_count * config->head_dim;
        case DIMENSION_KEY:
            return config->kv_head_count * config->head_dim;
        case DIMENSION_HEAD:
            return config->head_dim;
    }
    return 0;
}

static bool has_role(const um_model_config *config, const role *which) {
    switch (which->presence) {
        case ALWAYS:
            return true;
        case WITH_QKV_BIAS:
            return config->qkv_bias;
        case WITH_QK_NORM:
            return config->qk_norm;
        case WITH_OWN_HEAD:
            return !config->tied_head;
    }
    return false;
}

static um_tensor expected_tensor(const um_model_config *config, const role *which) {
    um_tensor expected = {.rank = which->columns == DIMENSION_NONE ? 1 : 2};
    expected.shape[0] = extent(config, which->rows);
    if (expected.rank == 2) {
        expected.shape[1] = extent(config, which->columns);
    }
    return expected;
}

um_tensor_naming um_parameters_naming(const um_checkpoint *checkpoint) {
    return um_checkpoint_is_gguf(checkpoint) ? UM_NAMES_GGUF : UM_NAMES_HUGGING_FACE;
}

const char *um_parameters_layer_prefix(um_family family, um_tensor_naming naming) {
    if (naming == UM_NAMES_GGUF) {
        return "blk.";
    }
    return family == UM_FAMILY_LLADA ? "model.transformer.blocks." : "model.layers.";
}

static const char *role_name(um_family family, um_tensor_naming naming, const role *which) {
    if (naming == UM_NAMES_GGUF) {
        return which->gguf_name;
    }
    return family == UM_FAMILY_LLADA ? which->llada_name : which->name;
}

/* One walk over the tensors of a model. */
typedef struct visit {
    const um_model_config *config;
    um_tensor_naming naming;
    um_parameter_visitor *visitor;
    void *user;
    um_error *error;
} visit;

/* `base` is the structure that the role's offset refers to, or NULL. */
static um_status visit_role(const visit *walk, void *base, const role *which, const char *name) {
    if (!has_role(walk->config, which)) {
        return UM_OK;
    }
    const um_tensor expected = expected_tensor(walk->config, which);
    um_tensor *tensor = base ? (void *)((char *)base + which->offset) : NULL;
    return walk->visitor(walk->user, name, tensor, &expected, walk->error);
}

static um_status visit_layer(const visit *walk, um_layer_parameters *layer, size_t index) {
    const um_family family = walk->config->family;
    for (size_t i = 0; i < sizeof layer_roles / sizeof *layer_roles; i++) {
        char name[128];
        (void)snprintf(name, sizeof name, "%s%zu.%s",
                       um_parameters_layer_prefix(family, walk->naming), index,
                       role_name(family, walk->naming, &layer_roles[i]));
        UM_TRY(visit_role(walk, layer, &layer_roles[i], name));
    }
    return UM_OK;
}

um_status um_parameters_visit_named(um_parameters *parameters, const um_model_config *config,
                                    um_tensor_naming naming, um_parameter_visitor *visitor,
                                    void *user, um_error *error) {
    const visit walk = {config, naming, visitor, user, error};
    UM_TRY(visit_role(&walk, parameters, &embedding_role,
                      role_name(config->family, naming, &embedding_role)));
    for (size_t i = 0; i < config->layer_count; i++) {
        UM_TRY(visit_layer(&walk, parameters ? &parameters->layers[i] : NULL, i));
    }
    for (size_t i = 0; i < sizeof final_roles / sizeof *final_roles; i++) {
        UM_TRY(visit_role(&walk, parameters, &final_roles[i],
                          role_name(config->family, naming, &final_roles[i])));
    }
    return UM_OK;
}

um_status um_parameters_visit(um_parameters *parameters, const um_model_config *config,
                              um_parameter_visitor *visitor, void *user, um_error *error) {
    return um_parameters_visit_named(parameters, config, UM_NAMES_HUGGING_FACE, visitor, user,
                                     error);
}

const char *um_parameters_head_name(um_family family, um_tensor_naming naming) {
    return role_name(family, naming, &final_roles[1]);
}

/* ---- Groups ------------------------------------------------------------ */

static bool group_among(const role *roles, size_t count, const char *name, um_family family,
                        um_tensor_naming naming, um_parameter_group *group) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(role_name(family, naming, &roles[i]), name) == 0) {
            *group = roles[i].group;
            return true;
        }
    }
    return false;
}

static bool group_named(um_family family, um_tensor_naming naming, const char *name,
                        um_parameter_group *group) {
    const char *prefix = um_parameters_layer_prefix(family, naming);
    if (strncmp(name, prefix, strlen(prefix)) == 0) {
        const char *number = name + strlen(prefix);
        const size_t digits = strspn(number, "0123456789");
        return digits > 0 && number[digits] == '.' &&
               group_among(layer_roles, sizeof layer_roles / sizeof *layer_roles,
                           number + digits + 1, family, naming, group);
    }
    return group_among(&embedding_role, 1, name, family, naming, group) ||
           group_among(final_roles, sizeof final_roles / sizeof *final_roles, name, family, naming,
                       group);
}

bool um_parameters_group_of(um_family family, const char *name, um_parameter_group *group) {
    return group_named(family, UM_NAMES_HUGGING_FACE, name, group) ||
           group_named(family, UM_NAMES_GGUF, name, group);
}

const char *um_parameter_group_name(um_parameter_group group) {
    switch (group) {
#define GROUP_CASE(name, text)                                                                     \
    case name:                                                                                     \
        return text;
        UM_PARAMETER_GROUP_LIST(GROUP_CASE)
#undef GROUP_CASE
        case UM_PARAMETER_GROUPS:
            break;
    }
    return "unknown";
}

/* ---- One block for training -------------------------------------------- */

um_status um_parameters_allocate_layers(um_parameters *parameters, const um_model_config *config,
                                        um_error *error) {
    *parameters = (um_parameters){0};
    UM_TRY(um_allocate(&parameters->layers, config->layer_count, sizeof *parameters->layers,
                       "layers", error));
    parameters->layer_count = config->layer_count;
    return UM_OK;
}

/* Hands out places in the block, or only measures it while `block` is NULL. */
typedef struct layout {
    float *block;
    size_t count;
} layout;

static um_status place_tensor(void *user, const char *name, um_tensor *tensor,
                              const um_tensor *expected, um_error *error) {
    layout *places = user;
    size_t count = 0;
    if (!um_tensor_count(expected, &count) ||
        !um_size_add(places->count, um_size_round_up(count, UM_ALIGNMENT / sizeof(float)),
                     &count)) {
        return um_error_memory(error, name, SIZE_MAX);
    }
    if (places->block) {
        *tensor = *expected;
        tensor->dtype = UM_DTYPE_F32;
        tensor->data = places->block + places->count;
    }
    places->count = count;
    return UM_OK;
}

um_status um_parameters_lay_out(um_parameters *parameters, const um_model_config *config,
                                float **block, size_t *count, um_error *error) {
    *parameters = (um_parameters){0};
    UM_TRY(um_model_config_check(config, "model", error));
    layout places = {0};
    UM_TRY(um_parameters_visit(NULL, config, place_tensor, &places, error));
    UM_TRY(um_parameters_allocate_layers(parameters, config, error));
    float *memory = NULL;
    um_status status = um_allocate(&memory, places.count, sizeof *memory, "parameters", error);
    if (status == UM_OK) {
        parameters->owned = memory;
        *count = places.count;
        places = (layout){.block = memory};
        status = um_parameters_visit(parameters, config, place_tensor, &places, error);
    }
    if (status != UM_OK) {
        um_parameters_free(parameters);
        return status;
    }
    if (config->tied_head) {
        parameters->head = parameters->embedding;
    }
    *block = memory;
    return UM_OK;
}

/* ---- Copy -------------------------------------------------------------- */

/* Walks the tensors of the source in the order of the target's. */
typedef struct copying {
    um_tensor *targets; /* gathered in the first walk */
    size_t count;
    size_t next;
} copying;

static um_status gather_tensor(void *user, const char *name, um_tensor *tensor,
                               const um_tensor *expected, um_error *error) {
    (void)name;
    (void)expected;
    (void)error;
    copying *list = user;
    if (list->targets) {
        list->targets[list->count] = *tensor;
    }
    list->count++;
    return UM_OK;
}

static um_status copy_tensor(void *user, const char *name, um_tensor *tensor,
                             const um_tensor *expected, um_error *error) {
    copying *list = user;
    const um_tensor *target = &list->targets[list->next++];
    size_t count = 0;
    if (!tensor->data || !target->data || target->dtype != UM_DTYPE_F32 ||
        !um_tensor_count(expected, &count)) {
        return UM_RAISE(error, UM_ERR_MISMATCH, "%s: cannot be copied into an f32 layout", name);
    }
    um_convert_to_f32(tensor->dtype, tensor->data, (float *)(uintptr_t)target->data, count);
    return UM_OK;
}

um_status um_parameters_copy(um_parameters *target, const um_parameters *source,
                             const um_model_config *config, um_error *error) {
    if (target->layer_count != config->layer_count || source->layer_count != config->layer_count) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "parameters of %zu and %zu layers, model of %zu",
                        target->layer_count, source->layer_count, config->layer_count);
    }
    um_parameters readable = *source;
    copying list = {0};
    UM_TRY(um_parameters_visit(NULL, config, gather_tensor, &list, error));
    UM_TRY(um_allocate(&list.targets, list.count, sizeof *list.targets, "tensor list", error));
    list.count = 0;
    um_status status = um_parameters_visit(target, config, gather_tensor, &list, error);
    if (status == UM_OK) {
        status = um_parameters_visit(&readable, config, copy_tensor, &list, error);
    }
    free(list.targets);
    return status;
}

void um_parameters_free(um_parameters *parameters) {
    if (!parameters) {
        return;
    }
    free(parameters->layers);
    free(parameters->owned);
    *parameters = (um_parameters){0};
}
