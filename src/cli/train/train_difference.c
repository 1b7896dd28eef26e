#include "cli/train/train_difference.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mapped_file.h"
#include "train/run/metrics.h"

/* Numbers as metrics.jsonl has them. */
#define FORM (JSON_ENCODE_ANY | JSON_REAL_PRECISION(9))

/* The recipe of the run whose metrics are in `output`; NULL if that is not known. */
static json_t *read_recipe_before(const char *output) {
    char path[UM_RECIPE_PATH_SIZE + 32];
    um_mapped_file file = {0};
    if (um_path_join(path, sizeof path, output, UM_METRICS_FILE, NULL) != UM_OK ||
        um_mapped_file_open(path, &file, NULL) != UM_OK) {
        return NULL;
    }
    const uint8_t *end = file.size > 0 ? memchr(file.data, '\n', file.size) : NULL;
    json_t *line =
        end ? json_loadb((const char *)file.data, (size_t)(end - file.data), 0, NULL) : NULL;
    json_t *recipe = json_incref(json_object_get(line, "recipe"));
    json_decref(line);
    um_mapped_file_close(&file);
    return recipe;
}

static void tell_member(const char *name, const json_t *before, const json_t *now) {
    char *texts[] = {before ? json_dumps(before, FORM) : NULL, json_dumps(now, FORM)};
    if (texts[0] && texts[1] && strcmp(texts[0], texts[1]) != 0) {
        (void)fprintf(stderr, "\"%s\" was %s, and is %s now\n", name, texts[0], texts[1]);
    }
    free(texts[0]);
    free(texts[1]);
}

void um_train_tell_difference(const um_recipe *recipe, const char *output) {
    json_t *before = read_recipe_before(output);
    json_t *now = um_recipe_json(recipe);
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach (now, name, value) {
        if (um_recipe_is_decisive(recipe, name)) {
            tell_member(name, json_object_get(before, name), value);
        }
    }
    json_decref(now);
    json_decref(before);
}
