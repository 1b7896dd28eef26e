#include "weights/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/memory.h"

#define LENGTH_BYTES 8

/* Element types of the format and their width in bits; some types pack several elements into a
 * byte. */
static const struct {
    const char *name;
    size_t bits;
} stored_types[] = {
    {"F32", 32},        {"F16", 16},        {"BF16", 16},   {"F64", 64},    {"F8_E4M3", 8},
    {"F8_E5M2", 8},     {"I8", 8},          {"U8", 8},      {"I16", 16},    {"U16", 16},
    {"I32", 32},        {"U32", 32},        {"I64", 64},    {"U64", 64},    {"BOOL", 8},
    {"C64", 64},        {"F4", 4},          {"F8_E8M0", 8}, {"F6_E2M3", 6}, {"F6_E3M2", 6},
    {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8},
};

static um_status find_type(const char *name, um_safetensors_entry *entry, size_t *bits,
                           um_error *error) {
    for (size_t i = 0; i < sizeof stored_types / sizeof *stored_types; i++) {
        if (strcmp(stored_types[i].name, name) == 0) {
            entry->dtype_name = stored_types[i].name;
            entry->supported = um_dtype_from_name(name, &entry->dtype);
            *bits = stored_types[i].bits;
            return UM_OK;
        }
    }
    return UM_RAISE(error, UM_ERR_FORMAT, "unknown dtype \"%.40s\"", name);
}

/* A non-negative JSON integer as a size. */
static bool size_value(const json_t *value, size_t *out) {
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return false;
    }
    const uint64_t number = (uint64_t)json_integer_value(value);
    if (number > SIZE_MAX) {
        return false;
    }
    *out = (size_t)number;
    return true;
}

static um_status parse_shape(const json_t *shape, um_safetensors_entry *entry, um_error *error) {
    if (!json_is_array(shape)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "\"shape\" is not an array");
    }
    if (json_array_size(shape) > UM_TENSOR_MAXIMUM_RANK) {
        return UM_RAISE(error, UM_ERR_LIMIT, "rank %zu, at most %d is supported",
                        json_array_size(shape), UM_TENSOR_MAXIMUM_RANK);
    }
    entry->rank = json_array_size(shape);
    for (size_t i = 0; i < entry->rank; i++) {
        if (!size_value(json_array_get(shape, i), &entry->shape[i])) {
            return UM_RAISE(error, UM_ERR_FORMAT, "\"shape\" holds something else than sizes");
        }
    }
    return UM_OK;
}

/* Bytes of the entry's elements; false if that overflows or is not a whole number of bytes. */
static bool stored_bytes(const um_safetensors_entry *entry, size_t bits, size_t *bytes) {
    size_t total = bits;
    for (size_t i = 0; i < entry->rank; i++) {
        if (!um_size_multiply(total, entry->shape[i], &total)) {
            return false;
        }
    }
    *bytes = total / 8;
    return total % 8 == 0;
}

/* Offsets in the file count from the end of the header at `data_begin`. */
static um_status parse_offsets(const json_t *offsets, size_t data_begin, size_t data_size,
                               size_t bits, um_safetensors_entry *entry, um_error *error) {
    size_t begin = 0;
    size_t end = 0;
    if (!json_is_array(offsets) || json_array_size(offsets) != 2 ||
        !size_value(json_array_get(offsets, 0), &begin) ||
        !size_value(json_array_get(offsets, 1), &end)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "\"data_offsets\" is not a pair of sizes");
    }
    if (begin > end || end > data_size) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "data_offsets [%zu, %zu] lie outside the %zu data bytes of the file", begin,
                        end, data_size);
    }
    size_t bytes = 0;
    if (!stored_bytes(entry, bits, &bytes)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "the size of its shape is not a number of bytes");
    }
    if (bytes != end - begin) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "data_offsets hold %zu bytes, type and shape need %zu", end - begin, bytes);
    }
    entry->begin = data_begin + begin;
    entry->bytes = bytes;
    return UM_OK;
}

static um_status parse_entry(const json_t *object, size_t data_begin, size_t data_size,
                             um_safetensors_entry *entry, um_error *error) {
    const char *type = json_string_value(json_object_get(object, "dtype"));
    if (!type) {
        return UM_RAISE(error, UM_ERR_FORMAT, "no \"dtype\" string");
    }
    size_t bits = 0;
    UM_TRY(find_type(type, entry, &bits, error));
    UM_TRY(parse_shape(json_object_get(object, "shape"), entry, error));
    return parse_offsets(json_object_get(object, "data_offsets"), data_begin, data_size, bits,
                         entry, error);
}

static um_status parse_entries(const json_t *root, size_t data_begin, size_t data_size,
                               um_safetensors_header *header, um_error *error) {
    UM_TRY(um_allocate(&header->entries, json_object_size(root), sizeof *header->entries,
                       "tensor list", error));
    const char *name = NULL;
    json_t *object = NULL;
    json_object_foreach ((json_t *)(uintptr_t)root, name, object) {
        if (strcmp(name, "__metadata__") == 0) {
            continue;
        }
        um_safetensors_entry *entry = &header->entries[header->count];
        const um_status status = parse_entry(object, data_begin, data_size, entry, error);
        if (status != UM_OK) {
            return um_error_prefix(error, status, "tensor %.120s", name);
        }
        entry->name = strdup(name);
        if (!entry->name) {
            return um_error_memory(error, "tensor name", strlen(name) + 1);
        }
        header->count++;
    }
    return UM_OK;
}

static int compare_places(const void *left, const void *right) {
    const um_safetensors_entry *a = left;
    const um_safetensors_entry *b = right;
    if (a->begin != b->begin) {
        return a->begin < b->begin ? -1 : 1;
    }
    if (a->bytes != b->bytes) {
        return a->bytes < b->bytes ? -1 : 1;
    }
    return strcmp(a->name, b->name);
}

/* The tensors must cover the data exactly once. */
static um_status check_coverage(um_safetensors_header *header, size_t data_begin, size_t file_size,
                                um_error *error) {
    if (header->count > 0) {
        qsort(header->entries, header->count, sizeof *header->entries, compare_places);
    }
    size_t end = data_begin;
    for (size_t i = 0; i < header->count; i++) {
        const um_safetensors_entry *entry = &header->entries[i];
        if (entry->begin != end) {
            return UM_RAISE(error, UM_ERR_FORMAT, "tensor %.120s: %s the tensor before it",
                            entry->name,
                            entry->begin < end ? "its data overlaps" : "unused bytes after");
        }
        end = entry->begin + entry->bytes;
    }
    if (end != file_size) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%zu bytes after the last tensor", file_size - end);
    }
    return UM_OK;
}

static um_status check_metadata(const json_t *root, um_error *error) {
    json_t *metadata = json_object_get(root, "__metadata__");
    if (metadata && !json_is_object(metadata)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "\"__metadata__\" is not an object");
    }
    return UM_OK;
}

static um_status parse_json(const char *text, size_t length, size_t file_size,
                            um_safetensors_header *header, um_error *error) {
    if (length == 0 || text[0] != '{') {
        return UM_RAISE(error, UM_ERR_FORMAT, "the header is not a JSON object");
    }
    json_error_t problem;
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &problem);
    if (!root) {
        return UM_RAISE(error, UM_ERR_FORMAT, "header byte %d: %s", problem.position, problem.text);
    }
    const size_t data_begin = LENGTH_BYTES + length;
    um_status status = check_metadata(root, error);
    if (status == UM_OK) {
        status = parse_entries(root, data_begin, file_size - data_begin, header, error);
    }
    if (status == UM_OK) {
        status = check_coverage(header, data_begin, file_size, error);
    }
    json_decref(root);
    return status;
}

um_status um_safetensors_parse(const uint8_t *data, size_t size, size_t file_size,
                               um_safetensors_header *header, um_error *error) {
    *header = (um_safetensors_header){0};
    if (size < LENGTH_BYTES || file_size < LENGTH_BYTES) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%zu bytes are too few for a safetensors file",
                        file_size);
    }
    uint64_t length = 0;
    for (size_t i = LENGTH_BYTES; i > 0; i--) {
        length = length << 8 | data[i - 1];
    }
    if (length > UM_SAFETENSORS_HEADER_MAXIMUM) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "header of %llu bytes, at most %zu are allowed (is it a safetensors file?)",
                        (unsigned long long)length, UM_SAFETENSORS_HEADER_MAXIMUM);
    }
    if (length > size - LENGTH_BYTES || length > file_size - LENGTH_BYTES) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "header of %llu bytes, but the file ends after %zu (is it complete?)",
                        (unsigned long long)length, file_size);
    }
    const um_status status =
        parse_json((const char *)data + LENGTH_BYTES, (size_t)length, file_size, header, error);
    if (status != UM_OK) {
        um_safetensors_header_free(header);
    }
    return status;
}

void um_safetensors_header_free(um_safetensors_header *header) {
    for (size_t i = 0; i < header->count; i++) {
        free(header->entries[i].name);
    }
    free(header->entries);
    *header = (um_safetensors_header){0};
}
