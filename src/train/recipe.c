#include "train/recipe.h"

#include <libgen.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "train/rollout_options.h"

#define RECIPE_FILE_MAXIMUM ((size_t)1 << 20)
#define LARGEST_SIZE 1e12

typedef enum field_kind {
    FIELD_PATH,
    FIELD_TEXT, /* UM_RECIPE_TEXT_SIZE bytes */
    FIELD_SIZE,
    FIELD_NUMBER,
    FIELD_BOOL,
    FIELD_CHOICE,
    FIELD_DECODING
} field_kind;

typedef struct choice {
    const char *text;
    int value;
} choice;

/* Sizes, the seed among them, are written as 64-bit integers, choices as int. */
_Static_assert(sizeof(size_t) == sizeof(int64_t), "a recipe's sizes have 64 bits");
_Static_assert(sizeof(um_objective) == sizeof(int) && sizeof(um_dtype) == sizeof(int),
               "enumerations are as large as int");

/* One member of the recipe: how it is read, and where it goes. */
typedef struct field {
    const char *key;
    field_kind kind;
    size_t offset;
    bool required;
    double minimum;
    double maximum;
    const choice *choices; /* FIELD_CHOICE: ended by a NULL text */
} field;

static const choice objectives[] = {{"causal", UM_OBJECTIVE_CAUSAL},
                                    {"diffusion", UM_OBJECTIVE_DIFFUSION},
                                    {"coupled_grpo", UM_OBJECTIVE_COUPLED_GRPO},
                                    {NULL, 0}};
static const choice weight_types[] = {{"f32", UM_DTYPE_F32}, {"bf16", UM_DTYPE_BF16}, {NULL, 0}};
static const choice saved_types[] = {
    {"f32", UM_DTYPE_F32}, {"bf16", UM_DTYPE_BF16}, {"f16", UM_DTYPE_F16}, {NULL, 0}};
static const choice optimizers[] = {
    {"adamw", UM_OPTIMIZER_ADAMW}, {"muon", UM_OPTIMIZER_MUON}, {NULL, 0}};
static const choice weightings[] = {{"inverse_rate", UM_WEIGHTING_INVERSE_RATE},
                                    {"none", UM_WEIGHTING_NONE},
                                    {"cart", UM_WEIGHTING_CART},
                                    {NULL, 0}};
static const choice normalisations[] = {{"tokens", UM_NORMALISE_TOKENS},
                                        {"masked", UM_NORMALISE_MASKED},
                                        {"answers", UM_NORMALISE_ANSWERS},
                                        {NULL, 0}};
static const choice paddings[] = {{"random", UM_PADDING_RANDOM},
                                  {"fixed", UM_PADDING_FIXED},
                                  {"batch", UM_PADDING_BATCH},
                                  {NULL, 0}};
static const choice packings[] = {
    {"documents", UM_PACKING_DOCUMENTS}, {"fixed_length", UM_PACKING_FIXED_LENGTH}, {NULL, 0}};
static const choice reductions[] = {
    {"ordered", UM_REDUCTION_ORDERED}, {"fast", UM_REDUCTION_FAST}, {NULL, 0}};
static const choice estimators[] = {{"coupled", UM_ESTIMATOR_COUPLED},
                                    {"decoupled", UM_ESTIMATOR_DECOUPLED},
                                    {"full_mask", UM_ESTIMATOR_FULL_MASK},
                                    {NULL, 0}};
static const choice baselines[] = {{"group_mean", UM_BASELINE_GROUP_MEAN},
                                   {"leave_one_out", UM_BASELINE_LEAVE_ONE_OUT},
                                   {NULL, 0}};
static const choice extents[] = {
    {"to_end", UM_COMPLETION_TO_END}, {"all", UM_COMPLETION_ALL}, {NULL, 0}};
static const choice completion_normalisations[] = {{"completions", UM_MEAN_OF_COMPLETIONS},
                                                   {"tokens", UM_MEAN_OF_TOKENS},
                                                   {"positions", UM_MEAN_OF_POSITIONS},
                                                   {NULL, 0}};
static const choice sandboxes[] = {{"full", UM_SANDBOX_FULL},
                                   {"namespaces", UM_SANDBOX_NAMESPACES},
                                   {"bubblewrap", UM_SANDBOX_BUBBLEWRAP},
                                   {"seccomp", UM_SANDBOX_SECCOMP},
                                   {"none", UM_SANDBOX_NONE},
                                   {NULL, 0}};

#define AT(member) offsetof(um_recipe, member)

static const field fields[] = {
    {"model", FIELD_PATH, AT(model), true, 0, 0, NULL},
    {"train", FIELD_PATH, AT(train), false, 0, 0, NULL},
    {"validation", FIELD_PATH, AT(validation), false, 0, 0, NULL},
    {"initialise", FIELD_BOOL, AT(initialise), false, 0, 0, NULL},
    {"objective", FIELD_CHOICE, AT(objective), true, 0, 0, objectives},
    {"steps", FIELD_SIZE, AT(steps), true, 1, LARGEST_SIZE, NULL},
    {"batch_tokens", FIELD_SIZE, AT(batch_tokens), true, 1, 1e8, NULL},
    {"gradient_accumulation", FIELD_SIZE, AT(gradient_accumulation), false, 1, 1e6, NULL},
    {"context_length", FIELD_SIZE, AT(context_length), true, 2, 1e7, NULL},
    {"packing", FIELD_CHOICE, AT(packing), false, 0, 0, packings},
    {"seed", FIELD_SIZE, AT(seed), false, 0, LARGEST_SIZE, NULL},
    {"learning_rate", FIELD_NUMBER, AT(learning_rate), true, 0, 10, NULL},
    {"minimum_rate_ratio", FIELD_NUMBER, AT(minimum_rate_ratio), false, 0, 1, NULL},
    {"warmup_steps", FIELD_SIZE, AT(warmup_steps), false, 0, LARGEST_SIZE, NULL},
    {"optimizer", FIELD_CHOICE, AT(optimizer), false, 0, 0, optimizers},
    {"momentum", FIELD_NUMBER, AT(momentum), false, 0, 0.999999, NULL},
    {"beta1", FIELD_NUMBER, AT(beta1), false, 0, 0.999999, NULL},
    {"beta2", FIELD_NUMBER, AT(beta2), false, 0, 0.999999, NULL},
    {"epsilon", FIELD_NUMBER, AT(epsilon), false, 0, 1, NULL},
    {"weight_decay", FIELD_NUMBER, AT(weight_decay), false, 0, 10, NULL},
    {"gradient_clip", FIELD_NUMBER, AT(gradient_clip), false, 0, 1e9, NULL},
    {"weights", FIELD_CHOICE, AT(weights), false, 0, 0, weight_types},
    {"products", FIELD_CHOICE, AT(products), false, 0, 0, weight_types},
    {"recompute_activations", FIELD_BOOL, AT(recompute_activations), false, 0, 0, NULL},
    {"saved_weights", FIELD_CHOICE, AT(saved_weights), false, 0, 0, saved_types},
    {"prompt_loss_weight", FIELD_NUMBER, AT(prompt_loss_weight), false, 0, 1e6, NULL},
    {"mask_prompt_probability", FIELD_NUMBER, AT(mask_prompt_probability), false, 0, 1, NULL},
    {"mask_prompt_annealing_steps", FIELD_SIZE, AT(mask_prompt_steps), false, 0, LARGEST_SIZE,
     NULL},
    {"mask_prompt_annealing_epochs", FIELD_NUMBER, AT(mask_prompt_epochs), false, 0, 1e6, NULL},
    {"random_truncation_probability", FIELD_NUMBER, AT(random_truncation_probability), false, 0, 1,
     NULL},
    {"clean_prefix_probability", FIELD_NUMBER, AT(clean_prefix_probability), false, 0, 1, NULL},
    {"minimum_mask_rate", FIELD_NUMBER, AT(minimum_mask_rate), false, 1e-6, 1, NULL},
    {"loss_weighting", FIELD_CHOICE, AT(loss_weighting), false, 0, 0, weightings},
    {"cart_probability", FIELD_NUMBER, AT(cart_probability), false, 1e-6, 1, NULL},
    {"loss_normalisation", FIELD_CHOICE, AT(normalisation), false, 0, 0, normalisations},
    {"answer_padding", FIELD_CHOICE, AT(answer_padding), false, 0, 0, paddings},
    {"pad_token", FIELD_TEXT, AT(pad_token), false, 0, 0, NULL},
    {"answer_length", FIELD_SIZE, AT(answer_length), false, 0, 1e7, NULL},
    {"attention_annealing_steps", FIELD_SIZE, AT(annealing_steps), false, 0, LARGEST_SIZE, NULL},
    {"validation_interval", FIELD_SIZE, AT(validation_interval), false, 0, LARGEST_SIZE, NULL},
    {"checkpoint_minutes", FIELD_NUMBER, AT(checkpoint_minutes), false, 0.001, 1e6, NULL},
    {"reduction", FIELD_CHOICE, AT(reduction), false, 0, 0, reductions},
    {"problems", FIELD_PATH, AT(problems), false, 0, 0, NULL},
    {"validation_problems", FIELD_PATH, AT(validation_problems), false, 0, 0, NULL},
    {"group_size", FIELD_SIZE, AT(grpo.group_size), false, 2, 1e6, NULL},
    {"problems_per_step", FIELD_SIZE, AT(grpo.problems_per_step), false, 1, 1e6, NULL},
    {"inner_updates", FIELD_SIZE, AT(grpo.inner_updates), false, 1, 1000, NULL},
    {"estimator", FIELD_CHOICE, AT(grpo.estimator), false, 0, 0, estimators},
    {"mask_pairs", FIELD_SIZE, AT(grpo.mask_pairs), false, 1, 100, NULL},
    {"pair_rate_minimum", FIELD_NUMBER, AT(grpo.pair_rate_minimum), false, 0.001, 0.999, NULL},
    {"pair_rate_maximum", FIELD_NUMBER, AT(grpo.pair_rate_maximum), false, 0.001, 0.999, NULL},
    {"shared_pair_rate", FIELD_BOOL, AT(grpo.shared_pair_rate), false, 0, 0, NULL},
    {"clip_low", FIELD_NUMBER, AT(grpo.clip_low), false, 0, 1, NULL},
    {"clip_high", FIELD_NUMBER, AT(grpo.clip_high), false, 0, 1e6, NULL},
    {"kl_coefficient", FIELD_NUMBER, AT(grpo.kl_coefficient), false, 0, 1e6, NULL},
    {"advantage_baseline", FIELD_CHOICE, AT(grpo.advantage_baseline), false, 0, 0, baselines},
    {"scale_advantages", FIELD_BOOL, AT(grpo.scale_advantages), false, 0, 0, NULL},
    {"completion_extent", FIELD_CHOICE, AT(grpo.completion_extent), false, 0, 0, extents},
    {"completion_normalisation", FIELD_CHOICE, AT(grpo.completion_normalisation), false, 0, 0,
     completion_normalisations},
    {"reference_interval", FIELD_SIZE, AT(grpo.reference_interval), false, 0, LARGEST_SIZE, NULL},
    {"reference_mixing", FIELD_NUMBER, AT(grpo.reference_mixing), false, 0, 1, NULL},
    {"prompt_length", FIELD_SIZE, AT(grpo.prompt_length), false, 0, 1e7, NULL},
    {"infilling_length", FIELD_SIZE, AT(grpo.infilling_length), false, 0, 1e7, NULL},
    {"rollout", FIELD_DECODING, AT(grpo.rollout), false, 0, 0, NULL},
    {"validation_rollout", FIELD_DECODING, AT(grpo.validation_rollout), false, 0, 0, NULL},
    {"early_stop", FIELD_BOOL, AT(grpo.early_stop), false, 0, 0, NULL},
    {"rollout_batch", FIELD_SIZE, AT(grpo.rollout_batch), false, 1, 4096, NULL},
    {"validation_maximum", FIELD_SIZE, AT(grpo.validation_maximum), false, 0, LARGEST_SIZE, NULL},
    {"code_weight", FIELD_NUMBER, AT(grpo.code_weight), false, 0, 1e6, NULL},
    {"format_weight", FIELD_NUMBER, AT(grpo.format_weight), false, 0, 1e6, NULL},
    {"sandbox", FIELD_CHOICE, AT(grpo.sandbox), false, 0, 0, sandboxes},
    {"judge_timeout", FIELD_NUMBER, AT(grpo.judge_timeout), false, 0.01, 86400, NULL},
    {"judge_memory", FIELD_SIZE, AT(grpo.judge_memory), false, 64, 1e6, NULL},
    {"judge_workers", FIELD_SIZE, AT(grpo.judge_workers), false, 0, 4096, NULL},
};
#define FIELD_COUNT (sizeof fields / sizeof *fields)

static void set_defaults(um_recipe *recipe) {
    *recipe = (um_recipe){.gradient_accumulation = 1,
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
                          .saved_weights = UM_DTYPE_BF16,
                          .prompt_loss_weight = 1.0,
                          .mask_prompt_probability = 1.0,
                          .minimum_mask_rate = 1e-3,
                          .cart_probability = 0.1,
                          .checkpoint_minutes = 10};
}

/* The values of the coupled-GRPO paper and, where it gives none, of its published code. */
static void set_grpo_defaults(um_recipe *recipe) {
    recipe->beta2 = 0.99;
    recipe->gradient_clip = 0.2;
    recipe->mask_prompt_probability = 0;
    recipe->grpo = (um_grpo_options){.group_size = 10,
                                     .problems_per_step = 8,
                                     .inner_updates = 2,
                                     .mask_pairs = 1,
                                     .pair_rate_minimum = 0.2,
                                     .pair_rate_maximum = 0.8,
                                     .clip_low = 0.5,
                                     .clip_high = 0.5,
                                     .kl_coefficient = 0.01,
                                     .reference_interval = 64,
                                     .reference_mixing = 0.6,
                                     .rollout_batch = 32,
                                     .code_weight = 2.0,
                                     .format_weight = 0.5,
                                     .judge_timeout = 5,
                                     .judge_memory = 512};
}

static const field *find_field(const char *key) {
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (strcmp(fields[i].key, key) == 0) {
            return &fields[i];
        }
    }
    return NULL;
}

static um_status set_path(char *target, const char *directory, const char *value, um_error *error) {
    if (value[0] == '/' || !*directory || strcmp(directory, ".") == 0) {
        if (strlen(value) >= UM_RECIPE_PATH_SIZE) {
            return UM_RAISE(error, UM_ERR_LIMIT, "%s: path too long", value);
        }
        strcpy(target, value);
        return UM_OK;
    }
    return um_path_join(target, UM_RECIPE_PATH_SIZE, directory, value, error);
}

static um_status set_text(char *target, const char *key, const char *value, const char *where,
                          um_error *error) {
    if (!*value || strlen(value) >= UM_RECIPE_TEXT_SIZE) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "%s: \"%s\" has %zu bytes, expected 1 to %d", where,
                        key, strlen(value), UM_RECIPE_TEXT_SIZE - 1);
    }
    strcpy(target, value);
    return UM_OK;
}

static um_status unknown_choice(const field *target, const char *value, const char *where,
                                um_error *error) {
    char known[96] = "";
    size_t used = 0;
    for (const choice *option = target->choices; option->text; option++) {
        const char *before = option == target->choices ? "" : option[1].text ? ", " : " or ";
        const int length =
            snprintf(known + used, sizeof known - used, "%s%s", before, option->text);
        used += length > 0 && (size_t)length < sizeof known - used ? (size_t)length : 0;
    }
    return UM_RAISE(error, UM_ERR_ARGUMENT, "%s: \"%s\": \"%s\" is unknown, expected %s", where,
                    target->key, value, known);
}

static um_status set_choice(const field *target, void *member, const char *value, const char *where,
                            um_error *error) {
    for (const choice *option = target->choices; option->text; option++) {
        if (strcmp(option->text, value) == 0) {
            memcpy(member, &option->value, sizeof option->value);
            return UM_OK;
        }
    }
    return unknown_choice(target, value, where, error);
}

static um_status set_field(um_recipe *recipe, const field *target, const json_t *object,
                           const char *directory, const char *where, um_error *error) {
    void *member = (char *)recipe + target->offset;
    const char *text = NULL;
    int64_t integer = 0;
    double number = 0;
    switch (target->kind) {
        case FIELD_PATH:
            UM_TRY(um_json_require_string(object, where, target->key, &text, error));
            return set_path(member, directory, text, error);
        case FIELD_TEXT:
            UM_TRY(um_json_require_string(object, where, target->key, &text, error));
            return set_text(member, target->key, text, where, error);
        case FIELD_CHOICE:
            UM_TRY(um_json_require_string(object, where, target->key, &text, error));
            return set_choice(target, member, text, where, error);
        case FIELD_BOOL:
            return um_json_require_bool(object, where, target->key, member, error);
        case FIELD_SIZE:
            UM_TRY(um_json_require_integer(object, where, target->key, (int64_t)target->minimum,
                                           (int64_t)target->maximum, &integer, error));
            memcpy(member, &integer, sizeof integer);
            return UM_OK;
        case FIELD_DECODING: {
            char place[160];
            (void)snprintf(place, sizeof place, "%.100s: \"%s\"", where, target->key);
            return um_rollout_text_from_json(json_object_get(object, target->key), place, member,
                                             error);
        }
        case FIELD_NUMBER:
            break;
    }
    UM_TRY(um_json_require_number(object, where, target->key, &number, error));
    if (!(number >= target->minimum && number <= target->maximum)) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "%s: \"%s\" is %g, expected %g to %g", where,
                        target->key, number, target->minimum, target->maximum);
    }
    *(double *)member = number;
    return UM_OK;
}

static um_status parse_object(const json_t *root, const char *directory, const char *where,
                              um_recipe *recipe, um_error *error) {
    set_defaults(recipe);
    if (!json_is_object(root)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: not a JSON object", where);
    }
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach ((json_t *)(uintptr_t)root, key, value) {
        if (!find_field(key)) {
            return UM_RAISE(error, UM_ERR_ARGUMENT, "%s: \"%s\" is not an option of a recipe",
                            where, key);
        }
    }
    /* The objective decides defaults and what else is required. */
    if (json_object_get(root, "objective")) {
        UM_TRY(set_field(recipe, find_field("objective"), root, directory, where, error));
    }
    const bool is_grpo = recipe->objective == UM_OBJECTIVE_COUPLED_GRPO;
    if (is_grpo) {
        set_grpo_defaults(recipe);
    }
    const char *const data = is_grpo ? "problems" : "train";
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const bool given = json_object_get(root, fields[i].key) != NULL;
        if (given || fields[i].required || strcmp(fields[i].key, data) == 0) {
            UM_TRY(set_field(recipe, &fields[i], root, directory, where, error));
        }
    }
    return UM_OK;
}

um_status um_recipe_parse(const char *text, size_t length, const char *directory, const char *where,
                          um_recipe *recipe, um_error *error) {
    json_t *root = NULL;
    UM_TRY(um_json_load_bytes(text, length, where, &root, error));
    const um_status status = parse_object(root, directory, where, recipe, error);
    json_decref(root);
    return status;
}

um_status um_recipe_read(const char *path, um_recipe *recipe, um_error *error) {
    um_buffer text = {0};
    char copy[UM_RECIPE_PATH_SIZE];
    if (strlen(path) >= sizeof copy) {
        return UM_RAISE(error, UM_ERR_LIMIT, "%s: path too long", path);
    }
    strcpy(copy, path);
    um_status status = um_file_read(path, RECIPE_FILE_MAXIMUM, &text, error);
    if (status == UM_OK) {
        status =
            um_recipe_parse(um_buffer_text(&text), text.length, dirname(copy), path, recipe, error);
    }
    um_buffer_free(&text);
    return status;
}

/* The value of a command line as the JSON that a recipe would hold. */
static json_t *json_of(const field *target, const char *value) {
    char *end = NULL;
    switch (target->kind) {
        case FIELD_PATH:
        case FIELD_TEXT:
        case FIELD_CHOICE:
            return json_string(value);
        case FIELD_BOOL:
            return strcmp(value, "true") == 0    ? json_true()
                   : strcmp(value, "false") == 0 ? json_false()
                                                 : json_string(value);
        case FIELD_SIZE: {
            const long long integer = strtoll(value, &end, 10);
            return *value && !*end ? json_integer(integer) : json_string(value);
        }
        case FIELD_DECODING:
            return json_loads(value, 0, NULL);
        case FIELD_NUMBER: {
            const double number = strtod(value, &end);
            return *value && !*end && isfinite(number) ? json_real(number) : json_string(value);
        }
    }
    return NULL;
}

um_status um_recipe_set(um_recipe *recipe, const char *key, const char *value, um_error *error) {
    const char *inner = strchr(key, '.');
    char outer[64];
    (void)snprintf(outer, sizeof outer, "%.*s", inner ? (int)(inner - key) : 63, key);
    const field *target = find_field(outer);
    if (!target || (inner && target->kind != FIELD_DECODING)) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "\"%s\" is not an option of a recipe", key);
    }
    if (inner) {
        return um_rollout_text_set((char *)recipe + target->offset, inner + 1, value, error);
    }
    if (strcmp(key, "objective") == 0 &&
        (strcmp(value, "coupled_grpo") == 0) != (recipe->objective == UM_OBJECTIVE_COUPLED_GRPO)) {
        return UM_RAISE(error, UM_ERR_ARGUMENT,
                        "\"objective\": \"coupled_grpo\" has other defaults and other data; say it "
                        "in the recipe");
    }
    json_t *object = json_object();
    if (!object || json_object_set_new(object, key, json_of(target, value)) != 0) {
        json_decref(object);
        return UM_RAISE(error, UM_ERR_ARGUMENT, "\"%s\": cannot use the value \"%s\"", key, value);
    }
    const um_status status = set_field(recipe, target, object, ".", "--set", error);
    json_decref(object);
    return status;
}

static const char *choice_text(const field *at, const void *member) {
    int value = 0;
    memcpy(&value, member, sizeof value);
    const choice *option = at->choices;
    while (option->text && option->value != value) {
        option++;
    }
    return option->text ? option->text : "";
}

static json_t *json_of_member(const um_recipe *recipe, const field *at) {
    const void *member = (const char *)recipe + at->offset;
    int64_t integer = 0;
    switch (at->kind) {
        case FIELD_PATH:
        case FIELD_TEXT: {
            json_t *path = json_string(member);
            return path ? path : json_string("(not UTF-8)");
        }
        case FIELD_CHOICE:
            return json_string(choice_text(at, member));
        case FIELD_BOOL:
            return json_boolean(*(const bool *)member);
        case FIELD_SIZE:
            memcpy(&integer, member, sizeof integer);
            return json_integer(integer);
        case FIELD_DECODING: {
            json_t *options = json_loads(member, 0, NULL); /* "" where none are given */
            return options ? options : json_object();
        }
        case FIELD_NUMBER:
            return json_real(*(const double *)member);
    }
    return NULL;
}

/* Whether the objective has a use for the member, and it has a value. */
static bool is_told(const um_recipe *recipe, const field *at) {
    const bool of_grpo = at->offset >= AT(grpo) && at->offset < AT(grpo) + sizeof recipe->grpo;
    const bool text = at->kind == FIELD_PATH || at->kind == FIELD_TEXT;
    const bool empty = text && !*((const char *)recipe + at->offset);
    return !empty && (!of_grpo || recipe->objective == UM_OBJECTIVE_COUPLED_GRPO);
}

json_t *um_recipe_json(const um_recipe *recipe) {
    json_t *object = json_object();
    bool complete = object != NULL;
    for (size_t i = 0; complete && i < FIELD_COUNT; i++) {
        complete =
            !is_told(recipe, &fields[i]) ||
            json_object_set_new(object, fields[i].key, json_of_member(recipe, &fields[i])) == 0;
    }
    if (!complete) {
        json_decref(object);
    }
    return complete ? object : NULL;
}

double um_recipe_learning_rate(const um_recipe *recipe, size_t step) {
    if (step < recipe->warmup_steps) {
        return recipe->learning_rate * (double)(step + 1) / (double)recipe->warmup_steps;
    }
    const size_t span =
        recipe->steps > recipe->warmup_steps ? recipe->steps - recipe->warmup_steps : 1;
    const double progress = fmin(1.0, (double)(step - recipe->warmup_steps) / (double)span);
    const double cosine = 0.5 * (1.0 + cos(3.141592653589793 * progress));
    return recipe->learning_rate *
           (recipe->minimum_rate_ratio + (1.0 - recipe->minimum_rate_ratio) * cosine);
}

double um_recipe_unconditional_share(const um_recipe *recipe, size_t step, double epochs) {
    double share = 0;
    if (step < recipe->mask_prompt_steps) {
        share = 1.0 - (double)step / (double)recipe->mask_prompt_steps;
    }
    if (epochs < recipe->mask_prompt_epochs) {
        share = fmax(share, 1.0 - epochs / recipe->mask_prompt_epochs);
    }
    return share;
}

um_recipe um_recipe_for_validation(const um_recipe *recipe) {
    um_recipe changed = *recipe;
    changed.random_truncation_probability = 0;
    changed.clean_prefix_probability = 0;
    changed.loss_weighting = UM_WEIGHTING_INVERSE_RATE;
    changed.normalisation = UM_NORMALISE_TEXT;
    return changed;
}

bool um_recipe_pads(const um_recipe *recipe) {
    return recipe->answer_length > 0 || recipe->answer_padding == UM_PADDING_BATCH;
}

static size_t size_of_member(const field *at, const void *member) {
    switch (at->kind) {
        case FIELD_PATH:
        case FIELD_TEXT:
            return strlen(member) + 1;
        case FIELD_BOOL:
            return sizeof(bool);
        case FIELD_CHOICE:
            return sizeof(int);
        case FIELD_DECODING:
            return UM_ROLLOUT_TEXT_SIZE;
        case FIELD_SIZE:
        case FIELD_NUMBER:
            break;
    }
    return sizeof(int64_t);
}

const char *um_recipe_path(const um_recipe *recipe, size_t index, const char **key) {
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (fields[i].kind == FIELD_PATH && index-- == 0) {
            *key = fields[i].key;
            return (const char *)recipe + fields[i].offset;
        }
    }
    return NULL;
}

/* Whether it changes what is learnt, not only when that is measured or how fast it is done. */
static bool is_decisive(const field *at) {
    static const size_t others[] = {AT(validation_interval),     AT(checkpoint_minutes),
                                    AT(grpo.validation_rollout), AT(grpo.validation_maximum),
                                    AT(grpo.rollout_batch),      AT(grpo.judge_workers),
                                    AT(recompute_activations)};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (at->offset == others[i]) {
            return false;
        }
    }
    return true;
}

/* FNV-1a over everything but paths and the intervals of reporting and saving. */
uint64_t um_recipe_fingerprint(const um_recipe *recipe) {
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const field *at = &fields[i];
        if (at->kind == FIELD_PATH || !is_decisive(at)) {
            continue;
        }
        const unsigned char *bytes = (const unsigned char *)recipe + at->offset;
        const size_t size = size_of_member(at, bytes);
        for (size_t j = 0; j < size; j++) {
            hash = (hash ^ bytes[j]) * 1099511628211u;
        }
    }
    return hash;
}
