#include "testing.h"

#include "cli/fill/unified_diff.h"

typedef struct piece {
    const char *old_text;
    const char *new_text; /* NULL: the same */
} piece;

/* The diff between the old and the new text of all pieces, one after another. */
static um_buffer diff(const piece *pieces, size_t count) {
    um_error error = {0};
    um_buffer old_text = {0};
    um_buffer new_text = {0};
    um_buffer output = {0};
    um_replacement replacements[8];
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        const char *replaced = pieces[i].new_text ? pieces[i].new_text : pieces[i].old_text;
        const size_t old_start = old_text.length;
        const size_t new_start = new_text.length;
        assert_ok(um_buffer_append_text(&old_text, pieces[i].old_text, &error), &error);
        assert_ok(um_buffer_append_text(&new_text, replaced, &error), &error);
        if (pieces[i].new_text) {
            replacements[used++] =
                (um_replacement){old_start, old_text.length, new_start, new_text.length};
        }
    }
    assert_ok(um_unified_diff("f", &old_text, &new_text, replacements, used, &output, &error),
              &error);
    um_buffer_free(&old_text);
    um_buffer_free(&new_text);
    return output;
}

#define assert_diff(pieces, expected)                                                              \
    do {                                                                                           \
        um_buffer found = diff(pieces, sizeof(pieces) / sizeof *(pieces));                         \
        assert_string_equal(um_buffer_text(&found), expected);                                     \
        um_buffer_free(&found);                                                                    \
    } while (0)

static void a_replacement_within_a_line_changes_the_line(void **state) {
    (void)state;
    const piece pieces[] = {{"a\nb\nc\nd\nx = ", NULL}, {"?", "1\ny = 2"}, {"\ne\n", NULL}};
    assert_diff(pieces, "--- f\n+++ f\n@@ -2,5 +2,6 @@\n b\n c\n d\n-x = ?\n+x = 1\n+y = 2\n e\n");
}

static void replacements_on_one_line_are_one_change(void **state) {
    (void)state;
    const piece pieces[] = {{"?", "1"}, {" + ", NULL}, {"?", "2"}, {"\n", NULL}};
    assert_diff(pieces, "--- f\n+++ f\n@@ -1,1 +1,1 @@\n-? + ?\n+1 + 2\n");
}

static void changes_far_apart_are_hunks_of_their_own(void **state) {
    (void)state;
    const piece pieces[] = {{"?", "1"}, {"\na\nb\nc\nd\ne\nf\ng\n", NULL}, {"?", "2"}};
    assert_diff(pieces, "--- f\n+++ f\n@@ -1,4 +1,4 @@\n-?\n+1\n a\n b\n c\n"
                        "@@ -6,4 +6,4 @@\n e\n f\n g\n-?\n\\ No newline at end of file\n"
                        "+2\n\\ No newline at end of file\n");
}

static void a_text_that_stays_the_same_has_no_diff(void **state) {
    (void)state;
    const piece pieces[] = {{"a\n", NULL}, {"b", "b"}, {"\n", NULL}};
    assert_diff(pieces, "");
}

static void a_last_line_may_vanish_or_lose_its_end(void **state) {
    (void)state;
    const piece vanishes[] = {{"a\n", NULL}, {"?", ""}};
    assert_diff(vanishes, "--- f\n+++ f\n@@ -1,2 +1,1 @@\n a\n-?\n\\ No newline at end of file\n");
    const piece shorter[] = {{"x", NULL}, {"?", ""}};
    assert_diff(shorter, "--- f\n+++ f\n@@ -1,1 +1,1 @@\n-x?\n\\ No newline at end of file\n"
                         "+x\n\\ No newline at end of file\n");
    const piece everything[] = {{"?", ""}};
    assert_diff(everything, "--- f\n+++ f\n@@ -1,1 +0,0 @@\n-?\n\\ No newline at end of file\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replacement_within_a_line_changes_the_line),
        cmocka_unit_test(replacements_on_one_line_are_one_change),
        cmocka_unit_test(changes_far_apart_are_hunks_of_their_own),
        cmocka_unit_test(a_text_that_stays_the_same_has_no_diff),
        cmocka_unit_test(a_last_line_may_vanish_or_lose_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
