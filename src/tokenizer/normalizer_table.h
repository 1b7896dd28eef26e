/* Characters that normalisation form C may change, move or compose with the one before. */
#ifndef UM_TOKENIZER_NORMALIZER_TABLE_H
#define UM_TOKENIZER_NORMALIZER_TABLE_H

#include <stddef.h>
#include <stdint.h>

typedef struct um_character_range {
    uint32_t first;
    uint32_t last;
} um_character_range;

/* Ascending; made by tools/make_normalizer_table.py, which says what is in it. */
extern const um_character_range um_normalizer_table[];
extern const size_t um_normalizer_table_length;

#endif
