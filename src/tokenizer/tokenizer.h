/* Text to token ids and back: byte-level BPE as Qwen2, Dream, DiffuCoder, LLaDA and GPT-2
 * use it, and BPE over characters in the manner of Llama 2 (sentence_pieces.h), read from the files
 * of a Hugging Face model directory.
 *
 * The ids are those of the Hugging Face tokenizers library for the same files with
 * add_special_tokens=False: post-processors (templates that add tokens around the text),
 * truncation and padding are left to the caller. */
#ifndef UM_TOKENIZER_TOKENIZER_H
#define UM_TOKENIZER_TOKENIZER_H

#include "base/buffer.h"
#include "base/status.h"
#include "tokenizer/token_list.h"

/* Immutable: any number of threads may use one at the same time. */
typedef struct um_tokenizer um_tokenizer;

/* Load the tokenizer of `model`.  For a GGUF file it comes from the metadata (gguf_files.h); for a
 * directory, from tokenizer.json if it exists, otherwise from vocab.json, merges.txt and
 * added_tokens.json; in both cases, tokenizer_config.json gives the special tokens.  vocab.json
 * does not say how text is split: tokenizer_class in tokenizer_config.json decides (GPT2*: GPT-2's
 * expression; Qwen2*, Dream* or none: Qwen2's expression and normalisation form C).
 *
 * Supported in tokenizer.json: a BPE model; normalizer NFC or none; pre_tokenizer Split (isolated),
 * Digits, ByteLevel or a sequence of them that ends in ByteLevel; decoder ByteLevel.  Or, with
 * byte_fallback and no pre_tokenizer, what sentence_pieces.h describes.  UM_ERR_UNSUPPORTED names
 * anything else; UM_ERR_FORMAT and UM_ERR_LIMIT report malformed files.  The caller frees
 * *tokenizer. */
um_status um_tokenizer_load(const char *model, um_tokenizer **tokenizer, um_error *error);

/* The same from the contents of a tokenizer.json; `where` names them in messages. */
um_status um_tokenizer_load_bytes(const char *json, size_t length, const char *where,
                                  um_tokenizer **tokenizer, um_error *error);

/* Whether `model` has a tokenizer at all, readable or not. */
bool um_tokenizer_exists(const char *model);

/* NULL is allowed. */
void um_tokenizer_free(um_tokenizer *tokenizer);

/* ---- Vocabulary ----------------------------------------------------------- */

/* One more than the largest id; ids below it may be unused. */
size_t um_tokenizer_vocabulary_size(const um_tokenizer *tokenizer);

/* The id of the token that is exactly `content`: an added token, otherwise the plain token that
 * stands for these bytes; -1 if there is none. */
int32_t um_tokenizer_id(const um_tokenizer *tokenizer, const char *content);

/* The bytes that `id` stands for (owned by the tokenizer, not NUL-terminated, possibly not UTF-8 by
 * themselves); false if no token has that id. */
bool um_tokenizer_token_bytes(const um_tokenizer *tokenizer, int32_t id, const char **bytes,
                              size_t *length);

/* Whether `id` is a control token: one that the files mark special, or that
 * tokenizer_config.json names as a special token. */
bool um_tokenizer_is_special(const um_tokenizer *tokenizer, int32_t id);

/* The tokens that tokenizer_config.json names as eos_token, pad_token, bos_token and mask_token; -1
 * if it names none, or one that the vocabulary lacks. */
int32_t um_tokenizer_eos(const um_tokenizer *tokenizer);
int32_t um_tokenizer_pad(const um_tokenizer *tokenizer);
int32_t um_tokenizer_bos(const um_tokenizer *tokenizer);
int32_t um_tokenizer_mask(const um_tokenizer *tokenizer);

/* The token whose text is `text`, or else the id below `vocabulary_size` that it spells;
 * `tokenizer` may be NULL.  UM_ERR_ARGUMENT if it is neither; `what`, such as "mask token", begins
 * the message. */
um_status um_tokenizer_find(const um_tokenizer *tokenizer, const char *what, const char *text,
                            size_t vocabulary_size, int32_t *id, um_error *error);

/* Whether the model has a chat template, that is, has been tuned for chat.  It is in
 * chat_template.jinja, else in tokenizer_config.json, else in chat_template.json. */
bool um_tokenizer_has_chat_template(const um_tokenizer *tokenizer);

/* The system text that a ChatML template gives to conversations without one: Qwen2.5's or Dream's
 * sentence, whichever the template contains; NULL if it contains neither.  Dream's if there is no
 * template. */
const char *um_tokenizer_default_system(const um_tokenizer *tokenizer);

/* ---- Text to ids ---------------------------------------------------------- */

/* Append the ids of `text` to `out`; on failure `out` is as before.
 *
 * With `parse_special`, the added tokens of the files ("<|im_end|>" ...) are recognised wherever
 * they appear in the text.  Without it none of them is, special or not: their characters are
 * ordinary text, so untrusted text cannot steer the model.
 *
 * Ill-formed UTF-8 is read as Python's bytes.decode("utf-8", errors="replace") reads it, with
 * one U+FFFD for every maximal ill-formed subpart. */
um_status um_tokenizer_encode(const um_tokenizer *tokenizer, const char *text, size_t length,
                              bool parse_special, um_token_list *out, um_error *error);

/* The same for text that follows other text, or a hole.  Tokenizers that put a space in front of
 * every text put none in front of this one: it is what um_text_stream_continue turns back. */
um_status um_tokenizer_continue(const um_tokenizer *tokenizer, const char *text, size_t length,
                                bool parse_special, um_token_list *out, um_error *error);

/* The working memory of one thread that encodes many texts: scratch space, and the ids of recent
 * pieces.  The result never depends on what was encoded before. */
typedef struct um_encoder um_encoder;

/* `tokenizer` must outlive *encoder, which the caller frees. */
um_status um_encoder_create(const um_tokenizer *tokenizer, um_encoder **encoder, um_error *error);

/* Like um_tokenizer_encode. */
um_status um_encoder_encode(um_encoder *encoder, const char *text, size_t length,
                            bool parse_special, um_token_list *out, um_error *error);

/* Like um_tokenizer_continue. */
um_status um_encoder_continue(um_encoder *encoder, const char *text, size_t length,
                              bool parse_special, um_token_list *out, um_error *error);

/* NULL is allowed. */
void um_encoder_free(um_encoder *encoder);

/* ---- Ids to text ---------------------------------------------------------- */

/* Append the text of `count` ids to `text`, as well-formed UTF-8: one U+FFFD replaces every maximal
 * ill-formed subpart of the tokens' bytes.  Ids without a token add nothing, and with
 * `skip_special` neither do control tokens. */
um_status um_tokenizer_decode(const um_tokenizer *tokenizer, const int32_t *ids, size_t count,
                              bool skip_special, um_buffer *text, um_error *error);

/* The same for ids that follow the token `previous`.  Tokenizers that put a space in front of every
 * text drop it when they decode; here it is dropped only at the start of a text, that is, if
 * `previous` is a control token, or -1 for none. */
um_status um_tokenizer_decode_after(const um_tokenizer *tokenizer, int32_t previous,
                                    const int32_t *ids, size_t count, bool skip_special,
                                    um_buffer *text, um_error *error);

/* Ids to text one at a time, for output that is shown while it is generated.  After a flush, all
 * that has been appended is what um_tokenizer_decode gives for the same ids. */
typedef struct um_text_stream {
    const um_tokenizer *tokenizer;
    bool skip_special;
    char pending[4]; /* the start of a character whose end is still to come */
    size_t pending_length;
    bool drop_space; /* still at the start of a text whose leading space is dropped */
} um_text_stream;

um_text_stream um_text_stream_start(const um_tokenizer *tokenizer, bool skip_special);

/* The same for ids that follow other text: a space at their start stays. */
um_text_stream um_text_stream_continue(const um_tokenizer *tokenizer, bool skip_special);

/* Append the whole characters that `id` completes to `text`, never a part of one. */
um_status um_text_stream_push(um_text_stream *stream, int32_t id, um_buffer *text, um_error *error);

/* End the stream: append U+FFFD if a character was left unfinished. */
um_status um_text_stream_flush(um_text_stream *stream, um_buffer *text, um_error *error);

#endif
