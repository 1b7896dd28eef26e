/* The order of training documents: a permutation for each epoch, and resuming from a cursor. */
#include <stdlib.h>
#include <string.h>

#include "testing.h"
#include "train/corpus/data_order.h"

#define DOCUMENTS 257

static um_data_order make_order(uint64_t seed, size_t count) {
    um_error error = {0};
    um_data_order order;
    assert_ok(um_data_order_create(seed, count, &order, &error), &error);
    return order;
}

/* The documents of the next `count` steps of the cursor. */
static void walk(um_data_order *order, um_data_cursor *cursor, size_t count, size_t *documents) {
    for (size_t i = 0; i < count; i++) {
        documents[i] = um_data_order_at(order, cursor);
        um_data_order_advance(order, cursor);
    }
}

static void every_epoch_is_a_permutation(void **state) {
    (void)state;
    um_data_order order = make_order(3, DOCUMENTS);
    um_data_cursor cursor = {0};
    for (size_t epoch = 0; epoch < 4; epoch++) {
        size_t documents[DOCUMENTS];
        size_t seen[DOCUMENTS] = {0};
        assert_int_equal(cursor.epoch, epoch);
        assert_int_equal(cursor.index, 0);
        walk(&order, &cursor, DOCUMENTS, documents);
        for (size_t i = 0; i < DOCUMENTS; i++) {
            assert_true(documents[i] < DOCUMENTS);
            seen[documents[i]]++;
        }
        for (size_t i = 0; i < DOCUMENTS; i++) {
            assert_int_equal(seen[i], 1);
        }
    }
    um_data_order_free(&order);
}

/* Two independent permutations agree in about one of the DOCUMENTS places. */
static size_t agreements(const size_t *a, const size_t *b) {
    size_t count = 0;
    for (size_t i = 0; i < DOCUMENTS; i++) {
        count += a[i] == b[i];
    }
    return count;
}

static void epochs_and_seeds_have_orders_of_their_own(void **state) {
    (void)state;
    um_data_order order = make_order(3, DOCUMENTS);
    um_data_order other = make_order(4, DOCUMENTS);
    um_data_cursor cursor = {0};
    um_data_cursor other_cursor = {0};
    size_t first[DOCUMENTS];
    size_t second[DOCUMENTS];
    size_t seed[DOCUMENTS];
    size_t file_order[DOCUMENTS];
    walk(&order, &cursor, DOCUMENTS, first);
    walk(&order, &cursor, DOCUMENTS, second);
    walk(&other, &other_cursor, DOCUMENTS, seed);
    for (size_t i = 0; i < DOCUMENTS; i++) {
        file_order[i] = i;
    }
    assert_true(agreements(first, second) < 10);
    assert_true(agreements(first, seed) < 10);
    assert_true(agreements(first, file_order) < 10);
    um_data_order_free(&order);
    um_data_order_free(&other);
}

/* Each document is equally likely in each place: for each of the 5 places, a chi-squared test with
 * 4 degrees of freedom over 4000 shuffles. */
static void shuffles_are_uniform(void **state) {
    (void)state;
    size_t counts[5][5] = {{0}};
    um_data_order order = make_order(11, 5);
    um_data_cursor cursor = {0};
    const size_t epochs = 4000;
    for (size_t epoch = 0; epoch < epochs; epoch++) {
        size_t documents[5];
        walk(&order, &cursor, 5, documents);
        for (size_t i = 0; i < 5; i++) {
            counts[i][documents[i]]++;
        }
    }
    const double expected = (double)epochs / 5;
    for (size_t i = 0; i < 5; i++) {
        double chi_squared = 0;
        for (size_t j = 0; j < 5; j++) {
            const double difference = (double)counts[i][j] - expected;
            chi_squared += difference * difference / expected;
        }
        assert_true(chi_squared < 23.5); /* one in 10000 by chance */
    }
    um_data_order_free(&order);
}

static void a_resumed_run_goes_on_as_the_straight_one(void **state) {
    (void)state;
    enum { STEPS = 3 * DOCUMENTS };
    um_data_order straight = make_order(3, DOCUMENTS);
    um_data_cursor cursor = {0};
    size_t documents[STEPS];
    walk(&straight, &cursor, STEPS, documents);
    static const size_t stops[] = {
        0, 1, DOCUMENTS - 1, DOCUMENTS, DOCUMENTS + 1, 2 * DOCUMENTS + 9};
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        um_data_order before = make_order(3, DOCUMENTS);
        um_data_cursor stopped = {0};
        size_t part[STEPS];
        walk(&before, &stopped, stops[i], part);
        um_data_order_free(&before);
        um_data_order after = make_order(3, DOCUMENTS);
        um_data_cursor resumed = {stopped.epoch, stopped.index};
        walk(&after, &resumed, STEPS - stops[i], part + stops[i]);
        assert_memory_equal(part, documents, sizeof documents);
        um_data_order_free(&after);
    }
    um_data_order_free(&straight);
}

static void a_shard_of_one_document_repeats_it(void **state) {
    (void)state;
    um_data_order order = make_order(1, 1);
    um_data_cursor cursor = {0};
    size_t documents[3];
    walk(&order, &cursor, 3, documents);
    assert_int_equal(documents[0] + documents[1] + documents[2], 0);
    assert_int_equal(cursor.epoch, 3);
    um_data_order_free(&order);
}

static void no_documents_and_too_many_are_errors(void **state) {
    (void)state;
    um_error error = {0};
    um_data_order order;
    assert_int_equal(um_data_order_create(1, 0, &order, &error), UM_ERR_LIMIT);
    assert_int_equal(um_data_order_create(1, (size_t)UINT32_MAX + 1, &order, &error), UM_ERR_LIMIT);
    um_data_order_free(&order);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_epoch_is_a_permutation),
        cmocka_unit_test(epochs_and_seeds_have_orders_of_their_own),
        cmocka_unit_test(shuffles_are_uniform),
        cmocka_unit_test(a_resumed_run_goes_on_as_the_straight_one),
        cmocka_unit_test(a_shard_of_one_document_repeats_it),
        cmocka_unit_test(no_documents_and_too_many_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
