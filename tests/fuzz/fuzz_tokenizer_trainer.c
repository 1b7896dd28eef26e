/* The input is learned from: as a text, and line by line as documents.  The vocabulary that results
 * has at least the bytes and the special tokens, and at most the size that was asked for. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tokenizer/trainer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void add_lines(um_tokenizer_trainer *trainer, const char *text, size_t length) {
    um_error error = {0};
    for (size_t number = 1; length > 0; number++) {
        const char *feed = memchr(text, '\n', length);
        const size_t used = feed ? (size_t)(feed - text) + 1 : length;
        const um_status status =
            um_tokenizer_trainer_add_line(trainer, text, used, "input", number, &error);
        require(status == UM_OK || error.message[0] != '\0');
        text += used;
        length -= used;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    um_error error = {0};
    um_tokenizer_trainer *trainer = NULL;
    const um_tokenizer_training training = {
        .vocabulary_size = 320, .replace_ill_formed = size % 2 == 1, .threads = 1};
    require(um_tokenizer_trainer_create(&training, &trainer, &error) == UM_OK);
    (void)um_tokenizer_trainer_add_text(trainer, (const char *)data, size, "input", NULL, &error);
    add_lines(trainer, (const char *)data, size);
    if (um_tokenizer_trainer_learn(trainer, NULL, &error) == UM_OK) {
        const size_t learned = um_tokenizer_trainer_counts(trainer).vocabulary_size;
        require(learned >= 264 && learned <= 320);
    }
    um_tokenizer_trainer_free(trainer);
    return 0;
}
