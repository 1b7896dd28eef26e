#include "cli/terminal/colour_ramp.h"

static const uint8_t palette[2][UM_COLOUR_RAMP_SIZE] = {
    [UM_GROUND_DARK] = {63, 99, 134, 170, 205, 209, 214, 220},
    [UM_GROUND_LIGHT] = {57, 92, 127, 162, 161, 160, 166, 172},
};

size_t um_colour_ramp_index(size_t step, size_t steps) {
    if (steps < 2) {
        return 0;
    }
    const size_t last = steps - 1;
    const double place = (double)(step < last ? step : last) / (double)last;
    return (size_t)(place * (UM_COLOUR_RAMP_SIZE - 1) + 0.5);
}

unsigned um_colour_ramp_palette(um_colour_ground ground, size_t index) {
    return palette[ground][index];
}

uint32_t um_colour_ramp_rgb(um_colour_ground ground, size_t index) {
    static const uint8_t levels[] = {0, 95, 135, 175, 215, 255};
    const unsigned cube = palette[ground][index] - 16U; /* 6 x 6 x 6 colours from 16 on */
    const uint32_t red = levels[cube / 36];
    const uint32_t green = levels[cube / 6 % 6];
    const uint32_t blue = levels[cube % 6];
    return red << 16 | green << 8 | blue;
}
