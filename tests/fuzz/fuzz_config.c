/* The input is a config.json.  A config that is accepted passes its own check, and if it can be
 * formatted, it reads back with the same shape. */
#include <stdint.h>
#include <stdlib.h>

#include "model/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static um_status parse(const char *bytes, size_t length, um_model_config *config) {
    json_t *root = NULL;
    UM_TRY(um_json_load_bytes(bytes, length, "input", &root, NULL));
    um_error error = {0};
    const um_status status = um_model_config_parse(root, "input", config, &error);
    require(status == UM_OK || error.message[0] != '\0');
    json_decref(root);
    return status;
}

static void check_round_trip(const um_model_config *config) {
    um_buffer json = {0};
    if (um_model_config_format(config, &json, NULL) == UM_OK) {
        um_model_config again;
        require(parse(json.data, json.length, &again) == UM_OK);
        require(again.family == config->family && again.hidden_size == config->hidden_size);
        require(again.head_dim == config->head_dim && again.qkv_bias == config->qkv_bias);
        require(again.attention == config->attention && again.mask_token == config->mask_token);
        require(again.logit_alignment == config->logit_alignment);
        require(again.rope_base >= config->rope_base && again.rope_base <= config->rope_base);
    }
    um_buffer_free(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    um_model_config config;
    if (parse((const char *)data, size, &config) == UM_OK) {
        require(um_model_config_check(&config, "input", NULL) == UM_OK);
        check_round_trip(&config);
    }
    return 0;
}
