#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "tokenizer/hash.h"
#include "tokenizer/internal.h"

/* The cache of pieces: a table in which each piece has one possible place. */
#define CACHE_SLOTS ((size_t)1 << 14)
#define CACHE_PIECE_BYTES 30
#define CACHE_PIECE_IDS 8

/* The cache is not worth its memory for texts shorter than this, in bytes. */
#define CACHE_TEXT_MINIMUM 4096

typedef struct cached_piece {
    uint8_t length; /* 0: empty */
    uint8_t count;
    char bytes[CACHE_PIECE_BYTES];
    int32_t ids[CACHE_PIECE_IDS];
} cached_piece;

struct um_encoder {
    const um_tokenizer *tokenizer;
    um_bpe_scratch bpe;
    um_split_scratch split;
    um_buffer repaired;
    um_buffer normalized;
    cached_piece *cache; /* [CACHE_SLOTS] or NULL */
    um_token_list *out;  /* of the call in progress */
    bool continues;      /* the next stretch of its text continues another text */
};

/* ---- Pieces ------------------------------------------------------------------- */

static void remember(cached_piece *place, const char *piece, size_t length, const int32_t *ids,
                     size_t count) {
    if (count > CACHE_PIECE_IDS) {
        return;
    }
    place->length = (uint8_t)length;
    place->count = (uint8_t)count;
    memcpy(place->bytes, piece, length);
    memcpy(place->ids, ids, count * sizeof *ids);
}

static um_status encode_piece(void *user, const char *piece, size_t length, um_error *error) {
    um_encoder *encoder = user;
    const um_bpe *bpe = &encoder->tokenizer->bpe;
    if (!encoder->cache || length > CACHE_PIECE_BYTES) {
        return um_bpe_encode(bpe, &encoder->bpe, piece, length, encoder->out, error);
    }
    cached_piece *place = &encoder->cache[(size_t)um_hash_bytes(piece, length) & (CACHE_SLOTS - 1)];
    if (place->length == length && memcmp(place->bytes, piece, length) == 0) {
        return um_token_list_append_all(encoder->out, place->ids, place->count, error);
    }
    const size_t before = encoder->out->length;
    UM_TRY(um_bpe_encode(bpe, &encoder->bpe, piece, length, encoder->out, error));
    if (encoder->out->length > before) {
        remember(place, piece, length, encoder->out->ids + before, encoder->out->length - before);
    }
    return UM_OK;
}

/* ---- Stretches between added tokens ---------------------------------------------- */

static um_status encode_normalized(void *user, const um_added_token *token, const char *text,
                                   size_t length, um_error *error) {
    um_encoder *encoder = user;
    if (token) {
        return um_token_list_append(encoder->out, token->id, error);
    }
    return um_splitter_run(&encoder->tokenizer->splitter, &encoder->split, text, length,
                           encode_piece, encoder, error);
}

static um_status normalize(um_encoder *encoder, const char **text, size_t *length,
                           um_error *error) {
    const bool continues = encoder->continues;
    encoder->continues = false;
    return um_tokenizer_normalize(encoder->tokenizer, continues, text, length, &encoder->normalized,
                                  error);
}

static um_status encode_raw(void *user, const um_added_token *token, const char *text,
                            size_t length, um_error *error) {
    um_encoder *encoder = user;
    if (token) {
        encoder->continues = false;
        return um_token_list_append(encoder->out, token->id, error);
    }
    UM_TRY(normalize(encoder, &text, &length, error));
    const um_added_tokens *added = &encoder->tokenizer->added;
    return um_added_tokens_split(added, &added->normalized, text, length, encode_normalized,
                                 encoder, error);
}

static um_status encode_plain(um_encoder *encoder, const char *text, size_t length,
                              um_error *error) {
    UM_TRY(normalize(encoder, &text, &length, error));
    return encode_normalized(encoder, NULL, text, length, error);
}

/* ---- Texts -------------------------------------------------------------------------- */

static um_status encode_text(um_encoder *encoder, const char *text, size_t length,
                             bool parse_special, um_error *error) {
    if (!um_utf8_valid(text, length)) {
        um_buffer_clear(&encoder->repaired);
        UM_TRY(um_utf8_repair(text, length, &encoder->repaired, error));
        text = um_buffer_text(&encoder->repaired);
        length = encoder->repaired.length;
    }
    const um_added_tokens *added = &encoder->tokenizer->added;
    return parse_special
               ? um_added_tokens_split(added, &added->raw, text, length, encode_raw, encoder, error)
               : encode_plain(encoder, text, length, error);
}

static um_status encode(um_encoder *encoder, bool continues, const char *text, size_t length,
                        bool parse_special, um_token_list *out, um_error *error) {
    if (length == 0) {
        return UM_OK;
    }
    if (!encoder->cache && length >= CACHE_TEXT_MINIMUM) {
        UM_TRY(um_allocate(&encoder->cache, CACHE_SLOTS, sizeof *encoder->cache, "encoder", error));
    }
    const size_t before = out->length;
    encoder->out = out;
    encoder->continues = continues;
    const um_status status = encode_text(encoder, text, length, parse_special, error);
    encoder->out = NULL;
    if (status != UM_OK) {
        out->length = before;
    }
    return status;
}

um_status um_encoder_encode(um_encoder *encoder, const char *text, size_t length,
                            bool parse_special, um_token_list *out, um_error *error) {
    return encode(encoder, false, text, length, parse_special, out, error);
}

um_status um_encoder_continue(um_encoder *encoder, const char *text, size_t length,
                              bool parse_special, um_token_list *out, um_error *error) {
    return encode(encoder, true, text, length, parse_special, out, error);
}

um_status um_encoder_create(const um_tokenizer *tokenizer, um_encoder **encoder, um_error *error) {
    UM_TRY(um_allocate(encoder, 1, sizeof **encoder, "encoder", error));
    (*encoder)->tokenizer = tokenizer;
    return UM_OK;
}

void um_encoder_free(um_encoder *encoder) {
    if (!encoder) {
        return;
    }
    um_bpe_scratch_free(&encoder->bpe);
    um_split_scratch_free(&encoder->split);
    um_buffer_free(&encoder->repaired);
    um_buffer_free(&encoder->normalized);
    free(encoder->cache);
    free(encoder);
}

static um_status encode_once(const um_tokenizer *tokenizer, bool continues, const char *text,
                             size_t length, bool parse_special, um_token_list *out,
                             um_error *error) {
    um_encoder *encoder = NULL;
    UM_TRY(um_encoder_create(tokenizer, &encoder, error));
    const um_status status = encode(encoder, continues, text, length, parse_special, out, error);
    um_encoder_free(encoder);
    return status;
}

um_status um_tokenizer_encode(const um_tokenizer *tokenizer, const char *text, size_t length,
                              bool parse_special, um_token_list *out, um_error *error) {
    return encode_once(tokenizer, false, text, length, parse_special, out, error);
}

um_status um_tokenizer_continue(const um_tokenizer *tokenizer, const char *text, size_t length,
                                bool parse_special, um_token_list *out, um_error *error) {
    return encode_once(tokenizer, true, text, length, parse_special, out, error);
}
