#include "tokenizer/added_tokens.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "tokenizer/character_class.h"

#define NO_TOKEN UINT32_MAX

/* Node 0 is not used, so a link of 0 means none. */
typedef struct um_trie_node {
    uint32_t first_child;
    uint32_t next_sibling;
    uint32_t token; /* whose content ends here, or NO_TOKEN */
    uint8_t byte;
} um_trie_node;

/* ---- Collecting ----------------------------------------------------------- */

const um_added_token *um_added_tokens_find(const um_added_tokens *tokens, const char *content,
                                           size_t length) {
    for (size_t i = 0; i < tokens->count; i++) {
        const um_added_token *token = &tokens->tokens[i];
        if (token->length == length && memcmp(token->content, content, length) == 0) {
            return token;
        }
    }
    return NULL;
}

um_status um_added_tokens_add(um_added_tokens *tokens, const um_added_token *token,
                              um_error *error) {
    if (token->length == 0) {
        return UM_OK;
    }
    const um_added_token *present = um_added_tokens_find(tokens, token->content, token->length);
    if (present && present->id != token->id) {
        return UM_RAISE(error, UM_ERR_FORMAT, "added token \"%s\" has the ids %d and %d",
                        present->content, present->id, token->id);
    }
    if (present) {
        return UM_OK;
    }
    if (tokens->count == UM_ADDED_TOKENS_MAXIMUM) {
        return UM_RAISE(error, UM_ERR_LIMIT, "more than %zu added tokens", UM_ADDED_TOKENS_MAXIMUM);
    }
    UM_TRY(um_grow(&tokens->tokens, &tokens->capacity, tokens->count + 1, sizeof *tokens->tokens,
                   "added tokens", error));
    um_added_token copy = *token;
    UM_TRY(um_allocate(&copy.content, token->length + 1, 1, "added token", error));
    memcpy(copy.content, token->content, token->length);
    tokens->tokens[tokens->count++] = copy;
    return UM_OK;
}

/* ---- Tries ---------------------------------------------------------------- */

static um_status new_node(um_token_trie *trie, uint8_t byte, uint32_t next_sibling, uint32_t *node,
                          um_error *error) {
    const size_t wanted = trie->node_count == 0 ? 2 : trie->node_count + 1;
    if (wanted >= NO_TOKEN) {
        return UM_RAISE(error, UM_ERR_LIMIT, "the added tokens are too long");
    }
    UM_TRY(um_grow(&trie->nodes, &trie->node_capacity, wanted, sizeof *trie->nodes,
                   "index of added tokens", error));
    trie->node_count = wanted;
    *node = (uint32_t)(wanted - 1);
    trie->nodes[*node] =
        (um_trie_node){.next_sibling = next_sibling, .token = NO_TOKEN, .byte = byte};
    return UM_OK;
}

static uint32_t child_of(const um_token_trie *trie, uint32_t node, uint8_t byte) {
    uint32_t child = trie->nodes[node].first_child;
    while (child != 0 && trie->nodes[child].byte != byte) {
        child = trie->nodes[child].next_sibling;
    }
    return child;
}

static um_status trie_insert(um_token_trie *trie, const char *content, size_t length,
                             uint32_t token, um_error *error) {
    uint32_t node = trie->roots[(uint8_t)content[0]];
    if (node == 0) {
        UM_TRY(new_node(trie, (uint8_t)content[0], 0, &node, error));
        trie->roots[(uint8_t)content[0]] = node;
    }
    for (size_t i = 1; i < length; i++) {
        const uint8_t byte = (uint8_t)content[i];
        uint32_t child = child_of(trie, node, byte);
        if (child == 0) {
            UM_TRY(new_node(trie, byte, trie->nodes[node].first_child, &child, error));
            trie->nodes[node].first_child = child;
        }
        node = child;
    }
    if (trie->nodes[node].token == NO_TOKEN) {
        trie->nodes[node].token = token;
    }
    return UM_OK;
}

um_status um_added_tokens_index(um_added_tokens *tokens, um_text_normalizer *normalize,
                                const void *user, um_error *error) {
    um_buffer buffer = {0};
    um_status status = UM_OK;
    for (size_t i = 0; i < tokens->count && status == UM_OK; i++) {
        const um_added_token *token = &tokens->tokens[i];
        const char *content = token->content;
        size_t length = token->length;
        if (token->normalized) {
            status = normalize(user, &content, &length, &buffer, error);
        }
        if (status == UM_OK && length > 0) {
            status = trie_insert(token->normalized ? &tokens->normalized : &tokens->raw, content,
                                 length, (uint32_t)i, error);
        }
    }
    um_buffer_free(&buffer);
    return status;
}

/* ---- Splitting ------------------------------------------------------------ */

static uint32_t character_at(const char *text, size_t length) {
    uint32_t code_point = 0xFFFD;
    size_t used = 0;
    (void)um_utf8_next(text, length, &code_point, &used);
    return code_point;
}

static bool inside_word(const char *text, size_t length, size_t start, size_t end) {
    if (start > 0) {
        const size_t before = um_utf8_previous(text, start);
        if (um_character_is_word(character_at(text + before, start - before))) {
            return true;
        }
    }
    return end < length && um_character_is_word(character_at(text + end, length - end));
}

/* The longest token that starts at `at`, or NULL. */
static const um_added_token *longest_at(const um_added_tokens *tokens, const um_token_trie *trie,
                                        const char *text, size_t length, size_t at,
                                        size_t *match_length) {
    uint32_t found = NO_TOKEN;
    uint32_t node = trie->roots[(uint8_t)text[at]];
    for (size_t i = at; node != 0;) {
        i++;
        if (trie->nodes[node].token != NO_TOKEN) {
            found = trie->nodes[node].token;
            *match_length = i - at;
        }
        node = i < length ? child_of(trie, node, (uint8_t)text[i]) : 0;
    }
    return found == NO_TOKEN ? NULL : &tokens->tokens[found];
}

um_status um_added_tokens_split(const um_added_tokens *tokens, const um_token_trie *trie,
                                const char *text, size_t length, um_stretch_function *function,
                                void *user, um_error *error) {
    size_t done = 0;
    size_t at = trie->node_count == 0 ? length : 0;
    while (at < length) {
        size_t match_length = 0;
        const um_added_token *token = longest_at(tokens, trie, text, length, at, &match_length);
        if (!token) {
            at++;
            continue;
        }
        size_t start = at;
        size_t end = at + match_length;
        at = end;
        if (token->single_word && inside_word(text, length, start, end)) {
            continue;
        }
        if (token->lstrip) {
            const size_t stripped = um_space_before(text, start);
            start = stripped > done ? stripped : done;
        }
        if (token->rstrip) {
            end = um_space_after(text, length, end);
        }
        if (start > done) {
            UM_TRY(function(user, NULL, text + done, start - done, error));
        }
        UM_TRY(function(user, token, text + start, end - start, error));
        done = end;
    }
    return done < length ? function(user, NULL, text + done, length - done, error) : UM_OK;
}

void um_added_tokens_free(um_added_tokens *tokens) {
    for (size_t i = 0; i < tokens->count; i++) {
        free(tokens->tokens[i].content);
    }
    free(tokens->tokens);
    free(tokens->raw.nodes);
    free(tokens->normalized.nodes);
    *tokens = (um_added_tokens){0};
}
