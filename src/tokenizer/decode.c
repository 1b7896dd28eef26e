#include <string.h>

#include "base/utf8.h"
#include "tokenizer/internal.h"

um_text_stream um_text_stream_start(const um_tokenizer *tokenizer, bool skip_special) {
    return (um_text_stream){.tokenizer = tokenizer,
                            .skip_special = skip_special,
                            .drop_space = tokenizer->pieces.prefix_space};
}

um_text_stream um_text_stream_continue(const um_tokenizer *tokenizer, bool skip_special) {
    return (um_text_stream){.tokenizer = tokenizer, .skip_special = skip_special};
}

/* Add one byte to the unfinished character, and append it when it is whole or broken. */
static um_status push_byte(um_text_stream *stream, char byte, um_buffer *text, um_error *error) {
    stream->pending[stream->pending_length++] = byte;
    while (stream->pending_length > 0 &&
           !um_utf8_incomplete(stream->pending, stream->pending_length)) {
        uint32_t code_point = 0;
        size_t used = 0;
        const bool valid =
            um_utf8_next(stream->pending, stream->pending_length, &code_point, &used);
        UM_TRY(valid ? um_buffer_append(text, stream->pending, used, error)
                     : um_buffer_append_text(text, UM_UTF8_REPLACEMENT, error));
        stream->pending_length -= used;
        memmove(stream->pending, stream->pending + used, stream->pending_length);
    }
    return UM_OK;
}

um_status um_text_stream_push(um_text_stream *stream, int32_t id, um_buffer *text,
                              um_error *error) {
    const char *bytes = NULL;
    size_t length = 0;
    if (!um_tokenizer_token_bytes(stream->tokenizer, id, &bytes, &length) ||
        (stream->skip_special && um_tokenizer_is_special(stream->tokenizer, id))) {
        return UM_OK;
    }
    if (stream->drop_space && length > 0) {
        stream->drop_space = false;
        const size_t dropped = bytes[0] == ' ' ? 1 : 0;
        bytes += dropped;
        length -= dropped;
    }
    if (stream->pending_length == 0 && um_utf8_valid(bytes, length)) {
        return um_buffer_append(text, bytes, length, error);
    }
    for (size_t i = 0; i < length; i++) {
        UM_TRY(push_byte(stream, bytes[i], text, error));
    }
    return UM_OK;
}

um_status um_text_stream_flush(um_text_stream *stream, um_buffer *text, um_error *error) {
    const bool unfinished = stream->pending_length > 0;
    stream->pending_length = 0;
    return unfinished ? um_buffer_append_text(text, UM_UTF8_REPLACEMENT, error) : UM_OK;
}

um_status um_tokenizer_decode(const um_tokenizer *tokenizer, const int32_t *ids, size_t count,
                              bool skip_special, um_buffer *text, um_error *error) {
    return um_tokenizer_decode_after(tokenizer, -1, ids, count, skip_special, text, error);
}

um_status um_tokenizer_decode_after(const um_tokenizer *tokenizer, int32_t previous,
                                    const int32_t *ids, size_t count, bool skip_special,
                                    um_buffer *text, um_error *error) {
    um_text_stream stream = previous < 0 || um_tokenizer_is_special(tokenizer, previous)
                                ? um_text_stream_start(tokenizer, skip_special)
                                : um_text_stream_continue(tokenizer, skip_special);
    for (size_t i = 0; i < count; i++) {
        UM_TRY(um_text_stream_push(&stream, ids[i], text, error));
    }
    return um_text_stream_flush(&stream, text, error);
}
