#include "page/plot_ticks.h"

#include <math.h>
#include <stdio.h>

/* The smallest of 1, 2, 5 times a power of ten that is not below `size`. */
static double round_up(double size) {
    const double power = pow(10, floor(log10(size)));
    const double share = size / power;
    const double slack = 1 + 1e-9; /* for the rounding of log10 and pow */
    return power * (share <= slack ? 1 : share <= 2 * slack ? 2 : share <= 5 * slack ? 5 : 10);
}

um_ticks um_ticks_linear(double minimum, double maximum, size_t wanted) {
    um_ticks ticks = {.step = round_up((maximum - minimum) / (double)(wanted > 0 ? wanted : 1))};
    const double first = ceil(minimum / ticks.step - 1e-9);
    if (!isfinite(ticks.step) || !(ticks.step > 0) || !(fabs(first) < 1e15)) {
        return (um_ticks){.count = 0};
    }
    for (double i = first; i * ticks.step <= maximum + 1e-9 * ticks.step; i++) {
        if (ticks.count == UM_TICKS_MAXIMUM) {
            break;
        }
        ticks.at[ticks.count++] = i * ticks.step + 0.0; /* no -0 */
    }
    return ticks;
}

static void add_within(um_ticks *ticks, double value, double minimum, double maximum) {
    const double slack = 1 + 1e-9;
    if (value * slack >= minimum && value <= maximum * slack && ticks->count < UM_TICKS_MAXIMUM) {
        ticks->at[ticks->count++] = value;
    }
}

um_ticks um_ticks_logarithmic(double minimum, double maximum, size_t wanted) {
    const double decades = log10(maximum / minimum);
    um_ticks ticks = {.step = 0};
    if (decades < 0.7) {
        ticks = um_ticks_linear(minimum, maximum, wanted);
        return ticks;
    }
    const double stride = fmax(1, ceil(decades / (double)(wanted > 0 ? wanted : 1)));
    const bool between = decades * 3 <= 1.5 * (double)wanted;
    for (double power = floor(log10(minimum)); power <= log10(maximum); power += stride) {
        add_within(&ticks, pow(10, power), minimum, maximum);
        if (between) {
            add_within(&ticks, 2 * pow(10, power), minimum, maximum);
            add_within(&ticks, 5 * pow(10, power), minimum, maximum);
        }
    }
    return ticks;
}

/* Digits after the decimal point that a multiple of `step` needs. */
static int digits_of(double step) {
    int digits = 0;
    while (digits < 12 && fabs(step - round(step)) > 1e-6 * step) {
        step *= 10;
        digits++;
    }
    return digits;
}

static void format_scaled(double value, double step, char *text, size_t text_size) {
    static const struct {
        double unit;
        const char *letter;
    } units[] = {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
    const double largest = fabs(value);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        const double unit = units[i].unit;
        if (largest >= unit && (largest >= 1e4 || step >= 1e3)) {
            (void)snprintf(text, text_size, "%.*f%s", digits_of(step / unit), value / unit,
                           units[i].letter);
            return;
        }
    }
    (void)snprintf(text, text_size, "%.*f", digits_of(step), value);
}

void um_ticks_format(const um_ticks *ticks, size_t index, char *text, size_t text_size) {
    const double value = ticks->at[index];
    const double step = ticks->step > 0 ? ticks->step : fabs(value);
    const double largest = fmax(fabs(ticks->at[0]), fabs(ticks->at[ticks->count - 1]));
    const double compared = ticks->step > 0 ? largest : fabs(value);
    if (value == 0) {
        (void)snprintf(text, text_size, "0");
    } else if (compared < 1e-3 || compared >= 1e12) {
        (void)snprintf(text, text_size, "%.3g", value);
    } else {
        format_scaled(value, step, text, text_size);
    }
}
