/* Write one GGUF file (version 3, alignment 32; format as in gguf.h).
 *
 * Order of calls: create; metadata and tensors in any order; begin; the data of the tensors in the
 * order in which they were added; commit.  Freeing the writer before the commit abandons the
 * file. */
#ifndef UM_WEIGHTS_GGUF_WRITER_H
#define UM_WEIGHTS_GGUF_WRITER_H

#include "weights/gguf.h"

typedef struct um_gguf_writer um_gguf_writer;

um_status um_gguf_writer_create(um_gguf_writer **writer, um_error *error);

/* ---- Metadata; a key may be given once ------------------------------------ */

um_status um_gguf_put_uint32(um_gguf_writer *writer, const char *key, uint32_t value,
                             um_error *error);
um_status um_gguf_put_float32(um_gguf_writer *writer, const char *key, float value,
                              um_error *error);
um_status um_gguf_put_bool(um_gguf_writer *writer, const char *key, bool value, um_error *error);
um_status um_gguf_put_string(um_gguf_writer *writer, const char *key, const char *text,
                             size_t length, um_error *error);
um_status um_gguf_put_strings(um_gguf_writer *writer, const char *key, const um_gguf_string *texts,
                              size_t count, um_error *error);
um_status um_gguf_put_int32s(um_gguf_writer *writer, const char *key, const int32_t *values,
                             size_t count, um_error *error);
/* Copy an entry of another file unchanged. */
um_status um_gguf_put_entry(um_gguf_writer *writer, const um_gguf_entry *entry, um_error *error);

/* ---- Tensors -------------------------------------------------------------- */

/* `shape` is outermost first; rows are whole blocks. */
um_status um_gguf_add_tensor(um_gguf_writer *writer, const char *name, um_dtype dtype, size_t rank,
                             const size_t *shape, um_error *error);

/* Start writing the file, which will appear at `path` whole or not at all (base/atomic_file.h). */
um_status um_gguf_writer_begin(um_gguf_writer *writer, const char *path, um_error *error);

/* Write the next bytes of the current tensor, not beyond its end.  After the last byte of a tensor,
 * the next call starts the next tensor. */
um_status um_gguf_writer_write(um_gguf_writer *writer, const void *bytes, size_t length,
                               um_error *error);

/* Make the file visible; all data must have been written. */
um_status um_gguf_writer_commit(um_gguf_writer *writer, um_error *error);

/* NULL is allowed.  Without a commit nothing is left behind. */
void um_gguf_writer_free(um_gguf_writer *writer);

#endif
