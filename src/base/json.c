#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <utf8proc.h>

#include "base/mapped_file.h"
#include "base/utf8.h"

static bool has_byte_order_mark(const char *bytes, size_t length) {
    return length >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0;
}

/* jansson's own message would show the invisible mark. */
static um_status raise_byte_order_mark(const char *where, um_error *error) {
    return UM_RAISE(error, UM_ERR_FORMAT,
                    "%s: begins with a byte order mark; save the file as UTF-8 without one", where);
}

um_status um_json_load_bytes(const char *bytes, size_t length, const char *where, json_t **root,
                             um_error *error) {
    json_error_t problem;
    *root = json_loadb(bytes, length, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &problem);
    if (!*root && has_byte_order_mark(bytes, length)) {
        return raise_byte_order_mark(where, error);
    }
    if (!*root) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: line %d, column %d: %s", where, problem.line,
                        problem.column, problem.text);
    }
    return UM_OK;
}

um_status um_json_load_line(const char *bytes, size_t length, const char *path, size_t number,
                            um_json_line *line, um_error *error) {
    line->object = NULL;
    (void)snprintf(line->where, sizeof line->where, "%.440s: line %zu", path, number);
    while (length > 0 && memchr(" \t\r\n", bytes[length - 1], 4)) {
        length--;
    }
    if (length == 0) {
        return UM_OK;
    }
    if (length > UM_JSON_LINE_MAXIMUM) {
        return UM_RAISE(error, UM_ERR_LIMIT, "%s: %zu bytes, at most %zu are read", line->where,
                        length, UM_JSON_LINE_MAXIMUM);
    }
    json_error_t problem;
    line->object = json_loadb(bytes, length, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &problem);
    if (!line->object && has_byte_order_mark(bytes, length)) {
        return raise_byte_order_mark(line->where, error);
    }
    if (!line->object) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s, column %d: %s", line->where, problem.column,
                        problem.text);
    }
    if (!json_is_object(line->object)) {
        json_decref(line->object);
        line->object = NULL;
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: not a JSON object", line->where);
    }
    return UM_OK;
}

um_status um_json_load_file(const char *path, json_t **root, um_error *error) {
    *root = NULL;
    struct stat facts;
    if (stat(path, &facts) == 0 && !S_ISREG(facts.st_mode)) { /* a pipe could block for ever */
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: not a regular file", path);
    }
    um_buffer buffer = {0};
    um_status status = um_file_read(path, UM_JSON_FILE_MAXIMUM, &buffer, error);
    if (status == UM_OK) {
        status = um_json_load_bytes(um_buffer_text(&buffer), buffer.length, path, root, error);
    }
    um_buffer_free(&buffer);
    return status;
}

static const char *type_name(const json_t *value) {
    switch (json_typeof(value)) {
        case JSON_OBJECT:
            return "an object";
        case JSON_ARRAY:
            return "an array";
        case JSON_STRING:
            return "a string";
        case JSON_INTEGER:
            return "an integer";
        case JSON_REAL:
            return "a number";
        case JSON_TRUE:
        case JSON_FALSE:
            return "a boolean";
        case JSON_NULL:
            return "null";
    }
    return "unknown";
}

static um_status wrong_type(const char *where, const char *key, const char *wanted,
                            const json_t *value, um_error *error) {
    return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"%s\" is %s, expected %s", where, key,
                    type_name(value), wanted);
}

/* The member, or NULL if it is missing or null. */
static json_t *member(const json_t *object, const char *key) {
    json_t *value = json_object_get(object, key);
    return json_is_null(value) ? NULL : value;
}

static um_status require(const json_t *object, const char *where, const char *key, json_t **out,
                         um_error *error) {
    if (!json_is_object(object)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: not a JSON object", where);
    }
    *out = member(object, key);
    if (!*out) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"%s\" is missing", where, key);
    }
    return UM_OK;
}

um_status um_json_require_object(const json_t *object, const char *where, const char *key,
                                 json_t **out, um_error *error) {
    UM_TRY(require(object, where, key, out, error));
    return json_is_object(*out) ? UM_OK : wrong_type(where, key, "an object", *out, error);
}

um_status um_json_require_array(const json_t *object, const char *where, const char *key,
                                json_t **out, um_error *error) {
    UM_TRY(require(object, where, key, out, error));
    return json_is_array(*out) ? UM_OK : wrong_type(where, key, "an array", *out, error);
}

um_status um_json_optional_string(const json_t *object, const char *where, const char *key,
                                  const char **out, um_error *error) {
    const json_t *value = member(object, key);
    if (value && !json_is_string(value)) {
        return wrong_type(where, key, "a string", value, error);
    }
    if (value && strlen(json_string_value(value)) != json_string_length(value)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"%s\" holds a NUL character", where, key);
    }
    if (value) {
        *out = json_string_value(value);
    }
    return UM_OK;
}

um_status um_json_optional_bool(const json_t *object, const char *where, const char *key, bool *out,
                                um_error *error) {
    const json_t *value = member(object, key);
    if (value && !json_is_boolean(value)) {
        return wrong_type(where, key, "a boolean", value, error);
    }
    if (value) {
        *out = json_is_true(value);
    }
    return UM_OK;
}

um_status um_json_optional_number(const json_t *object, const char *where, const char *key,
                                  double *out, um_error *error) {
    const json_t *value = member(object, key);
    if (value && !json_is_number(value)) {
        return wrong_type(where, key, "a number", value, error);
    }
    if (value) {
        *out = json_number_value(value);
    }
    return UM_OK;
}

um_status um_json_optional_integer(const json_t *object, const char *where, const char *key,
                                   int64_t minimum, int64_t maximum, int64_t *out,
                                   um_error *error) {
    const json_t *value = member(object, key);
    if (!value) {
        return UM_OK;
    }
    if (!json_is_integer(value)) {
        return wrong_type(where, key, "an integer", value, error);
    }
    const json_int_t number = json_integer_value(value);
    if (number < minimum || number > maximum) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "%s: \"%s\" is %" JSON_INTEGER_FORMAT ", expected %lld to %lld", where, key,
                        number, (long long)minimum, (long long)maximum);
    }
    *out = number;
    return UM_OK;
}

um_status um_json_require_string(const json_t *object, const char *where, const char *key,
                                 const char **out, um_error *error) {
    json_t *value = NULL;
    UM_TRY(require(object, where, key, &value, error));
    return um_json_optional_string(object, where, key, out, error);
}

um_status um_json_require_id(const json_t *object, const char *where, const char *key,
                             char number[24], const char **out, um_error *error) {
    const json_t *id = json_object_get(object, key);
    if (!json_is_integer(id)) {
        return um_json_require_string(object, where, key, out, error);
    }
    (void)snprintf(number, 24, "%" JSON_INTEGER_FORMAT, json_integer_value(id));
    *out = number;
    return UM_OK;
}

um_status um_json_require_bool(const json_t *object, const char *where, const char *key, bool *out,
                               um_error *error) {
    json_t *value = NULL;
    UM_TRY(require(object, where, key, &value, error));
    return um_json_optional_bool(object, where, key, out, error);
}

um_status um_json_require_number(const json_t *object, const char *where, const char *key,
                                 double *out, um_error *error) {
    json_t *value = NULL;
    UM_TRY(require(object, where, key, &value, error));
    return um_json_optional_number(object, where, key, out, error);
}

um_status um_json_require_integer(const json_t *object, const char *where, const char *key,
                                  int64_t minimum, int64_t maximum, int64_t *out, um_error *error) {
    json_t *value = NULL;
    UM_TRY(require(object, where, key, &value, error));
    return um_json_optional_integer(object, where, key, minimum, maximum, out, error);
}

static um_status append_escaped(um_buffer *buffer, int32_t code_point, const char *bytes,
                                size_t length, um_error *error) {
    switch (code_point) {
        case '"':
            return um_buffer_append_text(buffer, "\\\"", error);
        case '\\':
            return um_buffer_append_text(buffer, "\\\\", error);
        case '\n':
            return um_buffer_append_text(buffer, "\\n", error);
        case '\r':
            return um_buffer_append_text(buffer, "\\r", error);
        case '\t':
            return um_buffer_append_text(buffer, "\\t", error);
        default:
            break;
    }
    if (code_point < 0x20 || code_point == 0x7f) {
        return um_buffer_append_format(buffer, error, "\\u%04x", (unsigned)code_point);
    }
    return um_buffer_append(buffer, bytes, length, error);
}

const char *um_json_text(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

double um_json_number(const json_t *object, const char *key) {
    return json_number_value(json_object_get(object, key));
}

json_t *um_json_repaired(const char *bytes) {
    um_buffer text = {0};
    json_t *string = um_utf8_repair(bytes, strlen(bytes), &text, NULL) == UM_OK
                         ? json_string(um_buffer_text(&text))
                         : NULL;
    um_buffer_free(&text);
    return string;
}

um_status um_json_append_string(um_buffer *buffer, const char *text, size_t length,
                                um_error *error) {
    UM_TRY(um_buffer_append(buffer, "\"", 1, error));
    size_t at = 0;
    while (at < length) {
        utf8proc_int32_t code_point = -1;
        const utf8proc_ssize_t used = utf8proc_iterate(
            (const utf8proc_uint8_t *)text + at, (utf8proc_ssize_t)(length - at), &code_point);
        if (used <= 0) {
            UM_TRY(um_buffer_append_text(buffer, "\xEF\xBF\xBD", error));
            at++;
            continue;
        }
        UM_TRY(append_escaped(buffer, code_point, text + at, (size_t)used, error));
        at += (size_t)used;
    }
    return um_buffer_append(buffer, "\"", 1, error);
}
