#include <string.h>

#include "base/json.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/internal.h"

/* Whether the vocabulary already has the token under this id, spelt like the model's tokens: in the
 * byte alphabet, or, for SentencePiece, with a mark for the space and names for bytes. */
static um_status is_spelled(const um_tokenizer *tokenizer, const char *content, size_t length,
                            int64_t id, bool *spelled, um_error *error) {
    const char *present = NULL;
    size_t present_length = 0;
    um_buffer bytes = {0};
    bool mapped = false;
    *spelled = false;
    if (!um_vocabulary_bytes(&tokenizer->bpe.vocabulary, (int32_t)id, &present, &present_length)) {
        return UM_OK;
    }
    const int byte = tokenizer->pieces.used ? um_sentence_pieces_byte(content, length) : -1;
    if (byte >= 0) {
        *spelled = present_length == 1 && (uint8_t)present[0] == byte;
        return UM_OK;
    }
    const um_status status =
        um_append_token_bytes(tokenizer, content, length, &bytes, &mapped, error);
    *spelled = status == UM_OK && mapped && bytes.length == present_length &&
               memcmp(um_buffer_text(&bytes), present, present_length) == 0;
    um_buffer_free(&bytes);
    return status;
}

um_status um_load_added_token(um_tokenizer *tokenizer, const char *content, size_t length,
                              int64_t id, const json_t *flags, const char *where, um_error *error) {
    if (id < 0 || (uint64_t)id >= UM_VOCABULARY_MAXIMUM_SIZE) {
        return UM_RAISE(error, UM_ERR_LIMIT,
                        "%s: added token \"%.64s\": id %lld is not in 0 to %zu", where, content,
                        (long long)id, UM_VOCABULARY_MAXIMUM_SIZE - 1);
    }
    um_added_token token = {
        .content = (char *)(uintptr_t)content, .length = length, .id = (int32_t)id};
    if (flags) {
        UM_TRY(um_json_optional_bool(flags, where, "special", &token.special, error));
        UM_TRY(um_json_optional_bool(flags, where, "lstrip", &token.lstrip, error));
        UM_TRY(um_json_optional_bool(flags, where, "rstrip", &token.rstrip, error));
        UM_TRY(um_json_optional_bool(flags, where, "single_word", &token.single_word, error));
        token.normalized = !token.special;
        UM_TRY(um_json_optional_bool(flags, where, "normalized", &token.normalized, error));
    }
    bool spelled = false;
    UM_TRY(is_spelled(tokenizer, content, length, id, &spelled, error));
    um_status status =
        spelled ? UM_OK
                : um_vocabulary_add(&tokenizer->bpe.vocabulary, id, content, length, false, error);
    if (status == UM_OK) {
        status = um_added_tokens_add(&tokenizer->added, &token, error);
    }
    return status == UM_OK ? UM_OK : um_error_prefix(error, status, "%s", where);
}

/* ---- model ------------------------------------------------------------------ */

static um_status require_type(const json_t *object, const char *where, const char *what,
                              const char *wanted, um_error *error) {
    const char *type = NULL;
    UM_TRY(um_json_require_string(object, where, "type", &type, error));
    if (strcmp(type, wanted) != 0) {
        return UM_RAISE(error, UM_ERR_UNSUPPORTED,
                        "%s: %s of type \"%.64s\" is not supported, only %s", where, what, type,
                        wanted);
    }
    return UM_OK;
}

/* Reject a member that is neither absent nor empty. */
static um_status refuse_text(const json_t *model, const char *where, const char *key,
                             um_error *error) {
    const char *text = "";
    UM_TRY(um_json_optional_string(model, where, key, &text, error));
    if (text[0] != '\0') {
        return UM_RAISE(error, UM_ERR_UNSUPPORTED, "%s: %s \"%.64s\" is not supported", where, key,
                        text);
    }
    return UM_OK;
}

static um_status check_model_options(const json_t *model, const char *where, um_error *error) {
    if (json_object_get(model, "type")) {
        UM_TRY(require_type(model, where, "a model", "BPE", error));
    }
    UM_TRY(refuse_text(model, where, "continuing_subword_prefix", error));
    UM_TRY(refuse_text(model, where, "end_of_word_suffix", error));
    double dropout = 0;
    UM_TRY(um_json_optional_number(model, where, "dropout", &dropout, error));
    if (dropout > 0) {
        return UM_RAISE(error, UM_ERR_UNSUPPORTED, "%s: dropout %g is not supported", where,
                        dropout);
    }
    return UM_OK;
}

/* The text of vocabulary and merges, which are read without a JSON tree. */
typedef struct model_text {
    um_json_cursor vocabulary;
    um_json_cursor merges;
} model_text;

static um_status load_model(um_tokenizer *tokenizer, const json_t *model, const model_text *text,
                            const char *where, um_error *error) {
    UM_TRY(check_model_options(model, where, error));
    UM_TRY(
        um_json_optional_bool(model, where, "ignore_merges", &tokenizer->bpe.ignore_merges, error));
    json_t *part = NULL;
    UM_TRY(um_json_require_object(model, where, "vocab", &part, error));
    UM_TRY(um_json_require_array(model, where, "merges", &part, error));
    um_status status = um_load_vocabulary(tokenizer, text->vocabulary, error);
    if (status == UM_OK) {
        status = um_load_merges(tokenizer, text->merges, error);
    }
    return status == UM_OK ? UM_OK : um_error_prefix(error, status, "%s", where);
}

/* If every byte has a token, nothing is unknown, and the options for unknown text do not matter. */
static um_status check_unknown(const um_tokenizer *tokenizer, const json_t *model,
                               const char *where, um_error *error) {
    const char *unknown = "";
    bool fallback = false;
    UM_TRY(um_json_optional_string(model, where, "unk_token", &unknown, error));
    UM_TRY(um_json_optional_bool(model, where, "byte_fallback", &fallback, error));
    for (int byte = 0; byte < 256 && (unknown[0] != '\0' || fallback); byte++) {
        if (tokenizer->bpe.byte_ids[byte] < 0) {
            return UM_RAISE(error, UM_ERR_UNSUPPORTED,
                            "%s: %s is not supported where byte 0x%02x has no token", where,
                            fallback ? "byte_fallback" : "unk_token", (unsigned)byte);
        }
    }
    return UM_OK;
}

/* ---- normalizer, decoder ------------------------------------------------------ */

static um_status load_normalizer(um_tokenizer *tokenizer, const json_t *normalizer,
                                 const char *where, um_error *error) {
    if (!normalizer || json_is_null(normalizer)) {
        return UM_OK;
    }
    const char *type = NULL;
    UM_TRY(um_json_require_string(normalizer, where, "type", &type, error));
    if (strcmp(type, "Sequence") != 0) {
        tokenizer->normalize = true;
        return require_type(normalizer, where, "a normalizer", "NFC", error);
    }
    json_t *members = NULL;
    UM_TRY(um_json_require_array(normalizer, where, "normalizers", &members, error));
    size_t index = 0;
    json_t *member = NULL;
    json_array_foreach (members, index, member) {
        UM_TRY(require_type(member, where, "a normalizer", "NFC", error));
        tokenizer->normalize = true;
    }
    return UM_OK;
}

static um_status check_decoder(const json_t *decoder, const char *where, um_error *error) {
    if (!decoder || json_is_null(decoder)) {
        return UM_OK;
    }
    return require_type(decoder, where, "a decoder", "ByteLevel", error);
}

/* ---- pre_tokenizer -------------------------------------------------------------- */

static um_status add_splitter_step(um_tokenizer *tokenizer, um_split_kind kind, const char *pattern,
                                   size_t length, const char *where, um_error *error) {
    const um_status status = um_splitter_add(&tokenizer->splitter, kind, pattern, length, error);
    return status == UM_OK ? UM_OK : um_error_prefix(error, status, "%s", where);
}

static um_status add_split(um_tokenizer *tokenizer, const json_t *step, const char *where,
                           um_error *error) {
    const char *behavior = "";
    bool invert = false;
    json_t *pattern = NULL;
    UM_TRY(um_json_require_string(step, where, "behavior", &behavior, error));
    UM_TRY(um_json_optional_bool(step, where, "invert", &invert, error));
    UM_TRY(um_json_require_object(step, where, "pattern", &pattern, error));
    /* `invert` swaps matches and the text between them, which does not affect an isolated split. */
    (void)invert;
    if (strcmp(behavior, "Isolated") != 0) {
        return UM_RAISE(error, UM_ERR_UNSUPPORTED,
                        "%s: Split with behavior \"%.64s\" is not supported, only Isolated", where,
                        behavior);
    }
    const json_t *expression = json_object_get(pattern, "Regex");
    const json_t *literal = json_object_get(pattern, "String");
    if (!json_is_string(expression) && !json_is_string(literal)) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "%s: the pattern of Split is neither Regex nor String", where);
    }
    const json_t *text = json_is_string(expression) ? expression : literal;
    return add_splitter_step(tokenizer, text == expression ? UM_SPLIT_PATTERN : UM_SPLIT_LITERAL,
                             json_string_value(text), json_string_length(text), where, error);
}

static um_status add_digits(um_tokenizer *tokenizer, const json_t *step, const char *where,
                            um_error *error) {
    bool individual = false;
    UM_TRY(um_json_optional_bool(step, where, "individual_digits", &individual, error));
    const char *pattern = individual ? "\\p{N}" : "\\p{N}+";
    return add_splitter_step(tokenizer, UM_SPLIT_PATTERN, pattern, strlen(pattern), where, error);
}

static um_status add_byte_level(um_tokenizer *tokenizer, const json_t *step, const char *where,
                                um_error *error) {
    bool prefix_space = true;
    bool use_expression = true;
    UM_TRY(um_json_optional_bool(step, where, "add_prefix_space", &prefix_space, error));
    UM_TRY(um_json_optional_bool(step, where, "use_regex", &use_expression, error));
    if (prefix_space) {
        UM_TRY(add_splitter_step(tokenizer, UM_SPLIT_PREFIX_SPACE, NULL, 0, where, error));
    }
    if (use_expression) {
        UM_TRY(add_splitter_step(tokenizer, UM_SPLIT_PATTERN, um_splitter_gpt2_pattern,
                                 strlen(um_splitter_gpt2_pattern), where, error));
    }
    return UM_OK;
}

/* One step other than a sequence; *byte_level becomes true at the ByteLevel step. */
static um_status add_step(um_tokenizer *tokenizer, const json_t *step, const char *where,
                          bool *byte_level, um_error *error) {
    const char *type = NULL;
    UM_TRY(um_json_require_string(step, where, "type", &type, error));
    if (*byte_level) {
        return UM_RAISE(error, UM_ERR_UNSUPPORTED,
                        "%s: a pre_tokenizer \"%.64s\" after ByteLevel is not supported", where,
                        type);
    }
    if (strcmp(type, "Split") == 0) {
        return add_split(tokenizer, step, where, error);
    }
    if (strcmp(type, "Digits") == 0) {
        return add_digits(tokenizer, step, where, error);
    }
    if (strcmp(type, "ByteLevel") == 0) {
        *byte_level = true;
        return add_byte_level(tokenizer, step, where, error);
    }
    return UM_RAISE(
        error, UM_ERR_UNSUPPORTED,
        "%s: a pre_tokenizer of type \"%.64s\" is not supported, only Split, Digits and "
        "ByteLevel",
        where, type);
}

static um_status add_sequence(um_tokenizer *tokenizer, const json_t *sequence, const char *where,
                              bool *byte_level, um_error *error) {
    json_t *steps = NULL;
    UM_TRY(um_json_require_array(sequence, where, "pretokenizers", &steps, error));
    size_t index = 0;
    json_t *step = NULL;
    json_array_foreach (steps, index, step) {
        UM_TRY(add_step(tokenizer, step, where, byte_level, error));
    }
    return UM_OK;
}

static um_status load_pre_tokenizer(um_tokenizer *tokenizer, const json_t *pre_tokenizer,
                                    const char *where, um_error *error) {
    if (!pre_tokenizer || json_is_null(pre_tokenizer)) {
        return UM_RAISE(
            error, UM_ERR_UNSUPPORTED,
            "%s: a tokenizer without a pre_tokenizer is not supported, only byte-level BPE", where);
    }
    const char *type = NULL;
    bool byte_level = false;
    UM_TRY(um_json_require_string(pre_tokenizer, where, "type", &type, error));
    UM_TRY(strcmp(type, "Sequence") == 0
               ? add_sequence(tokenizer, pre_tokenizer, where, &byte_level, error)
               : add_step(tokenizer, pre_tokenizer, where, &byte_level, error));
    if (!byte_level) {
        return UM_RAISE(
            error, UM_ERR_UNSUPPORTED,
            "%s: the pre_tokenizer has no ByteLevel step: only byte-level BPE is supported", where);
    }
    return UM_OK;
}

/* ---- The whole file --------------------------------------------------------------- */

static um_status load_added_tokens(um_tokenizer *tokenizer, const json_t *tokens, const char *where,
                                   um_error *error) {
    size_t index = 0;
    json_t *token = NULL;
    json_array_foreach (tokens, index, token) {
        const json_t *content = json_object_get(token, "content");
        int64_t id = -1;
        UM_TRY(um_json_require_integer(token, where, "id", 0, INT64_MAX, &id, error));
        if (!json_is_string(content)) {
            return UM_RAISE(error, UM_ERR_FORMAT, "%s: added token %zu has no content", where,
                            index);
        }
        UM_TRY(um_load_added_token(tokenizer, json_string_value(content),
                                   json_string_length(content), id, token, where, error));
    }
    return UM_OK;
}

/* Load the steps before and after the model. */
static um_status load_steps(um_tokenizer *tokenizer, const json_t *root, const char *where,
                            um_error *error) {
    if (um_sentence_pieces_recognise(root)) {
        tokenizer->bpe.characters = true;
        memset(tokenizer->bpe.byte_ids, 0xFF, sizeof tokenizer->bpe.byte_ids);
        return um_sentence_pieces_load(root, where, &tokenizer->pieces, error);
    }
    UM_TRY(load_normalizer(tokenizer, json_object_get(root, "normalizer"), where, error));
    UM_TRY(load_pre_tokenizer(tokenizer, json_object_get(root, "pre_tokenizer"), where, error));
    return check_decoder(json_object_get(root, "decoder"), where, error);
}

static um_status load_root(um_tokenizer *tokenizer, const json_t *root, const model_text *text,
                           const char *where, um_error *error) {
    json_t *model = NULL;
    UM_TRY(um_json_require_object(root, where, "model", &model, error));
    UM_TRY(load_steps(tokenizer, root, where, error));
    UM_TRY(load_model(tokenizer, model, text, where, error));
    if (!tokenizer->pieces.used) {
        um_bpe_index_bytes(&tokenizer->bpe);
    }
    UM_TRY(check_unknown(tokenizer, model, where, error));
    const json_t *added = json_object_get(root, "added_tokens");
    if (added && !json_is_null(added) && !json_is_array(added)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"added_tokens\" is not an array", where);
    }
    return load_added_tokens(tokenizer, added, where, error);
}

/* Append text[*from..part) and then, instead of the part, its brackets with its line feeds between
 * them, so that what follows keeps its line number.  *from moves past the part. */
static um_status append_emptied(const char *text, size_t *from, const um_json_cursor *part,
                                um_buffer *out, um_error *error) {
    const char *start = part->text;
    const char *end = start + part->length;
    const bool object = *start == '{';
    UM_TRY(um_buffer_append(out, text + *from, (size_t)(start - text) - *from, error));
    UM_TRY(um_buffer_append(out, object ? "{" : "[", 1, error));
    for (const char *line = start; (line = memchr(line, '\n', (size_t)(end - line))); line++) {
        UM_TRY(um_buffer_append(out, "\n", 1, error));
    }
    *from = (size_t)(end - text);
    return um_buffer_append(out, object ? "}" : "]", 1, error);
}

/* Find the two large parts, and append the file without their contents to `rest`. */
static um_status cut_model_text(const char *text, size_t length, model_text *parts, um_buffer *rest,
                                um_error *error) {
    um_json_cursor model = {0};
    size_t from = 0;
    if (um_json_cursor_member((um_json_cursor){text, length, 0}, "model", &model)) {
        const bool vocabulary = um_json_cursor_member(model, "vocab", &parts->vocabulary) &&
                                parts->vocabulary.text[0] == '{';
        const bool merges =
            um_json_cursor_member(model, "merges", &parts->merges) && parts->merges.text[0] == '[';
        const bool merges_first =
            vocabulary && merges && parts->merges.text < parts->vocabulary.text;
        if (merges_first) {
            UM_TRY(append_emptied(text, &from, &parts->merges, rest, error));
        }
        if (vocabulary) {
            UM_TRY(append_emptied(text, &from, &parts->vocabulary, rest, error));
        }
        if (merges && !merges_first) {
            UM_TRY(append_emptied(text, &from, &parts->merges, rest, error));
        }
    }
    return um_buffer_append(rest, text + from, length - from, error);
}

um_status um_load_tokenizer_json(um_tokenizer *tokenizer, const char *text, size_t length,
                                 const char *where, um_error *error) {
    model_text parts = {{0}, {0}};
    um_buffer rest = {0};
    json_t *root = NULL;
    um_status status = cut_model_text(text, length, &parts, &rest, error);
    if (status == UM_OK) {
        status = um_json_load_bytes(um_buffer_text(&rest), rest.length, where, &root, error);
    }
    um_buffer_free(&rest);
    if (status == UM_OK) {
        status = load_root(tokenizer, root, &parts, where, error);
    }
    json_decref(root);
    return status;
}
