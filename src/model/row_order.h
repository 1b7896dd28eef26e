/* The order of query and key rows in GGUF files.
 *
 * For the architectures "llama" and "llada" a GGUF file orders the rows of each head for a rotation
 * of neighbouring pairs (0, 1), (2, 3) ...; this project, like transformers, pairs row i with row
 * i + d/2.  With d rows per head, row 2 i + half of the file is row half * d/2 + i here. */
#ifndef UM_MODEL_ROW_ORDER_H
#define UM_MODEL_ROW_ORDER_H

#include "model/config.h"
#include "tensor/tensor.h"

/* Whether a GGUF file of the family interleaves the rows of the tensor with this GGUF name: query
 * and key weights and biases in the two architectures above. */
bool um_gguf_rows_interleaved(const um_model_config *config, const char *name);

/* The row of a matrix in the halves layout that is row `row` of the file. */
size_t um_gguf_row_source(size_t row, size_t head_dim);

/* Make *tensor (rank 1 or 2, with heads of `head_dim` rows one after another) a view of `copy`,
 * which has room for all its rows and receives them in the halves layout.  A matrix may be of any
 * type; a vector is f32 and may already be at `copy`. */
void um_gguf_rows_to_halves(um_tensor *tensor, size_t head_dim, void *copy);

#endif
