/* Distinct pieces of text with the number of times each occurs. */
#ifndef UM_TOKENIZER_TRAIN_PIECES_H
#define UM_TOKENIZER_TRAIN_PIECES_H

#include "base/buffer.h"
#include "base/status.h"

typedef struct um_counted_piece {
    size_t offset; /* in um_piece_counts.bytes */
    size_t length; /* bytes, at least one */
    uint64_t count;
} um_counted_piece;

/* Zero-initialise; release with um_piece_counts_free. */
typedef struct um_piece_counts {
    um_buffer bytes;          /* all pieces, one after another, in the order of `pieces` */
    um_counted_piece *pieces; /* [length], by first occurrence */
    size_t length;
    size_t capacity;
    struct um_piece_slot *slots; /* [slot_count] by the hash of the bytes */
    size_t slot_count;           /* zero or a power of two */
} um_piece_counts;

/* Count `piece` (`length` > 0 bytes) `times` more times. */
um_status um_piece_counts_add(um_piece_counts *counts, const char *piece, size_t length,
                              uint64_t times, um_error *error);

/* Add the counts of `others`. */
um_status um_piece_counts_add_all(um_piece_counts *counts, const um_piece_counts *others,
                                  um_error *error);

void um_piece_counts_free(um_piece_counts *counts);

#endif
