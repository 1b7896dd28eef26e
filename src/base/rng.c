#include "base/rng.h"

#include <math.h>

#define PHILOX_MULTIPLIER_0 0xD2511F53u
#define PHILOX_MULTIPLIER_1 0xCD9E8D57u
#define PHILOX_WEYL_0 0x9E3779B9u
#define PHILOX_WEYL_1 0xBB67AE85u
#define PHILOX_ROUNDS 10

static void philox(uint32_t counter[4], uint32_t key_0, uint32_t key_1) {
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        const uint64_t product_0 = (uint64_t)PHILOX_MULTIPLIER_0 * counter[0];
        const uint64_t product_1 = (uint64_t)PHILOX_MULTIPLIER_1 * counter[2];
        const uint32_t next_0 = (uint32_t)(product_1 >> 32) ^ counter[1] ^ key_0;
        const uint32_t next_2 = (uint32_t)(product_0 >> 32) ^ counter[3] ^ key_1;
        counter[1] = (uint32_t)product_1;
        counter[3] = (uint32_t)product_0;
        counter[0] = next_0;
        counter[2] = next_2;
        key_0 += PHILOX_WEYL_0;
        key_1 += PHILOX_WEYL_1;
    }
}

void um_rng_words(uint64_t seed, um_rng_place place, uint32_t words[4]) {
    words[0] = place.position;
    words[1] = place.step;
    words[2] = place.sequence;
    words[3] = (uint32_t)place.purpose;
    philox(words, (uint32_t)seed, (uint32_t)(seed >> 32));
}

static double unit_interval(uint32_t high, uint32_t low) {
    const uint64_t bits = ((uint64_t)high << 32 | low) >> 11;
    return (double)bits * 0x1p-53;
}

double um_rng_uniform(uint64_t seed, um_rng_place place) {
    uint32_t words[4];
    um_rng_words(seed, place, words);
    return unit_interval(words[0], words[1]);
}

uint32_t um_rng_below(uint64_t seed, um_rng_place place, uint32_t bound) {
    uint32_t words[4];
    um_rng_words(seed, place, words);
    const uint64_t bits = (uint64_t)words[0] << 32 | words[1];
    /* High half of the 64 x 32 bit product, without 128-bit integers. */
    const uint64_t low_product = (bits & 0xFFFFFFFFu) * bound;
    const uint64_t high_product = (bits >> 32) * bound + (low_product >> 32);
    return (uint32_t)(high_product >> 32);
}

double um_rng_normal(uint64_t seed, um_rng_place place) {
    uint32_t words[4];
    um_rng_words(seed, place, words);
    const double radius = sqrt(-2.0 * log(1.0 - unit_interval(words[0], words[1])));
    return radius * cos(6.283185307179586 * unit_interval(words[2], words[3]));
}
