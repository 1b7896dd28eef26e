/* The input is a token shard or, if it begins with a brace, the index of several.  Whatever it
 * holds, the tokens of the documents that it names are read from inside it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "train/corpus/shard_index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

/* Records may name the same tokens, so only a bounded number of tokens is read. */
static void read_documents(const um_shard *shard) {
    int32_t tokens[64];
    size_t left = 1 << 16;
    for (size_t i = 0; i < um_shard_document_count(shard) && left > 128; i++, left -= 64) {
        const um_document document = um_shard_document(shard, i);
        require(document.length > 0 && document.length <= um_shard_token_count(shard));
        require(document.prompt_length <= document.length);
        require(document.suffix_length <= document.length - document.prompt_length);
        const size_t some = document.length < 64 ? document.length : 64;
        um_shard_tokens(shard, i, document.length - some, some, tokens);
        if (document.length <= left - 128) {
            int32_t *all = malloc(document.length * sizeof *all);
            require(all != NULL);
            um_shard_tokens(shard, i, 0, document.length, all);
            left -= document.length;
            free(all);
        }
    }
}

static void read_index(const uint8_t *data, size_t size) {
    um_error error = {0};
    um_shard_index index;
    if (um_shard_index_parse((const char *)data, size, "input", &index, &error) == UM_OK) {
        require(index.count > 0);
        for (size_t i = 0; i < index.count; i++) {
            require(index.names[i][0] != '\0' && !strchr(index.names[i], '/'));
        }
    } else {
        require(error.message[0] != '\0');
    }
    um_shard_index_free(&index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    um_error error = {0};
    um_shard *shard = NULL;
    if (size == 0) {
        return 0;
    }
    if (um_shard_index_is(data, size)) {
        read_index(data, size);
    } else if (um_shard_open_bytes(data, size, "input", &shard, &error) == UM_OK) {
        read_documents(shard);
        um_shard_cut_into_pieces(shard, 1 + data[size - 1] % 7);
        read_documents(shard);
        um_shard_close(shard);
    } else {
        require(shard == NULL && error.message[0] != '\0');
    }
    return 0;
}
