/* Write a small random model: make_random_model TOKENIZER_DIRECTORY TARGET_DIRECTORY */
#include <stdio.h>

#include "random_model.h"

int main(int argc, char **argv) {
    um_error error = {0};
    const um_model_config config = random_model_config();
    if (argc != 3) {
        (void)fputs("usage: make_random_model TOKENIZER_DIRECTORY TARGET_DIRECTORY\n", stderr);
        return 2;
    }
    if (random_model_write(&config, argv[1], argv[2], &error) != UM_OK) {
        (void)fprintf(stderr, "make_random_model: %s\n", error.message);
        return 1;
    }
    return 0;
}
