/* Colours of decoding steps: from blue through red to yellow.  On a dark ground each colour is
 * lighter than the one before, so that early and late differ even without hue.  They are colours of
 * the 256-colour terminal palette. */
#ifndef UM_CLI_TERMINAL_COLOUR_RAMP_H
#define UM_CLI_TERMINAL_COLOUR_RAMP_H

#include <stddef.h>
#include <stdint.h>

#define UM_COLOUR_RAMP_SIZE 8

typedef enum um_colour_ground { UM_GROUND_DARK, UM_GROUND_LIGHT } um_colour_ground;

/* Which colour, from 0 to UM_COLOUR_RAMP_SIZE - 1, stands for `step` of `steps`. */
size_t um_colour_ramp_index(size_t step, size_t steps);

/* Its number in the 256-colour palette, and as 0xRRGGBB. */
unsigned um_colour_ramp_palette(um_colour_ground ground, size_t index);
uint32_t um_colour_ramp_rgb(um_colour_ground ground, size_t index);

#endif
