/* The tokenizer of a Hugging Face directory as JSON trees, whichever files it consists of. */
#ifndef UM_TOKENIZER_EXPORT_FILES_H
#define UM_TOKENIZER_EXPORT_FILES_H

#include "base/json.h"

typedef struct um_tokenizer_tree {
    json_t *tokenizer;     /* tokenizer.json, or its equivalent */
    json_t *configuration; /* tokenizer_config.json; empty if there is none */
} um_tokenizer_tree;

/* Read tokenizer.json, or else vocab.json, merges.txt and added_tokens.json.  A chat template in a
 * file of its own becomes a member of the configuration.  Free with um_tokenizer_tree_free. */
um_status um_tokenizer_tree_read(const char *directory, um_tokenizer_tree *tree, um_error *error);

void um_tokenizer_tree_free(um_tokenizer_tree *tree);

/* Make the chat template that is in a file of its own the member "chat_template" of
 * `configuration`, the contents of tokenizer_config.json: chat_template.jinja in any case,
 * chat_template.json if the member is missing. */
um_status um_chat_template_read(const char *directory, json_t *configuration, um_error *error);

#endif
