#include "judge/problem.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mapped_file.h"
#include "base/memory.h"
#include "judge/answer.h"

#define MAXIMUM_ASSERTS 10000
#define MAXIMUM_FILE ((size_t)1 << 30)

typedef struct entry {
    um_problem problem;
    json_t *line;         /* owns most of the texts */
    const char **asserts; /* [problem.assert_count] */
    um_buffer setup;
    um_buffer entry_point;
    char number[24]; /* the text of a numeric id */
} entry;

struct um_problem_set {
    entry **entries; /* allocated one by one, so that problems do not move */
    size_t count;
    size_t capacity;
    json_t *index; /* maps id to index in `entries` */
};

static const char *const format_names[] = {"completion", "infilling", "chat", "program"};
#define FORMAT_COUNT (sizeof format_names / sizeof *format_names)

const char *um_problem_format_name(um_problem_format format) {
    return (size_t)format < FORMAT_COUNT ? format_names[format] : "unknown";
}

um_status um_problem_set_create(um_problem_set **set, um_error *error) {
    um_problem_set *made = calloc(1, sizeof *made);
    json_t *index = json_object();
    if (!made || !index) {
        free(made);
        json_decref(index);
        return um_error_memory(error, "problems", sizeof *made);
    }
    made->index = index;
    *set = made;
    return UM_OK;
}

static void free_entry(entry *item) {
    if (item) {
        json_decref(item->line);
        free(item->asserts);
        um_buffer_free(&item->setup);
        um_buffer_free(&item->entry_point);
        free(item);
    }
}

void um_problem_set_free(um_problem_set *set) {
    if (!set) {
        return;
    }
    for (size_t i = 0; i < set->count; i++) {
        free_entry(set->entries[i]);
    }
    free(set->entries);
    json_decref(set->index);
    free(set);
}

/* ---- The members of a line ------------------------------------------------ */

/* Read the first of two members that the object has; *out is unchanged if it has neither. */
static um_status read_either(const json_t *object, const char *where, const char *first,
                             const char *second, const char **out, um_error *error) {
    const char *key = json_object_get(object, first) ? first : second;
    return um_json_optional_string(object, where, key, out, error);
}

um_status um_problem_format_parse(const char *name, const char *where, um_problem_format *format,
                                  um_error *error) {
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        if (strcmp(name, format_names[i]) == 0) {
            *format = (um_problem_format)i;
            return UM_OK;
        }
    }
    return UM_RAISE(error, UM_ERR_FORMAT,
                    "%s: \"format\" is \"%.40s\"; expected completion, infilling, chat or program",
                    where, name);
}

static um_status read_format(entry *item, const char *where, um_problem_format otherwise,
                             um_error *error) {
    const char *name = NULL;
    item->problem.format = otherwise;
    UM_TRY(um_json_optional_string(item->line, where, "format", &name, error));
    return name ? um_problem_format_parse(name, where, &item->problem.format, error) : UM_OK;
}

/* Point item->asserts at the strings of the array `key`, which the line still owns, and leave room
 * for one more. */
static um_status read_asserts(entry *item, const char *where, const char *key, um_error *error) {
    json_t *array = NULL;
    UM_TRY(um_json_require_array(item->line, where, key, &array, error));
    const size_t count = json_array_size(array);
    if (count == 0) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"%s\" is empty", where, key);
    }
    if (count > MAXIMUM_ASSERTS) {
        return UM_RAISE(error, UM_ERR_LIMIT, "%s: \"%s\" has %zu tests; at most %d are read", where,
                        key, count, MAXIMUM_ASSERTS);
    }
    item->asserts = calloc(count + 1, sizeof *item->asserts);
    if (!item->asserts) {
        return um_error_memory(error, "tests", (count + 1) * sizeof *item->asserts);
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *text = json_array_get(array, i);
        const char *value = json_string_value(text);
        if (!value || strlen(value) != json_string_length(text)) {
            return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"%s\"[%zu] is not text", where, key, i);
        }
        item->asserts[i] = value;
    }
    item->problem.asserts = item->asserts;
    item->problem.assert_count = count;
    return UM_OK;
}

/* Join MBPP's "test_imports" and "test_setup_code", in that order. */
static um_status read_setup(entry *item, const char *where, um_error *error) {
    const char *code = "";
    UM_TRY(um_json_optional_string(item->line, where, "test_setup_code", &code, error));
    const json_t *imports = json_object_get(item->line, "test_imports");
    if (imports && !json_is_array(imports)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"test_imports\" is not a list", where);
    }
    for (size_t i = 0; i < json_array_size(imports); i++) {
        const char *line = json_string_value(json_array_get(imports, i));
        if (!line) {
            return UM_RAISE(error, UM_ERR_FORMAT, "%s: \"test_imports\"[%zu] is not text", where,
                            i);
        }
        UM_TRY(um_buffer_append_format(&item->setup, error, "%s\n", line));
    }
    UM_TRY(um_buffer_append_text(&item->setup, code, error));
    item->problem.setup = um_buffer_text(&item->setup);
    return UM_OK;
}

/* Some published sets have spaces after the name. */
static um_status read_entry_point(entry *item, const char *where, um_error *error) {
    const char *name = NULL;
    UM_TRY(um_json_require_string(item->line, where, "entry_point", &name, error));
    const size_t before = strspn(name, " ");
    UM_TRY(um_buffer_append(&item->entry_point, name + before, strcspn(name + before, " "), error));
    item->problem.entry_point = um_buffer_text(&item->entry_point);
    return UM_OK;
}

/* EvalPlus's MBPP+ has the asserts of MBPP and also "test", a script of its own: one more test. */
static um_status read_script(entry *item, const char *where, um_error *error) {
    const char *script = "";
    UM_TRY(um_json_optional_string(item->line, where, "test", &script, error));
    if (*script) {
        item->asserts[item->problem.assert_count++] = script;
    }
    return UM_OK;
}

static um_status read_tests(entry *item, const char *where, um_error *error) {
    um_problem *problem = &item->problem;
    if (json_object_get(item->line, "plus_input")) {
        return UM_RAISE(error, UM_ERR_FORMAT,
                        "%s: \"plus_input\" is for the evaluator of EvalPlus; its file whose name "
                        "ends with -OriginFmt has the same problems with tests",
                        where);
    }
    if (json_object_get(item->line, "test_cases")) {
        UM_TRY(read_format(item, where, UM_PROBLEM_CHAT, error));
        return read_asserts(item, where, "test_cases", error);
    }
    if (json_object_get(item->line, "test_list")) {
        UM_TRY(read_format(item, where, UM_PROBLEM_PROGRAM, error));
        UM_TRY(read_setup(item, where, error));
        UM_TRY(read_asserts(item, where, "test_list", error));
        return read_script(item, where, error);
    }
    UM_TRY(read_format(item, where,
                       json_object_get(item->line, "suffix") ? UM_PROBLEM_INFILLING
                                                             : UM_PROBLEM_COMPLETION,
                       error));
    if (problem->format == UM_PROBLEM_PROGRAM) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: a program is tested by a \"test_list\"", where);
    }
    UM_TRY(read_entry_point(item, where, error));
    return um_json_require_string(item->line, where, "test", &problem->test, error);
}

static um_status read_members(entry *item, const char *where, um_error *error) {
    um_problem *problem = &item->problem;
    *problem = (um_problem){.id = "",
                            .prompt = "",
                            .suffix = "",
                            .key = "",
                            .reference = "",
                            .entry_point = "",
                            .test = "",
                            .setup = ""};
    const char *id_key = json_object_get(item->line, "task_id") ? "task_id" : "id";
    if (!json_object_get(item->line, id_key)) {
        return UM_RAISE(
            error, UM_ERR_FORMAT,
            "%s: has neither \"task_id\" nor \"id\", so it is no problem in the form of "
            "HumanEval, AceCode or MBPP",
            where);
    }
    UM_TRY(um_json_require_id(item->line, where, id_key, item->number, &problem->id, error));
    UM_TRY(read_tests(item, where, error));
    UM_TRY(read_either(item->line, where, "prompt", "question", &problem->prompt, error));
    UM_TRY(
        read_either(item->line, where, "canonical_solution", "code", &problem->reference, error));
    if (!*problem->prompt) {
        UM_TRY(um_json_optional_string(item->line, where, "text", &problem->prompt, error));
    }
    if (problem->format == UM_PROBLEM_INFILLING) {
        UM_TRY(um_json_require_string(item->line, where, "suffix", &problem->suffix, error));
    }
    if (json_is_string(json_object_get(item->line, "key"))) {
        UM_TRY(um_json_require_string(item->line, where, "key", &problem->key, error));
    }
    return um_json_optional_integer(item->line, where, "level", INT32_MIN, INT32_MAX,
                                    &problem->level, error);
}

/* ---- The set -------------------------------------------------------------- */

static um_status insert(um_problem_set *set, entry *item, const char *where, um_error *error) {
    if (json_object_get(set->index, item->problem.id)) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: the id \"%.60s\" is there twice", where,
                        item->problem.id);
    }
    UM_TRY(um_grow(&set->entries, &set->capacity, set->count + 1, sizeof *set->entries, "problems",
                   error));
    if (json_object_set_new(set->index, item->problem.id, json_integer((json_int_t)set->count)) !=
        0) {
        return um_error_memory(error, "problems", sizeof *item);
    }
    set->entries[set->count++] = item;
    return UM_OK;
}

/* Sets whose columns were merged have null for what a problem does not have. */
static void drop_nulls(json_t *object) {
    const char *key = NULL;
    json_t *value = NULL;
    void *next = NULL;
    json_object_foreach_safe (object, next, key, value) {
        if (json_is_null(value)) {
            (void)json_object_del(object, key);
        }
    }
}

/* Takes ownership of `object`, even on failure. */
static um_status add_object(um_problem_set *set, json_t *object, const char *where,
                            um_error *error) {
    entry *item = calloc(1, sizeof *item);
    if (!item) {
        json_decref(object);
        return um_error_memory(error, "a problem", sizeof *item);
    }
    item->line = object;
    drop_nulls(object);
    um_status status = read_members(item, where, error);
    if (status == UM_OK) {
        status = insert(set, item, where, error);
    }
    if (status != UM_OK) {
        free_entry(item);
    }
    return status;
}

um_status um_problem_set_add_line(um_problem_set *set, const char *bytes, size_t length,
                                  const char *path, size_t number, um_error *error) {
    um_json_line line;
    UM_TRY(um_json_load_line(bytes, length, path, number, &line, error));
    return line.object ? add_object(set, line.object, line.where, error) : UM_OK;
}

static um_status add_element(um_problem_set *set, json_t *element, const char *path, size_t number,
                             um_error *error) {
    char where[480];
    (void)snprintf(where, sizeof where, "%.440s: problem %zu", path, number);
    return json_is_object(element) ? add_object(set, json_incref(element), where, error)
                                   : UM_RAISE(error, UM_ERR_FORMAT, "%s: not a JSON object", where);
}

static um_status add_array(um_problem_set *set, const um_buffer *text, const char *path,
                           um_error *error) {
    json_t *root = NULL;
    UM_TRY(um_json_load_bytes(um_buffer_text(text), text->length, path, &root, error));
    um_status status = UM_OK;
    for (size_t i = 0; i < json_array_size(root) && status == UM_OK; i++) {
        status = add_element(set, json_array_get(root, i), path, i + 1, error);
    }
    json_decref(root);
    return status;
}

static um_status add_lines(um_problem_set *set, const um_buffer *text, const char *path,
                           um_error *error) {
    size_t number = 1;
    for (size_t at = 0; at < text->length; number++) {
        const char *line = text->data + at;
        const char *end = memchr(line, '\n', text->length - at);
        const size_t length = end ? (size_t)(end - line) : text->length - at;
        UM_TRY(um_problem_set_add_line(set, line, length, path, number, error));
        at += length + 1;
    }
    return UM_OK;
}

um_status um_problem_set_add_text(um_problem_set *set, const um_buffer *text, const char *path,
                                  um_error *error) {
    const char *bytes = um_buffer_text(text);
    if (text->length >= 2 && memcmp(bytes, "\x1f\x8b", 2) == 0) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: is compressed; unpack it with gunzip first",
                        path);
    }
    return bytes[strspn(bytes, " \t\r\n")] == '[' ? add_array(set, text, path, error)
                                                  : add_lines(set, text, path, error);
}

um_status um_problem_set_add_file(um_problem_set *set, const char *path, um_error *error) {
    um_buffer text = {0};
    um_status status = um_file_read(path, MAXIMUM_FILE, &text, error);
    if (status == UM_OK) {
        status = um_problem_set_add_text(set, &text,
                                         strcmp(path, "-") == 0 ? "standard input" : path, error);
    }
    um_buffer_free(&text);
    return status;
}

size_t um_problem_set_count(const um_problem_set *set) {
    return set->count;
}

const um_problem *um_problem_set_at(const um_problem_set *set, size_t index) {
    return &set->entries[index]->problem;
}

const um_problem *um_problem_set_find(const um_problem_set *set, const char *id) {
    const json_t *place = json_object_get(set->index, id);
    return place ? &set->entries[json_integer_value(place)]->problem : NULL;
}

um_status um_problem_program(const um_problem *problem, const char *completion, size_t length,
                             um_buffer *program, um_error *error) {
    if (problem->format == UM_PROBLEM_CHAT) {
        const um_answer_block block = um_answer_first_block(completion, length);
        return um_buffer_append(program, block.code, block.length, error);
    }
    if (problem->format != UM_PROBLEM_PROGRAM) {
        UM_TRY(um_buffer_append_text(program, problem->prompt, error));
    }
    UM_TRY(um_buffer_append(program, completion, length, error));
    return um_buffer_append_text(program, problem->suffix, error);
}
