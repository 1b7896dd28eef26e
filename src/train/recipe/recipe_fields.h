/* The members of a recipe: names, kinds, ranges and places.  Private to recipe*.c. */
#ifndef UM_TRAIN_RECIPE_RECIPE_FIELDS_H
#define UM_TRAIN_RECIPE_RECIPE_FIELDS_H

#include <stddef.h>

#include "train/recipe/recipe.h"

typedef enum um_recipe_field_kind {
    UM_FIELD_PATH,
    UM_FIELD_TEXT, /* UM_RECIPE_TEXT_SIZE bytes */
    UM_FIELD_SIZE,
    UM_FIELD_NUMBER,
    UM_FIELD_BOOL,
    UM_FIELD_CHOICE,
    UM_FIELD_DECODING
} um_recipe_field_kind;

typedef struct um_recipe_choice {
    const char *text;
    int value;
} um_recipe_choice;

#define UM_READ_BY_MUON 0x100u

/* One member of the recipe: how it is read, and where it goes. */
typedef struct um_recipe_field {
    const char *key;
    um_recipe_field_kind kind;
    unsigned readers; /* bit i: the objective i; UM_READ_BY_MUON: with the optimizer muon only */
    size_t offset;
    bool required;
    double minimum;
    double maximum;
    const um_recipe_choice *choices; /* UM_FIELD_CHOICE: ended by a NULL text */
} um_recipe_field;

extern const um_recipe_field um_recipe_fields[];
extern const size_t um_recipe_field_count;

/* The field of that name, or NULL. */
const um_recipe_field *um_recipe_find_field(const char *key);

/* Whether the field is a member of um_grpo_options, or of um_problem_options. */
bool um_recipe_field_is_of_grpo(const um_recipe_field *field);
bool um_recipe_field_is_of_problems(const um_recipe_field *field);

/* Whether the run of `recipe` reads the field. */
bool um_recipe_field_is_read(const um_recipe *recipe, const um_recipe_field *field);

/* Note that the field was given, for um_recipe_check. */
void um_recipe_field_mark(um_recipe *recipe, const um_recipe_field *field);

/* Set the defaults of members that may be left out.  Then, for coupled-GRPO, replace some of them
 * with those of its paper or, if the paper gives none, of its published code. */
void um_recipe_set_defaults(um_recipe *recipe);
void um_recipe_set_grpo_defaults(um_recipe *recipe);

#endif
