/* The parts of a report: numbers on axes, curves, pictures, pages. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "testing.h"

#include "analysis/report_metrics.h"
#include "analysis/training_report.h"
#include "page/curve.h"
#include "page/html.h"
#include "page/plot_ticks.h"
#include "page/svg_plot.h"

/* ---- Axes ---------------------------------------------------------------- */

static void assert_ticks(const um_ticks *ticks, const char *expected) {
    char all[512] = "";
    for (size_t i = 0; i < ticks->count; i++) {
        char text[32];
        um_ticks_format(ticks, i, text, sizeof text);
        (void)strncat(all, i > 0 ? " " : "", sizeof all - strlen(all) - 1);
        (void)strncat(all, text, sizeof all - strlen(all) - 1);
    }
    assert_string_equal(all, expected);
}

static void linear_ticks_are_round(void **state) {
    (void)state;
    static const struct {
        double minimum;
        double maximum;
        const char *expected;
    } cases[] = {
        {0, 1, "0 0.2 0.4 0.6 0.8 1.0"},
        {-0.05, 0.07, "-0.05 0 0.05"},
        {1, 100000, "20k 40k 60k 80k 100k"},
        {1, 600, "200 400 600"},
        {0, 2.1e-6, "0 5e-07 1e-06 1.5e-06 2e-06"},
        {38000, 39000, "38.0k 38.2k 38.4k 38.6k 38.8k 39.0k"},
        {0.4, 0.4000001, "0.40000000 0.40000002 0.40000004 0.40000006 0.40000008 0.40000010"},
        {2e9, 5e9, "2G 3G 4G 5G"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const um_ticks ticks = um_ticks_linear(cases[i].minimum, cases[i].maximum, 5);
        assert_ticks(&ticks, cases[i].expected);
    }
    assert_int_equal(um_ticks_linear(-1e308, 1e308, 5).count, 0); /* the width overflows */
}

static void logarithmic_ticks_are_powers_of_ten(void **state) {
    (void)state;
    um_ticks ticks = um_ticks_logarithmic(0.4, 8, 5);
    assert_ticks(&ticks, "0.5 1 2 5");
    ticks = um_ticks_logarithmic(1e-5, 1e-1, 5);
    assert_ticks(&ticks, "1e-05 0.0001 0.001 0.01 0.1");
    ticks = um_ticks_logarithmic(1e-12, 1e12, 5);
    assert_true(ticks.count >= 4 && ticks.count <= 6);
    ticks = um_ticks_logarithmic(2, 4, 5);
    assert_ticks(&ticks, "2.0 2.5 3.0 3.5 4.0");
}

/* ---- Curves -------------------------------------------------------------- */

static void smoothing_keeps_lines_and_skips_gaps(void **state) {
    (void)state;
    double values[50];
    double smooth[50];
    um_error error = {0};
    for (size_t i = 0; i < 50; i++) {
        values[i] = 3;
    }
    values[10] = NAN;
    assert_ok(um_curve_smooth(values, 50, 6, smooth, &error), &error);
    for (size_t i = 0; i < 50; i++) {
        assert_true(fabs(smooth[i] - 3) < 1e-12);
    }
    for (size_t i = 0; i < 50; i++) {
        values[i] = (double)i;
    }
    assert_ok(um_curve_smooth(values, 50, 6, smooth, &error), &error);
    assert_true(fabs(smooth[25] - 25) < 1e-12); /* no lag */
    assert_true(fabs(smooth[0] - 0) < 1e-12);
    for (size_t i = 0; i < 50; i++) {
        values[i] = NAN;
    }
    assert_ok(um_curve_smooth(values, 50, 6, smooth, &error), &error);
    assert_true(isnan(smooth[25]));
    assert_ok(um_curve_smooth(values, 0, 6, smooth, &error), &error);
}

static void a_spike_hides_nothing_behind_it(void **state) {
    (void)state;
    double values[200];
    double smooth[200];
    um_error error = {0};
    for (size_t i = 0; i < 200; i++) {
        values[i] = i == 20 ? 1e17 : 0.011;
    }
    assert_ok(um_curve_smooth(values, 200, 8, smooth, &error), &error);
    for (size_t i = 40; i < 200; i++) {
        assert_true(fabs(smooth[i] - 0.011) < 1e-9);
    }
}

static void thinning_keeps_extremes_and_gaps(void **state) {
    (void)state;
    enum { COUNT = 100000, COLUMNS = 100 };
    double *x = calloc(COUNT, sizeof *x);
    double *y = calloc(COUNT, sizeof *y);
    size_t indices[2 * COLUMNS];
    assert_non_null(x);
    assert_non_null(y);
    for (size_t i = 0; i < COUNT; i++) {
        x[i] = (double)i;
        y[i] = i >= 50000 && i < 53000 ? (double)NAN : 1;
    }
    y[777] = -5;
    y[888] = 9;
    const size_t count = um_curve_thin(x, y, COUNT, COLUMNS, indices);
    bool low = false;
    bool high = false;
    bool gap = false;
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || indices[i] > indices[i - 1]);
        low |= indices[i] == 777;
        high |= indices[i] == 888;
        gap |= isnan(y[indices[i]]);
    }
    assert_true(count <= 2 * COLUMNS && low && high && gap);
    assert_int_equal(um_curve_thin(x, y, 150, COLUMNS, indices), 150);
    free(x);
    free(y);
}

/* ---- Pages --------------------------------------------------------------- */

static void text_cannot_become_markup(void **state) {
    (void)state;
    static const char bytes[] = "<b a='1' c=\"2\">&amp;\0\x1b[1m\xff\n\t\xE2\x80\xAE\xC3\xA9</b>";
    um_buffer page = {0};
    um_error error = {0};
    assert_ok(um_html_text(&page, bytes, sizeof bytes - 1, &error), &error);
    assert_string_equal(page.data, "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;amp;"
                                   "\xEF\xBF\xBD\xEF\xBF\xBD[1m\xEF\xBF\xBD\n\t\xEF\xBF\xBD\xC3\xA9"
                                   "&lt;/b&gt;");
    um_buffer_free(&page);
}

static const char *plot(const um_plot_curve *curves, size_t count, bool may_be_log,
                        um_buffer *page) {
    const um_plot asked = {.title = "t",
                           .x_name = "x",
                           .y_name = "y",
                           .curves = curves,
                           .curve_count = count,
                           .columns = 100,
                           .may_be_log = may_be_log};
    um_error error = {0};
    um_buffer_clear(page);
    assert_ok(um_svg_plot(&asked, page, &error), &error);
    assert_null(strstr(page->data, "nan"));
    assert_null(strstr(page->data, "inf"));
    return page->data;
}

static void curves_are_drawn_with_gaps(void **state) {
    (void)state;
    um_buffer page = {0};
    const double x[] = {1, 2, 3, 4, 5};
    const double y[] = {0, 10, NAN, 5, INFINITY};
    const um_plot_curve curve = {.x = x, .y = y, .count = 5, .style = "s", .label = "<l>"};
    const char *picture = plot(&curve, 1, false, &page);
    assert_non_null(
        strstr(picture, "<path class=\"curve s\" d=\"M54.0 214.0L156.0 27.5M360.0 120.7h0\""));
    assert_non_null(strstr(picture, "data-label=\"&lt;l&gt;\""));
    um_buffer_free(&page);
}

static void odd_numbers_make_a_picture_too(void **state) {
    (void)state;
    um_buffer page = {0};
    const double x[] = {1, 1e15, 2e15};
    const double odd[][3] = {{NAN, NAN, NAN},    {0, 0, 0},         {7, 7, 7},
                             {1e308, -1e308, 0}, {1e-300, 1e99, 1}, {-1, 0, 1}};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        for (int log = 0; log < 2; log++) {
            const um_plot_curve curve = {
                .x = x, .y = odd[i], .count = 3, .style = "s", .label = "l", .marked = true};
            (void)plot(&curve, 1, log == 1, &page);
        }
    }
    const um_plot_curve none = {.x = x, .y = x, .count = 0, .style = "s"};
    (void)plot(&none, 1, true, &page);
    (void)plot(NULL, 0, true, &page);
    um_buffer_free(&page);
}

static void wide_ranges_are_logarithmic_where_that_is_allowed(void **state) {
    (void)state;
    um_buffer page = {0};
    const double x[] = {1, 2, 3};
    const double wide[] = {100, 1, 10};
    const double narrow[] = {3, 1, 2};
    const double negative[] = {100, -1, 10};
    um_plot_curve curve = {.x = x, .y = wide, .count = 3, .style = "s", .label = "l"};
    assert_non_null(strstr(plot(&curve, 1, true, &page), "data-log"));
    assert_null(strstr(plot(&curve, 1, false, &page), "data-log"));
    curve.y = narrow;
    assert_null(strstr(plot(&curve, 1, true, &page), "data-log"));
    curve.y = negative;
    assert_null(strstr(plot(&curve, 1, true, &page), "data-log"));
    um_buffer_free(&page);
}

static void the_axes_can_be_wider_than_the_curves(void **state) {
    (void)state;
    um_buffer page = {0};
    um_error error = {0};
    const double x[] = {4};
    const double y[] = {0};
    const um_plot_curve curve = {.x = x, .y = y, .count = 1, .style = "s", .label = "l"};
    um_plot asked = {.title = "t",
                     .x_name = "x",
                     .y_name = "y",
                     .curves = &curve,
                     .curve_count = 1,
                     .x_last = 8,
                     .columns = 10,
                     .starts_at_zero = true};
    assert_ok(um_svg_plot(&asked, &page, &error), &error);
    assert_non_null(strstr(page.data, "data-range=\"0 8 0 1.04\""));
    assert_non_null(strstr(page.data, "d=\"M258.0 214.0h0\"")); /* a lone point */
    um_buffer_free(&page);
}

static void outliers_of_the_background_do_not_set_the_axis(void **state) {
    (void)state;
    um_buffer page = {0};
    double x[150];
    double y[150];
    for (size_t i = 0; i < 150; i++) {
        x[i] = (double)i;
        y[i] = 1 + (double)(i % 2);
    }
    y[75] = 1e6;
    um_plot_curve curve = {.x = x, .y = y, .count = 150, .style = "s"};
    assert_non_null(strstr(plot(&curve, 1, false, &page), "data-range=\"0 149 0.96 2.04\""));
    assert_non_null(strstr(page.data, "L259.4 20.0L")); /* the outlier, at the edge */
    curve.label = "read off";
    assert_null(strstr(plot(&curve, 1, false, &page), "data-range=\"0 149 0.96 2.04\""));
    um_buffer_free(&page);
}

/* ---- Summaries ----------------------------------------------------------- */

static void summaries_have_the_last_and_the_best(void **state) {
    (void)state;
    double steps[40];
    double values[40];
    um_run_series series = {.kind = (char[]){"step"},
                            .name = (char[]){"loss"},
                            .steps = steps,
                            .values = values,
                            .count = 40};
    for (size_t i = 0; i < 40; i++) {
        steps[i] = (double)(i + 1);
        values[i] = i < 20 ? 1 : (double)(i % 2); /* mean of the last 20: 0.5 */
    }
    values[3] = -2;
    values[4] = NAN;
    const um_report_summary low = um_report_summarise(&series, -1);
    assert_true(low.last == 0.5 && low.best == -2 && low.best_at == 4);
    const um_report_summary high = um_report_summarise(&series, 1);
    assert_true(high.best == 1 && high.best_at == 1);
    assert_true(isnan(um_report_summarise(&series, 0).best));
    assert_true(isnan(um_report_summarise(NULL, 1).last));
}

static void values_are_written_with_their_units(void **state) {
    (void)state;
    char text[64];
    um_report_metric_format(um_report_metric_find("accuracy"), 0.1234, text, sizeof text);
    assert_string_equal(text, "12.3%");
    um_report_metric_format(um_report_metric_find("tokens_per_second"), 38999.6, text, sizeof text);
    assert_string_equal(text, "39000 tokens/s");
    um_report_metric_format(um_report_metric_find("loss"), NAN, text, sizeof text);
    assert_string_equal(text, "-");
}

/* A long run makes a small page. */
static void the_page_does_not_grow_with_the_run(void **state) {
    (void)state;
    um_buffer text = {0};
    um_buffer page = {0};
    um_run_log log;
    um_error error = {0};
    for (int i = 1; i <= 100000; i++) {
        assert_ok(um_buffer_append_format(
                      &text, &error,
                      "{\"kind\":\"step\",\"step\":%d,\"loss\":%d,\"accuracy\":%d,\"kl\":%d,"
                      "\"reward\":%d,\"a\":%d,\"b\":%d,\"c\":%d}\n",
                      i, i * 7 % 101, i * 3 % 11, i % 17, i % 23, i % 29, i % 31, i % 37),
                  &error);
    }
    assert_ok(um_run_log_parse(text.data, text.length, "m", &log, &error), &error);
    const um_report_run runs[] = {{&log, "a"}, {&log, "b"}, {&log, "c"}};
    assert_ok(um_report_page(runs, 3, &page, &error), &error);
    assert_true(page.length > 100000 && page.length < 600000);
    um_buffer_free(&text);
    um_buffer_free(&page);
    um_run_log_free(&log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_ticks_are_round),
        cmocka_unit_test(logarithmic_ticks_are_powers_of_ten),
        cmocka_unit_test(smoothing_keeps_lines_and_skips_gaps),
        cmocka_unit_test(a_spike_hides_nothing_behind_it),
        cmocka_unit_test(thinning_keeps_extremes_and_gaps),
        cmocka_unit_test(text_cannot_become_markup),
        cmocka_unit_test(curves_are_drawn_with_gaps),
        cmocka_unit_test(odd_numbers_make_a_picture_too),
        cmocka_unit_test(wide_ranges_are_logarithmic_where_that_is_allowed),
        cmocka_unit_test(the_axes_can_be_wider_than_the_curves),
        cmocka_unit_test(outliers_of_the_background_do_not_set_the_axis),
        cmocka_unit_test(summaries_have_the_last_and_the_best),
        cmocka_unit_test(values_are_written_with_their_units),
        cmocka_unit_test(the_page_does_not_grow_with_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
