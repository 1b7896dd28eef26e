#include "train/recipe/rollout_options.h"

#include <stdlib.h>
#include <string.h>

#include "decode/algorithm.h"
#include "decode/default_options.h"

/* The text by which the command line would give this value. */
static um_status value_text(const json_t *value, const char *where, const char *key, char *text,
                            size_t size, um_error *error) {
    int length = -1;
    if (json_is_string(value)) {
        length = snprintf(text, size, "%s", json_string_value(value));
    } else if (json_is_boolean(value)) {
        length = snprintf(text, size, "%s", json_is_true(value) ? "true" : "false");
    } else if (json_is_integer(value)) {
        length = snprintf(text, size, "%lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        length = snprintf(text, size, "%.17g", json_real_value(value));
    }
    return length >= 0 && (size_t)length < size
               ? UM_OK
               : UM_RAISE(error, UM_ERR_ARGUMENT,
                          "%s: \"%s\" must be a string of at most %zu bytes, a number, true "
                          "or false",
                          where, key, size - 1);
}

static um_status apply_member(um_decode_options *options, const json_t *value, const char *where,
                              const char *key, um_error *error) {
    char text[128];
    UM_TRY(value_text(value, where, key, text, sizeof text, error));
    if (strcmp(key, "algorithm") == 0) {
        const um_algorithm *algorithm = NULL;
        const um_status status = um_algorithm_find(text, &algorithm, error);
        options->algorithm = status == UM_OK ? algorithm->name : options->algorithm;
        return status == UM_OK ? UM_OK : um_error_prefix(error, status, "%s", where);
    }
    if (strcmp(key, "seed") == 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "%s: \"seed\" is not an option here; rollouts use the recipe's", where);
    }
    const um_status status = um_decode_options_set(options, key, text, error);
    return status == UM_OK ? UM_OK : um_error_prefix(error, status, "%s", where);
}

static um_status apply_object(um_decode_options *options, const json_t *object, const char *where,
                              um_error *error) {
    if (!json_is_object(object)) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "%s: not an object of decoding options", where);
    }
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
        UM_TRY(apply_member(options, value, where, key, error));
    }
    return UM_OK;
}

um_status um_rollout_text_from_json(const json_t *object, const char *where,
                                    char text[UM_ROLLOUT_TEXT_SIZE], um_error *error) {
    um_decode_options options = um_decode_options_default();
    UM_TRY(apply_object(&options, object, where, error));
    char *dump = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    if (!dump) {
        return um_error_memory(error, "decoding options", UM_ROLLOUT_TEXT_SIZE);
    }
    const size_t length = strlen(dump);
    if (length < UM_ROLLOUT_TEXT_SIZE) {
        memset(text, 0, UM_ROLLOUT_TEXT_SIZE);
        memcpy(text, dump, length);
    }
    free(dump);
    return length < UM_ROLLOUT_TEXT_SIZE ? UM_OK
                                         : UM_RAISE(error, UM_ERR_LIMIT, "%s: longer than %d bytes",
                                                    where, UM_ROLLOUT_TEXT_SIZE - 1);
}

static json_t *parse_value(const char *value) {
    json_t *parsed = json_loads(value, JSON_DECODE_ANY, NULL);
    return parsed ? parsed : json_string(value);
}

static um_status load(const char *text, json_t **object, um_error *error) {
    const char *used = *text ? text : "{}";
    return um_json_load_bytes(used, strlen(used), "decoding options", object, error);
}

um_status um_rollout_text_set(char text[UM_ROLLOUT_TEXT_SIZE], const char *key, const char *value,
                              um_error *error) {
    json_t *object = NULL;
    UM_TRY(load(text, &object, error));
    um_status status = UM_OK;
    if (json_object_set_new(object, key, parse_value(value)) != 0) {
        status =
            UM_RAISE(error, UM_ERR_ARGUMENT, "\"%s\": cannot use the value \"%s\"", key, value);
    } else {
        status = um_rollout_text_from_json(object, "--set", text, error);
    }
    json_decref(object);
    return status;
}

static void set_default(um_decode_options *options, uint64_t known, um_decode_option option,
                        double *member, double value) {
    if ((known & UM_OPTION_BIT(option)) != 0 && !um_decode_options_is_given(options, option)) {
        *member = value;
        um_decode_options_mark(options, option);
    }
}

um_status um_rollout_options_parse(const char text[UM_ROLLOUT_TEXT_SIZE], double temperature,
                                   double top_p, um_decode_options *options, um_error *error) {
    json_t *object = NULL;
    const um_algorithm *algorithm = NULL;
    *options = um_decode_options_default();
    UM_TRY(load(text, &object, error));
    const um_status status = apply_object(options, object, "decoding options", error);
    json_decref(object);
    UM_TRY(status);
    UM_TRY(um_algorithm_find(options->algorithm, &algorithm, error));
    set_default(options, algorithm->options, UM_OPTION_TEMPERATURE, &options->temperature,
                temperature);
    set_default(options, algorithm->options, UM_OPTION_TOP_P, &options->top_p, top_p);
    return UM_OK;
}

um_status um_rollout_options_parse_for_model(const char text[UM_ROLLOUT_TEXT_SIZE],
                                             const um_model_config *config,
                                             um_decode_options *options, um_error *error) {
    json_t *object = NULL;
    *options = um_decode_options_default();
    UM_TRY(load(text, &object, error));
    const um_status status = apply_object(options, object, "decoding options", error);
    const bool names_algorithm = json_object_get(object, "algorithm") != NULL;
    json_decref(object);
    if (status == UM_OK && !names_algorithm) {
        um_decode_options_choose_defaults(config, options);
    }
    return status;
}
