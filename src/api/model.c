#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "api/parts.h"
#include "api/quantised_model.h"
#include "base/text.h"
#include "decode/default_options.h"

/* ---- Opening --------------------------------------------------------------- */

static um_status unknown_name(const char *what, const char *name, const char *known,
                              um_error *error) {
    return UM_RAISE(error, UM_ERR_ARGUMENT, "%s \"%.40s\" is unknown: use %s", what, name, known);
}

static um_status read_overrides(const um_model_options *options,
                                um_model_config_overrides *overrides, um_error *error) {
    overrides->attention_block_length = options->attention_block_length;
    overrides->forgets_mask_token = options->mask_token != NULL;
    if (options->attention) {
        overrides->has_attention = true;
        if (!um_attention_from_name(options->attention, &overrides->attention)) {
            return unknown_name("attention", options->attention, "full, causal or block-causal",
                                error);
        }
    }
    if (options->logit_alignment) {
        overrides->has_logit_alignment = true;
        if (!um_logit_alignment_from_name(options->logit_alignment, &overrides->logit_alignment)) {
            return unknown_name("logit alignment", options->logit_alignment, "position or shifted",
                                error);
        }
    }
    return UM_OK;
}

static um_status check_block_length(const um_model_config *config, const char *path,
                                    const um_model_options *options, um_error *error) {
    const um_attention_kind attention = config->attention;
    if (options->attention_block_length > 0 && attention != UM_ATTENTION_BLOCK_CAUSAL) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "%s: a block length means nothing to %s attention; leave it out, or choose "
                        "block-causal attention",
                        path, um_attention_name(attention));
    }
    return UM_OK;
}

/* Look the mask token up in the tokenizer of `path`, if there is one. */
static um_status override_mask(const char *path, const um_model_config *config, const char *mask,
                               um_model_config_overrides *overrides, um_error *error) {
    um_tokenizer *tokenizer = NULL;
    if (um_tokenizer_exists(path)) {
        UM_TRY(um_tokenizer_load(path, &tokenizer, error));
    }
    const um_status status = um_tokenizer_find(
        tokenizer, "mask token", mask, config->vocabulary_size, &overrides->mask_token, error);
    overrides->has_mask_token = status == UM_OK;
    um_tokenizer_free(tokenizer);
    return status;
}

um_status um_model_overrides_read(const char *path, const um_model_options *options,
                                  um_model_config_overrides *overrides, um_error *error) {
    um_model_config config;
    *overrides = (um_model_config_overrides){0};
    UM_TRY(read_overrides(options, overrides, error));
    if (!options->mask_token && options->attention_block_length == 0) {
        return UM_OK;
    }
    UM_TRY(um_model_config_read_with(path, overrides, &config, error));
    UM_TRY(check_block_length(&config, path, options, error));
    return options->mask_token ? override_mask(path, &config, options->mask_token, overrides, error)
                               : UM_OK;
}

static um_status count_tensor(void *user, const char *name, um_tensor *tensor,
                              const um_tensor *expected, um_error *error) {
    um_model *model = user;
    size_t count = 0;
    if (!um_tensor_count(expected, &count)) {
        return UM_RAISE(error, UM_ERR_LIMIT, "%s: too many elements", name);
    }
    model->parameter_count += count;
    model->weight_bytes += um_dtype_row_bytes(tensor->dtype, count);
    return UM_OK;
}

static um_status load(um_model *model, const char *path, const um_model_options *options,
                      um_error *error) {
    um_model_config_overrides overrides = {0};
    UM_TRY(read_overrides(options, &overrides, error));
    UM_TRY(um_kernels_select(options->kernels, &model->kernels, error));
    UM_TRY(um_model_config_read_with(path, &overrides, &model->config, error));
    UM_TRY(check_block_length(&model->config, path, options, error));
    UM_TRY(um_tokenizer_load(path, &model->tokenizer, error));
    UM_TRY(um_model_settle_tokens(model, path, options->mask_token, error));
    UM_TRY(um_checkpoint_open(path, &model->checkpoint, error));
    UM_TRY(um_parameters_bind(&model->parameters, &model->config, model->checkpoint, error));
    UM_TRY(um_path_stem(path, ".gguf", &model->name, error));
    if (options->quantize) {
        UM_TRY(um_model_quantise(model, path, options, UM_QUANTISE_PATIENCE, error));
    }
    return um_parameters_visit(&model->parameters, &model->config, count_tensor, model, error);
}

um_status um_model_open(const char *path, const um_model_options *options, um_model **model,
                        um_error *error) {
    static const um_model_options defaults = {0};
    *model = NULL;
    um_model *opened = calloc(1, sizeof *opened);
    if (!opened) {
        return um_error_memory(error, "model", sizeof *opened);
    }
    const um_status status = load(opened, path, options ? options : &defaults, error);
    if (status != UM_OK) {
        um_model_close(opened);
        return status;
    }
    *model = opened;
    return UM_OK;
}

void um_model_close(um_model *model) {
    if (model) {
        um_token_list_free(&model->end_tokens);
        um_parameters_free(&model->parameters);
        free(model->quantised);
        um_checkpoint_close(model->checkpoint);
        um_tokenizer_free(model->tokenizer);
        free(model->name);
        free(model);
    }
}

/* ---- Facts ----------------------------------------------------------------- */

void um_model_get_info(const um_model *model, um_model_info *info) {
    const um_model_config *config = &model->config;
    const bool has_blocks = config->attention == UM_ATTENTION_BLOCK_CAUSAL;
    *info = (um_model_info){
        .name = model->name,
        .family = um_family_name(config->family),
        .attention = um_attention_name(config->attention),
        .attention_block_length = has_blocks ? config->attention_block_length : 0,
        .logit_alignment = um_logit_alignment_name(config->logit_alignment),
        .kernels = model->kernels.name,
        .algorithm = um_default_algorithm(config),
        .parameter_count = model->parameter_count,
        .weight_bytes = model->weight_bytes,
        .layer_count = config->layer_count,
        .hidden_size = config->hidden_size,
        .head_count = config->head_count,
        .kv_head_count = config->kv_head_count,
        .context_length = config->maximum_positions,
        .cache_bytes = um_kv_cache_row_bytes(config),
        .vocabulary_size = config->vocabulary_size,
        .tokenizer_size = um_tokenizer_vocabulary_size(model->tokenizer),
        .mask_token = config->mask_token,
        .bos_token = um_tokenizer_bos(model->tokenizer),
        .eos_token = model->eos_token,
        .pad_token = model->pad_token,
        .end_of_turn_token = um_chat_end_of_turn(model->tokenizer),
        .end_tokens = model->end_tokens.ids,
        .end_token_count = model->end_tokens.length,
        .has_chat_format = um_chat_format_of(model->tokenizer) != UM_CHAT_NONE,
    };
}
