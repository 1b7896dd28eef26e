#include "eval/problem_form.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mapped_file.h"

static const char *const form_names[] = {"auto", "humaneval", "mbpp", "infilling", "family"};
#define FORM_COUNT (sizeof form_names / sizeof *form_names)

const char *um_eval_form_name(um_eval_form form) {
    return (size_t)form < FORM_COUNT ? form_names[form] : "unknown";
}

bool um_eval_form_from_name(const char *name, um_eval_form *form) {
    for (size_t i = 0; i < FORM_COUNT; i++) {
        if (strcmp(name, form_names[i]) == 0) {
            *form = (um_eval_form)i;
            return true;
        }
    }
    return false;
}

um_eval_form um_eval_form_of(const um_problem *problem) {
    if (problem->level != 0 || *problem->key || problem->format == UM_PROBLEM_CHAT) {
        return UM_EVAL_FAMILY;
    }
    if (problem->format == UM_PROBLEM_PROGRAM) {
        return UM_EVAL_MBPP;
    }
    return problem->format == UM_PROBLEM_INFILLING ? UM_EVAL_INFILLING : UM_EVAL_HUMANEVAL;
}

/* Whether a problem can be asked in a form: what it has must be what the form shows. */
static bool fits(const um_problem *problem, um_eval_form form) {
    switch (form) {
        case UM_EVAL_HUMANEVAL:
            return problem->format == UM_PROBLEM_COMPLETION;
        case UM_EVAL_MBPP:
            return problem->format == UM_PROBLEM_PROGRAM;
        case UM_EVAL_INFILLING:
            return problem->format == UM_PROBLEM_INFILLING;
        case UM_EVAL_FAMILY:
        case UM_EVAL_AUTO:
            break;
    }
    return problem->format != UM_PROBLEM_PROGRAM;
}

static um_eval_form form_of_all(const um_problem_set *problems) {
    const size_t count = um_problem_set_count(problems);
    for (size_t i = 0; i < count; i++) {
        if (um_eval_form_of(um_problem_set_at(problems, i)) == UM_EVAL_FAMILY) {
            return UM_EVAL_FAMILY;
        }
    }
    return count > 0 ? um_eval_form_of(um_problem_set_at(problems, 0)) : UM_EVAL_HUMANEVAL;
}

um_status um_eval_form_settle(const um_problem_set *problems, um_eval_form wanted,
                              um_eval_form *form, um_error *error) {
    *form = wanted == UM_EVAL_AUTO ? form_of_all(problems) : wanted;
    for (size_t i = 0; i < um_problem_set_count(problems); i++) {
        const um_problem *problem = um_problem_set_at(problems, i);
        if (!fits(problem, *form)) {
            return UM_RAISE(error, UM_ERR_MISMATCH,
                            "problem \"%.60s\" is of the form %s, %s %s: split the file%s",
                            problem->id, um_eval_form_name(um_eval_form_of(problem)),
                            wanted == UM_EVAL_AUTO ? "but the file begins with" : "not",
                            um_eval_form_name(*form),
                            wanted == UM_EVAL_AUTO ? "" : ", or leave --form out");
        }
    }
    return UM_OK;
}

/* ---- Reading ------------------------------------------------------------------- */

static um_status add_object(um_problem_set *problems, const json_t *object, const char *path,
                            size_t number, um_error *error) {
    char *line = json_dumps(object, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!line) {
        return um_error_memory(error, "a problem", 0);
    }
    const um_status status =
        um_problem_set_add_line(problems, line, strlen(line), path, number, error);
    free(line);
    return status;
}

static um_status add_array(um_problem_set *problems, const um_buffer *text, const char *path,
                           um_error *error) {
    json_t *root = NULL;
    UM_TRY(um_json_load_bytes(um_buffer_text(text), text->length, path, &root, error));
    um_status status = UM_OK;
    for (size_t i = 0; i < json_array_size(root) && status == UM_OK; i++) {
        status = add_object(problems, json_array_get(root, i), path, i + 1, error);
    }
    json_decref(root);
    return status;
}

static um_status add_lines(um_problem_set *problems, const um_buffer *text, const char *path,
                           um_error *error) {
    size_t number = 1;
    for (size_t at = 0; at < text->length; number++) {
        const char *line = text->data + at;
        const char *end = memchr(line, '\n', text->length - at);
        const size_t length = end ? (size_t)(end - line) : text->length - at;
        UM_TRY(um_problem_set_add_line(problems, line, length, path, number, error));
        at += length + 1;
    }
    return UM_OK;
}

um_status um_eval_problems_add(const um_buffer *contents, const char *path,
                               um_problem_set *problems, um_error *error) {
    const char *bytes = um_buffer_text(contents);
    if (contents->length >= 2 && memcmp(bytes, "\x1f\x8b", 2) == 0) {
        return UM_RAISE(error, UM_ERR_FORMAT, "%s: is compressed; unpack it with gunzip first",
                        path);
    }
    const size_t blank = strspn(bytes, " \t\r\n");
    UM_TRY(bytes[blank] == '[' ? add_array(problems, contents, path, error)
                               : add_lines(problems, contents, path, error));
    return um_problem_set_count(problems) > 0
               ? UM_OK
               : UM_RAISE(error, UM_ERR_FORMAT, "%s: holds no problems", path);
}

um_status um_eval_problems_read(const char *path, um_problem_set *problems, um_error *error) {
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    um_buffer contents = {0};
    um_status status = um_file_read(path, UM_JSON_FILE_MAXIMUM, &contents, error);
    if (status == UM_OK) {
        status = um_eval_problems_add(&contents, name, problems, error);
    }
    um_buffer_free(&contents);
    return status;
}
