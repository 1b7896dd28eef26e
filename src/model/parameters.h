/* The parameters of a model as named tensors, bound to a checkpoint or laid out in one block. */
#ifndef UM_MODEL_PARAMETERS_H
#define UM_MODEL_PARAMETERS_H

#include "model/config.h"
#include "tensor/tensor.h"
#include "weights/checkpoint.h"

/* Matrices are [output features, input features].  An absent tensor has data == NULL.
 * Tensors of rank 1 are always UM_DTYPE_F32; matrices have the type of the checkpoint. */
typedef struct um_layer_parameters {
    um_tensor attention_norm;   /* [hidden] */
    um_tensor query;            /* [heads * head_dim, hidden] */
    um_tensor key;              /* [kv_heads * head_dim, hidden] */
    um_tensor value;            /* [kv_heads * head_dim, hidden] */
    um_tensor query_bias;       /* [heads * head_dim], with qkv_bias */
    um_tensor key_bias;         /* [kv_heads * head_dim], with qkv_bias */
    um_tensor value_bias;       /* [kv_heads * head_dim], with qkv_bias */
    um_tensor query_norm;       /* [head_dim], with qk_norm */
    um_tensor key_norm;         /* [head_dim], with qk_norm */
    um_tensor attention_output; /* [hidden, heads * head_dim] */
    um_tensor mlp_norm;         /* [hidden] */
    um_tensor gate;             /* [intermediate, hidden] */
    um_tensor up;               /* [intermediate, hidden] */
    um_tensor down;             /* [hidden, intermediate] */
} um_layer_parameters;

typedef struct um_parameters {
    um_tensor embedding;         /* [vocabulary, hidden] */
    um_tensor final_norm;        /* [hidden] */
    um_tensor head;              /* [vocabulary, hidden]; equal to `embedding` when tied */
    um_layer_parameters *layers; /* [layer_count] */
    size_t layer_count;
    void *owned; /* memory of the rank-1 tensors, or of everything after um_parameters_lay_out */
} um_parameters;

/* Parts of a model, for reports and for optimiser settings. */
#define UM_PARAMETER_GROUP_LIST(X)                                                                 \
    X(UM_PARAMETERS_EMBEDDING, "embedding")                                                        \
    X(UM_PARAMETERS_ATTENTION, "attention") /* projections and their biases */                     \
    X(UM_PARAMETERS_MLP, "mlp")                                                                    \
    X(UM_PARAMETERS_NORM, "norm")                                                                  \
    X(UM_PARAMETERS_HEAD, "head")

typedef enum um_parameter_group {
#define UM_PARAMETER_GROUP_ENUMERATOR(name, text) name,
    UM_PARAMETER_GROUP_LIST(UM_PARAMETER_GROUP_ENUMERATOR)
#undef UM_PARAMETER_GROUP_ENUMERATOR
        UM_PARAMETER_GROUPS /* how many there are */
} um_parameter_group;

const char *um_parameter_group_name(um_parameter_group group);

/* The group of the tensor that checkpoints of `family`, or GGUF files, call `name`; false if there
 * is none. */
bool um_parameters_group_of(um_family family, const char *name, um_parameter_group *group);

/* How the tensors of a checkpoint are named. */
typedef enum um_tensor_naming {
    UM_NAMES_HUGGING_FACE, /* as in the family's own software */
    UM_NAMES_GGUF          /* "blk.0.attn_q.weight" */
} um_tensor_naming;

um_tensor_naming um_parameters_naming(const um_checkpoint *checkpoint);

/* Called for every tensor that `config` has, except a tied head, in a fixed order: embedding, layer
 * by layer, final norm, head.  `name` is the tensor's name in checkpoints, valid until the visitor
 * returns; `expected` has its shape (data NULL). */
typedef um_status um_parameter_visitor(void *user, const char *name, um_tensor *tensor,
                                       const um_tensor *expected, um_error *error);

/* Visit all tensors; stops at the first failure of the visitor and returns it.  If `parameters` is
 * NULL, so is the visitor's `tensor`, and it learns only names and shapes. */
um_status um_parameters_visit(um_parameters *parameters, const um_model_config *config,
                              um_parameter_visitor *visitor, void *user, um_error *error);

/* The same with the names of `naming`; um_parameters_visit uses those of Hugging Face. */
um_status um_parameters_visit_named(um_parameters *parameters, const um_model_config *config,
                                    um_tensor_naming naming, um_parameter_visitor *visitor,
                                    void *user, um_error *error);

/* Bind every tensor of `config` in `checkpoint` by name, checking type and shape.  Matrices stay
 * views into the mapped files, so `checkpoint` must outlive `parameters`; tensors of rank 1 become
 * owned f32 and must be finite.  Query and key rows that a GGUF file stores in the order of the
 * interleaved rotation are copied into the halves layout (docs/GGUF.md).  Sets config->tied_head
 * from the files: a separate head is used whenever there is one.  UM_ERR_MISMATCH lists missing
 * tensors by name, or names one that has another shape, has a value that is not finite, or is
 * unknown to the family (in a layer; in a GGUF file, anywhere); UM_ERR_UNSUPPORTED for a type that
 * is not in UM_DTYPE_LIST. */
um_status um_parameters_bind(um_parameters *parameters, um_model_config *config,
                             const um_checkpoint *checkpoint, um_error *error);

/* Called for each tensor of a checkpoint that the model does not use.  `harmless`: it contains
 * nothing that was learnt, such as rotary frequencies. */
typedef void um_parameter_leftover(void *user, const um_stored_tensor *stored, bool harmless);

um_status um_parameters_leftovers(const um_model_config *config, const um_checkpoint *checkpoint,
                                  um_parameter_leftover *leftover, void *user, um_error *error);

/* Lay all tensors out in one zeroed f32 block, each aligned to UM_ALIGNMENT, for training:
 * parameters, gradients and optimiser moments share the layout, so that one flat loop
 * handles all of them.  `block` receives the memory (owned by `parameters`), `count` its floats. */
um_status um_parameters_lay_out(um_parameters *parameters, const um_model_config *config,
                                float **block, size_t *count, um_error *error);

/* Fill the f32 tensors of `target`, laid out for `config`, with those of `source`, converted.  If
 * the head of `config` is tied, the source's own head, if any, is left out. */
um_status um_parameters_copy(um_parameters *target, const um_parameters *source,
                             const um_model_config *config, um_error *error);

void um_parameters_free(um_parameters *parameters);

#endif
