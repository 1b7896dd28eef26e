/* Against results of the authors' sampling code, made by tests/golden/make_decode_goldens.py and
 * make_parallel_goldens.py; the former defines the made-up logits that both sides compute. */
#include "testing.h"

#include <math.h>

#include "base/json.h"
#include "base/mapped_file.h"
#include "decode/schedule.h"
#include "decode_testing.h"

static json_t *load(const char *name) {
    char path[512];
    um_error error = {0};
    json_t *root = NULL;
    assert_ok(um_path_join(path, sizeof path, UM_TEST_DATA "/decode", name, &error), &error);
    assert_ok(um_json_load_file(path, &root, &error), &error);
    return root;
}

static uint32_t mix(uint32_t row, uint32_t column, uint32_t salt) {
    uint32_t h = row * 0x9E3779B1u + column * 0x85EBCA77u + salt * 0xC2B2AE3Du;
    h ^= h >> 15;
    h *= 0x2C1B3C6Du;
    h ^= h >> 12;
    h *= 0x297A2D39u;
    return h ^ (h >> 15);
}

/* Multiples of 2^-17 in [-4, 4). */
static double value(uint32_t row, uint32_t column, uint32_t salt) {
    return ((double)(mix(row, column, salt) >> 12) - 0x1p19) * 0x1p-17;
}

static uint32_t fnv(uint32_t hash, uint32_t word) {
    return (hash ^ word) * 16777619u;
}

#define FNV_START 2166136261u

static size_t size_at(const json_t *row, size_t index) {
    return (size_t)json_integer_value(json_array_get(row, index));
}

static double number(const json_t *row, const char *key, double fallback) {
    const json_t *member = json_object_get(row, key);
    return member ? json_number_value(member) : fallback;
}

/* ---- Schedules ----------------------------------------------------------- */

static void timesteps_and_counts_are_those_of_torch(void **state) {
    (void)state;
    json_t *root = load("schedule.json");
    const json_t *rows = json_object_get(json_array_get(root, 0), "linspace");
    assert_true(json_array_size(rows) > 100);
    for (size_t r = 0; r < json_array_size(rows); r++) {
        const json_t *row = json_array_get(rows, r);
        const double eps = json_number_value(json_array_get(row, 0));
        const size_t steps = size_at(row, 1);
        size_t left = size_at(row, 2);
        uint32_t times = FNV_START, counts = FNV_START;
        for (size_t i = 0; i <= steps; i++) {
            const float time = um_schedule_timestep(eps, steps, i);
            uint32_t bits;
            memcpy(&bits, &time, sizeof bits);
            times = fnv(times, bits);
        }
        for (size_t i = 0; i < steps; i++) {
            const size_t count = um_schedule_commit_count(eps, steps, i, left);
            counts = fnv(counts, (uint32_t)count);
            left -= count;
        }
        assert_int_equal(left, 0);
        assert_int_equal(times, size_at(row, 3));
        assert_int_equal(counts, size_at(row, 4));
    }
    json_decref(root);
}

static void equal_shares_are_those_of_llada(void **state) {
    (void)state;
    json_t *root = load("schedule.json");
    const json_t *rows = json_object_get(json_array_get(root, 0), "equal_share");
    assert_true(json_array_size(rows) > 3);
    for (size_t r = 0; r < json_array_size(rows); r++) {
        const json_t *row = json_array_get(rows, r);
        const json_t *shares = json_array_get(row, 2);
        for (size_t step = 0; step < size_at(row, 1); step++) {
            assert_int_equal(um_schedule_equal_share(size_at(row, 0), size_at(row, 1), step),
                             size_at(shares, step));
        }
    }
    json_decref(root);
}

/* ---- Filtered distributions ---------------------------------------------- */

static float *sampler_logits(const json_t *row, size_t vocabulary) {
    const double scale = number(row, "scale", 1), grain = number(row, "grain", 0);
    const uint32_t salt = (uint32_t)number(row, "salt", 0);
    float *logits = malloc(vocabulary * sizeof *logits);
    assert_non_null(logits);
    for (size_t i = 0; i < vocabulary; i++) {
        const double logit = value((uint32_t)i, 0, salt) * scale;
        logits[i] = (float)(grain > 0 ? floor(logit / grain) * grain : logit);
    }
    return logits;
}

static void assert_close(double actual, double expected, double tolerance) {
    if (!(fabs(actual - expected) <= tolerance * (1 + fabs(expected)))) {
        fail_msg("%.9g, expected %.9g", actual, expected);
    }
}

/* Check the tokens that the filters keep, and that the chosen token is among them. */
static void check_kept(const json_t *row, const um_sampler *sampler, const float *logits,
                       um_row_scratch *scratch, uint32_t token) {
    um_logit_row view = {.kernels = sampler->kernels,
                         .logits = logits,
                         .count = sampler->vocabulary_size,
                         .divisor = sampler->temperature > 0 ? (float)sampler->temperature : 1.0f,
                         .scratch = scratch};
    assert_true(um_logit_row_scan(&view));
    const um_kept_tokens set = um_keep_filtered(&view, sampler->top_p, sampler->top_k);
    const um_token_entries *entries = &scratch->entries;
    size_t kept = 0;
    size_t entry = 0;
    uint32_t hash = FNV_START;
    bool has_token = false;
    for (uint32_t i = 0; i < view.count; i++) {
        const bool is_entry = entry < entries->count && entries->tokens[entry] == i;
        entry += is_entry ? 1 : 0;
        if (is_entry || logits[i] > set.above) {
            kept++;
            hash = fnv(hash, i);
            has_token = has_token || i == token;
        }
    }
    assert_true(has_token);
    assert_int_equal(kept, (size_t)number(row, "kept", 0));
    assert_int_equal(hash, (uint32_t)number(row, "kept_hash", 0));
}

static void check_filtered(const json_t *row) {
    const size_t vocabulary = (size_t)number(row, "vocabulary", 0);
    float *logits = sampler_logits(row, vocabulary);
    um_row_scratch scratch = {0};
    um_kernels kernels;
    um_error error = {0};
    assert_ok(um_row_scratch_create(vocabulary, &scratch, &error), &error);
    assert_ok(um_kernels_select(NULL, &kernels, &error), &error);
    const um_sampler sampler = {
        .kernels = &kernels,
        .rule = UM_SAMPLE_FILTERED,
        .vocabulary_size = vocabulary,
        .temperature = number(row, "temperature", 0),
        .top_p = number(row, "top_p", 1),
        .top_k = (size_t)number(row, "top_k", 0),
        .suppress_also = UM_NO_TOKEN_ID,
    };
    um_candidate candidate = {.position = 3};
    um_sample(&sampler, 2, logits, &scratch, &candidate);
    assert_true(candidate.is_finite);
    check_kept(row, &sampler, logits, &scratch, (uint32_t)candidate.token);
    if (sampler.temperature == 0) {
        assert_int_equal(candidate.token, (int32_t)number(row, "best", -1));
        assert_close((double)candidate.probability, number(row, "probability", 0), 2e-7);
    }
    assert_close((double)candidate.margin, number(row, "margin", 0), 2e-7);
    assert_close((double)candidate.negative_entropy, number(row, "negative_entropy", 0), 1e-6);
    um_row_scratch_free(&scratch);
    free(logits);
}

static void filtered_distributions_are_the_float64_ones(void **state) {
    (void)state;
    json_t *root = load("sampler.json");
    assert_true(json_array_size(root) > 50);
    for (size_t r = 0; r < json_array_size(root); r++) {
        check_filtered(json_array_get(root, r));
    }
    json_decref(root);
}

/* ---- Orders of commits --------------------------------------------------- */

typedef struct made_up_model {
    size_t vocabulary_size;
    uint32_t salt;
    const um_denoiser_request *requests; /* of the last forward */
} made_up_model;

static um_status made_up_forward(void *user, um_denoiser_request *requests, size_t count,
                                 um_error *error) {
    (void)count;
    (void)error;
    ((made_up_model *)user)->requests = requests;
    return UM_OK;
}

static um_status made_up_logits(void *user, size_t first, size_t count, float *logits,
                                um_error *error) {
    (void)error;
    const made_up_model *model = user;
    for (size_t i = 0; i < count; i++) {
        const um_denoiser_request request = only_wanted(model->requests, first + i);
        const size_t p = request.wanted[0];
        const uint32_t left = p > 0 ? (uint32_t)request.tokens[p - 1] : 0;
        const uint32_t right = p + 1 < request.length ? (uint32_t)request.tokens[p + 1] : 0;
        for (uint32_t v = 0; v < model->vocabulary_size; v++) {
            *logits++ = (float)(value((uint32_t)p, v, model->salt) +
                                value(left, v, model->salt + 1) + value(right, v, model->salt + 2));
        }
    }
    return UM_OK;
}

static size_t read_ids(const json_t *array, int32_t *ids, size_t capacity) {
    const size_t count = json_array_size(array);
    assert_true(count <= capacity);
    for (size_t i = 0; i < count; i++) {
        ids[i] = (int32_t)json_integer_value(json_array_get(array, i));
    }
    return count;
}

static void check_events(const event_list *events, const json_t *commits) {
    assert_int_equal(events->count, json_array_size(commits));
    for (size_t i = 0; i < events->count; i++) {
        const um_trace_event *event = &events->events[i];
        int32_t expected[3];
        (void)read_ids(json_array_get(commits, i), expected, 3);
        assert_int_equal(event->step, expected[0]);
        assert_int_equal(event->position, expected[1]);
        assert_int_equal(event->kind == UM_TRACE_REMASK ? -1 : event->token, expected[2]);
    }
}

static void check_order(const json_t *row, event_list *events) {
    int32_t tokens[64], suppress[4], suppress_confidence[4];
    const um_canvas_segment segment = {false, read_ids(json_object_get(row, "tokens"), tokens, 64),
                                       tokens};
    um_canvas canvas = {0};
    um_error error = {0};
    assert_ok(um_canvas_create(&segment, 1, (int32_t)number(row, "mask", -1), &canvas, &error),
              &error);
    um_decode_options options = um_decode_options_default();
    options.algorithm = json_string_value(json_object_get(row, "algorithm"));
    options.forbid_mask = false;
    options.steps = (size_t)number(row, "steps", 0);
    options.eps = number(row, "eps", options.eps);
    options.top_p = number(row, "top_p", options.top_p);
    options.top_k = (size_t)number(row, "top_k", 0);
    options.block_length = (size_t)number(row, "block_length", 0);
    options.cfg_scale = number(row, "cfg_scale", 0);
    options.confidence_threshold =
        number(row, "confidence_threshold", options.confidence_threshold);
    options.lower_threshold = number(row, "lower_threshold", options.lower_threshold);
    options.kl_threshold = number(row, "kl_threshold", options.kl_threshold);
    options.history = (size_t)number(row, "history", (double)options.history);
    options.suppress = suppress;
    options.suppress_count = read_ids(json_object_get(row, "suppress"), suppress, 4);
    options.suppress_confidence = suppress_confidence;
    options.suppress_confidence_count =
        read_ids(json_object_get(row, "suppress_confidence"), suppress_confidence, 4);
    made_up_model model = {(size_t)number(row, "vocabulary", 0), (uint32_t)number(row, "salt", 0),
                           NULL};
    const um_denoiser denoiser = {.user = &model,
                                  .vocabulary_size = model.vocabulary_size,
                                  .forward = made_up_forward,
                                  .logits = made_up_logits};
    const um_trace_sink sink = keep_events(events);
    const um_decode_hooks hooks = {.sink = &sink};
    assert_ok(um_decode_run(&denoiser, &canvas, &options, &hooks, NULL, &error), &error);
    check_events(events, json_object_get(row, "commits"));
    um_canvas_free(&canvas);
}

static void check_orders(const char *name, size_t least) {
    json_t *root = load(name);
    assert_true(json_array_size(root) >= least);
    for (size_t r = 0; r < json_array_size(root); r++) {
        event_list *events = calloc(1, sizeof *events);
        assert_non_null(events);
        check_order(json_array_get(root, r), events);
        free(events);
    }
    json_decref(root);
}

static void commits_come_in_the_order_of_the_reference(void **state) {
    (void)state;
    check_orders("orders.json", 40);
}

/* From make_parallel_goldens.py. */
static void several_commits_a_step_are_those_of_the_reference(void **state) {
    (void)state;
    check_orders("parallel_orders.json", 19);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timesteps_and_counts_are_those_of_torch),
        cmocka_unit_test(equal_shares_are_those_of_llada),
        cmocka_unit_test(filtered_distributions_are_the_float64_ones),
        cmocka_unit_test(commits_come_in_the_order_of_the_reference),
        cmocka_unit_test(several_commits_a_step_are_those_of_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
