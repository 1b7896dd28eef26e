/* A thread that works through items behind their producer. */
#include "testing.h"

#include <time.h>

#include "base/follower.h"

#define ITEMS 100

typedef struct row {
    int items[ITEMS];
    int doubled[ITEMS];
    size_t next; /* the item that must come first in the next call */
    bool has_skipped;
    size_t longest;  /* most items in one call */
    size_t fails_at; /* item; ITEMS: none */
    bool is_endless; /* works until it is told to give up */
    bool was_ended;
} row;

static um_status double_items(void *user, size_t first, size_t count, const um_watch *watch,
                              um_error *error) {
    row *made = user;
    made->has_skipped = made->has_skipped || first != made->next;
    made->next = first + count;
    made->longest = count > made->longest ? count : made->longest;
    for (size_t i = first; i < first + count; i++) {
        if (i == made->fails_at) {
            return UM_RAISE(error, UM_ERR_FORMAT, "item %zu", i);
        }
        made->doubled[i] = 2 * made->items[i];
    }
    um_status status = UM_OK;
    while (made->is_endless && (status = um_watch_tell(watch, 0, 0, error)) == UM_OK) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    made->was_ended = status == UM_ERR_CANCELLED;
    return status;
}

static um_follower *start(row *made, size_t most) {
    um_error error = {0};
    um_follower *follower = NULL;
    const um_follower_setup setup = {
        .work = double_items, .user = made, .most = most, .name = "items"};
    assert_ok(um_follower_start(&setup, &follower, &error), &error);
    return follower;
}

static void everything_announced_is_done_in_order(void **state) {
    (void)state;
    um_error error = {0};
    row made = {.fails_at = ITEMS};
    um_follower *follower = start(&made, 7);
    assert_ok(um_follower_wait(follower, NULL, &error), &error);
    for (size_t ready = 0; ready < ITEMS; ready++) {
        made.items[ready] = (int)ready;
        if (ready % 20 == 19) {
            assert_ok(um_follower_announce(follower, ready + 1, &error), &error);
        }
    }
    assert_ok(um_follower_wait(follower, NULL, &error), &error);
    for (int i = 0; i < ITEMS; i++) {
        assert_int_equal(made.doubled[i], 2 * i);
    }
    assert_false(made.has_skipped);
    assert_int_equal(made.longest, 7); /* twenty are announced at a time */
    assert_true(um_follower_seconds(follower) >= 0);
    um_follower_free(follower);
    um_follower_free(NULL);
}

static void a_failure_is_told_and_ends_the_work(void **state) {
    (void)state;
    um_error error = {0};
    row made = {.fails_at = 5};
    um_follower *follower = start(&made, 2);
    (void)um_follower_announce(follower, 4, NULL);
    assert_ok(um_follower_wait(follower, NULL, &error), &error);
    (void)um_follower_announce(follower, 8, NULL);
    assert_int_equal(um_follower_wait(follower, NULL, &error), UM_ERR_FORMAT);
    assert_string_equal(error.message, "item 5");
    error = (um_error){0};
    assert_int_equal(um_follower_announce(follower, ITEMS, &error), UM_ERR_FORMAT);
    assert_string_equal(error.message, "item 5");
    assert_int_equal(made.next, 6);
    um_follower_free(follower);
}

static bool give_up(void *user, size_t done, size_t total) {
    size_t *total_told = user;
    *total_told = total;
    return done == total;
}

static void waiting_and_work_can_be_ended(void **state) {
    (void)state;
    um_error error = {0};
    size_t total = 0;
    row made = {.fails_at = ITEMS, .is_endless = true};
    um_follower *follower = start(&made, 0);
    const um_watch watch = {.progress = give_up, .user = &total};
    assert_ok(um_follower_announce(follower, 3, &error), &error);
    assert_int_equal(um_follower_wait(follower, &watch, &error), UM_ERR_CANCELLED);
    assert_int_equal(total, 3);
    um_follower_free(follower);
    assert_true(made.was_ended || made.next == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_announced_is_done_in_order),
        cmocka_unit_test(a_failure_is_told_and_ends_the_work),
        cmocka_unit_test(waiting_and_work_can_be_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
