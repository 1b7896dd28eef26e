#include "train/recipe/recipe.h"

#include <errno.h>
#include <libgen.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/number_text.h"
#include "train/recipe/recipe_fields.h"
#include "train/recipe/rollout_options.h"

#define RECIPE_FILE_MAXIMUM ((size_t)1 << 20)

static um_status set_path(char *target, const char *directory, const char *value, um_error *error) {
    if (!*value || value[0] == '/' || !*directory || strcmp(directory, ".") == 0) {
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

static um_status unknown_choice(const um_recipe_field *target, const char *value, const char *where,
                                um_error *error) {
    char known[96] = "";
    size_t used = 0;
    for (const um_recipe_choice *option = target->choices; option->text; option++) {
        const char *before = option == target->choices ? "" : option[1].text ? ", " : " or ";
        const int length =
            snprintf(known + used, sizeof known - used, "%s%s", before, option->text);
        used += length > 0 && (size_t)length < sizeof known - used ? (size_t)length : 0;
    }
    return UM_RAISE(error, UM_ERR_ARGUMENT, "%s: \"%s\": \"%s\" is unknown, expected %s", where,
                    target->key, value, known);
}

static um_status set_choice(const um_recipe_field *target, void *member, const char *value,
                            const char *where, um_error *error) {
    for (const um_recipe_choice *option = target->choices; option->text; option++) {
        if (strcmp(option->text, value) == 0) {
            memcpy(member, &option->value, sizeof option->value);
            return UM_OK;
        }
    }
    return unknown_choice(target, value, where, error);
}

static um_status set_value(um_recipe *recipe, const um_recipe_field *target, const json_t *object,
                           const char *directory, const char *where, um_error *error) {
    void *member = (char *)recipe + target->offset;
    const char *text = NULL;
    int64_t integer = 0;
    double number = 0;
    switch (target->kind) {
        case UM_FIELD_PATH:
            UM_TRY(um_json_require_string(object, where, target->key, &text, error));
            return set_path(member, directory, text, error);
        case UM_FIELD_TEXT:
            UM_TRY(um_json_require_string(object, where, target->key, &text, error));
            return set_text(member, target->key, text, where, error);
        case UM_FIELD_CHOICE:
            UM_TRY(um_json_require_string(object, where, target->key, &text, error));
            return set_choice(target, member, text, where, error);
        case UM_FIELD_BOOL:
            return um_json_require_bool(object, where, target->key, member, error);
        case UM_FIELD_SIZE:
            UM_TRY(um_json_require_integer(object, where, target->key, (int64_t)target->minimum,
                                           (int64_t)target->maximum, &integer, error));
            memcpy(member, &integer, sizeof integer);
            return UM_OK;
        case UM_FIELD_DECODING: {
            char place[160];
            (void)snprintf(place, sizeof place, "%.100s: \"%s\"", where, target->key);
            return um_rollout_text_from_json(json_object_get(object, target->key), place, member,
                                             error);
        }
        case UM_FIELD_NUMBER:
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

static um_status set_field(um_recipe *recipe, const um_recipe_field *target, const json_t *object,
                           const char *directory, const char *where, um_error *error) {
    UM_TRY(set_value(recipe, target, object, directory, where, error));
    um_recipe_field_mark(recipe, target);
    return UM_OK;
}

static um_status parse_object(const json_t *root, const char *directory, const char *where,
                              um_recipe *recipe, um_error *error) {
    um_recipe_set_defaults(recipe);
    if (!json_is_object(root)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: not a JSON object", where);
    }
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach ((json_t *)(uintptr_t)root, key, value) {
        if (!um_recipe_find_field(key)) {
            return UM_RAISE(error, UM_ERR_ARGUMENT, "%s: \"%s\" is not a member of a recipe", where,
                            key);
        }
    }
    /* The objective decides defaults and what else is required. */
    if (json_object_get(root, "objective")) {
        UM_TRY(set_field(recipe, um_recipe_find_field("objective"), root, directory, where, error));
    }
    const bool is_grpo = recipe->objective == UM_OBJECTIVE_COUPLED_GRPO;
    if (is_grpo) {
        um_recipe_set_grpo_defaults(recipe);
    }
    const char *const data = is_grpo ? "problems" : "train";
    for (size_t i = 0; i < um_recipe_field_count; i++) {
        const bool given = json_object_get(root, um_recipe_fields[i].key) != NULL;
        if (given || um_recipe_fields[i].required || strcmp(um_recipe_fields[i].key, data) == 0) {
            UM_TRY(set_field(recipe, &um_recipe_fields[i], root, directory, where, error));
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

/* A value of a command line as the JSON that a recipe would contain; NULL if it is not valid. */
static json_t *json_of(const um_recipe_field *target, const char *value) {
    char *end = NULL;
    switch (target->kind) {
        case UM_FIELD_PATH:
        case UM_FIELD_TEXT:
        case UM_FIELD_CHOICE:
            return json_string(value);
        case UM_FIELD_BOOL:
            return strcmp(value, "true") == 0    ? json_true()
                   : strcmp(value, "false") == 0 ? json_false()
                                                 : json_string(value);
        case UM_FIELD_SIZE: {
            errno = 0;
            const long long integer = strtoll(value, &end, 10);
            return *value && !*end && errno == 0 ? json_integer(integer) : NULL;
        }
        case UM_FIELD_DECODING:
            return json_loads(value, 0, NULL);
        case UM_FIELD_NUMBER: {
            const double number = um_number_parse(value, &end);
            return *value && !*end && isfinite(number) ? json_real(number) : NULL;
        }
    }
    return NULL;
}

um_status um_recipe_set(um_recipe *recipe, const char *key, const char *value, um_error *error) {
    const char *inner = strchr(key, '.');
    char outer[64];
    (void)snprintf(outer, sizeof outer, "%.*s", inner ? (int)(inner - key) : 63, key);
    const um_recipe_field *target = um_recipe_find_field(outer);
    if (!target || (inner && target->kind != UM_FIELD_DECODING)) {
        return UM_RAISE(error, UM_ERR_ARGUMENT, "--set: \"%s\" is not a member of a recipe", key);
    }
    if (inner) {
        UM_TRY(um_rollout_text_set((char *)recipe + target->offset, inner + 1, value, error));
        um_recipe_field_mark(recipe, target);
        return UM_OK;
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
        return UM_RAISE(error, UM_ERR_ARGUMENT, "--set: \"%s\": \"%s\" is not %s", key, value,
                        target->kind == UM_FIELD_SIZE     ? "a whole number of ordinary size"
                        : target->kind == UM_FIELD_NUMBER ? "a number"
                                                          : "a value that it can have");
    }
    const um_status status = set_field(recipe, target, object, ".", "--set", error);
    json_decref(object);
    return status;
}

static const char *choice_text(const um_recipe_field *at, const void *member) {
    int value = 0;
    memcpy(&value, member, sizeof value);
    const um_recipe_choice *option = at->choices;
    while (option->text && option->value != value) {
        option++;
    }
    return option->text ? option->text : "";
}

static json_t *json_of_member(const um_recipe *recipe, const um_recipe_field *at) {
    const void *member = (const char *)recipe + at->offset;
    int64_t integer = 0;
    switch (at->kind) {
        case UM_FIELD_PATH:
        case UM_FIELD_TEXT: {
            json_t *path = json_string(member);
            return path ? path : json_string("(not UTF-8)");
        }
        case UM_FIELD_CHOICE:
            return json_string(choice_text(at, member));
        case UM_FIELD_BOOL:
            return json_boolean(*(const bool *)member);
        case UM_FIELD_SIZE:
            memcpy(&integer, member, sizeof integer);
            return json_integer(integer);
        case UM_FIELD_DECODING: {
            json_t *options = json_loads(member, 0, NULL); /* "" if none are given */
            return options ? options : json_object();
        }
        case UM_FIELD_NUMBER:
            return json_real(*(const double *)member);
    }
    return NULL;
}

/* Whether the run uses the member, and it has a value. */
static bool is_told(const um_recipe *recipe, const um_recipe_field *at) {
    const bool has_problems =
        recipe->objective == UM_OBJECTIVE_COUPLED_GRPO || *recipe->validation_problems;
    const bool text = at->kind == UM_FIELD_PATH || at->kind == UM_FIELD_TEXT;
    const bool empty = text && !*((const char *)recipe + at->offset);
    return !empty && um_recipe_field_is_read(recipe, at) &&
           (has_problems || !um_recipe_field_is_of_problems(at));
}

json_t *um_recipe_json(const um_recipe *recipe) {
    json_t *object = json_object();
    bool complete = object != NULL;
    for (size_t i = 0; complete && i < um_recipe_field_count; i++) {
        complete = !is_told(recipe, &um_recipe_fields[i]) ||
                   json_object_set_new(object, um_recipe_fields[i].key,
                                       json_of_member(recipe, &um_recipe_fields[i])) == 0;
    }
    if (!complete) {
        json_decref(object);
    }
    return complete ? object : NULL;
}

const char *um_recipe_path(const um_recipe *recipe, size_t index, const char **key) {
    for (size_t i = 0; i < um_recipe_field_count; i++) {
        if (um_recipe_fields[i].kind == UM_FIELD_PATH && index-- == 0) {
            *key = um_recipe_fields[i].key;
            return (const char *)recipe + um_recipe_fields[i].offset;
        }
    }
    return NULL;
}
