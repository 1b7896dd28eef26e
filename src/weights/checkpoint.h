/* The tensors of a checkpoint, read-only and mapped into memory: a Hugging Face directory, that is,
 * model.safetensors or the shards that model.safetensors.index.json lists; or one GGUF file. */
#ifndef UM_WEIGHTS_CHECKPOINT_H
#define UM_WEIGHTS_CHECKPOINT_H

#include "base/buffer.h"
#include "tensor/tensor.h"

/* The weights of a Hugging Face directory: one file, or an index of several. */
#define UM_CHECKPOINT_FILE "model.safetensors"
#define UM_CHECKPOINT_INDEX_FILE "model.safetensors.index.json"

typedef struct um_checkpoint um_checkpoint;

/* A tensor as it is stored in a file.  All pointers belong to the checkpoint. */
typedef struct um_stored_tensor {
    const char *name;
    const char *file;       /* file name inside the directory, or the path of the GGUF file */
    const char *dtype_name; /* as the file says, such as "BF16" or "I64" */
    bool supported;         /* whether um_tensor can hold the type; if not, `tensor` has no data */
    um_tensor tensor;       /* data aligned to its element size */
    size_t bytes;
} um_stored_tensor;

/* Map and check all files of `path`: a directory, or a GGUF file.  The tensors stay valid until
 * um_checkpoint_close.  UM_ERR_IO for missing files, UM_ERR_FORMAT for malformed ones,
 * UM_ERR_MISMATCH if index and shards disagree or two shards contain the same tensor. */
um_status um_checkpoint_open(const char *path, um_checkpoint **checkpoint, um_error *error);

/* Called with each problem of a checkpoint; its message is one line. */
typedef void um_checkpoint_problem(void *user, const um_error *problem);

/* Like um_checkpoint_open, but files that cannot be used are reported and left out, so that the
 * rest can be examined.  Fails only if memory runs out or a path is too long. */
um_status um_checkpoint_open_partly(const char *path, um_checkpoint_problem *problem, void *user,
                                    um_checkpoint **checkpoint, um_error *error);

void um_checkpoint_close(um_checkpoint *checkpoint);

/* The tensors in ascending order of their names (bytes). */
size_t um_checkpoint_count(const um_checkpoint *checkpoint);
const um_stored_tensor *um_checkpoint_entry(const um_checkpoint *checkpoint, size_t index);

/* The tensor called `name`, whatever its type; NULL when there is none. */
const um_stored_tensor *um_checkpoint_lookup(const um_checkpoint *checkpoint, const char *name);

/* Fill *tensor with the tensor called `name`.  False, with *tensor untouched, when there is none
 * or its type is not in UM_DTYPE_LIST. */
bool um_checkpoint_find(const um_checkpoint *checkpoint, const char *name, um_tensor *tensor);

/* The path that was opened. */
const char *um_checkpoint_path(const um_checkpoint *checkpoint);

/* Release the memory of the `bytes` bytes at `data` if they lie in one of the mapped files
 * (um_mapped_bytes_release); otherwise do nothing. */
void um_checkpoint_release(const um_checkpoint *checkpoint, const void *data, size_t bytes);

/* Append a line with the path, size and modification time of each file: the text changes when a
 * file is replaced. */
um_status um_checkpoint_describe_files(const um_checkpoint *checkpoint, um_buffer *text,
                                       um_error *error);

/* Whether the checkpoint is a GGUF file; its tensors then have GGUF names. */
bool um_checkpoint_is_gguf(const um_checkpoint *checkpoint);

#endif
