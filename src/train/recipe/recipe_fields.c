#include "train/recipe/recipe_fields.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"

#define LARGEST_SIZE 1e12
#define DEFAULT_SAVED_WEIGHTS UM_DTYPE_BF16

/* Sizes, including the seed, are written as 64-bit integers, choices as int. */
_Static_assert(sizeof(size_t) == sizeof(int64_t), "a recipe's sizes have 64 bits");
_Static_assert(sizeof(um_objective) == sizeof(int) && sizeof(um_dtype) == sizeof(int),
               "enumerations are as large as int");

static const um_recipe_choice objectives[] = {{"causal", UM_OBJECTIVE_CAUSAL},
                                              {"diffusion", UM_OBJECTIVE_DIFFUSION},
                                              {"coupled_grpo", UM_OBJECTIVE_COUPLED_GRPO},
                                              {NULL, 0}};
static const um_recipe_choice weight_types[] = {
    {"f32", UM_DTYPE_F32}, {"bf16", UM_DTYPE_BF16}, {NULL, 0}};
static const um_recipe_choice saved_types[] = {
    {"f32", UM_DTYPE_F32}, {"bf16", UM_DTYPE_BF16}, {"f16", UM_DTYPE_F16}, {NULL, 0}};
static const um_recipe_choice optimizers[] = {
    {"adamw", UM_OPTIMIZER_ADAMW}, {"muon", UM_OPTIMIZER_MUON}, {NULL, 0}};
static const um_recipe_choice weightings[] = {{"inverse_rate", UM_WEIGHTING_INVERSE_RATE},
                                              {"none", UM_WEIGHTING_NONE},
                                              {"cart", UM_WEIGHTING_CART},
                                              {NULL, 0}};
static const um_recipe_choice normalisations[] = {{"tokens", UM_NORMALISE_TOKENS},
                                                  {"masked", UM_NORMALISE_MASKED},
                                                  {"answers", UM_NORMALISE_ANSWERS},
                                                  {NULL, 0}};
static const um_recipe_choice paddings[] = {{"random", UM_PADDING_RANDOM},
                                            {"fixed", UM_PADDING_FIXED},
                                            {"batch", UM_PADDING_BATCH},
                                            {NULL, 0}};
static const um_recipe_choice packings[] = {
    {"documents", UM_PACKING_DOCUMENTS}, {"fixed_length", UM_PACKING_FIXED_LENGTH}, {NULL, 0}};
static const um_recipe_choice reductions[] = {
    {"ordered", UM_REDUCTION_ORDERED}, {"fast", UM_REDUCTION_FAST}, {NULL, 0}};
static const um_recipe_choice estimators[] = {{"coupled", UM_ESTIMATOR_COUPLED},
                                              {"decoupled", UM_ESTIMATOR_DECOUPLED},
                                              {"full_mask", UM_ESTIMATOR_FULL_MASK},
                                              {"trajectory", UM_ESTIMATOR_TRAJECTORY},
                                              {NULL, 0}};
static const um_recipe_choice baselines[] = {{"group_mean", UM_BASELINE_GROUP_MEAN},
                                             {"leave_one_out", UM_BASELINE_LEAVE_ONE_OUT},
                                             {NULL, 0}};
static const um_recipe_choice extents[] = {
    {"to_end", UM_COMPLETION_TO_END}, {"all", UM_COMPLETION_ALL}, {NULL, 0}};
static const um_recipe_choice completion_normalisations[] = {
    {"completions", UM_MEAN_OF_COMPLETIONS},
    {"tokens", UM_MEAN_OF_TOKENS},
    {"positions", UM_MEAN_OF_POSITIONS},
    {NULL, 0}};
static const um_recipe_choice sandboxes[] = {{"full", UM_SANDBOX_FULL},
                                             {"namespaces", UM_SANDBOX_NAMESPACES},
                                             {"bubblewrap", UM_SANDBOX_BUBBLEWRAP},
                                             {"seccomp", UM_SANDBOX_SECCOMP},
                                             {"none", UM_SANDBOX_NONE},
                                             {NULL, 0}};

#define AT(member) offsetof(um_recipe, member)

/* Who reads a member. */
#define CAUSAL (1u << UM_OBJECTIVE_CAUSAL)
#define DIFFUSION (1u << UM_OBJECTIVE_DIFFUSION)
#define GRPO (1u << UM_OBJECTIVE_COUPLED_GRPO)
#define DOCUMENTS (CAUSAL | DIFFUSION) /* both learn from shards */
#define MASKS (DIFFUSION | GRPO)
#define ALL (CAUSAL | DIFFUSION | GRPO)
#define MUON (ALL | UM_READ_BY_MUON)

const um_recipe_field um_recipe_fields[] = {
    {"model", UM_FIELD_PATH, ALL, AT(model), true, 0, 0, NULL},
    {"train", UM_FIELD_PATH, DOCUMENTS, AT(train), false, 0, 0, NULL},
    {"validation", UM_FIELD_PATH, DOCUMENTS, AT(validation), false, 0, 0, NULL},
    {"initialise", UM_FIELD_BOOL, ALL, AT(initialise), false, 0, 0, NULL},
    {"objective", UM_FIELD_CHOICE, ALL, AT(objective), true, 0, 0, objectives},
    {"steps", UM_FIELD_SIZE, ALL, AT(steps), true, 1, LARGEST_SIZE, NULL},
    {"batch_tokens", UM_FIELD_SIZE, ALL, AT(batch_tokens), true, 1, 1e8, NULL},
    {"gradient_accumulation", UM_FIELD_SIZE, DOCUMENTS, AT(gradient_accumulation), false, 1, 1e6,
     NULL},
    {"context_length", UM_FIELD_SIZE, ALL, AT(context_length), true, 2, 1e7, NULL},
    {"packing", UM_FIELD_CHOICE, DOCUMENTS, AT(packing), false, 0, 0, packings},
    {"seed", UM_FIELD_SIZE, ALL, AT(seed), false, 0, LARGEST_SIZE, NULL},
    {"learning_rate", UM_FIELD_NUMBER, ALL, AT(learning_rate), true, 0, 10, NULL},
    {"minimum_rate_ratio", UM_FIELD_NUMBER, ALL, AT(minimum_rate_ratio), false, 0, 1, NULL},
    {"warmup_steps", UM_FIELD_SIZE, ALL, AT(warmup_steps), false, 0, LARGEST_SIZE, NULL},
    {"optimizer", UM_FIELD_CHOICE, ALL, AT(optimizer), false, 0, 0, optimizers},
    {"momentum", UM_FIELD_NUMBER, MUON, AT(momentum), false, 0, 0.999999, NULL},
    {"beta1", UM_FIELD_NUMBER, ALL, AT(beta1), false, 0, 0.999999, NULL},
    {"beta2", UM_FIELD_NUMBER, ALL, AT(beta2), false, 0, 0.999999, NULL},
    {"epsilon", UM_FIELD_NUMBER, ALL, AT(epsilon), false, 1e-30, 1, NULL},
    {"weight_decay", UM_FIELD_NUMBER, ALL, AT(weight_decay), false, 0, 10, NULL},
    {"gradient_clip", UM_FIELD_NUMBER, ALL, AT(gradient_clip), false, 0, 1e9, NULL},
    {"weights", UM_FIELD_CHOICE, ALL, AT(weights), false, 0, 0, weight_types},
    {"products", UM_FIELD_CHOICE, ALL, AT(products), false, 0, 0, weight_types},
    {"reduction", UM_FIELD_CHOICE, ALL, AT(reduction), false, 0, 0, reductions},
    {"recompute_activations", UM_FIELD_BOOL, ALL, AT(recompute_activations), false, 0, 0, NULL},
    {"saved_weights", UM_FIELD_CHOICE, ALL, AT(saved_weights), false, 0, 0, saved_types},
    {"prompt_loss_weight", UM_FIELD_NUMBER, CAUSAL, AT(prompt_loss_weight), false, 0, 1e6, NULL},
    {"mask_prompt_probability", UM_FIELD_NUMBER, MASKS, AT(mask_prompt_probability), false, 0, 1,
     NULL},
    {"mask_prompt_annealing_steps", UM_FIELD_SIZE, DIFFUSION, AT(mask_prompt_steps), false, 0,
     LARGEST_SIZE, NULL},
    {"mask_prompt_annealing_epochs", UM_FIELD_NUMBER, DIFFUSION, AT(mask_prompt_epochs), false, 0,
     1e6, NULL},
    {"random_truncation_probability", UM_FIELD_NUMBER, DOCUMENTS, AT(random_truncation_probability),
     false, 0, 1, NULL},
    {"clean_prefix_probability", UM_FIELD_NUMBER, DIFFUSION, AT(clean_prefix_probability), false, 0,
     1, NULL},
    {"minimum_mask_rate", UM_FIELD_NUMBER, DIFFUSION, AT(minimum_mask_rate), false, 1e-6, 1, NULL},
    {"loss_weighting", UM_FIELD_CHOICE, DIFFUSION, AT(loss_weighting), false, 0, 0, weightings},
    {"cart_probability", UM_FIELD_NUMBER, DIFFUSION, AT(cart_probability), false, 1e-6, 1, NULL},
    {"loss_normalisation", UM_FIELD_CHOICE, DIFFUSION, AT(normalisation), false, 0, 0,
     normalisations},
    {"answer_padding", UM_FIELD_CHOICE, DOCUMENTS, AT(answer_padding), false, 0, 0, paddings},
    {"pad_token", UM_FIELD_TEXT, ALL, AT(pad_token), false, 0, 0, NULL},
    {"mask_token", UM_FIELD_TEXT, MASKS, AT(mask_token), false, 0, 0, NULL},
    {"answer_length", UM_FIELD_SIZE, ALL, AT(answer_length), false, 0, 1e7, NULL},
    {"infilling_length", UM_FIELD_SIZE, ALL, AT(infilling_length), false, 0, 1e7, NULL},
    {"attention_annealing_steps", UM_FIELD_SIZE, DIFFUSION, AT(annealing_steps), false, 0,
     LARGEST_SIZE, NULL},
    {"validation_interval", UM_FIELD_SIZE, ALL, AT(validation_interval), false, 0, LARGEST_SIZE,
     NULL},
    {"checkpoint_minutes", UM_FIELD_NUMBER, ALL, AT(checkpoint_minutes), false, 0.001, 1e6, NULL},
    {"problems", UM_FIELD_PATH, GRPO, AT(problems), false, 0, 0, NULL},
    {"validation_problems", UM_FIELD_PATH, ALL, AT(validation_problems), false, 0, 0, NULL},
    {"group_size", UM_FIELD_SIZE, GRPO, AT(grpo.group_size), false, 2, 1e6, NULL},
    {"problems_per_step", UM_FIELD_SIZE, GRPO, AT(grpo.problems_per_step), false, 1, 1e6, NULL},
    {"inner_updates", UM_FIELD_SIZE, GRPO, AT(grpo.inner_updates), false, 1, 1000, NULL},
    {"estimator", UM_FIELD_CHOICE, GRPO, AT(grpo.estimator), false, 0, 0, estimators},
    {"mask_pairs", UM_FIELD_SIZE, GRPO, AT(grpo.mask_pairs), false, 1, 100, NULL},
    {"pair_rate_minimum", UM_FIELD_NUMBER, GRPO, AT(grpo.pair_rate_minimum), false, 0.001, 0.999,
     NULL},
    {"pair_rate_maximum", UM_FIELD_NUMBER, GRPO, AT(grpo.pair_rate_maximum), false, 0.001, 0.999,
     NULL},
    {"shared_pair_rate", UM_FIELD_BOOL, GRPO, AT(grpo.shared_pair_rate), false, 0, 0, NULL},
    {"trajectory_states", UM_FIELD_SIZE, GRPO, AT(grpo.trajectory_states), false, 0, 1e6, NULL},
    {"shared_group_masks", UM_FIELD_BOOL, GRPO, AT(grpo.shared_group_masks), false, 0, 0, NULL},
    {"clip_low", UM_FIELD_NUMBER, GRPO, AT(grpo.clip_low), false, 0, 1, NULL},
    {"clip_high", UM_FIELD_NUMBER, GRPO, AT(grpo.clip_high), false, 0, 1e6, NULL},
    {"kl_coefficient", UM_FIELD_NUMBER, GRPO, AT(grpo.kl_coefficient), false, 0, 1e6, NULL},
    {"advantage_baseline", UM_FIELD_CHOICE, GRPO, AT(grpo.advantage_baseline), false, 0, 0,
     baselines},
    {"scale_advantages", UM_FIELD_BOOL, GRPO, AT(grpo.scale_advantages), false, 0, 0, NULL},
    {"completion_extent", UM_FIELD_CHOICE, GRPO, AT(grpo.completion_extent), false, 0, 0, extents},
    {"completion_normalisation", UM_FIELD_CHOICE, GRPO, AT(grpo.completion_normalisation), false, 0,
     0, completion_normalisations},
    {"reference_interval", UM_FIELD_SIZE, GRPO, AT(grpo.reference_interval), false, 0, LARGEST_SIZE,
     NULL},
    {"reference_mixing", UM_FIELD_NUMBER, GRPO, AT(grpo.reference_mixing), false, 0, 1, NULL},
    {"prompt_length", UM_FIELD_SIZE, ALL, AT(problem_options.prompt_length), false, 0, 1e7, NULL},
    {"rollout", UM_FIELD_DECODING, GRPO, AT(grpo.rollout), false, 0, 0, NULL},
    {"validation_rollout", UM_FIELD_DECODING, ALL, AT(problem_options.validation_rollout), false, 0,
     0, NULL},
    {"early_stop", UM_FIELD_BOOL, GRPO, AT(grpo.early_stop), false, 0, 0, NULL},
    {"rollout_batch", UM_FIELD_SIZE, ALL, AT(problem_options.rollout_batch), false, 1, 4096, NULL},
    {"validation_maximum", UM_FIELD_SIZE, ALL, AT(problem_options.validation_maximum), false, 0,
     LARGEST_SIZE, NULL},
    {"code_weight", UM_FIELD_NUMBER, GRPO, AT(grpo.reward.code), false, 0, 1e6, NULL},
    {"format_weight", UM_FIELD_NUMBER, GRPO, AT(grpo.reward.format), false, 0, 1e6, NULL},
    {"binary_code", UM_FIELD_BOOL, GRPO, AT(grpo.reward.binary_code), false, 0, 0, NULL},
    {"sandbox", UM_FIELD_CHOICE, ALL, AT(problem_options.sandbox), false, 0, 0, sandboxes},
    {"judge_timeout", UM_FIELD_NUMBER, ALL, AT(problem_options.judge_timeout), false, 0.01, 86400,
     NULL},
    {"judge_memory", UM_FIELD_SIZE, ALL, AT(problem_options.judge_memory), false, 64, 1e6, NULL},
    {"judge_workers", UM_FIELD_SIZE, ALL, AT(problem_options.judge_workers), false, 0, 4096, NULL},
};
const size_t um_recipe_field_count = sizeof um_recipe_fields / sizeof *um_recipe_fields;
_Static_assert(sizeof um_recipe_fields / sizeof *um_recipe_fields <= UM_RECIPE_FIELD_MAXIMUM,
               "a recipe notes for every member whether it was given");

void um_recipe_set_defaults(um_recipe *recipe) {
    *recipe = (um_recipe){
        .gradient_accumulation = 1,
        .seed = 1,
        .minimum_rate_ratio = 0.1,
        .momentum = 0.95,
        .beta1 = 0.9,
        .beta2 = 0.95,
        .epsilon = 1e-8,
        .weight_decay = 0.1,
        .gradient_clip = 1.0,
        .weights = UM_DTYPE_F32,
        .products = UM_DTYPE_F32,
        .saved_weights = DEFAULT_SAVED_WEIGHTS,
        .prompt_loss_weight = 1.0,
        .mask_prompt_probability = 1.0,
        .minimum_mask_rate = 1e-3,
        .cart_probability = 0.1,
        .checkpoint_minutes = 10,
        .problem_options = {.rollout_batch = 32, .judge_timeout = 5, .judge_memory = 512}};
}

void um_recipe_set_grpo_defaults(um_recipe *recipe) {
    recipe->beta2 = 0.99;
    recipe->gradient_clip = 0.2;
    recipe->mask_prompt_probability = 0;
    recipe->grpo = (um_grpo_options){.group_size = 10,
                                     .problems_per_step = 8,
                                     .inner_updates = 2,
                                     .mask_pairs = 1,
                                     .trajectory_states = 4,
                                     .pair_rate_minimum = 0.2,
                                     .pair_rate_maximum = 0.8,
                                     .clip_low = 0.5,
                                     .clip_high = 0.5,
                                     .kl_coefficient = 0.01,
                                     .reference_interval = 64,
                                     .reference_mixing = 0.6,
                                     .reward = um_reward_default_weights()};
}

const um_recipe_field *um_recipe_find_field(const char *key) {
    for (size_t i = 0; i < um_recipe_field_count; i++) {
        if (strcmp(um_recipe_fields[i].key, key) == 0) {
            return &um_recipe_fields[i];
        }
    }
    return NULL;
}

bool um_recipe_field_is_of_grpo(const um_recipe_field *field) {
    return field->offset >= AT(grpo) && field->offset < AT(grpo) + sizeof(um_grpo_options);
}

bool um_recipe_field_is_of_problems(const um_recipe_field *field) {
    return field->offset >= AT(problem_options) &&
           field->offset < AT(problem_options) + sizeof(um_problem_options);
}

/* ---- Members without a reader ----------------------------------------------- */

bool um_recipe_field_is_read(const um_recipe *recipe, const um_recipe_field *field) {
    const bool suits =
        !(field->readers & UM_READ_BY_MUON) || recipe->optimizer == UM_OPTIMIZER_MUON;
    return suits && (field->readers >> recipe->objective & 1u) != 0;
}

void um_recipe_field_mark(um_recipe *recipe, const um_recipe_field *field) {
    recipe->given[field - um_recipe_fields] = true;
}

/* "the objective causal", "the objectives causal and diffusion". */
static void name_objectives(const um_recipe_field *field, char *text, size_t size) {
    const char *names[UM_OBJECTIVES] = {NULL};
    size_t count = 0;
    for (const um_recipe_choice *objective = objectives; objective->text; objective++) {
        if (field->readers >> objective->value & 1u) {
            names[count++] = objective->text;
        }
    }
    (void)snprintf(text, size, "the objective%s %s%s%s", count > 1 ? "s" : "", names[0],
                   count > 1 ? " and " : "", count > 1 ? names[1] : "");
}

um_status um_recipe_check(const um_recipe *recipe, um_error *error) {
    for (size_t i = 0; i < um_recipe_field_count; i++) {
        const um_recipe_field *field = &um_recipe_fields[i];
        char readers[80] = "the optimizer muon";
        if (!recipe->given[i] || um_recipe_field_is_read(recipe, field)) {
            continue;
        }
        if (!(field->readers & UM_READ_BY_MUON)) {
            name_objectives(field, readers, sizeof readers);
        }
        return UM_RAISE(error, UM_ERR_ARGUMENT, "\"%s\" is read by %s only; leave it out",
                        field->key, readers);
    }
    return UM_OK;
}

/* ---- Fingerprint ------------------------------------------------------------ */

static size_t size_of_member(const um_recipe_field *at, const void *member) {
    switch (at->kind) {
        case UM_FIELD_PATH:
        case UM_FIELD_TEXT:
            return strlen(member) + 1;
        case UM_FIELD_BOOL:
            return sizeof(bool);
        case UM_FIELD_CHOICE:
            return sizeof(int);
        case UM_FIELD_DECODING:
            return UM_ROLLOUT_TEXT_SIZE;
        case UM_FIELD_SIZE:
        case UM_FIELD_NUMBER:
            break;
    }
    return sizeof(int64_t);
}

/* Whether the member changes what is learnt, not only when and how that is measured or how fast the
 * run is. */
static bool is_decisive(const um_recipe *recipe, const um_recipe_field *at) {
    if (at->kind == UM_FIELD_PATH) {
        return false;
    }
    static const size_t others[] = {AT(validation_interval),
                                    AT(checkpoint_minutes),
                                    AT(problem_options.validation_rollout),
                                    AT(problem_options.validation_maximum),
                                    AT(problem_options.rollout_batch),
                                    AT(problem_options.judge_workers),
                                    AT(recompute_activations)};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (at->offset == others[i]) {
            return false;
        }
    }
    if (at->offset == AT(mask_token) && !*recipe->mask_token) {
        return false; /* earlier versions did not have it */
    }
    return recipe->objective == UM_OBJECTIVE_COUPLED_GRPO ||
           (!um_recipe_field_is_of_grpo(at) && !um_recipe_field_is_of_problems(at));
}

/* What the member counts as.  The type of the written weights decided once, so it still counts, but
 * always as the default: states of earlier versions go on. */
static const unsigned char *bytes_of(const um_recipe *recipe, const um_recipe_field *at) {
    static const um_dtype saved_weights = DEFAULT_SAVED_WEIGHTS;
    return at->offset == AT(saved_weights) ? (const unsigned char *)&saved_weights
                                           : (const unsigned char *)recipe + at->offset;
}

/* FNV-1a over all decisive members but paths. */
uint64_t um_recipe_fingerprint(const um_recipe *recipe) {
    uint64_t hash = UM_HASH_START;
    for (size_t i = 0; i < um_recipe_field_count; i++) {
        const um_recipe_field *at = &um_recipe_fields[i];
        if (!is_decisive(recipe, at)) {
            continue;
        }
        const unsigned char *bytes = bytes_of(recipe, at);
        const size_t size = size_of_member(at, bytes);
        for (size_t j = 0; j < size; j++) {
            hash = um_hash_add(hash, bytes[j]);
        }
    }
    return hash;
}

bool um_recipe_is_decisive(const um_recipe *recipe, const char *name) {
    const um_recipe_field *at = um_recipe_find_field(name);
    return at && is_decisive(recipe, at);
}
