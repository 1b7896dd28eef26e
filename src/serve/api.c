#include "serve/api.h"

#include <string.h>

um_status um_api_read_text(const um_ask *ask, const char *name, const char **text, size_t *length,
                           um_error *error) {
    const json_t *value = json_object_get(ask->body, name);
    *text = NULL;
    *length = 0;
    if (json_is_array(value) && json_array_size(value) == 1) {
        value = json_array_get(value, 0);
    }
    if (!value || json_is_null(value)) {
        return UM_OK;
    }
    if (!json_is_string(value)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "the request: \"%s\" must be a string", name);
    }
    *text = json_string_value(value);
    *length = json_string_length(value);
    return UM_OK;
}

um_status um_api_refuse_unsupported(const um_ask *ask, um_error *error) {
    static const char *const names[] = {"tools",      "functions",         "logprobs",
                                        "echo",       "frequency_penalty", "presence_penalty",
                                        "logit_bias", "grammar",           "json_schema"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        UM_TRY(um_ask_refuse(ask, names[i], error));
    }
    const json_t *format = json_object_get(ask->body, "response_format");
    return strcmp(um_json_text(format, "type"), "text") == 0
               ? UM_OK
               : um_ask_refuse(ask, "response_format", error);
}

um_status um_api_read_stream_options(um_ask *ask, um_error *error) {
    UM_TRY(um_json_optional_bool(ask->body, "the request", "diffusing", &ask->frames, error));
    ask->stream = ask->stream || ask->frames; /* as Mercury does */
    const json_t *options = json_object_get(ask->body, "stream_options");
    if (!options || json_is_null(options)) {
        return UM_OK;
    }
    if (!json_is_object(options)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "the request: \"stream_options\" must be an object");
    }
    return um_json_optional_bool(options, "stream_options", "include_usage", &ask->usage, error);
}
