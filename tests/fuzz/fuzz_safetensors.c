/* The input is the start of a safetensors file.  Whatever it holds, the tensors that the parser
 * returns lie inside the file and follow each other without gaps. */
#include <stdint.h>
#include <stdlib.h>

#include "weights/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void check_entries(const um_safetensors_header *header, size_t file_size) {
    size_t end = header->count > 0 ? header->entries[0].begin : 0;
    for (size_t i = 0; i < header->count; i++) {
        const um_safetensors_entry *entry = &header->entries[i];
        require(entry->name != NULL && entry->dtype_name != NULL);
        require(entry->rank <= UM_TENSOR_MAXIMUM_RANK);
        require(entry->begin == end && entry->bytes <= file_size - entry->begin);
        end = entry->begin + entry->bytes;
        if (entry->supported) {
            um_tensor tensor = {.rank = entry->rank};
            for (size_t j = 0; j < entry->rank; j++) {
                tensor.shape[j] = entry->shape[j];
            }
            size_t count = 0;
            require(um_tensor_count(&tensor, &count));
            require(count * um_dtype_size(entry->dtype) == entry->bytes);
        }
    }
    require(header->count == 0 || end == file_size);
}

static void parse(const uint8_t *data, size_t size, size_t file_size) {
    um_error error = {0};
    um_safetensors_header header;
    if (um_safetensors_parse(data, size, file_size, &header, &error) == UM_OK) {
        check_entries(&header, file_size);
        um_safetensors_header_free(&header);
    } else {
        require(error.message[0] != '\0' && header.entries == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    parse(data, size, size);
    /* As if only the header of a larger file had been read. */
    parse(data, size, size + 4096);
    return 0;
}
