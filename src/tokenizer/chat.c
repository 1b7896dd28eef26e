#include "tokenizer/chat.h"

#include <string.h>

#include "base/utf8.h"
#include "tokenizer/character_class.h"

/* One call of um_chat_encode. */
typedef struct chat_writer {
    const um_tokenizer *tokenizer;
    um_encoder *encoder;
    um_buffer text;
    um_token_list *out;
} chat_writer;

um_chat_format um_chat_format_of(const um_tokenizer *tokenizer) {
    if (um_tokenizer_id(tokenizer, "<|im_start|>") >= 0) {
        return UM_CHAT_CHATML;
    }
    return um_tokenizer_id(tokenizer, "<|start_header_id|>") >= 0 ? UM_CHAT_HEADER : UM_CHAT_NONE;
}

int32_t um_chat_end_of_turn(const um_tokenizer *tokenizer) {
    switch (um_chat_format_of(tokenizer)) {
        case UM_CHAT_CHATML:
            return um_tokenizer_id(tokenizer, "<|im_end|>");
        case UM_CHAT_HEADER:
            return um_tokenizer_id(tokenizer, "<|eot_id|>");
        case UM_CHAT_NONE:
            break;
    }
    return -1;
}

/* ---- Parts ---------------------------------------------------------------------- */

static um_status write_token(chat_writer *writer, const char *content, um_error *error) {
    const int32_t id = um_tokenizer_id(writer->tokenizer, content);
    if (id < 0) {
        return UM_RAISE(error, UM_ERR_MISMATCH, "chat: the tokenizer has no token \"%s\"", content);
    }
    return um_token_list_append(writer->out, id, error);
}

/* Encode three parts as one text, because a token may span the end of one and the start of the
 * next. */
static um_status write_text(chat_writer *writer, const char *first, const char *second,
                            const char *third, size_t third_length, um_error *error) {
    um_buffer_clear(&writer->text);
    UM_TRY(um_buffer_append_text(&writer->text, first, error));
    UM_TRY(um_buffer_append_text(&writer->text, second, error));
    UM_TRY(um_buffer_append(&writer->text, third, third_length, error));
    return um_encoder_encode(writer->encoder, writer->text.data, writer->text.length, false,
                             writer->out, error);
}

static um_status check_role(const um_chat_message *message, size_t index, um_error *error) {
    static const char *const roles[] = {"system", "user", "assistant"};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        if (strcmp(message->role, roles[i]) == 0) {
            return UM_OK;
        }
    }
    return UM_RAISE(error, UM_ERR_ARGUMENT,
                    "chat: message %zu has the role \"%.64s\", expected system, user or assistant",
                    index, message->role);
}

/* The index of the first message that gets a turn: an empty system text at the beginning stands for
 * a conversation without system turn. */
static size_t first_turn(const um_chat_message *messages) {
    return strcmp(messages[0].role, "system") == 0 && messages[0].content_length == 0 ? 1 : 0;
}

/* ---- ChatML ----------------------------------------------------------------------- */

static um_status write_chatml_message(chat_writer *writer, const um_chat_message *message,
                                      um_error *error) {
    UM_TRY(write_token(writer, "<|im_start|>", error));
    UM_TRY(
        write_text(writer, message->role, "\n", message->content, message->content_length, error));
    UM_TRY(write_token(writer, "<|im_end|>", error));
    return write_text(writer, "\n", "", "", 0, error);
}

static um_status write_chatml(chat_writer *writer, const um_chat_message *messages, size_t count,
                              bool generation_prompt, um_error *error) {
    const char *text = um_tokenizer_default_system(writer->tokenizer);
    if (text && strcmp(messages[0].role, "system") != 0) {
        const um_chat_message message = {"system", text, strlen(text)};
        UM_TRY(write_chatml_message(writer, &message, error));
    }
    for (size_t i = first_turn(messages); i < count; i++) {
        UM_TRY(write_chatml_message(writer, &messages[i], error));
    }
    if (!generation_prompt) {
        return UM_OK;
    }
    UM_TRY(write_token(writer, "<|im_start|>", error));
    return write_text(writer, "assistant", "\n", "", 0, error);
}

/* ---- Header ------------------------------------------------------------------------- */

static um_status write_header(chat_writer *writer, const char *role, um_error *error) {
    UM_TRY(write_token(writer, "<|start_header_id|>", error));
    UM_TRY(write_text(writer, role, "", "", 0, error));
    return write_token(writer, "<|end_header_id|>", error);
}

/* The template strips white space from the content, which must be well-formed UTF-8 for that. */
static um_status write_header_content(chat_writer *writer, const um_chat_message *message,
                                      um_error *error) {
    um_buffer repaired = {0};
    um_status status = um_utf8_repair(message->content, message->content_length, &repaired, error);
    if (status == UM_OK) {
        const char *text = um_buffer_text(&repaired);
        const size_t start = um_space_after(text, repaired.length, 0);
        const size_t end = start < repaired.length ? um_space_before(text, repaired.length) : start;
        status = write_text(writer, "\n\n", "", text + start, end - start, error);
    }
    um_buffer_free(&repaired);
    return status;
}

static um_status write_headers(chat_writer *writer, const um_chat_message *messages, size_t count,
                               bool generation_prompt, um_error *error) {
    int32_t start = um_tokenizer_bos(writer->tokenizer);
    if (start < 0) {
        start = um_tokenizer_id(writer->tokenizer, "<|startoftext|>");
    }
    if (start >= 0) {
        UM_TRY(um_token_list_append(writer->out, start, error));
    }
    for (size_t i = first_turn(messages); i < count; i++) {
        UM_TRY(write_header(writer, messages[i].role, error));
        UM_TRY(write_header_content(writer, &messages[i], error));
        UM_TRY(write_token(writer, "<|eot_id|>", error));
    }
    if (!generation_prompt) {
        return UM_OK;
    }
    UM_TRY(write_header(writer, "assistant", error));
    return write_text(writer, "\n\n", "", "", 0, error);
}

/* ---- Conversations -------------------------------------------------------------------- */

static um_status write_conversation(chat_writer *writer, const um_chat_message *messages,
                                    size_t count, bool generation_prompt, um_error *error) {
    switch (um_chat_format_of(writer->tokenizer)) {
        case UM_CHAT_CHATML:
            return write_chatml(writer, messages, count, generation_prompt, error);
        case UM_CHAT_HEADER:
            return write_headers(writer, messages, count, generation_prompt, error);
        case UM_CHAT_NONE:
            break;
    }
    return UM_RAISE(error, UM_ERR_MISMATCH,
                    "chat: the tokenizer has neither <|im_start|> nor <|start_header_id|>: "
                    "not a model for chat");
}

um_status um_chat_encode(const um_tokenizer *tokenizer, const um_chat_message *messages,
                         size_t count, bool generation_prompt, um_token_list *out,
                         um_error *error) {
    if (count == 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "chat: no messages");
    }
    for (size_t i = 0; i < count; i++) {
        UM_TRY(check_role(&messages[i], i, error));
    }
    const size_t before = out->length;
    chat_writer writer = {.tokenizer = tokenizer, .out = out};
    UM_TRY(um_encoder_create(tokenizer, &writer.encoder, error));
    const um_status status = write_conversation(&writer, messages, count, generation_prompt, error);
    um_encoder_free(writer.encoder);
    um_buffer_free(&writer.text);
    if (status != UM_OK) {
        out->length = before;
    }
    return status;
}
