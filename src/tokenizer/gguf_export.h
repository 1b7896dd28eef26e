/* Writes the tokenizer of a model to the metadata of a GGUF file. */
#ifndef UM_TOKENIZER_GGUF_EXPORT_H
#define UM_TOKENIZER_GGUF_EXPORT_H

#include "weights/gguf_writer.h"

/* Put the tokenizer of `model` (a directory or a GGUF file) for an embedding of `vocabulary_size`
 * rows: tokenizer.ggml.* as llama.cpp reads them, except for the ids of special tokens, which come
 * from the model's config; and the two complete Hugging Face files, which contain more
 * (gguf_files.h).  If the model has no tokenizer, the metadata say so.
 *
 * *named is false if no known name of a pre-tokenizer describes how this one splits text: the file
 * then names "default", and other software will split differently.  UM_ERR_UNSUPPORTED if GGUF has
 * no form for one of its settings, UM_ERR_MISMATCH if the tokenizer has more ids than the embedding
 * has rows. */
um_status um_tokenizer_to_gguf(const char *model, size_t vocabulary_size, um_gguf_writer *writer,
                               bool *named, um_error *error);

#endif
