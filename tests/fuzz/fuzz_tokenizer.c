/* The input is a tokenizer.json.  It is refused with a message, or gives a tokenizer whose ids are
 * in range, whose text is UTF-8, and which loses no ASCII text if it has a token for every ASCII
 * character. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "tokenizer/chat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
    "def f(x):\n        return  x**2 + 3.14  # it's  <|im_start|>user<|im_end|> <t> a  \r\n"
    "\xC3\xA9 e\xCC\x81\xCC\xB4 \xE4\xB8\xAD\xE6\x96\x87 \xF0\x9F\x99\x82 \xE1\x84\x80\xE1\x85\xA1 "
    "\xC2\xA0\xE3\x80\x80 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
    "\xFF\xE2\x82 \xED\xA0\x80 abababababababababababababababababababab\xF0\x9F";

static void require(bool condition) {
    if (!condition) {
        abort();
    }
}

/* Whether two texts are the same apart from spaces, which a tokenizer's options may add. */
static bool same_but_spaces(const char *first, const char *second) {
    for (;;) {
        first += strspn(first, " ");
        second += strspn(second, " ");
        if (*first != *second || *first == '\0') {
            return *first == *second;
        }
        first++;
        second++;
    }
}

/* Whether every ASCII character has a token: bytes without one are left out. */
static bool spells_ascii(const um_tokenizer *tokenizer) {
    um_token_list ids = {0};
    bool complete = true;
    for (int byte = 1; byte < 128 && complete; byte++) {
        const char content = (char)byte;
        um_token_list_clear(&ids);
        um_buffer back = {0};
        complete =
            um_tokenizer_encode(tokenizer, &content, 1, false, &ids, NULL) == UM_OK &&
            um_tokenizer_decode(tokenizer, ids.ids, ids.length, false, &back, NULL) == UM_OK &&
            back.length > 0 && back.data[back.length - 1] == content;
        um_buffer_free(&back);
    }
    um_token_list_free(&ids);
    return complete;
}

static void check_decode(const um_tokenizer *tokenizer, const um_token_list *ids,
                         um_buffer *whole) {
    um_buffer streamed = {0};
    um_text_stream stream = um_text_stream_start(tokenizer, false);
    for (size_t i = 0; i < ids->length; i++) {
        require(um_text_stream_push(&stream, ids->ids[i], &streamed, NULL) == UM_OK);
        require(um_utf8_valid(um_buffer_text(&streamed), streamed.length));
    }
    require(um_text_stream_flush(&stream, &streamed, NULL) == UM_OK);
    require(um_tokenizer_decode(tokenizer, ids->ids, ids->length, false, whole, NULL) == UM_OK);
    require(whole->length == streamed.length);
    require(memcmp(um_buffer_text(whole), um_buffer_text(&streamed), whole->length) == 0);
    um_buffer_free(&streamed);
}

static void check_encode(const um_tokenizer *tokenizer, size_t length, bool parse_special) {
    um_token_list ids = {0};
    um_error error = {0};
    const um_status status =
        um_tokenizer_encode(tokenizer, text, length, parse_special, &ids, &error);
    require(status == UM_OK || (error.message[0] != '\0' && ids.length == 0));
    for (size_t i = 0; i < ids.length; i++) {
        const char *bytes = NULL;
        size_t count = 0;
        require(um_tokenizer_token_bytes(tokenizer, ids.ids[i], &bytes, &count));
    }
    um_buffer decoded = {0};
    check_decode(tokenizer, &ids, &decoded);
    /* The first line is ASCII, which no normaliser changes. */
    const size_t ascii = (size_t)(strchr(text, '\r') - text);
    if (status == UM_OK && length == ascii && !parse_special && spells_ascii(tokenizer)) {
        char start[sizeof text];
        memcpy(start, text, ascii);
        start[ascii] = '\0';
        require(same_but_spaces(start, um_buffer_text(&decoded)));
    }
    um_buffer_free(&decoded);
    um_token_list_free(&ids);
}

static void check_chat(const um_tokenizer *tokenizer) {
    um_token_list ids = {0};
    const um_chat_message message = {"user", text, sizeof text - 1};
    const um_status status = um_chat_encode(tokenizer, &message, 1, true, &ids, NULL);
    require(status == UM_OK || ids.length == 0);
    um_token_list_free(&ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    um_tokenizer *tokenizer = NULL;
    um_error error = {0};
    if (um_tokenizer_load_bytes((const char *)data, size, "input", &tokenizer, &error) != UM_OK) {
        require(!tokenizer && error.message[0] != '\0' && !strchr(error.message, '\n'));
        return 0;
    }
    check_encode(tokenizer, sizeof text - 1, true);
    check_encode(tokenizer, sizeof text - 1, false);
    check_encode(tokenizer, (size_t)(strchr(text, '\r') - text), false);
    check_chat(tokenizer);
    um_tokenizer_free(tokenizer);
    return 0;
}
