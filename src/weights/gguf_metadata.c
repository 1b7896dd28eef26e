/* Typed access to the metadata of a GGUF file, which um_gguf_parse has checked. */
#include <math.h>
#include <string.h>

#include "weights/gguf.h"
#include "weights/gguf_internal.h"

static const char *type_text(um_gguf_type type) {
    switch (type) {
#define TYPE_CASE(name, number, text, bytes)                                                       \
    case name:                                                                                     \
        return text;
        UM_GGUF_TYPE_LIST(TYPE_CASE)
#undef TYPE_CASE
    }
    return "unknown";
}

static um_status wrong_type(const um_gguf_entry *entry, const char *wanted, um_error *error) {
    return UM_RAISE(error, UM_ERR_FORMAT, "metadata \"%.*s\" is %s, expected %s",
                    (int)entry->key.length, entry->key.text, type_text(entry->type), wanted);
}

static um_status missing(const char *key, um_error *error) {
    return UM_RAISE(error, UM_ERR_FORMAT, "metadata \"%s\" is missing", key);
}

const um_gguf_entry *um_gguf_find(const um_gguf *file, const char *key) {
    const um_gguf_string wanted = {key, strlen(key)};
    size_t low = 0;
    size_t high = file->entry_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = um_gguf_compare_strings(file->entries[middle].key, wanted);
        if (order == 0) {
            return &file->entries[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

/* ---- Integers ------------------------------------------------------------ */

static bool is_integer(um_gguf_type type) {
    switch (type) {
        case UM_GGUF_UINT8:
        case UM_GGUF_INT8:
        case UM_GGUF_UINT16:
        case UM_GGUF_INT16:
        case UM_GGUF_UINT32:
        case UM_GGUF_INT32:
        case UM_GGUF_UINT64:
        case UM_GGUF_INT64:
            return true;
        case UM_GGUF_FLOAT32:
        case UM_GGUF_FLOAT64:
        case UM_GGUF_BOOL:
        case UM_GGUF_STRING:
        case UM_GGUF_ARRAY:
            break;
    }
    return false;
}

/* A 64-bit unsigned value above INT64_MAX becomes INT64_MAX: no key needs one so large. */
static int64_t read_integer(um_gguf_type type, const uint8_t *data) {
    switch (type) {
        case UM_GGUF_INT8:
            return (int8_t)*data;
        case UM_GGUF_INT16:
            return (int16_t)um_gguf_unsigned(data, 2);
        case UM_GGUF_INT32:
            return (int32_t)um_gguf_unsigned(data, 4);
        case UM_GGUF_INT64:
            return (int64_t)um_gguf_unsigned(data, 8);
        default:
            break;
    }
    const uint64_t value = um_gguf_unsigned(data, um_gguf_type_bytes(type));
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

int64_t um_gguf_integer_at(const um_gguf_entry *entry, size_t index) {
    const um_gguf_type type = entry->type == UM_GGUF_ARRAY ? entry->element_type : entry->type;
    return read_integer(type, entry->data + index * um_gguf_type_bytes(type));
}

um_status um_gguf_optional_integer(const um_gguf *file, const char *key, int64_t minimum,
                                   int64_t maximum, int64_t *out, um_error *error) {
    const um_gguf_entry *entry = um_gguf_find(file, key);
    if (!entry) {
        return UM_OK;
    }
    if (!is_integer(entry->type)) {
        return wrong_type(entry, "an integer", error);
    }
    const int64_t value = um_gguf_integer_at(entry, 0);
    if (value < minimum || value > maximum) {
        return UM_RAISE(error, UM_ERR_FORMAT, "metadata \"%s\" is %lld, expected %lld to %lld", key,
                        (long long)value, (long long)minimum, (long long)maximum);
    }
    *out = value;
    return UM_OK;
}

um_status um_gguf_require_integer(const um_gguf *file, const char *key, int64_t minimum,
                                  int64_t maximum, int64_t *out, um_error *error) {
    return um_gguf_find(file, key)
               ? um_gguf_optional_integer(file, key, minimum, maximum, out, error)
               : missing(key, error);
}

/* ---- Other values -------------------------------------------------------- */

um_status um_gguf_require_number(const um_gguf *file, const char *key, double *out,
                                 um_error *error) {
    const um_gguf_entry *entry = um_gguf_find(file, key);
    if (!entry) {
        return missing(key, error);
    }
    if (entry->type == UM_GGUF_FLOAT32) {
        float value = 0;
        memcpy(&value, entry->data, sizeof value);
        *out = (double)value;
    } else if (entry->type == UM_GGUF_FLOAT64) {
        memcpy(out, entry->data, sizeof *out);
    } else if (is_integer(entry->type)) {
        *out = (double)um_gguf_integer_at(entry, 0);
    } else {
        return wrong_type(entry, "a number", error);
    }
    return isfinite(*out) ? UM_OK
                          : UM_RAISE(error, UM_ERR_FORMAT, "metadata \"%s\" is not finite", key);
}

um_status um_gguf_optional_bool(const um_gguf *file, const char *key, bool *out, um_error *error) {
    const um_gguf_entry *entry = um_gguf_find(file, key);
    if (!entry) {
        return UM_OK;
    }
    if (entry->type != UM_GGUF_BOOL) {
        return wrong_type(entry, "a boolean", error);
    }
    *out = *entry->data != 0;
    return UM_OK;
}

um_gguf_string um_gguf_next_string(const uint8_t **at) {
    const size_t length = (size_t)um_gguf_unsigned(*at, 8);
    const um_gguf_string string = {(const char *)*at + 8, length};
    *at += 8 + length;
    return string;
}

um_status um_gguf_optional_string(const um_gguf *file, const char *key, um_gguf_string *out,
                                  um_error *error) {
    const um_gguf_entry *entry = um_gguf_find(file, key);
    if (!entry) {
        return UM_OK;
    }
    if (entry->type != UM_GGUF_STRING) {
        return wrong_type(entry, "a string", error);
    }
    const uint8_t *at = entry->data;
    *out = um_gguf_next_string(&at);
    return UM_OK;
}

um_status um_gguf_require_string(const um_gguf *file, const char *key, um_gguf_string *out,
                                 um_error *error) {
    return um_gguf_find(file, key) ? um_gguf_optional_string(file, key, out, error)
                                   : missing(key, error);
}

um_status um_gguf_optional_array(const um_gguf *file, const char *key, um_gguf_type element,
                                 const um_gguf_entry **out, um_error *error) {
    *out = NULL;
    const um_gguf_entry *entry = um_gguf_find(file, key);
    if (!entry) {
        return UM_OK;
    }
    if (entry->type != UM_GGUF_ARRAY) {
        return wrong_type(entry, "an array", error);
    }
    if (entry->element_type != element) {
        return UM_RAISE(error, UM_ERR_FORMAT, "metadata \"%s\": an element is %s, expected %s", key,
                        type_text(entry->element_type), type_text(element));
    }
    *out = entry;
    return UM_OK;
}

bool um_gguf_string_is(um_gguf_string string, const char *text) {
    return string.length == strlen(text) && memcmp(string.text, text, string.length) == 0;
}
