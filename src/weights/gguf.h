/* GGUF files, read-only: metadata and tensors (https://github.com/ggml-org/ggml/blob/master/docs/
 * gguf.md, versions 2 and 3, little-endian).
 *
 * A file is "GGUF", a version, the numbers of tensors and of metadata entries, the entries (key,
 * type, value), a description of each tensor (name, extents, type, offset), and, from the next
 * multiple of general.alignment on, the data.  Only tensor names are copied; strings and arrays are
 * views into the file. */
#ifndef UM_WEIGHTS_GGUF_H
#define UM_WEIGHTS_GGUF_H

#include "base/mapped_file.h"
#include "tensor/tensor.h"

/* How deep arrays of arrays may be nested. */
#define UM_GGUF_MAXIMUM_DEPTH 4

/* Enumerator, the number in the file, name, bytes (0: strings and arrays have no fixed size). */
#define UM_GGUF_TYPE_LIST(X)                                                                       \
    X(UM_GGUF_UINT8, 0, "an 8-bit integer", 1)                                                     \
    X(UM_GGUF_INT8, 1, "an 8-bit integer", 1)                                                      \
    X(UM_GGUF_UINT16, 2, "a 16-bit integer", 2)                                                    \
    X(UM_GGUF_INT16, 3, "a 16-bit integer", 2)                                                     \
    X(UM_GGUF_UINT32, 4, "a 32-bit integer", 4)                                                    \
    X(UM_GGUF_INT32, 5, "a 32-bit integer", 4)                                                     \
    X(UM_GGUF_FLOAT32, 6, "a number", 4)                                                           \
    X(UM_GGUF_BOOL, 7, "a boolean", 1)                                                             \
    X(UM_GGUF_STRING, 8, "a string", 0)                                                            \
    X(UM_GGUF_ARRAY, 9, "an array", 0)                                                             \
    X(UM_GGUF_UINT64, 10, "a 64-bit integer", 8)                                                   \
    X(UM_GGUF_INT64, 11, "a 64-bit integer", 8)                                                    \
    X(UM_GGUF_FLOAT64, 12, "a number", 8)

typedef enum um_gguf_type {
#define UM_GGUF_TYPE_ENUMERATOR(name, number, text, bytes) name = number,
    UM_GGUF_TYPE_LIST(UM_GGUF_TYPE_ENUMERATOR)
#undef UM_GGUF_TYPE_ENUMERATOR
} um_gguf_type;

/* Bytes in the file: not NUL-terminated, not necessarily UTF-8. */
typedef struct um_gguf_string {
    const char *text;
    size_t length;
} um_gguf_string;

/* A metadata entry. */
typedef struct um_gguf_entry {
    um_gguf_string key;
    um_gguf_type type;
    um_gguf_type element_type; /* of an array */
    size_t count;              /* elements of an array, else 1 */
    const uint8_t *data;       /* the value, or the first element */
    size_t bytes;              /* of the value, or of all elements */
} um_gguf_entry;

/* A tensor.  Types outside UM_DTYPE_LIST are described but cannot be used. */
typedef struct um_gguf_tensor {
    char *name;             /* owned by the file; NUL-terminated */
    const char *dtype_name; /* static text, such as "Q4_K" or "IQ2_XS" */
    bool supported;         /* the type is in UM_DTYPE_LIST; `dtype` is set */
    um_dtype dtype;
    size_t rank;
    size_t shape[UM_TENSOR_MAXIMUM_RANK]; /* outermost first, the reverse of the file's order */
    size_t begin;                         /* of the data, in bytes from the start of the file */
    size_t bytes;
} um_gguf_tensor;

typedef struct um_gguf {
    um_gguf_entry *entries; /* [entry_count], sorted by key; owned */
    size_t entry_count;
    um_gguf_tensor *tensors; /* [tensor_count], in the order of the file; owned */
    size_t tensor_count;
    size_t alignment;
    size_t data_begin;
    uint32_t version;
} um_gguf;

/* Whether `path` is treated as a GGUF file: it is a regular file, or nothing is there and it ends
 * in ".gguf". */
bool um_gguf_is_path(const char *path);

/* Parse and check a file of `size` bytes.  Every view and tensor lies inside it, no tensors
 * overlap, no key or name occurs twice.  Errors say where; UM_ERR_FORMAT for what the format
 * forbids, UM_ERR_UNSUPPORTED for another version or byte order, UM_ERR_LIMIT for a rank above 4 or
 * arrays that are too deep. */
um_status um_gguf_parse(const uint8_t *data, size_t size, um_gguf *file, um_error *error);

void um_gguf_free(um_gguf *file);

/* A file that is mapped for its metadata. */
typedef struct um_gguf_file {
    um_mapped_file mapping;
    um_gguf contents;
} um_gguf_file;

/* Map and parse the file at `path`; error messages begin with `path`. */
um_status um_gguf_open(const char *path, um_gguf_file *file, um_error *error);
void um_gguf_close(um_gguf_file *file);

/* ---- Metadata ------------------------------------------------------------ */

const um_gguf_entry *um_gguf_find(const um_gguf *file, const char *key);

/* A `require` getter fails if the key is missing; an `optional` one then leaves *out alone.  Both
 * fail with UM_ERR_FORMAT on another type or a value out of range. */
um_status um_gguf_require_integer(const um_gguf *file, const char *key, int64_t minimum,
                                  int64_t maximum, int64_t *out, um_error *error);
um_status um_gguf_optional_integer(const um_gguf *file, const char *key, int64_t minimum,
                                   int64_t maximum, int64_t *out, um_error *error);
um_status um_gguf_require_number(const um_gguf *file, const char *key, double *out,
                                 um_error *error);
um_status um_gguf_optional_bool(const um_gguf *file, const char *key, bool *out, um_error *error);
um_status um_gguf_require_string(const um_gguf *file, const char *key, um_gguf_string *out,
                                 um_error *error);
um_status um_gguf_optional_string(const um_gguf *file, const char *key, um_gguf_string *out,
                                  um_error *error);
/* An array whose elements have the type `element`; *out is NULL if the key is missing. */
um_status um_gguf_optional_array(const um_gguf *file, const char *key, um_gguf_type element,
                                 const um_gguf_entry **out, um_error *error);

bool um_gguf_string_is(um_gguf_string string, const char *text);

/* Element `index` of an array of integers, or, with index 0, the value of an integer entry. */
int64_t um_gguf_integer_at(const um_gguf_entry *entry, size_t index);

/* The next string of an array; *at moves past it.  Start with entry->data and call entry->count
 * times. */
um_gguf_string um_gguf_next_string(const uint8_t **at);

/* ---- Element types ------------------------------------------------------- */

/* Facts about the element type that files give as `number`; false if the number is unknown. */
bool um_gguf_dtype(uint32_t number, const char **name, size_t *block_elements, size_t *block_bytes);
/* The number that files give for `dtype`. */
uint32_t um_gguf_dtype_number(um_dtype dtype);

#endif
