/* Recipes for tests: the members that every run needs, and those of one test. */
#ifndef UM_TESTS_RECIPE_TESTING_H
#define UM_TESTS_RECIPE_TESTING_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testing.h"

#include "base/json.h"
#include "train/recipe/recipe.h"

/* The recipe with these members, written as in JSON but without braces; `more` begins with ", " or
 * is "", and its members replace those of the same name. */
static inline um_recipe parse_recipe(const char *members, const char *more) {
    um_error error = {0};
    um_recipe recipe;
    char text[2048];
    (void)snprintf(text, sizeof text, "{%s}", members);
    json_t *all = json_loads(text, 0, NULL);
    (void)snprintf(text, sizeof text, "{%s}", *more ? more + strlen(", ") : "");
    json_t *own = json_loads(text, 0, NULL);
    assert_int_equal(json_object_update(all, own), 0);
    char *whole = json_dumps(all, 0);
    assert_non_null(whole);
    assert_ok(um_recipe_parse(whole, strlen(whole), ".", "recipe", &recipe, &error), &error);
    free(whole);
    json_decref(own);
    json_decref(all);
    return recipe;
}

#endif
