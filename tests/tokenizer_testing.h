/* What the tests of the tokenizer and of chat share: golden files and comparisons. */
#ifndef UM_TESTS_TOKENIZER_TESTING_H
#define UM_TESTS_TOKENIZER_TESTING_H

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "testing.h"
#include "tokenizer/tokenizer.h"

#define TOKENIZER_DATA UM_TEST_DATA "/tokenizer/"

static inline um_tokenizer *load_tokenizer(const char *directory) {
    um_error error = {0};
    um_tokenizer *tokenizer = NULL;
    assert_ok(um_tokenizer_load(directory, &tokenizer, &error), &error);
    return tokenizer;
}

static inline json_t *load_json(const char *path) {
    um_error error = {0};
    json_t *root = NULL;
    assert_ok(um_json_load_file(path, &root, &error), &error);
    return root;
}

/* Fail if `ids` differ from the array of a golden case. */
static inline void assert_ids(const um_token_list *ids, const json_t *expected, const char *what,
                              size_t number) {
    size_t at = 0;
    while (at < ids->length && at < json_array_size(expected) &&
           ids->ids[at] == json_integer_value(json_array_get(expected, at))) {
        at++;
    }
    if (at < ids->length || at < json_array_size(expected)) {
        fail_msg("%s, case %zu: id %zu of %zu is %d, expected %lld (of %zu)", what, number, at,
                 ids->length, at < ids->length ? ids->ids[at] : -1,
                 (long long)json_integer_value(json_array_get(expected, at)),
                 json_array_size(expected));
    }
}

static inline void encode_text(const um_tokenizer *tokenizer, const char *text, size_t length,
                               bool parse_special, um_token_list *ids) {
    um_error error = {0};
    um_token_list_clear(ids);
    assert_ok(um_tokenizer_encode(tokenizer, text, length, parse_special, ids, &error), &error);
}

#endif
