/* The pre-tokenizers that GGUF files name, as steps of a tokenizer.json.  The expressions are those
 * of the models' own tokenizer.json files; "default" is what llama.cpp uses if a file names
 * none. */
#include <string.h>

#include <jansson.h>

#include "tokenizer/gguf_files.h"
#include "tokenizer/splitter.h"

#define LLAMA3                                                                                     \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"                       \
    "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

#define BAILING                                                                                    \
    "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}"                                  \
    "| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"

#define UNNAMED_GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)"

static const um_gguf_pre known[] = {
    {.name = "qwen2", .expressions = {um_splitter_qwen2_pattern}, .normalize = true},
    {.name = "gpt-2"},
    {.name = "llama-bpe", .expressions = {LLAMA3}, .ignore_merges = true},
    {.name = "llada-moe", .expressions = {BAILING}},
    {.name = "smollm", .digits = true},
    {.name = "llama3", .expressions = {LLAMA3}, .ignore_merges = true},
    {.name = "llama-v3", .expressions = {LLAMA3}, .ignore_merges = true},
    {.name = "smaug-bpe", .expressions = {LLAMA3}},
    {.name = "dbrx", .expressions = {LLAMA3}},
    {.name = "bailingmoe", .expressions = {BAILING}},
    {.name = "starcoder", .digits = true},
    {.name = "refact", .digits = true},
    {.name = "codeshell", .digits = true},
    {.name = "default",
     .expressions = {"[\\p{P}\\$\\+<=>\\^~\\|]+", UNNAMED_GPT2, "\\p{N}+", "[0-9][0-9][0-9]"}},
};

const um_gguf_pre *um_gguf_pre_at(size_t index) {
    return index < sizeof known / sizeof *known ? &known[index] : NULL;
}

const um_gguf_pre *um_gguf_pre_find(um_gguf_string name) {
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (um_gguf_string_is(name, known[i].name)) {
            return &known[i];
        }
    }
    return NULL;
}

static json_t *splits(const um_gguf_pre *pre) {
    json_t *steps = json_array();
    if (pre->digits) {
        (void)json_array_append_new(
            steps, json_pack("{s:s, s:b}", "type", "Digits", "individual_digits", 1));
    }
    for (size_t i = 0; i < UM_GGUF_PRE_STEPS && pre->expressions[i]; i++) {
        (void)json_array_append_new(steps, json_pack("{s:s, s:{s:s}, s:s, s:b}", "type", "Split",
                                                     "pattern", "Regex", pre->expressions[i],
                                                     "behavior", "Isolated", "invert", 0));
    }
    (void)json_array_append_new(steps, json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel",
                                                 "add_prefix_space", 0, "trim_offsets", 1,
                                                 "use_regex", pre->expressions[0] == NULL));
    return steps;
}

json_t *um_gguf_pre_json(const um_gguf_pre *pre) {
    return json_pack(
        "{s:s, s:n, s:n, s:o, s:{s:s, s:o}, s:n, s:{s:s, s:b, s:b, s:b}, s:{s:s, s:n, s:n, s:n, "
        "s:n, s:b, s:b, s:b}}",
        "version", "1.0", "truncation", "padding", "normalizer",
        pre->normalize ? json_pack("{s:s}", "type", "NFC") : json_null(), "pre_tokenizer", "type",
        "Sequence", "pretokenizers", splits(pre), "post_processor", "decoder", "type", "ByteLevel",
        "add_prefix_space", 1, "trim_offsets", 1, "use_regex", 1, "model", "type", "BPE", "dropout",
        "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", 0,
        "byte_fallback", 0, "ignore_merges", pre->ignore_merges);
}
