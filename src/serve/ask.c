#include "serve/ask.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/memory.h"

#define WHERE "the request"

/* Seeds that are drawn for a client fit a double, so that any client can send them back. */
#define DRAWN_SEED_MASK 0xffffffffU

um_status um_ask_begin(um_ask *ask, const char *bytes, size_t length, um_error *error) {
    *ask = (um_ask){.samples = 1};
    UM_TRY(um_json_load_bytes(bytes, length, WHERE, &ask->body, error));
    if (!json_is_object(ask->body)) {
        return UM_RAISE(error, UM_ERR_FORMAT, WHERE ": expected a JSON object");
    }
    if (getrandom(&ask->number, sizeof ask->number, 0) != (ssize_t)sizeof ask->number) {
        return UM_RAISE(error, UM_ERR_IO, "no random numbers");
    }
    ask->seed = ask->number & DRAWN_SEED_MASK;
    ask->owned = json_array();
    return ask->owned ? UM_OK : um_error_memory(error, "request", length);
}

void um_ask_free(um_ask *ask) {
    um_options_free(ask->options);
    free(ask->messages);
    json_decref(ask->owned);
    json_decref(ask->body);
    *ask = (um_ask){0};
}

um_status um_ask_keep(um_ask *ask, const um_buffer *text, const char **kept, um_error *error) {
    json_t *string = json_stringn(um_buffer_text(text), text->length);
    if (!string || json_array_append_new(ask->owned, string) != 0) {
        return um_error_memory(error, "request", text->length);
    }
    *kept = json_string_value(string);
    return UM_OK;
}

bool um_ask_ends_with_answer(const um_ask *ask) {
    for (size_t i = 0; i < ask->suffix_length; i++) {
        if (!memchr(" \t\r\n", ask->suffix[i], 4)) {
            return false;
        }
    }
    return true;
}

/* ---- Options of decoding ------------------------------------------------------ */

/* A string that reads the same as a C string: no NUL is inside. */
static bool is_plain_string(const json_t *value) {
    return json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value);
}

/* A JSON value as the text of an option. */
static um_status set_option(um_ask *ask, const char *name, const json_t *value, um_error *error) {
    char number[32];
    const char *text = number;
    if (is_plain_string(value)) {
        text = json_string_value(value);
    } else if (json_is_boolean(value)) {
        text = json_is_true(value) ? "true" : "false";
    } else if (json_is_integer(value)) {
        (void)snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        (void)snprintf(number, sizeof number, "%.17g", json_real_value(value));
    } else {
        return UM_RAISE(error, UM_ERR_ARGUMENT, WHERE ": \"%s\" must be a number or a string",
                        name);
    }
    const um_status status = um_options_set(ask->options, name, text, error);
    return status == UM_OK ? UM_OK : um_error_prefix(error, status, WHERE);
}

static um_status read_option(um_ask *ask, const char *name, um_error *error) {
    const json_t *value = json_object_get(ask->body, name);
    return value && !json_is_null(value) ? set_option(ask, name, value, error) : UM_OK;
}

/* Everything that `unmask generate` has an option for, under the names it has in a trace. */
static um_status read_own_options(um_ask *ask, um_error *error) {
    json_t *own = json_object_get(ask->body, "unmask");
    if (!own || json_is_null(own)) {
        return UM_OK;
    }
    if (!json_is_object(own)) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        WHERE ": \"unmask\" must be an object of decoding options");
    }
    const char *name;
    json_t *value;
    json_object_foreach (own, name, value) {
        if (strcmp(name, "seed") != 0) { /* read with that of the request */
            UM_TRY(set_option(ask, name, value, error));
        }
    }
    return UM_OK;
}

/* The seed of the request, else that of the server, else one that is drawn. */
static um_status read_seed(um_ask *ask, const char *server_seed, um_error *error) {
    const json_t *own = json_object_get(json_object_get(ask->body, "unmask"), "seed");
    const json_t *given = own ? own : json_object_get(ask->body, "seed");
    if (json_is_integer(given)) {
        if (json_integer_value(given) >= 0) {
            ask->seed = (unsigned long long)json_integer_value(given);
        }
    } else if (given && !json_is_null(given)) {
        return UM_RAISE(error, UM_ERR_FORMAT, WHERE ": \"seed\" must be an integer");
    } else if (server_seed) {
        ask->seed = strtoull(server_seed, NULL, 10);
    }
    if (ask->seed > INT64_MAX) {
        return UM_RAISE(error, UM_ERR_LIMIT, "seed: %llu is too large to be told in a reply",
                        ask->seed);
    }
    char text[32];
    (void)snprintf(text, sizeof text, "%llu", ask->seed);
    return um_options_set(ask->options, "seed", text, error);
}

static um_status add_stop(um_ask *ask, const json_t *stop, um_error *error) {
    if (!is_plain_string(stop)) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        WHERE ": \"stop\" must be a string or an array of strings, without NUL");
    }
    if (json_string_length(stop) == 0) {
        return UM_OK;
    }
    if (ask->stop_count == UM_ASK_STOPS_MAXIMUM) {
        return UM_RAISE(error, UM_ERR_LIMIT, WHERE ": more than %d stop sequences",
                        UM_ASK_STOPS_MAXIMUM);
    }
    ask->stops[ask->stop_count++] = json_string_value(stop);
    return UM_OK;
}

static um_status read_stops(um_ask *ask, um_error *error) {
    const json_t *stop = json_object_get(ask->body, "stop");
    if (!stop || json_is_null(stop)) {
        return UM_OK;
    }
    if (!json_is_array(stop)) {
        return add_stop(ask, stop, error);
    }
    for (size_t i = 0; i < json_array_size(stop); i++) {
        UM_TRY(add_stop(ask, json_array_get(stop, i), error));
    }
    return UM_OK;
}

um_status um_ask_read_options(um_ask *ask, const um_serve_setting *settings, size_t count,
                              um_error *error) {
    UM_TRY(um_options_create(&ask->options, error));
    const char *server_seed = NULL;
    for (size_t i = 0; i < count; i++) {
        UM_TRY(um_options_set(ask->options, settings[i].name, settings[i].text, error));
        if (strcmp(settings[i].name, "seed") == 0) {
            server_seed = settings[i].text;
        }
    }
    UM_TRY(read_option(ask, "temperature", error));
    UM_TRY(read_option(ask, "top_p", error));
    UM_TRY(read_option(ask, "top_k", error));
    UM_TRY(read_own_options(ask, error));
    UM_TRY(read_seed(ask, server_seed, error));
    UM_TRY(read_stops(ask, error));
    int64_t samples = 1;
    UM_TRY(um_json_optional_integer(ask->body, WHERE, "n", 1, UM_ASK_SAMPLES_MAXIMUM, &samples,
                                    error));
    ask->samples = (size_t)samples;
    return um_json_optional_bool(ask->body, WHERE, "stream", &ask->stream, error);
}

/* ---- Other members --------------------------------------------------------------- */

um_status um_ask_read_length(um_ask *ask, const char *const *names, size_t count, um_error *error) {
    for (size_t i = 0; i < count; i++) {
        int64_t length = -1;
        UM_TRY(um_json_optional_integer(ask->body, WHERE, names[i], -1, INT64_MAX, &length, error));
        if (length >= 0) {
            ask->length = (size_t)length;
            ask->is_empty = length == 0;
            return UM_OK;
        }
    }
    return UM_OK;
}

um_status um_ask_refuse(const um_ask *ask, const char *name, um_error *error) {
    const json_t *value = json_object_get(ask->body, name);
    if (!value || json_is_null(value) || json_is_false(value) ||
        (json_is_number(value) && json_number_value(value) == 0) ||
        (json_is_string(value) && json_string_length(value) == 0) ||
        (json_is_array(value) && json_array_size(value) == 0) ||
        (json_is_object(value) && json_object_size(value) == 0)) {
        return UM_OK;
    }
    return UM_RAISE(error, UM_ERR_UNSUPPORTED,
                    WHERE ": \"%s\" is not supported by this server; leave it out", name);
}
