/* Which tokens are special: config.json, the tokenizer's files, generation_config.json and the
 * caller each name some of them, and must not contradict each other. */
#include "api/internal.h"
#include "base/json.h"
#include "base/mapped_file.h"

/* DiffuCoder's pad, which its authors cut answers at whether or not a file names it as pad. */
#define DIFFUSION_PAD "<|dlm_pad|>"

static um_status check_size(const um_model *model, const char *directory, um_error *error) {
    const size_t ids = um_tokenizer_vocabulary_size(model->tokenizer);
    if (ids > model->config.vocabulary_size) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s: the tokenizer has %zu ids, but config.json has vocab_size %zu; they "
                        "belong to different models",
                        directory, ids, model->config.vocabulary_size);
    }
    return UM_OK;
}

/* ---- The mask token -------------------------------------------------------- */

static um_status choose_mask(const um_model *model, const char *directory, const char *mask,
                             int32_t *id, um_error *error) {
    if (mask) {
        return um_tokenizer_find(model->tokenizer, "mask token", mask,
                                 model->config.vocabulary_size, id, error);
    }
    const int32_t from_config = model->config.mask_token;
    const int32_t from_tokenizer = um_tokenizer_mask(model->tokenizer);
    if (from_config >= 0 && from_tokenizer >= 0 && from_config != from_tokenizer) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s: the mask token is %ld in config.json or generation_config.json and "
                        "%ld in the tokenizer; say which one is right with the option for the "
                        "mask token",
                        directory, (long)from_config, (long)from_tokenizer);
    }
    *id = from_config >= 0 ? from_config : from_tokenizer;
    if (*id < 0 && model->config.attention != UM_ATTENTION_CAUSAL) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s: no mask token: config.json and generation_config.json have no "
                        "mask_token_id and tokenizer_config.json no mask_token; give the text or "
                        "the id of the token with the option for the mask token",
                        directory);
    }
    return UM_OK;
}

static um_status settle_mask(um_model *model, const char *directory, const char *mask,
                             um_error *error) {
    um_model_config_overrides overrides = {.has_mask_token = true};
    UM_TRY(choose_mask(model, directory, mask, &overrides.mask_token, error));
    if (overrides.mask_token < 0) {
        return UM_OK;
    }
    return um_model_config_override(&model->config, &overrides, error);
}

/* ---- Tokens that end an answer --------------------------------------------- */

/* Two control tokens may both end a text (DiffuCoder-Instruct's config.json pads with a different
 * token than its tokenizer).  One that is ordinary text suggests that the tokenizer is another
 * model's. */
static um_status check_end(const um_model *model, const char *directory, const char *key,
                           int32_t from_config, int32_t from_tokenizer, um_error *error) {
    if (from_config >= 0 && from_tokenizer >= 0 && from_config != from_tokenizer &&
        !um_tokenizer_is_special(model->tokenizer, from_config)) {
        return UM_RAISE(error, UM_ERR_MISMATCH,
                        "%s: %s is %ld in config.json, which the tokenizer has no control token "
                        "for; there it is %ld",
                        directory, key, (long)from_config, (long)from_tokenizer);
    }
    return UM_OK;
}

/* The mask cannot end anything: it stands for what is undecided. */
static um_status add_end(um_model *model, int32_t token, um_error *error) {
    um_token_list *list = &model->end_tokens;
    if (token < 0 || token == model->config.mask_token || um_token_list_contains(list, token)) {
        return UM_OK;
    }
    UM_TRY(um_token_list_append(list, token, error));
    for (size_t i = list->length - 1; i > 0 && list->ids[i - 1] > token; i--) {
        list->ids[i] = list->ids[i - 1];
        list->ids[i - 1] = token;
    }
    return UM_OK;
}

/* ---- Ends in config.json and generation_config.json ----------------------- */

static um_status read_id(const um_model *model, const json_t *value, const char *path,
                         const char *key, int32_t *id, um_error *error) {
    *id = UM_NO_TOKEN_ID;
    const json_int_t number = json_is_integer(value) ? json_integer_value(value) : -2;
    if (!value || json_is_null(value) || number == -1) {
        return UM_OK;
    }
    if (number < 0 || (unsigned long long)number >= model->config.vocabulary_size) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: %s: expected an id below %zu", path, key,
                        model->config.vocabulary_size);
    }
    *id = (int32_t)number;
    return UM_OK;
}

/* "eos_token_id" is an id or a list of them; all end an answer, and the first is the model's eos if
 * nothing else says which that is. */
static um_status read_eos(um_model *model, const json_t *root, const char *path, um_error *error) {
    const json_t *value = json_object_get(root, "eos_token_id");
    const size_t count = json_is_array(value) ? json_array_size(value) : 1;
    for (size_t i = 0; i < count; i++) {
        int32_t id;
        UM_TRY(read_id(model, json_is_array(value) ? json_array_get(value, i) : value, path,
                       "eos_token_id", &id, error));
        UM_TRY(add_end(model, id, error));
        model->eos_token = model->eos_token >= 0 ? model->eos_token : id;
    }
    return UM_OK;
}

/* Take all ends from here, and the pad if nothing else names one.  (The configuration holds only
 * the first end of config.json.) */
static um_status read_ends(um_model *model, const char *directory, const char *name,
                           um_error *error) {
    char path[4096];
    if (!um_file_exists(directory, name)) {
        return UM_OK;
    }
    UM_TRY(um_path_join(path, sizeof path, directory, name, error));
    json_t *root = NULL;
    UM_TRY(um_json_load_file(path, &root, error));
    um_status status = read_eos(model, root, path, error);
    if (status == UM_OK && model->pad_token < 0) {
        status = read_id(model, json_object_get(root, "pad_token_id"), path, "pad_token_id",
                         &model->pad_token, error);
    }
    json_decref(root);
    return status;
}

/* ---- All of them ----------------------------------------------------------- */

static int32_t first_of(int32_t first, int32_t second) {
    return first >= 0 ? first : second;
}

um_status um_model_settle_tokens(um_model *model, const char *directory, const char *mask,
                                 um_error *error) {
    const um_model_config *config = &model->config;
    const int32_t eos = um_tokenizer_eos(model->tokenizer);
    const int32_t pad = um_tokenizer_pad(model->tokenizer);
    UM_TRY(check_size(model, directory, error));
    UM_TRY(settle_mask(model, directory, mask, error));
    UM_TRY(check_end(model, directory, "eos_token_id", config->eos_token, eos, error));
    UM_TRY(check_end(model, directory, "pad_token_id", config->pad_token, pad, error));
    model->eos_token = first_of(eos, config->eos_token);
    model->pad_token = first_of(pad, config->pad_token);
    UM_TRY(read_ends(model, directory, "config.json", error));
    UM_TRY(read_ends(model, directory, "generation_config.json", error));
    const int32_t ends[] = {eos,
                            pad,
                            config->eos_token,
                            config->pad_token,
                            model->eos_token,
                            model->pad_token,
                            um_tokenizer_id(model->tokenizer, DIFFUSION_PAD),
                            um_chat_end_of_turn(model->tokenizer)};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        UM_TRY(add_end(model, ends[i], error));
    }
    return UM_OK;
}
