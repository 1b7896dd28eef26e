/* The tokenizer of a model to the metadata of a GGUF file. */
#ifndef UM_TOKENIZER_GGUF_EXPORT_H
#define UM_TOKENIZER_GGUF_EXPORT_H

#include "weights/gguf_writer.h"

/* Put the tokenizer of `model` (a directory or a GGUF file) for an embedding of `vocabulary_size`
 * rows: tokenizer.ggml.* as llama.cpp reads them, but for the ids of special tokens, which the
 * model's config knows; and the whole of the two Hugging Face files, which say more
 * (gguf_files.h).  A model without a tokenizer gets the metadata that say so.
 *
 * *named is false where no name of a pre-tokenizer says how this one cuts text: the file then
 * names "default", and other software will cut differently.
 * UM_ERR_MISMATCH where the tokenizer has more ids than the embedding has rows. */
um_status um_tokenizer_to_gguf(const char *model, size_t vocabulary_size, um_gguf_writer *writer,
                               bool *named, um_error *error);

#endif
