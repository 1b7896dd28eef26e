#include "cli/inspect/inspect_tokenizer.h"

#include <stdio.h>

#include "base/json.h"
#include "cli/quote.h"
#include "tokenizer/chat.h"

/* ---- Findings ------------------------------------------------------------ */

static const char *chat_format_name(const um_tokenizer *tokenizer) {
    switch (um_chat_format_of(tokenizer)) {
        case UM_CHAT_CHATML:
            return "ChatML";
        case UM_CHAT_HEADER:
            return "header";
        case UM_CHAT_NONE:
            break;
    }
    return NULL;
}

static um_status add_finding(um_inspect_report *report, um_finding_kind kind, const um_error *found,
                             um_error *error) {
    return um_inspect_add(report, kind, found->message, error);
}

static um_status check_vocabulary(um_inspect_report *report, const um_tokenizer *tokenizer,
                                  um_error *error) {
    const size_t ids = um_tokenizer_vocabulary_size(tokenizer);
    const size_t rows = report->config.vocabulary_size;
    um_error found = {0};
    if (ids > rows) {
        (void)UM_RAISE(&found, UM_ERR_MISMATCH,
                       "tokenizer: ids up to %zu, but the embedding has %zu rows (vocab_size in "
                       "config.json): it belongs to another model",
                       ids - 1, rows);
        return add_finding(report, UM_FINDING_PROBLEM, &found, error);
    }
    if (ids < rows) {
        (void)UM_RAISE(&found, UM_ERR_MISMATCH,
                       "tokenizer: %zu ids for %zu rows of the embedding: the last %zu have no "
                       "token",
                       ids, rows, rows - ids);
        return add_finding(report, UM_FINDING_NOTE, &found, error);
    }
    return UM_OK;
}

/* A mask token that differs is fatal, since decoding looks for it; the others only matter for
 * where an answer ends. */
static um_status check_special(um_inspect_report *report, const char *name, int32_t of_config,
                               int32_t of_tokenizer, um_finding_kind kind, um_error *error) {
    if (of_config == of_tokenizer || of_config == UM_NO_TOKEN_ID || of_tokenizer < 0) {
        return UM_OK;
    }
    um_error found = {0};
    (void)UM_RAISE(&found, UM_ERR_MISMATCH,
                   "%s token: %d in config.json, %d in the tokenizer's files", name, (int)of_config,
                   (int)of_tokenizer);
    return add_finding(report, kind, &found, error);
}

static um_status check_chat(um_inspect_report *report, const um_tokenizer *tokenizer,
                            um_error *error) {
    if (!um_tokenizer_has_chat_template(tokenizer) || chat_format_name(tokenizer)) {
        return UM_OK;
    }
    return um_inspect_add(report, UM_FINDING_NOTE,
                          "tokenizer: there is a chat template, but of neither known format "
                          "(ChatML, Llama 3 headers): chat is not possible",
                          error);
}

static um_status check(um_inspect_report *report, bool mask_is_given, const um_tokenizer *tokenizer,
                       um_error *error) {
    UM_TRY(check_chat(report, tokenizer, error));
    if (!report->has_config) {
        return UM_OK;
    }
    if (report->config.causal_unless_masked) {
        um_model_config_set_mask(&report->config, um_tokenizer_mask(tokenizer));
    }
    const um_model_config *config = &report->config;
    UM_TRY(check_vocabulary(report, tokenizer, error));
    if (!mask_is_given) {
        UM_TRY(check_special(report, "mask", config->mask_token, um_tokenizer_mask(tokenizer),
                             UM_FINDING_PROBLEM, error));
    }
    UM_TRY(check_special(report, "bos", config->bos_token, um_tokenizer_bos(tokenizer),
                         UM_FINDING_NOTE, error));
    UM_TRY(check_special(report, "eos", config->eos_token, um_tokenizer_eos(tokenizer),
                         UM_FINDING_NOTE, error));
    return check_special(report, "pad", config->pad_token, um_tokenizer_pad(tokenizer),
                         UM_FINDING_NOTE, error);
}

um_status um_cli_inspect_tokenizer(um_inspect_report *report, bool mask_is_given,
                                   um_tokenizer **tokenizer, um_error *error) {
    *tokenizer = NULL;
    if (!um_tokenizer_exists(report->directory)) {
        return um_inspect_add(report, UM_FINDING_NOTE,
                              "no tokenizer (tokenizer.json, or vocab.json and merges.txt; in a "
                              "GGUF file tokenizer.ggml.*): only token ids can be given to this "
                              "model",
                              error);
    }
    um_error found = {0};
    if (um_tokenizer_load(report->directory, tokenizer, &found) != UM_OK) {
        return add_finding(report, UM_FINDING_PROBLEM, &found, error);
    }
    return check(report, mask_is_given, *tokenizer, error);
}

/* ---- Text and JSON ------------------------------------------------------- */

typedef struct special_token {
    const char *name;
    int32_t id;
} special_token;

#define SPECIAL_COUNT 4

static void special_tokens(const um_tokenizer *tokenizer, special_token tokens[SPECIAL_COUNT]) {
    tokens[0] = (special_token){"mask", um_tokenizer_mask(tokenizer)};
    tokens[1] = (special_token){"bos", um_tokenizer_bos(tokenizer)};
    tokens[2] = (special_token){"eos", um_tokenizer_eos(tokenizer)};
    tokens[3] = (special_token){"pad", um_tokenizer_pad(tokenizer)};
}

static um_status put_special(const um_tokenizer *tokenizer, const special_token *token,
                             um_buffer *text, um_error *error) {
    const char *bytes = NULL;
    size_t length = 0;
    if (!um_tokenizer_token_bytes(tokenizer, token->id, &bytes, &length)) {
        return um_buffer_append_format(text, error, ", %s none", token->name);
    }
    UM_TRY(um_buffer_append_format(text, error, ", %s %d ", token->name, (int)token->id));
    return um_cli_append_quoted(text, bytes, length, error);
}

um_status um_cli_tokenizer_text(const um_tokenizer *tokenizer, um_buffer *text, um_error *error) {
    if (!tokenizer) {
        return um_buffer_append_text(text, "tokenizer       none\n", error);
    }
    special_token tokens[SPECIAL_COUNT];
    special_tokens(tokenizer, tokens);
    UM_TRY(um_buffer_append_format(text, error, "tokenizer       %zu ids",
                                   um_tokenizer_vocabulary_size(tokenizer)));
    for (size_t i = 0; i < SPECIAL_COUNT; i++) {
        UM_TRY(put_special(tokenizer, &tokens[i], text, error));
    }
    const char *format = chat_format_name(tokenizer);
    return um_buffer_append_format(
        text, error, "\nchat            %s%s\n", format ? format : "no known format",
        um_tokenizer_has_chat_template(tokenizer) ? ", with a template: tuned for chat"
                                                  : ", without a template: a base model");
}

json_t *um_cli_tokenizer_json(const um_tokenizer *tokenizer) {
    if (!tokenizer) {
        return json_null();
    }
    special_token tokens[SPECIAL_COUNT];
    special_tokens(tokenizer, tokens);
    json_t *object = json_pack("{s:I, s:s?, s:b}", "vocabulary_size",
                               (json_int_t)um_tokenizer_vocabulary_size(tokenizer), "chat_format",
                               chat_format_name(tokenizer), "has_chat_template",
                               um_tokenizer_has_chat_template(tokenizer));
    for (size_t i = 0; i < SPECIAL_COUNT; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "%s_token", tokens[i].name);
        (void)json_object_set_new(object, key,
                                  tokens[i].id < 0 ? json_null() : json_integer(tokens[i].id));
    }
    return object;
}
