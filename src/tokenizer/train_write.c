/* Writes a trained tokenizer as the two files of a Hugging Face directory, laid out as the
 * tokenizers and transformers libraries write them. */
#include <string.h>

#include "base/atomic_file.h"
#include "base/directory.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/train_internal.h"

#define END_OF_TEXT "<|endoftext|>"
#define MASK "<|mask|>"

/* ChatML as um_chat_encode writes it. */
static const char chat_template[] =
    "{%- if messages[0].role != 'system' -%}\n"
    "{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}\n"
    "{%- endif -%}\n"
    "{%- for message in messages -%}\n"
    "{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}\n"
    "{%- endfor -%}\n"
    "{%- if add_generation_prompt -%}\n"
    "{{ '<|im_start|>assistant\\n' }}\n"
    "{%- endif -%}\n";

/* ---- tokenizer.json ------------------------------------------------------------- */

static um_status put_added_tokens(const um_tokenizer_trainer *trainer, um_buffer *out,
                                  um_error *error) {
    UM_TRY(um_buffer_append_text(out, "  \"added_tokens\": [", error));
    for (size_t i = 0; i < trainer->special_count; i++) {
        const char *token = trainer->special_tokens[i];
        UM_TRY(um_buffer_append_format(
            out, error, "%s\n    {\n      \"id\": %zu,\n      \"content\": ", i > 0 ? "," : "",
            trainer->learned.vocabulary.size + i));
        UM_TRY(um_json_append_string(out, token, strlen(token), error));
        UM_TRY(um_buffer_append_text(out,
                                     ",\n"
                                     "      \"single_word\": false,\n"
                                     "      \"lstrip\": false,\n"
                                     "      \"rstrip\": false,\n"
                                     "      \"normalized\": false,\n"
                                     "      \"special\": true\n"
                                     "    }",
                                     error));
    }
    return um_buffer_append_text(out, "\n  ],\n", error);
}

static um_status put_steps(um_buffer *out, um_error *error) {
    UM_TRY(um_buffer_append_text(out,
                                 "  \"normalizer\": {\n"
                                 "    \"type\": \"NFC\"\n"
                                 "  },\n"
                                 "  \"pre_tokenizer\": {\n"
                                 "    \"type\": \"Sequence\",\n"
                                 "    \"pretokenizers\": [\n"
                                 "      {\n"
                                 "        \"type\": \"Split\",\n"
                                 "        \"pattern\": {\n"
                                 "          \"Regex\": ",
                                 error));
    UM_TRY(um_json_append_string(out, um_splitter_qwen2_pattern, strlen(um_splitter_qwen2_pattern),
                                 error));
    return um_buffer_append_text(out,
                                 "\n"
                                 "        },\n"
                                 "        \"behavior\": \"Isolated\",\n"
                                 "        \"invert\": false\n"
                                 "      },\n"
                                 "      {\n"
                                 "        \"type\": \"ByteLevel\",\n"
                                 "        \"add_prefix_space\": false,\n"
                                 "        \"trim_offsets\": true,\n"
                                 "        \"use_regex\": false\n"
                                 "      }\n"
                                 "    ]\n"
                                 "  },\n"
                                 "  \"post_processor\": null,\n"
                                 "  \"decoder\": {\n"
                                 "    \"type\": \"ByteLevel\",\n"
                                 "    \"add_prefix_space\": true,\n"
                                 "    \"trim_offsets\": true,\n"
                                 "    \"use_regex\": true\n"
                                 "  },\n",
                                 error);
}

/* Append the token as a JSON string; `scratch` is overwritten. */
static um_status put_token(const um_tokenizer_trainer *trainer, int32_t id, um_buffer *scratch,
                           um_buffer *out, um_error *error) {
    const char *bytes = NULL;
    size_t length = 0;
    (void)um_vocabulary_bytes(&trainer->learned.vocabulary, id, &bytes, &length);
    um_buffer_clear(scratch);
    UM_TRY(um_text_of_bytes(bytes, length, scratch, error));
    return um_json_append_string(out, scratch->data, scratch->length, error);
}

static um_status put_vocabulary(const um_tokenizer_trainer *trainer, um_buffer *scratch,
                                um_buffer *out, um_error *error) {
    UM_TRY(um_buffer_append_text(out, "    \"vocab\": {", error));
    for (size_t i = 0; i < trainer->learned.vocabulary.size; i++) {
        UM_TRY(um_buffer_append_text(out, i > 0 ? ",\n      " : "\n      ", error));
        UM_TRY(put_token(trainer, (int32_t)i, scratch, out, error));
        UM_TRY(um_buffer_append_format(out, error, ": %zu", i));
    }
    return um_buffer_append_text(out, "\n    },\n", error);
}

static um_status put_merges(const um_tokenizer_trainer *trainer, um_buffer *scratch, um_buffer *out,
                            um_error *error) {
    UM_TRY(um_buffer_append_text(out, "    \"merges\": [", error));
    for (size_t i = 0; i < trainer->learned.length; i++) {
        const um_learned_merge *merge = &trainer->learned.merges[i];
        UM_TRY(um_buffer_append_text(out, i > 0 ? ",\n      [\n        " : "\n      [\n        ",
                                     error));
        UM_TRY(put_token(trainer, merge->left, scratch, out, error));
        UM_TRY(um_buffer_append_text(out, ",\n        ", error));
        UM_TRY(put_token(trainer, merge->right, scratch, out, error));
        UM_TRY(um_buffer_append_text(out, "\n      ]", error));
    }
    return um_buffer_append_text(out, trainer->learned.length > 0 ? "\n    ]\n" : "]\n", error);
}

static um_status put_tokenizer(const um_tokenizer_trainer *trainer, um_buffer *scratch,
                               um_buffer *out, um_error *error) {
    UM_TRY(um_buffer_append_text(out,
                                 "{\n"
                                 "  \"version\": \"1.0\",\n"
                                 "  \"truncation\": null,\n"
                                 "  \"padding\": null,\n",
                                 error));
    UM_TRY(put_added_tokens(trainer, out, error));
    UM_TRY(put_steps(out, error));
    UM_TRY(um_buffer_append_text(out,
                                 "  \"model\": {\n"
                                 "    \"type\": \"BPE\",\n"
                                 "    \"dropout\": null,\n"
                                 "    \"unk_token\": null,\n"
                                 "    \"continuing_subword_prefix\": null,\n"
                                 "    \"end_of_word_suffix\": null,\n"
                                 "    \"fuse_unk\": false,\n"
                                 "    \"byte_fallback\": false,\n"
                                 "    \"ignore_merges\": false,\n",
                                 error));
    UM_TRY(put_vocabulary(trainer, scratch, out, error));
    UM_TRY(put_merges(trainer, scratch, out, error));
    return um_buffer_append_text(out, "  }\n}", error);
}

/* ---- tokenizer_config.json ------------------------------------------------------ */

static um_status put_configuration(const um_tokenizer_trainer *trainer, um_buffer *out,
                                   um_error *error) {
    UM_TRY(um_buffer_append_text(
        out, "{\n  \"add_prefix_space\": false,\n  \"added_tokens_decoder\": {", error));
    for (size_t i = 0; i < trainer->special_count; i++) {
        const char *token = trainer->special_tokens[i];
        UM_TRY(um_buffer_append_format(out, error, "%s\n    \"%zu\": {\n      \"content\": ",
                                       i > 0 ? "," : "", trainer->learned.vocabulary.size + i));
        UM_TRY(um_json_append_string(out, token, strlen(token), error));
        UM_TRY(um_buffer_append_text(out,
                                     ",\n"
                                     "      \"lstrip\": false,\n"
                                     "      \"normalized\": false,\n"
                                     "      \"rstrip\": false,\n"
                                     "      \"single_word\": false,\n"
                                     "      \"special\": true\n"
                                     "    }",
                                     error));
    }
    UM_TRY(
        um_buffer_append_text(out, "\n  },\n  \"bos_token\": null,\n  \"chat_template\": ", error));
    UM_TRY(um_json_append_string(out, chat_template, strlen(chat_template), error));
    return um_buffer_append_text(out,
                                 ",\n"
                                 "  \"clean_up_tokenization_spaces\": false,\n"
                                 "  \"eos_token\": \"" END_OF_TEXT "\",\n"
                                 "  \"mask_token\": \"" MASK "\",\n"
                                 "  \"pad_token\": \"" END_OF_TEXT "\",\n"
                                 "  \"tokenizer_class\": \"PreTrainedTokenizerFast\",\n"
                                 "  \"unk_token\": null\n"
                                 "}\n",
                                 error);
}

/* ---- Files ------------------------------------------------------------------------ */

static um_status write_file(const char *directory, const char *name, const um_buffer *contents,
                            um_error *error) {
    char path[4096];
    UM_TRY(um_path_join(path, sizeof path, directory, name, error));
    return um_file_write(path, contents->data, contents->length, error);
}

um_status um_tokenizer_trainer_write(const um_tokenizer_trainer *trainer, const char *directory,
                                     um_error *error) {
    if (trainer->learned.vocabulary.size == 0) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "%s: nothing has been learned yet", directory);
    }
    UM_TRY(um_directory_make(directory, false, error));
    um_buffer scratch = {0};
    um_buffer out = {0};
    um_status status = put_configuration(trainer, &out, error);
    if (status == UM_OK) {
        status = write_file(directory, "tokenizer_config.json", &out, error);
    }
    um_buffer_clear(&out);
    if (status == UM_OK) {
        status = put_tokenizer(trainer, &scratch, &out, error);
    }
    if (status == UM_OK) {
        status = write_file(directory, "tokenizer.json", &out, error);
    }
    um_buffer_free(&scratch);
    um_buffer_free(&out);
    return status;
}
