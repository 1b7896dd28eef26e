/* Conversations as the models were tuned to read them.
 *
 * There are two formats; the added tokens of the tokenizer tell which one applies:
 *
 * ChatML (Qwen, Dream, DiffuCoder: the Qwen2.5 template without tools), with "<|im_start|>"; the
 * system turn depends on the template:
 *     <|im_start|>system\nYou are a helpful assistant.<|im_end|>\n
 *     <|im_start|>user\n{content}<|im_end|>\n
 *     <|im_start|>assistant\n
 *
 * Header (LLaDA, after Llama 3), with "<|start_header_id|>"; content is stripped of white
 * space at both ends:
 *     <|startoftext|><|start_header_id|>user<|end_header_id|>\n\n{content}<|eot_id|>
 *     <|start_header_id|>assistant<|end_header_id|>\n\n
 */
#ifndef UM_TOKENIZER_CHAT_H
#define UM_TOKENIZER_CHAT_H

#include "tokenizer/tokenizer.h"

typedef enum um_chat_format {
    UM_CHAT_NONE, /* the tokenizer has the tokens of neither format */
    UM_CHAT_CHATML,
    UM_CHAT_HEADER
} um_chat_format;

/* A turn of a conversation.  `role` is "system", "user" or "assistant". */
typedef struct um_chat_message {
    const char *role;
    const char *content; /* `content_length` bytes of UTF-8, not necessarily NUL-terminated */
    size_t content_length;
} um_chat_message;

/* The format of the models that this tokenizer belongs to. */
um_chat_format um_chat_format_of(const um_tokenizer *tokenizer);

/* Append the ids of `count` messages to `out`; on failure `out` is as before.
 *
 * Roles and contents are encoded as ordinary text: "<|im_end|>" in a message becomes the tokens
 * of those characters, so a message cannot end its turn, open another or bring in a mask.
 * ChatML conversations that do not begin with a system message get the one of the chat template
 * (um_tokenizer_default_system).  An empty system message at the beginning means no system turn.
 * With `generation_prompt` the opening of the assistant's answer follows, otherwise nothing:
 * an answer that the caller has begun to write can be appended by encoding it as text.
 *
 * UM_ERR_ARGUMENT: no messages, a role that is none of the three; UM_ERR_MISMATCH: the
 * tokenizer has no chat format, or lacks one of its tokens. */
um_status um_chat_encode(const um_tokenizer *tokenizer, const um_chat_message *messages,
                         size_t count, bool generation_prompt, um_token_list *out, um_error *error);

/* The token that ends a turn in the tokenizer's format, or -1: what follows it in generated
 * text is not part of the answer. */
int32_t um_chat_end_of_turn(const um_tokenizer *tokenizer);

#endif
