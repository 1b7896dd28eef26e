/* Numbers as text, in a host program whose locale writes 0,5 for one half. */
#include <errno.h>
#include <locale.h>

#include "scratch.h"
#include "testing.h"

#include "base/buffer.h"
#include "base/number_list.h"
#include "base/number_text.h"
#include "decode/options.h"
#include "decode/trace.h"

/* ---- The locale -------------------------------------------------------------------- */

#define LOCALE_NAME "unmask_comma"

static const char locale_source[] = "LC_NUMERIC\n"
                                    "decimal_point \",\"\n"
                                    "thousands_sep \"\"\n"
                                    "grouping -1\n"
                                    "END LC_NUMERIC\n";

static bool writes_commas(void) {
    char text[32];
    (void)snprintf(text, sizeof text, "%.1f", 0.5);
    return strcmp(text, "0,5") == 0;
}

/* Few machines have such a locale, but with Debian's package locales any can make one. */
static bool enter_made_locale(const scratch *directory) {
    char command[512];
    scratch_write(directory, "source", locale_source, sizeof locale_source - 1);
    (void)snprintf(command, sizeof command,
                   "cd %s && { localedef -c --quiet -i source ./" LOCALE_NAME "; } >log 2>&1",
                   directory->path);
    (void)!system(command); /* fails for want of other categories, and writes the locale */
    assert_int_equal(setenv("LOCPATH", directory->path, 1), 0);
    const bool entered = setlocale(LC_NUMERIC, LOCALE_NAME) != NULL;
    assert_int_equal(unsetenv("LOCPATH"), 0);
    return entered;
}

/* Without such a locale the tests run in "C", where they pass anyway. */
static int enter_locale(void **state) {
    (void)state;
    char command[128];
    const scratch directory = scratch_make();
    (void)(enter_made_locale(&directory) || setlocale(LC_NUMERIC, "de_DE.UTF-8") ||
           setlocale(LC_NUMERIC, "fr_FR.UTF-8"));
    (void)snprintf(command, sizeof command, "rm -r %s", directory.path);
    return system(command);
}

static int leave_locale(void **state) {
    (void)state;
    return setlocale(LC_NUMERIC, "C") ? 0 : -1;
}

static void the_host_s_locale_writes_commas(void **state) {
    (void)state;
    if (!writes_commas()) {
        print_message("skipped: no locale with a decimal comma, and localedef made none\n");
        skip();
    }
}

/* ---- Numbers ----------------------------------------------------------------------- */

static void numbers_are_read_with_a_point(void **state) {
    (void)state;
    char *end = NULL;
    assert_true(um_number_parse("1.25e1x", &end) == 12.5);
    assert_string_equal(end, "x");
    assert_true(um_number_parse("1,25", &end) == 1);
    assert_string_equal(end, ",25");
    um_number_list list;
    um_error error = {0};
    assert_ok(um_number_list_read("0.5,1.25", 2, 4, &list, &error), &error);
    assert_int_equal(list.count, 2);
    assert_true(list.values[0] == 0.5 && list.values[1] == 1.25);
}

static void numbers_are_written_with_a_point(void **state) {
    (void)state;
    um_buffer text = {0};
    um_error error = {0};
    assert_ok(um_buffer_append_format(&text, &error, "%.17g %.6f", 0.5, 1.25), &error);
    assert_string_equal(um_buffer_text(&text), "0.5 1.250000");
    um_buffer_free(&text);
    (void)UM_RAISE(&error, UM_ERR_ARGUMENT, "%g", 0.5);
    assert_string_equal(error.message, "0.5");
    (void)um_error_prefix(&error, UM_ERR_ARGUMENT, "%g", 1.5);
    assert_string_equal(error.message, "1.5: 0.5");
    (void)um_error_set_errno(&error, EIO, "%g", 2.5);
    assert_memory_equal(error.message, "2.5: ", 5);
}

static void the_host_s_locale_stays(void **state) {
    (void)state;
    const bool commas = writes_commas();
    um_error error = {0};
    (void)UM_RAISE(&error, UM_ERR_ARGUMENT, "%g", 0.5);
    assert_true(um_number_parse("0.5", NULL) == 0.5);
    assert_true(writes_commas() == commas);
    assert_true(uselocale((locale_t)0) == LC_GLOBAL_LOCALE);
}

/* ---- What is made of them ---------------------------------------------------------- */

static um_status append(void *user, const char *bytes, size_t length, um_error *error) {
    return um_buffer_append(user, bytes, length, error);
}

static void a_trace_is_json_in_every_locale(void **state) {
    (void)state;
    static const char wanted[] =
        "{\"event\":\"commit\",\"step\":0,\"position\":3,\"token\":7,\"confidence\":0.5,"
        "\"entropy\":1.25}\n"
        "{\"event\":\"end\",\"reason\":\"complete\",\"steps\":1,\"forwards\":1,\"rows\":4,"
        "\"committed\":1,\"masked\":0,\"seconds\":0.250000,\"first_step\":{\"positions\":[3],"
        "\"confidence\":[0.5],\"entropy\":[1.25]}}\n";
    size_t position = 3;
    float confidence = 0.5F;
    float entropy = 1.25F;
    um_buffer file = {0};
    um_error error = {0};
    um_trace_writer writer = {.user = &file, .write = append};
    const um_trace_sink sink = um_trace_writer_sink(&writer);
    const um_trace_event event = {.kind = UM_TRACE_COMMIT,
                                  .position = position,
                                  .token = 7,
                                  .confidence = confidence,
                                  .entropy = entropy};
    const um_trace_end end = {
        .reason = UM_TRACE_COMPLETE,
        .steps = 1,
        .forwards = 1,
        .rows = 4,
        .committed = 1,
        .seconds = 0.25,
        .first_step = {
            .count = 1, .positions = &position, .confidences = &confidence, .entropies = &entropy}};
    assert_ok(sink.event(sink.user, &event, &error), &error);
    assert_ok(sink.end(sink.user, &end, &error), &error);
    assert_string_equal(um_buffer_text(&file), wanted);
    um_trace_writer_free(&writer);
    um_buffer_free(&file);
}

static void options_have_a_point_in_every_locale(void **state) {
    (void)state;
    um_decode_options options = um_decode_options_default();
    options.algorithm = "autoregressive";
    um_buffer json = {0};
    um_error error = {0};
    assert_ok(um_decode_options_set(&options, "temperature", "0.5", &error), &error);
    assert_true(options.temperature == 0.5);
    assert_int_equal(um_decode_options_set(&options, "top_p", "0,5", &error), UM_ERR_ARGUMENT);
    assert_int_equal(um_decode_options_set(&options, "top_p", "1.5", &error), UM_ERR_ARGUMENT);
    assert_string_equal(error.message, "top_p is 1.5, expected 0 to 1");
    assert_ok(um_decode_options_format(&options, &json, &error), &error);
    assert_non_null(strstr(um_buffer_text(&json), "\"temperature\":0.5,\"top_p\":1,"));
    um_buffer_free(&json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_host_s_locale_writes_commas),
        cmocka_unit_test(numbers_are_read_with_a_point),
        cmocka_unit_test(numbers_are_written_with_a_point),
        cmocka_unit_test(the_host_s_locale_stays),
        cmocka_unit_test(a_trace_is_json_in_every_locale),
        cmocka_unit_test(options_have_a_point_in_every_locale),
    };
    return cmocka_run_group_tests(tests, enter_locale, leave_locale);
}
