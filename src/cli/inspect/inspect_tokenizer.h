/* How the tokenizer of a checkpoint fits its model: the part of an inspection that needs both. */
#ifndef UM_CLI_INSPECT_INSPECT_TOKENIZER_H
#define UM_CLI_INSPECT_INSPECT_TOKENIZER_H

#include "base/json.h"
#include "model/inspect.h"
#include "tokenizer/tokenizer.h"

/* Load the tokenizer of report->directory and add what is found to the report: a vocabulary that
 * does not match the embedding, special tokens that differ from config.json (but not the mask token
 * if the user has given it, `mask_is_given`), no known chat format.  *tokenizer is NULL if there is
 * none or it cannot be read; the caller frees it. */
um_status um_cli_inspect_tokenizer(um_inspect_report *report, bool mask_is_given,
                                   um_tokenizer **tokenizer, um_error *error);

/* Append the lines about the tokenizer; `tokenizer` may be NULL. */
um_status um_cli_tokenizer_text(const um_tokenizer *tokenizer, um_buffer *text, um_error *error);

/* The same as a JSON value, a new reference; null if `tokenizer` is NULL. */
json_t *um_cli_tokenizer_json(const um_tokenizer *tokenizer);

#endif
