#include "weights/gguf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "base/text.h"
#include "weights/gguf_internal.h"

#define MAGIC "GGUF"
#define DEFAULT_ALIGNMENT 32
#define ALIGNMENT_MAXIMUM (1 << 20)

/* The format's limit for keys; applied to tensor names as well. */
#define KEY_MAXIMUM 65535

/* Minimum sizes of a metadata entry and of a tensor description; they bound how many a file can
 * hold. */
#define ENTRY_BYTES (8 + 4 + 1)
#define TENSOR_BYTES (8 + 4 + 8 + 4 + 8)

bool um_gguf_is_path(const char *path) {
    struct stat information;
    if (stat(path, &information) == 0) {
        return S_ISREG(information.st_mode);
    }
    return um_text_ends_with(path, ".gguf");
}

uint64_t um_gguf_unsigned(const uint8_t *data, size_t bytes) {
    uint64_t value = 0;
    for (size_t i = bytes; i > 0; i--) {
        value = value << 8 | data[i - 1];
    }
    return value;
}

size_t um_gguf_type_bytes(um_gguf_type type) {
    switch (type) {
#define TYPE_CASE(name, number, text, bytes)                                                       \
    case name:                                                                                     \
        return bytes;
        UM_GGUF_TYPE_LIST(TYPE_CASE)
#undef TYPE_CASE
    }
    return 0;
}

int um_gguf_compare_strings(um_gguf_string left, um_gguf_string right) {
    const size_t shorter = left.length < right.length ? left.length : right.length;
    const int order = shorter > 0 ? memcmp(left.text, right.text, shorter) : 0;
    if (order != 0) {
        return order;
    }
    return left.length < right.length ? -1 : left.length > right.length;
}

/* ---- Bytes --------------------------------------------------------------- */

/* The file and how far it has been read. */
typedef struct cursor {
    const uint8_t *data;
    size_t size;
    size_t at;
    um_error *error;
} cursor;

static um_status ends_early(const cursor *from, const char *what) {
    return UM_RAISE(from->error, UM_ERR_FORMAT,
                    "byte %zu: the file ends inside %s (is it complete?)", from->at, what);
}

static um_status skip(cursor *from, uint64_t bytes, const char *what) {
    if (bytes > from->size - from->at) {
        return ends_early(from, what);
    }
    from->at += (size_t)bytes;
    return UM_OK;
}

static um_status read_unsigned(cursor *from, size_t bytes, const char *what, uint64_t *out) {
    const uint8_t *data = from->data + from->at;
    UM_TRY(skip(from, bytes, what));
    *out = um_gguf_unsigned(data, bytes);
    return UM_OK;
}

static um_status read_string(cursor *from, const char *what, um_gguf_string *out) {
    uint64_t length = 0;
    UM_TRY(read_unsigned(from, 8, what, &length));
    const char *text = (const char *)from->data + from->at;
    UM_TRY(skip(from, length, what));
    *out = (um_gguf_string){text, (size_t)length};
    return UM_OK;
}

/* A key or a name: within the format's limit, and without NUL, which would truncate it. */
static um_status read_name(cursor *from, const char *what, um_gguf_string *out) {
    const size_t at = from->at;
    UM_TRY(read_string(from, what, out));
    if (out->length == 0 || out->length > KEY_MAXIMUM || memchr(out->text, '\0', out->length)) {
        return UM_RAISE(from->error, UM_ERR_FORMAT,
                        "byte %zu: %s of %zu bytes, expected 1 to %d without NUL", at, what,
                        out->length, KEY_MAXIMUM);
    }
    return UM_OK;
}

/* ---- Metadata ------------------------------------------------------------ */

static um_status read_type(cursor *from, um_gguf_type *type) {
    const size_t at = from->at;
    uint64_t number = 0;
    UM_TRY(read_unsigned(from, 4, "a metadata type", &number));
    if (number > UM_GGUF_FLOAT64) {
        return UM_RAISE(from->error, UM_ERR_FORMAT, "byte %zu: %llu is not a metadata type", at,
                        (unsigned long long)number);
    }
    *type = (um_gguf_type)number;
    return UM_OK;
}

static um_status skip_array(cursor *from, size_t depth, um_gguf_type *element_type, size_t *count,
                            const uint8_t **data);

/* Step over `count` values of one type. */
static um_status skip_values(cursor *from, um_gguf_type type, uint64_t count, size_t depth) {
    const size_t bytes = um_gguf_type_bytes(type);
    if (bytes > 0) {
        return skip(from, count > UINT64_MAX / bytes ? UINT64_MAX : count * bytes, "a value");
    }
    for (uint64_t i = 0; i < count; i++) {
        um_gguf_string string;
        um_gguf_type inner_type = UM_GGUF_UINT8;
        size_t inner_count = 0;
        const uint8_t *inner = NULL;
        UM_TRY(type == UM_GGUF_STRING
                   ? read_string(from, "a string", &string)
                   : skip_array(from, depth + 1, &inner_type, &inner_count, &inner));
    }
    return UM_OK;
}

static um_status skip_array(cursor *from, size_t depth, um_gguf_type *element_type, size_t *count,
                            const uint8_t **data) {
    if (depth > UM_GGUF_MAXIMUM_DEPTH) {
        return UM_RAISE(from->error, UM_ERR_LIMIT, "byte %zu: arrays nested deeper than %d",
                        from->at, UM_GGUF_MAXIMUM_DEPTH);
    }
    uint64_t length = 0;
    UM_TRY(read_type(from, element_type));
    UM_TRY(read_unsigned(from, 8, "an array", &length));
    *data = from->data + from->at;
    UM_TRY(skip_values(from, *element_type, length, depth));
    *count = (size_t)length;
    return UM_OK;
}

static um_status read_entry(cursor *from, um_gguf_entry *entry) {
    UM_TRY(read_name(from, "a metadata key", &entry->key));
    UM_TRY(read_type(from, &entry->type));
    entry->count = 1;
    entry->data = from->data + from->at;
    const um_status status =
        entry->type == UM_GGUF_ARRAY
            ? skip_array(from, 1, &entry->element_type, &entry->count, &entry->data)
            : skip_values(from, entry->type, 1, 0);
    if (status != UM_OK) {
        return um_error_prefix(from->error, status, "metadata \"%.*s\"",
                               (int)(entry->key.length < 80 ? entry->key.length : 80),
                               entry->key.text);
    }
    entry->bytes = (size_t)(from->data + from->at - entry->data);
    return UM_OK;
}

static int compare_keys(const void *left, const void *right) {
    return um_gguf_compare_strings(((const um_gguf_entry *)left)->key,
                                   ((const um_gguf_entry *)right)->key);
}

static um_status read_entries(cursor *from, uint64_t count, um_gguf *file) {
    if (count > (from->size - from->at) / ENTRY_BYTES) {
        return UM_RAISE(from->error, UM_ERR_FORMAT,
                        "%llu metadata entries do not fit into a file of %zu bytes",
                        (unsigned long long)count, from->size);
    }
    size_t capacity = 0; /* grows with what is read: a sparse file may claim any number */
    UM_TRY(um_grow(&file->entries, &capacity, 1, sizeof *file->entries, "metadata", from->error));
    for (; file->entry_count < count; file->entry_count++) {
        UM_TRY(um_grow(&file->entries, &capacity, file->entry_count + 1, sizeof *file->entries,
                       "metadata", from->error));
        file->entries[file->entry_count] = (um_gguf_entry){0};
        UM_TRY(read_entry(from, &file->entries[file->entry_count]));
    }
    qsort(file->entries, file->entry_count, sizeof *file->entries, compare_keys);
    for (size_t i = 1; i < file->entry_count; i++) {
        if (compare_keys(&file->entries[i - 1], &file->entries[i]) == 0) {
            return UM_RAISE(from->error, UM_ERR_FORMAT, "metadata \"%.*s\" is there twice",
                            (int)file->entries[i].key.length, file->entries[i].key.text);
        }
    }
    return UM_OK;
}

static um_status read_alignment(um_gguf *file, um_error *error) {
    int64_t alignment = DEFAULT_ALIGNMENT;
    UM_TRY(um_gguf_optional_integer(file, "general.alignment", 1, ALIGNMENT_MAXIMUM, &alignment,
                                    error));
    if ((alignment & (alignment - 1)) != 0) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "metadata \"general.alignment\" is %lld, expected a power of two",
                        (long long)alignment);
    }
    file->alignment = (size_t)alignment;
    return UM_OK;
}

/* ---- Tensors ------------------------------------------------------------- */

static um_status read_shape(cursor *from, um_gguf_tensor *tensor) {
    uint64_t rank = 0;
    UM_TRY(read_unsigned(from, 4, "a tensor", &rank));
    if (rank == 0 || rank > UM_TENSOR_MAXIMUM_RANK) {
        return UM_RAISE(from->error, UM_ERR_LIMIT, "rank %llu, expected 1 to %d",
                        (unsigned long long)rank, UM_TENSOR_MAXIMUM_RANK);
    }
    tensor->rank = (size_t)rank;
    for (size_t i = tensor->rank; i > 0; i--) {
        uint64_t extent = 0;
        UM_TRY(read_unsigned(from, 8, "a tensor", &extent));
        if (extent == 0 || extent > SIZE_MAX) {
            return UM_RAISE(from->error, UM_ERR_FORMAT, "an extent of %llu",
                            (unsigned long long)extent);
        }
        tensor->shape[i - 1] = (size_t)extent;
    }
    return UM_OK;
}

static um_status measure(um_gguf_tensor *tensor, size_t block_elements, size_t block_bytes,
                         um_error *error) {
    const size_t row = tensor->shape[tensor->rank - 1];
    if (row % block_elements != 0) {
        return UM_RAISE(error, UM_ERR_FORMAT, "rows of %zu elements are not whole %s blocks of %zu",
                        row, tensor->dtype_name, block_elements);
    }
    size_t bytes = row / block_elements;
    bool fits = um_size_multiply(bytes, block_bytes, &bytes);
    size_t elements = row;
    for (size_t i = 0; i + 1 < tensor->rank && fits; i++) {
        fits = um_size_multiply(bytes, tensor->shape[i], &bytes) &&
               um_size_multiply(elements, tensor->shape[i], &elements);
    }
    tensor->bytes = bytes;
    return fits ? UM_OK : UM_RAISE(error, UM_ERR_FORMAT, "a shape of more bytes than there can be");
}

static um_status read_tensor_type(cursor *from, um_gguf_tensor *tensor) {
    uint64_t number = 0;
    size_t elements = 0;
    size_t bytes = 0;
    UM_TRY(read_unsigned(from, 4, "a tensor", &number));
    if (!um_gguf_dtype((uint32_t)number, &tensor->dtype_name, &elements, &bytes)) {
        return UM_RAISE(from->error, UM_ERR_UNSUPPORTED,
                        "element type %llu is not known; F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q5_K "
                        "and Q6_K can be used",
                        (unsigned long long)number);
    }
    tensor->supported = um_dtype_from_name(tensor->dtype_name, &tensor->dtype);
    return measure(tensor, elements, bytes, from->error);
}

/* Read all but the name; until place_tensors, `begin` counts from the start of the data. */
static um_status read_description(cursor *from, size_t alignment, um_gguf_tensor *tensor) {
    UM_TRY(read_shape(from, tensor));
    UM_TRY(read_tensor_type(from, tensor));
    uint64_t offset = 0;
    UM_TRY(read_unsigned(from, 8, "a tensor", &offset));
    if (offset > from->size || offset % alignment != 0) {
        return UM_RAISE(from->error, UM_ERR_FORMAT,
                        "offset %llu is not a multiple of %zu inside the file",
                        (unsigned long long)offset, alignment);
    }
    tensor->begin = (size_t)offset;
    return UM_OK;
}

static um_status read_tensor(cursor *from, size_t alignment, um_gguf_tensor *tensor) {
    um_gguf_string name;
    UM_TRY(read_name(from, "a tensor name", &name));
    tensor->name = strndup(name.text, name.length);
    if (!tensor->name) {
        return um_error_memory(from->error, "tensor name", name.length + 1);
    }
    const um_status status = read_description(from, alignment, tensor);
    return status == UM_OK ? UM_OK
                           : um_error_prefix(from->error, status, "tensor %.120s", tensor->name);
}

static um_status read_tensors(cursor *from, uint64_t count, um_gguf *file) {
    if (count > (from->size - from->at) / TENSOR_BYTES) {
        return UM_RAISE(from->error, UM_ERR_FORMAT,
                        "%llu tensors do not fit into a file of %zu bytes",
                        (unsigned long long)count, from->size);
    }
    size_t capacity = 0;
    UM_TRY(um_grow(&file->tensors, &capacity, 1, sizeof *file->tensors, "tensors", from->error));
    while (file->tensor_count < count) {
        UM_TRY(um_grow(&file->tensors, &capacity, file->tensor_count + 1, sizeof *file->tensors,
                       "tensors", from->error));
        file->tensors[file->tensor_count] = (um_gguf_tensor){0};
        /* Counted first, so that the name of a tensor that fails is freed with the others. */
        UM_TRY(read_tensor(from, file->alignment, &file->tensors[file->tensor_count++]));
    }
    return UM_OK;
}

static um_status place_tensors(const cursor *from, um_gguf *file) {
    if (file->tensor_count == 0) {
        file->data_begin = from->size;
        return UM_OK;
    }
    const size_t begin = um_size_round_up(from->at, file->alignment);
    file->data_begin = begin;
    for (size_t i = 0; i < file->tensor_count; i++) {
        um_gguf_tensor *tensor = &file->tensors[i];
        size_t end = 0;
        if (!um_size_add(begin, tensor->begin, &tensor->begin) ||
            !um_size_add(tensor->begin, tensor->bytes, &end) || end > from->size) {
            return UM_RAISE(from->error, UM_ERR_FORMAT,
                            "tensor %.120s: its %zu bytes lie outside the file of %zu (is it "
                            "complete?)",
                            tensor->name, tensor->bytes, from->size);
        }
    }
    return UM_OK;
}

static int compare_places(const void *left, const void *right) {
    const um_gguf_tensor *a = *(const um_gguf_tensor *const *)left;
    const um_gguf_tensor *b = *(const um_gguf_tensor *const *)right;
    return a->begin < b->begin ? -1 : a->begin > b->begin;
}

static int compare_tensor_names(const void *left, const void *right) {
    return strcmp((*(const um_gguf_tensor *const *)left)->name,
                  (*(const um_gguf_tensor *const *)right)->name);
}

static um_status check_sorted(const um_gguf_tensor **order, size_t count, um_error *error) {
    qsort(order, count, sizeof *order, compare_places);
    for (size_t i = 1; i < count; i++) {
        if (order[i - 1]->begin + order[i - 1]->bytes > order[i]->begin) {
            return UM_RAISE(error, UM_ERR_FORMAT, "tensor %.120s: its data overlaps that of %.120s",
                            order[i]->name, order[i - 1]->name);
        }
    }
    qsort(order, count, sizeof *order, compare_tensor_names);
    for (size_t i = 1; i < count; i++) {
        if (strcmp(order[i - 1]->name, order[i]->name) == 0) {
            return UM_RAISE(error, UM_ERR_FORMAT, "tensor %.120s is there twice", order[i]->name);
        }
    }
    return UM_OK;
}

static um_status check_tensors(const um_gguf *file, um_error *error) {
    const um_gguf_tensor **order = NULL;
    UM_TRY(um_allocate(&order, file->tensor_count, sizeof *order, "tensor list", error));
    for (size_t i = 0; i < file->tensor_count; i++) {
        order[i] = &file->tensors[i];
    }
    const um_status status = check_sorted(order, file->tensor_count, error);
    free(order);
    return status;
}

/* ---- The whole file ------------------------------------------------------ */

static um_status read_version(cursor *from, um_gguf *file) {
    uint64_t version = 0;
    if (from->size < 4 || memcmp(from->data, MAGIC, 4) != 0) {
        return UM_RAISE(from->error, UM_ERR_FORMAT,
                        "not a GGUF file; give a GGUF file or a Hugging Face directory");
    }
    from->at = 4;
    UM_TRY(read_unsigned(from, 4, "the header", &version));
    if (version != 2 && version != 3) {
        const bool swapped = (version & 0xFFFF) == 0;
        return UM_RAISE(from->error, UM_ERR_UNSUPPORTED,
                        swapped ? "GGUF version %llu: a big-endian file; only little-endian ones "
                                  "are read"
                                : "GGUF version %llu: only 2 and 3 are read",
                        (unsigned long long)version);
    }
    file->version = (uint32_t)version;
    return UM_OK;
}

static um_status read_file(cursor *from, um_gguf *file) {
    uint64_t tensor_count = 0;
    uint64_t entry_count = 0;
    UM_TRY(read_version(from, file));
    UM_TRY(read_unsigned(from, 8, "the header", &tensor_count));
    UM_TRY(read_unsigned(from, 8, "the header", &entry_count));
    UM_TRY(read_entries(from, entry_count, file));
    UM_TRY(read_alignment(file, from->error));
    UM_TRY(read_tensors(from, tensor_count, file));
    UM_TRY(place_tensors(from, file));
    return check_tensors(file, from->error);
}

um_status um_gguf_parse(const uint8_t *data, size_t size, um_gguf *file, um_error *error) {
    *file = (um_gguf){0};
    cursor from = {.data = data, .size = size, .error = error};
    const um_status status = read_file(&from, file);
    if (status != UM_OK) {
        um_gguf_free(file);
    }
    return status;
}

void um_gguf_free(um_gguf *file) {
    for (size_t i = 0; i < file->tensor_count; i++) {
        free(file->tensors[i].name);
    }
    free(file->tensors);
    free(file->entries);
    *file = (um_gguf){0};
}

um_status um_gguf_open(const char *path, um_gguf_file *file, um_error *error) {
    *file = (um_gguf_file){0};
    UM_TRY(um_mapped_file_open(path, &file->mapping, error));
    const um_status status =
        um_gguf_parse(file->mapping.data, file->mapping.size, &file->contents, error);
    if (status != UM_OK) {
        um_gguf_close(file);
        return um_error_prefix(error, status, "%s", path);
    }
    return UM_OK;
}

void um_gguf_close(um_gguf_file *file) {
    um_gguf_free(&file->contents);
    um_mapped_file_close(&file->mapping);
}
