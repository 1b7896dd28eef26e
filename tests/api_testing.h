/* What the tests of the public interface share: an open random model, and runs of it. */
#ifndef UM_TESTS_API_TESTING_H
#define UM_TESTS_API_TESTING_H

#include "random_model.h"
#include "scratch.h"

#define QWEN_STYLE UM_TEST_DATA "/tokenizer/qwen_style"

typedef struct api_fixture {
    scratch directory;
    um_model *model;
    um_session *session;
} api_fixture;

static inline api_fixture api_open_config(const um_model_config *config) {
    um_error error = {0};
    api_fixture made = {.directory = scratch_make()};
    assert_ok(random_model_write(config, QWEN_STYLE, made.directory.path, &error), &error);
    assert_ok(um_model_open(made.directory.path, NULL, &made.model, &error), &error);
    assert_ok(um_session_create(made.model, NULL, &made.session, &error), &error);
    return made;
}

static inline api_fixture api_open(void) {
    const um_model_config config = random_model_config();
    return api_open_config(&config);
}

static inline void api_close(api_fixture *fixture) {
    um_session_free(fixture->session);
    um_model_close(fixture->model);
    scratch_remove(&fixture->directory);
}

static inline um_part text_part(const char *text) {
    return (um_part){.kind = UM_PART_TEXT, .text = text, .length = strlen(text)};
}

static inline um_part hole_part(size_t length) {
    return (um_part){.kind = UM_PART_HOLE, .length = length};
}

/* Options from name, text, name, text ..., NULL. */
static inline um_options *make_options(const char *const *pairs) {
    um_error error = {0};
    um_options *options = NULL;
    assert_ok(um_options_create(&options, &error), &error);
    for (; *pairs; pairs += 2) {
        assert_ok(um_options_set(options, pairs[0], pairs[1], &error), &error);
    }
    return options;
}

#define OPTIONS(...) make_options((const char *const[]){__VA_ARGS__, NULL})

/* Run a request that must succeed. */
static inline um_result run_request(um_session *session, const um_request *request,
                                    const um_callbacks *callbacks) {
    um_error error = {0};
    um_result result;
    assert_ok(um_generate(session, request, callbacks, &result, &error), &error);
    return result;
}

static inline void assert_same_tokens(const um_result *a, const um_result *b) {
    assert_int_equal(a->length, b->length);
    assert_memory_equal(a->tokens, b->tokens, a->length * sizeof *a->tokens);
}

static inline void assert_message(const um_error *error, const char *text) {
    if (!strstr(error->message, text)) {
        fail_msg("\"%s\" is not in \"%s\"", text, error->message);
    }
}

#endif
