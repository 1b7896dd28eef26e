/* State files: sections come back as they were, and damage anywhere is noticed. */
#include <sys/stat.h>

#include "base/mapped_file.h"
#include "scratch.h"
#include "train/grpo/reward_journal.h"
#include "train/run/state_file.h"

/* Like scratch_write, but without waiting for the disk. */
static void write_plainly(const scratch *directory, const char *name, const void *bytes,
                          size_t length) {
    FILE *file = fopen(scratch_path(directory, name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* ---- Sections --------------------------------------------------------------- */

static const char letters[] = "eleven byte"; /* 12 bytes with its NUL: not a multiple of 8 */
static const uint64_t numbers[] = {3, 1, 4};

static void write_state(const scratch *directory) {
    um_error error = {0};
    um_state_sections sections = {.count = 0};
    um_state_sections_add(&sections, "letters", letters, sizeof letters);
    um_state_sections_add(&sections, "nothing", NULL, 0);
    um_state_sections_add(&sections, "numbers", numbers, sizeof numbers);
    assert_ok(um_state_file_write(scratch_path(directory, "s"), 77, &sections, &error), &error);
}

static void sections_come_back(void **state) {
    (void)state;
    um_error error = {0};
    const scratch directory = scratch_make();
    um_state_file *file = NULL;
    const void *data = NULL;
    size_t size = 0;
    uint64_t read[3];
    write_state(&directory);
    assert_ok(um_state_file_open(scratch_path(&directory, "s"), 77, &file, &error), &error);
    assert_ok(um_state_file_find(file, "letters", &data, &size, &error), &error);
    assert_int_equal(size, sizeof letters);
    assert_memory_equal(data, letters, size);
    assert_ok(um_state_file_find(file, "nothing", &data, &size, &error), &error);
    assert_int_equal(size, 0);
    assert_ok(um_state_file_read(file, "numbers", read, sizeof read, &error), &error);
    assert_memory_equal(read, numbers, sizeof read);
    assert_int_equal(um_state_file_read(file, "numbers", read, 16, &error), UM_ERR_MISMATCH);
    assert_int_equal(um_state_file_read(file, "others", read, 16, &error), UM_ERR_MISMATCH);
    bool has = false;
    assert_ok(um_state_file_has(file, "nothing", &has, &error), &error);
    assert_true(has);
    assert_ok(um_state_file_has(file, "others", &has, &error), &error);
    assert_false(has);
    um_state_file_close(file);
    assert_int_equal(um_state_file_open(scratch_path(&directory, "s"), 78, &file, &error),
                     UM_ERR_MISMATCH);
    scratch_remove(&directory);
}

static um_buffer read_file(const scratch *directory, const char *name) {
    um_error error = {0};
    um_buffer contents = {0};
    assert_ok(um_file_read(scratch_path(directory, name), SIZE_MAX / 2, &contents, &error), &error);
    return contents;
}

static void every_changed_bit_and_every_length_is_noticed(void **state) {
    (void)state;
    um_error error = {0};
    const scratch directory = scratch_make();
    um_state_file *file = NULL;
    write_state(&directory);
    um_buffer whole = read_file(&directory, "s");
    for (size_t at = 0; at < whole.length; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            whole.data[at] = (char)(whole.data[at] ^ (1 << bit));
            write_plainly(&directory, "t", whole.data, whole.length);
            assert_true(um_state_file_open(scratch_path(&directory, "t"), 77, &file, &error) !=
                        UM_OK);
            whole.data[at] = (char)(whole.data[at] ^ (1 << bit));
        }
        write_plainly(&directory, "t", whole.data, at);
        assert_int_equal(um_state_file_open(scratch_path(&directory, "t"), 77, &file, &error),
                         UM_ERR_FORMAT);
    }
    um_buffer_free(&whole);
    scratch_remove(&directory);
}

/* ---- The journal of rewards ------------------------------------------------- */

static um_reward_journal *open_journal(const scratch *directory, uint64_t identity) {
    um_error error = {0};
    um_reward_journal *journal = NULL;
    assert_ok(um_reward_journal_open(scratch_path(directory, "j"), identity, &journal, &error),
              &error);
    return journal;
}

static const um_judgement judged[] = {
    {.verdict = UM_VERDICT_PASSED, .tests_passed = 3, .tests_total = 3, .code = 1, .format = 1},
    {.verdict = UM_VERDICT_TIMEOUT, .tests_total = 7, .code = 0.125, .format = 0.5}};

static void append(um_reward_journal *journal, uint64_t batch) {
    um_error error = {0};
    assert_ok(um_reward_journal_append(journal, batch, 100 + batch, judged, 2, &error), &error);
}

static void rewards_are_found_again(void **state) {
    (void)state;
    const scratch directory = scratch_make();
    um_judgement found[2];
    um_reward_journal *journal = open_journal(&directory, 5);
    append(journal, 0);
    append(journal, 1);
    um_reward_journal_close(journal);
    journal = open_journal(&directory, 5);
    assert_true(um_reward_journal_find(journal, 1, 101, found, 2));
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(found[i].verdict, judged[i].verdict);
        assert_int_equal(found[i].tests_passed, judged[i].tests_passed);
        assert_int_equal(found[i].tests_total, judged[i].tests_total);
        assert_true(found[i].code == judged[i].code && found[i].format == judged[i].format);
    }
    assert_false(um_reward_journal_find(journal, 2, 102, found, 2)); /* another batch */
    assert_false(um_reward_journal_find(journal, 1, 100, found, 2)); /* other completions */
    assert_false(um_reward_journal_find(journal, 1, 101, found, 1)); /* another number */
    append(journal, 2);
    um_reward_journal_close(journal);
    journal = open_journal(&directory, 5);
    assert_true(um_reward_journal_find(journal, 0, 100, found, 2));
    assert_true(um_reward_journal_find(journal, 2, 102, found, 2));
    um_reward_journal_close(journal);
    scratch_remove(&directory);
}

static void another_run_begins_a_journal_anew_with_its_first_record(void **state) {
    (void)state;
    const scratch directory = scratch_make();
    um_judgement found[2];
    um_reward_journal *journal = open_journal(&directory, 5);
    append(journal, 0);
    um_reward_journal_close(journal);
    journal = open_journal(&directory, 6);
    assert_false(um_reward_journal_find(journal, 0, 100, found, 2));
    um_reward_journal_close(journal); /* it was refused */
    journal = open_journal(&directory, 5);
    assert_true(um_reward_journal_find(journal, 0, 100, found, 2));
    um_reward_journal_close(journal);
    journal = open_journal(&directory, 6);
    append(journal, 1);
    append(journal, 2);
    um_reward_journal_close(journal);
    journal = open_journal(&directory, 5);
    assert_false(um_reward_journal_find(journal, 0, 100, found, 2));
    um_reward_journal_close(journal);
    journal = open_journal(&directory, 6);
    assert_true(um_reward_journal_find(journal, 1, 101, found, 2));
    assert_true(um_reward_journal_find(journal, 2, 102, found, 2));
    um_reward_journal_close(journal);
    scratch_remove(&directory);
}

/* Wherever the last record is cut or a bit of it changed, only the record before it is found. */
static void a_torn_or_damaged_record_ends_a_journal(void **state) {
    (void)state;
    const scratch directory = scratch_make();
    um_judgement found[2];
    um_reward_journal *journal = open_journal(&directory, 5);
    append(journal, 0);
    um_reward_journal_close(journal);
    um_buffer one = read_file(&directory, "j");
    journal = open_journal(&directory, 5);
    append(journal, 1);
    um_reward_journal_close(journal);
    um_buffer two = read_file(&directory, "j");
    for (size_t at = one.length; at < two.length; at += 13) {
        write_plainly(&directory, "j", two.data, at);
        journal = open_journal(&directory, 5);
        assert_true(um_reward_journal_find(journal, 0, 100, found, 2));
        assert_false(um_reward_journal_find(journal, 1, 101, found, 2));
        append(journal, 1);
        um_reward_journal_close(journal);
        um_buffer again = read_file(&directory, "j");
        assert_int_equal(again.length, two.length);
        assert_memory_equal(again.data, two.data, two.length);
        um_buffer_free(&again);
        two.data[at] ^= 4;
        write_plainly(&directory, "j", two.data, two.length);
        two.data[at] ^= 4;
        journal = open_journal(&directory, 5);
        assert_true(um_reward_journal_find(journal, 0, 100, found, 2));
        assert_false(um_reward_journal_find(journal, 1, 101, found, 2));
        um_reward_journal_close(journal);
    }
    um_buffer_free(&one);
    um_buffer_free(&two);
    scratch_remove(&directory);
}

static void what_is_judged_behind_a_damaged_record_is_kept(void **state) {
    (void)state;
    scratch directory = scratch_make();
    um_judgement found[2];
    um_reward_journal *journal = open_journal(&directory, 5);
    append(journal, 0);
    append(journal, 1);
    um_reward_journal_close(journal);
    um_buffer whole = read_file(&directory, "j");
    whole.data[whole.length - 1] ^= 1;
    write_plainly(&directory, "j", whole.data, whole.length);
    journal = open_journal(&directory, 5);
    append(journal, 1);
    append(journal, 2);
    um_reward_journal_close(journal);
    journal = open_journal(&directory, 5);
    assert_true(um_reward_journal_find(journal, 0, 100, found, 2));
    assert_true(um_reward_journal_find(journal, 1, 101, found, 2));
    assert_true(um_reward_journal_find(journal, 2, 102, found, 2));
    um_reward_journal_close(journal);
    um_buffer_free(&whole);
    scratch_remove(&directory);
}

static void a_pipe_is_no_journal(void **state) {
    (void)state;
    scratch directory = scratch_make();
    um_error error = {0};
    um_reward_journal *journal = NULL;
    assert_int_equal(mkfifo(scratch_path(&directory, "j"), 0600), 0);
    assert_int_equal(um_reward_journal_open(scratch_path(&directory, "j"), 5, &journal, &error),
                     UM_ERR_IO);
    assert_non_null(strstr(error.message, "not a regular file"));
    assert_null(journal);
    scratch_remove(&directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_come_back),
        cmocka_unit_test(every_changed_bit_and_every_length_is_noticed),
        cmocka_unit_test(rewards_are_found_again),
        cmocka_unit_test(another_run_begins_a_journal_anew_with_its_first_record),
        cmocka_unit_test(a_torn_or_damaged_record_ends_a_journal),
        cmocka_unit_test(what_is_judged_behind_a_damaged_record_is_kept),
        cmocka_unit_test(a_pipe_is_no_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
